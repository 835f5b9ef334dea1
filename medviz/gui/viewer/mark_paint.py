"""How measurements look on a pane: a thin line with a dark rim, handles, and words on a dark ground."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from medviz.gui.viewer.annotations import EDGE, INK, font
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.labels import default_colour
from medviz.imaging.marks import Mark

LINE, CHOSEN = QColor(240, 228, 66), QColor(86, 180, 233)
"""Yellow and sky blue: told apart by everybody, and bright on tissue of any grey."""
RIM, GROUND = QColor(0, 0, 0, 170), QColor(0, 0, 0, 175)
HANDLE_PX, TEXT_PX, ROOM_PX = 4.0, 13, 10.0
WRITTEN_PX = (150.0, 62.0)
"""What the name of the plane and the number of the slice take of a pane."""


@dataclass(frozen=True)
class Words:
    """The words of a mark and where they stand on the pane."""

    lines: tuple[str, ...]
    box: QRectF


def bounds_of(view: SliceView, mark: Mark) -> QRectF:
    """Return the box on the pane that a mark fills."""
    points = [view.screen_of((float(x), float(y), float(z))) for x, y, z in mark.outline]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    box = QRectF(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    return box.adjusted(-ROOM_PX, -ROOM_PX, ROOM_PX, ROOM_PX)  # a level line has no height, and is not to be hidden


def paint_mark(
    painter: QPainter,
    view: SliceView,
    mark: Mark,
    lines: tuple[str, ...],
    chosen: bool,
    handles: bool,
    taken: Sequence[QRectF] = (),
) -> Words:
    """Paint one mark and return where its words stand."""
    outline = [QPointF(*view.screen_of((float(x), float(y), float(z)))) for x, y, z in mark.outline]
    colour = colour_of(mark, chosen)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(RIM, 4.0), QPen(colour, 2.0 if chosen else 1.5)):
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF(outline))
    points = [QPointF(*view.screen_of(one)) for one in mark.points]
    if mark.kind == "ruler":
        _ticks(painter, points, colour)
    if handles or chosen:
        _handles(painter, points, colour)
    box = tag_box(outline, lines, view) if mark.value and not chosen else words_box(outline, lines, view, taken)
    paint_words(painter, Words(lines, box), colour)
    return Words(lines, box)


def colour_of(mark: Mark, chosen: bool) -> QColor:
    """Return the colour of the selected mark, of a class that a model found, or of what a person drew."""
    usual = QColor(*default_colour(mark.value)) if mark.value else LINE
    return CHOSEN if chosen else usual


def paint_words(painter: QPainter, words: Words, colour: QColor) -> None:
    """Write on a dark ground, so that it is read on bone too."""
    painter.setPen(QPen(colour, 1.0))
    painter.setBrush(GROUND)
    painter.drawRoundedRect(words.box, 4, 4)
    painter.setFont(font(TEXT_PX))
    painter.setPen(INK)
    high = _metrics().height()
    for number, line in enumerate(words.lines):
        painter.drawText(QPointF(words.box.left() + 6, words.box.top() + 2 + high * (number + 0.8)), line)


def words_box(outline: list[QPointF], lines: tuple[str, ...], view: SliceView, taken: Sequence[QRectF] = ()) -> QRectF:
    """Return where words of a mark stand: beside it, within the pane, and where there is room not over others."""
    wide = max((_metrics().horizontalAdvance(line) for line in lines), default=0.0) + 12
    high = _metrics().height() * len(lines) + 5
    xs, ys = [one.x() for one in outline], [one.y() for one in outline]
    level, upright = (min(ys) + max(ys) - high) / 2, (min(xs) + max(xs) - wide) / 2
    right, left, below, above = max(xs) + 10, min(xs) - 10 - wide, max(ys) + 10, min(ys) - 10 - high
    places = [
        (right, level), (left, level), (upright, below), (upright, above),
        (right, above), (right, below), (left, below), (left, above),
    ]  # fmt: skip
    boxes = [_within(across, down, wide, high, view) for across, down in places]
    bounds = QRectF(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    written = QRectF(0, 0, *WRITTEN_PX)
    return min(boxes, key=lambda one: sum(_shared(one, other) for other in (bounds, bounds, bounds, written, *taken)))


def tag_box(outline: list[QPointF], lines: tuple[str, ...], view: SliceView) -> QRectF:
    """Return where the words of one of many boxes stand: on its upper edge, from its left corner on."""
    wide = max((_metrics().horizontalAdvance(line) for line in lines), default=0.0) + 12
    high = _metrics().height() * len(lines) + 5
    left, top = min(one.x() for one in outline), min(one.y() for one in outline)
    return _within(left, top - high, wide, high, view)


def _shared(one: QRectF, other: QRectF) -> float:
    both = one.intersected(other)
    return both.width() * both.height()


def _within(left: float, top: float, wide: float, high: float, view: SliceView) -> QRectF:
    left = min(max(left, EDGE), max(view.width() - EDGE - wide, EDGE))
    top = min(max(top, EDGE), max(view.height() - EDGE - high, EDGE))
    return QRectF(round(left) + 0.5, round(top) + 0.5, round(wide), round(high))


@lru_cache(maxsize=1)
def _metrics() -> QFontMetricsF:
    return QFontMetricsF(font(TEXT_PX))


def _ticks(painter: QPainter, ends: list[QPointF], colour: QColor) -> None:
    """End a ruler by short strokes across it."""
    along = ends[-1] - ends[0]
    length = (along.x() ** 2 + along.y() ** 2) ** 0.5
    if length < 1:
        return
    across = QPointF(-along.y() / length * 6, along.x() / length * 6)
    for pen in (QPen(RIM, 4.0), QPen(colour, 1.5)):
        painter.setPen(pen)
        for end in (ends[0], ends[-1]):
            painter.drawLine(end - across, end + across)


def _handles(painter: QPainter, points: list[QPointF], colour: QColor) -> None:
    painter.setPen(QPen(QColor(0, 0, 0, 220), 1.5))
    painter.setBrush(colour)
    for point in points:
        painter.drawEllipse(point, HANDLE_PX, HANDLE_PX)
    painter.setBrush(Qt.BrushStyle.NoBrush)
