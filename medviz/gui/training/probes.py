"""Probe pictures: what the network makes of the same slices, round by round; redrawn twice a second at most."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSlider, QToolButton, QVBoxLayout, QWidget

from medviz.figures import Figure, Picture
from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.history import Round
from medviz.gui.training.panes import Panes
from medviz.gui.training.watch import Watch
from medviz.imaging.labels import default_colour

REDRAW_MS = 500
HEAD_PX = 30
"""Height of a picture's title and the gap under it."""
AT_FIRST = ("image", "reference", "prediction", "error")
"""Columns that are shown until a person chooses."""
WRONG = 6
"""The label value whose colour (vermilion) says "wrong"."""


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
        self.waits = QLabel("Pictures of a few slices that training never sees come here, again and again.")
        self.waits.setProperty("look", "dim")
        self.waits.setWordWrap(True)
        self.waits.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.columns: dict[str, QAction] = {}
        self._shown: list[list[Figure]] = []
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
        table = in_rows(tuple(chosen.figures.values()))
        self._offer(tuple(dict.fromkeys(column for row in table.values() for column in row if len(row) > 1)))
        hidden = {name for name, action in self.columns.items() if not action.isChecked()}
        shown = [[one for name, one in row.items() if name not in hidden] for row in table.values()]
        self._shown = [row for row in shown if row]
        self._put()
        self.legend.setText(legend_of(tuple(chosen.figures.values())))

    def _put(self) -> None:
        """Lay the pictures out so that they are as large as can be."""
        wide, high = self.width(), self.height() - self.head.height() - self.foot.height()
        rows = wrapped(self._shown, wide, high)
        columns = max(map(len, rows), default=1)
        self.panes.setMaximumHeight(max(len(rows) * (wide // columns + HEAD_PX) + HEAD_PX, 120))
        self.panes.show_rows(rows, calmly=self._timer.isActive())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the pictures out anew."""
        super().resizeEvent(event)
        if self._shown:
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
            action.setChecked(name in AT_FIRST or not any(one in AT_FIRST for one in names))
            action.triggered.connect(self._draw)
            self.columns[name] = action


def wrapped(rows: Sequence[Sequence[Figure]], wide: int, high: int) -> list[list[Figure]]:
    """Break rows of pictures into as many lines as make the pictures largest."""
    longest = max((len(row) for row in rows), default=1)

    def side(columns: int) -> float:
        lines = sum(-(-len(row) // columns) for row in rows)
        return min(wide / columns, high / lines - HEAD_PX)

    columns = max(range(1, longest + 1), key=side)
    return [list(row[first : first + columns]) for row in rows for first in range(0, len(row), columns)]


def in_rows(figures: tuple[Figure, ...]) -> dict[str, dict[str, Figure]]:
    """Sort figures named "probe 1 prediction" into rows ("probe 1") and columns ("prediction").

    A row with a prediction begins with the image itself. Errors get a colour that is none of the first classes'.
    """
    rows: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        row, _, column = figure.name.rpartition(" ")
        place = rows.setdefault(row or figure.name, {})
        one = figure
        if isinstance(figure, Picture):
            one = replace(figure, label_names=(), title=column if len(column) > 2 else figure.title)
            if column == "prediction":
                place["image"] = replace(one, name=f"{row} image", title=row, labels=None)
            elif column == "error" and figure.labels is not None:
                one = replace(one, labels=(figure.labels > 0).astype(np.uint8) * WRONG)
        place[column or figure.name] = one
    order = {name: number for number, name in enumerate(AT_FIRST)}
    return {row: dict(sorted(place.items(), key=lambda item: order.get(item[0], 9))) for row, place in rows.items()}


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
