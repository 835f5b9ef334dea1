"""What is done to a whole label at once: described beside the window, and one change on the undo stack."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from medviz.gui.viewer.kit import Kit
from medviz.gui.viewer.rooms import ROOMS
from medviz.imaging.history import Change
from medviz.refused import Refused

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class Wanted:
    """What an operation is told: the kit, mm of a voxel, what is locked, and the slice on the pane in front.

    `axis` is the axis of the label map across that slice, None where the pane is turned; `index` is the slice.
    """

    kit: Kit
    spacing_mm: Spacing
    locked: Collection[int] = ()
    axis: int | None = None
    index: int = 0

    @property
    def across(self) -> int:
        """The axis across the slice; refuses a turned pane."""
        if self.axis is None:
            raise Refused("slices", "the planes are turned, so that there is no slice of the labels", "turn them back")
        return self.axis


@dataclass(frozen=True)
class Operation:
    """One button: an icon, words, what it does in a sentence, and how the change is described."""

    title: str
    icon: str
    help: str
    describe: Callable[[Any, Wanted], Change | None]


def _smooth(labels: Any, wanted: Wanted) -> Change | None:
    return ROOMS["smooth"](labels, wanted.kit.value, wanted.kit.distance, wanted.spacing_mm, wanted.locked)


def _grow(labels: Any, wanted: Wanted) -> Change | None:
    return ROOMS["margin"](labels, wanted.kit.value, wanted.kit.distance, wanted.spacing_mm, wanted.locked)


def _shrink(labels: Any, wanted: Wanted) -> Change | None:
    return ROOMS["margin"](labels, wanted.kit.value, -wanted.kit.distance, wanted.spacing_mm, wanted.locked)


def _between(labels: Any, wanted: Wanted) -> Change | None:
    return ROOMS["fill between"](labels, wanted.kit.value, wanted.across, wanted.locked, wanted.spacing_mm)


def _largest(labels: Any, wanted: Wanted) -> Change | None:
    return ROOMS["keep largest"](labels, wanted.kit.value, wanted.locked)


def _small(labels: Any, wanted: Wanted) -> Change | None:
    return ROOMS["islands"](labels, wanted.kit.value, wanted.kit.smallest, wanted.locked)


def _copied(step: int) -> Callable[[Any, Wanted], Change | None]:
    def describe(labels: Any, wanted: Wanted) -> Change | None:
        source = wanted.index + step
        if not 0 <= source < labels.shape[wanted.across]:
            return None
        return ROOMS["copy slice"](labels, wanted.kit.value, wanted.across, source, wanted.index, wanted.locked)

    return describe


OPERATIONS: tuple[Operation, ...] = (
    Operation("Fill between", "ph.stack", "Fill the empty slices between those that are drawn", _between),
    Operation("Smooth", "ph.drop", "Smooth the border; how far is set above", _smooth),
    Operation("Grow", "ph.arrows-out", "Grow on all sides, never over another label; how far is set above", _grow),
    Operation("Shrink", "ph.arrows-in", "Shrink on all sides; how far is set above", _shrink),
    Operation("Keep largest", "ph.circle-half", "Erase all pieces but the largest", _largest),
    Operation("Remove small", "ph.circles-three", "Erase pieces with fewer voxels than set above", _small),
    Operation(
        "Copy lower", "ph.arrow-line-up", "Copy the label from the slice before this one (PgDn side)", _copied(-1)
    ),
    Operation(
        "Copy upper", "ph.arrow-line-down", "Copy the label from the slice after this one (PgUp side)", _copied(1)
    ),
)
