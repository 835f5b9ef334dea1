"""What lets the cases of a data set in, one by one: it raises at the first that is faulty, or writes all of them down.

Training must refuse a data set with a missing file; the check before it must list all that is missing. Both read the
folder with the same code: a layout asks the gate for each case, and hands it each refusal that concerns one case only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from medviz.refused import Refused

T = TypeVar("T")


class OffGrid(Refused):
    """A mask that lies on another grid than its scan."""


@dataclass(frozen=True)
class Turned:
    """A case that was turned away: its name, the kind of fault ("missing", "unreadable", "box" ...), and why.

    `harmless` ones are left out by training too, which says nothing of it.
    """

    case: str
    kind: str
    refusal: Refused
    harmless: bool = False


class Gate:
    """Cases named in `leave_out` ("a, b") are not let in; a `lenient` gate collects refusals in `turned` instead."""

    def __init__(self, leave_out: str = "", lenient: bool = False) -> None:
        self.left_out = names_in(leave_out)
        self.lenient = lenient
        self.turned: list[Turned] = []

    def lets(self, name: str) -> bool:
        """Tell whether a case may come in."""
        return name not in self.left_out

    def turn_away(self, case: str, kind: str, refusal: Refused) -> None:
        """Raise the refusal of a case, or write it down."""
        if not self.lenient:
            raise refusal
        self.turned.append(Turned(case, kind, refusal))

    def pass_over(self, case: str, kind: str, refusal: Refused) -> None:
        """Write down what training passes over without a word."""
        if self.lenient and self.lets(case):
            self.turned.append(Turned(case, kind, refusal, harmless=True))

    def some(self, cases: Sequence[T], name_of: Callable[[T], str]) -> tuple[T, ...]:
        """Return those that may come in."""
        return tuple(one for one in cases if self.lets(name_of(one)))


def names_in(text: str) -> frozenset[str]:
    """Read the names of cases out of "a, b"."""
    return frozenset(name for part in text.replace("\n", ",").split(",") if (name := part.strip()))
