"""The frames of a run's story in memory: read when asked for, the wanted one first, and looked for while a run goes."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.imaging.judging.difference import difference
from medviz.imaging.layers import layer_of
from medviz.imaging.scene import Scene
from medviz.imaging.story import FOLDER, INDEX, Frame, ProbeCase, Snapshot, Story
from medviz.imaging.volume import Array, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

KEPT_BYTES = 384 << 20
"""So much of a story is held in memory; what was not asked for longest goes first."""
AT_ONCE = 6
"""Frames read by one job, so that the one that is wanted next need not wait for many."""


@dataclass(frozen=True, eq=False)
class Moment:
    """What is drawn of one case at one step: labels and errors on the scan's grid, probabilities (all classes)."""

    step: int
    snapshot: Snapshot
    labels: Volume | None = None
    errors: Volume | None = None
    shares: Volume | None = None

    @property
    def bytes(self) -> int:
        """Memory it takes."""
        volumes = [one.voxels.nbytes for one in (self.errors,) if one is not None]
        return sum(one.nbytes for one in self.snapshot.arrays.values()) + sum(volumes)


class Reel(QObject):
    """One run's story, and one case of it; `scene` shows the scan of the case alone.

    `grew`: there are other frames than before. `opened`: the scan of the chosen case is there (`case`), or was refused
    (`fault` says why). `came` (step): a frame that was asked for is there.
    """

    grew = Signal()
    opened = Signal()
    came = Signal(int)

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.run: Path | None = None
        self.story = Story(Path())
        self.place = 0
        self.case: ProbeCase | None = None
        self.scene = Scene()
        self.fault = ""
        self._stamp: tuple[int, int] | None = None
        self._kept: OrderedDict[int, Moment] = OrderedDict()
        self._wanted: list[int] = []
        self._reading: Job | None = None
        self._opening: Job | None = None

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The moments there are."""
        return self.story.frames

    def show_run(self, run: Path | None) -> None:
        """Look at another run."""
        if run != self.run:
            self.run, self.story, self._stamp = run, Story(Path()), None
            self.choose(0)
        self.look()

    def look(self) -> None:
        """Look on the disk whether the story has grown; costs a look at a file's date where it has not."""
        stamp = self._date()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            story = Story.read(self.run) if self.run is not None and stamp is not None else Story(Path())
        except Refused as refusal:
            story, self.fault = Story(Path()), f"{refusal.fault}; {refusal.remedy}"
        first = not self.story.frames
        self.story = story
        there = {one.step for one in story.frames}
        self._wanted = [step for step in self._wanted if step in there]
        if first and story.frames and self.case is None:
            self._open()
        self.grew.emit()

    def choose(self, place: int) -> None:
        """Look at another case."""
        self.place, self.case, self.fault = place, None, ""
        self._kept.clear()
        self._wanted.clear()
        if self.story.frames:
            self._open()

    def moment(self, step: int) -> Moment | None:
        """Return a frame that is in memory."""
        found = self._kept.get(step)
        if found is not None:
            self._kept.move_to_end(step)
        return found

    def ask(self, steps: list[int]) -> None:
        """Have frames read, the first one first; `came` tells of each."""
        self._wanted = [step for step in steps if step not in self._kept]
        self._read()

    def curve(self, mm: tuple[float, float, float]) -> tuple[list[float], NDArray[np.float32]]:
        """Probabilities at a point over the frames in memory: epochs, and (frames, classes)."""
        epochs, rows = [], []
        for one in self.frames:
            held = self._kept.get(one.step)
            at = None if held is None else held.snapshot.at(mm)
            if at is not None:
                epochs.append(one.epoch)
                rows.append(at)
        return epochs, np.stack(rows) if rows else np.zeros((0, len(self.story.classes) + 1), np.float32)

    def _date(self) -> tuple[int, int] | None:
        if self.run is None:
            return None
        try:
            found = (self.run / FOLDER / INDEX).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _open(self) -> None:
        run, place = self.run, self.place
        if run is None:
            return
        job = self._opening = self.desk.start(
            "the scan of the run", lambda: _shown(self.desk.services.storied.case(run, place)), page="train", quiet=True
        )
        job.refused.disconnect()  # said where the picture would be, not in a notice: the run itself is well
        job.refused.connect(lambda refusal: self._not_opened(run, place, refusal))
        job.ended.connect(lambda made: self._opened(run, place, *made))

    def _opened(self, run: Path, place: int, case: ProbeCase, scene: Scene) -> None:
        if (run, place) == (self.run, self.place):
            self.case, self.scene, self.fault = case, scene, ""
            self._kept.clear()
            self.opened.emit()

    def _not_opened(self, run: Path, place: int, refusal: Refused) -> None:
        if (run, place) == (self.run, self.place):
            self.fault = f"{refusal.thing}: {refusal.fault}; {refusal.remedy}"
            self.opened.emit()

    def _read(self) -> None:
        if self._reading is not None or not self._wanted or self.case is None:
            return
        story, place, case = self.story, self.place, self.case
        numbers = {one.step: number for number, one in enumerate(story.frames)}
        steps = [step for step in self._wanted[: AT_ONCE if self._kept else 1] if step in numbers]
        self._wanted = [step for step in self._wanted if step not in steps]
        if not steps:
            return
        job = self._reading = self.desk.start(
            "frames of the story",
            lambda: _moments(story, [numbers[step] for step in steps], place, case),
            page="train",
            quiet=True,
            drain_ms=8,
        )
        job.refused.disconnect()  # a frame that was thinned out meanwhile; the story is looked at again
        job.ended.connect(lambda found: self._take(found, case))
        job.over.connect(self._over)

    def _take(self, found: tuple[Moment, ...], case: ProbeCase) -> None:
        if case is not self.case:
            return
        for one in found:
            self._kept[one.step] = one
        while len(self._kept) > 2 and sum(one.bytes for one in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)
        for one in found:
            self.came.emit(one.step)

    def _over(self) -> None:
        self._reading = None
        self._read()


