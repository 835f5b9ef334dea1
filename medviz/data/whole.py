"""A few held-out cases as a person sees them: the scan on its own grid, the reference, and how both are made ready."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from medviz.data.preparation import Preparation
from medviz.imaging.story import ProbeCase
from medviz.imaging.volume import Stored, Volume

MOST = 3
"""So many cases are followed through a training."""
KEPT_BYTES = 256 << 20
"""Prepared scans of more than this are made anew each time."""


@runtime_checkable
class NativeCases(Protocol):
    """A data set that can give its held-out cases back on the grid of their files."""

    @property
    def held_out_cases(self) -> int:
        """How many there are."""
        ...

    def preparation(self, dimensions: int, patch: int = 0) -> Preparation:
        """How a scan is made ready for a network that was trained on this."""
        ...

    def native(self, number: int) -> tuple[Volume, Volume | None]:
        """Scan (all channels) and reference (labels 0, 1, 2, ...) of a held-out case on the scan's own grid."""
        ...


class WholeCase:
    """A case and what the network is given of it; the scan is read when it is first asked for."""

    def __init__(self, number: int, read: Callable[[], ProbeCase], preparation: Preparation, prepared: bool) -> None:
        self.number, self.preparation = number, preparation
        self._read, self._prepared = read, prepared
        self._image: NDArray[np.float32] | None = None

    @cached_property
    def seen(self) -> ProbeCase:
        """The case as a person sees it."""
        return self._read()

    @property
    def was_read(self) -> bool:
        """True once the scan was asked for."""
        return "seen" in self.__dict__

    def image(self) -> NDArray[np.float32]:
        """What the network is given, (channel, x, y, z) float32; kept where it is not too large."""
        if self._prepared:
            return np.asarray(self.seen.scan.voxels, np.float32)
        if self._image is None:
            made = self.preparation.prepared(self.seen.scan)
            if made.nbytes > KEPT_BYTES:
                return made
            self._image = made
        return self._image


def whole_cases(data: Any, dimensions: int, most: int = MOST) -> tuple[WholeCase, ...]:
    """The first held-out cases of a data set for segmentation, always the same.

    Where a data set cannot give back the scans of its files, its samples stand for them, as they were made ready.
    """
    data = beneath(data)
    count = data.held_out_cases if isinstance(data, NativeCases) else len(data.probes(dimensions))
    return tuple(whole_case(data, dimensions, number) for number in range(min(most, count)))


def beneath(data: Any) -> Any:
    """The data set whose cases are held out: of one that only adds cases to another, that other one."""
    return beneath(data.base) if hasattr(data, "base") else data


def whole_case(data: Any, dimensions: int, number: int) -> WholeCase:
    """One of them, by its number."""
    data = beneath(data)
    if isinstance(data, NativeCases):
        return WholeCase(
            number, lambda: ProbeCase(number, *data.native(number)), data.preparation(dimensions), prepared=False
        )
    return WholeCase(number, lambda: _of_sample(data, dimensions, number), data.preparation(dimensions), prepared=True)


def _of_sample(data: Any, dimensions: int, number: int) -> ProbeCase:
    """Take a prepared sample for a scan: its axes are those of RAS, its spacing that of the preparation."""
    return probe_of(data.probes(dimensions)[number], data.preparation(dimensions), number)


def probe_of(sample: Mapping[str, Any], preparation: Preparation, number: int) -> ProbeCase:
    """Take a sample as it was made ready for a scan and its reference."""
    image, label = np.asarray(sample["image"], np.float32), np.asarray(sample["label"])
    if preparation.dimensions == 2:
        image = np.expand_dims(image, preparation.normal + 1)
        label = np.expand_dims(label, preparation.normal)
    scan = volume_of(image, preparation.spacing_mm, f"case {number + 1}")
    return ProbeCase(number, scan, volume_of(label[None].astype(np.uint8), preparation.spacing_mm, "reference"))


def volume_of(voxels: NDArray[Any], spacing_mm: Sequence[float] | None, name: str = "") -> Volume:
    """Voxels (channel, x, y, z) in RAS order as a volume with its middle at 0."""
    affine = np.diag((*(spacing_mm or (1.0, 1.0, 1.0)), 1.0))
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(voxels.shape[1:]) - 1) / 2)
    stored = Stored("sample", voxels.shape[1:], "RAS", affine, voxels.dtype)
    kind: Any = "frames" if len(voxels) > 1 else "scalar"
    return Volume(voxels, affine, stored, name, kind, calibrated=spacing_mm is not None,
                  oriented=spacing_mm is not None)  # fmt: skip
