"""Where a run stands, how it has been doing and how long it takes: small values that a checkpoint keeps."""

import math
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from medviz.training.asked import Asked


@dataclass(frozen=True)
class Watch:
    """How a measure has been doing: the best of it, and how many validations ago that was."""

    best: float | None = None
    best_step: int = 0
    waited: int = 0

    def told(self, value: float, step: int, higher: bool) -> "Watch":
        """Take note of a validation; a value that is not a number is no progress.

        A process that was killed right after it kept the best weights of a step measures them once more: that counts
        once.
        """
        if self.best is not None and self.best_step == step:
            return self
        better = self.best is None or (value > self.best if higher else value < self.best)
        if better and math.isfinite(value):
            return Watch(value, step, 0)
        return replace(self, waited=self.waited + 1)


@dataclass(frozen=True)
class Standing:
    """Where a run stands. `place`: steps done in this epoch. `factor`: what trouble and plateaus made of the rate.

    `seconds`: time spent training up to here, in all sessions. `asked`: what a person changed on the way.
    """

    step: int = 0
    epoch: int = 0
    place: int = 0
    factor: float = 1.0
    seconds: float = 0.0
    watch: Watch = field(default_factory=Watch)
    asked: Asked = field(default_factory=Asked)

    def stepped(self) -> "Standing":
        """Take note of one step more."""
        return replace(self, step=self.step + 1, place=self.place + 1)

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Standing":
        """Read it back from plain values."""
        return cls(**{**values, "watch": Watch(**values["watch"]), "asked": Asked.of(values.get("asked", {}))})


class Clock:
    """Time of this session, which began at `step` after `before_s` seconds of earlier ones."""

    def __init__(self, step: int = 0, before_s: float = 0.0) -> None:
        self.step, self.before_s, self.start_s = step, before_s, time.monotonic()

    def away(self, seconds: float) -> None:
        """Take no account of so long: nobody asked for the next step, or the run was paused."""
        self.start_s += seconds

    def spent_s(self) -> float:
        """Seconds of all sessions."""
        return self.before_s + time.monotonic() - self.start_s

    def steps_per_s(self, step: int) -> float:
        """Steps a second in this session, validation and pictures included."""
        return (step - self.step) / max(time.monotonic() - self.start_s, 1e-9)

    def left_s(self, step: int, total: int) -> float | None:
        """Seconds that are left, None while nothing is known."""
        return (total - step) / self.steps_per_s(step) if step > self.step else None
