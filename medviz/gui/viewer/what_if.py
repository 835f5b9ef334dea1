"""What if a part of the scan were different? A tip paints on a copy, and the model answers anew."""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Protocol

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QWheelEvent

from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.services import ModelCard
from medviz.gui.viewer.inside_box import MINUS, InsideBox
from medviz.gui.viewer.kit import Kit
from medviz.gui.viewer.label_list import millilitres
from medviz.gui.viewer.predicting import same_scan
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.tip import Hovered, paint_tip
from medviz.gui.viewer.tool import CURSOR, Pane, Tool
from medviz.imaging.changing import changed, touched
from medviz.imaging.labels import Label
from medviz.imaging.prediction import Prediction
from medviz.imaging.resample import onto
from medviz.imaging.scene import Layer, Point
from medviz.imaging.volume import Array, Volume, like
from medviz.messages import Progress, Work

COLOUR = (255, 196, 61)
NAME = "changed part"
NOTCH = 120


class Owner(Protocol):
    """The feature this is a part of."""

    desk: Desk

    @property
    def card(self) -> ModelCard | None:
        """The model that is asked."""

    def lay(self, scan: Volume, volume: Volume, ends: tuple[float, float] | None = None) -> None:
        """Lay a map over the scan."""


@dataclass(frozen=True)
class Answered:
    """What the model said of the scan as it is and of the changed one; what was changed (x, y, z)."""

    before: Prediction
    after: Prediction
    part: Volume


