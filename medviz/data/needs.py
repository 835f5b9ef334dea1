"""What a network made elsewhere wants of a scan: its grid, its directions, its intensities, and what it answers.

A network of ours says so by its `Preparation`. One made elsewhere comes with a card, or a person is asked; both are
the fields below. Everything outside the network stays in RAS+ order: a tile is turned to `axes` just before the
network sees it, and its answer is turned back at once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from medviz.data.preparation import foreground_scaled, measured, regridded, resampled, stretched
from medviz.imaging.resample import onto
from medviz.imaging.volume import Affine, Stored, Volume, like
from medviz.parameters import Choice, Group, Range, When, built, plain
from medviz.refused import Refused

Sides = tuple[int, int, int]
_GRID, _LIGHT, _ANSWER = Group("Grid"), Group("Intensities"), Group("Answer")


@dataclass(frozen=True)
class Needs:
    """What is done to a scan before a network made elsewhere sees it, and how its answer is read."""

    dimensions: Annotated[int, Choice((3, 2), ("3-D", "2-D, slice by slice")), _GRID, "What it looks at."] = 3
    channels: Annotated[int, Range(1, 32), _GRID, "Pictures that it takes at once; the frames of the scan."] = 1
    axes: Annotated[str, _GRID, "Directions in which its three axes grow, as RAS or LIA."] = "RAS"
    spacing: Annotated[str, _GRID, "Voxel size along R, A, S in mm, as 1,1,1.5; empty takes the scan's own."] = ""
    fit: Annotated[
        str,
        Choice(
            ("tiles", "conform", "stretch"),
            ("any size, in tiles", "a cube round the middle, cut or filled", "the whole scan stretched to a size"),
        ),
        _GRID,
        "How a scan comes to the size that the network takes.",
    ] = "tiles"
    size: Annotated[
        str, _GRID, When("fit", "conform", "stretch"), "Voxels along R, A, S that it takes, as 128,128,128."
    ] = ""
    tile: Annotated[
        int,
        Range(16, 512, 16, unit="voxels"),
        _GRID,
        When("fit", "tiles"),
        "Side of a tile, that of its training.",
    ] = 96
    multiple: Annotated[int, Range(1, 512), _GRID, "Sides of a tile are filled up to a multiple of this."] = 1
    smooth: Annotated[bool, _GRID, "Interpolate when the grid changes; else the nearest voxel is taken."] = True
    eight_bit: Annotated[
        bool, _LIGHT, "Bring the scan to 0…255 first, as FreeSurfer's conform does (uint8 stays as it is)."
    ] = False
    clip: Annotated[
        str,
        Choice(("none", "values", "percentiles"), ("not at all", "at values", "at percentiles")),
        _LIGHT,
        "Where intensities are cut.",
    ] = "none"
    low: Annotated[float, Range(-5000, 100000), _LIGHT, When("clip", "values", "percentiles"), "Lower cut."] = 0.0
    high: Annotated[float, Range(-5000, 100000), _LIGHT, When("clip", "values", "percentiles"), "Upper cut."] = 1.0
    scale: Annotated[
        str,
        Choice(
            ("foreground", "nonzero", "unit", "spread", "none"),
            (
                "mean 0, spread 1 of what is not air",
                "mean 0, spread 1 of what is not 0",
                "to 0…1",
                "mean 0, spread 1 of all",
                "as they are",
            ),
        ),
        _LIGHT,
        "How intensities are scaled after the cut.",
    ] = "unit"
    gain: Annotated[float, Range(-1e4, 1e4), _LIGHT, "Multiplied after scaling."] = 1.0
    offset: Annotated[float, Range(-1e4, 1e4), _LIGHT, "Added after that."] = 0.0
    output: Annotated[
        str,
        Choice(
            ("detect", "scores", "shares", "chances", "logits"),
            (
                "found by a trial",
                "a score a class (softmax is taken)",
                "a probability a class",
                "a probability for each label by itself",
                "a score for each label by itself (sigmoid is taken)",
            ),
        ),
        _ANSWER,
        "What its channels mean.",
    ] = "detect"
    labels: Annotated[str, _ANSWER, "Names of the labels 1, 2, …, with commas; empty: not known."] = ""

    def __post_init__(self) -> None:
        if sorted(_line(one) for one in self.axes) != [0, 1, 2]:
            raise Refused(f"axes={self.axes}", "these are no three directions", "write for example RAS or LIA")
        if self.spacing and (len(self.spacing_mm or ()) != 3 or min(self.spacing_mm or (0,)) <= 0):
            raise Refused(f"spacing={self.spacing}", "it is not three lengths in mm", "write for example 1,1,1.5")
        if (self.size or self.fit != "tiles") and (len(self._numbers(self.size)) != 3 or min(self.shape or (0,)) < 1):
            raise Refused(f"size={self.size}", "it is not three numbers of voxels", "write for example 128,128,128")
        if self.clip != "none" and not self.low < self.high:
            raise Refused(
                f"low={self.low:g}, high={self.high:g}", "nothing lies between them", "low must be below high"
            )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Needs":
        """Read it from plain values (a card); refuses what it does not know."""
        return built(cls, values)

    def plain(self) -> dict[str, Any]:
        """Return plain values for a card."""
        return plain(self)

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Voxel size along R, A, S that the network was trained on, None where it takes any."""
        numbers = self._numbers(self.spacing)
        return cast("tuple[float, float, float]", numbers) if numbers else None

    @property
    def shape(self) -> Sides | None:
        """Voxels along R, A, S that the network takes, None for any."""
        numbers = tuple(int(one) for one in self._numbers(self.size))
        return cast("Sides", numbers) if numbers and self.fit != "tiles" else None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the labels 1, 2, …; empty where they are not known."""
        return tuple(one.strip() for one in self.labels.split(",") if one.strip())

    @property
    def normal(self) -> int:
        """Axis of the RAS order that a 2-D network does not see: its third one."""
        return _line(self.axes[2])

    @property
    def patch(self) -> tuple[int, ...]:
        """Side of a tile along R, A, S."""
        return (self.tile,) * 3

    @property
    def whole(self) -> bool:
        """True where the network sees all at once."""
        return self.fit != "tiles"

    @property
    def size_of_all(self) -> Sides:
        """Voxels along R, A, S that it takes where it sees all at once, (0, 0, 0) where any will do."""
        return self.shape or (0, 0, 0)

    @property
    def skips_air(self) -> bool:
        """False: what a stranger's network says of air is not known."""
        return False

    def shape_of(self, scan: Volume) -> Sides:
        """Voxels along x, y, z that the network sees of a scan."""
        if self.shape is not None:
            return self.shape
        return measured(scan, self.spacing_mm, self.normal if self.dimensions == 2 else None)

    def grid(self, scan: Volume) -> Affine:
        """Affine (4, 4) of what the network sees, to RAS mm; its voxels are in the order nearest to RAS."""
        if self.fit != "conform":
            return regridded(scan.affine, scan.shape, self.shape_of(scan))
        shape, step = np.array(self.shape_of(scan)), self.spacing_mm or (1.0, 1.0, 1.0)
        affine = np.diag([*step, 1.0])
        affine[:3, 3] = scan.to_mm((np.array(scan.shape) - 1) / 2) - affine[:3, :3] @ ((shape - 1) / 2)
        between = np.linalg.inv(affine) @ scan.affine
        if np.allclose(between[:3, :3], np.eye(3), atol=1e-3):  # the same voxels: moved by whole ones, never blurred
            shift = between[:3, 3] - np.rint(between[:3, 3])
            affine[:3, 3] += affine[:3, :3] @ shift
        return affine

    def prepared(self, scan: Volume) -> NDArray[np.float32]:
        """Make (channel, x, y, z) float32 of a scan, in RAS+ order. Refuses too few channels."""
        channels = scan.voxels.shape[0]
        if channels < self.channels:
            fault = f"it has {channels} channel(s) and the network takes {self.channels}"
            raise Refused(scan.name or "the scan", fault, "choose another scan or model")
        layers = scan.voxels[: self.channels]
        if scan.kind == "colour" and self.channels == 1:
            layers = scan.voxels[:3].mean(0, dtype=np.float32, keepdims=True)
        voxels = np.array(layers, dtype=np.float32, order="C")
        np.nan_to_num(voxels, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        voxels = voxels * np.float32(scan.slope) + np.float32(scan.intercept)
        if self.eight_bit and scan.voxels.dtype != np.uint8:
            voxels = np.stack([in_bytes(one) for one in voxels])
        voxels = self._on_its_grid(voxels, scan)
        for channel in voxels:
            self._lit(channel)
        return voxels

    def back(self, share: NDArray[Any], scan: Volume, smooth: bool = True) -> NDArray[Any]:
        """Bring (x, y, z) from the network's grid to the scan's; outside of what it saw is 0."""
        if self.fit != "conform":
            return stretched(share, scan.shape, smooth)
        seen = _placed(share[None], self.grid(scan), scan)
        return onto(seen, scan, "linear" if smooth else "nearest").frame()

    def _on_its_grid(self, voxels: NDArray[np.float32], scan: Volume) -> NDArray[np.float32]:
        shape = self.shape_of(scan)
        if self.fit == "conform":
            grid = _placed(np.empty((1, *shape), np.uint8), self.grid(scan), scan)
            source = like(scan, voxels, kind="frames")
            lowest = float(voxels.min())
            return np.array(onto(source, grid, "linear" if self.smooth else "nearest", lowest).voxels, np.float32)
        if self.smooth:
            return np.array(resampled(voxels, shape), np.float32)
        return np.stack([stretched(one, shape, smooth=False) for one in voxels]).astype(np.float32)

    def _lit(self, values: NDArray[np.float32]) -> None:
        """Cut and scale one channel in place."""
        low, high = float(values.min()), float(values.max())
        if self.clip != "none":
            low, high = self.low, self.high
            if self.clip == "percentiles":
                low, high = (float(one) for one in np.percentile(values, (max(0.0, low), min(100.0, high))))
            np.clip(values, low, high, out=values)
        if self.scale == "unit":
            values -= low
            values /= (high - low) or 1.0
        elif self.scale == "spread":
            values -= values.mean()
            values /= float(values.std(ddof=1)) or 1.0
        elif self.scale == "nonzero":
            there = values != 0
            if there.any():
                mean, spread = float(values[there].mean()), float(values[there].std())
                np.copyto(values, (values - mean) / (spread or 1.0), where=there)
        elif self.scale == "foreground":
            values[...] = foreground_scaled(values)
        if self.gain != 1.0 or self.offset != 0.0:
            values *= self.gain
            values += self.offset

    def _numbers(self, text: str) -> tuple[float, ...]:
        try:
            numbers = tuple(float(one) for one in text.replace("×", ",").split(",") if one.strip())
        except ValueError as problem:
            raise Refused(text, "these are no numbers", "write three numbers with commas") from problem
        if not all(math.isfinite(one) for one in numbers):
            raise Refused(text, "a number is not finite", "write three numbers with commas")
        return numbers


def turn(axes: str) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """Say how an array in RAS order is turned to `axes`: the order of its axes, then which of them are flipped."""
    order = tuple(_line(one) for one in axes)
    return cast("Sides", order), tuple(number for number, one in enumerate(axes) if one in "LPI")


def in_bytes(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale to whole numbers 0…255, the brightest thousandth of what is not 0 cut off (FreeSurfer's conform)."""
    low = float(values.min())
    bright = values[values != 0]
    high = float(np.percentile(bright, 99.9)) if bright.size else low
    whole: NDArray[np.float32] = np.rint((values - low) * np.float32(255.0 / ((high - low) or 1.0)))
    return np.clip(whole, 0, 255, out=whole)


def _placed(voxels: NDArray[Any], affine: Affine, scan: Volume) -> Volume:
    stored = Stored("network", voxels.shape[1:], "RAS", affine, voxels.dtype)
    kind: Literal["scalar", "frames"] = "frames" if len(voxels) > 1 else "scalar"
    return Volume(voxels, affine, stored, kind=kind, calibrated=scan.calibrated, oriented=scan.oriented)


def _line(letter: str) -> int:
    """Axis of the RAS order along which a direction runs; -1 for what is none."""
    return next((axis for axis, pair in enumerate(("RL", "AP", "SI")) if letter in pair and letter), -1)
