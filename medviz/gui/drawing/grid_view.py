"""What pictures and heat maps share: cells on the screen, hover, zoom, marks, and a base that is painted only once."""

from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPen, QPixmap, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from medviz.figures import Mark
from medviz.gui.drawing.grid import Grid, fitted, kept_inside, zoomed
from medviz.gui.drawing.look import MARKS, look_of, type_of
from medviz.gui.drawing.view import TYPE_PX, View

_EDGES = (
    Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
    Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop,
    Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom,
)
_LEAST_MARK_PX = 7
_PLATES = 0.12
"""Share of a picture that words of many boxes may cover; what is under the mouse is told in any case."""
_STRIDE_CELLS = 0.5
_LARGE_PX = 12
"""Cells of this side have room for a frame within them, and for no word beside."""


class GridView(View):
    """Rows and columns of cells. Ctrl+wheel zooms, the middle button pans, a double click shows all again.

    The base (colours and numbers) is painted into a pixmap once; marks and hover are drawn over it, so that a change
    of marks alone costs next to nothing. `zoomed` tells what is seen, as fractions of the grid, or None for all.
    """

    zoomed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self._seen: tuple[float, float, float, float] | None = None
        self._base: QPixmap | None = None
        self._hover: tuple[int, int] | None = None
        self._drag: QPointF | None = None
        self._gripped: tuple[float, float] | None = None
        self._way: list[tuple[float, float]] = []
        self._plates: list[QRectF] = []

    # To be overridden

    def shape(self) -> tuple[int, int]:
        """Rows and columns of what is drawn."""
        return (0, 0)

    def ratio(self) -> float:
        """Height of a cell over its width."""
        return 1.0

    def margins(self) -> tuple[float, float, float, float]:
        """Room in px at the left, top, right and bottom of the cells (names, a colour bar)."""
        return (0.0, 0.0, 0.0, 0.0)

    def whole_px(self) -> bool:
        """Tell whether every cell must have the same whole number of px."""
        return False

    def same_base(self, old: Any, new: Any) -> bool:
        """Tell whether only marks differ."""
        return False

    def paint_base(self, painter: QPainter, grid: Grid) -> None:
        """Paint colours and numbers."""

    def lettered_outside(self) -> bool:
        """Tell whether the letters stand in the margins, not on the cells."""
        return False

    def on_light(self) -> bool:
        """Tell whether most of the ground is light, so that letters are written dark."""
        return False

    def value_text(self, row: int, col: int) -> str:
        """Say what the cell under the mouse holds."""
        return ""

    # Showing

    def take(self, old: Any, new: Any) -> None:
        """Keep the painted base where only marks changed."""
        if old is None or not self.same_base(old, new):
            self._base = None
        rows, cols = self.shape()
        if self._hover and not (self._hover[0] < rows and self._hover[1] < cols):
            self._hover = None
        if self._hover:
            self.say(self.value_text(*self._hover))

    def restyled(self) -> None:
        """Paint the base anew."""
        self._base = None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Paint the base anew at the next size."""
        self._base = None
        super().resizeEvent(event)

    @property
    def grid(self) -> Grid:
        """Where the cells lie now."""
        rows, cols = self.shape()
        left, top, right, bottom = self.margins()
        room, ratio = self.content, self.ratio()
        box = (
            room.x() + left,
            room.y() + top,
            max(0.0, room.width() - left - right),
            max(0.0, room.height() - top - bottom),
        )
        return fitted(rows, cols, ratio, box, self._seen, self.whole_px() and self._seen is None)

    def paint(self, painter: QPainter) -> None:
        """Paint the base from its pixmap, and marks, letters and hover over it."""
        grid = self.grid
        if not grid.rows or not grid.cols:
            painter.setPen(look_of(self).dim)
            painter.drawText(self.content, Qt.AlignmentFlag.AlignCenter, "empty")
            return
        if self._base is None:
            self._base = self._painted(grid)
        painter.drawPixmap(0, 0, self._base)
        painter.save()
        painter.setClipRect(QRectF(*grid.area).adjusted(-3, -3, 3, 3))
        self._plates = []
        for mark in self.figure.marks:
            self._paint_mark(painter, grid, mark)
        for mark in self.figure.marks:  # no line may run through a word
            self._paint_word(painter, grid, mark)
        if self._hover:
            painter.setPen(QPen(QColor(255, 255, 255, 210), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(*grid.box(*self._hover)))
        painter.restore()
        self._paint_letters(painter, grid)

    def _painted(self, grid: Grid) -> QPixmap:
        share = self.devicePixelRatioF()
        base = QPixmap(max(1, round(self.width() * share)), max(1, round(self.height() * share)))
        base.setDevicePixelRatio(share)
        base.fill(Qt.GlobalColor.transparent)
        painter = QPainter(base)
        try:
            self.paint_base(painter, grid)
        finally:
            painter.end()
        return base

    def _paint_mark(self, painter: QPainter, grid: Grid, mark: Mark) -> None:
        box, colour = _box(grid, mark), _colour(mark)
        large = min(grid.cell_px) >= _LARGE_PX
        painter.setBrush(Qt.BrushStyle.NoBrush)
        inner = box.adjusted(1.5, 1.5, -1.5, -1.5) if large else box
        thin = (mark.style == "box" and not mark.text) or mark.style == "reference"
        width = (1.0 if thin else 3.0 if large else 1.8) * max(1.0, self.type_px / TYPE_PX)
        painter.setPen(_pen(QColor(0, 0, 0, 150), width + 1.6))
        painter.drawRect(inner)
        painter.setPen(_pen(colour, width, dashed=mark.style == "reference"))
        painter.drawRect(inner)
        if mark.arrow is not None:
            self._paint_arrow(painter, box.center(), QPointF(*grid.box(*mark.arrow)[:2]), colour)

    def _paint_word(self, painter: QPainter, grid: Grid, mark: Mark) -> None:
        one_cell = min(grid.cell_px) >= _LARGE_PX and mark.width == mark.height == 1
        if mark.text and not one_cell:
            always = mark.colour is None
            self._paint_mark_text(painter, QRectF(*grid.area), _box(grid, mark), mark.text, _colour(mark), always)

    def _paint_arrow(self, painter: QPainter, start: QPointF, end: QPointF, colour: QColor) -> None:
        """Draw an arrow; its head is as large at any length, so that a short one is seen too."""
        along = end - start
        length = max(1e-6, (along.x() ** 2 + along.y() ** 2) ** 0.5)
        across, back = QPointF(-along.y(), along.x()) / length, along / length
        head, large = self.type_px * 0.7, max(1.0, self.type_px / TYPE_PX)
        wings = [end - back * head + across * head * side for side in (0.55, -0.55)]
        for ink, width in ((QColor(0, 0, 0, 150), 3.6 * large), (colour, 2.0 * large)):
            painter.setPen(_pen(ink, width))
            painter.drawLine(start, end)
            painter.drawPolyline([wings[0], end, wings[1]])

    def _paint_mark_text(
        self, painter: QPainter, area: QRectF, box: QRectF, text: str, colour: QColor, always: bool
    ) -> None:
        """Write the text of a mark on a plate above it, or where else it lies inside and on no other plate.

        Where no place is free, or the plates would cover too much, it is left out, unless it is to be written `always`.
        """
        painter.setFont(type_of(self, self.type_px * 0.9, bold=True))
        size = QFontMetricsF(painter.font()).size(0, text)
        wide, high = size.width() + 8, size.height()
        corners = (
            (box.x(), box.y() - high),
            (box.x(), box.bottom()),
            (box.right() + 3, box.y()),
            (box.x() - wide - 3, box.y()),
            (box.x(), box.y()),
        )
        places = [QRectF(x, y, wide, high) for x, y in corners]
        inside = [place for place in places if area.contains(place)] or places[-1:]
        free = [place for place in inside if not any(place.intersects(other) for other in self._plates)]
        covered = sum(other.width() * other.height() for other in self._plates) + wide * high
        if not always and (not free or covered > _PLATES * area.width() * area.height()):
            return
        plate = (free or inside)[0]
        self._plates.append(plate)
        painter.fillRect(plate, colour)
        painter.setPen(QColor("black"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_letters(self, painter: QPainter, grid: Grid) -> None:
        letters = getattr(self.figure, "letters", None)
        if not letters or min(grid.area[2:]) < 60:
            return
        painter.setFont(type_of(self, self.type_px, bold=True))
        ink, halo = QColor(235, 235, 235), QColor(0, 0, 0, 200)
        if self.on_light():
            ink, halo = QColor(40, 40, 40), QColor(255, 255, 255, 200)
        box = QRectF(*grid.area).adjusted(5, 3, -5, -3)
        if self.lettered_outside():
            edge = self.type_px * 1.25
            box = QRectF(*grid.area).adjusted(-edge, -edge, edge, edge)
            ink, halo = look_of(self).dim, QColor(0, 0, 0, 0)
        for letter, place in zip(letters, _EDGES, strict=False):
            painter.setPen(halo)
            painter.drawText(box.translated(1, 1), place, letter)
            painter.setPen(ink)
            painter.drawText(box, place, letter)

    # Pointing

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at a cell, or pan."""
        if self._drag is not None:
            self._pan(event.position())
        elif self._way and self.figure is not None:
            self._paint_on(event.position())
        elif self._gripped is not None and self.figure is not None:
            here = self.grid.place_at(event.position().x(), event.position().y())
            self.dragged.emit(self.figure.name, self._gripped, here)
        else:
            self._point(event.position())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Point by a click too (a touch screen has no hover); the middle button begins to pan."""
        if event.button() == Qt.MouseButton.MiddleButton and self._seen:
            self._drag = event.position()
            return
        self._point(event.position())
        place = event.position()
        if event.button() == Qt.MouseButton.LeftButton and self._hover and getattr(self.figure, "drags", False):
            self._gripped = self.grid.place_at(place.x(), place.y())
            self.dragged.emit(self.figure.name, self._gripped, self._gripped)
        if event.button() == Qt.MouseButton.LeftButton and self._hover and getattr(self.figure, "paints", False):
            self._paint_on(place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End panning, dragging and painting."""
        self._drag = self._gripped = None
        self._way = []

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show all again; where all is shown already, ask to be shown alone."""
        if self._seen is not None:
            self.see(None)
            self.zoomed.emit(None)
        elif self.figure is not None:
            self.opened.emit(self.figure.name)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the cell under the mouse."""
        self._hover = None
        self.update()
        super().leaveEvent(event)

    def _paint_on(self, place: QPointF) -> None:
        """Go on with the way of the mouse; it is told where it has moved half a cell."""
        here = self.grid.place_at(place.x(), place.y())
        if self._way and max(abs(here[0] - self._way[-1][0]), abs(here[1] - self._way[-1][1])) < _STRIDE_CELLS:
            return
        self._way.append(here)
        self.painted.emit(self.figure.name, tuple(self._way))

    def _point(self, place: QPointF) -> None:
        cell = self.grid.cell_at(place.x(), place.y()) if self.figure is not None else None
        if cell == self._hover:
            return
        self._hover = cell
        self.say(self.value_text(*cell) if cell else "")
        self.update()
        if cell:
            self.pointed.emit(self.figure.name, cell, self.shape())

    # Zooming

    def see(self, part: tuple[float, float, float, float] | None) -> None:
        """Show a part of the grid, as fractions (x, y, width, height), or all (None)."""
        rows, cols = self.shape()
        seen = None if part is None else (part[0] * cols, part[1] * rows, part[2] * cols, part[3] * rows)
        if seen != self._seen:
            self._seen, self._base = seen, None
            self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the mouse with Ctrl held; otherwise let the board scroll."""
        rows, cols = self.shape()
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier or max(rows, cols) <= 4:
            event.ignore()
            return
        grid, place = self.grid, event.position()
        if not grid.area[2] or not grid.area[3]:
            return
        at = (place.x() - grid.area[0]) / grid.area[2], (place.y() - grid.area[1]) / grid.area[3]
        inside = min(max(at[0], 0.0), 1.0), min(max(at[1], 0.0), 1.0)
        self._look_at(zoomed(grid.seen, inside, 1.25 ** (event.angleDelta().y() / 120), rows, cols))
        event.accept()

    def _pan(self, place: QPointF) -> None:
        grid, start = self.grid, self._drag
        if start is None or self._seen is None:
            return
        wide, high = grid.cell_px
        moved = grid.seen[0] - (place.x() - start.x()) / wide, grid.seen[1] - (place.y() - start.y()) / high
        self._drag = place
        self._look_at(kept_inside((*moved, *grid.seen[2:]), grid.rows, grid.cols))

    def _look_at(self, seen: tuple[float, float, float, float]) -> None:
        rows, cols = self.shape()
        whole = seen[2] >= cols - 1e-6
        part = None if whole else (seen[0] / cols, seen[1] / rows, seen[2] / cols, seen[3] / rows)
        self.see(part)
        self.zoomed.emit(part)


def _box(grid: Grid, mark: Mark) -> QRectF:
    """Where a mark lies on the screen, never smaller than can be seen."""
    box = QRectF(*grid.box(mark.row, mark.col, mark.height, mark.width))
    lack = max(0.0, _LEAST_MARK_PX - box.width()) / 2, max(0.0, _LEAST_MARK_PX - box.height()) / 2
    return box.adjusted(-lack[0], -lack[1], lack[0], lack[1])


def _colour(mark: Mark) -> QColor:
    return QColor(*mark.colour) if mark.colour is not None else MARKS.get(mark.style, MARKS["focus"])


def _pen(colour: QColor, width: float, dashed: bool = False) -> QPen:
    pen = QPen(colour, width, Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    return pen
