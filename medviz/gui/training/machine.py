"""What a run asks of the machine: processor, memory, graphics card, over the time of the run."""

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QVBoxLayout

from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.plot import RunPlot
from medviz.gui.training.plotted import Manner
from medviz.gui.training.strokes import Shown, machine_plots
from medviz.gui.training.watch import Watch

REDRAW_MS = 1000
PLOT_PX = 132


class Machine(RunView):
    """One small plot a unit, drawn once a second."""

    WORD = "Machine"
    HINT = "Processor, memory and graphics card while the run goes"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.plots: dict[str, RunPlot] = {}
        self.none = QLabel("Load and memory of the machine are drawn here while a run goes.")
        self.none.setProperty("look", "dim")
        self.none.setWordWrap(True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 8, 4, 8)
        self._column.setSpacing(8)
        self._column.addWidget(self.none)
        self._column.addStretch(1)
        self._heard = -1
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self.redraw)

    def show_run(self, watch: Watch | None) -> None:
        """Draw another run."""
        self._heard = -1
        if self.isVisible():
            self.redraw()

    def entered(self) -> None:
        """Draw what came while it was not seen."""
        self.redraw()

    def live(self, on: bool) -> None:
        """Follow the run by a timer, or stand still."""
        if on != self._timer.isActive():
            self._timer.start() if on else self._timer.stop()
            self.redraw()

    def redraw(self) -> None:
        """Draw what came since the last time."""
        watch = self.bench.watch
        heard = watch.history.scalars_heard if watch is not None else 0
        if heard == self._heard:
            return
        self._heard = heard
        made = machine_plots(Shown(watch.title, watch.history)) if watch is not None else []
        names = [plot.name for plot in made]
        for name in [name for name in self.plots if name not in names]:
            plot = self.plots.pop(name)
            self._column.removeWidget(plot)
            plot.hide()
            plot.deleteLater()
        for place, drawn in enumerate(made):
            if drawn.name not in self.plots:
                plot = self.plots[drawn.name] = RunPlot()
                plot.setFixedHeight(PLOT_PX)
                plot.hovered.connect(self._point)
                self._column.insertWidget(place, plot)
            ends = [float(end) for one in drawn.strokes for end in one.track.times[[0, -1]]]
            self.plots[drawn.name].show_plot(drawn, Manner("time"), (min(ends), max(max(ends), min(ends) + 1.0)))
        self.none.setVisible(not made)

    def _point(self, x: float | None) -> None:
        for plot in self.plots.values():
            plot.point_at(x)
