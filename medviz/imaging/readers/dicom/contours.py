"""RTSTRUCT: closed contours in the patient's millimetres, filled on the grid of a scan or on one of their own."""

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from skimage.draw import polygon

from medviz.imaging.labels import Label, default_colour
from medviz.imaging.readers.dicom.files import DAMAGED, header_of, number_of, text_of
from medviz.imaging.readers.dicom.own import value_of
from medviz.imaging.readers.order import axes_of, to_ras
from medviz.imaging.resample import onto
from medviz.imaging.series import Origin
from medviz.imaging.storage import need_room
from medviz.imaging.volume import Affine, Stored, Volume, like
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
_FLAT_VOXELS = 0.25
"""A contour whose points stray by less along an axis of the grid lies in one slice of it."""
_OWN_MM = 1.0
_MOST_PX = 4096
_MOST_LABELS = 65535


@dataclass(frozen=True, eq=False)
class Structure:
    """A region of a structure set: its label, and its closed contours as points (n, 3) in RAS mm."""

    label: Label
    contours: tuple[Array, ...]


def read_contours(path: Path, name: str, scan: Volume | None) -> Work[Volume]:
    """Fill the contours of an RTSTRUCT; a hole is a contour within another (they are put together by exclusive or).

    On the grid of `scan` each slice takes the contours that lie in it; without one, or where the contours lie aslant to
    it, they are filled on a grid of their own, 1 mm within their planes. Where structures overlap the later one wins
    and a warning says so. Refuses a set without a closed contour.
    """
    yield Progress(0, 0, f"reading {path.name}")
    structures, said, frame_of_reference = _structures(path)
    if scan is not None and isinstance(origin := scan.stored.header, Origin):
        other = origin.frame_of_reference
        if other and frame_of_reference and other != frame_of_reference:
            said.append("it was drawn in another frame of reference than the scan's, and may lie elsewhere")
    drawn = (yield from _on(scan, structures)) if scan is not None else None
    if drawn is None:
        alone = yield from _on_own(path, structures, scan)
        drawn = alone
        if scan is not None:
            said.append("its contours lie aslant to the scan's slices and are filled on a grid of their own")
            drawn = replace(alone, volume=onto(alone.volume, scan))
    if drawn.hidden:
        said.append(f"structures overlap in {drawn.hidden:,} voxels; the later one is shown there")
    if drawn.outside:
        said.append(f"{drawn.outside} of {sum(len(one.contours) for one in structures)} contours lie outside the scan")
    labels = tuple(one.label for one in structures)
    return replace(drawn.volume, name=name, labels=labels, warnings=tuple(said))


@dataclass(frozen=True, eq=False)
class _Drawn:
    volume: Volume
    hidden: int
    outside: int


def _structures(path: Path) -> tuple[list[Structure], list[str], str]:
    data = header_of(path)
    if data is None:
        raise Refused(path, "this structure set cannot be read", "export it again")
    try:
        regions = {int(one.ROINumber): one for one in data.get("StructureSetROISequence") or ()}
        found: list[Structure] = []
        left = 0
        for order, one in enumerate(data.get("ROIContourSequence") or (), start=1):
            number = int(number_of(one, "ReferencedROINumber") or order)
            contours, others = _contours(one)
            left += others
            region = regions.get(number, Dataset())
            found.append(Structure(replace(_label(one, region, number), value=value_of(region, number)), contours))
        reference = next((text_of(one, "ReferencedFrameOfReferenceUID") for one in regions.values()), "")
    except DAMAGED as problem:
        raise Refused(path, "this structure set is damaged", "export it again") from problem
    if not any(one.contours for one in found):
        raise Refused(path, "this structure set holds no closed contour", "choose another file")
    said = [f"{left} points and open lines are not drawn"] if left else []
    return _numbered(found), said, reference


def _numbered(found: list[Structure]) -> list[Structure]:
    """Keep the numbers of the file where each is a label of its own; count anew otherwise."""
    values = [one.label.value for one in found]
    if len(set(values)) == len(values) and all(0 < value <= _MOST_LABELS for value in values):
        return found
    return [replace(one, label=replace(one.label, value=n)) for n, one in enumerate(found, start=1)]


def _contours(region: Dataset) -> tuple[tuple[Array, ...], int]:
    contours, left = [], 0
    for one in region.get("ContourSequence") or ():
        points = np.asarray([float(number) for number in one.get("ContourData") or ()], float)
        closed = text_of(one, "ContourGeometricType").upper().startswith("CLOSED")
        if not closed or len(points) < 9 or len(points) % 3 or not np.isfinite(points).all():
            left += 1
            continue
        contours.append(points.reshape(-1, 3) * (-1.0, -1.0, 1.0))
    return tuple(contours), left


def _label(contoured: Dataset, region: Dataset, number: int) -> Label:
    colour = [int(part) for part in contoured.get("ROIDisplayColor") or ()]
    sound = len(colour) == 3 and all(0 <= part <= 255 for part in colour)
    red, green, blue = colour if sound else default_colour(number)
    return Label(number, text_of(region, "ROIName") or f"structure {number}", (red, green, blue))


