"""Looking inside a network on the open scan: its maps laid where they lie in the patient, and what if."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from medviz.gui.job import Job
from medviz.gui.services import Asked, ModelCard
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.inside_box import WHAT, InsideBox
from medviz.gui.viewer.modelling import Modelling
from medviz.gui.viewer.predicting import same_scan
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.tool import Tool
from medviz.gui.viewer.what_if import WhatIf
from medviz.imaging.intensity import Tone
from medviz.imaging.resample import onto
from medviz.imaging.scene import Layer, Point, Scene
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work

REST_MS = 350
"""The cross-hair has come to rest when it has not moved for so long."""


class Inside(Feature):
    """Asks the model that is chosen in the tab Model, at the cross-hair; one layer of the scene is its own."""

    NAME: ClassVar[str] = "inside"
    TAB: ClassVar[str] = "Inside"
    HINT: ClassVar[str] = "Feature maps of a network on this scan, where it looks, and what would change its answer"

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.box: InsideBox | None = None
        self.found: tuple[Volume, Asked, Volume] | None = None  # scan, what was asked, all maps
        self.what_if = WhatIf(self, self)
        self._layer: Volume | None = None
        self._layers: dict[str, tuple[tuple[str, str], ...]] = {}
        self._job: Job | None = None
        self._at: Point | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.ask)
        self._leave = self.desk.scene.listen(self._told)

    def tab(self) -> QWidget:
        """Make the tab."""
        box = self.box = InsideBox()
        box.shown.connect(self._entered)
        box.wanted.connect(self.ask)
        box.chosen.connect(self._again)
        box.turned.connect(self._lay)
        box.cancelled.connect(self._cancel)
        box.follow.toggled.connect(self._again)
        self.what_if.serve(box)
        self._show()
        return box

    def tools(self) -> Sequence[Tool]:
        """Return the tip that paints on a copy of the scan."""
        return (self.what_if.tool,)

    def paint(self, painter: QPainter, view: SliceView) -> None:
        """Paint the tip."""
        self.what_if.paint(painter, view)

    def close_feature(self) -> None:
        """Stop listening and working."""
        self._leave()
        self._rest.stop()
        self._cancel()

    # -- which ------------------------------------------------------------------------------------------------------

    @property
    def card(self) -> ModelCard | None:
        """The model that is chosen in the tab Model."""
        modelling = self.viewer.feature("model")
        models = modelling.models if isinstance(modelling, Modelling) else None
        return None if models is None else models.chosen

    def _entered(self) -> None:
        """List the layers of the model, the first time it is looked into."""
        self._show()
        card, box = self.card, self.box
        if card is None or box is None:
            return
        if card.where in self._layers:
            box.show_layers(self._layers[card.where])
            return
        layers = self.desk.services.modelled.layers

        def listed(found: tuple[tuple[str, str], ...]) -> None:
            self._layers[card.where] = found
            if self.card is not None and self.card.where == card.where:
                box.show_layers(found)

        self.desk.start(f"layers of {card.title}", lambda: layers(card.where), then=listed, quiet=True)

    # -- asked ------------------------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Ask the network at the cross-hair, and lay the answer over the scan."""
        scene, card, box = self.desk.scene.state, self.card, self.box
        scan = scene.scan
        if scan is None or card is None or box is None:
            return
        if self._job is not None:
            self._rest.start()
            return
        asked, mm, inside = box.asked, scene.cursor, self.desk.services.modelled.inside
        job = self._job = self.desk.start(
            f"looking inside {card.title}",
            lambda: inside(card.where, scan, asked, mm),
            then=lambda maps: self._take(scan, asked, maps),
        )
        self._at = mm
        job.said.connect(lambda messages: box.waiting.show_job(job))
        job.over.connect(self._over)
        box.waiting.show_job(job)
        self._show()

    def _take(self, scan: Volume, asked: Asked, maps: Volume) -> None:
        box = self.box
        if box is None or not same_scan(scan, self.desk.scene.state.scan):
            return
        self.found = (scan, asked, maps)
        box.show_maps(maps.frames)
        cell = " × ".join(f"{side:.3g}" for side in maps.spacing_mm)
        unit = f"{cell} mm" if maps.calibrated else "uncalibrated"
        size = "×".join(str(side) for side in maps.shape if side > 1)
        count = f"{maps.frames} maps" if maps.frames > 1 else "one map"
        box.note.setText(f"{count} of {size}, each cell {unit}. It tells what the network uses, not why it is right.")
        self._lay(box.map.value())

    def _lay(self, number: int) -> None:
        """Lay one of the maps over the scan, in place of the one before."""
        if self.found is None:
            return
        scan, asked, maps = self.found
        number = min(number, maps.frames - 1)
        words = asked.layer if asked.what == "features" else f"{WHAT[asked.what]} {asked.layer}".strip()
        name = f"{words} {number}" if maps.frames > 1 else words

        def laid() -> Work[Volume]:
            yield Progress(0, 0, "laying it over the scan")
            voxels = maps.voxels[number : number + 1]
            one = replace(maps, voxels=voxels, kind="scalar", name=name)
            return replace(onto(one, scan, "linear", outside=float(voxels.min())), name=name)

        self.desk.start(name, laid, then=lambda volume: self.lay(scan, volume), quiet=True)

    def lay(self, scan: Volume, volume: Volume, ends: tuple[float, float] | None = None) -> None:
        """Put a map into the scene, in place of the one that is there; its colours run between `ends`."""
        scene = self.desk.scene.state
        if not same_scan(scan, scene.scan):
            return
        low, high = ends or _ends(volume)
        number = next((k for k, layer in enumerate(scene.layers) if layer.volume is self._layer), None)
        self._layer = volume
        window, level = max(high - low, 1e-6), (low + high) / 2
        if number is not None:
            self.desk.scene.put(scene.with_layer(number, volume=volume, window=window, level=level))
            return
        layer = Layer(volume, "image", True, 0.65, window, level, "inferno", Tone(fades=True))
        self.desk.scene.put(scene.adding(layer))

    def _again(self) -> None:
        """Something else was chosen: ask again, if an answer is shown or the cross-hair is followed."""
        if self.box is not None and (self.found is not None or self.box.follow.isChecked()):
            self._rest.start()

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.stop()

    def _over(self) -> None:
        self._job = None
        if self.box is not None:
            self.box.waiting.show_job(None)
        self._show()

    # -- told -------------------------------------------------------------------------------------------------------

    def _told(self, old: Scene, new: Scene) -> None:
        if old.scan is not new.scan and (old.scan is None or not same_scan(old.scan, new.scan)):
            self.found = self._layer = None
            self.what_if.forget()
            self._show()
        follows = self.box is not None and self.box.isVisible() and self.box.follow.isChecked()
        if follows and old.cursor != new.cursor and new.cursor != self._at:
            self._rest.start()

    def _show(self) -> None:
        box, card = self.box, self.card
        if box is not None:
            box.show_model(card.title if card else "", card.labels if card else ())
            box.show_ready(self.desk.scene.state.scan is not None, card is not None, self._job is not None)


def _ends(volume: Volume) -> tuple[float, float]:
    """Return between which values the colours run: what is above nine tenths of the map up to its brightest."""
    values = volume.voxels[0]
    values = values[np.isfinite(values) & (values > values.min())]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values[:: max(1, values.size // 200_000)], (50, 99.5))
    return float(low), float(high if high > low else low + 1e-6)
