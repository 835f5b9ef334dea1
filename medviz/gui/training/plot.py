"""One pair of axes under the hand: read where the mouse is, zoom and move along x, alone, saved, by keys too."""

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QMenu

from medviz.gui.training.plot_painting import PlotPainting
from medviz.gui.training.plotted import Manner
from medviz.gui.training.strokes import Plot

STEP = 0.8
"""What is left of the range of x after one turn of the wheel."""


class RunPlot(PlotPainting):
    """Draws a `Plot`. The wheel zooms along x, dragging moves, a double click shows it alone.

    Signals: `hovered` (x or None) where the mouse stands; `ranged` ((low, high), or None for all) when a hand zoomed or
    moved; `opened` (name) on a double click; `asked` (name, QMenu) before its menu opens, so that others fill it.
    """

    hovered = Signal(object)
    ranged = Signal(object)
    opened = Signal(str)
    asked = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.whole = (0.0, 1.0)
        self._grip: tuple[float, tuple[float, float]] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 72)
        self.setToolTip(
            "Wheel or + −: zoom · drag or Shift+← →: move · ← →: read · R: all · double click or Return: alone"
        )

    def show_plot(self, plot: Plot, manner: Manner, whole: tuple[float, float]) -> None:
        """Draw these curves; `whole` is the range of x of all plots of the page."""
        self.whole = whole
        super().show_plot(plot, manner, whole)

    def sizeHint(self) -> QSize:
        """Return a size for a plot that stands alone."""
        return QSize(320, 180)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom along x, about the mouse."""
        turns = event.angleDelta().y() / 120
        if turns:
            self._zoom(STEP**turns, self.x_at(event.position().x()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the curves."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip = event.position().x(), self._x

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the curves that are held, else read them."""
        if self._grip is not None and self.manner.part is not None:
            from_px, (low, high) = self._grip
            by = (from_px - event.position().x()) / self.area().width() * (high - low)
            self._see(low + by, high + by)
        area = self.area()
        inside = area.left() <= event.position().x() <= area.right()
        self.hovered.emit(self.x_at(event.position().x()) if inside else None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._grip = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show it alone, or all again."""
        if self.plot is not None and event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit(self.plot.name)

    def leaveEvent(self, event: QEvent) -> None:
        """Show the newest values again."""
        super().leaveEvent(event)
        self.hovered.emit(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the frame away."""
        super().focusOutEvent(event)
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Open the menu."""
        if self.plot is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.asked.emit(self.plot.name, menu)
        menu.popup(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Read, zoom and move by keys."""
        key, (low, high) = event.key(), self._x
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(key), 0)
        middle = self.hover if self.hover is not None else (low + high) / 2
        if way and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._see(low + way * 0.2 * (high - low), high + way * 0.2 * (high - low))
        elif way:
            start = middle if self.hover is not None else (low if way > 0 else high)
            self.hovered.emit(min(max(start + way * (high - low) / 50, low), high))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._zoom(STEP, middle)
        elif key == Qt.Key.Key_Minus:
            self._zoom(1 / STEP, middle)
        elif key in (Qt.Key.Key_R, Qt.Key.Key_Home):
            self.ranged.emit(None)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.plot is not None:
            self.opened.emit(self.plot.name)
        else:
            super().keyPressEvent(event)

    def _zoom(self, share: float, about: float) -> None:
        low, high = self._x
        self._see(about - (about - low) * share, about + (high - about) * share)

    def _see(self, low: float, high: float) -> None:
        """See a part of x; never beyond its ends, and all of it where nothing would be left out."""
        first, last = self.whole
        wide = min(high - low, last - first)
        low = min(max(low, first), last - wide)
        least = (last - first) / 1e5
        if wide >= (last - first) * 0.999:
            self.ranged.emit(None)
        elif wide > least:
            self.ranged.emit((low, low + wide))
