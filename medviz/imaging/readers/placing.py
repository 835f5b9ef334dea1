"""Where a NIfTI header puts the voxels: sform, qform or neither, and how far one may trust it."""

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError
from nibabel.volumeutils import shape_zoom_affine

from medviz.imaging.volume import Affine

_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
_FAR_VOXELS = 0.1
_SHEAR_DEGREES = 0.5


@dataclass(frozen=True, eq=False)
class Placed:
    """Stored voxel to RAS mm, and what is known of it."""

    affine: Affine
    calibrated: bool = True
    oriented: bool = True
    warnings: tuple[str, ...] = ()


def placed(header: Any, shape: tuple[int, ...], form: str = "sform") -> Placed:
    """Choose the sform (or the qform where `form` says so), else the other, else the voxel size alone.

    Says what is doubtful about it.
    """
    mm = _MM.get(int(header["xyzt_units"]) & 7, 1.0)
    sound = _mended(header)
    warnings: list[str] = []
    sform = _usable(sound.get_sform(), mm) if int(header["sform_code"]) > 0 else None
    qform = _qform(sound, mm) if int(header["qform_code"]) > 0 else None
    if int(header["sform_code"]) > 0 and sform is None:
        warnings.append("its sform is not invertible and is left aside")
    if int(header["qform_code"]) > 0 and qform is None:
        warnings.append("its qform is not valid and is left aside")
    if sform is not None and qform is not None:
        warnings += _disagreement(sform, qform, shape, form)
    first, second = (qform, sform) if form == "qform" else (sform, qform)
    affine = first if first is not None else second
    if affine is None:
        return _by_size(header, sound, shape, mm, tuple(warnings))
    return Placed(affine, warnings=(*warnings, *_shear(affine)))


def _mended(header: Any) -> Any:
    """Return a copy in which negative voxel sizes and a wild handedness cannot break the arithmetic."""
    sound = header.copy()
    sizes = np.abs(np.asarray(header["pixdim"], np.float64))
    sound["pixdim"] = np.where(np.isfinite(sizes), sizes, 0.0)
    sound["pixdim"][0] = -1.0 if float(header["pixdim"][0]) < 0 else 1.0
    return sound


def _usable(affine: Any, mm: float) -> Affine | None:
    """Return the affine in mm, None where it is not finite or squashes an axis."""
    scaled = np.array(affine, np.float64)
    scaled[:3] *= mm
    lengths = np.linalg.norm(scaled[:3, :3], axis=0)
    if not np.isfinite(scaled).all() or not np.isfinite(lengths).all() or lengths.min() < 1e-9:
        return None
    if abs(np.linalg.det(scaled[:3, :3] / lengths)) < 1e-4 or lengths.max() > 1e9 or np.abs(scaled).max() > 1e12:
        return None
    return scaled


def _qform(header: Any, mm: float) -> Affine | None:
    try:
        return _usable(header.get_qform(), mm)
    except (ValueError, HeaderDataError):
        return None


def _disagreement(sform: Affine, qform: Affine, shape: tuple[int, ...], form: str) -> list[str]:
    corners = np.array([(*corner, 1.0) for corner in product(*((0, length - 1) for length in shape[:3]))]).T
    apart_mm = (sform @ corners - qform @ corners)[:3]
    apart_voxels = np.linalg.norm(np.linalg.inv(sform[:3, :3]) @ apart_mm, axis=0).max()
    if apart_voxels <= _FAR_VOXELS:
        return []
    furthest_mm = np.linalg.norm(apart_mm, axis=0).max()
    return [f"its sform and qform disagree, by {furthest_mm:.3g} mm at a corner; the {form} is used"]


def _shear(affine: Affine) -> list[str]:
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = (abs(float(unit[:, a] @ unit[:, b])) for a, b in ((0, 1), (0, 2), (1, 2)))
    degrees = math.degrees(math.asin(min(1.0, max(cosines))))
    if degrees < _SHEAR_DEGREES:
        return []
    return [f"its axes are sheared by {degrees:.1f}° (a tilted gantry); slices are drawn as if they were square"]


def _by_size(header: Any, sound: Any, shape: tuple[int, ...], mm: float, warnings: tuple[str, ...]) -> Placed:
    """Place by voxel size alone. Sizes of 1, 1, 1 in no unit are what a writer puts that knows none."""
    sizes = [float(size) * mm for size in sound["pixdim"][1:4]]
    named = int(header["xyzt_units"]) & 7 in _MM
    plausible = all(1e-4 <= size <= 100 for size in sizes) and (named or sizes != [1.0, 1.0, 1.0])
    said = "it does not say how it lies in the patient (neither sform nor qform); left and right are a guess"
    if not plausible:
        sizes = [1.0, 1.0, 1.0]
        said += ", and it gives no voxel size"
    affine = shape_zoom_affine(shape[:3], sizes, sound.default_x_flip)
    return Placed(np.asarray(affine, np.float64), plausible, False, (*warnings, said))