class WhatIfTool(Tool):
    """Paints a path; the answer comes when the button is let go."""

    NAME: ClassVar[str] = "what if"
    TITLE: ClassVar[str] = "What if"
    ICON: ClassVar[str] = "ph.paint-brush"
    HELP: ClassVar[str] = "Paint on a copy of the scan and see what the model makes of it"
    POINTER: ClassVar[Qt.CursorShape] = Qt.CursorShape.BlankCursor

    def __init__(self, owner: "WhatIf") -> None:
        self._owner = owner
        self._down = False

    def press(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Begin a path."""
        self._down = True
        self.drag(pane, at, event)

    def drag(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Go on with it."""
        mm = pane.mm_of(at.x(), at.y())
        if self._down and mm is not None:
            self._owner.path.append(mm)
        self.hover(pane, at)

    def release(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Ask the model."""
        self._down = False
        self._owner.ask()

    def hover(self, pane: Pane, at: QPointF) -> None:
        """Show the tip."""
        mm = pane.mm_of(at.x(), at.y())
        self._owner.hovered = None if mm is None else Hovered(pane, at, mm)
        pane.update()

    def left(self, pane: Pane) -> None:
        """Show no tip."""
        self._owner.hovered = None
        pane.update()

    def double(self, pane: Pane, at: QPointF) -> bool:
        """Two quick dabs are two dabs."""
        return True

    def wheel(self, pane: Pane, event: QWheelEvent) -> bool:
        """With Ctrl make the tip larger or smaller."""
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        self._owner.resize(1.15 ** (event.angleDelta().y() / NOTCH))
        pane.update()
        return True

    def key(self, pane: Pane, event: QKeyEvent) -> bool:
        """Return paints at the cross-hair."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._owner.path.append(pane.scene.cursor)
            self._owner.ask()
            return True
        return False

    def put_down(self) -> None:
        """Another tool was taken up."""
        self._down = False
        self._owner.hovered = None


class WhatIf(QObject):
    """The part of the feature that changes a copy. What was painted adds up until it is undone."""

    def __init__(self, feature: Owner, parent: QObject) -> None:
        super().__init__(parent)
        self._feature = feature
        self.tool = WhatIfTool(self)
        self.path: list[Point] = []
        self.hovered: Hovered | None = None
        self.answered: Answered | None = None
        self._box: InsideBox | None = None
        self._before: tuple[str, Volume, Prediction] | None = None
        self._part: Array | None = None
        self._job: Job | None = None

    def serve(self, box: InsideBox) -> None:
        """Take what a hand does in the tab."""
        self._box = box
        box.painting.connect(self._take_up)
        box.undone.connect(self.undo)
        box.how.activated.connect(self._again)
        self._feature.desk.scene.listen(lambda old, new: self._told(new.tool))
        box.show_answer((), "Paint over a lesion, a border, an empty place: the scan itself stays as it is.")

    def paint(self, painter: QPainter, view: SliceView) -> None:
        """Paint the tip."""
        if self.hovered is not None and self._box is not None:
            paint_tip(painter, view, self.hovered, Kit(size=2 * self._box.reach.value(), ball=True), COLOUR)

    def resize(self, factor: float) -> None:
        """Make the tip larger or smaller."""
        if self._box is not None:
            self._box.reach.setValue(self._box.reach.value() * factor)

    def ask(self) -> None:
        """Change what was painted, and ask the model about the scan as it is (once) and as it would be."""
        box, desk, card = self._box, self._feature.desk, self._feature.card
        scan, run = desk.scene.state.scan, desk.services.modelled.run
        if box is None or card is None or scan is None or run is None or self._job is not None:
            return
        if not self.path and self._part is None:
            return
        path, radius, how = tuple(self.path), box.reach.value(), box.how.currentData()
        known = self._before if self._before and self._before[0] == card.where and self._before[1] is scan else None
        had, frame = self._part, min(desk.scene.state.frame, scan.frames - 1)
        self.path.clear()

        def asked() -> Work[Answered]:
            yield Progress(0, 0, "changing a copy")
            inside = touched(scan, path, radius)
            inside = inside if had is None else inside | had
            other = changed(scan, inside, how)
            before = known[2] if known else (yield from run(card.where, scan, False, frame))
            after = yield from run(card.where, other, False, frame)
            return Answered(before, after, like(scan, inside[np.newaxis].astype(np.uint8), NAME, kind="scalar"))

        job = self._job = desk.start(
            f"{card.title} on a changed copy", asked, then=lambda made: self._take(card.where, scan, made)
        )
        job.said.connect(lambda messages: box.waiting.show_job(job))
        job.over.connect(self._over)
        box.waiting.show_job(job)

    def _take(self, where: str, scan: Volume, made: Answered) -> None:
        box = self._box
        if box is None or not same_scan(scan, self._feature.desk.scene.state.scan):
            return
        self.answered, self._before, self._part = made, (where, scan, made.before), made.part.voxels[0] > 0
        box.show_answer(_rows(made, scan), _said(made))
        self._outline(made.part)
        self._lay_difference(scan, made)

    def _outline(self, part: Volume) -> None:
        desk = self._feature.desk
        scene = desk.scene.state
        number = next((k for k, one in enumerate(scene.layers) if one.volume.name == NAME), None)
        if number is not None:
            desk.scene.put(scene.with_layer(number, volume=part))
            return
        layer = Layer(part, "labels", labels=(Label(1, NAME, COLOUR),))
        desk.scene.put(scene.adding(layer))

    def _lay_difference(self, scan: Volume, made: Answered) -> None:
        """Lay over the scan how much the probability of the chosen class changed."""
        before, after, box = made.before.probabilities, made.after.probabilities, self._box
        if before is None or after is None or box is None:
            return
        value = min(box.label.currentData() or 1, before.frames - 1)
        name = f"change of {box.label.currentText() or 'class'} (%)"

        def laid() -> Work[Volume]:
            yield Progress(0, 0, "the difference")
            change = np.abs(after.voxels[value].astype(np.float32) - before.voxels[value].astype(np.float32)) * 100
            stored = replace(before.stored, dtype=change.dtype)
            one = replace(before, voxels=change[np.newaxis], stored=stored, kind="scalar", name=name)
            return replace(onto(one, scan, "linear"), name=name)

        lay = partial(self._feature.lay, scan, ends=(5.0, 100.0))
        self._feature.desk.start(name, laid, then=lay, quiet=True)

    def undo(self) -> None:
        """Forget what was painted."""
        desk = self._feature.desk
        self.forget()
        scene = desk.scene.state
        number = next((k for k, one in enumerate(scene.layers) if one.volume.name == NAME), None)
        if number is not None:
            desk.scene.put(scene.without(number))

    def forget(self) -> None:
        """Begin anew: another scan, or as it was."""
        self.path.clear()
        self.answered = self._part = None
        if self._box is not None:
            self._box.show_answer((), "Paint over a lesion, a border, an empty place: the scan itself stays as it is.")

    def _again(self) -> None:
        """Something else comes in its place: ask about what was painted before."""
        if self._part is not None:
            self.ask()

    def _over(self) -> None:
        self._job = None
        if self._box is not None:
            self._box.waiting.show_job(None)

    def _take_up(self, on: bool) -> None:
        desk = self._feature.desk
        wanted = self.tool.NAME if on else CURSOR
        if desk.scene.state.tool != wanted:
            desk.scene.put(replace(desk.scene.state, tool=wanted))

    def _told(self, tool: str) -> None:
        if self._box is not None and self._box.paint.isChecked() != (tool == self.tool.NAME):
            self._box.paint.setChecked(tool == self.tool.NAME)


def _rows(made: Answered, scan: Volume) -> tuple[tuple[str, str, str, str], ...]:
    """Return name, volume before, volume after and the change of each class."""
    before, after = (np.bincount(one.labels.voxels.ravel(), minlength=256) for one in (made.before, made.after))
    unit = scan.voxel_ml if scan.calibrated else None
    rows = []
    for one in made.before.labels.labels:
        was, now = int(before[one.value]), int(after[one.value])
        if unit is None:
            words = f"{was:,}", f"{now:,} px", f"{now - was:+,}"
        else:
            change = (now - was) * unit
            words = f"{millilitres(was * unit)}", f"{millilitres(now * unit)} ml", f"{change:+.2f}"
        rows.append((one.name, words[0], words[1], words[2].replace("-", MINUS)))
    return tuple(rows)


def _said(made: Answered) -> str:
    """Say how much of the picture is named otherwise, inside what was painted and outside of it."""
    differs = made.before.labels.voxels[0] != made.after.labels.voxels[0]
    part = made.part.voxels[0] > 0
    inside, outside = int(np.count_nonzero(differs & part)), int(np.count_nonzero(differs & ~part))
    return (
        f"{inside:,} of {int(np.count_nonzero(part)):,} painted voxels are named otherwise, "
        f"and {outside:,} that were not touched."
    )
