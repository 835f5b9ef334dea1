"""The line above the curves: how smooth, logarithmic or not, along what, and how they leave the program."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QWidget,
)

from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.training.panes import BAR_PX
from medviz.gui.training.track import Across

ROOM_FOR_WORD_PX = 380
ACROSS: tuple[tuple[Across, str], ...] = (("step", "step"), ("epoch", "epoch"), ("time", "time"))


class ChartBar(QWidget):
    """Signals: `turned` when any of it changed; `reset_wanted`; `saved` (kind) asks for a file."""

    turned = Signal()
    reset_wanted = Signal()
    saved = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(BAR_PX)
        self.smooth = QSlider(Qt.Orientation.Horizontal)
        self.smooth.setRange(0, 99)
        self.smooth.setMinimumWidth(40)
        self.smooth.setMaximumWidth(120)
        self.smooth.setAccessibleName("smoothing of the curves")
        self.smooth.setToolTip("Smooth the curves (exponential mean); the raw ones stay as ghosts. Left end: raw")
        calm(self.smooth)
        self.smooth.valueChanged.connect(self.turned)
        self.log = QPushButton("log")
        self.log.setCheckable(True)
        self.log.setProperty("look", "quiet")
        self.log.setToolTip("Draw loss, learning rate and gradient on a logarithmic axis")
        self.log.toggled.connect(self.turned)
        self.along = QComboBox()
        for name, words in ACROSS:
            self.along.addItem(words, name)
        self.along.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.along.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.along.setAccessibleName("what the curves run along")
        self.along.setToolTip("What the curves run along: steps, epochs, or time of training")
        calm(self.along)
        self.along.activated.connect(self.turned)
        self.reset = self._tool("ph.arrows-out-line-horizontal", "See all of the curves again (R over a plot)")
        self.reset.clicked.connect(self.reset_wanted)
        self.reset.hide()
        self.more = self._tool("ph.download-simple", "Save the curves: CSV or PNG")
        menu = QMenu(self.more)
        menu.addAction("Curves as CSV…", lambda: self.saved.emit("csv"))
        menu.addAction("Picture as PNG…", lambda: self.saved.emit("png"))
        self.more.setMenu(menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._lay_out()

    def _lay_out(self) -> None:
        heading = QLabel("Curves")
        heading.setProperty("look", "heading")
        word = self.word = QLabel("smooth")
        word.setProperty("look", "small")
        word.setBuddy(self.smooth)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 8, 0)
        row.setSpacing(8)
        row.addWidget(heading)
        row.addStretch(1)
        for widget in (self.reset, word, self.smooth, self.log, self.along, self.more):
            row.addWidget(widget)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the word off where there is no room for it; the tool tip says it too."""
        super().resizeEvent(event)
        self.word.setVisible(self.width() >= ROOM_FOR_WORD_PX)

    def _tool(self, sign: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(sign))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setProperty("look", "quiet")
        return button

    @property
    def across(self) -> Across:
        """What the curves run along."""
        chosen: Across = self.along.currentData()
        return chosen

    @property
    def smoothing(self) -> float:
        """Share of the past that the exponential mean keeps."""
        return self.smooth.value() / 100
