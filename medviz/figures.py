"""Something to draw, as values: frozen, numpy only.

Labs and tasks yield figures; one table in the window maps a kind of figure to the view that draws it. `name` is what a
layout, a Pick and an example's expectation call the figure; `title` is what a person reads.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Cells = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Mark:
    """Cells or pixels that light up together: the rectangle from (row, col), `height` by `width`.

    `style`: "focus" (the cell asked about), "source" (what it is made from), "target" (what it goes to), "box",
    "reference" (what was meant: thin and white). `arrow` (row, col): where an arrow from the middle of the rectangle
    ends. `colour` (red, green, blue in 0..255) where it has one of its own, as a class has; then its text is left out
    where there is no room for it.
    """

    row: float
    col: float
    height: float = 1
    width: float = 1
    style: str = "focus"
    text: str = ""
    arrow: tuple[float, float] | None = None
    colour: tuple[int, int, int] | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels as they face the screen, (rows, cols) grey or (rows, cols, 3) colour in 0..1 or uint8.

    `mm`: height and width of a pixel in mm, None where uncalibrated. `levels`: the values drawn black and white.
    `labels` (rows, cols) of integers are drawn over it in the label colours; `label_names` say what they, or the
    coloured marks, are. `letters`: left, right, top, bottom.
    `drags`: what lies on it (a box) may be dragged; the view tells from where to where. `paints`: the view tells the
    whole way of the mouse.
    """

    name: str
    pixels: Array
    title: str = ""
    mm: tuple[float, float] | None = None
    levels: tuple[float, float] | None = None
    colours: str = "grey"
    unit: str = ""
    labels: Array | None = None
    label_names: tuple[str, ...] = ()
    letters: tuple[str, str, str, str] | None = None
    marks: tuple[Mark, ...] = ()
    drags: bool = False
    paints: bool = False
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Gallery:
    """Tiles (n, rows, cols), one scale for all (`shared_scale`) or each its own; `titles` one a tile.

    Tiles in colour are (n, rows, cols, 3), uint8 or in 0..1, and are drawn as they are.
    """

    name: str
    tiles: Array
    title: str = ""
    titles: tuple[str, ...] = ()
    colours: str = "grey"
    levels: tuple[float, float] | None = None
    shared_scale: bool = False
    labels: Array | None = None
    columns: int | None = None
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Values (rows, cols) whose numbers matter: drawn with the number in each cell where there is room.

    `colours`: "diverging" (centred on zero), "grey", "viridis" ... `ring`: how many outer cells are padding (top,
    bottom, left, right), drawn in another tint. `editable` cells send back what is typed into the field `name`.
    """

    name: str
    values: Array
    title: str = ""
    colours: str = "grey"
    levels: tuple[float, float] | None = None
    unit: str = ""
    digits: int = 3
    ring: tuple[int, int, int, int] = (0, 0, 0, 0)
    mm: tuple[float, float] | None = None
    letters: tuple[str, str, str, str] | None = None
    row_names: tuple[str, ...] = ()
    column_names: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    editable: bool = False
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Line:
    """One curve: x and y of equal length, `dashed` for a broken line.

    `colour` (red, green, blue in 0..255) where it has one of its own, as a label has; else the view gives it one.
    """

    name: str
    x: Array
    y: Array
    dashed: bool = False
    colour: tuple[int, int, int] | None = None


@dataclass(frozen=True, eq=False)
class Curves:
    """Lines over one pair of axes; units belong into the axis names ("time (s)")."""

    name: str
    lines: tuple[Line, ...]
    title: str = ""
    x_name: str = ""
    y_name: str = ""
    log_y: bool = False
    at: float | None = None
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Points:
    """Points (n, 2), coloured by `groups` (n,) whose names are `group_names`; `words` is one text a point.

    `spelt`: the words stand beside their points where there is room; else the mouse reads them.
    """

    name: str
    at: Array
    title: str = ""
    groups: Array | None = None
    group_names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    x_name: str = ""
    y_name: str = ""
    weight: float = 1.0
    spelt: bool = False


@dataclass(frozen=True, eq=False)
class Bars:
    """One bar a name; `unit` stands on the axis."""

    name: str
    names: tuple[str, ...]
    values: Array
    title: str = ""
    unit: str = ""
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Graph:
    """Boxes and arrows: `nodes` of (name, text, column, row), `edges` of (from, to, text)."""

    name: str
    nodes: tuple[tuple[str, str, float, float], ...]
    edges: tuple[tuple[str, str, str], ...]
    title: str = ""
    marks: tuple[str, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of texts and numbers; `units` one a column. Numbers are right-aligned."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]
    title: str = ""
    units: tuple[str, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Text:
    """Sentences, or (`formula`) one line of arithmetic filled in with the current numbers, in fixed-width type.

    `level` is "plain", "good", "warning" (an erratum) or "bad".
    """

    name: str
    text: str
    title: str = ""
    formula: bool = False
    level: str = "plain"
    weight: float = 0.2


Figure = Picture | Gallery | Heatmap | Curves | Points | Bars | Graph | Table | Text


def array_of(figure: Figure) -> Array | None:
    """Return the numbers a figure shows (for an export or an example's check), None where it has no array."""
    for field in ("pixels", "tiles", "values", "at"):
        value = getattr(figure, field, None)
        if isinstance(value, np.ndarray):
            return value
    return None
