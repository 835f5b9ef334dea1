"""What faces the screen: `cut` makes the one transpose and flip from a volume to a picture."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.volume import Affine, Volume

Array = NDArray[Any]
Plane = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
NORMAL: dict[Plane, int] = {"axial": 2, "coronal": 1, "sagittal": 0}
_POSITIVE, _NEGATIVE = "RAS", "LPI"
OPPOSITE = dict(zip(_POSITIVE + _NEGATIVE, _NEGATIVE + _POSITIVE, strict=True))


@dataclass(frozen=True)
class Facing:
    """How a plane of RAS+ voxels is turned to the screen: which axis runs down, which across, and which are flipped."""

    down: int
    across: int
    flip_down: bool
    flip_across: bool


def facing(plane: Plane, radiological: bool = True) -> Facing:
    """Turn a plane to the screen: superior or anterior up; patient's right on the left if `radiological`.

    A sagittal slice has anterior on the left in both conventions.
    """
    if plane == "axial":
        return Facing(down=1, across=0, flip_down=True, flip_across=radiological)
    if plane == "coronal":
        return Facing(down=2, across=0, flip_down=True, flip_across=radiological)
    return Facing(down=2, across=1, flip_down=True, flip_across=True)


@dataclass(frozen=True, eq=False)
class Slice:
    """Pixels (rows, cols) as they face the screen; of a colour picture, one channel.

    `mm` is the height and width of a pixel (None where uncalibrated); `letters` stand at the left, right, top and
    bottom edge. `slope` and `intercept` turn a pixel into what a person reads, in `unit`. `inside` (rows, cols) tells
    which pixels lie in the scan; None means all do.
    """

    pixels: Array
    mm: tuple[float, float] | None = None
    letters: tuple[str, str, str, str] = ("", "", "", "")
    plane: Plane = "axial"
    index: int = 0
    name: str = ""
    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    inside: NDArray[np.bool_] | None = None

    @property
    def values(self) -> Array:
        """Pixels as a person reads them, float64."""
        return self.pixels * self.slope + self.intercept


def letters(affine: Affine, plane: Plane, radiological: bool = True) -> tuple[str, str, str, str]:
    """Letters of the left, right, top and bottom edge; each from the affine's own directions, never assumed.

    An oblique axis gets up to two letters, the larger share first ("AL"), as scanners print them.
    """
    return _letters(np.asarray(affine, np.float64).tobytes(), plane, radiological)


@lru_cache(maxsize=64)
def _letters(affine_bytes: bytes, plane: Plane, radiological: bool) -> tuple[str, str, str, str]:
    """Letters by the bytes of an affine: asked for at every slice, and the same as long as the scan is."""
    affine = np.frombuffer(affine_bytes).reshape(4, 4)
    turned = facing(plane, radiological)
    right = toward(affine[:3, turned.across] * (-1 if turned.flip_across else 1))
    bottom = toward(affine[:3, turned.down] * (-1 if turned.flip_down else 1))
    left = "".join(OPPOSITE[letter] for letter in right)
    top = "".join(OPPOSITE[letter] for letter in bottom)
    return left, right, top, bottom


def toward(direction: NDArray[np.float64]) -> str:
    """Letters of where a direction in RAS mm leads, the larger share first ("AL"); two where it is oblique."""
    unit = direction / (np.linalg.norm(direction) or 1.0)
    largest_first = np.argsort(-np.abs(unit), kind="stable")
    named = [(_POSITIVE if unit[axis] > 0 else _NEGATIVE)[axis] for axis in largest_first if abs(unit[axis]) > 0.2588]
    return "".join(named[:2])


def cut(volume: Volume, plane: Plane, index: int, frame: int = 0, radiological: bool = True) -> Slice:
    """Cut the slice `index` of the RAS+ view; pixels are a view of the stored voxels, not a copy.

    `frame` is a frame of a series or a channel of a colour picture. A volume that is not oriented has no letters.
    Raises IndexError outside the volume.
    """
    turned = facing(plane, radiological)
    normal = NORMAL[plane]
    if not 0 <= index < volume.shape[normal]:
        raise IndexError(f"{plane} slice {index} of {volume.shape[normal]}")
    take: list[Any] = [slice(None)] * 3
    take[normal] = index
    pixels = volume.frame(frame)[tuple(take)].T  # `across` comes before `down` among the axes of every plane
    pixels = pixels[:: -1 if turned.flip_down else 1, :: -1 if turned.flip_across else 1]
    spacing = volume.spacing_mm
    return Slice(
        pixels=pixels,
        mm=(spacing[turned.down], spacing[turned.across]) if volume.calibrated else None,
        letters=letters(volume.affine, plane, radiological) if volume.oriented else ("", "", "", ""),
        plane=plane,
        index=index,
        name=volume.name,
        slope=volume.slope,
        intercept=volume.intercept,
        unit=volume.unit,
    )


def to_voxel(
    shape: tuple[int, int, int], plane: Plane, index: int, row: float, col: float, radiological: bool = True
) -> tuple[float, float, float]:
    """Voxel coordinates of RAS+ under a place on the screen; (0, 0) is the centre of the top left pixel."""
    turned = facing(plane, radiological)
    voxel = [0.0, 0.0, 0.0]
    voxel[NORMAL[plane]] = index
    voxel[turned.down] = shape[turned.down] - 1 - row if turned.flip_down else row
    voxel[turned.across] = shape[turned.across] - 1 - col if turned.flip_across else col
    return voxel[0], voxel[1], voxel[2]


def to_screen(shape: tuple[int, int, int], plane: Plane, voxel: Any, radiological: bool = True) -> tuple[float, float]:
    """Row and column on the screen of a voxel of RAS+; the inverse of `to_voxel`."""
    turned = facing(plane, radiological)
    row = shape[turned.down] - 1 - voxel[turned.down] if turned.flip_down else voxel[turned.down]
    col = shape[turned.across] - 1 - voxel[turned.across] if turned.flip_across else voxel[turned.across]
    return float(row), float(col)
