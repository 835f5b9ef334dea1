"""Two label maps made comparable: whole numbers, on one grid, and told from maps that are none."""

from itertools import product

import numpy as np

from medviz.imaging.resample import grid_note, onto
from medviz.imaging.volume import Array, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

ROUNDING_VOXELS = 0.01
MOST_LABELS = 4096
"""A map of more values (every cell its own) is not judged label by label."""


def whole_numbers(volume: Volume) -> Array:
    """Labels (x, y, z) as a person reads them, in the smallest type at hand; a view where they are stored so.

    Refuses what is no label map: colours, several frames, fractions, NaN.
    """
    name = volume.name or "the label map"
    if volume.kind == "colour":
        raise Refused(name, "it is a colour picture", "give a label map")
    if volume.voxels.shape[0] > 1:
        raise Refused(name, f"it has {volume.voxels.shape[0]} frames", "give a label map of one frame")
    values = volume.frame()
    plain = (volume.slope, volume.intercept) == (1.0, 0.0)
    if values.dtype == np.bool_:
        return values.view(np.uint8)
    if values.dtype.kind in "iu" and plain:
        return values
    if values.dtype.kind not in "iuf":
        raise Refused(name, "its values are no real numbers", "give a label map")
    return _rounded(values, volume.slope, volume.intercept, name)


def _rounded(values: Array, slope: float, intercept: float, name: str) -> Array:
    """Read stored values slice by slice: a whole scan in float64 would take eight bytes a voxel for nothing."""
    made = np.empty(values.shape, np.int32, order="F")
    for k in range(values.shape[2]):
        read = values[:, :, k] * slope + intercept
        whole = np.rint(read)
        if not np.all(np.isfinite(read)) or np.any(np.abs(whole) > np.iinfo(np.int32).max):
            raise Refused(name, "its values are no whole numbers", "give a label map")
        if np.any(np.abs(read - whole) > 1e-4):
            raise Refused(name, "its values are no whole numbers", "give a label map; a probability has a threshold")
        made[:, :, k] = whole
    return made


def on_reference(prediction: Volume, reference: Volume) -> Work[tuple[Volume, str]]:
    """Put a prediction on the reference's grid (nearest neighbour) and say what was done; "" where nothing was.

    What lies beyond the reference is not judged, and that is said. Refuses maps that cannot lie on one another: no
    overlap, or another shape without a spacing to go by.
    """
    if _same_place(prediction, reference):
        return prediction, ""
    name, other = prediction.name or "the prediction", reference.name or "the reference"
    if not (prediction.calibrated and reference.calibrated):
        if prediction.shape == reference.shape:
            return prediction, f"{name} or {other} has no spacing: they are compared voxel by voxel"
        raise Refused(name, f"its shape differs from that of {other}, and there is no spacing to place it by")
    note = grid_note(prediction, reference) or ""
    if "do not overlap" in note:
        raise Refused(name, f"it lies beside {other}, nowhere on it", "check that both are of one scan")
    how = ", nearest neighbour" if "resampled" in note else ""
    beyond = yield from _beyond(prediction, reference)
    lost = f"; {beyond * prediction.voxel_ml:.3g} ml of it lie beyond {other} and are not judged" if beyond else ""
    nothing = -prediction.intercept / prediction.slope if prediction.slope else 0.0
    placed = onto(prediction, reference, outside=nothing)
    return placed, f"{note}{how}; it is compared in the space of {other}{lost}"


def _beyond(prediction: Volume, reference: Volume) -> Work[int]:
    """Count the labelled voxels of a prediction whose centre the reference's grid does not reach."""
    count, most = 0, np.array(reference.shape) - 0.5
    values = prediction.frame()
    background = -prediction.intercept / prediction.slope if prediction.slope else 0.0
    for k in range(values.shape[2]):
        x, y = np.nonzero(values[:, :, k] != background)
        if len(x):
            there = reference.to_voxel(prediction.to_mm(np.stack([x, y, np.full(len(x), k)], axis=-1)))
            count += int(np.count_nonzero(((there < -0.5) | (there >= most)).any(axis=1)))
        if k % 16 == 0:
            yield Progress(k, values.shape[2], "placing the prediction")
    return count


def _same_place(one: Volume, other: Volume) -> bool:
    """Tell whether two grids differ by no more than a header's rounding: a hundredth of a voxel at each corner."""
    if one.shape != other.shape:
        return False
    corners = np.array(list(product(*((0, size - 1) for size in one.shape))), float)
    return bool(np.abs(one.to_voxel(other.to_mm(corners)) - corners).max() < ROUNDING_VOXELS)
