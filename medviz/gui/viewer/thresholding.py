"""The threshold of a probability map with its consequences: volume, pieces, overlap, distance, calibration."""

from typing import ClassVar

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from medviz.gui.job import Job
from medviz.gui.viewer.comparing import Comparing
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.judging import followed, listed
from medviz.gui.viewer.label_list import millilitres
from medviz.gui.viewer.pace import Pace
from medviz.gui.viewer.rooms import ROOMS
from medviz.gui.viewer.threshold_box import ThresholdBox
from medviz.imaging.judging.consequences import Consequence, Consequences
from medviz.imaging.judging.difference import LEGEND
from medviz.imaging.judging.links import Place
from medviz.imaging.judging.results import TOLERANCE_MM, Gap
from medviz.imaging.judging.threshold_figures import figure, names
from medviz.imaging.labels import Label, default_colour
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Array, Volume, like
from medviz.messages import Progress, Work

REST_MS = 400
"""The slider has come to rest when it has not moved for so long; then distances are measured."""
ANY = 0
"""The choice "any label" of a reference."""


class Thresholding(Feature):
    """Works on a probability layer; counts it once beside the window, after that each threshold is read off."""

    NAME: ClassVar[str] = "threshold"
    TAB: ClassVar[str] = "Threshold"
    HINT: ClassVar[str] = "What each threshold of a probability map leads to; make labels of it"

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.box: ThresholdBox | None = None
        self.found: Consequences | None = None
        self.gap: Gap | None = None
        self.map: Volume | None = None
        self.reference: Volume | None = None
        self.value = ANY
        self.frame = 0
        self.threshold = 0.5
        self._counted: tuple[Volume | None, Volume | None, int, int] | None = None
        self._job: Job | None = None
        self._measuring: Job | None = None
        self._pace = Pace(self)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._measure)
        self._leave = self.desk.scene.listen(self._told)

    # -- for the page -------------------------------------------------------------------------------------------

    def tab(self) -> QWidget:
        """Make the tab."""
        box = self.box = ThresholdBox()
        box.chosen.connect(self._chosen)
        box.moved.connect(self.move)
        box.best.connect(self.take_best)
        box.made.connect(self.make_labels)
        box.drawn.connect(lambda name: self._draw())
        box.linked.connect(self._follow)
        box.shown.connect(self._look)
        self._show_choice()
        return box

    def close_feature(self) -> None:
        """Stop listening and working."""
        self._leave()
        self._rest.stop()
        for job in (self._job, self._measuring):
            if job is not None:
                job.stop()

    # -- which --------------------------------------------------------------------------------------------------

    @property
    def maps(self) -> tuple[Layer, ...]:
        """The layers that have a threshold."""
        return tuple(layer for layer in self.desk.scene.state.layers[1:] if layer.role == "probability")

    @property
    def references(self) -> tuple[Layer, ...]:
        """The layers a map can be held against."""
        layers = self.desk.scene.state.layers[1:]
        return tuple(one for one in layers if one.role == "labels" and one.labels != LEGEND)

    def choose(self, volume: Volume | None, reference: Volume | None, value: int = ANY, frame: int = 0) -> None:
        """Choose the map, what it is held against, and which of its frames."""
        if volume is not self.map:
            frame = 0
        self.map, self.reference, self.value, self.frame = volume, reference, value, frame
        scene = self.desk.scene.state
        if volume is not None and volume.frames > 1 and scene.frame != frame:
            self.desk.scene.update(frame=frame)
        self._show_choice()
        self._look()

    def _chosen(self) -> None:
        assert self.box is not None
        maps, references = self.maps, self.references
        number, other = self.box.map.currentIndex(), self.box.reference.currentIndex() - 1
        volume = maps[number].volume if 0 <= number < len(maps) else None
        layer = references[other] if 0 <= other < len(references) else None
        value = ANY
        if layer is not None and layer.volume is self.reference:
            place = self.box.value.currentIndex() - 1
            value = layer.labels[place].value if 0 <= place < len(layer.labels) else ANY
        self.choose(volume, layer.volume if layer is not None else None, value, self.box.frame.value())

    def _told(self, old: Scene, new: Scene) -> None:
        if old.layers is new.layers or listed(old) == listed(new):
            return
        self.map, self.reference = followed(self.map, old, new), followed(self.reference, old, new)
        there = [layer.volume for layer in self.maps]
        if not any(one is self.map for one in there):
            self.map, self.found, self._counted, self.frame = None, None, None, 0
        if not any(layer.volume is self.reference for layer in self.references):
            self.reference, self.value = None, ANY
        settled = [layer.volume for layer in self.references if not layer.proposal]
        if self.map is None and there:
            self.map = there[-1]
            if self.reference is None and len(settled) == 1:
                self.reference = settled[0]
        self._show_choice()
        QTimer.singleShot(0, self, self._look)  # the store is telling now

    def _show_choice(self) -> None:
        if self.box is None:
            return
        maps, references = self.maps, self.references
        layer = next((one for one in references if one.volume is self.reference), None)
        labels = layer.labels if layer is not None else ()
        self.box.show_choice(
            ([one.volume.name for one in maps], _place(maps, self.map)),
            (["none", *(one.volume.name for one in references)], 1 + _place(references, self.reference, -1)),
            (["any label", *(one.name for one in labels)], 1 + _place_of_value(labels, self.value)),
            (self.map.frames if self.map is not None else 1, self.frame),
        )
        self.box.show_state("", self.found is not None and self.map is not None)

    # -- counted ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Count what is chosen if somebody looks and it is not counted."""
        wanted = (self.map, self.reference, self.value, self.frame)
        if self.box is None or not self.box.isVisible() or self.map is None:
            return
        if self._counted is not None and all(one is other for one, other in zip(wanted, self._counted, strict=True)):
            return
        self._counted, volume, frame = wanted, self.map, self.frame
        if self._job is not None:
            self._job.stop()
        reference, value = self.reference, self.value
        self.box.show_state("Counting every threshold…", self.found is not None)
        job = self._job = self.desk.start(
            f"thresholds of {volume.name}",
            lambda: ROOMS["consequences"](volume, _mask(reference, value), min(frame, volume.frames - 1)),
            then=lambda found: self._take(found, wanted),
            quiet=True,
        )
        job.over.connect(lambda: self._over(job))

    def _over(self, job: Job) -> None:
        if self._job is job:
            self._job = None
            if self.box is not None:
                ready = self.found is not None
                self.box.show_state("" if ready else "This map cannot be counted.", ready)
                self.box.hint.setVisible(not ready)

    def _take(self, found: Consequences, wanted: tuple[Volume | None, Volume | None, int, int]) -> None:
        if self._counted != wanted or self.box is None:
            return
        fresh = self.found is None or self.found.thresholds[-1] != found.thresholds[-1]
        self.found = found
        low, high = float(found.thresholds[0]), float(found.thresholds[-1])
        if fresh:
            layer = next((one for one in self.maps if one.volume is self.map), None)
            self.threshold = min(max(layer.level if layer is not None else (low + high) / 2, low), high)
        self.box.show_range(low, high, self.threshold)
        self.box.show_curves(names(found), found.note)
        self._show_numbers()
        self._draw()

    # -- moved --------------------------------------------------------------------------------------------------

    def move(self, threshold: float) -> None:
        """Take another threshold: outline it, and say at once what it leads to."""
        self.threshold = threshold
        self._show_numbers()
        self._pace.ask(self._outline)

    def take_best(self) -> None:
        """Take the threshold of the largest Dice."""
        if self.found is not None and self.found.best is not None and self.box is not None:
            self.box.show_threshold(self.found.best)
            self.move(self.found.best)

    def _outline(self) -> None:
        scene = self.desk.scene.state
        number = next((n for n, one in enumerate(scene.layers) if one.volume is self.map), None)
        if number is not None:
            self.desk.scene.put(scene.with_layer(number, level=self.threshold, style="outline", visible=True))
        self._draw()

    def _draw(self) -> None:
        if self.box is not None and self.found is not None and self.box.curve:
            self.box.show_figure(figure(self.found, self.box.curve, self.threshold))

    def _show_numbers(self) -> None:
        if self.box is not None and self.found is not None:
            self.gap = None
            self.box.show_numbers(written(self.found.at(self.threshold)))
            self._rest.start()

    # -- distances ----------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Measure the distance to the reference at the threshold at which the slider rests."""
        volume, reference, threshold = self.map, self.reference, self.threshold
        if volume is None or reference is None or self.found is None or self.box is None:
            return
        if self._measuring is not None:
            self._measuring.stop()
        value, frame = self.value, min(self.frame, volume.frames - 1)
        self.box.show_number("hd95", "…")

        def take(found: object) -> None:
            if self.threshold == threshold and self.map is volume and self.box is not None:
                self.gap = getattr(found, "worst", None)
                mm = getattr(found, "hd95_mm", None)
                self.box.show_number("hd95", "–" if mm is None else f'<a href="#">{mm:.2f} mm</a>')

        self._measuring = self.desk.start(
            "distance at the threshold",
            lambda: ROOMS["distances"](
                volume, _mask(reference, value), threshold, TOLERANCE_MM, min(frame, volume.frames - 1)
            ),
            then=take,
            quiet=True,
        )

    def _follow(self) -> None:
        """Go to the pair of points farthest apart."""
        comparing = self.viewer.feature(Comparing.NAME)
        if self.gap is not None and isinstance(comparing, Comparing):
            words = f"at threshold {self.threshold:.3f}: surfaces {self.gap.length_mm:.1f} mm apart"
            comparing.go(Place(self.gap.predicted_mm, words, self.value, self.gap))

    # -- labels -------------------------------------------------------------------------------------------------

    def make_labels(self) -> None:
        """Make a layer of labels of what is at or above the threshold; it is proposed."""
        volume, threshold, frame = self.map, self.threshold, self.frame
        if volume is None:
            return
        label = self._label(volume)

        def made() -> Work[Volume]:
            yield Progress(0, 0, "thresholding")
            mask = yield from ROOMS["mask"](volume, threshold, min(frame, volume.frames - 1))
            name = f"{volume.name} ≥ {threshold:.3g}"
            kind = "u1" if label.value < 256 else "u2"
            return like(volume, mask.astype(kind) * label.value, name)

        def put(found: Volume) -> None:
            scene = self.desk.scene.state
            if scene.scan is not None and found.shape == scene.scan.shape:
                self.desk.scene.put(scene.adding(Layer(found, "labels", labels=(label,), proposal=True)))

        self.desk.start(f"labels of {volume.name}", made, then=put, quiet=True)

    def _label(self, volume: Volume) -> Label:
        """The label that is made: the reference's own where one was chosen, so that the two can be compared."""
        layer = next((one for one in self.references if one.volume is self.reference), None)
        labels = layer.labels if layer is not None else ()
        chosen = next((one for one in labels if one.value == self.value), None)
        if chosen is None and len(labels) == 1:
            chosen = labels[0]
        return chosen or Label(1, volume.name.split(".")[0], default_colour(1))


def written(at: Consequence) -> dict[str, str]:
    """Write what a threshold leads to, with units."""
    words = {"volume": f"{at.voxels:,} voxels".replace(",", "\u202f")}
    if at.volume_ml is not None:
        words["volume"] = f"{millilitres(at.volume_ml)} ml"
    words["pieces"] = "too many" if at.pieces is None else f"{at.pieces:,}".replace(",", "\u202f")
    for key in ("dice", "sensitivity", "precision"):
        number = getattr(at, key)
        if number is not None:
            words[key] = f"{number:.3f}"
    if at.volume_difference_ml is not None:
        words["difference"] = f"{at.volume_difference_ml:+.2f} ml".replace("-", "\N{MINUS SIGN}")
    return words


def _mask(reference: Volume | None, value: int) -> Array | None:
    """What is meant, as truth values; None without a reference."""
    if reference is None:
        return None
    labels = reference.frame()
    return labels != 0 if value == ANY else labels == value


def _place(layers: tuple[Layer, ...], volume: Volume | None, default: int = 0) -> int:
    return next((number for number, one in enumerate(layers) if one.volume is volume), default)


def _place_of_value(labels: tuple[Label, ...], value: int) -> int:
    return next((number for number, one in enumerate(labels) if one.value == value), -1)
