"""The panes of the viewer: three linked planes and a view of the whole, laid out as the scene says."""

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from medviz.gui.colours import colours
from medviz.gui.desk import Desk
from medviz.gui.viewer.content import Content
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.volume_view import VolumeView
from medviz.imaging.scene import Layout, Pane, Scene
from medviz.imaging.slices import PLANES, Plane

GAP_PX = 2
ORDER: tuple[Pane, ...] = ("axial", "sagittal", "coronal", "volume")


def places(size: QSize, layout: Layout, maximised: Pane | None, front: Pane = "axial") -> dict[Pane, QRect]:
    """Return where each pane lies; panes that are not named are hidden. `front` is the large one of "1+3"."""
    wide, high = size.width(), size.height()
    if maximised is not None:
        return {maximised: QRect(0, 0, wide, high)}
    if layout == "2x2":
        left, top = (wide - GAP_PX) // 2, (high - GAP_PX) // 2
        xs, ys = ((0, left), (left + GAP_PX, wide - left - GAP_PX)), ((0, top), (top + GAP_PX, high - top - GAP_PX))
        return {pane: QRect(xs[n % 2][0], ys[n // 2][0], xs[n % 2][1], ys[n // 2][1]) for n, pane in enumerate(ORDER)}
    third = (high - 2 * GAP_PX) // 3
    small = min(third, round(wide * 0.3))
    large = wide - small - GAP_PX
    others = [pane for pane in ORDER if pane != front]
    column = {
        pane: QRect(large + GAP_PX, n * (third + GAP_PX), small, third if n < 2 else high - 2 * (third + GAP_PX))
        for n, pane in enumerate(others)
    }
    return {front: QRect(0, 0, large, high), **column}


class Panes(QWidget):
    """Holds the views and moves them when the scene's layout or maximised pane changes."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        content = Content()
        store = self._store = desk.scene
        self.slices: dict[Plane, SliceView] = {plane: SliceView(store, plane, content, self) for plane in PLANES}
        self.volume = VolumeView(desk, self)
        self.waiting = False
        self.leave = store.listen(self._told)
        self.setMinimumSize(320, 240)
        self.arrange()

    @property
    def views(self) -> dict[Pane, QWidget]:
        """All panes by name."""
        slices: dict[Pane, QWidget] = dict(self.slices.items())
        return {**slices, "volume": self.volume}

    @property
    def front(self) -> SliceView:
        """The plane that keys act on: the one with the focus, else the maximised, else the axial."""
        focused = next((view for view in self.slices.values() if view.hasFocus()), None)
        maximised = self._store.state.maximised
        if focused is not None:
            return focused
        return self.slices[maximised] if maximised in self.slices else self.slices["axial"]

    def fit(self) -> None:
        """Show all of everything."""
        for view in self.slices.values():
            view.fit()
        self.volume.fit()

    def arrange(self) -> None:
        """Put each pane where it belongs."""
        scene = self._store.state
        seen = scene.scan is not None or self.waiting
        lying = places(self.size(), scene.layout, scene.maximised) if seen else {}
        for name, view in self.views.items():
            if name in lying:
                view.setGeometry(lying[name])
            view.setVisible(name in lying)

    def wait(self, waiting: bool) -> None:
        """Show empty panes while a first scan is read."""
        if waiting != self.waiting:
            self.waiting = waiting
            self.arrange()
            self.update()

    def close_views(self) -> None:
        """Stop listening and rendering (the page goes)."""
        self.leave()
        for view in self.slices.values():
            view.leave()
        self.volume.close_view()

    def _told(self, old: Scene, new: Scene) -> None:
        if (old.layout, old.maximised, old.scan is None) != (new.layout, new.maximised, new.scan is None):
            self.arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the panes' shares."""
        self.arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the lines between the panes."""
        painter = QPainter(self)
        seen = self._store.state.scan is not None or self.waiting
        painter.fillRect(self.rect(), colours().of("line" if seen else "image"))
        painter.end()
