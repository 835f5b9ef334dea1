"""What is being played with, as one frozen value, and the way back through its changes."""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from medviz.imaging.slices import Plane
from medviz.parameters import Input, Parameter, Pick, Step, built, parameters

Kind = Literal["example", "slice", "region", "volume", "phantom", "file"]


@dataclass(frozen=True)
class On:
    """What a lab works on: the example's numbers, the viewer's slice, a region around the cursor, a phantom, a file.

    `file` is the path of what was read for the labs alone.
    """

    kind: Kind = "example"
    plane: Plane = "axial"
    side_px: int = 32
    phantom: str = "disc"
    file: str = ""


@dataclass(frozen=True)
class Play:
    """A lab, its name in the catalog, the worked example it began from (None for one's own) and what it works on."""

    name: str
    lab: Any
    example: Any = None
    on: On = On()  # frozen


def input_of(lab: Any) -> Parameter | None:
    """Return the parameter that holds what the lab works on, None where it works on nothing."""
    return next((one for one in parameters(lab) if one.kind == "input"), None)


def companions_of(lab: Any) -> dict[str, str]:
    """Return the inputs beside the first one by name: "labels" or "prediction"."""
    marks = {one.name: one.mark(Input) for one in parameters(lab) if one.kind == "input"}
    return {name: mark.kind for name, mark in list(marks.items())[1:] if mark}


def input_kind(lab: Any) -> str:
    """Return "slice", "volume" or "" for a lab that works on nothing."""
    one = input_of(lab)
    mark = one.mark(Input) if one else None
    return mark.kind if mark else ""


def differences(one: Any, other: Any, moves_too: bool = False) -> tuple[str, ...]:
    """Name the fields in which two labs differ; fields of pointing and stepping only where `moves_too`."""
    if type(one) is not type(other):
        return ("lab",)
    kept = (name for name, moves in _fields(one.__class__) if moves_too or not moves)
    return tuple(name for name in kept if not _same(getattr(one, name), getattr(other, name)))


@cache
def _fields(kind: type) -> tuple[tuple[str, bool], ...]:
    """Names of a lab's fields, and whether pointing or stepping moves them; read once, the mouse asks often."""
    return tuple((p.name, bool(p.mark(Pick) or p.mark(Step))) for p in parameters(kind))


def _same(one: Any, other: Any) -> bool:
    return one is other or bool(one == other)


def untouched(play: Play) -> bool:
    """Tell whether the parameters are still those of the example the play began from."""
    if play.example is None or play.on.kind != "example":
        return False
    return not differences(play.lab, example_lab(type(play.lab), play.example))


def example_lab(kind: Any, example: Any) -> Any:
    """Build the lab as a worked example sets it."""
    return built(kind, example.parameters)


class History:
    """Undo and redo of parameter changes; a drag of one slider is one change."""

    def __init__(self, merge_s: float = 0.8) -> None:
        self._merge_s = merge_s
        self._past: list[Play] = []
        self._future: list[Play] = []
        self._last: tuple[tuple[str, ...], float] = ((), 0.0)

    def changed(self, old: Play, new: Play) -> None:
        """Remember `old` before `new` replaces it."""
        what, now = differences(old.lab, new.lab), time.monotonic()
        same_drag = bool(what) and what == self._last[0] and now - self._last[1] < self._merge_s
        self._last = what, now
        self._future.clear()
        if not (same_drag and self._past):
            self._past.append(old)
            del self._past[:-200]

    @property
    def can_undo(self) -> bool:
        """True where there is something to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """True where something was taken back."""
        return bool(self._future)

    def undo(self, now: Play) -> Play:
        """Return what was before."""
        return self._turn(self._past, self._future, now)

    def redo(self, now: Play) -> Play:
        """Return what was taken back."""
        return self._turn(self._future, self._past, now)

    def _turn(self, source: list[Play], target: list[Play], now: Play) -> Play:
        self._last = ((), 0.0)
        if not source:
            return now
        target.append(now)
        return source.pop()
