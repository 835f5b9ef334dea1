"""The label maps of the scene that are being corrected: made ready, changed, undone; one undo stack a map."""

from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import count
from typing import Any

from PySide6.QtCore import QObject, Signal

from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.viewer.counting import Counting
from medviz.gui.viewer.rooms import ROOMS
from medviz.imaging.corrections import Corrections, blank, matched, owned
from medviz.imaging.history import Change
from medviz.imaging.labels import Label, default_colour
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work, finished

AT_ONCE = 2_000_000
"""Voxels of a box that are copied while one waits: a few ms. What is larger is done beside the window."""
Describe = Callable[[Corrections], Change | None]
Then = Callable[[Corrections], object]


class Edits(QObject):
    """Changes label layers; whatever changes one, a hand or a model, comes through here.

    `changed` (Corrections) comes after each change, undone or done; `working` when a long one begins or ends;
    `replaced` (Corrections before, after) where a map needed more bytes a voxel. A map is known by its voxels: a layer
    may be renamed, moved or hidden meanwhile.
    """

    changed = Signal(object)
    replaced = Signal(object, object)
    working = Signal()

    def __init__(self, desk: Desk, counting: Counting, parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._counting = desk, counting
        self.maps: list[Corrections] = []
        self._jobs: dict[int, Job] = {}
        self._spare: tuple[Any, Corrections] | None = None

    # -- which ----------------------------------------------------------------------------------------------------

    def of(self, layer: Layer) -> Corrections | None:
        """Return what is being corrected of a layer, None where it was never edited."""
        return next((one for one in self.maps if one.voxels is layer.volume.voxels), None)

    def number(self, corrections: Corrections) -> int | None:
        """Return the number of the layer that shows a map, None where it was taken away."""
        layers = self._desk.scene.state.layers
        return next((n for n, layer in enumerate(layers) if layer.volume.voxels is corrections.voxels), None)

    def number_of(self, layer: Layer) -> int | None:
        """Return where a layer's map is shown now."""
        made = self.of(layer)
        return None if made is None else self.number(made)

    def is_busy(self, layer: Layer) -> bool:
        """Whether something long works on a layer; the brush has to wait."""
        return id(layer.volume.voxels) in self._jobs

    def ready(self, number: int, then: Then, most: int = 0) -> None:
        """Make a layer one that may be written to, and go on with it; at once where it is already.

        `most` is the greatest label value that it must be able to hold.
        """
        layer = self._desk.scene.state.layers[number]
        volume, known = layer.volume, self.of(layer)
        if known is not None and (known.map.dtype.itemsize > 1 or most < 256):
            then(known)
        elif self._spare is not None and self._spare[0] is volume.voxels and most < 256:
            spare, self._spare = self._spare[1], None
            self._adopt(volume, spare, then)
        elif volume.frame().size <= AT_ONCE:
            self._adopt(volume, finished(owned(volume, most)), then)
        else:
            self._start(
                volume, f"edit {volume.name}", lambda: owned(volume, most), lambda made: self._adopt(volume, made, then)
            )

    def prepare(self, number: int) -> None:
        """Copy a large layer beside the window before it is painted on; it counts as edited only when it is."""
        layer = self._desk.scene.state.layers[number]
        volume = layer.volume
        if self.of(layer) is None and volume.frame().size > AT_ONCE and not self.is_busy(layer):
            self._spare = None

            def keep(made: Corrections) -> None:
                self._spare = (volume.voxels, made)

            self._start(volume, f"make {volume.name} ready", lambda: owned(volume), keep)

    def put_away(self) -> None:
        """Let go of what was made ready and not used."""
        self._spare = None

    def new_layer(self, name: str = "labels", labels: tuple[Label, ...] = ()) -> int | None:
        """Put an empty label layer over the scan and make it the active one; return its number."""
        scene = self._desk.scene.state
        if scene.scan is None:
            return None
        made = blank(scene.scan)
        self.maps.append(made)
        volume = like(scene.scan, made.voxels, _unlike(name, {layer.volume.name for layer in scene.layers}))
        layer = Layer(volume, "labels", labels=labels or (Label(1, "label 1", default_colour(1)),))
        self._counting.know(volume, {})
        self._desk.scene.put(replace(scene.adding(layer), active=len(scene.layers)))
        return len(scene.layers)

    # -- change ---------------------------------------------------------------------------------------------------

    def do(self, number: int, change: Change | None, stands: bool = False) -> None:
        """Put a change of a layer's labels on its undo stack; it is shown, counted and kept in the journal.

        With `stands` the voxels hold it already (a stroke paints as it goes).
        """
        if change is None:
            return
        layer = self._desk.scene.state.layers[number]
        if self.is_busy(layer) and not stands:
            self._desk.tell(f"{layer.volume.name} is still being worked on", "warning", "Wait a moment")
        else:
            self.ready(number, lambda made: self._do(made, change, stands))

    def run(self, number: int, title: str, describe: Describe, then: Then | None = None) -> None:
        """Let something long describe a change beside the window, then do it; the layer waits meanwhile."""
        self.ready(number, lambda made: self._run(made, title, describe, then))

    def undo(self, corrections: Corrections) -> None:
        """Take the last change of a map back."""
        self.jump(corrections, corrections.history.place - 1)

    def redo(self, corrections: Corrections) -> None:
        """Bring the last undone change of a map back."""
        self.jump(corrections, corrections.history.place + 1)

    def jump(self, corrections: Corrections, place: int) -> None:
        """Undo or redo until so many changes are done."""
        history = corrections.history
        place = min(max(place, 0), len(history.names))
        if place == history.place or id(corrections.voxels) in self._jobs:
            return
        near = history.next_undone() if place < history.place else history.next_redone()
        large = (near is not None and near.voxels > AT_ONCE) or abs(place - history.place) > 8
        title = "undo" if place < history.place else "redo"
        self._through(corrections, title, lambda: _turned(corrections, place), large)

    def accept_proposal(
        self, number: int, values: Collection[int], into: int | None = None, then: Then | None = None
    ) -> None:
        """Take labels of a proposal layer into a label layer as one change that can be undone; locks hold.

        Without `into` they go to the layer that `target` names; a new one is made where there is none. A label of the
        same name is the same label. `then` is called with the map when they are there; the proposal stays as it is.
        """
        scene = self._desk.scene.state
        proposal = scene.layers[number]
        onto = into if into is not None else self.target(proposal.volume)
        if onto is None:
            onto = self.new_layer(proposal.volume.name, tuple(one for one in proposal.labels if one.value in values))
        if onto is None:
            return
        layer = self._desk.scene.state.layers[onto]
        given, table = matched(proposal.labels, layer.labels, set(values))
        tables = (layer.labels, table)

        def described(made: Corrections) -> Change | None:
            change = ROOMS["accept"](made.map, proposal.volume.frame(), given, layer.locked_labels)
            name = f"accept {', '.join(label.name for label in table if label.value in given.values())}"
            return None if change is None else replace(change, name=_short(name), tables=tables)

        self.ready(onto, lambda made: self._run(made, "accept", described, then), max(given.values(), default=0))

    def take_in(self, made: Corrections, name: str, labels: tuple[Label, ...]) -> None:
        """Show a map that was brought back as a layer over the scan."""
        scene = self._desk.scene.state
        if scene.scan is None or made.map.shape != scene.scan.shape:
            return
        self.maps.append(made)
        layer = Layer(like(scene.scan, made.voxels, name), "labels", labels=labels)
        self._desk.scene.put(replace(scene.adding(layer), active=len(scene.layers)))
        self.changed.emit(made)

    def target(self, grid: Volume | None = None) -> int | None:
        """Return the number of the label layer that is edited: the active one, else the topmost; never a proposal."""
        scene = self._desk.scene.state
        found = [
            number
            for number, layer in enumerate(scene.layers)
            if number
            and layer.role == "labels"
            and not layer.proposal
            and (grid is None or layer.volume.same_grid(grid))
        ]
        return scene.active if scene.active in found else found[-1] if found else None

    def forget(self, corrections: Corrections) -> None:
        """Let a map go."""
        if corrections in self.maps:
            self.maps.remove(corrections)

    # -- how ------------------------------------------------------------------------------------------------------

    def _adopt(self, volume: Volume, made: Corrections, then: Then) -> None:
        scene = self._desk.scene.state
        number = next((n for n, layer in enumerate(scene.layers) if layer.volume.voxels is volume.voxels), None)
        if number is None:
            return
        old = self.of(scene.layers[number])
        if old is not None:  # it needed more bytes a voxel
            old.history.cast(made.map.dtype)
            made = replace(made, history=old.history, saved_at=-old.unsaved, begun=old.begun)
            self.maps.remove(old)
            self.replaced.emit(old, made)
        self.maps.append(made)
        shown = scene.layers[number].volume
        stored = replace(shown.stored, dtype=made.map.dtype)
        self._put(number, replace(shown, voxels=made.voxels, stored=stored), self._counting.of(shown))
        then(made)

    def _do(self, made: Corrections, change: Change, stands: bool) -> None:
        if stands or change.voxels <= AT_ONCE:
            made.do(change, stands)
            self._show(made, [(False, change)])
        else:
            self._run(made, change.name, lambda _: change)

    def _run(self, made: Corrections, title: str, describe: Describe, then: Then | None = None) -> None:
        def act() -> list[tuple[bool, Change]]:
            change = describe(made)
            if change is None:
                return []
            made.do(change)
            return [(False, change)]

        self._through(made, title, act, made.map.size > AT_ONCE, then)

    def _through(
        self,
        made: Corrections,
        title: str,
        act: Callable[[], list[tuple[bool, Change]]],
        large: bool,
        then: Then | None = None,
    ) -> None:
        def work() -> Work[list[tuple[bool, Change]]]:
            yield Progress(0, 0, title)
            steps = act()
            for _, change in steps:
                _ = change.gains  # counted here, so that the window need not
            return steps

        def take(steps: list[tuple[bool, Change]]) -> None:
            self._show(made, steps)
            if then is not None:
                then(made)

        number = self.number(made)
        if large and number is not None:
            self._start(self._desk.scene.state.layers[number].volume, title, work, take)
        elif number is not None:
            take(act())

    def _start(
        self, volume: Volume, title: str, begin: Callable[[], Work[object]], then: Callable[..., object]
    ) -> None:
        key = id(volume.voxels)
        if key in self._jobs:
            self._desk.tell(f"{volume.name} is still being worked on", "warning", "Wait a moment")
            return
        job = self._desk.start(title, begin)
        self._jobs[key] = job
        job.ended.connect(lambda made: (self._jobs.pop(key, None), then(made)))
        job.over.connect(lambda: self._over(key))
        self.working.emit()

    def _over(self, key: int) -> None:
        self._jobs.pop(key, None)
        self.working.emit()

    def _show(self, made: Corrections, steps: list[tuple[bool, Change]]) -> None:
        """Show what was done: a new volume of the same voxels, its counts taken on."""
        number = self.number(made)
        if not steps or number is None:
            return
        layer = self._desk.scene.state.layers[number]
        counts = self._counting.of(layer.volume)
        if counts is not None:
            now = dict(counts)
            for undone, change in steps:
                for value, gained in change.gains.items():
                    now[value] = now.get(value, 0) + (-gained if undone else gained)
            counts = {value: count for value, count in now.items() if count > 0}
        tables = [change.tables[0 if undone else 1] for undone, change in steps if change.tables is not None]
        self._put(number, replace(layer.volume), counts, tables[-1] if tables else layer.labels)
        self.changed.emit(made)

    def _put(self, number: int, volume: Volume, counts: object, labels: tuple[Label, ...] | None = None) -> None:
        if counts is not None:
            self._counting.know(volume, counts)  # type: ignore[arg-type]
        scene: Scene = self._desk.scene.state
        kept = scene.layers[number].labels if labels is None else labels
        self._desk.scene.put(scene.with_layer(number, volume=volume, labels=kept))


def _turned(made: Corrections, place: int) -> list[tuple[bool, Change]]:
    steps: list[tuple[bool, Change]] = []
    while made.history.place != place:
        undone = made.history.place > place
        change = made.undo() if undone else made.redo()
        if change is None:
            break
        steps.append((undone, change))
    return steps


def _unlike(name: str, taken: Collection[str]) -> str:
    """Return a name that no other layer has."""
    return next(one for number in count(1) if (one := name if number == 1 else f"{name} {number}") not in taken)


def _short(words: str, most: int = 60) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
