"""What is to be painted of the curves of a run: the peaks and pits of each column of pixels, ranges, and the head.

So a curve of 200,000 points costs what a short one does.
"""

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import QWidget

from medviz.gui.drawing.curves import line_colours, readable
from medviz.gui.drawing.look import look_of, type_of
from medviz.gui.drawing.numbers import number_text, with_unit
from medviz.gui.theme import TEXT_PX, theme
from medviz.gui.training.strokes import Plot, Stroke
from medviz.gui.training.track import Across, Array, thinned
from medviz.gui.training.words import duration

LEFT, RIGHT, TOP, GAP = 46, 8, 2, 7
COLUMNS = 700
"""So many columns of pixels at most are told apart along x."""
MOST_LINES = 3
NAMED_FROM_PX = 150
"""A plot that is lower does without the name of its x axis."""


@dataclass(frozen=True)
class Manner:
    """How all plots of a page are drawn: along what, how smooth, logarithmic or not, which part of x (None: all)."""

    across: Across = "step"
    smoothing: float = 0.0
    log: bool = False
    part: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """A curve as it lies on the axes (y logarithmic already); `ghost` is the raw one where it is smoothed."""

    stroke: Stroke
    colour: QColor
    x: Array
    y: Array
    ghost: tuple[Array, Array] | None


@dataclass(frozen=True)
class Word:
    """A word of the head: where it begins (px from the left, line), its colour (None: the title)."""

    text: str
    x: float
    line: int
    colour: QColor | None = None