def _on(grid: Volume, structures: list[Structure]) -> Work[_Drawn | None]:
    """Fill on a grid in whose slices the contours lie; None where they do not."""
    placed = [[grid.to_voxel(points) for points in one.contours] for one in structures]
    every = [points for contours in placed for points in contours]
    stray = np.array([np.ptp(points, axis=0) for points in every])
    axis = int(stray.max(axis=0).argmin())
    if stray[:, axis].max() > _FLAT_VOXELS:
        return None
    values = max(one.label.value for one in structures)
    voxels = np.zeros(grid.shape, np.uint8 if values < 256 else np.uint16)
    planes = np.moveaxis(voxels, axis, 0)
    reach = _reach(placed, axis)
    hidden, seen = 0, 0
    for done, (one, contours) in enumerate(zip(structures, placed, strict=True)):
        yield Progress(done, len(structures), f"filling {one.label.name}")
        at = _by_plane(contours, axis)
        for index in range(len(planes)):
            near = min(at, key=lambda place: abs(place - index), default=None)
            if near is None or abs(near - index) > reach:
                continue
            mask = _filled([np.delete(points, axis, 1) for points in at[near]], planes.shape[1:])
            hidden += int(np.count_nonzero(planes[index][mask]))
            planes[index][mask] = one.label.value
        limit = len(planes) - 0.5
        seen += sum(len(inside) for place, inside in at.items() if -0.5 <= place <= limit)
    return _Drawn(like(grid, voxels), hidden, len(every) - seen)


def _by_plane(contours: list[Array], axis: int) -> dict[float, list[Array]]:
    planes: dict[float, list[Array]] = defaultdict(list)
    for points in contours:
        planes[round(float(points[:, axis].mean()), 2)].append(points)
    return planes


def _reach(placed: list[list[Array]], axis: int) -> float:
    """How far (in slices) a contour reaches to both sides: half the distance of two contours, at least half a slice."""
    steps: list[float] = []
    for contours in placed:
        at = sorted(_by_plane(contours, axis))
        steps += [second - first for first, second in pairwise(at) if second - first > 0.05]
    return max(0.5, 0.5 * float(np.median(steps)) if steps else 0.5) + 1e-3


def _filled(outlines: list[Array], shape: tuple[int, ...]) -> Array:
    """Fill outlines given in voxels; a voxel is inside where its middle is, and a hole by exclusive or."""
    mask = np.zeros(shape, bool)
    for points in outlines:
        rows, columns = polygon(points[:, 0], points[:, 1], shape)
        mask[rows, columns] ^= True
    return mask


def _on_own(path: Path, structures: list[Structure], scan: Volume | None) -> Work[_Drawn]:
    """Fill on a grid of their own: square within the plane of the largest contour, a slice to each plane."""
    grid = _own_grid(path, structures, _OWN_MM if scan is None else min(scan.spacing_mm))
    drawn = yield from _on(grid, structures)
    if drawn is None:
        raise Refused(path, "its contours lie in no common direction", "export it again from where it came")
    return drawn


def _own_grid(path: Path, structures: list[Structure], pixel_mm: float) -> Volume:
    every = [points for one in structures for points in one.contours]
    axes = _frame(max(every, key=len))
    reached = np.concatenate(every) @ axes
    at = np.unique(np.round([float((points @ axes)[:, 2].mean()) for points in every], 2))
    step = float(np.median(np.diff(at))) if len(at) > 1 else 1.0
    sizes = np.array([pixel_mm, pixel_mm, step])
    low, high = reached.min(axis=0) - 1.5 * sizes, reached.max(axis=0) + 1.5 * sizes  # edges between voxels
    low[2], high[2] = at[0], at[-1]
    count = np.ceil((high - low) / sizes - 1e-6).astype(int) + 1
    if count.max() > _MOST_PX:
        raise Refused(path, f"its contours span {(high - low).max():,.0f} mm", "open the scan they belong to first")
    need_room(path, int(np.prod(count, dtype=object)))
    affine: Affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * sizes, axes @ low
    empty = np.broadcast_to(np.zeros((), np.uint8), tuple(count))
    view, turned = to_ras(empty, affine)
    stored = Stored("RTSTRUCT", tuple(int(n) for n in count), axes_of(affine), affine, np.dtype(np.uint8))
    return Volume(view[np.newaxis], turned, stored)


def _frame(points: Array) -> Array:
    """Return across, down and normal of a contour's plane as columns; the patient's own axes where it lies in one."""
    middle = points - points.mean(axis=0)
    normal = np.linalg.svd(middle, full_matrices=False)[2][2]
    axis = int(np.abs(normal).argmax())
    if abs(normal[axis]) > 1 - 1e-6:
        order = [number for number in range(3) if number != axis]
        return np.eye(3)[:, [*order, axis]]
    across = np.cross(normal, np.eye(3)[int(np.abs(normal).argmin())])
    across = across / np.linalg.norm(across)
    return np.stack([across, np.cross(normal, across), normal], axis=1)
