"""What a writer is, and what it is handed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.labels import Label, default_colour
from medviz.imaging.measure import label_counts
from medviz.imaging.volume import Volume
from medviz.messages import Work
from medviz.refused import Refused


@dataclass(frozen=True, eq=False)
class Export:
    """A volume or label map that is to leave the program.

    Attributes
    ----------
    labels : names and colours of the values; a value without one is called "label 7".
    scan : the scan on whose grid the voxels must lie; a geometry check refuses all others.
    reference : the DICOM series (a folder or a file) to which a SEG or RTSTRUCT refers.
    card : what is known of the model that made a mask (see `card.py`); None where a hand made it.
    chosen : values of the labels to be written; empty for all.
    smooth : rounds of smoothing of a surface.
    one_file : all surfaces in one file, else a file a label where there are several.
    window : width and level in which a picture is drawn.
    """

    volume: Volume
    labels: tuple[Label, ...] = ()
    scan: Volume | None = None
    reference: Path | None = None
    card: Mapping[str, Any] | None = None
    chosen: tuple[int, ...] = ()
    smooth: int = 12
    one_file: bool = True
    window: tuple[float, float] | None = None

    def map_of_labels(self, thing: object) -> NDArray[np.uint16]:
        """Voxels (x, y, z) of a label map as whole numbers; Refused where they are none."""
        volume = self.volume
        if volume.kind == "colour" or volume.voxels.shape[0] != 1:
            raise Refused(thing, f"{volume.name or 'the volume'} is no label map", "give a map of one frame")
        voxels = volume.frame(0)
        if voxels.dtype.kind == "f" or (volume.slope, volume.intercept) != (1.0, 0.0):
            values = voxels.astype(np.float64) * volume.slope + volume.intercept
            if not np.array_equal(values, np.rint(values)):
                raise Refused(
                    thing, f"{volume.name or 'the volume'} is no label map", "its values are no whole numbers"
                )
            voxels = np.rint(values).astype(np.int64)
        if voxels.size and (voxels.min() < 0 or voxels.max() > 65535):
            raise Refused(thing, "its labels go below 0 or above 65,535", "number them anew")
        made = voxels.astype(np.uint16)
        if self.chosen:
            keep = np.zeros(65536, np.uint16)
            keep[list(self.chosen)] = self.chosen
            made = keep[made]
        return made

    def labels_of(self, voxels: NDArray[np.uint16], thing: object) -> tuple[Label, ...]:
        """List the labels that have voxels, by their names; Refused where there is none."""
        known = {label.value: label for label in (*self.volume.labels, *self.labels)}
        present = sorted(label_counts(voxels))
        if not present:
            raise Refused(thing, "no label has a voxel", "choose a map with labels")
        return tuple(known.get(value) or Label(value, f"label {value}", default_colour(value)) for value in present)


@dataclass(frozen=True)
class Writer:
    """One format; `write` returns the files it made."""

    name: str
    write: Callable[[Export, Path], Work[tuple[Path, ...]]]