class Plotted(QWidget):
    """Holds a `Plot` in a `Manner`, ready to be painted. `hover`: the x at which curves are read, None: their ends."""

    def __init__(self) -> None:
        super().__init__()
        self.plot: Plot | None = None
        self.manner = Manner()
        self.hover: float | None = None
        self.names_x = True
        self.drawn: tuple[Drawn, ...] = ()
        self._x, self._y = (0.0, 1.0), (0.0, 1.0)
        self._head: tuple[Word, ...] = ()

    # What is drawn --------------------------------------------------------------------------------------------------

    def show_plot(self, plot: Plot, manner: Manner, whole: tuple[float, float]) -> None:
        """Draw these curves; `whole` is the range of x of all plots of the page."""
        self.plot, self.manner = plot, manner
        self._x = manner.part or whole
        columns = max(50, min(COLUMNS, self.width() - LEFT - RIGHT))
        self.drawn = tuple(self._prepared(stroke, columns) for stroke in plot.strokes)
        self._y = self._range_of_y()
        self.setAccessibleName(plot.title)
        self.setAccessibleDescription(", ".join(text for text, _ in self.legend()))
        self._head = self._laid_out()
        self.update()

    def point_at(self, x: float | None) -> None:
        """Read all curves at this x; None shows the newest values."""
        if x != self.hover:
            self.hover = x
            self._head = self._laid_out()
            self.update()

    @property
    def is_log(self) -> bool:
        """True where y is logarithmic."""
        return self.manner.log and self.plot is not None and self.plot.may_be_log

    def legend(self) -> list[tuple[str, QColor]]:
        """What stands above: each curve with its value where the mouse is, else with its newest."""
        return [(f"{one.stroke.words} {self._value_words(one.stroke)}".strip(), one.colour) for one in self.drawn]

    def value_of(self, stroke: Stroke, x: float | None) -> float:
        """The value of a curve at x (the last point that is not beyond it), the newest for None."""
        if x is None:
            return stroke.track.last
        along = stroke.track.across(self.manner.across, stroke.steps_per_epoch)
        place = int(np.searchsorted(along, x, side="right")) - 1
        return float(stroke.track.smoothed(self.manner.smoothing)[place]) if place >= 0 else math.nan

    def _value_words(self, stroke: Stroke) -> str:
        value = self.value_of(stroke, self.hover)
        if math.isnan(value):
            return "–"
        return with_unit(value_text(value), self.plot.unit if self.plot else "")

    def _prepared(self, stroke: Stroke, columns: int) -> Drawn:
        track, manner = stroke.track, self.manner
        x = track.across(manner.across, stroke.steps_per_epoch)
        smooth = manner.smoothing > 0 and track.length >= 12
        raw = thinned(x, track.values, *self._x, columns)
        xs, ys = thinned(x, track.smoothed(manner.smoothing), *self._x, columns) if smooth else raw
        ghost = (raw[0], self._on_axis(raw[1])) if smooth else None
        dark = look_of(self).dark
        palette = line_colours(dark)
        common = QColor(palette[stroke.place % len(palette)])
        colour = readable(QColor(*stroke.colour), dark) if stroke.colour else common
        return Drawn(stroke, colour, xs, self._on_axis(ys), ghost)

    def _on_axis(self, values: Array) -> Array:
        kept = np.where(np.isfinite(values), values, np.nan)
        if not self.is_log:
            return kept
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(kept > 0, np.log10(kept), np.nan)

    def _range_of_y(self) -> tuple[float, float]:
        found = [one.y[np.isfinite(one.y)] for one in self.drawn]
        found = [one for one in found if one.size]
        if not found:
            return 0.0, 1.0
        low, high = min(float(one.min()) for one in found), max(float(one.max()) for one in found)
        if low >= 0 and not self.is_log and self.plot is not None and self.plot.unit == "%":
            low, high = 0.0, max(high, 1.0)
        air = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
        return low - air, high + air

    @property
    def type_px(self) -> int:
        """Height of the type."""
        now = theme()
        return round(TEXT_PX * (now.scale if now else 1.0))

    @property
    def line_px(self) -> float:
        """Height of a line of the head."""
        return round(self.type_px * 1.3)

    def area(self) -> QRectF:
        """Where the curves lie."""
        foot = self.line_px * (2 if self._has_name() else 1)
        head = self.line_px * (1 + max((word.line for word in self._head), default=0)) + TOP + GAP
        return QRectF(LEFT, head, max(1.0, self.width() - LEFT - RIGHT), max(1.0, self.height() - head - foot))

    def x_at(self, pixel: float) -> float:
        """The x that lies at a column of pixels."""
        area, (low, high) = self.area(), self._x
        return low + (pixel - area.left()) / area.width() * (high - low)

    def _has_name(self) -> bool:
        return self.names_x and self.height() >= NAMED_FROM_PX

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the head into other lines."""
        super().resizeEvent(event)
        self._head = self._laid_out()

    def _laid_out(self) -> tuple[Word, ...]:
        """Put title and legend into lines; where the mouse is, or what the best was, stands behind them."""
        if self.plot is None:
            return ()
        bold = QFontMetricsF(type_of(self, self.type_px, bold=True))
        small = QFontMetricsF(type_of(self, self.type_px * 0.92))
        found = [Word(self.plot.title, 0.0, 0)]
        x, line = bold.horizontalAdvance(self.plot.title) + 12, 0
        rest = [(text, colour, 18.0) for text, colour in self.legend()]
        aside = self._aside()
        for text, colour, sign in [*rest, *([(aside, look_of(self).dim, 0.0)] if aside else [])]:
            wide = small.horizontalAdvance(text) + sign
            if x + wide > self.width() - RIGHT and x > 0 and line < MOST_LINES - 1:
                x, line = 0.0, line + 1
            found.append(Word(text, x, line, colour))
            x += wide + 12
        return tuple(found)

    def words_of_x(self, value: float) -> str:
        """Write a place along x."""
        if self.manner.across == "time":
            return duration(value)
        return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.3g}"

    def _aside(self) -> str:
        assert self.plot is not None
        if self.hover is not None:
            name = "" if self.manner.across == "time" else f"{self.manner.across} "
            return f"at {name}{self.words_of_x(self.hover)}"
        best = self.plot.best
        return f"best {value_text(best[1])} at step {best[0]:,.0f}" if best is not None else ""


def value_text(value: float) -> str:
    """Write a value with three figures, zeros kept, so that numbers that change do not jump."""
    return f"{value:#.3g}".rstrip(".").replace("-", "−") if 1e-3 <= abs(value) < 1000 else number_text(value, 3)
