"""Label maps as files have them: their values as 0, 1, 2, ..., and whether they lie on their scans."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medviz.data.gate import OffGrid
from medviz.data.mending import relabelled
from medviz.imaging.volume import Volume
from medviz.refused import Refused

_OFF_GRID = 0.05
"""Share of a voxel by which a label map may lie beside its scan: headers are rounded."""


def numbered(label: Volume, path: Path, values: tuple[int, ...], relabel: str = "") -> NDArray[np.uint8]:
    """Turn the values in a label map into 0, 1, 2, ... in the order of `values`; others than these are refused."""
    found = label.frame()
    if (label.slope, label.intercept) != (1.0, 0.0):
        found = found * label.slope + label.intercept
    found = relabelled(found, relabel)
    strange = [float(value) for value in np.unique(found) if value not in (0, *values)]
    if strange:
        shown = ", ".join(f"{value:g}" for value in strange[:5])
        raise Refused(path, f"it holds labels that the data set does not declare ({shown})", "declare it or mend it")
    if values == tuple(range(1, len(values) + 1)):
        return found.astype(np.uint8)
    order = np.argsort(values)
    place = order[np.clip(np.searchsorted(np.array(values)[order], found), 0, len(values) - 1)] + 1
    return np.where(found == 0, 0, place).astype(np.uint8)


def same_place(scan: Volume, other: Volume, path: Path, beside: Path) -> None:
    """Refuse what does not lie voxel for voxel on the scan; of pictures only the size counts."""
    if scan.shape == other.shape:
        corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (np.array(scan.shape) - 1)
        away = float(np.abs(scan.to_voxel(other.to_mm(corners)) - corners).max())
        if away <= _OFF_GRID or not (scan.oriented and other.oriented):
            return
    fault = f"it lies on another grid than {beside.name} ({_grid(other)} against {_grid(scan)})"
    raise OffGrid(path, fault, "resample one to the other, or leave the case out")


def _grid(volume: Volume) -> str:
    return "×".join(map(str, volume.shape)) + " voxels of " + "×".join(f"{mm:g}" for mm in volume.spacing_mm) + " mm"
