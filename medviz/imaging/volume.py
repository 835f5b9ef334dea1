"""Voxels in their stored data type, seen in RAS+ order, with the affine that says where they lie in the patient."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.frames import Pending
from medviz.imaging.labels import Label

Array = NDArray[Any]
Affine = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stored:
    """How the file holds the voxels, and what is needed to write others back in the same order.

    `axes` are the directions in which the stored indices grow ("LPS"); `shape` and `affine` are the file's own (voxel
    to RAS mm); `header` is the reader's own header object, None where there is none. `borrowed` says that the header
    is that of another volume on the same grid (see `like`): only what places the voxels is taken from it.
    """

    format: str
    shape: tuple[int, ...]
    axes: str
    affine: Affine
    dtype: np.dtype[Any]
    header: Any = None
    borrowed: bool = False


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan, a label map or a probability map.

    Attributes
    ----------
    voxels : array (channel, x, y, z)
        A view, in the order nearest to RAS+, of the array as stored; the data type is the stored one.
    affine : array (4, 4)
        From (x, y, z, 1) of `voxels` to RAS mm.
    kind : "scalar" (one channel), "frames" (time or another fourth axis) or "colour" (3 or 4 channels).
    slope, intercept : what a person reads is ``slope * voxel + intercept``, in `unit`.
    calibrated : False where the file gives no spacing; then no mm may be printed.
    oriented : False where the file does not say how the voxels lie in the patient; then no edge letter may be shown.
    warnings : sentences about the file that a person should read.
    frame_s : seconds from frame to frame, None where not known.
    window : width and level that the file asks for, in what a person reads; None where it asks for none.
    labels : names and colours that the file gives to label values.
    frame_names : what tells the frames apart ("b 1000 s/mm²", "TE 30 ms", "phase"), empty where only the time does.
    pending : which frames are in memory already, None where all are.
    inverted : True where low values are to be drawn bright (a radiograph's MONOCHROME1).
    synthetic : True where a network made it up; files of it are marked (see `medviz.imaging.synthetic`).
    """

    voxels: Array
    affine: Affine
    stored: Stored
    name: str = ""
    kind: Literal["scalar", "frames", "colour"] = "scalar"
    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    calibrated: bool = True
    oriented: bool = True
    warnings: tuple[str, ...] = ()
    frame_s: float | None = None
    window: tuple[float, float] | None = None
    inverted: bool = False
    labels: tuple[Label, ...] = ()
    frame_names: tuple[str, ...] = ()
    pending: Pending | None = None
    synthetic: bool = False
    inverse: Affine = field(init=False)

    def __post_init__(self) -> None:
        if self.voxels.ndim != 4:
            raise ValueError(f"voxels must be (channel, x, y, z), not {self.voxels.shape}")
        object.__setattr__(self, "inverse", np.linalg.inv(self.affine))

    def __repr__(self) -> str:
        size = "×".join(map(str, self.shape))
        return f"Volume({self.name!r}, {size}, {self.voxels.dtype}, stored as {self.stored.axes})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along x, y and z of the RAS+ view."""
        return self.voxels.shape[1:]

    @property
    def frames(self) -> int:
        """How many frames there are; 1 for anything but a series in time."""
        return self.voxels.shape[0] if self.kind == "frames" else 1

    @cached_property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxels along x, y, z in mm (1.0 each where uncalibrated)."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in ml, right for sheared grids too."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    def frame(self, number: int = 0) -> Array:
        """One frame or channel as (x, y, z), a view."""
        view: Array = self.voxels[number]
        return view

    def to_mm(self, voxel: Any) -> NDArray[np.float64]:
        """RAS mm of voxel coordinates (..., 3)."""
        return np.asarray(voxel, float) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_voxel(self, mm: Any) -> NDArray[np.float64]:
        """Voxel coordinates, not rounded, of RAS mm (..., 3)."""
        return np.asarray(mm, float) @ self.inverse[:3, :3].T + self.inverse[:3, 3]

    def nearest(self, mm: Any) -> tuple[int, int, int] | None:
        """Index of the voxel that holds a point in RAS mm, None outside."""
        index = np.floor(self.to_voxel(mm) + 0.5).astype(int)
        if np.any(index < 0) or np.any(index >= self.shape):
            return None
        return int(index[0]), int(index[1]), int(index[2])

    def value_at(self, mm: Any, frame: int = 0) -> float | None:
        """What a person reads at a point in RAS mm (scaled, in `unit`), None outside."""
        index = self.nearest(mm)
        return None if index is None else float(self.voxels[(frame, *index)]) * self.slope + self.intercept

    def same_grid(self, other: "Volume") -> bool:
        """Tell whether voxel for voxel both lie at the same place, to a tenth of a micrometre a voxel."""
        return self.shape == other.shape and bool(np.allclose(self.affine, other.affine, atol=1e-4))


def like(
    grid: Volume,
    voxels: Array,
    name: str = "",
    *,
    kind: Literal["scalar", "frames", "colour"] = "scalar",
    slope: float = 1.0,
    intercept: float = 0.0,
    unit: str = "",
) -> Volume:
    """Make a volume (labels, a probability) on the grid of another, to be written back in the other's order.

    `voxels` are (x, y, z) or (channel, x, y, z) in the RAS+ order of `grid.voxels`; truth values become uint8.
    Raises ValueError where they do not fill the grid.
    """
    layered = voxels[np.newaxis] if voxels.ndim == 3 else voxels
    if layered.ndim != 4 or layered.shape[1:] != grid.shape:
        raise ValueError(f"voxels {voxels.shape} do not fill the grid {grid.shape}")
    if layered.dtype == np.bool_:
        layered = layered.view(np.uint8)
    stored = replace(grid.stored, shape=grid.stored.shape[:3], dtype=layered.dtype, borrowed=True)
    return Volume(
        layered,
        grid.affine,
        stored,
        name=name,
        kind=kind,
        slope=slope,
        intercept=intercept,
        unit=unit,
        calibrated=grid.calibrated,
        oriented=grid.oriented,
        frame_s=grid.frame_s if kind == "frames" else None,
    )
