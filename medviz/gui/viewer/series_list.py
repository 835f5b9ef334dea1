"""The series of a folder as a list: a small picture, what it is, how much of it there is, what is wrong with it."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QGuiApplication,
    QIcon,
    QImage,
    QKeyEvent,
    QPainter,
    QPixmap,
    QStandardItem,
    QStandardItemModel,
)
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from medviz.figures import Picture
from medviz.gui.colours import colours
from medviz.gui.icons import icon
from medviz.imaging.series import SeriesCard
from medviz.imaging.storage import in_words

PICTURE_PX, PAD_PX, LEAD_PX = 72, 8, 3
MOST_FAULTS, MOST_NAMES = 3, 4
CARD, PICTURE = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2
Index = QModelIndex | QPersistentModelIndex
SIGNS = {"scan": "ph.image", "labels": "ph.paint-bucket", "contours": "ph.polygon"}


def facts(card: SeriesCard) -> str:
    """Say in one line how much there is and how it lies: "CT · axial · 120 slices · 512×512 · 0.7×0.7×1 mm"."""
    parts = [card.modality, card.plane]
    if card.content != "scan":
        parts = ["segmentation" if card.content == "labels" else "contours", named(card.names)]
    if card.slices:
        parts.append("1 slice" if card.slices == 1 else f"{card.slices} slices")
    if card.frames > 1:
        ends = f" ({card.frame_names[0]} to {card.frame_names[-1]})" if card.frame_names else ""
        parts.append(f"{card.frames} frames{ends}")
    if len(card.shape) >= 2:
        parts.append(f"{card.shape[0]}×{card.shape[1]}")
    if card.content == "scan":
        mm = card.spacing_mm
        parts.append("×".join(f"{length:.3g}" for length in mm) + " mm" if mm else "uncalibrated")
        parts.append(in_words(card.size))
    if card.folder:
        parts.append(f"in {card.folder}")
    return " · ".join(part for part in parts if part)


def named(names: tuple[str, ...]) -> str:
    """Say how many structures there are and what the first are called."""
    first = ", ".join(name for name in names[:MOST_NAMES] if name)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{len(names)} structure{'' if len(names) == 1 else 's'}: {first}{more}" if names else ""


def faults(card: SeriesCard) -> tuple[str, ...]:
    """What is wrong with a series, a few sentences of it."""
    said = [warning[0].upper() + warning[1:] for warning in card.warnings]
    if len(said) > MOST_FAULTS:
        said = [*said[: MOST_FAULTS - 1], f"and {len(said) - MOST_FAULTS + 1} more"]
    return tuple(said)


def small_picture(picture: Picture) -> QImage:
    """Grey or colour pixels (uint8) as the screen wants them."""
    pixels = np.ascontiguousarray(picture.pixels, np.uint8)
    rows, cols = pixels.shape[:2]
    colour = pixels.ndim == 3
    kind = QImage.Format.Format_RGB888 if colour else QImage.Format.Format_Grayscale8
    return QImage(pixels.tobytes(), cols, rows, cols * (3 if colour else 1), kind).copy()


class SeriesList(QListView):
    """Cards one above the other. Enter or a double click opens one, Shift with either lays it over the scan.

    Signals: `wanted` (SeriesCard, over: bool); `chosen` (SeriesCard or None) follows the marked one.
    """

    wanted = Signal(object, bool)
    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.items = QStandardItemModel(self)
        self.setModel(self.items)
        self.setItemDelegate(_Painter(self))
        self.setAccessibleName("Series of the folder")
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(False)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.doubleClicked.connect(self._open)
        self.selectionModel().currentChanged.connect(lambda now, before: self.chosen.emit(self.card))

    def show_cards(self, cards: Sequence[SeriesCard]) -> None:
        """List the cards by their numbers, what lies over a scan last; the first that was given is marked."""
        self.items.clear()
        listed = sorted(cards, key=lambda card: (card.content != "scan", card.number, card.title))
        for card in listed:
            item = QStandardItem(card.title)
            item.setData(card, CARD)
            item.setEditable(False)
            item.setData("\n".join((card.title, facts(card), *faults(card))), Qt.ItemDataRole.AccessibleTextRole)
            item.setToolTip("\n".join((card.title, facts(card), card.syntax, *card.warnings)).replace("\n\n", "\n"))
            self.items.appendRow(item)
        if cards:
            self.setCurrentIndex(self.items.index(listed.index(cards[0]), 0))

    def show_picture(self, picture: Picture) -> None:
        """Put the small picture of a series, named by its key, onto its card."""
        for row in range(self.items.rowCount()):
            item = self.items.item(row)
            if item.data(CARD).key == picture.name:
                item.setData(QPixmap.fromImage(small_picture(picture)), PICTURE)

    def narrow(self, text: str) -> None:
        """Show only the cards that hold all words of a text, and mark the first of them."""
        words = text.lower().split()
        first = None
        for row in range(self.items.rowCount()):
            card: SeriesCard = self.items.item(row).data(CARD)
            told = f"{card.title} {facts(card)}".lower()
            hidden = not all(word in told for word in words)
            self.setRowHidden(row, hidden)
            first = row if first is None and not hidden else first
        if first is not None:
            self.setCurrentIndex(self.items.index(first, 0))

    @property
    def card(self) -> SeriesCard | None:
        """The marked one."""
        found = self.currentIndex().data(CARD)
        return found if isinstance(found, SeriesCard) else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open by Enter; with Shift over the scan."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.card is not None:
                self.wanted.emit(self.card, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            return
        super().keyPressEvent(event)

    def _open(self, index: QModelIndex) -> None:
        over = bool(QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ShiftModifier)
        self.wanted.emit(index.data(CARD), over)


def _whole(words: str) -> str:
    """Let a line of facts break between two of them only."""
    return "\u00a0· ".join(part.replace(" ", "\u00a0") for part in words.split(" · "))


class _Painter(QStyledItemDelegate):
    """Paints a card: the picture at the left, a title, a line of facts, and a line for each fault."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """As high as its text, and at least as its picture."""
        card: SeriesCard = index.data(CARD)
        view = self.parent()
        wide = view.viewport().width() if isinstance(view, QListView) else 400
        line = option.fontMetrics.lineSpacing()
        room = wide - PICTURE_PX - 3 * PAD_PX
        high = line + LEAD_PX + sum(self._height(option, text, room) for text in (_whole(facts(card)), *faults(card)))
        return QSize(wide, max(PICTURE_PX, high) + 2 * PAD_PX)

    @staticmethod
    def _height(option: QStyleOptionViewItem, text: str, room: int) -> int:
        flags = int(Qt.TextFlag.TextWordWrap)
        return option.fontMetrics.boundingRect(QRect(0, 0, max(room, 80), 10_000), flags, text).height()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw it."""
        shades = colours()
        card: SeriesCard = index.data(CARD)
        box: QRect = option.rect
        state = option.state
        painter.save()
        marked = bool(state & QStyle.StateFlag.State_Selected)
        if marked or state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(box, shades.of("hover"))
        if marked:
            painter.fillRect(box.x(), box.y(), 3, box.height(), shades.of("accent"))
        self._picture(painter, box, index, card)
        left = box.x() + PICTURE_PX + 2 * PAD_PX
        room = QRect(left, box.y() + PAD_PX, box.right() - left - PAD_PX, box.height() - 2 * PAD_PX)
        self._text(painter, option, room, card)
        painter.setPen(shades.of("line"))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        painter.restore()

    def _picture(self, painter: QPainter, box: QRect, index: Index, card: SeriesCard) -> None:
        frame = QRect(box.x() + PAD_PX, box.y() + PAD_PX, PICTURE_PX, PICTURE_PX)
        picture = index.data(PICTURE)
        painter.fillRect(frame, colours().of("image"))
        if isinstance(picture, QPixmap) and not picture.isNull():
            ratio = painter.device().devicePixelRatioF()
            fitted = picture.scaled(
                frame.size() * ratio, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            fitted.setDevicePixelRatio(ratio)
            size = fitted.deviceIndependentSize()
            painter.drawPixmap(
                round(frame.center().x() + 1 - size.width() / 2),
                round(frame.center().y() + 1 - size.height() / 2),
                fitted,
            )
            return
        sign: QIcon = icon(SIGNS[card.content], "dim")
        sign.paint(painter, frame.adjusted(20, 20, -20, -20))

    def _text(self, painter: QPainter, option: QStyleOptionViewItem, room: QRect, card: SeriesCard) -> None:
        shades = colours()
        line = option.fontMetrics.lineSpacing()
        bold = painter.font()
        bold.setWeight(bold.Weight.DemiBold)
        plain = painter.font()
        painter.setFont(bold)
        painter.setPen(shades.of("text"))
        cut = painter.fontMetrics().elidedText(card.title, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignTop), cut)
        painter.setFont(plain)
        place = room.translated(0, line + LEAD_PX)
        for text, shade in ((_whole(facts(card)), "dim"), *((fault, "warning") for fault in faults(card))):
            high = self._height(option, text, room.width())
            painter.setPen(shades.of(shade))
            painter.drawText(QRect(place.x(), place.y(), room.width(), high), int(Qt.TextFlag.TextWordWrap), text)
            place = place.translated(0, high)
