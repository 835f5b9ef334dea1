"""How one run is drawn in the list: a sign and a word for its state, its name, what it reached."""

import time
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from medviz.gui.colours import colours
from medviz.gui.drawing.curves import line_colours
from medviz.gui.icons import icon
from medviz.gui.rows import Index
from medviz.gui.training.runs import RunCard
from medviz.gui.training.runs_model import CHECK, CHECKED, ROLE, RunsModel

COMPARE_PX = 76
_SIGNS = {
    "queued": ("ph.clock", "dim"), "waiting": ("ph.hourglass", "accent"), "running": ("ph.play-circle-fill", "accent"),
    "training": ("ph.broadcast", "accent"), "paused": ("ph.pause-circle-fill", "warning"),
    "stopping": ("ph.stop-circle", "warning"), "stopped": ("ph.stop-circle-fill", "dim"),
    "ended": ("ph.check-circle-fill", "good"), "failed": ("ph.warning-circle-fill", "bad"),
    "lost": ("ph.link-break", "bad"), "unknown": ("ph.question", "faint"),
}  # fmt: skip


class RunRow(QStyledItemDelegate):
    """Draws a run; one that is compared has the bar of its colour at the left."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Two lines."""
        return QSize(160, QFontMetrics(option.font).height() * 2 + 14)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the ground, the sign, and two lines of words."""
        card: RunCard = index.data(ROLE)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        under = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        if chosen or under:
            painter.fillRect(option.rect, colours().of("hover" if chosen else "raised"))
        model = index.model()
        if isinstance(model, RunsModel) and model.compared and (chosen or card.folder in model.compared):
            palette = line_colours(colours().dark)
            bar = QRect(option.rect.left(), option.rect.top() + 2, 4, option.rect.height() - 4)
            painter.fillRect(bar, QColor(palette[model.colour_of(card.folder) % len(palette)]))
        inner = option.rect.adjusted(10, 6, -8, -6)
        line = QFontMetrics(option.font).height()
        name, tint = _SIGNS.get(card.state, _SIGNS["unknown"])
        icon(name, tint).paint(painter, QRect(inner.left(), inner.top(), line, line))
        compared = index.data(CHECK) == CHECKED
        word = "compared" if compared else "compare" if under or chosen else ""
        self._write(painter, inner.adjusted(line + 8, 0, 0, 0), card, chosen, word)
        painter.restore()

    def _write(self, painter: QPainter, room: QRect, card: RunCard, bold: bool, word: str) -> None:
        now, metrics = colours(), painter.fontMetrics()
        first, second = QRect(room), QRect(room)
        first.setHeight(metrics.height())
        second.setTop(room.top() + metrics.height() + 2)
        font = painter.font()
        font.setBold(bold)
        painter.setFont(font)
        painter.setPen(now.of("text"))
        best = "" if card.best is None else f"{card.best:.3f}"
        left = room.width() - painter.fontMetrics().horizontalAdvance(best) - 8
        name = painter.fontMetrics().elidedText(card.folder.name, Qt.TextElideMode.ElideMiddle, left)
        painter.drawText(first, Qt.AlignmentFlag.AlignLeft, name)
        painter.drawText(first, Qt.AlignmentFlag.AlignRight, best)
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(now.of("dim"))
        wide = painter.fontMetrics().horizontalAdvance(word) + 8
        said = painter.fontMetrics().elidedText(
            card.words(time.time()), Qt.TextElideMode.ElideRight, room.width() - wide
        )
        painter.drawText(second, Qt.AlignmentFlag.AlignLeft, said)
        painter.setPen(now.of("accent" if word == "compared" else "dim"))
        painter.drawText(second, Qt.AlignmentFlag.AlignRight, word)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        """Type the new name over the whole row."""
        editor.setGeometry(option.rect.adjusted(4, 4, -4, -4))


def in_compare(place: Any, row: QRect) -> bool:
    """Tell whether a place lies on the word "compare" of a row."""
    return bool(QRect(row.right() - COMPARE_PX, row.center().y(), COMPARE_PX, row.height() // 2).contains(place))


def toggle(model: QAbstractItemModel, index: QModelIndex) -> None:
    """Draw a run beside the one on the page, or no longer."""
    now = index.data(CHECK)
    model.setData(index, Qt.CheckState.Unchecked if now == CHECKED else CHECKED, CHECK)
