"""The shelf at the left: labs by theme with a picture each, and the worked examples of the one in front."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QPainter, QPalette
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QSplitter,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from medviz.catalog import Entry
from medviz.gui.colours import colours
from medviz.gui.icons import icon
from medviz.gui.labs_page.vignette import vignette

_THING = Qt.ItemDataRole.UserRole
_SECOND = Qt.ItemDataRole.UserRole + 1
_HEADING = Qt.ItemDataRole.UserRole + 2
_SIDES, _BAR, _PICTURE = 14, 12, 32
DECKS = {
    "D0": "D0 · Rittner and do Carmo",
    "D1": "D1 · Desrosiers",
    "D2": "D2 · Advanced architectures",
    "D3": "D3 · Kiselev, lecture 5",
    "D4": "D4 · Chen, COMP5423",
}


class _Rows(QStyledItemDelegate):
    """A row with a picture, a title and a second line in lighter grey; or a heading."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        line = option.fontMetrics.height()
        if index.data(_HEADING):
            return QSize(0, line + 14)
        if index.data(Qt.ItemDataRole.DecorationRole) is not None:
            return QSize(0, max(_PICTURE + 10, 2 * line + 6))
        view = self.parent()
        width = view.viewport().width() if isinstance(view, QListWidget) else 200
        return QSize(0, self._title_px(option, index, width - _SIDES - _BAR) + line + 12)

    def _title_px(self, option: QStyleOptionViewItem, index: Any, width: int) -> int:
        """Height of a title of at most two lines."""
        room = QRect(0, 0, max(40, width), 1000)
        high = option.fontMetrics.boundingRect(room, Qt.TextFlag.TextWordWrap, str(index.data())).height()
        return min(high, 2 * option.fontMetrics.height())

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        painter.save()
        now, box = colours(), option.rect.adjusted(8, 0, -6, 0)
        if index.data(_HEADING):
            font = QFont(option.font)
            font.setBold(True)
            painter.setFont(font)
            painter.setPen(now.of("dim"))
            painter.drawText(box.adjusted(0, 8, 0, 0), Qt.AlignmentFlag.AlignVCenter, index.data())
            painter.restore()
            return
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if chosen or hovered:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(now.of("hover"))
            painter.drawRoundedRect(option.rect.adjusted(2, 1, -2, -1), 6, 6)
        if chosen:
            painter.fillRect(option.rect.x() + 2, option.rect.y() + 8, 3, option.rect.height() - 16, now.of("accent"))
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        if picture is not None:
            top = option.rect.y() + (option.rect.height() - _PICTURE) // 2
            picture.paint(painter, QRect(box.x() + 2, top, _PICTURE, _PICTURE))
            box.setLeft(box.x() + _PICTURE + 10)
        self._paint_words(painter, option, index, box)
        painter.restore()

    def _paint_words(self, painter: QPainter, option: Any, index: Any, box: QRect) -> None:
        now, metrics, line = colours(), option.fontMetrics, option.fontMetrics.height()
        elide = Qt.TextElideMode.ElideRight
        pictured = index.data(Qt.ItemDataRole.DecorationRole) is not None
        high = line if pictured else self._title_px(option, index, box.width())
        first = QRect(box.x(), option.rect.y() + (option.rect.height() - high - line) // 2, box.width(), high)
        second = QRect(box.x(), first.y() + high, box.width(), line)
        painter.setPen(now.of("text"))
        title = str(index.data())
        if pictured:
            painter.drawText(first, 0, metrics.elidedText(title, elide, box.width()))
        else:
            painter.drawText(first, Qt.TextFlag.TextWordWrap, title)
        painter.setPen(now.of("dim"))
        words, mark = index.data(_SECOND) or ("", "")
        painter.drawText(second, 0, metrics.elidedText(words, elide, box.width()))
        if mark:
            painter.setPen(now.of("warning"))
            painter.drawText(second.adjusted(metrics.horizontalAdvance(words + "  "), 0, 0, 0), 0, mark)


class Shelf(QWidget):
    """Says `lab_chosen` (name) and `example_chosen` (Example)."""

    lab_chosen = Signal(str)
    example_chosen = Signal(object)

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        super().__init__()
        self.labs, self.examples = _list("labs"), _list("worked examples")
        self.button = QPushButton("Examples")
        self.button.setIcon(icon("ph.caret-down"))
        self.button.setToolTip("Worked examples of the decks (e)")
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self.open_menu)
        self._examples: tuple[Any, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 12, 4, 8)
        column.setSpacing(8)
        below = QWidget()
        rows = QVBoxLayout(below)
        rows.setContentsMargins(0, 4, 0, 0)
        rows.setSpacing(8)
        rows.addWidget(self.button)
        rows.addWidget(self.examples, 1)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.labs)
        self.split.addWidget(below)
        column.addWidget(self.split)
        self._column = column
        self._fill(entries)
        self.labs.itemClicked.connect(self._lab)
        self.labs.itemActivated.connect(self._lab)
        self.examples.itemClicked.connect(self._example)
        self.examples.itemActivated.connect(self._example)

    def add_button(self, button: QPushButton) -> None:
        """Put a button above the labs."""
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._column.insertWidget(0, button)

    def _fill(self, entries: Mapping[str, Entry]) -> None:
        high = 8
        for theme in dict.fromkeys(entry.theme for entry in entries.values()):
            if theme:
                high += self._add(self.labs, heading(theme))
            for name, entry in ((name, entry) for name, entry in entries.items() if entry.theme == theme):
                item = QListWidgetItem(entry.title or name)
                item.setData(_THING, name)
                item.setData(_SECOND, (entry.summary, ""))
                item.setData(Qt.ItemDataRole.DecorationRole, vignette(name, entry.icon))
                item.setToolTip(entry.summary)
                high += self._add(self.labs, item)
        self.labs.setMaximumHeight(high)
        self.labs.setMinimumHeight(min(high, 90))
        self.split.setSizes([min(high, 400), 400])

    def _add(self, target: QListWidget, item: QListWidgetItem) -> int:
        target.addItem(item)
        return target.sizeHintForRow(target.count() - 1)

    def show_lab(self, name: str, examples: Sequence[Any]) -> None:
        """Mark a lab and list its worked examples by deck and row."""
        for number in range(self.labs.count()):
            if self.labs.item(number).data(_THING) == name:
                self.labs.setCurrentRow(number)
        self._examples = tuple(sorted(examples, key=lambda one: (one.deck, _row_order(one.row))))
        self.button.setVisible(bool(self._examples))
        self.examples.clear()
        for deck, group in groupby(self._examples, key=lambda one: one.deck):
            self.examples.addItem(heading(DECKS.get(deck, deck)))
            for example in group:
                item = QListWidgetItem(example.name)
                item.setData(_THING, example)
                item.setData(_SECOND, (example.row, f"erratum {example.erratum.number}" if example.erratum else ""))
                item.setToolTip(f"{example.name}\n{example.text}".strip())
                self.examples.addItem(item)

    def show_example(self, example: Any) -> None:
        """Mark the example that is in front, None for one's own."""
        self.examples.setCurrentRow(-1)
        for number in range(self.examples.count()):
            if example is not None and self.examples.item(number).data(_THING) is example:
                self.examples.setCurrentRow(number)

    def menu(self) -> QMenu:
        """Return the menu of worked examples, by deck and row."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for deck, group in groupby(self._examples, key=lambda one: one.deck):
            menu.addSection(DECKS.get(deck, deck))
            title = menu.addAction(DECKS.get(deck, deck))
            title.setEnabled(False)
            for example in group:
                action = menu.addAction(f"{example.row}   {example.name}")
                if example.erratum:
                    action.setIcon(icon("ph.warning", "warning"))
                action.triggered.connect(lambda *, one=example: self.example_chosen.emit(one))
        return menu

    def open_menu(self) -> None:
        """Open the menu of worked examples."""
        if self._examples:
            self.menu().popup(self.button.mapToGlobal(self.button.rect().bottomLeft()))

    def _lab(self, item: QListWidgetItem) -> None:
        if item.data(_THING) is not None:
            self.lab_chosen.emit(item.data(_THING))

    def _example(self, item: QListWidgetItem) -> None:
        if item.data(_THING) is not None:
            self.example_chosen.emit(item.data(_THING))


def heading(words: str) -> QListWidgetItem:
    """Return a row that is only a heading."""
    item = QListWidgetItem(words)
    item.setData(_HEADING, True)
    item.setFlags(Qt.ItemFlag.NoItemFlags)
    return item


def _list(words: str) -> QListWidget:
    made = QListWidget()
    made.setAccessibleName(words)
    made.setItemDelegate(_Rows(made))
    made.setMouseTracking(True)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setResizeMode(QListWidget.ResizeMode.Adjust)
    made.setFrameShape(QListWidget.Shape.NoFrame)
    made.setStyleSheet("QListWidget { background: transparent; border: none; }")
    made.viewport().setBackgroundRole(QPalette.ColorRole.NoRole)
    return made


def _row_order(row: str) -> tuple[str, int]:
    """Sort CONV-2 before CONV-10."""
    word, _, number = row.rpartition("-")
    return word, int(number) if number.isdigit() else 0
