"""A folder with several series: its cards over the panes, and which one is opened, or laid over the scan."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

from medviz.figures import Picture
from medviz.gui.job import Job
from medviz.gui.viewer.cards import Card, breakable, label
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.series_list import SeriesList
from medviz.imaging.series import SeriesCard

WIDE_PX, MOST_HIGH_PX = 720, 760
MANY = 6
"""From so many series on there is a field to find one."""


class SeriesChoice(Card):
    """The series of a folder, and what is to be done with one of them.

    Signals: `wanted` (SeriesCard, over: bool) and `left`.
    """

    wanted = Signal(object, bool)
    left = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, WIDE_PX)
        self.setObjectName("series")
        self.title = label("", "title", wrap=True)
        self.what = label("", "dim", wrap=True)
        self.finder = QLineEdit()
        self.finder.setPlaceholderText("Find a series by its description, modality or plane")
        self.finder.setAccessibleName("Find a series")
        self.finder.setToolTip("Only series that hold all these words are listed  (Ctrl+F)")
        self.finder.setClearButtonEnabled(True)
        self.list = SeriesList()
        self.open_button = QPushButton("Open")
        self.open_button.setProperty("look", "primary")
        self.open_button.setToolTip("Open the marked series as the scan  (Enter)")
        self.over_button = QPushButton("Lay over the scan")
        self.over_button.setToolTip("Open the marked series over the scan that is open  (Shift+Enter)")
        self.leave_button = QPushButton("Close")
        self.leave_button.setProperty("look", "quiet")
        self.leave_button.setToolTip("Open none of them  (Esc)")
        self._lay_out()
        self.finder.textChanged.connect(self.list.narrow)
        self.finder.installEventFilter(self)
        self.list.wanted.connect(self._take)
        self.list.chosen.connect(lambda card: self._show_buttons())
        self.open_button.clicked.connect(lambda: self._take(self.list.card, False))
        self.over_button.clicked.connect(lambda: self._take(self.list.card, True))
        self.leave_button.clicked.connect(self._leave)
        self._scan_open = False

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.leave_button)
        row.addStretch(1)
        row.addWidget(self.over_button)
        row.addWidget(self.open_button)
        for part in (self.title, self.what, self.finder):
            self.column.addWidget(part)
        self.column.addWidget(self.list, 1)
        self.column.addLayout(row)

    def offer(self, cards: Sequence[SeriesCard], scan_open: bool) -> None:
        """Show the cards; the list has the keys."""
        self._scan_open = scan_open
        place = cards[0].path
        scans = sum(card.content == "scan" for card in cards)
        files = all(isinstance(card.source, Path) for card in cards)
        what = "files" if files else "series"
        self.title.setText(breakable(f"{what.capitalize()} in {place.name or place}"))
        over = len(cards) - scans
        more = f", and {over} that lie{'s' if over == 1 else ''} over a scan" if over else ""
        how = "Double click opens one; with Shift it is laid over the scan." if scan_open else "Double click opens one."
        self.what.setText(f"{scans} {what}{more}. {how}")
        self.finder.clear()
        self.finder.setVisible(len(cards) >= MANY)
        self.list.show_cards(cards)
        self._show_buttons()
        self.show()
        self.place()
        self.list.setFocus(Qt.FocusReason.OtherFocusReason)

    def place(self) -> None:
        """Stand in the middle, as high as the list asks for and there is room."""
        parent = self.parentWidget()
        if parent is None:
            return
        wide = min(WIDE_PX, max(parent.width() - 32, 240))
        rows = range(self.list.items.rowCount())
        wanted = sum(self.list.sizeHintForRow(row) for row in rows) + (190 if len(rows) >= MANY else 156)
        high = max(min(wanted, MOST_HIGH_PX, parent.height() - 32), 160)
        self.setGeometry((parent.width() - wide) // 2, (parent.height() - high) // 2, wide, high)
        self.raise_()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leaves; Ctrl+F goes to the field that finds."""
        if event.key() == Qt.Key.Key_Escape:
            self._leave()
        elif event.key() == Qt.Key.Key_F and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.finder.show()
            self.finder.setFocus(Qt.FocusReason.ShortcutFocusReason)
        event.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """From the field that finds, arrows and Enter go to the list."""
        if watched is self.finder and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.list.keyPressEvent(event)
                return True
        return super().eventFilter(watched, event)

    def _show_buttons(self) -> None:
        card = self.list.card
        self.open_button.setEnabled(card is not None)
        self.over_button.setEnabled(card is not None and self._scan_open)
        self.over_button.setVisible(self._scan_open)
        lies_over = card is not None and card.content != "scan"
        self.open_button.setText("Open with its scan" if lies_over else "Open")

    def _take(self, card: SeriesCard | None, over: bool) -> None:
        if card is not None:
            self.hide()
            self.wanted.emit(card, over and self._scan_open)

    def _leave(self) -> None:
        self.hide()
        self.left.emit()


class SeriesBrowser(Feature):
    """Offers the series of a folder when it is opened, and again when asked for."""

    NAME: ClassVar[str] = "series"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("Ctrl+Alt+O", "the other series of the folder"),)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.choice = SeriesChoice(viewer.panes)
        self.cards: tuple[SeriesCard, ...] = ()
        self._drawing: Job | None = None
        self._again = QAction("Other &series of the folder…", self)
        self._again.setShortcut("Ctrl+Alt+O")
        self._again.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._again.setProperty("menu", "file")
        self._again.setEnabled(False)
        self._again.triggered.connect(self.show_again)
        viewer.opening.offered.connect(self.offer)
        viewer.opening.withdrawn.connect(self.choice.hide)
        self.choice.wanted.connect(self._take)
        self.choice.left.connect(partial(viewer.opening.choose, None))
        viewer.panes.installEventFilter(self)

    def actions(self) -> Sequence[QAction]:
        """One entry of the File menu."""
        return (self._again,)

    def offer(self, cards: tuple[SeriesCard, ...]) -> None:
        """Show the series of a folder that is being opened."""
        self._stop()
        self.cards = cards
        self._again.setEnabled(True)
        self.choice.offer(cards, self.desk.scene.state.scan is not None)
        self._drawing = self.desk.start("small pictures", lambda: self.desk.services.files.pictures(cards), quiet=True)
        self._drawing.said.connect(self._hear)
        self._drawing.over.connect(self._drawn)

    def show_again(self) -> None:
        """Show the series of the folder opened last."""
        if self.cards and not self.viewer.opening.busy:
            self.choice.offer(self.cards, self.desk.scene.state.scan is not None)
            self.offer(self.cards)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep to the middle of the panes."""
        if event.type() == QEvent.Type.Resize and not self.choice.isHidden():
            self.choice.place()
        return False

    def close_feature(self) -> None:
        """Stop drawing."""
        self._stop()

    def _take(self, card: SeriesCard, over: bool) -> None:
        self._stop()
        self.viewer.opening.choose(card, over, self.cards)

    def _hear(self, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, Picture):
                self.choice.list.show_picture(message)

    def _drawn(self) -> None:
        self._drawing = None

    def _stop(self) -> None:
        if self._drawing is not None:
            self._drawing.stop()
