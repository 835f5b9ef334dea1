"""How far the network of a run sees, in mm along the axes of a scan's voxels."""

from pathlib import Path

import numpy as np

from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.probe.structure import structure
from medviz.refused import Refused
from medviz.training.using.formats import load

LARGEST = {2: 512, 3: 160}
"""Voxels a side of an input on which it is looked how far a value sees; nothing is computed."""


def receptive_field(run: Path, scan: Volume) -> Work[tuple[float, float, float] | None]:
    """Sides of the box round a voxel on which what the network says of it depends; None where it is all of the scan.

    A 2-D network sees nothing across its slices: that side is one voxel. Normalisation over the whole picture is not
    counted: it shifts all places alike. Refuses a run whose network does not take voxels.
    """
    yield Progress(0, 0, "looking how far the network sees")
    made = load(str(run))
    preparation = made.preparation
    dimensions = preparation.dimensions
    patch = preparation.patch or (LARGEST[dimensions],) * dimensions
    sides = [LARGEST[dimensions] if max(patch) < LARGEST[dimensions] else side for side in patch]
    layers = structure(made.network, (preparation.channels, *sides))
    if not layers:
        raise Refused(run, "its network has no layers that can be looked into", "take another run")
    sees = layers[-1].sees
    if sees is None:
        return None
    grid, shape = preparation.grid(scan), preparation.shape_of(scan)
    step_mm = np.linalg.norm(grid[:3, :3], axis=0)
    across = [axis for axis in range(3) if dimensions == 3 or axis != preparation.normal]
    reach = [1.0, 1.0, 1.0]
    for axis, side in zip(across, sees, strict=True):
        reach[axis] = float(side)
    if dimensions == 3 and all(side >= 2 * whole for side, whole in zip(reach, shape, strict=True)):
        return None
    x, y, z = (float(side * mm) for side, mm in zip(reach, step_mm, strict=True))
    return x, y, z