def _shown(work: Work[ProbeCase]) -> Work[tuple[ProbeCase, Scene]]:
    """Find the case, and make the scene in which it is first seen: window and place need a look at all voxels."""
    case = yield from work
    return case, opened(case)


def opened(case: ProbeCase) -> Scene:
    """The scan alone, with the cursor where most of the reference is, else in the middle."""
    scene = replace(Scene(), layers=(layer_of(case.scan, "image"),))
    return scene.at_voxel(_middle(case))


def _middle(case: ProbeCase) -> tuple[float, float, float]:
    shape = case.scan.shape
    middle = [(side - 1) // 2 for side in shape]
    if case.reference is not None and case.reference.shape == shape:
        there = case.reference.frame() > 0
        for axis in (2, 1, 0):
            counts = np.count_nonzero(there, axis=tuple(one for one in range(3) if one != axis))
            if counts.any():
                middle[axis] = int(counts.argmax())
    return float(middle[0]), float(middle[1]), float(middle[2])


def _moments(story: Story, numbers: list[int], place: int, case: ProbeCase) -> Work[tuple[Moment, ...]]:
    """Read frames and work out what is drawn of them."""
    made = []
    for count, number in enumerate(numbers):
        yield Progress(count, len(numbers), "reading epochs")
        snapshot = story.snapshot(number, place)
        labels = snapshot.labels_on(case.scan, story.classes)
        errors = None
        if labels is not None and case.reference is not None:
            errors = yield from difference(labels.frame(), _whole(case.reference.frame()), case.scan)
        made.append(Moment(story.frames[number].step, snapshot, labels, errors, snapshot.shares_on(case.scan)))
    return tuple(made)


def _whole(labels: Array) -> Array:
    return labels if labels.dtype.kind in "iu" else np.rint(labels).astype(np.int32)
