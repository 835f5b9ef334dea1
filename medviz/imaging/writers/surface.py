"""STL: surfaces of labels in mm, in the frame LPS, as 3D Slicer writes it and takes it when nothing is said."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.sparse import coo_array
from skimage.measure import marching_cubes

from medviz.imaging.labels import Label
from medviz.imaging.storage import need_room, replacing
from medviz.imaging.volume import Volume
from medviz.imaging.writers.writer import Export, Writer
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
HEADER = b"medviz; SPACE=LPS; mm; research and teaching, not for diagnosis"
"""3D Slicer looks for SPACE= in these 80 bytes. Never "solid" at the start: that means an STL of text."""
_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_SHRINK, _GROW = 0.5, -0.53
"""Taubin's two steps (A signal processing approach to fair surface design, 1995): the volume stays."""


def write_surfaces(thing: Export, path: Path) -> Work[tuple[Path, ...]]:
    """Write the surfaces of labels, all in one file or (`one_file` False) a file a label: name_liver.stl."""
    if not thing.volume.calibrated:
        raise Refused(path, "the volume gives no voxel size, so that a surface has no mm", "give a calibrated scan")
    voxels = thing.map_of_labels(path)
    labels = thing.labels_of(voxels, path)
    made: list[tuple[Label, Array]] = []
    boxes = find_objects(voxels)
    for number, label in enumerate(labels):
        yield Progress(number, len(labels), f"surface of {label.name}")
        box = boxes[label.value - 1]
        points, faces = surface(thing.volume, voxels[box] == label.value, thing.smooth, [part.start for part in box])
        made.append((label, (points * (-1, -1, 1))[faces]))  # RAS to LPS is half a turn: no triangle is turned over
    if thing.one_file or len(made) == 1:
        _write(np.concatenate([triangles for _, triangles in made]), path)
        return (path,)
    files = tuple(path.with_name(f"{path.stem}_{_in_name(label)}.stl") for label, _ in made)
    if len({file.name.lower() for file in files}) < len(files):
        files = tuple(path.with_name(f"{path.stem}_{label.value}.stl") for label, _ in made)
    for (_, triangles), file in zip(made, files, strict=True):
        _write(triangles, file)
        yield Progress(1, 1, f"writing {file.name}")
    return files


def surface(grid: Volume, mask: Array, smooth: int = 0, corner: Sequence[int] = (0, 0, 0)) -> tuple[Array, Array]:
    """Closed surface of a mask (x, y, z) on a grid: points (n, 3) in RAS mm and triangles (m, 3), seen from outside.

    The mask may be a part of the grid, from the voxel `corner` on. `smooth` rounds take the steps of the voxels off; no
    point leaves its place by more than half a voxel.
    """
    need_room("a surface", int(np.prod(np.add(mask.shape, 2), dtype=object)) * 40)
    solid = np.pad(mask, 1).astype(np.float32)
    points, faces, _, _ = marching_cubes(solid, 0.5, gradient_direction="ascent")
    points = points + np.subtract(corner, 1)
    if smooth:
        points = _smoothed(points, faces, np.asarray(grid.spacing_mm), smooth)
    inward = np.linalg.det(grid.affine[:3, :3]) < 0
    return grid.to_mm(points), faces[:, ::-1] if inward else faces


def enclosed_ml(triangles: Array) -> float:
    """Volume within closed triangles (m, 3, 3) in mm, in ml; below 0 where they are seen from inside."""
    one, two, three = triangles.astype(np.float64).transpose(1, 0, 2)
    return float(np.einsum("ij,ij->i", one, np.cross(two, three)).sum() / 6000.0)


def _smoothed(points: Array, faces: Array, spacing_mm: Array, rounds: int) -> Array:
    count = len(points)
    start, end = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int32).T
    # Each edge of a closed surface is run along once each way, so that these are all neighbours, each once.
    near = coo_array((np.ones(len(start), np.float32), (start, end)), shape=(count, count)).tocsr()
    near.data[:] = 1.0
    share = (1.0 / np.maximum(near.sum(axis=1), 1)).astype(np.float32)[:, None]
    moved = (points * spacing_mm).astype(np.float32)
    for _ in range(rounds):
        for step in (_SHRINK, _GROW):
            moved = moved + np.float32(step) * (share * (near @ moved) - moved)
    return points + np.clip(moved / spacing_mm - points, -0.5, 0.5)


def _write(triangles: Array, path: Path) -> None:
    records = np.zeros(len(triangles), _RECORD)
    records["corners"] = triangles
    across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    lengths = np.linalg.norm(across, axis=1, keepdims=True)
    records["normal"] = across / np.where(lengths > 0, lengths, 1)
    with replacing(path) as file:
        file.write(HEADER.ljust(80))
        file.write(np.uint32(len(triangles)).astype("<u4").tobytes())
        file.write(records.tobytes())


def _in_name(label: Label) -> str:
    kept = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in label.name).strip("_")
    return kept[:60] or str(label.value)


WRITER = Writer("STL", write_surfaces)
