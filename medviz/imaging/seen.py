"""What a network is given of a scan: the tensor, and where in the scan each voxel of it comes from."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.volume import Affine, Stored, Volume

OUTSIDE_VOXELS = 0.6
"""A place this far from the nearest voxel of a tensor lies outside of it; bending moves neighbours a little apart."""
Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Seen:
    """A scan beside what a network is given of it.

    `given` (channel, x, y, z) float32 is the tensor itself; its affine is the one that comes nearest to `places_mm`
    (3, x, y, z), which says from where in the scan each voxel of it comes, in RAS mm: after a flip or a turn its axes
    point elsewhere. `inside` (x, y, z) is False where it is padding. `label` goes with it, `reference` with the scan.
    `facts` are (what was done, in words and numbers).
    """

    scan: Volume
    given: Volume
    places_mm: NDArray[np.float32]
    inside: NDArray[np.bool_]
    reference: Volume | None = None
    label: Volume | None = None
    facts: tuple[tuple[str, str], ...] = ()

    def to_scan(self, mm: Point) -> Point | None:
        """Where in the scan a place of the tensor (mm by its own affine) comes from; None outside of the tensor."""
        voxel = self.given.nearest(mm)
        if voxel is None:
            return None
        x, y, z = self.places_mm[(slice(None), *voxel)]
        return float(x), float(y), float(z)

    def to_given(self, mm: Point) -> Point | None:
        """Where in the tensor (mm by its own affine) a place of the scan went; None where it is not in it.

        Looks for the voxel that comes from nearest to it, first round where the affine says, then everywhere.
        """
        near = np.rint(self.given.to_voxel(mm)).astype(int)
        low = np.clip(near - self._reach, 0, np.array(self.given.shape) - 1)
        high = np.clip(near + self._reach + 1, low + 1, self.given.shape)
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        found = self.places_mm[(slice(None), *box)] - np.array(mm, np.float32)[:, None, None, None]
        far = np.einsum("cxyz,cxyz->xyz", found, found)
        at = np.array(np.unravel_index(int(far.argmin()), far.shape)) + low
        beside = np.array(mm) - self.places_mm[(slice(None), *at)]
        off = np.abs(np.linalg.inv(self.given.affine[:3, :3]) @ beside)  # in voxels of the tensor, but for the bending
        thin = np.array(self.given.shape) == 1
        if np.any((off > OUTSIDE_VOXELS) & ~thin) or np.any((off * self.given.spacing_mm > self._half_mm) & thin):
            return None
        x, y, z = self.given.to_mm(at)
        return float(x), float(y), float(z)

    @cached_property
    def exact(self) -> bool:
        """True where the tensor's affine says where each voxel comes from: nothing was bent."""
        return self.off_mm < 0.05 * min(self.given.spacing_mm)

    @cached_property
    def off_mm(self) -> float:
        """How far the affine is off at most."""
        grid = np.moveaxis(np.indices(self.given.shape), 0, -1)
        away = self.given.to_mm(grid) - np.moveaxis(self.places_mm, 0, -1)
        return float(np.sqrt((away**2).sum(-1).max()))

    @cached_property
    def _reach(self) -> int:
        """Voxels round the place that the affine gives among which the right one lies."""
        return int(np.ceil(self.off_mm / max(min(self.given.spacing_mm), 1e-6))) + 2

    @cached_property
    def _half_mm(self) -> float:
        """Half the thickness of a slice, and a little."""
        return 0.55 * max(self.scan.spacing_mm)

    @cached_property
    def mirrored(self) -> bool:
        """True where left and right (or another axis) changed places on the way to the network."""
        return bool(np.linalg.det(self.given.affine[:3, :3]) * np.linalg.det(self.scan.affine[:3, :3]) < 0)

    def outline(self) -> Volume:
        """What of the scan is in the tensor, as a label map of one label on the scan's grid."""
        rows = np.linalg.inv(self.given.affine) @ self.scan.affine
        axes = [np.arange(side) for side in self.scan.shape]
        made = np.ones(self.scan.shape, bool)
        for row, side in zip(rows[:3], self.given.shape, strict=True):
            at = (row[0] * axes[0])[:, None, None] + (row[1] * axes[1])[None, :, None] + row[2] * axes[2] + row[3]
            made &= (at > -0.5) & (at < side - 0.5)
        voxels = np.asarray(made[None], np.uint8)
        stored = Stored("patch", voxels.shape[1:], "RAS", self.scan.affine, voxels.dtype)
        return Volume(voxels, self.scan.affine, stored, "patch", calibrated=self.scan.calibrated,
                      oriented=self.scan.oriented)  # fmt: skip

    def padding(self) -> Volume:
        """Where the tensor is no scan, as a label map on its grid."""
        voxels = np.asarray(~self.inside[None], np.uint8)
        stored = replace(self.given.stored, dtype=voxels.dtype)
        return replace(self.given, voxels=voxels, stored=stored, kind="scalar", name="padding")


def fitted(places_mm: NDArray[np.float32], along: Affine | None = None) -> Affine:
    """The affine (4, 4) that comes nearest to where voxels (3, x, y, z) lie.

    An axis of one voxel gets 1 mm at a right angle to the others, to the side to which that of `along` points.
    """
    shape = places_mm.shape[1:]
    step = tuple(max(1, (side - 1) // 6) for side in shape)
    index = np.stack(np.meshgrid(*(np.arange(0, side, pace) for side, pace in zip(shape, step, strict=True)),
                                 indexing="ij"), -1).reshape(-1, 3)  # fmt: skip
    there = places_mm[:, index[:, 0], index[:, 1], index[:, 2]].T.astype(np.float64)
    wide = [axis for axis in range(3) if shape[axis] > 1]
    known = np.column_stack([index[:, wide], np.ones(len(index))])
    found, *_ = np.linalg.lstsq(known, there, rcond=None)
    affine = np.eye(4)
    affine[:3, 3] = found[-1]
    for number, axis in enumerate(wide):
        affine[:3, axis] = found[number]
    for axis in set(range(3)) - set(wide):
        affine[:3, axis] = _across(affine, axis)
        if along is not None and affine[:3, axis] @ along[:3, axis] < 0:
            affine[:3, axis] *= -1
    return affine


def _across(affine: Affine, axis: int) -> NDArray[np.float64]:
    """Unit vector at a right angle to the two other axes."""
    first, second = (affine[:3, other] for other in ((axis + 1) % 3, (axis + 2) % 3))
    normal = np.cross(first, second)
    length = float(np.linalg.norm(normal))
    return normal / length if length > 1e-9 else np.eye(3)[axis]
