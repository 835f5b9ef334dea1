"""How the viewer was arranged before: layout, maximised pane, cameras, turned planes; back and forth."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from medviz.gui.store import Store
from medviz.gui.viewer.panes import Panes
from medviz.gui.viewer.sheet import Camera
from medviz.imaging.oblique import Turn
from medviz.imaging.scene import Layout, Lightbox, Pane, Scene
from medviz.imaging.slabs import Slab
from medviz.imaging.slices import Plane

MOST = 50
ONE_MOVE_S = 0.8
"""Changes of one kind that follow each other so closely are one: a zoom of ten notches is undone at once."""


@dataclass(frozen=True)
class Arrangement:
    """All that "back" brings back; where the cursor is and what is drawn stay."""

    layout: Layout
    maximised: Pane | None
    turn: Turn | None
    slab: Slab
    lightbox: Lightbox
    cameras: tuple[tuple[Plane, Camera], ...]

    def unlike(self, other: "Arrangement") -> frozenset[str]:
        """Names of what differs; cameras that follow something else do not count."""
        names = frozenset(name for name in self.__dataclass_fields__ if getattr(self, name) != getattr(other, name))
        return names - {"cameras"} or names


class Past(QObject):
    """Remembers arrangements; `changed` says that there is more or less to go back to."""

    changed = Signal()

    def __init__(self, store: Store[Scene], panes: Panes, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(panes)
        self._store, self._panes, self._clock = store, panes, clock
        self._behind: list[Arrangement] = []
        self._ahead: list[Arrangement] = []
        self._last: tuple[float, frozenset[str]] = (0.0, frozenset())
        self._going = False
        self._now = self._seen()
        self.leave = store.listen(self._told)
        for view in panes.slices.values():
            view.looked.connect(self.note)

    @property
    def behind(self) -> int:
        """How often one can go back."""
        return len(self._behind)

    def note(self) -> None:
        """Remember how it was, if it is otherwise now."""
        now, before = self._seen(), self._now
        if now == before or self._going:
            return
        changed, at = now.unlike(before), self._clock()
        follows = changed == self._last[1] and at - self._last[0] < ONE_MOVE_S and bool(self._behind)
        self._now, self._last = now, (at, changed)
        if not follows:
            self._behind = [*self._behind, before][-MOST:]
        self._ahead = []
        self.changed.emit()

    def back(self) -> bool:
        """Arrange everything as it was before the last change; False where there was none."""
        return self._go(self._behind, self._ahead)

    def forth(self) -> bool:
        """Undo going back."""
        return self._go(self._ahead, self._behind)

    def forget(self) -> None:
        """Begin anew (another scan is open)."""
        self._behind, self._ahead, self._now = [], [], self._seen()
        self.changed.emit()

    def _go(self, come_from: list[Arrangement], leave_in: list[Arrangement]) -> bool:
        if not come_from:
            return False
        wanted = come_from.pop()
        leave_in.append(self._now)
        self._going = True
        try:
            named = {name: getattr(wanted, name) for name in wanted.__dataclass_fields__ if name != "cameras"}
            self._store.put(replace(self._store.state, **named))
            for plane, camera in wanted.cameras:
                self._panes.slices[plane].look(camera)
        finally:
            self._going = False
        self._now, self._last = self._seen(), (0.0, frozenset())
        self.changed.emit()
        return True

    def _seen(self) -> Arrangement:
        scene = self._store.state
        cameras = tuple((plane, view.camera) for plane, view in self._panes.slices.items())
        return Arrangement(scene.layout, scene.maximised, scene.turn, scene.slab, scene.lightbox, cameras)

    def _told(self, old: Scene, new: Scene) -> None:
        if old.scan is not new.scan:
            self.forget()
        else:
            self.note()
