"""The panes of the viewer: three linked planes and a view of the whole, laid out as the scene says."""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from medviz.gui.colours import colours
from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.viewer.beside import Beside
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.content import Content
from medviz.gui.viewer.lightbox_view import LightboxView
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.volume_view import VolumeView
from medviz.imaging.scene import Layout, Pane, Scene
from medviz.imaging.slices import PLANES, Plane

GAP_PX = 2
ORDER: tuple[Pane, ...] = ("axial", "sagittal", "coronal", "volume")


SECOND = "second "
"""A pane of the second scan is called "second axial", and so on."""
WIDE = 1.15
"""From this shape on, the panes of two scans lie below each other and not beside."""


def places(size: QSize, layout: Layout, maximised: Pane | None, front: Pane = "axial") -> dict[str, QRect]:
    """Return where each pane lies; panes that are not named are hidden. `front` is the large one of "1+3"."""
    wide, high = size.width(), size.height()
    if layout == "lightbox":
        return {"lightbox": QRect(0, 0, wide, high)}
    if layout == "compare":
        return _compared(size, maximised)
    if maximised is not None:
        return {maximised: QRect(0, 0, wide, high)}
    if layout == "2x2":
        return dict(zip(ORDER, _grid(size, 2, 2), strict=True))
    third = (high - 2 * GAP_PX) // 3
    small = min(third, round(wide * 0.3))
    large = wide - small - GAP_PX
    others = [pane for pane in ORDER if pane != front]
    column: dict[str, QRect] = {
        pane: QRect(large + GAP_PX, n * (third + GAP_PX), small, third if n < 2 else high - 2 * (third + GAP_PX))
        for n, pane in enumerate(others)
    }
    return {front: QRect(0, 0, large, high), **column}


def _compared(size: QSize, maximised: Pane | None) -> dict[str, QRect]:
    """Both scans in the same planes: one row each, or one column each in a tall window."""
    planes = [pane for pane in ORDER if pane != "volume"]
    if maximised is not None and maximised != "volume":
        planes = [maximised]
    lying = size.width() >= size.height() * (WIDE if len(planes) > 1 else 0.9)
    if len(planes) == 1:
        cells = _grid(size, 2, 1) if lying else _grid(size, 1, 2)
        return {planes[0]: cells[0], SECOND + planes[0]: cells[1]}
    cells = _grid(size, 3, 2) if lying else _grid(size, 2, 3)
    first, second = (cells[:3], cells[3:]) if lying else (cells[::2], cells[1::2])
    both = (*planes, *(SECOND + plane for plane in planes))
    return dict(zip(both, (*first, *second), strict=True))


def _grid(size: QSize, cols: int, rows: int) -> list[QRect]:
    """Cells row by row, with a thin line between; the last of a row and of a column takes what is left."""
    wide, high = (size.width() - GAP_PX * (cols - 1)) // cols, (size.height() - GAP_PX * (rows - 1)) // rows
    made = []
    for row in range(rows):
        for col in range(cols):
            left, top = col * (wide + GAP_PX), row * (high + GAP_PX)
            made.append(
                QRect(
                    left,
                    top,
                    wide if col < cols - 1 else size.width() - left,
                    high if row < rows - 1 else size.height() - top,
                )
            )
    return made


class Panes(QWidget):
    """Holds the views and moves them when the scene's layout or maximised pane changes."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        content = Content()
        store = self._store = desk.scene
        self.slices: dict[Plane, SliceView] = {plane: SliceView(store, plane, content, self) for plane in PLANES}
        self.beside = Beside(store)
        other = Content()
        self.seconds: dict[Plane, SliceView] = {
            plane: SliceView(self.beside, plane, other, self, leader=self.slices[plane]) for plane in PLANES
        }
        for plane, view in self.seconds.items():
            view.setAccessibleName(f"second scan, {plane} slices")
        self.lightbox = LightboxView(store, content, self)
        self.volume = VolumeView(desk, self)
        self.missing = Missing(self)
        self.waiting = False
        self.leave = store.listen(self._told)
        self.setMinimumSize(320, 240)
        self.arrange()

    @property
    def views(self) -> dict[str, QWidget]:
        """All panes by name."""
        slices: dict[str, QWidget] = dict(self.slices.items())
        seconds: dict[str, QWidget] = {SECOND + plane: view for plane, view in self.seconds.items()}
        return {**slices, **seconds, "volume": self.volume, "lightbox": self.lightbox}

    @property
    def front(self) -> SliceView:
        """The plane that keys act on: the one with the focus, else the maximised, else the axial."""
        scene = self._store.state
        if scene.layout == "lightbox":
            return self.slices[scene.lightbox.plane]
        both = (*self.slices.values(), *self.seconds.values())
        focused = next((view for view in both if view.hasFocus()), None)
        if focused is not None:
            return self.slices[focused.plane]
        return self.slices[scene.maximised] if scene.maximised in self.slices else self.slices["axial"]

    @property
    def pictured(self) -> QWidget:
        """What a picture is taken of: the pane in front, the lightbox, or both scans where two are compared."""
        layout = self._store.state.layout
        return self.lightbox if layout == "lightbox" else self if layout == "compare" else self.front

    def fit_front(self) -> None:
        """Show all of the pane in front, or of the slices of the lightbox."""
        if self._store.state.layout == "lightbox":
            self.lightbox.fit()
        else:
            self.front.fit()

    def fit(self) -> None:
        """Show all of everything."""
        for view in self.slices.values():
            view.fit()
        self.lightbox.fit()
        self.volume.fit()

    def arrange(self) -> None:
        """Put each pane where it belongs."""
        scene = self._store.state
        seen = scene.scan is not None or self.waiting
        lying = places(self.size(), scene.layout, scene.maximised) if seen else {}
        empty = QRect()
        for name, view in self.views.items():
            place = lying.get(name)
            lacks = name.startswith(SECOND) and scene.second is None
            if place is not None and lacks:
                empty = empty.united(place)
            elif place is not None:
                view.setGeometry(place)
            view.setVisible(place is not None and not lacks)
        self.missing.setGeometry(empty)
        self.missing.setVisible(not empty.isEmpty() and scene.scan is not None)

    def wait(self, waiting: bool) -> None:
        """Show empty panes while a first scan is read."""
        if waiting != self.waiting:
            self.waiting = waiting
            self.arrange()
            self.update()

    def close_views(self) -> None:
        """Stop listening and rendering (the page goes)."""
        self.leave()
        self.beside.leave()
        self.lightbox.leave()
        for view in (*self.slices.values(), *self.seconds.values()):
            view.leave()
        self.volume.close_view()

    def _told(self, old: Scene, new: Scene) -> None:
        shown = (new.layout, new.maximised, new.scan is None, new.second is None)
        if (old.layout, old.maximised, old.scan is None, old.second is None) != shown:
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


class Missing(QWidget):
    """Stands where a second scan would be: says so, and asks for one."""

    wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet("Missing { background: black; }")
        column = QVBoxLayout(self)
        column.addStretch(1)
        column.addWidget(label("No second scan", "heading"), 0, Qt.AlignmentFlag.AlignHCenter)
        hint = label("Another time, another modality, another grid: linked to this one in mm.", "dim", wrap=True)
        hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(hint)
        self.button = QPushButton(icon("ph.folder-open"), "  Open a second scan …")
        self.button.setToolTip("Open a scan to be seen beside this one, linked in mm")
        self.button.clicked.connect(self.wanted)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self.hide()
