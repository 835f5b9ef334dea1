"""The curves of a run: loss, measures, rate, gradient; each drawn ten times a second at most, never two at once."""

from collections import deque
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QMenu, QVBoxLayout, QWidget

from medviz.gui.training.chart_bar import ChartBar
from medviz.gui.training.keeping import Points
from medviz.gui.training.plot import RunPlot
from medviz.gui.training.plotted import Manner
from medviz.gui.training.strokes import Plot, Shown, plot_of

REDRAW_MS = 100
APART_MS = 12
"""Between two plots of one round: the window answers in between."""
ROWS = (("loss",), ("measures",), ("rate", "gradient"))
HEIGHTS = (5, 5, 4)
ROOM_FOR_ALL_PX, ROOM_FOR_NAMES_PX = 360, 560


class Charts(QWidget):
    """Draws the curves of the run in front, and those it is compared with, each run in its own colour.

    Signals: `asked` (name of the plot, QMenu) before a plot's menu opens; `saved` ("csv" or "png") asks for a file.
    """

    asked = Signal(str, object)
    saved = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.front: Shown | None = None
        self.others: tuple[Shown, ...] = ()
        self.manner = Manner()
        self.alone: str | None = None
        self.plots: dict[str, RunPlot] = {}
        self._placed: tuple[str, ...] = ()
        self._drawn: object = None
        self._due: deque[str] = deque()
        self._ready: dict[str, Plot] = {}
        self._whole = (0.0, 1.0)
        self.bar = ChartBar()
        self.bar.turned.connect(self._turned)
        self.bar.reset_wanted.connect(lambda: self.see(None))
        self.bar.saved.connect(self.saved)
        self.waits = QLabel("The curves begin with the first steps.")
        self.waits.setProperty("look", "dim")
        self.waits.setContentsMargins(16, 16, 16, 16)
        self._field = QWidget()
        self._grid = QGridLayout(self._field)
        self._grid.setContentsMargins(16, 4, 8, 8)
        self._grid.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget, share in ((self.bar, 0), (self.waits, 0), (self._field, 1000)):
            column.addWidget(widget, share)
        column.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self.redraw_if_new)
        self._next = QTimer(self)
        self._next.setInterval(APART_MS)
        self._next.timeout.connect(self._draw_next)

    def show_run(self, front: Shown | None) -> None:
        """Draw another run from now on."""
        self.front = front
        self.manner = replace(self.manner, part=None)
        self.redraw()

    def compare(self, others: tuple[Shown, ...]) -> None:
        """Draw these runs too."""
        self.others = others
        self.redraw()

    def live(self, on: bool) -> None:
        """Follow the run by a timer, or stand still."""
        if on != self._timer.isActive():
            self._timer.start() if on else self._timer.stop()
            if on:
                self.redraw_if_new()
            elif self.isVisible():
                self.redraw()  # the last word of a run

    def redraw_if_new(self) -> None:
        """Draw if anything came since the last time, one plot after the other."""
        if self._drawn != self._now() and not self._due:
            self._prepare()
            self._due.extend(name for name in self._ready if self.alone in (None, name))
            self._next.start()

    def redraw(self) -> None:
        """Draw all that has come so far, now."""
        self._due.clear()
        self._prepare()
        for name in self._ready:
            self._show(name)

    def see(self, part: tuple[float, float] | None) -> None:
        """See a part of x in all plots; None: all."""
        if part != self.manner.part:
            self.manner = replace(self.manner, part=part)
            self.bar.reset.setVisible(part is not None)
            self.redraw()

    def show_alone(self, name: str | None) -> None:
        """Show one plot in all the room, or all (None, or the one that is alone)."""
        self.alone = name if name in self.plots and name != self.alone else None
        self._placed = ()
        self.redraw()

    def _prepare(self) -> None:
        self._drawn = self._now()
        rows = ROWS if self.height() >= ROOM_FOR_ALL_PX or not self.isVisible() else ROWS[:2]
        wanted = [name for row in rows for name in row]
        made = {name: plot_of(self.front, name, self.others) for name in wanted} if self.front is not None else {}
        self._ready = {name: plot for name, plot in made.items() if plot is not None}
        self._whole = _reach(tuple(self._ready.values()), self.manner)
        if self.alone not in self._ready:
            self.alone = None
        self._field.setVisible(bool(self._ready))
        self.waits.setVisible(not self._ready and self.front is not None)
        self._place(tuple(self._ready))

    def _place(self, names: tuple[str, ...]) -> None:
        """Lay the plots out; only when other ones are there."""
        shown = tuple(name for name in names if self.alone in (None, name))
        tall = self.height() >= ROOM_FOR_NAMES_PX
        key = (*shown, str(tall))
        if key == self._placed:
            return
        self._placed = key
        for name, plot in self.plots.items():
            self._grid.removeWidget(plot)
            plot.setVisible(name in shown)
        rows = [[name for name in row if name in shown] for row in ROWS]
        rows = [row for row in rows if row]
        for number in range(max(self._grid.rowCount(), len(rows))):
            self._grid.setRowStretch(number, HEIGHTS[number] if number < len(rows) else 0)
        for number, row in enumerate(rows):
            for place, name in enumerate(row):
                plot = self.plots.get(name) or self._make(name)
                plot.names_x = number == len(rows) - 1 and tall
                self._grid.addWidget(plot, number, place, 1, 2 // len(row))
                plot.show()

    def _make(self, name: str) -> RunPlot:
        plot = self.plots[name] = RunPlot()
        plot.hovered.connect(self._point)
        plot.ranged.connect(self.see)
        plot.opened.connect(self.show_alone)
        plot.asked.connect(self._fill)
        return plot

    def _draw_next(self) -> None:
        if self._due:
            self._show(self._due.popleft())
        if not self._due:
            self._next.stop()

    def _show(self, name: str) -> None:
        if name in self._ready and name in self.plots:
            self.plots[name].show_plot(self._ready[name], self.manner, self._whole)

    def _point(self, x: float | None) -> None:
        for plot in self.plots.values():
            plot.point_at(x)

    def _fill(self, name: str, menu: QMenu) -> None:
        """Fill a plot's menu."""
        alone = self.alone is not None
        menu.addAction("All plots" if alone else "This one alone\tdouble click", lambda: self.show_alone(name))
        menu.addAction("See all of x\tR", lambda: self.see(None)).setEnabled(self.manner.part is not None)
        menu.addSeparator()
        menu.addAction("Save the curves as CSV…", lambda: self.saved.emit("csv"))
        menu.addAction("Save the picture as PNG…", lambda: self.saved.emit("png"))
        self.asked.emit(name, menu)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the small plots and the names of the axes out where there is no room for them."""
        super().resizeEvent(event)
        self._drawn = None
        if not self._timer.isActive() and self.isVisible():
            QTimer.singleShot(0, self, self.redraw)

    def _now(self) -> object:
        heard = [one.history.scalars_heard for one in (self.front, *self.others) if one is not None]
        return id(self.front), heard, self.manner, self.alone

    def _turned(self) -> None:
        across = self.bar.across
        part = self.manner.part if across == self.manner.across else None
        self.manner = Manner(across, self.bar.smoothing, self.bar.log.isChecked(), part)
        self.bar.reset.setVisible(part is not None)
        self.redraw()

    def picture(self) -> QPixmap:
        """What is seen of the curves."""
        return self._field.grab()

    def points(self) -> list[Points]:
        """All points of all curves that there are, copied: the run goes on."""
        return [
            (one.title, name, track.steps.copy(), track.times.copy(), track.values.copy())
            for one in filter(None, (self.front, *self.others))
            for name, track in one.history.tracks.items()
        ]


def _reach(plots: tuple[Plot, ...], manner: Manner) -> tuple[float, float]:
    """From where to where x goes in all of these."""
    ends = []
    for plot in plots:
        for stroke in plot.strokes:
            if stroke.track.length:
                x = stroke.track.across(manner.across, stroke.steps_per_epoch)
                ends += [float(x[0]), float(x[-1])]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    low = 0.0 if 0 <= low < 0.1 * high else low
    return (low, high) if high > low else (low - 0.5, low + 0.5)
