"""What no scanner made and must not pass for a scan: its voxels, and the marks by which a file of it is known again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from medviz import __version__
from medviz.imaging.slices import NORMAL, PLANES, cut
from medviz.imaging.storage import replacing
from medviz.imaging.volume import Array, Stored, Volume

WORD = "synthetic"
NOTICE = "it is synthetic: a network made it, it is no scan of a patient"
DESCRIPTION = b"synthetic: made by a network (medviz), no scan of a patient"
"""Stands in a NIfTI header; at most 80 bytes."""
COMMENT = json.dumps({WORD: True, "made by": "medviz"}).encode()
"""Stands in a comment (code 6) behind a NIfTI header."""
ENDING = ".synthetic.json"
PURPOSE = "research and teaching, not for diagnosis"


@dataclass(frozen=True, eq=False)
class Synthetic:
    """A sample: voxels (C, x, y, z) float32 in −1..1, its mask (x, y, z), voxel size, and what its sidecar says.

    `rightward`: x runs to the right as a person looks at it (a digit), and not to the patient's right.
    """

    voxels: Array
    label: Array | None = None
    spacing_mm: tuple[float, float, float] | None = None
    rightward: bool = False
    told: Mapping[str, Any] = field(default_factory=dict)

    def volume(self, name: str = WORD) -> Volume:
        """Return it as a volume, its middle at the origin: where it would lie in a patient nobody knows."""
        colour = self.voxels.shape[0] == 3
        voxels = levelled(self.voxels) if colour else np.asarray(self.voxels, np.float32)
        return self._volume(voxels, name, "colour" if colour else "frames" if len(voxels) > 1 else "scalar")

    def label_volume(self, name: str = "synthetic label") -> Volume | None:
        """Return the mask that it was made to fit."""
        if self.label is None:
            return None
        return self._volume(self.label.astype(np.uint8)[np.newaxis], name, "scalar")

    def picture(self, label: bool = False) -> Array:
        """Turn its slice to the screen, of a volume the middle axial one: (rows, cols), of three channels (…, 3)."""
        volume = self.label_volume() if label else self._volume(self.voxels, WORD, "scalar")
        assert volume is not None
        plane = next((one for one in PLANES if volume.shape[NORMAL[one]] == 1), PLANES[0])
        middle = volume.shape[NORMAL[plane]] // 2
        seen = [cut(replace(volume, voxels=part[np.newaxis]), plane, middle).pixels for part in volume.voxels]
        return np.ascontiguousarray(np.stack(seen, -1) if len(seen) == 3 else seen[0])

    def _volume(self, voxels: Array, name: str, kind: Any) -> Volume:
        voxels = voxels[:, ::-1] if self.rightward else voxels
        size = self.spacing_mm or (1.0, 1.0, 1.0)
        affine = np.diag((*size, 1.0))
        affine[:3, 3] = [-mm * (many - 1) / 2 for mm, many in zip(size, voxels.shape[1:], strict=True)]
        known = self.spacing_mm is not None
        stored = Stored("sample", voxels.shape[1:], "RAS", affine, voxels.dtype)
        return Volume(voxels, affine, stored, name=name, kind=kind, calibrated=known, oriented=known, synthetic=True)


def spread_out(image: Array, normal: int = 2) -> Array:
    """Give a slice (C, x, y) the axis that it lies across: (C, x, y, z); a volume stays as it is."""
    return np.expand_dims(image, 1 + normal) if image.ndim == 3 else image


def levelled(values: Array) -> Array:
    """Turn −1..1 into 0..255."""
    made: Array = np.rint((np.clip(values, -1, 1) + 1) * 127.5).astype(np.uint8)
    return made


def sidecar(path: Path) -> Path:
    """Return the name of the JSON file beside a sample: 001.nii.gz → 001.synthetic.json."""
    stem = path.name
    for ending in (".gz", ".nii", path.suffix):
        stem = stem.removesuffix(ending)
    return path.with_name(f"{stem}{ENDING}")


def marked_beside(path: Path) -> bool:
    """Tell whether a file beside this one says that it is synthetic."""
    beside = sidecar(path)
    try:
        if not beside.is_file() or beside.stat().st_size > 1 << 20:
            return False
        said = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and said.get(WORD) is True


def mark_beside(path: Path, told: Mapping[str, Any] | None = None) -> Path:
    """Say beside a file that it is synthetic, and what is known of how it was made; what stands there stays."""
    beside = sidecar(path)
    if told is None and marked_beside(path):
        return beside
    said = {WORD: True, "medviz": __version__, "purpose": PURPOSE, **(told or {})}
    with replacing(beside) as file:
        file.write((json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode())
    return beside
