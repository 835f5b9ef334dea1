"""Curves: lines over one pair of axes, fast with many points, smoothed with the raw one as a ghost."""

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout

from medviz.figures import Array, Curves, Line
from medviz.gui.drawing.arrange import Need
from medviz.gui.drawing.look import dressed, look_of, mixed, type_of
from medviz.gui.drawing.ticks import NumberAxis
from medviz.gui.drawing.view import View

ON_DARK = ("#56b4e9", "#e69f00", "#2fc08f", "#cc79a7", "#f0e442", "#d55e00", "#8fb8ff", "#bbbbbb")
ON_LIGHT = ("#0072b2", "#c77700", "#00795a", "#a8467f", "#7a6b00", "#b34700", "#3b5bdb", "#555555")
"""Okabe and Ito's set, each shifted so far that it reads on its ground; told apart by colour-blind eyes."""
MANY = 12
"""From so many points on smoothing is offered."""
ROOM_FOR_SLIDER_PX = 240


def line_colours(dark: bool) -> tuple[str, ...]:
    """Return the colours of lines, groups and bars on a dark or light ground."""
    return ON_DARK if dark else ON_LIGHT


class CurvesView(View):
    """Draws Curves; `set_smoothing` (0 raw to 0.99) or the slider in the corner smooths every line."""

    figure: Curves | None

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.smoothing = 0.0
        axes = {side: NumberAxis(side) for side in ("left", "bottom")}
        self._plot = pg.PlotWidget(parent=self, background=None, enableMenu=False, axisItems=axes)
        self._plot.setStyleSheet("background: transparent; border: none;")
        self._plot.viewport().setAutoFillBackground(False)
        self._plot.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
        self._plot.hideButtons()
        self._item = self._plot.getPlotItem()
        menu = self._item.ctrlMenu  # pyqtgraph makes it without a parent, and it would outlive the view
        menu.setParent(self._plot, menu.windowFlags())
        self._items: dict[str, tuple[Any, Any]] = {}
        self._at = pg.InfiniteLine(angle=90, movable=False)
        self._at.hide()
        self._item.addItem(self._at)
        self._item.setDownsampling(auto=True, mode="peak")
        self._item.setClipToView(True)
        self._item.showGrid(x=True, y=True, alpha=0.12)
        self._legend = QLabel()
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setWordWrap(True)
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, 99)
        self._slider.setFixedWidth(72)
        self._slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._slider.setAccessibleName("smoothing of the curves")
        self._slider.setToolTip("Smooth the curves (exponential mean); the raw curve stays as a ghost")
        self._slider.valueChanged.connect(lambda value: self.set_smoothing(value / 100))
        self._lay_out()
        self._style()

    def _lay_out(self) -> None:
        self._box = QVBoxLayout(self)
        self._box.setSpacing(2)
        above = QHBoxLayout()
        above.addWidget(self._legend, 1)
        above.addWidget(self._slider)
        self._box.addLayout(above)
        self._box.addWidget(self._plot, 1)

    def need(self) -> Need:
        """Grow in all directions."""
        weight = self.figure.weight if self.figure else 1.0
        return Need(frame=(0, self.header_px), least=(220, 150), weight=weight)

    def set_smoothing(self, share: float) -> None:
        """Smooth by an exponential mean that keeps this share of the past (0 draws the raw line)."""
        self.smoothing = min(max(share, 0.0), 0.99)
        self._slider.setValue(round(self.smoothing * 100))
        if self.figure is not None:
            self._draw()

    def take(self, old: Any, new: Any) -> None:
        """Draw the lines; lines that went are taken away."""
        self._box.setContentsMargins(0, round(self.header_px), 0, 0)
        if old is None or (old.x_name, old.y_name, old.log_y) != (new.x_name, new.y_name, new.log_y):
            self._item.setLogMode(y=new.log_y)
            self._name_axes()
        if old is None or [line.name for line in old.lines] != [line.name for line in new.lines]:
            self._make_lines()
        self._draw()

    def restyled(self) -> None:
        """Follow theme and type."""
        self._style()
        if self.figure is not None:
            self._name_axes()
            self._make_lines()
            self._draw()
        self.update()

    def _style(self) -> None:
        look = look_of(self)
        for side in ("left", "bottom"):
            axis = self._item.getAxis(side)
            axis.setPen(pg.mkPen(look.line))
            axis.setTextPen(pg.mkPen(look.dim))
            axis.setStyle(tickFont=type_of(self, self.type_px * 0.85), autoExpandTextSpace=True)
            axis.label.setFont(type_of(self, self.type_px * 0.9))
        self._at.setPen(pg.mkPen(look.accent, width=1.5, style=Qt.PenStyle.DashLine))
        dressed(self._legend, self.type_px * 0.92, look.text)

    def _name_axes(self) -> None:
        if self.figure is None:
            return
        colour = look_of(self).dim.name()
        beside = self._stands_beside(self.figure.y_name)
        for side, name in (("bottom", self.figure.x_name), ("left", self.figure.y_name if beside else "")):
            self._item.setLabel(side, name or None, color=colour)
            axis = self._item.getAxis(side)
            axis.setSIPrefixEnableRanges(())  # without this, turning it off leaves the last scale: 0.2 reads as 200
            axis.enableAutoSIPrefix(False)

    def _stands_beside(self, name: str) -> bool:
        """Tell whether the name of the upright axis fits along it; else it stands above."""
        room = self.height() - self.header_px - 4.5 * self.type_px
        return QFontMetricsF(type_of(self, self.type_px * 0.9)).horizontalAdvance(name) <= room

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Name the axes where there is room for it."""
        super().resizeEvent(event)
        self._name_axes()
        self._name_lines()
        if self.figure is not None:
            self._draw()

    def _make_lines(self) -> None:
        for ghost, line in self._items.values():
            self._item.removeItem(ghost)
            self._item.removeItem(line)
        self._items.clear()
        for line, colour in self._coloured_lines():
            faint = mixed(colour, look_of(self).back, 0.65)  # opaque: clear colours add up where lines cross
            ghost = pg.PlotDataItem(pen=pg.mkPen(faint, width=1), connect="finite")
            style = Qt.PenStyle.DashLine if line.dashed else Qt.PenStyle.SolidLine
            drawn = pg.PlotDataItem(pen=pg.mkPen(colour, width=2, style=style), connect="finite")
            self._item.addItem(ghost)
            self._item.addItem(drawn)
            self._items[line.name] = ghost, drawn
        self._name_lines()

    def _coloured_lines(self) -> Iterator[tuple[Line, QColor]]:
        dark = look_of(self).dark
        for place, line in enumerate(self.figure.lines if self.figure else ()):
            own = line.colour
            yield line, readable(QColor(*own), dark) if own else QColor(line_colours(dark)[place % len(ON_DARK)])

    def _name_lines(self) -> None:
        """Write the legend; before it the name of the upright axis, where that does not fit along it."""
        words = []
        if self.figure is not None and self.figure.y_name and not self._stands_beside(self.figure.y_name):
            words.append(f'<span style="color:{look_of(self).dim.name()}">{escape(self.figure.y_name)}</span>')
        for line, colour in self._coloured_lines():
            stroke = "┅" if line.dashed else "━"
            words.append(f'<span style="color:{colour.name()}"><b>{stroke}</b></span>&nbsp;{escape(line.name)}')
        self._legend.setText(" &nbsp; ".join(words))

    def _draw(self) -> None:
        if self.figure is None:
            return
        longest = max((len(line.x) for line in self.figure.lines), default=0)
        helps = self.smoothing > 0 or any(is_noisy(line) for line in self.figure.lines)
        self._slider.setVisible(helps and self.width() >= ROOM_FOR_SLIDER_PX)
        for line in self.figure.lines:
            ghost, drawn = self._items[line.name]
            x, y = _points(line, self.figure.log_y)
            smoothed = self.smoothing > 0 and longest >= MANY
            ghost.setData(x, y) if smoothed else ghost.setData([], [])
            lone = len(x) == 1
            drawn.setSymbol("o" if lone else None)
            drawn.setSymbolBrush(drawn.opts["pen"].color())
            drawn.setData(x, smooth(y, self.smoothing) if smoothed else y)
        at = self.figure.at
        self._at.setVisible(at is not None)
        if at is not None:
            self._at.setValue(at)


def is_noisy(line: Line) -> bool:
    """Tell whether a line goes up and down so often that smoothing would help."""
    y = np.asarray(line.y, float)
    steps = np.diff(y[np.isfinite(y)])
    turns = np.count_nonzero(steps[1:] * steps[:-1] < 0)
    return len(steps) + 1 >= MANY and bool(turns > 0.25 * len(steps))


def readable(colour: QColor, dark: bool) -> QColor:
    """Return a colour made lighter on a dark ground, or darker on a light one, where it would be hard to see."""
    if dark:
        return colour.lighter(round(100 * 0.42 / colour.lightnessF())) if 0 < colour.lightnessF() < 0.42 else colour
    return colour.darker(round(100 * colour.lightnessF() / 0.4)) if colour.lightnessF() > 0.4 else colour


def smooth(values: Array, share: float) -> Array:
    """Return the exponential mean, unbiased at its start; what is not finite is passed over.

    Worked out in blocks, within which share**-k stays exact: 200,000 points take some milliseconds.
    """
    values = np.asarray(values, float)
    out, finite = np.full(len(values), np.nan), np.isfinite(values)
    kept = values[finite]
    if not 0.0 < share < 1.0 or not kept.size:
        out[finite] = kept
        return out
    block = max(8, int(-10 / np.log10(share)))
    powers = share ** np.arange(1, block + 1)
    means, mean = np.empty(len(kept)), 0.0
    for first in range(0, len(kept), block):
        part = kept[first : first + block]
        own = powers[: len(part)]
        means[first : first + block] = own * (mean + (1 - share) * np.cumsum(part / own))
        mean = means[min(first + block, len(kept)) - 1]
    out[finite] = means / (1 - share ** np.arange(1, len(kept) + 1))
    return out


def _points(line: Line, log_y: bool) -> tuple[Array, Array]:
    length = min(len(line.x), len(line.y))
    x, y = np.asarray(line.x[:length], float), np.array(line.y[:length], float)
    y[~np.isfinite(y)] = np.nan
    if log_y:
        y[~(y > 0)] = np.nan
    kept = np.isfinite(x)
    return (x, y) if kept.all() else (x[kept], y[kept])
