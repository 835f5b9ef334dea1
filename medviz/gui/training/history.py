"""What a run has said so far: its curves, its probe pictures round by round, its notes. No Qt."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Line, Picture
from medviz.imaging.labels import default_colour
from medviz.messages import Message, Note, Progress, Scalar

Array = NDArray[Any]
Across = Literal["step", "time"]
ROUNDS = 48
"""Rounds of probe pictures that are kept; beyond, every second of the older ones is let go."""
FLAT = 8
"""After so many validations without progress a person is told."""
GROUPS = ("loss", "measures", "rate", "gradient", "other")
TOLD_ELSEWHERE = ("train/epoch", "train/samples per second")
"""Written as numbers at the foot of the page."""
_TITLES = {
    "loss": ("Loss", ""),
    "measures": ("Measures", ""),
    "rate": ("Learning rate", ""),
    "gradient": ("Gradient norm", ""),
    "other": ("More", ""),
}


class Track:
    """One curve that grows: steps, values and seconds since the run began."""

    def __init__(self) -> None:
        self._room = np.empty((3, 64))
        self.length = 0

    def append(self, step: float, value: float, at_s: float) -> None:
        """Add a point; room is doubled when it is full, so that a point costs the same however many there are."""
        if self.length == self._room.shape[1]:
            self._room = np.concatenate([self._room, np.empty_like(self._room)], axis=1)
        self._room[:, self.length] = step, value, at_s
        self.length += 1

    def along(self, across: Across) -> tuple[Array, Array]:
        """Return x ("step" or "time" in s) and the values."""
        x = self._room[0 if across == "step" else 2, : self.length]
        return x.copy(), self._room[1, : self.length].copy()

    @property
    def last(self) -> float:
        """The newest value."""
        return float(self._room[1, self.length - 1])

    def best(self, higher: bool) -> tuple[float, float, float] | None:
        """Return step, value and time of the best value; None where no value is finite."""
        values = self._room[1, : self.length]
        finite = np.flatnonzero(np.isfinite(values))
        if not finite.size:
            return None
        place = finite[np.argmax(values[finite]) if higher else np.argmin(values[finite])]
        step, value, at_s = self._room[:, place]
        return float(step), float(value), float(at_s)


@dataclass(frozen=True, eq=False)
class Round:
    """The figures that were drawn at one step, by name."""

    step: int
    figures: dict[str, Figure]


@dataclass
class History:
    """Hears messages and keeps what a page draws of them.

    `progress` is that of the whole run; `aside` that of a validation within it, None while the network learns.
    """

    tracks: dict[str, Track] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    progress: Progress | None = None
    aside: Progress | None = None
    step: int = 0
    scalars_heard: int = 0
    figures_heard: int = 0

    def hear(self, messages: Iterable[Message], at_s: float) -> None:
        """Take note of messages that came at `at_s` seconds since the run began."""
        for message in messages:
            if isinstance(message, Scalar):
                self.tracks.setdefault(message.name, Track()).append(message.step, message.value, at_s)
                self.step = max(self.step, message.step) if group_of(message.name) == "loss" else self.step
                self.scalars_heard += 1
            elif isinstance(message, Progress):
                self._stand(message)
            elif isinstance(message, Note):
                self.notes.append(message)
            else:
                self._keep(message)

    def _stand(self, message: Progress) -> None:
        """Tell the progress of the run, which knows the time left, from that of a part of it."""
        if message.left_s is None and self.progress is not None and self.progress.left_s is not None:
            self.aside = message
        else:
            self.progress, self.aside = message, None

    def _keep(self, figure: Figure) -> None:
        self.figures_heard += 1
        if not self.rounds or (figure.name in self.rounds[-1].figures and self.step != self.rounds[-1].step):
            before = self.rounds[-1].figures if self.rounds else {}
            self.rounds.append(Round(self.step, {**before, figure.name: figure}))
        else:
            self.rounds[-1].figures[figure.name] = figure
        if len(self.rounds) > ROUNDS:
            older, newest = self.rounds[:-2], self.rounds[-2:]
            self.rounds = older[::2] + newest

    def best(self) -> tuple[str, float, float] | None:
        """Return name, value and step of the best measure of the validation: Dice before loss."""
        found = sorted(name for name in self.tracks if name.startswith("validation/"))
        measures = [name for name in found if group_of(name) == "measures"]
        mean = next((name for name in measures if name.endswith(("/mean", "/dice"))), None)
        name = mean or next(iter([*measures, *found]), None)
        best = self.tracks[name].best(higher=group_of(name) == "measures") if name else None
        return (name, best[1], best[0]) if name and best else None

    def hint(self) -> str:
        """Say that the validation no longer gets better; empty while it does. Looks at the curve whose best is kept."""
        best = self.best()
        if best is None:
            return ""
        steps, _ = self.tracks[best[0]].along("step")
        since = int((steps > best[2]).sum())
        if since < FLAT:
            return ""
        return (
            f"Validation has not improved for {since} times (best at step {best[2]:,.0f}, whose weights are kept): "
            "stop here, or go on with a lower learning rate or stronger augmentation."
        )

    def colours(self) -> dict[str, tuple[int, int, int]]:
        """Return the colour of each class that the pictures name; the mean of all is grey."""
        figures = self.rounds[-1].figures.values() if self.rounds else ()
        named = max((one.label_names for one in figures if isinstance(one, Picture)), key=len, default=())
        classes = {name: default_colour(value) for value, name in enumerate(named, start=1)}
        return {**classes, "mean": (190, 190, 190)} if classes else {}

    def names(self, group: str) -> list[str]:
        """Return the curves of a group, those of the training first."""
        found = [name for name in self.tracks if group_of(name) == group and name not in TOLD_ELSEWHERE]
        return sorted(found, key=lambda name: (not name.startswith("train"), name))


def group_of(name: str) -> str:
    """Tell on which axes a curve belongs, by the words in its name."""
    part, _, what = name.lower().partition("/")
    if "loss" in what:
        return "loss"
    if part in ("validation", "test"):
        return "measures"
    if "gradient" in what:
        return "gradient"
    return "rate" if what.endswith("rate") or "rate/" in what else "other"


def line_name(name: str, group: str) -> str:
    """Say of a curve what its axes do not say already: "train", "grey matter"."""
    part, _, what = name.partition("/")
    bare = what.replace("_", " ")
    if group == "loss":
        rest = bare.removeprefix("loss").strip("/ ")
        return f"{part} {rest}".strip()
    if group in ("rate", "gradient"):
        return bare.removeprefix("gradient norm").strip("/ ") or part
    return bare.removeprefix("dice/") or name


def curves(
    history: History,
    group: str,
    across: Across = "step",
    log_y: bool = False,
    others: Iterable[tuple[str, History]] = (),
) -> Curves | None:
    """Draw a group of curves, other runs dashed beside it; None where there is none yet.

    The line across is the best value of the validation; a class has the colour that its label has in the pictures.
    """
    names = history.names(group)
    tints = history.colours() if group == "measures" else {}
    lines = []
    for name in names:
        said = line_name(name, group)
        lines.append(Line(said, *history.tracks[name].along(across), colour=tints.get(said)))
    for run, other in others:
        shared = [name for name in other.names(group) if name in names or not names]
        lines += [
            Line(f"{run} · {line_name(name, group)}", *other.tracks[name].along(across), dashed=True) for name in shared
        ]
    if not lines:
        return None
    title, y_name = _TITLES[group]
    at = None
    best = history.best()
    if best and best[0] in names:
        title += f" · best {line_name(best[0], group)} {best[1]:.3f}"
        found = history.tracks[best[0]].best(higher=group == "measures")
        at = found[0 if across == "step" else 2] if found else None
    x_name = "step" if across == "step" else "time (s)"
    return Curves(group, tuple(lines), title, x_name, y_name, log_y and group != "measures", at)
