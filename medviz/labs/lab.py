"""One idea that can be played with: parameters, `show()`, and the worked examples it must reproduce."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from medviz.catalog import Catalog
from medviz.imaging.slices import PLANES, Slice
from medviz.imaging.volume import Stored, Volume
from medviz.labs import LABS
from medviz.messages import Work
from medviz.parameters import Input, Pick, Step, built, parameters, plain
from medviz.refused import Refused

LARGEST_SHARED = 1024
"""Pixels up to which a slice travels inside the shared text; of a larger one only its name and place are told."""


@dataclass(frozen=True)
class Erratum:
    """Where a deck is wrong: its number in the curriculum ("E2"), what the deck says and what is correct."""

    number: str
    says: str
    correct: str


@dataclass(frozen=True)
class Example:
    """A worked example: parameters in, expected numbers out.

    `row` is the curriculum's ("CONV-1"), `deck` where it is printed ("D3"). `expect` maps a figure's name, or
    "figure[r,c]" for one cell of it, to the numbers that must come out; "figure.shape" to its rows and columns; a text
    must stand in the text of that name. `text` is what a person should see in it.
    """

    name: str
    row: str
    deck: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    expect: Mapping[str, Any] = field(default_factory=dict)
    erratum: Erratum | None = None
    text: str = ""


@dataclass(frozen=True)
class Lab:
    """What all labs share. A lab is a frozen dataclass of annotated fields; the first Input field is what it works on.

    `ARRANGE` names the figures row by row ("image kernel output / text"); `EXAMPLES` are the worked examples.
    """

    TITLE: ClassVar[str] = ""
    ARRANGE: ClassVar[str] = ""
    EXAMPLES: ClassVar[tuple[Example, ...]] = ()

    def show(self) -> Work[None]:
        """Yield the figures, the cheapest first. Refuses (Refused) what cannot be shown, before the first figure."""
        raise TypeError(f"{type(self).__name__} has no show()")

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Return the lab after a person pointed at (row, col) of a figure of that shape."""
        for one in parameters(self):
            pick = one.mark(Pick)
            if pick and figure in pick.figures:
                value: Any = cell if one.kind == "cell" else cell[0] * shape[1] + cell[1]
                return replace(self, **{one.name: value})
        return self

    def typed(self, figure: str, cell: tuple[int, int]) -> tuple[str, tuple[int, int]]:
        """Return the field, and the cell of it, that a number typed into a cell of a figure belongs to."""
        return figure, cell

    def dragged(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> Self:
        """Return the lab after what lay at `start` of a figure (row, col, with fractions) was dragged to `here`.

        It is asked of the lab as it was when the button went down, so that a drag back to its start changes nothing.
        """
        return self

    def painted(self, figure: str, way: tuple[tuple[float, float], ...]) -> Self:
        """Return the lab after a person painted on a figure along a way of places (row, col, with fractions).

        It is asked of the lab as it was when the button went down, with all of the way since then.
        """
        return self

    def steps(self) -> int:
        """How many steps a player has; 0 where there is nothing to play."""
        return 0

    def step(self) -> int:
        """Return the step the player stands at."""
        name = self._step_field()
        return int(getattr(self, name)) if name else 0

    def at_step(self, number: int) -> Self:
        """Return the lab as it stands at a step."""
        name = self._step_field()
        return replace(self, **{name: number}) if name else self

    def _step_field(self) -> str | None:
        return next((one.name for one in parameters(self) if one.mark(Step)), None)


def state_text(lab: Lab, labs: Catalog[Any] = LABS) -> str:
    """Write a lab with all its parameters as one line of JSON that can be pasted and opened elsewhere.

    A slice or volume of at most `LARGEST_SHARED` values is part of it; of a larger one only name, plane and index are
    written.
    """
    state: dict[str, Any] = {"lab": labs.name_of(lab), "parameters": plain(lab)}
    inputs = {one: getattr(lab, one.name) for one in parameters(lab) if one.kind == "input"}
    state["inputs"] = {
        one.name: _slice_state(value) if isinstance(value, Slice) else _volume_state(value)
        for one, value in inputs.items()
        if isinstance(value, Slice) or (isinstance(value, Volume) and value is not one.default)
    }
    return json.dumps(state, ensure_ascii=False)


def from_state(text: str, labs: Catalog[Any] = LABS) -> Lab:
    """Build the lab that `state_text` wrote; refuses anything else in one sentence.

    An input that was too large to travel keeps its default; the window puts the slice on screen in its place.
    """
    try:
        state = json.loads(text)
        name, values = str(state["lab"]), dict(state["parameters"])
        inputs = {key: dict(value) for key, value in state.get("inputs", {}).items()}
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise Refused(
            "shared state", "it is not the state of a lab", "copy the whole line that Share gave"
        ) from problem
    kind = labs[name]
    marks = {one.name for one in parameters(kind) if one.mark(Input)}
    given: dict[str, Any] = {key: _slice_of(told) for key, told in inputs.items() if key in marks and "pixels" in told}
    given |= {key: _volume_of(told) for key, told in inputs.items() if key in marks and "voxels" in told}
    lab: Lab = built(kind, {**{key: _tuples(value) for key, value in values.items()}, **given})
    return lab


def _slice_state(image: Slice) -> dict[str, Any]:
    told: dict[str, Any] = {"name": image.name, "plane": image.plane, "index": image.index, "unit": image.unit}
    if image.pixels.size > LARGEST_SHARED:
        return told
    return {**told, "pixels": image.values.tolist(), "mm": image.mm, "letters": image.letters}


def _volume_state(volume: Volume) -> dict[str, Any]:
    told: dict[str, Any] = {"name": volume.name, "unit": volume.unit}
    if volume.voxels.size > LARGEST_SHARED or volume.kind != "scalar":
        return told
    values = volume.voxels[0] * volume.slope + volume.intercept
    return {**told, "voxels": values.tolist(), "affine": volume.affine.tolist()}


def _volume_of(state: Mapping[str, Any]) -> Volume:
    try:
        voxels, affine = np.array(state["voxels"], float), np.array(state["affine"], float)
        if voxels.ndim != 3 or affine.shape != (4, 4):
            raise ValueError(state)
        stored = Stored("shared", voxels.shape, "RAS", affine, voxels.dtype)
        return Volume(voxels[None], affine, stored, name=str(state.get("name", "")), unit=str(state.get("unit", "")))
    except (KeyError, TypeError, ValueError, np.linalg.LinAlgError) as problem:
        raise Refused("shared state", "its volume holds no voxels", "copy the whole line again") from problem


def _slice_of(state: Mapping[str, Any]) -> Slice:
    try:
        pixels = np.array(state["pixels"], float)
        mm = None if state.get("mm") is None else (float(state["mm"][0]), float(state["mm"][1]))
        left, right, top, bottom = map(str, state.get("letters", ("", "", "", "")))
        index, plane = int(state.get("index", 0)), state.get("plane", "axial")
        if pixels.ndim != 2 or plane not in PLANES:
            raise ValueError(state)
    except (TypeError, ValueError, IndexError) as problem:
        raise Refused("shared state", "its slice holds no rows of numbers", "copy the whole line again") from problem
    unit, name = str(state.get("unit", "")), str(state.get("name", ""))
    return Slice(pixels, mm, (left, right, top, bottom), plane, index, name, unit=unit)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
