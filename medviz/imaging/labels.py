"""Names and colours of labels, the same everywhere in the program."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Okabe and Ito's eight without black and grey, then Paul Tol's muted set: distinct for colour-blind eyes.
_COLOURS = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
    (136, 204, 238), (204, 102, 119), (221, 204, 119), (17, 119, 51), (51, 34, 136), (170, 68, 153), (68, 170, 153),
    (153, 153, 51), (136, 34, 85), (102, 153, 204),
)  # fmt: skip


@dataclass(frozen=True)
class Label:
    """One label: the value in the map, its name and its colour (red, green, blue in 0..255)."""

    value: int
    name: str
    colour: tuple[int, int, int]


def default_colour(value: int) -> tuple[int, int, int]:
    """Colour of a label value that has none of its own; past the table the colours come again, darker or lighter."""
    turn, place = divmod(value - 1, len(_COLOURS))
    factor = (1.0, 0.7, 1.25, 0.5, 0.85)[turn % 5]
    red, green, blue = (min(255, round(part * factor)) for part in _COLOURS[place])
    return red, green, blue


def named(names: tuple[str, ...]) -> tuple[Label, ...]:
    """Labels 1, 2, ... of these names in the default colours."""
    return tuple(Label(value, name, default_colour(value)) for value, name in enumerate(names, start=1))


def colour_table(labels: tuple[Label, ...], size: int = 256) -> NDArray[np.uint8]:
    """Return (size, 4) red, green, blue and alpha by label value; 0 is clear, unnamed values take defaults."""
    table = np.zeros((size, 4), np.uint8)
    for value in range(1, size):
        table[value] = (*default_colour(value), 255)
    for label in labels:
        if 0 < label.value < size:
            table[label.value] = (*label.colour, 255)
    return table
