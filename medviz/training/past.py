"""What hints are drawn from: a run's history in few numbers, kept in its checkpoints."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FIRST = 10
"""So many losses at the start are kept one by one."""


@dataclass
class Past:
    """How a run has been doing: its first losses, the mean loss of each epoch, and all validations.

    `first_step` is the step of the first loss. `skipped` counts steps without a number, `waiting` is the share of the
    last seconds that was waited for samples. `said` are the hints that were given.
    """

    first: list[float] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    validations: list[dict[str, float]] = field(default_factory=list)
    gradients: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=dict)
    skipped: int = 0
    waiting: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _sums: dict[str, list[float]] = field(default_factory=dict)

    def lost(self, values: Mapping[str, float]) -> None:
        """Take note of what a step left: "loss", "loss/PART", "gradient norm"."""
        for name, value in values.items():
            if value - value == 0:  # a finite number
                held = self._sums.setdefault(name, [0.0, 0.0])
                held[0] += value
                held[1] += 1
        if "loss" in values and len(self.first) < FIRST:
            self.first.append(values["loss"])

    def epoch_ended(self) -> None:
        """Turn what was heard since the last time into means."""
        for name, (total, count) in self._sums.items():
            mean = total / max(1.0, count)
            if name == "loss":
                self.epochs.append(mean)
            elif name == "gradient norm":
                self.gradients.append(mean)
            else:
                self.parts.setdefault(name, []).append(mean)
        self._sums = {}

    def measured(self, values: Mapping[str, float]) -> None:
        """Take note of a validation."""
        self.validations.append({name: float(value) for name, value in values.items()})

    def waited(self, share: float) -> None:
        """Take note of the share of some seconds that was waited for samples; the last few count."""
        self.waiting = [*self.waiting, share][-5:]

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Past":
        """Read it back from plain values."""
        known = cls.__dataclass_fields__
        return cls(**{name: value for name, value in values.items() if name in known})
