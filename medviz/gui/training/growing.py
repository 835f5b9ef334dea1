"""The film of a run: a gallery large at one moment of the training, and all its moments small below."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QStackedLayout, QVBoxLayout, QWidget

from medviz.gui.controls import calm
from medviz.gui.drawing.gallery import GalleryView
from medviz.gui.story.scrubber import Scrubber
from medviz.gui.training.film import FilmStrip, Moment, galleries, moments
from medviz.gui.training.watch import Watch

REDRAW_MS = 500
WAITS = "What this run makes is shown here from the first epoch to the newest. It comes with the first pictures."
NONE = ("This run draws no galleries. Runs that learn to make pictures (autoencoding, adversarial, diffusion) show "
        "here how their samples and reconstructions grow.")  # fmt: skip


class Picked(GalleryView):
    """A gallery whose tiles may be picked by a click; `picked` tells the number."""

    picked = Signal(int)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick the tile under the mouse."""
        super().mousePressEvent(event)
        number = self.tile_at(event.position())
        if number is not None and event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(number)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Pick it before it is opened."""
        self.mousePressEvent(event)
        super().mouseDoubleClickEvent(event)


class Growing(QWidget):
    """Shows the galleries of one run over its training."""

    def __init__(self) -> None:
        super().__init__()
        self.watch: Watch | None = None
        self.moments: tuple[Moment, ...] = ()
        self.tile: int | None = None
        self._drawn: object = None
        self.choice = QComboBox()
        self.choice.setAccessibleName("which pictures")
        self.choice.setToolTip("Which of the run's galleries is seen over the training")
        calm(self.choice)
        self.view, self.strip = Picked(), FilmStrip()
        self.view.setToolTip("Click a picture to follow it alone in the film strip; click again for the first few")
        self.view.setMinimumSize(120, 100)
        self.scrubber = Scrubber("← and →", "Space")
        self.scrubber.slider.setAccessibleName("moment of the training")
        self.scrubber.play.setAccessibleName("play the training")
        self.follows = QLabel()
        self.follows.setProperty("look", "small")
        self.waits = QLabel(WAITS)
        self.waits.setProperty("look", "dim")
        self.waits.setWordWrap(True)
        self.waits.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waits.setMargin(24)
        self._lay_out()
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.choice.activated.connect(lambda: self.redraw())
        self.scrubber.chosen.connect(lambda number: self._draw())
        self.strip.chosen.connect(self.scrubber.go)
        self.view.picked.connect(self._follow)
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self.redraw_if_new)

    def _lay_out(self) -> None:
        self.main, self.head = QWidget(), QWidget()
        head = QHBoxLayout(self.head)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        head.addWidget(self.choice)
        head.addWidget(self.follows, 1)
        column = QVBoxLayout(self.main)
        column.setContentsMargins(16, 4, 16, 8)
        column.setSpacing(6)
        column.addWidget(self.head)
        column.addWidget(self.view, 1)
        column.addWidget(self.scrubber)
        column.addWidget(self.strip)
        self.stack = QStackedLayout(self)
        self.stack.addWidget(self.waits)
        self.stack.addWidget(self.main)

    def show_run(self, watch: Watch | None) -> None:
        """Show the film of another run from now on."""
        if watch is not self.watch:
            self.watch, self.tile = watch, None
            self.scrubber.stop()
            self.scrubber.sticks = True
        self.redraw()

    def live(self, on: bool) -> None:
        """Follow the run by a timer, or stand still."""
        if on != self._timer.isActive():
            self._timer.start() if on else self._timer.stop()
        self.redraw_if_new()

    def redraw_if_new(self) -> None:
        """Draw if pictures came since the last time."""
        if self._drawn != self._now():
            self.redraw()

    def _now(self) -> object:
        return (id(self.watch), self.watch.history.figures_heard, self.watch.going) if self.watch else None

    def redraw(self) -> None:
        """Show the moments there are now."""
        self._drawn = self._now()
        names = galleries(self.watch.history) if self.watch is not None else ()
        if tuple(self.choice.itemText(place) for place in range(self.choice.count())) != names:
            kept = self.choice.currentText()
            self.choice.clear()
            self.choice.addItems(list(names))
            self.choice.setCurrentIndex(max(0, self.choice.findText(kept)))
        self.choice.setVisible(len(names) > 1)
        self.stack.setCurrentWidget(self.main if names else self.waits)
        if not names or self.watch is None:
            drew = self.watch is not None and (not self.watch.going or self.watch.history.figures_heard > 0)
            self.waits.setText(NONE if drew else WAITS)
            self.moments = ()
            return
        self.moments = moments(self.watch.history, self.choice.currentText())
        self.scrubber.show_frames([one.frame for one in self.moments])
        self._draw()

    def _draw(self) -> None:
        """Draw the moment that is chosen."""
        if not self.moments:
            return
        number = min(self.scrubber.number, len(self.moments) - 1)
        gallery = self.moments[number].gallery
        if self.tile is not None and self.tile >= len(gallery.tiles):
            self.tile = None
        if self.view.figure is not gallery:
            self.view.show_figure(gallery)
        self.strip.show_moments(self.moments, number, self.tile)
        self.follows.setText("" if self.tile is None else f"The strip follows picture {self.tile + 1}")
        self.head.setVisible(self.choice.count() > 1 or self.tile is not None)

    def _follow(self, tile: int) -> None:
        self.tile = None if tile == self.tile else tile
        self.setFocus()
        self._draw()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go one moment back and on, Home and End to the ends, Space plays."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: -(10**6), Qt.Key.Key_End: 10**6}
        key = Qt.Key(event.key())
        if key in steps:
            self.scrubber.step(steps[key])
        elif key == Qt.Key.Key_Space:
            self.scrubber.play.toggle()
        else:
            super().keyPressEvent(event)
