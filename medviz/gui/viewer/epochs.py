"""A run over its epochs on the planes of the viewer: the slider from the first epoch to now."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from medviz.gui.story.look import scene_with
from medviz.gui.story.reel import KEPT_BYTES, Reel
from medviz.gui.viewer.epochs_box import EpochsBox
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.opening import new_scene
from medviz.gui.viewer.pace import Pace
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.story import Story
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work

LOOK_MS = 1000
"""Between two looks at a run that may still go."""


class Epochs(Feature):
    """Chooses a run and one of its cases, lays each epoch over the scan, and asks the voxel at the cross-hair."""

    NAME: ClassVar[str] = "epochs"
    TAB: ClassVar[str] = "Epochs"
    HINT: ClassVar[str] = "Look back at a training: what the network made of a scan at any epoch"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("Alt+, Alt+.", "one epoch back or on"),)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.reel = Reel(self.desk, self)
        self.box: EpochsBox | None = None
        self.pace = Pace(self)
        self._runs: tuple[Path, ...] = ()
        self._wanted: Path | None = None
        self._put: tuple[Volume, ...] = ()
        self._same: tuple[int, int, bool] = (0, 0, False)
        self.reel.grew.connect(self._grew)
        self.reel.opened.connect(self._opened)
        self.reel.came.connect(self._came)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._leave = self.desk.scene.listen(self._told)

    def tab(self) -> QWidget:
        """Make the box."""
        box = self.box = EpochsBox()
        box.run_chosen.connect(self.show_run)
        box.bar.case_chosen.connect(self._choose)
        box.bar.looked.connect(lambda look: self._draw())
        box.scrubber.chosen.connect(lambda number: self._want())
        box.curves.chosen.connect(box.scrubber.go_to_epoch)
        box.open.clicked.connect(self.open_scan)
        box.seen.connect(self._seen)
        self._list()
        return box

    def actions(self) -> Sequence[QAction]:
        """One epoch back, one on."""
        made = []
        for words, keys, count in (("One epoch back", "Alt+,", -1), ("One epoch on", "Alt+.", 1)):
            action = QAction(words, self)
            action.setShortcut(keys)
            action.triggered.connect(lambda checked=False, count=count: self._step(count))
            made.append(action)
        return made

    def entered(self) -> None:
        """There may be another run."""
        if self.box is not None:
            self._list()

    def show_run(self, run: Path) -> None:
        """Look at the story of a run."""
        self._wanted = run
        if self.box is not None:
            self.box.choose(run)
            self.reel.show_run(run)
            self._state()

    def open_scan(self) -> None:
        """Open the scan of the case in the viewer, in place of what is open."""
        case = self.reel.case
        if case is not None:
            scene = self.reel.scene
            made = new_scene(self.desk.scene.state, scene.layers[0])
            self.desk.scene.put(made.at(scene.cursor))
            self._want()

    def close_feature(self) -> None:
        """Stop listening."""
        self._timer.stop()
        self._leave()

    # -- told -------------------------------------------------------------------------------------------------------

    def _list(self) -> None:
        """Look beside the window which runs have a story."""
        services = self.desk.services

        def listed() -> Work[tuple[Path, ...]]:
            yield Progress(0, 0, "looking for runs")
            return tuple(run for run in services.runs() if Story.there(run))

        self.desk.start("runs with a story", listed, then=self._took, quiet=True)

    def _took(self, runs: tuple[Path, ...]) -> None:
        if self.box is None:
            return
        self._runs = runs
        if self._wanted is not None and self._wanted not in runs:
            runs = (self._wanted, *runs)
        self.box.show_runs(runs)
        if self.reel.run is None and self.box.isVisible() and self.box.run is not None:
            self.show_run(self._wanted or self.box.run)

    def _seen(self, on: bool) -> None:
        """Follow the run while the tab is seen."""
        if on == self._timer.isActive() or self.box is None:
            return
        self._timer.start() if on else self._timer.stop()
        if on and self.reel.run is None and self.box.run is not None:
            self.show_run(self._wanted or self.box.run)

    def _look(self) -> None:
        self.reel.look()

    def _choose(self, place: int) -> None:
        self._take_away()
        self.reel.choose(place)
        self._state()

    def _grew(self) -> None:
        if self.box is None:
            return
        story = self.reel.story
        self.box.bar.show_story(story.kind, story.classes, len(story.cases), self.reel.place)
        self.box.scrubber.show_frames(story.frames)
        self._state()
        self._want()

    def _opened(self) -> None:
        if self.box is not None and self.reel.case is not None:
            self.box.bar.allow(reference=self.reel.case.reference is not None)
        self._state()
        self._want()

    def _came(self, step: int) -> None:
        frame = None if self.box is None else self.box.scrubber.frame
        if frame is not None and step == frame.step:
            self._want()
        else:
            self.pace.ask(self._ask_voxel)

    def _told(self, old: Scene, new: Scene) -> None:
        if self.box is None or self.reel.case is None:
            return
        if old.scan is not new.scan:
            self._state()
        if old.cursor != new.cursor:
            self.pace.ask(self._ask_voxel)

    def _step(self, count: int) -> None:
        if self.box is not None:
            self.box.scrubber.step(count)

    def _state(self) -> None:
        if self.box is not None:
            self.box.show_state(bool(self.reel.frames), self.reel.case is not None, self.matches(), self.reel.fault)

    def matches(self) -> bool:
        """Tell whether the scan that is open is the one the run looked at."""
        case, scan = self.reel.case, self.desk.scene.state.scan
        if case is None or scan is None:
            return False
        if self._same[:2] != (id(case), id(scan)):
            one = case.scan
            few = (slice(None, None, 3),) * 3  # of a scan of another patient no third voxel is the same
            same = one is scan or (one.same_grid(scan) and bool(np.array_equal(one.frame()[few], scan.frame()[few])))
            self._same = (id(case), id(scan), same)
        return self._same[2]

    # -- drawn ------------------------------------------------------------------------------------------------------

    def _want(self) -> None:
        frame = None if self.box is None else self.box.scrubber.frame
        if frame is None or not self.matches():
            return
        self._draw()
        held = self.reel.moment(frame.step)
        steps = [frame.step]
        if held is not None and held.bytes * len(self.reel.frames) < KEPT_BYTES:
            steps += [one.step for one in self.reel.frames if one.step != frame.step]
        self.reel.ask(steps)

    def _draw(self) -> None:
        """Lay the epoch over the scan in place of the one before; what else lies there stays."""
        case, frame = self.reel.case, None if self.box is None else self.box.scrubber.frame
        if self.box is None or case is None or frame is None or not self.matches():
            return
        moment = self.reel.moment(frame.step)
        self.box.say_measures(frame, self.reel.place, self.reel.story)
        if moment is not None:
            scene = self.desk.scene.state
            mine = scene_with(scene, case, moment, self.box.bar.look, self.reel.story.classes).layers[1:]
            self.desk.scene.put(self._with(scene, mine))
        self._ask_voxel()

    def _with(self, scene: Scene, mine: tuple[Layer, ...]) -> Scene:
        others = tuple(one for one in scene.layers if not any(one.volume is held for held in self._put))
        self._put = tuple(one.volume for one in mine)
        return replace(scene, layers=(*others, *mine), active=min(scene.active, len(others) + len(mine) - 1))

    def _take_away(self) -> None:
        scene = self.desk.scene.state
        if self._put and scene.layers:
            self.desk.scene.put(self._with(scene, ()))

    def _ask_voxel(self) -> None:
        frame = None if self.box is None else self.box.scrubber.frame
        if self.box is None or frame is None or not self.matches() or not self.box.isVisible():
            return
        cursor = self.desk.scene.state.cursor
        held = self.reel.moment(frame.step)
        shares = None if held is None else held.snapshot.at(cursor)
        self.box.show_voxel(self.reel.story.classes, shares, self.reel.curve(cursor), frame, self.reel.frames[-1])
