"""Probe pictures: what the network makes of the same slices, round by round; redrawn twice a second at most."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSlider, QToolButton, QVBoxLayout, QWidget

from medviz.figures import Figure, Picture
from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.history import Round
from medviz.gui.training.panes import Panes
from medviz.gui.training.probe_rows import WRONG, Found, found_in, laid_out
from medviz.gui.training.watch import Watch
from medviz.imaging.labels import default_colour

REDRAW_MS = 500
MARGIN_PX = 16


class Probes(RunView):
    """Shows the newest pictures, one row a probe; with the slider those of an earlier step."""

    WORD = "Probes"
    HINT = "What the network makes of a few samples that training never sees"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.watch: Watch | None = None
        self._drawn: object = None
        self.panes = Panes()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("round of probe pictures")
        self.slider.setToolTip("Look back: drag to an earlier round; at the right end the newest is followed")
        self.slider.valueChanged.connect(self._draw)
        self.said, self.legend = QLabel(), QLabel()
        self.said.setProperty("look", "dim")
        self.said.setMinimumWidth(108)
        self.legend.setProperty("look", "small")
        self.legend.setWordWrap(True)
        self.waits = QLabel("Pictures of a few samples that training never sees come here, again and again.")
        self.waits.setProperty("look", "dim")
        self.waits.setWordWrap(True)
        self.waits.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.columns: dict[str, QAction] = {}
        self._found = Found()
        self.choice = QToolButton()
        self.choice.setText("Show ▾")
        self.choice.setProperty("look", "quiet")
        self.choice.setToolTip("Choose what is shown of each probe")
        self.choice.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.choice)
        self.choice.setMenu(self.menu)
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self.redraw_if_new)

    def _lay_out(self) -> None:
        self.head = QWidget()
        bar = QHBoxLayout(self.head)
        bar.setContentsMargins(16, 4, 16, 0)
        self.head.setMinimumHeight(self.choice.sizeHint().height() + 8)
        bar.setSpacing(8)
        bar.addWidget(self.legend, 1)
        bar.addWidget(self.choice)
        self.foot = QWidget()
        foot = QHBoxLayout(self.foot)
        foot.setContentsMargins(16, 0, 16, 8)
        foot.setSpacing(8)
        foot.addWidget(self.slider, 1)
        foot.addWidget(self.said)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.waits, 1)
        column.addWidget(self.panes, 1000)
        column.addWidget(self.foot)
        column.addStretch(1)

    def show_run(self, watch: Watch | None) -> None:
        """Show the pictures of another run from now on."""
        if watch is not self.watch:
            self.watch = watch
            self.slider.setMaximum(0)
        self.redraw()

    def entered(self) -> None:
        """Draw what came while it was not seen."""
        self.redraw_if_new()

    def live(self, on: bool) -> None:
        """Follow the run by a timer, or stand still."""
        if on != self._timer.isActive():
            self._timer.start() if on else self._timer.stop()
            self.redraw_if_new()

    @property
    def rounds(self) -> list[Round]:
        """All rounds there are."""
        return self.watch.history.rounds if self.watch else []

    def redraw_if_new(self) -> None:
        """Draw if a picture came since the last time; an earlier round that is looked at stays."""
        if self._drawn != self._now():
            self.redraw()

    def redraw(self) -> None:
        """Draw the round chosen, or the newest."""
        self._drawn = self._now()
        follows = self.slider.value() == self.slider.maximum()
        self.slider.blockSignals(True)
        self.slider.setMaximum(max(0, len(self.rounds) - 1))
        if follows:
            self.slider.setValue(self.slider.maximum())
        self.slider.blockSignals(False)
        self._draw()

    def _now(self) -> object:
        return id(self.watch), self.watch.history.figures_heard if self.watch else 0

    def _draw(self) -> None:
        rounds = self.rounds
        self.panes.setVisible(bool(rounds))
        self.waits.setVisible(not rounds)
        self.head.setVisible(bool(rounds))
        self.foot.setVisible(len(rounds) > 1)
        if not rounds:
            self._offer(())
            self.legend.clear()
            return
        chosen = rounds[min(self.slider.value(), len(rounds) - 1)]
        newest = chosen is rounds[-1]
        self.said.setText(f"step {chosen.step:,}" + (" · newest" if newest else f" of {rounds[-1].step:,}"))
        self._found = found_in(tuple(chosen.figures.values()))
        self._offer(self._found.names())
        self._put()
        self.legend.setText(legend_of(tuple(chosen.figures.values())))

    def _put(self) -> None:
        """Lay the pictures out so that they are as large as can be."""
        hidden = {name for name, action in self.columns.items() if not action.isChecked()}
        wide, high = self.width() - 2 * MARGIN_PX, self.height() - self.head.height() - self.foot.height()
        lay = laid_out(self._found, hidden, wide, high)
        self.panes.setMaximumHeight(lay.most_px)
        self.panes.show_rows(lay.rows, lay.heights, calmly=self._timer.isActive())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the pictures out anew."""
        super().resizeEvent(event)
        if self.rounds:
            QTimer.singleShot(0, self, self._put)

    def _offer(self, names: tuple[str, ...]) -> None:
        """Offer each column there is; those there were stay as they are."""
        if tuple(self.columns) == names:
            self.choice.setVisible(bool(names))
            return
        self.menu.clear()
        self.columns = {}
        self.choice.setVisible(bool(names))
        for name in names:
            action = self.menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(self._found.at_first(name))
            action.triggered.connect(self._draw)
            self.columns[name] = action


def legend_of(figures: tuple[Figure, ...]) -> str:
    """Write the names of the labels in their colours, once for all pictures."""
    pictures = [one for one in figures if isinstance(one, Picture)]
    names = max((one.label_names for one in pictures), key=len, default=())
    entries = list(enumerate(names, start=1))
    if any(one.name.endswith(" error") for one in pictures):
        entries.append((WRONG, "wrong"))
    parts = []
    for value, name in entries:
        red, green, blue = default_colour(value)
        parts.append(f'<span style="color:rgb({red},{green},{blue})">■</span>&nbsp;{name.replace("<", "&lt;")}')
    return " &nbsp; ".join(parts)
