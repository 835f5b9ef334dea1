"""Many cases as small pictures, drawn as they come into sight: thousands can be scrolled through."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPainter, QResizeEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from medviz.data.checking.report import CaseFacts, Severity
from medviz.figures import Picture
from medviz.gui.colours import colours
from medviz.gui.icons import icon
from medviz.gui.rows import Index
from medviz.gui.training.case_picture import composed, paint, size_in
from medviz.gui.training.report_table import SIGNS

SIDE_PX, PAD_PX = 128, 8
KEPT = 800
"""Pictures kept; 128 pixels a side are 64 kB each."""
AT_ONCE = 24
"""Pictures asked for in one job, so that those scrolled past are soon forgotten."""
SETTLE_MS = 40
CASE = int(Qt.ItemDataRole.UserRole)


@dataclass(frozen=True)
class Card:
    """A case and the worst that is known of it."""

    facts: CaseFacts
    worst: Severity | None = None

    @property
    def words(self) -> str:
        """What it shows."""
        return ", ".join(self.facts.classes)


class CaseModel(QAbstractListModel):
    """The cards; pictures that are not there yet are asked for by `wanted`."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.cards: tuple[Card, ...] = ()
        self.pictures: OrderedDict[str, tuple[Picture, QImage, bool]] = OrderedDict()
        self.failed: dict[str, str] = {}
        self.over = True

    def put(self, cards: Sequence[Card]) -> None:
        """Show these cards."""
        self.beginResetModel()
        self.cards = tuple(cards)
        self.endResetModel()

    def put_picture(self, picture: Picture) -> None:
        """Put the picture of a case, named as it."""
        self.pictures[picture.name] = picture, composed(picture, self.over), self.over
        self.pictures.move_to_end(picture.name)
        while len(self.pictures) > KEPT:
            self.pictures.popitem(last=False)

    def show_over(self, over: bool) -> None:
        """Show labels and boxes, or the pictures alone; each is composed anew when it comes into sight."""
        self.over = over

    def picture_of(self, name: str) -> tuple[Picture, QImage] | None:
        """Return the picture of a case as it is painted, None where it is not there yet."""
        held = self.pictures.get(name)
        if held is None:
            return None
        if held[2] != self.over:
            held = self.pictures[name] = held[0], composed(held[0], self.over), self.over
        return held[0], held[1]

    def forget(self) -> None:
        """Forget all pictures: another data set comes."""
        self.pictures.clear()
        self.failed.clear()

    def rowCount(self, parent: Index | None = None) -> int:
        """How many cards there are."""
        return 0 if parent is not None and parent.isValid() else len(self.cards)

    def data(self, index: Index, role: int = CASE) -> Any:
        """Return the card, or what a screen reader says of it."""
        card = self.cards[index.row()]
        if role == CASE:
            return card
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return " · ".join(part for part in (card.facts.name, card.words, card.facts.part) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            fault = self.failed.get(card.facts.name, "")
            return "\n".join(part for part in (card.facts.name, card.words, card.facts.part, fault) if part)
        return None


class _Painter(QStyledItemDelegate):
    """Paints a card: picture on black, name below, class and side of the split, a sign where something is wrong."""

    def __init__(self, parent: "CaseGrid") -> None:
        super().__init__(parent)
        self._grid = parent

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self._grid.gridSize()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        card: Card = index.data(CASE)
        now, area = colours(), option.rect.adjusted(2, 2, -2, -2)
        painter.save()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(now.of("accent" if chosen else "line"))
            painter.setBrush(now.of("hover" if chosen else "raised"))
            painter.drawRoundedRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        square = QRect(area.x() + (area.width() - SIDE_PX) // 2, area.y() + PAD_PX - 2, SIDE_PX, SIDE_PX)
        self._picture(painter, square, card)
        self._words(painter, QRect(square.x(), square.bottom() + 4, SIDE_PX, area.bottom() - square.bottom() - 4), card)
        painter.restore()

    def _picture(self, painter: QPainter, square: QRect, card: Card) -> None:
        now, model = colours(), self._grid.cases
        painter.fillRect(square, now.of("image"))
        held = model.picture_of(card.facts.name)
        if held is not None:
            size = size_in(held[0], square.size())
            place = QRectF(
                square.x() + (SIDE_PX - size.width()) / 2, square.y() + (SIDE_PX - size.height()) / 2, size.width(),
                size.height(),
            )  # fmt: skip
            paint(painter, place, held[0], held[1], model.over, words=False)
        elif card.facts.name in model.failed:
            icon("ph.file-x", "bad").paint(painter, square.adjusted(44, 44, -44, -44))
        else:
            self._grid.want(card.facts.name)
        if card.worst is not None:
            name, colour, _ = SIGNS[card.worst]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(now.of("panel"))
            corner = QRect(square.right() - 23, square.y() + 3, 20, 20)
            painter.drawEllipse(corner)
            icon(name, colour).paint(painter, corner.adjusted(2, 2, -2, -2))

    def _words(self, painter: QPainter, area: QRect, card: Card) -> None:
        now, metrics = colours(), painter.fontMetrics()
        line = metrics.height()
        short = card.facts.name.rpartition("/")[2] if card.facts.kind else card.facts.name
        painter.setPen(now.of("text"))
        first, second = QRect(area), QRect(area)
        first.setHeight(line)
        second.setTop(area.top() + line)
        second.setHeight(line)
        painter.drawText(
            first, Qt.AlignmentFlag.AlignLeft, metrics.elidedText(short, Qt.TextElideMode.ElideMiddle, SIDE_PX)
        )
        painter.setPen(now.of("dim"))
        side = "held out" if card.facts.part == "held out" else ""
        room = SIDE_PX - (metrics.horizontalAdvance(side) + 8 if side else 0)
        painter.drawText(
            second, Qt.AlignmentFlag.AlignLeft, metrics.elidedText(card.words, Qt.TextElideMode.ElideRight, room)
        )
        if side:
            painter.setPen(now.of("accent"))
            painter.drawText(second, Qt.AlignmentFlag.AlignRight, side)


class CaseGrid(QListView):
    """The cards in a grid. `asked` (names) when pictures come into sight, `chosen` (CaseFacts or None), `opened`."""

    asked = Signal(object)
    chosen = Signal(object)
    opened = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.cases = CaseModel(self)
        self.setModel(self.cases)
        self.setItemDelegate(_Painter(self))
        self.setAccessibleName("cases of the data set")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(500)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self._wanted: OrderedDict[str, None] = OrderedDict()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SETTLE_MS)
        self._soon.timeout.connect(self._ask)
        self._to_bring = -1
        self._laying = QTimer(self)
        self._laying.setSingleShot(True)
        self._laying.setInterval(SETTLE_MS)
        self._laying.timeout.connect(self._bring)
        self.busy: Callable[[], bool] = lambda: False
        self.selectionModel().currentChanged.connect(lambda now, before: self.chosen.emit(self.case))
        self.doubleClicked.connect(lambda index: self.opened.emit(self.case))

    @property
    def case(self) -> CaseFacts | None:
        """The case that is marked."""
        index = self.currentIndex()
        return index.data(CASE).facts if index.isValid() and index.row() < len(self.cases.cards) else None

    def put(self, cards: Sequence[Card], keep: str = "") -> None:
        """Show these cards; the one of this name stays marked, else the first."""
        self._wanted.clear()
        self.cases.put(cards)
        names = [card.facts.name for card in cards]
        if names:
            row = names.index(keep) if keep in names else 0
            self.setCurrentIndex(self.cases.index(row, 0))
            self.bring(row)
        else:
            self.chosen.emit(None)

    def bring(self, row: int) -> None:
        """Scroll to a card; thousands are laid out bit by bit, so that it may have to wait for its place."""
        self._to_bring = row
        self._bring()

    def _bring(self) -> None:
        row = self._to_bring
        if not 0 <= row < len(self.cases.cards):
            return
        index = self.cases.index(row, 0)
        self.scrollTo(index)
        if self.visualRect(index).intersects(self.viewport().rect()) or not self.isVisible():
            self._to_bring = -1
        else:
            self._laying.start()

    def want(self, name: str) -> None:
        """Take note that a picture is missing; what was wanted last is asked for first."""
        self._wanted[name] = None
        self._wanted.move_to_end(name)
        if not self._soon.isActive():
            self._soon.start()

    def put_picture(self, picture: Picture) -> None:
        """Show the picture of a case."""
        self.cases.put_picture(picture)
        self.viewport().update()

    def show_over(self, over: bool) -> None:
        """Show labels and boxes, or the pictures alone."""
        self.cases.show_over(over)
        self.viewport().update()

    def fetched(self) -> None:
        """Ask for what is still in sight and missing."""
        self._wanted.clear()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Spread the cards over the width."""
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Make the cells as wide as there is room, as high as picture and two lines ask for."""
        wide = max(self.viewport().width() - 2, 1)
        least = SIDE_PX + 2 * PAD_PX
        size = QSize(wide // max(1, wide // least), SIDE_PX + 2 * self.fontMetrics().height() + 2 * PAD_PX + 8)
        if size != self.gridSize():
            self.setGridSize(size)

    def _ask(self) -> None:
        if self.busy():
            return
        held = self.cases
        missing = [name for name in self._wanted if name not in held.pictures and name not in held.failed]
        self._wanted.clear()
        if missing:
            self.asked.emit(missing[-AT_ONCE:])

    def keyPressEvent(self, event: Any) -> None:
        """Return opens."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(self.case)
        else:
            super().keyPressEvent(event)
