"""One label map that is being corrected: its own voxels, its undo stack, and what the journal has to keep of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.history import Change, History, Table, change_of
from medviz.imaging.labels import Label, default_colour
from medviz.imaging.storage import need_room
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
MOST = 65535


@dataclass(eq=False)
class Corrections:
    """A map that may be written to. `voxels` is (1, x, y, z), and the same object as long as the map lives.

    `base` is what the map held at first, as a change of an empty one (None where it was empty), and `log` all that was
    done and undone since: base and log together are the journal. `saved_at` is how many of the log a file has.
    """

    voxels: Array
    base: Change | None = None
    history: History = field(default_factory=History)
    log: list[tuple[bool, Change]] = field(default_factory=list)
    saved_at: int = 0
    begun: datetime = field(default_factory=lambda: datetime.now().astimezone())

    @property
    def map(self) -> Array:
        """The labels (x, y, z), to be written to."""
        labels: Array = self.voxels[0]
        return labels

    @property
    def unsaved(self) -> int:
        """How many changes no file has."""
        return len(self.log) - self.saved_at

    def do(self, change: Change, stands: bool = False) -> None:
        """Apply a change, unless it `stands` in the map already, and remember it."""
        if stands:
            self.history.remember(change)
        else:
            self.history.do(self.map, change)
        self.log.append((False, change))

    def undo(self) -> Change | None:
        """Take the last change back and return it."""
        change = self.history.undo(self.map)
        if change is not None:
            self.log.append((True, change))
        return change

    def redo(self) -> Change | None:
        """Bring the last undone change back and return it."""
        change = self.history.redo(self.map)
        if change is not None:
            self.log.append((False, change))
        return change


def owned(volume: Volume, most: int = 0) -> Work[Corrections]:
    """Copy a label map so that it may be written to; whole numbers from 0 to 65535, in as few bytes as hold them.

    `most` is the greatest value that is to be held in any case.
    """
    source = volume.frame()
    yield Progress(0, 2, "making the labels ready to be edited")
    low, high = (float(source.min()), float(source.max())) if source.size else (0.0, 0.0)
    if low < 0 or high > MOST or not np.isfinite(high):
        fault = f"its labels go from {low:g} to {high:g}"
        raise Refused(volume.name, fault, f"only labels from 0 to {MOST} can be edited")
    dtype = np.uint8 if max(high, most) < 256 else np.uint16
    need_room(volume.name, 2 * source.size * np.dtype(dtype).itemsize)
    labels = np.array(source, dtype=dtype, order="K")
    if source.dtype.kind == "f" and not np.array_equal(labels, source):
        raise Refused(volume.name, "its values are not whole numbers", "show it as labels first, or make a new layer")
    yield Progress(1, 2, "making the labels ready to be edited")
    return Corrections(labels[np.newaxis], base_of(labels))


def base_of(labels: Array) -> Change | None:
    """What a map holds, as a change of an empty one."""
    nothing = np.zeros(labels.shape, labels.dtype)  # no memory is taken until it is written to
    whole = (slice(0, labels.shape[0]), slice(0, labels.shape[1]), slice(0, labels.shape[2]))
    return change_of("as it was opened", nothing, whole, labels)


def blank(grid: Volume) -> Corrections:
    """Make an empty map on the grid of a scan."""
    need_room("new labels", int(np.prod(grid.shape)))
    return Corrections(np.zeros((1, *grid.shape), np.uint8, order="F"))


def matched(proposed: Table, there: Table, values: Mapping[int, int] | set[int]) -> tuple[dict[int, int], Table]:
    """Say which value each proposed label gets in a map, and the map's table after it.

    A label of the same name is the same label; one whose value is taken by another name gets a free value.
    """
    by_name = {label.name.casefold(): label.value for label in there}
    table = {label.value: label for label in there}
    names = {label.value: label for label in proposed}
    given: dict[int, int] = {}
    for value in sorted(values):
        label = names.get(value) or Label(value, f"label {value}", default_colour(value))
        at = by_name.get(label.name.casefold())
        if at is None:
            at = value if value not in table else free_value(table)
            colour = label.colour if at == value else default_colour(at)
            table[at] = replace(label, value=at, colour=colour)
        given[value] = at
    return given, tuple(table[value] for value in sorted(table))


def free_value(taken: Mapping[int, object]) -> int:
    """The least value above 0 that no label has."""
    value = 1
    while value in taken:
        value += 1
    return value
