"""A graph: boxes and arrows, from left to right."""

from typing import Any

from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPen, QPolygonF

from medviz.figures import Graph
from medviz.gui.drawing.arrange import Need
from medviz.gui.drawing.look import MARKS, look_of, mixed, type_of
from medviz.gui.drawing.view import View

_PAD = 8


class GraphView(View):
    """Draws a Graph; `pointed` tells (number of the node, 0) of (number of nodes, 1)."""

    figure: Graph | None

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self._hover: int | None = None

    def need(self) -> Need:
        """Ask for a box a node at least, and grow."""
        weight = self.figure.weight if self.figure else 1.0
        columns = {node[2] for node in self.figure.nodes} if self.figure else set()
        rows = {node[3] for node in self.figure.nodes} if self.figure else set()
        least = max(200.0, len(columns) * 70.0), max(90.0, len(rows) * 34.0) + self.header_px
        most = self.header_px + max(1, len(rows)) * 9.0 * self.type_px
        return Need(frame=(0, self.header_px), least=least, most_high=max(most, least[1]), weight=weight)

    def take(self, old: Any, new: Any) -> None:
        """Forget what was under the mouse."""
        self._hover = None

    def boxes(self) -> list[QRectF]:
        """Return where the nodes lie: as wide as their texts, spread over the room."""
        if self.figure is None or not self.figure.nodes:
            return []
        metrics = QFontMetricsF(type_of(self, self._text_px))
        columns, rows = [node[2] for node in self.figure.nodes], [node[3] for node in self.figure.nodes]
        sizes = [metrics.size(0, node[1] or node[0]) for node in self.figure.nodes]
        widest = max(size.width() for size in sizes) + 2 * _PAD
        highest = max(size.height() for size in sizes) + 1.4 * _PAD
        room = self.content.adjusted(widest / 2 + 2, highest / 2 + 2, -widest / 2 - 2, -highest / 2 - 2)
        across, down = (max(columns) - min(columns)) or 1.0, (max(rows) - min(rows)) or 1.0
        boxes = []
        for size, column, row in zip(sizes, columns, rows, strict=True):
            x = room.x() + room.width() * ((column - min(columns)) / across if max(columns) > min(columns) else 0.5)
            y = room.y() + room.height() * ((row - min(rows)) / down if max(rows) > min(rows) else 0.5)
            wide, high = size.width() + 2 * _PAD, size.height() + 1.4 * _PAD
            boxes.append(QRectF(x - wide / 2, y - high / 2, wide, high))
        return boxes

    @property
    def _text_px(self) -> float:
        """Shrink the type until the boxes of a column's neighbours do not touch."""
        if self.figure is None:
            return self.type_px
        columns = len({node[2] for node in self.figure.nodes}) or 1
        longest = max(
            (len(line) for node in self.figure.nodes for line in (node[1] or node[0]).splitlines()), default=1
        )
        return min(float(self.type_px), max(8.0, self.width() / columns / (longest * 0.62 + 4)))

    def paint(self, painter: QPainter) -> None:
        """Paint arrows, then boxes over their ends."""
        if self.figure is None or not self.figure.nodes:
            return
        look, boxes = look_of(self), self.boxes()
        place = {node[0]: box for node, box in zip(self.figure.nodes, boxes, strict=True)}
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setFont(type_of(self, self._text_px * 0.9))
        for start, end, text in self.figure.edges:
            if start in place and end in place:
                self._paint_edge(painter, place[start], place[end], text)
        painter.setFont(type_of(self, self._text_px))
        for number, (node, box) in enumerate(zip(self.figure.nodes, boxes, strict=True)):
            marked = node[0] in self.figure.marks
            painter.setPen(QPen(MARKS["focus"] if marked else look.dim, 2.5 if marked else 1.0))
            painter.setBrush(mixed(look.back, look.accent, 0.35) if number == self._hover else look.base)
            painter.drawRoundedRect(box, 5, 5)
            painter.setPen(look.text)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, node[1] or node[0])

    def _paint_edge(self, painter: QPainter, start: QRectF, end: QRectF, text: str) -> None:
        look, line = look_of(self), QLineF(start.center(), end.center())
        tip, tail = _border(end, line), _border(start, QLineF(line.p2(), line.p1()))
        shaft = QLineF(tail, tip)
        painter.setPen(QPen(look.dim, 1.3))
        painter.setBrush(look.dim)
        painter.drawLine(shaft)
        if shaft.length() > 8:
            along = shaft.unitVector()
            dx, dy = along.dx(), along.dy()
            base = QPointF(tip.x() - 8 * dx, tip.y() - 8 * dy)
            wing = QPointF(-dy * 3.5, dx * 3.5)
            painter.drawPolygon(QPolygonF([tip, base + wing, base - wing]))
        if text:
            metrics = QFontMetricsF(painter.font())
            size = metrics.size(0, text)
            middle = shaft.center()
            plate = QRectF(
                middle.x() - size.width() / 2 - 3, middle.y() - size.height() / 2, size.width() + 6, size.height()
            )
            painter.fillRect(plate, look.back)
            painter.setPen(look.text)
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at a node."""
        number = next((n for n, box in enumerate(self.boxes()) if box.contains(event.position())), None)
        if number == self._hover or self.figure is None:
            return
        self._hover = number
        self.update()
        if number is not None:
            self.say(self.figure.nodes[number][0])
            self.pointed.emit(self.figure.name, (number, 0), (len(self.figure.nodes), 1))

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the node under the mouse."""
        self._hover = None
        self.update()
        super().leaveEvent(event)


def _border(box: QRectF, line: QLineF) -> QPointF:
    """Return where a line that ends in the middle of a box enters it."""
    dx, dy = line.dx(), line.dy()
    share = min(
        (box.width() / 2) / abs(dx) if dx else float("inf"), (box.height() / 2) / abs(dy) if dy else float("inf"), 1.0
    )
    return QPointF(box.center().x() - dx * share, box.center().y() - dy * share)
