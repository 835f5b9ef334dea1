"""Axes of pyqtgraph whose numbers are written like all others."""

from typing import Any

import numpy as np
import pyqtgraph as pg

from medviz.gui.drawing.numbers import number_text


class NumberAxis(pg.AxisItem):
    """An axis with a real minus; a logarithmic one names 1, 2 and 5 of each decade."""

    def tickStrings(self, values: Any, scale: float, spacing: float) -> list[str]:
        """Write the numbers of the ticks."""
        if self.logMode:
            return self.logTickStrings(values, scale, spacing)
        return [number_text(round(value * scale, 12), 6) for value in values]

    def logTickStrings(self, values: Any, scale: float, spacing: float) -> list[str]:
        """Write the numbers of the ticks that lead; the others have a line and no number."""
        named = [float(10.0**value) * scale for value in values]
        return [number_text(float(f"{value:.1e}"), 2) if _leads(value) else "" for value in named]


def _leads(value: float) -> bool:
    return value > 0 and round(value / 10.0 ** np.floor(np.log10(value) + 1e-9), 3) in (1, 2, 5)
