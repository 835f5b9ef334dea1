"""What long work says while it runs, and the form all long work has.

Work is a generator of messages. Whoever wants the next step asks for it: pause is not to ask, stop is ``close()``
(the work's ``finally`` saves). What the work makes is its return value.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeVar

from medviz.figures import Figure


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number on a curve: `name` as "part/what" ("train/loss"), at `step`; a plain float, never a tensor.

    `at_s` is when it was said (s since 1970) where it comes out of a log; two that differ only there are equal.
    """

    name: str
    step: int
    value: float
    at_s: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: `done` of `total` (0 = not known), what is being done, and the seconds left where known."""

    done: float
    total: float
    what: str = ""
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for a person. `level` is "info", "hint", "warning" or "error"; `remedy` says what to do."""

    text: str
    level: str = "info"
    remedy: str = ""


Message = Scalar | Progress | Note | Figure

T = TypeVar("T")
Work = Generator[Message, None, T]


def finished(work: Work[T], hear: Callable[[Message], object] = lambda message: None) -> T:
    """Run `work` to its end, hand each message to `hear`, return what it made."""
    while True:
        try:
            message = next(work)
        except StopIteration as end:
            made: T = end.value
            return made
        hear(message)
