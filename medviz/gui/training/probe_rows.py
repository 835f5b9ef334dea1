"""How the figures of one round lie beside each other: a row a probe where there are several of each, else a flow."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from medviz.figures import Figure, Picture

HEAD_PX = 30
"""Height of a picture's title and the gap under it."""
NARROWEST_PX, LOWEST_PX = 96, 106
AT_FIRST = ("image", "reference", "prediction", "error", "picture")
"""Columns that are shown until a person chooses."""
WRONG = 6
"""The label value whose colour (vermilion) says "wrong"."""
OF_ALL_SHARE = 0.45
"""So much of the height goes to the figures that are about all samples (a confusion matrix), where there are some."""
_PROBE = re.compile(r"([a-z]+ \d+)(?: (.+))?$")


@dataclass
class Found:
    """The figures of a round: `rows` by probe and column, `of_all` those about all samples."""

    rows: dict[str, dict[str, Figure]] = field(default_factory=dict)
    of_all: dict[str, Figure] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """What may be shown or hidden; nothing where there is only one thing to see."""
        columns = dict.fromkeys(column for row in self.rows.values() for column in row)
        names = (*columns, *self.of_all)
        return names if len(names) > 1 else ()

    def at_first(self, name: str) -> bool:
        """Tell whether a column is shown before a person chose; what takes much room is, for a few probes only."""
        return name in AT_FIRST or name in self.of_all or (len(self.rows) <= 2 and name != "certainty")


@dataclass(frozen=True)
class Layout:
    """Rows of figures, the share of the height of each, and the height beyond which there is nothing to gain."""

    rows: list[list[Figure]]
    heights: list[int]
    most_px: int


def found_in(figures: Sequence[Figure]) -> Found:
    """Sort figures named "probe 1 prediction" by probe and column.

    A row with a prediction begins with the image itself. Errors get a colour that is none of the first classes'.
    """
    found = Found()
    for figure in figures:
        match = _PROBE.match(figure.name)
        if match is None:
            found.of_all[figure.name] = figure
            continue
        row, column = match[1], match[2] or "picture"
        place = found.rows.setdefault(row, {})
        place[column] = _dressed(figure, row, column)
        if column == "prediction" and isinstance(figure, Picture):
            plain = replace(figure, name=f"{row} image", title=row, labels=None, label_names=())
            place["image"] = plain
    order = {name: number for number, name in enumerate(AT_FIRST)}
    found.rows = {
        row: dict(sorted(cells.items(), key=lambda one: order.get(one[0], 9))) for row, cells in found.rows.items()
    }
    return found


def _dressed(figure: Figure, row: str, column: str) -> Figure:
    """Give a figure a short title: what it is, not which probe; the legend names the labels once for all."""
    title = figure.title.removeprefix(f"{row}: ") if column == "picture" else column
    if not isinstance(figure, Picture):
        return replace(figure, title=figure.title.removeprefix(f"{row}: "))
    one = replace(figure, label_names=(), title=title or figure.title)
    if column == "error" and figure.labels is not None:
        return replace(one, labels=(figure.labels > 0).astype(np.uint8) * WRONG)
    return one


def laid_out(found: Found, hidden: Collection[str], wide: int, high: int) -> Layout:
    """Lay out what is not hidden, so that pictures are as large as can be."""
    rows = [[one for name, one in row.items() if name not in hidden] for row in found.rows.values()]
    rows = [row for row in rows if row]
    of_all = [one for name, one in found.of_all.items() if name not in hidden]
    flows = max(map(len, rows), default=0) == 1
    if flows:
        rows = [[row[0] for row in rows]]
    below = [of_all[first : first + 2] for first in range(0, len(of_all), 2)]
    share = 0.0 if not below else 1.0 if not rows else OF_ALL_SHARE
    lines = wrapped(rows, wide, round(high * (1 - share)))
    if flows and below:  # the first ones, as large as can be seen; the others are in the table of cases
        lines = lines[: max(1, round(high * (1 - share)) // LOWEST_PX)]
    columns = max(map(len, lines), default=1)
    most = len(lines) * (wide // columns + HEAD_PX) + HEAD_PX
    heights = [*[round(high * (1 - share)) // max(1, len(lines))] * len(lines)]
    heights += [round(high * share) // max(1, len(below))] * len(below)
    return Layout([*lines, *below], heights, 16_777_215 if below else max(most, 120))


def wrapped(rows: Sequence[Sequence[Figure]], wide: int, high: int) -> list[list[Figure]]:
    """Break rows of pictures into as many lines as make the pictures largest."""
    longest = max((len(row) for row in rows), default=1)
    fitting = max(1, min(longest, wide // NARROWEST_PX))

    def side(columns: int) -> float:
        lines = sum(-(-len(row) // columns) for row in rows)
        return min(wide / columns, high / max(1, lines) - HEAD_PX)

    columns = max(range(1, fitting + 1), key=side)
    return [list(row[first : first + columns]) for row in rows for first in range(0, len(row), columns)]
