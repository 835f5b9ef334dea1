"""Playing through slices or through time, at a speed that is kept; and the values at the cross-hair over time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from medviz.gui.form import Form
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.hand import stepped
from medviz.gui.viewer.looking import Looking
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.time_curve import TimeCurve
from medviz.imaging.oblique import reach_mm
from medviz.imaging.scene import Scene
from medviz.imaging.slices import Plane
from medviz.parameters import Choice, Range

TICK_MS = 8


@dataclass(frozen=True)
class Cine:
    """What is played, how fast, and what comes at the end."""

    what: Annotated[
        Literal["slices", "frames"], Choice(("slices", "frames"), ("slices", "time")), "What goes by when played (p)"
    ] = "slices"
    speed: Annotated[float, Range(1.0, 60.0, step=1.0, unit="/s"), "Slices or frames a second"] = 12.0
    end: Annotated[
        Literal["loop", "swing"],
        Choice(("loop", "swing"), ("from the start again", "back again")),
        "What comes at the end",
    ] = "loop"


def next_slice(scene: Scene, plane: Plane, count: int, way: int, swings: bool) -> tuple[Scene, int]:
    """Go `count` slices on; at the end back to the start, or the other way round. Returns the way too."""
    for _ in range(max(count, 0)):
        moved = stepped(scene, plane, way)
        if moved is scene:
            if swings:
                way = -way
                moved = stepped(scene, plane, way)
            else:
                moved = _far_end(scene, plane, -way)
        scene = moved
    return scene, way


def _far_end(scene: Scene, plane: Plane, way: int) -> Scene:
    section = scene.section(plane)
    if section is None or scene.scan is None:
        return scene
    back, forth = reach_mm(scene.scan, scene.cursor, section.normal)
    return stepped(scene, plane, round((forth if way > 0 else back) / section.step_mm))


def next_frame(scene: Scene, count: int, way: int, swings: bool) -> tuple[Scene, int]:
    """Go `count` frames on, in the same manner."""
    many = scene.scan.frames if scene.scan is not None else 1
    if many < 2:
        return scene, way
    if not swings:
        return replace(scene, frame=(scene.frame + way * count) % many), way
    frame = scene.frame
    for _ in range(count):
        if not 0 <= frame + way < many:
            way = -way
        frame += way
    return replace(scene, frame=frame), way


class Playing(Feature):
    """Plays; what cannot be drawn in time is left out, so that the speed is what it says."""

    NAME: ClassVar[str] = "play"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("p", "play through slices or time, and stop"),)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.cine = Cine()
        self.curve: TimeCurve | None = None
        self.form: Form | None = None
        self._way = 1
        self._due = 0.0
        self._plane: Plane = "axial"
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._leave = self.desk.scene.listen(self._told)
        viewer.strip.played.connect(self.toggle)

    @property
    def playing(self) -> bool:
        """Whether something goes by."""
        return self._timer.isActive()

    def tab(self) -> QWidget | None:
        """Put its part into the tab of the views."""
        look = self.viewer.feature(Looking.NAME)
        made = QWidget()
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 0, 0, 0)
        self.form = Form(self.cine, scrolls=False)
        self.form.changed.connect(self._set)
        self.curve = TimeCurve()
        self.curve.wanted.connect(lambda frame: self.desk.scene.update(frame=frame))
        column.addWidget(self.form)
        column.addWidget(self.curve)
        if isinstance(look, Looking) and look.box is not None:
            look.box.append("Play", made)
        self._show(self.desk.scene.state)
        return None

    def actions(self) -> Sequence[QAction]:
        """List play and stop."""
        action = QAction("&Play slices or time", self)
        action.triggered.connect(lambda: self.toggle())
        return (action,)

    def pressed(self, event: QKeyEvent, view: SliceView) -> bool:
        """Answer p."""
        if event.key() != Qt.Key.Key_P or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        self.toggle()
        return True

    def toggle(self) -> None:
        """Play, or stop."""
        if self.playing or self.desk.scene.state.scan is None:
            self.stop()
            return
        self._plane, self._way = self.viewer.panes.front.plane, 1
        self._due = time.perf_counter()
        self._timer.start(TICK_MS)
        self.viewer.strip.show_playing(True)

    def stop(self) -> None:
        """Stop."""
        self._timer.stop()
        self.viewer.strip.show_playing(False)

    def close_feature(self) -> None:
        """Stop playing and listening."""
        self._timer.stop()
        self._leave()

    def _set(self, cine: Cine) -> None:
        self.cine = cine

    def _tick(self) -> None:
        """Show what is due by now."""
        scene, now = self.desk.scene.state, time.perf_counter()
        count = int((now - self._due) * self.cine.speed)
        if scene.scan is None or not self.viewer.panes.isVisible():
            self.stop()
            return
        if count < 1:
            return
        self._due += count / self.cine.speed
        swings = self.cine.end == "swing"
        if self.cine.what == "frames" and scene.scan.frames > 1:
            made, self._way = next_frame(scene, count, self._way, swings)
        else:
            made, self._way = next_slice(scene, self._plane, min(count, 10), self._way, swings)
        self.desk.scene.put(made)

    def _told(self, old: Scene, new: Scene) -> None:
        if old.scan is not new.scan:
            many = new.scan.frames if new.scan is not None else 1
            self.cine = replace(self.cine, what="frames" if many > 1 else "slices")
            if self.form is not None:
                self.form.show_value(self.cine)
            if self.playing and new.scan is None:
                self.stop()
        if (old.scan, old.cursor, old.frame) != (new.scan, new.cursor, new.frame):
            self._show(new)

    def _show(self, scene: Scene) -> None:
        if self.curve is not None:
            series = scene.scan is not None and scene.scan.frames > 1
            self.curve.setVisible(series)
            if series:
                self.curve.show_scene(scene)
