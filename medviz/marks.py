"""Marks beside a parameter's type: its range, its choices, its heading, when it is of use, what it is picked from."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """A number between `low` and `high`, both included. `log` asks for a logarithmic slider."""

    low: float
    high: float
    step: float | None = None
    unit: str = ""
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of `options`; `words` are what a person reads instead."""

    options: tuple[Any, ...]
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ticks:
    """Any number of `options`, in their order; `words` are what a person reads instead.

    Without options the names depend on something else ("blocks of the network"): a form is offered them later, and
    every name is taken.
    """

    options: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Size:
    """A matrix of at most `rows` by `columns` numbers."""

    rows: int
    columns: int


@dataclass(frozen=True)
class Pick:
    """Set by pointing at a cell of the figures of these names."""

    figures: tuple[str, ...]

    def __init__(self, *figures: str) -> None:
        object.__setattr__(self, "figures", figures)


@dataclass(frozen=True)
class Step:
    """Driven by a player: play, pause, back, slider, speed."""


@dataclass(frozen=True)
class Input:
    """What the thing works on: a Slice, a region or a Volume, chosen and not typed. `kind` is "slice" or "volume".

    Beside the first input there may be "labels" and "prediction": the viewer's layers on the same slice, None where
    there are none.
    """

    kind: str = "slice"


@dataclass(frozen=True)
class File:
    """A path to a file or (`folder`) a folder on this machine; `either` takes both."""

    folder: bool = False
    wildcard: str = ""
    either: bool = False


@dataclass(frozen=True)
class When:
    """Only of use while another field has one of these values; a form greys it out otherwise."""

    field: str
    values: tuple[Any, ...]

    def __init__(self, field: str, *values: Any) -> None:
        object.__setattr__(self, "field", field)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class Group:
    """The heading under which a form puts the field; `advanced` ones start folded."""

    name: str
    advanced: bool = False


@dataclass(frozen=True)
class Part:
    """A thing out of a catalog ("networks", "datasets") with its own parameters; the field's value is a Settings.

    `only` limits the choice to these names; empty takes all of the catalog.
    """

    catalog: str
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Live:
    """May be changed while a run goes. `samples` says that what is learnt from must then be made anew."""

    samples: bool = False
