"""One idea that can be played with: parameters, `show()`, and the worked examples it must reproduce."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from medviz.messages import Work
from medviz.parameters import Pick, Step, parameters


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
    "figure[r,c]" for one cell of it, to the numbers that must come out; a text must stand in the figure of that name.
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
