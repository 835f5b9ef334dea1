"""Worked examples run through the lab itself, and held against what must come out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from medviz.figures import Figure, Table, Text, array_of
from medviz.labs.formulas import close
from medviz.labs.lab import Example, Lab
from medviz.messages import Message, Note, Progress, Scalar, finished
from medviz.parameters import built


@dataclass(frozen=True)
class Check:
    """One expectation of an example: its name ("output[0,1]"), whether it came out, and both sides."""

    name: str
    ok: bool
    expected: Any
    found: Any


def figures_of(lab: Lab) -> dict[str, Figure]:
    """Run a lab to its end; the last figure of each name, in the order in which the names first came."""
    found: dict[str, Figure] = {}

    def hear(message: Message) -> None:
        if not isinstance(message, Scalar | Progress | Note):
            found[message.name] = message

    finished(lab.show(), hear)
    return found


def example_lab(kind: type[Lab], example: Example) -> Lab:
    """Build the lab as an example sets it."""
    return built(kind, example.parameters)


def checked(kind: type[Lab], example: Example) -> tuple[Check, ...]:
    """Run an example through the lab's own `show` and hold each expectation against it."""
    return held(example, figures_of(example_lab(kind, example)))


def held(example: Example, figures: Mapping[str, Figure]) -> tuple[Check, ...]:
    """Hold figures that are there already (those on screen) against each expectation of an example."""
    return tuple(_check(figures, name, expected) for name, expected in example.expect.items())


def _check(figures: Mapping[str, Figure], name: str, expected: Any) -> Check:
    part = re.fullmatch(r"(\w+)(?:\[(\d+),(\d+)\]|\.(shape))?", name)
    figure = figures.get(part[1]) if part else None
    if part is None or figure is None:
        return Check(name, False, expected, None)
    if isinstance(expected, str):
        said = text_of(figure)
        return Check(name, expected in said, expected, said)
    array = array_of(figure)
    if array is None:
        return Check(name, False, expected, None)
    if part[4]:
        return Check(name, array.shape == tuple(expected), expected, array.shape)
    if part[2]:
        row, col = int(part[2]), int(part[3])
        inside = row < array.shape[0] and col < array.shape[1]
        found = float(array[row, col]) if inside else None
        return Check(name, found is not None and close(found, expected), expected, found)
    return Check(name, close(array, np.asarray(expected, float)), expected, array.tolist())


def text_of(figure: Figure) -> str:
    """Return what a figure says in words."""
    if isinstance(figure, Text):
        return figure.text
    if isinstance(figure, Table):
        return "\n".join(" ".join(str(cell) for cell in row) for row in (figure.columns, *figure.rows))
    return figure.title
