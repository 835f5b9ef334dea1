"""The stage: the figures of the lab on a screen of their own, large and dark, for the lecture hall."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent, QScreen
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from medviz.figures import Figure, Text
from medviz.gui.colours import DARK, PROPERTY
from medviz.gui.drawing.board import Board
from medviz.gui.labs_page.banner import Plate
from medviz.gui.sheet import sheet
from medviz.gui.theme import palette

TYPE_PX, MOST_CELL = 24, 150
_HINT = "Space play · ← → step · Tab next figure · 0 all figures · p or Esc end"


class Stage(QWidget):
    """A full screen window of its own; the page stays behind it. Keys it does not know are `pressed`."""

    pressed = Signal(object)
    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("medviz: presentation")
        self.setProperty(PROPERTY, DARK)
        self.setProperty("look", "page")
        self.setPalette(palette(DARK))
        self.setStyleSheet(sheet(DARK, TYPE_PX) + f"QLabel {{ color: {DARK.text}; }}")
        self.setAutoFillBackground(True)
        self.title, self.hint = QLabel(), QLabel(_HINT)
        self.title.setProperty("look", "title")
        self.title.setWordWrap(True)
        self.hint.setProperty("look", "small")
        self.erratum = Plate("warning", "ph.warning")
        self.board = Board()
        self.board.set_type(TYPE_PX, MOST_CELL)
        self.board.opened.connect(self.board.turn_alone)
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 24, 32, 16)
        column.addWidget(self.title)
        column.addWidget(self.erratum)
        column.addWidget(self.board, 1)
        column.addWidget(self.hint)

    def show_figures(
        self, title: str, erratum: str, arrangement: str, figures: Sequence[Figure], partial: bool = False
    ) -> None:
        """Show what the page shows, but for long sentences: those the teacher says."""
        self.title.setText(title)
        self.erratum.say(erratum)
        self.board.arrange(arrangement)
        self.board.show_figures([one for one in figures if not isinstance(one, Text) or one.formula], partial)

    def fill(self, own: QScreen) -> None:
        """Fill the other screen (the projector) where there is one, else the window's own."""
        others = [screen for screen in QGuiApplication.screens() if screen is not own]
        self.setGeometry((others or [own])[0].geometry())
        self.showFullScreen()

    def next_figure(self, by: int = 1) -> None:
        """Show the next figure alone; after the last one all."""
        names: list[str | None] = [None, *(figure.name for figure in self.board.figures)]
        self.board.show_alone(names[(names.index(self.board.alone) + by) % len(names)])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave, turn the figures, or hand the key to the page."""
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_P):
            self.close()
        elif event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_PageDown):
            self.next_figure()
        elif event.key() in (Qt.Key.Key_Backtab, Qt.Key.Key_PageUp):
            self.next_figure(-1)
        elif event.key() == Qt.Key.Key_0:
            self.board.show_alone(None)
        else:
            self.pressed.emit(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Keep Tab for the figures."""
        return False

    def closeEvent(self, event: QCloseEvent) -> None:
        """Tell the page."""
        self.closed.emit()
        super().closeEvent(event)
