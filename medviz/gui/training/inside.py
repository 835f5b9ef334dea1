"""Inside the network while it learns: how weights, gradients and activations are spread, and what its layers see."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QMenu, QSplitter, QToolButton, QVBoxLayout, QWidget

from medviz.gui.controls import calm
from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.panes import Panes
from medviz.gui.training.spread_view import SpreadView
from medviz.gui.training.watch import Watch

REDRAW_MS = 500
ALL = "all layers, now"
MOST_LAYERS = 4
"""So many layers may be looked at at once."""
LAYERS = "layers"


class Inside(RunView):
    """Spreads above (of all layers now, or of one over the steps), feature maps of chosen layers below."""

    WORD = "Inside"
    HINT = "How weights, gradients and activations are spread, and what the layers see"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.kind = _box("what is spread", "Weights, gradients or activations")
        self.layer = _box("layer whose spread is shown", "All layers as they are now, or one layer over the steps")
        self.spread, self.panes = SpreadView(), Panes()
        self.spread.setAccessibleName("spread of the values")
        self.waits = _dim("How weights, gradients and activations are spread comes here with the first pictures.")
        self.hint = _dim("")
        self.choice = QToolButton()
        self.choice.setText("Layers ▾")
        self.choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.choice.setToolTip("Choose the layers whose feature maps are drawn, at most four")
        self.choice.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.choice)
        self.choice.setMenu(self.menu)
        self.wanted: tuple[str, ...] = ()
        self._offered: tuple[str, ...] = ()
        self._drawn: object = None
        self._lay_out()
        self.kind.activated.connect(lambda: self.redraw())
        self.layer.activated.connect(lambda: self.redraw())
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw_if_new)

    def _lay_out(self) -> None:
        heading = QLabel("Feature maps")
        heading.setProperty("look", "heading")
        bar, foot = QHBoxLayout(), QHBoxLayout()
        for widget in (self.kind, self.layer):
            bar.addWidget(widget)
        bar.addStretch(1)
        foot.setContentsMargins(16, 4, 16, 0)
        foot.addWidget(heading, 1)
        foot.addWidget(self.choice)
        above, below = QWidget(), QWidget()
        top, bottom = QVBoxLayout(above), QVBoxLayout(below)
        top.setContentsMargins(16, 8, 16, 0)
        top.addLayout(bar)
        top.addWidget(self.waits, 1)
        top.addWidget(self.spread, 1)
        bottom.setContentsMargins(0, 0, 0, 0)
        self.hint.setContentsMargins(16, 0, 16, 8)
        bottom.addLayout(foot)
        bottom.addWidget(self.hint, 1)
        bottom.addWidget(self.panes, 1)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(above)
        halves.addWidget(below)
        halves.setSizes([1000, 1000])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(halves)

    def show_run(self, watch: Watch | None) -> None:
        """Look into another run."""
        self.wanted, self._offered, self._drawn = (), (), None
        if self.isVisible():
            self.redraw()

    def refresh(self) -> None:
        """Say what may be asked for now."""
        watch = self.bench.watch
        self.choice.setEnabled(watch is not None and watch.obeys and bool(self._offered))

    def entered(self) -> None:
        """Draw what came while it was not seen."""
        self._redraw_if_new()

    def live(self, on: bool) -> None:
        """Follow the run by a timer, or stand still."""
        if on != self._timer.isActive():
            self._timer.start() if on else self._timer.stop()
            self._redraw_if_new()

    def _redraw_if_new(self) -> None:
        watch = self.bench.watch
        if self._drawn != (id(watch), watch.history.insides_heard if watch is not None else 0):
            self.redraw()

    def redraw(self) -> None:
        """Draw what has come so far."""
        watch = self.bench.watch
        self._drawn = (id(watch), watch.history.insides_heard if watch is not None else 0)
        self._draw_spread(watch)
        maps = watch.history.maps if watch is not None else {}
        shown = [maps[f"layer {name}"] for name in self.wanted if f"layer {name}" in maps]
        shown = shown or list(maps.values())[-MOST_LAYERS:]
        columns = 1 if len(shown) < 3 else 2
        self.panes.show_rows([shown[first : first + columns] for first in range(0, len(shown), columns)])
        self.panes.setVisible(bool(shown))
        self.hint.setVisible(not shown)
        self._offer(watch)
        goes = watch is not None and watch.obeys
        waits = "The maps come with the next pictures (“Preview now” draws them at once)." if self.wanted else ""
        choose = "Choose layers: their feature maps on the first probe are drawn with the pictures of the run."
        self.hint.setText((waits or choose) if goes else "No feature maps were asked for while this run went.")
        self.refresh()

    def _draw_spread(self, watch: Watch | None) -> None:
        spreads = watch.history.spreads if watch is not None else {}
        for widget in (self.kind, self.layer, self.spread):
            widget.setVisible(bool(spreads))
        self.waits.setVisible(not spreads)
        _fill(self.kind, tuple(spreads))
        found = spreads.get(self.kind.currentText())
        if found is None:
            return
        _fill(self.layer, (ALL, *found.layers))
        layer = self.layer.currentText()
        if layer == ALL:
            x_name = f"value (step {found.steps[-1]:,})"
            self.spread.show_values(found.values[-1], found.layers, found.bins, found.unit, x_name)
        else:
            steps = tuple(f"{step:,}" for step in found.steps)
            self.spread.show_values(found.over_time(layer), tuple(found.bins)[::-1], steps, found.unit, "step")

    def _offer(self, watch: Watch | None) -> None:
        """Offer the layers that the run has told of."""
        spreads = watch.history.spreads if watch is not None else {}
        names = tuple(spreads["activations"].layers) if "activations" in spreads else ()
        if names == self._offered:
            return
        self._offered = names
        self.menu.clear()
        for name in names:
            action = self.menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(name in self.wanted)
            action.triggered.connect(self._choose)

    def _choose(self) -> None:
        """Ask the run for these; the oldest wish gives way to a fifth."""
        chosen = [action.text() for action in self.menu.actions() if action.isChecked()]
        fresh = [name for name in chosen if name not in self.wanted]
        self.wanted = tuple([*(name for name in self.wanted if name in chosen), *fresh][-MOST_LAYERS:])
        for action in self.menu.actions():
            action.setChecked(action.text() in self.wanted)
        if self.bench.watch is not None:
            self.bench.watch.order(LAYERS, list(self.wanted))
        self.redraw()


def _box(name: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(tip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    box.setMaximumWidth(220)
    calm(box)
    return box


def _fill(box: QComboBox, names: tuple[str, ...]) -> None:
    """Offer these names; the one chosen stays if it is among them."""
    if tuple(box.itemText(place) for place in range(box.count())) == names:
        return
    kept = box.currentText()
    box.clear()
    box.addItems(list(names))
    box.setCurrentIndex(max(0, box.findText(kept)))


def _dim(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("look", "dim")
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    return label
