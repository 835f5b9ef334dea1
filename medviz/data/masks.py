"""Masks and label maps whose values nobody declares: 0 and 255, 1 to n, colours, an object a number.

A survey reads enough of them to say what is in them; what a mask holds beyond that is refused when it is met.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medviz.data.cases import MOST_CLASSES, numbered, same_place
from medviz.data.mending import on_grid, relabelled
from medviz.imaging.readers import read
from medviz.imaging.readers.picture import read_numbers
from medviz.imaging.volume import Array, Volume, like
from medviz.messages import finished
from medviz.refused import Refused

FOREGROUND = "foreground"
_SURVEYED = 64 << 20
"""Bytes of files that a survey reads; small sets are read whole."""
_AT_LEAST = 8
_LOSSY = (".jpg", ".jpeg")
_PICTURES = (".png", ".bmp", ".tif", ".tiff", ".gif", *_LOSSY)
_HALF = 127


@dataclass(frozen=True)
class Kinds:
    """What the masks of a set hold: names of the classes and values (none: all that is not 0 is one class)."""

    names: tuple[str, ...]
    values: tuple[int, ...] = ()

    def numbered(self, mask: Volume, path: Path, relabel: str = "") -> NDArray[np.uint8]:
        """Turn a mask into 0, 1, 2, ... (x, y, z); refuses values that the survey did not meet."""
        if self.values:
            return numbered(mask, path, self.values, relabel)
        found = relabelled(mask.frame(), relabel)
        there = found > _HALF if path.suffix.lower() in _LOSSY else found != 0
        return there.astype(np.uint8)

    def laid(self, paths: Sequence[Path], scan: Volume, beside: Path, relabel: str, grids: str) -> NDArray[np.uint8]:
        """Read the masks of one image as 0, 1, 2, ... (x, y, z) on its grid, laid over each other."""
        label = np.zeros(scan.shape, np.uint8)
        for path in paths:
            mask = on_grid(mask_at(path), scan, grids)
            same_place(scan, mask, path, beside)
            np.maximum(label, self.numbered(mask, path, relabel), out=label)
        return label


def mask_at(path: Path) -> Volume:
    """Read a mask as one number a voxel: of a palette its numbers, of a colour 65536 red + 256 green + blue."""
    pictured = path.name.lower().endswith(_PICTURES)
    found = finished(read_numbers(path) if pictured else read(path))
    return like(found, one_number(found.voxels), path.name) if found.kind == "colour" else found


def one_number(voxels: Array) -> Array:
    """Make one number of the colours (3 or 4, x, y, z); grey that was saved as colour stays what it is."""
    red, green, blue = voxels[0], voxels[1], voxels[2]
    if np.array_equal(red, green) and np.array_equal(red, blue):
        grey: Array = red
        return grey
    packed: Array = (red.astype(np.int32) << 16) + (green.astype(np.int32) << 8) + blue
    return packed


def surveyed(
    paths: Sequence[Path], place: object, labels: str, named: tuple[str, ...] = (), relabel: str = ""
) -> Kinds:
    """Say what masks hold: `labels` "one" takes all that is not 0 as one class, "auto" lets the values decide.

    Refuses masks that are all empty, that hold more values than there can be classes, or another number of classes
    than are named.
    """
    if labels == "one":
        return Kinds(_named(named, (1,), place) if named else (FOREGROUND,))
    values = _values(paths, relabel)
    if not values:
        raise Refused(place, "its masks are empty, as far as they were looked at", "choose the folder of the masks")
    if labels == "auto" and (len(values) == 1 or all(path.suffix.lower() in _LOSSY for path in paths)):
        return Kinds(_named(named, (1,), place) if named else (FOREGROUND,))
    if len(values) > MOST_CLASSES or max(values) > 0xFFFFFF:
        fault = f"its masks hold {len(values)} different values"
        raise Refused(place, fault, "where each object has a number of its own set labels=one, else mend the masks")
    if labels == "auto" and len(named) > len(values) and max(values) <= len(named):
        values = tuple(range(1, len(named) + 1))  # a rare class that the survey did not meet
    return Kinds(_named(named, values, place), values)


def _named(named: tuple[str, ...], values: tuple[int, ...], place: object) -> tuple[str, ...]:
    if not named:
        colours = max(values) > 0xFFFF
        return tuple(f"colour #{value:06x}" if colours else f"label {value}" for value in values)
    if len(named) != len(values):
        fault = f"{len(named)} classes are named and its masks hold {len(values)} ({', '.join(map(str, values[:8]))})"
        raise Refused(place, fault, "name as many as there are")
    return named


def _values(paths: Sequence[Path], relabel: str) -> tuple[int, ...]:
    """Return what is in the masks but 0, as whole numbers; every n-th file where they are large.

    A mask that cannot be used is passed over, it is refused when its case is read; refuses where none can be.
    """
    sizes = [path.stat().st_size for path in paths]
    step = max(1, min(-(-sum(sizes) // _SURVEYED), len(paths) // _AT_LEAST or 1))
    found: set[int] = set()
    refusal: Refused | None = None
    for path in paths[::step]:
        try:
            found |= _values_in(path, relabel)
        except Refused as problem:
            refusal = refusal or problem
    if refusal is not None and not found:
        raise refusal
    return tuple(sorted(found))


def _values_in(path: Path, relabel: str) -> set[int]:
    """Values of one mask but 0; refuses numbers that are no labels."""
    mask = mask_at(path)
    values = relabelled(np.unique(mask.frame()) * mask.slope + mask.intercept, relabel)
    if not np.array_equal(values, np.rint(values)):
        fault = "it holds numbers that are not whole"
        raise Refused(path, fault, "a label map has 0, 1, 2 …; choose the folder of the masks")
    if values.size and values.min() < 0:
        raise Refused(path, "it holds negative numbers", "a label map has 0, 1, 2 …; choose the folder of the masks")
    return {int(value) for value in values if value != 0}
