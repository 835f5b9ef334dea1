"""One curve that grows: its points, its smoothing, and as few points as a screen can show. No Qt."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Across = Literal["step", "epoch", "time"]


class Track:
    """Steps, values and seconds since the run began. Adding a point costs the same however many there are."""

    def __init__(self) -> None:
        self._room = np.empty((3, 64))
        self.length = 0
        self._smoothed = Smoothed(0.0)

    def append(self, step: float, value: float, at_s: float) -> None:
        """Add a point; a step that was there before takes the place of all since (the run went back to it)."""
        if self.length and step < self._room[0, self.length - 1]:
            self.length = int(np.searchsorted(self.steps, step))
            self._smoothed = Smoothed(self._smoothed.share)
        if self.length == self._room.shape[1]:
            self._room = np.concatenate([self._room, np.empty_like(self._room)], axis=1)
        self._room[:, self.length] = step, value, at_s
        self.length += 1

    @property
    def steps(self) -> Array:
        """Steps, growing."""
        return self._room[0, : self.length]

    @property
    def values(self) -> Array:
        """Values as they came; some may be no numbers."""
        return self._room[1, : self.length]

    @property
    def times(self) -> Array:
        """Seconds since the run began."""
        return self._room[2, : self.length]

    def across(self, across: Across, steps_per_epoch: float | None = None) -> Array:
        """Return x of all points; epochs need to know how many steps one has, and are steps where nobody does."""
        if across == "time":
            return self.times
        return self.steps / steps_per_epoch if across == "epoch" and steps_per_epoch else self.steps

    def along(self, across: Across) -> tuple[Array, Array]:
        """Return copies of x and the values."""
        return self.across(across).copy(), self.values.copy()

    def smoothed(self, share: float) -> Array:
        """Return the exponential mean that keeps `share` of the past; only what is new is worked out."""
        if share <= 0:
            return self.values
        if self._smoothed.share != share:
            self._smoothed = Smoothed(share)
        return self._smoothed.of(self.values)

    @property
    def last(self) -> float:
        """The newest value."""
        return float(self._room[1, self.length - 1])

    def best(self, higher: bool) -> tuple[float, float, float] | None:
        """Return step, value and time of the best value; None where no value is finite."""
        finite = np.flatnonzero(np.isfinite(self.values))
        if not finite.size:
            return None
        values = self.values[finite]
        place = finite[np.argmax(values) if higher else np.argmin(values)]
        step, value, at_s = self._room[:, place]
        return float(step), float(value), float(at_s)


class Smoothed:
    """An exponential mean, unbiased at its start, that goes on where it stood; what is not finite is passed over."""

    def __init__(self, share: float) -> None:
        self.share = share
        self._room = np.empty(64)
        self._done, self._count, self._mean = 0, 0, 0.0

    def of(self, values: Array) -> Array:
        """Return the mean at each of these values, of which earlier calls have seen the first ones."""
        if len(values) > self._done:
            if len(values) > len(self._room):
                grown = np.empty(2 * len(values))
                grown[: self._done] = self._room[: self._done]
                self._room = grown
            self._room[self._done : len(values)] = self._next(values[self._done :])
            self._done = len(values)
        return self._room[: len(values)]

    def _next(self, values: Array) -> Array:
        """Work in blocks in which share**-k stays exact: 200,000 points take some milliseconds."""
        finite = np.isfinite(values)
        if finite.all():
            return self._means(values)
        out = np.full(len(values), np.nan)
        if finite.any():
            out[finite] = self._means(values[finite])
        return out

    def _means(self, kept: Array) -> Array:
        """Return the mean at each of these finite values."""
        block = min(len(kept), max(8, int(-10 / np.log10(self.share))))
        rows = -(-len(kept) // block)
        parts = np.zeros((rows, block))
        parts.reshape(-1)[: len(kept)] = kept
        powers = self.share ** np.arange(1, block + 1)
        parts *= (1 - self.share) / powers
        np.cumsum(parts, axis=1, out=parts)
        before, mean, last = np.empty(rows), self._mean, float(powers[-1])
        for row, added in enumerate(parts[:, -1].tolist()):
            before[row] = mean
            mean = last * (mean + added)
        parts += before[:, None]
        parts *= powers
        means: Array = parts.reshape(-1)[: len(kept)]
        self._mean = float(means[-1])
        few = min(len(kept), max(0, int(-16 / np.log10(self.share)) - self._count))  # beyond, nothing is left to mend
        means[:few] /= 1 - self.share ** np.arange(self._count + 1, self._count + few + 1)
        self._count += len(kept)
        return means


def thinned(x: Array, y: Array, low: float, high: float, most: int) -> tuple[Array, Array]:
    """Return what is to be drawn of a curve between `low` and `high`: its peaks and pits, `most` of each at most.

    x grows; one point beyond either end is kept, so that the line runs on to the edge.
    """
    first = max(0, int(np.searchsorted(x, low)) - 1)
    last = min(len(x), int(np.searchsorted(x, high, side="right")) + 1)
    x, y = x[first:last], y[first:last]
    if len(x) <= 2 * most:
        return x, y
    starts = np.arange(0, len(x), -(-len(x) // most))
    ends = np.append(starts[1:], len(x)) - 1
    xs, ys = np.empty(2 * len(starts)), np.empty(2 * len(starts))
    xs[::2], xs[1::2] = x[starts], x[ends]
    ys[::2], ys[1::2] = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    return xs, ys
