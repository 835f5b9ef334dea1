"""Which file a layer came from, and how a file is known again: by what it holds, not by where it lies."""

import hashlib
import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.volume import Volume

WHOLE = 256 << 20
"""Larger files are told by their size and their two ends: a hash of 20 GB on a network drive takes minutes."""
_END = 8 << 20
_MOST_UP = 8


@dataclass(frozen=True, eq=False)
class Source:
    """The file or folder of a layer, the key of its series in a folder, and the very voxels that were made of it.

    Voxels that were edited, resampled or made anew are others; then the file alone does not bring the layer back.
    """

    path: Path
    series: str = ""
    voxels: "weakref.ref[NDArray[Any]] | None" = None

    def holds(self, volume: Volume) -> bool:
        """Tell whether a volume still has the voxels that were made of the file."""
        return self.voxels is not None and self.voxels() is volume.voxels


@dataclass(frozen=True, eq=False)
class Maker:
    """The model that made a mask: its card in plain values, and the very voxels it made."""

    card: Mapping[str, Any]
    voxels: "weakref.ref[NDArray[Any]] | None" = None

    def says(self, volume: Volume) -> dict[str, Any]:
        """Return the card to travel with a mask, with whether a hand has changed the mask since."""
        return {**self.card, "edited_by_hand": self.voxels is None or self.voxels() is not volume.voxels}


def made_by(card: Mapping[str, Any], volume: Volume) -> Maker:
    """Note which model made a mask."""
    return Maker(card, weakref.ref(volume.voxels))


def source_of(path: Path, volume: Volume, series: str = "") -> Source:
    """Note where a volume came from."""
    return Source(Path(os.path.abspath(path)), series, weakref.ref(volume.voxels))


def fingerprint(path: Path) -> dict[str, Any]:
    """What a file is known by: size and SHA-256, of its two ends where it is huge, of names and sizes for a folder.

    Raises OSError where it cannot be read.
    """
    if path.is_dir():
        listed = sorted((str(one.relative_to(path)), one.stat().st_size) for one in path.rglob("*") if one.is_file())
        names = hashlib.sha256(repr(listed).encode()).hexdigest()
        return {"of": "folder", "size": sum(size for _, size in listed), "sha256": names}
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE:
            return {"of": "file", "size": size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
        digest = hashlib.sha256(file.read(_END))
        file.seek(-_END, os.SEEK_END)
        digest.update(file.read(_END))
    return {"of": "ends", "size": size, "sha256": digest.hexdigest()}


def relative(path: Path, folder: Path) -> str:
    """Write a path as seen from a folder, with slashes; the name alone where the way leads past the user's own folder.

    A way through the roots of two places would be as good as an absolute path, and give away a user's name.
    """
    path, folder = Path(os.path.abspath(path)), Path(os.path.abspath(folder))
    try:
        way = Path(os.path.relpath(path, folder))
        shared = Path(os.path.commonpath((path, folder)))
    except ValueError:  # two drives of Windows
        return path.name
    home = Path.home()
    above_home = shared in (home.parent, *home.parent.parents) or shared.parent == shared
    if above_home or way.parts.count("..") > _MOST_UP:
        return path.name
    return way.as_posix()


def found(told: str, folder: Path) -> Path:
    """Where a relative path of a session leads; beside the session where there is nothing."""
    straight = Path(os.path.normpath(folder / told))
    beside = folder / Path(told).name
    return beside if not straight.exists() and beside.exists() else straight


def series_key(series: str) -> str:
    """Name a series without its UID, which names the patient's study."""
    return hashlib.sha256(series.encode()).hexdigest()[:24] if series else ""


def grid(volume: Volume) -> dict[str, Any]:
    """Where the voxels lie: shape and affine of the RAS+ view, to be held against what is read again."""
    return {"shape": list(volume.shape), "affine": [[round(float(v), 6) for v in row] for row in volume.affine[:3]]}


def on_grid(volume: Volume, told: Any) -> bool:
    """Tell whether a volume lies on a grid that was noted."""
    try:
        affine = np.array(told["affine"], float)
        return list(volume.shape) == told["shape"] and bool(np.allclose(volume.affine[:3], affine, atol=1e-3))
    except (TypeError, KeyError, ValueError):
        return False
