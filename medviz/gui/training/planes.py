"""A scan in three linked planes with room for one thing more beside them; a flat one in its only plane."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from medviz.gui.store import Store
from medviz.gui.viewer.content import Content
from medviz.gui.viewer.hand import keyed
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.scene import Scene
from medviz.imaging.slices import NORMAL, PLANES, Plane

GAP_PX = 2
ORDER: tuple[Plane, ...] = ("axial", "sagittal", "coronal")
TALL = 1.5
BESIDE_PX = 240
"""What the thing beside a single pane may take at least."""
SMALL_PX = (330, 400)
"""In less width and height three panes would be too small for their letters: the axial one is shown alone."""


def flat_plane(scene: Scene) -> Plane | None:
    """The only plane of a scan that is one slice; None of a volume."""
    if scene.scan is None:
        return None
    thin = [plane for plane in PLANES if scene.scan.shape[NORMAL[plane]] == 1]
    return ("axial" if "axial" in thin else thin[0]) if thin else None


class Planes(QWidget):
    """Shows the scene of its own `store`; `beside` is laid in the fourth corner. `pointed` is what the mouse is over.

    A double click shows one pane alone, another one (or Esc) all again.
    """

    pointed = Signal(object)

    def __init__(self, beside: QWidget | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.store: Store[Scene] = Store(Scene())
        content = Content()
        self.views: dict[Plane, SliceView] = {plane: SliceView(self.store, plane, content, self) for plane in ORDER}
        for view in self.views.values():
            view.setMinimumSize(60, 60)
            view.pointed.connect(self.pointed)
        self.answers: Callable[[QKeyEvent], bool] = lambda event: False
        self.beside = beside
        if beside is not None:
            beside.setParent(self)
        self._leave = self.store.listen(self._told)
        self.setMinimumSize(160, 200)
        self.arrange()

    @property
    def front(self) -> SliceView:
        """The pane that keys act on."""
        shown = [view for view in self.views.values() if view.isVisible()]
        return next((view for view in shown if view.hasFocus()), shown[0] if shown else self.views["axial"])

    def arrange(self) -> None:
        """Put the panes where they belong."""
        scene, size = self.store.state, self.rect()
        only = flat_plane(scene)
        if only is None and scene.scan is not None and size.width() < SMALL_PX[0] and size.height() < SMALL_PX[1]:
            only = ORDER[0]
        alone = scene.maximised if scene.maximised in self.views else None
        places: dict[Plane, QRect] = {}
        rest = QRect()
        if alone is not None:
            places[alone] = size
        elif only is not None:
            places[only], rest = self._halves(size)
        elif scene.scan is not None:
            cells = self._cells(size)
            places, rest = dict(zip(ORDER, cells, strict=False)), cells[3]
        for plane, view in self.views.items():
            if plane in places:
                view.setGeometry(places[plane])
            view.setVisible(plane in places)
        if self.beside is not None:
            self.beside.setVisible(not rest.isEmpty())
            self.beside.setGeometry(rest)

    def _halves(self, size: QRect) -> tuple[QRect, QRect]:
        """A picture, and what is beside it or below."""
        if self.beside is None:
            return size, QRect()
        wide, high = size.width(), size.height()
        if wide >= high * 0.9 + BESIDE_PX:
            part = max(BESIDE_PX, wide - high)
            part = min(part, wide // 2)
            return QRect(0, 0, wide - part - GAP_PX, high), QRect(wide - part, 0, part, high)
        part = min(max(204, round(high * 0.36)), high // 2)
        return QRect(0, 0, wide, high - part - GAP_PX), QRect(0, high - part, wide, part)

    def _cells(self, size: QRect) -> list[QRect]:
        """Two by two; one below the other in a narrow column."""
        if size.height() > TALL * size.width():
            high = (size.height() - 3 * GAP_PX) // 4
            return [QRect(0, row * (high + GAP_PX), size.width(), high) for row in range(4)]
        left, top = (size.width() - GAP_PX) // 2, (size.height() - GAP_PX) // 2
        right, low = size.width() - left - GAP_PX, size.height() - top - GAP_PX
        x, y = left + GAP_PX, top + GAP_PX
        return [QRect(0, 0, left, top), QRect(x, 0, right, top), QRect(0, y, left, low), QRect(x, y, right, low)]

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay all out anew."""
        self.arrange()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer the keys of the viewer over the pane in front; `answers` is asked first."""
        if self.answers(event):
            return
        scene = self.store.state
        if event.key() == Qt.Key.Key_Escape and scene.maximised is not None:
            self.store.put(replace(scene, maximised=None))
            return
        if event.key() == Qt.Key.Key_F:
            for view in self.views.values():
                view.fit()
            return
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        made = keyed(scene, self.front.plane, Qt.Key(event.key()), shift) if scene.scan is not None else None
        if made is None or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
        else:
            self.store.put(made)

    def close_views(self) -> None:
        """Stop listening."""
        self._leave()
        for view in self.views.values():
            view.leave()

    def _told(self, old: Scene, new: Scene) -> None:
        if (
            old.maximised != new.maximised
            or flat_plane(old) != flat_plane(new)
            or (old.scan is None) != (new.scan is None)
        ):
            self.arrange()
