"""NumPy arrays (.npy); never pickled objects."""

import ast
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.readers.flat import PICTURE, flat_volume
from medviz.imaging.readers.reader import Description, Reader, described, not_finite, not_finite_in_words
from medviz.imaging.readers.streams import filled, first_bytes, need_bytes
from medviz.imaging.storage import replacing
from medviz.imaging.volume import Stored, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
_MAGIC = b"\x93NUMPY"
_LONGEST = 65536
_NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|c8|c16)")


def sniff(path: Path, head: bytes) -> bool:
    """Tell by the first bytes."""
    return head.startswith(_MAGIC)


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Literal["C", "F"]
    offset: int

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def is_picture(self) -> bool:
        colour = len(self.shape) == 3 and self.shape[2] in (3, 4) and self.dtype == np.uint8
        return len(self.shape) == 2 or colour


def describe(path: Path) -> Description:
    """Say what the array is; it has no place in a patient and no voxel size."""
    header = _header(path)
    return described(
        shape=header.shape,
        axes="",
        affine=PICTURE if header.is_picture else np.eye(4),
        dtype=header.dtype.name,
        calibrated=False,
        frames=header.shape[0] if len(header.shape) == 4 else 1,
    )


def read(path: Path) -> Work[Volume]:
    """Read an array: (rows, cols) or (rows, cols, 3 or 4) uint8 as a picture, (x, y, z) or (channel, x, y, z)."""
    header = _header(path)
    shape, dtype = header.shape, header.dtype
    buffer = np.empty(header.size, np.uint8)
    yield Progress(0, len(buffer), f"reading {path.name}")
    yield from filled(buffer, path, header.offset)
    flat: Array = buffer.view(dtype)
    if not dtype.isnative:
        flat = flat.byteswap(inplace=True).view(dtype.newbyteorder("="))
    warnings = not_finite_in_words(not_finite(flat))
    if flat.dtype.kind == "c":
        flat, warnings = np.abs(flat), (*warnings, "its values are complex; their magnitude is shown")
    if flat.dtype == np.bool_:
        flat = flat.view(np.uint8)
    array = flat.reshape(shape, order=header.order)
    if header.is_picture:
        return flat_volume(array, path.name, "NumPy", dtype, warnings=warnings)
    layered = array if array.ndim == 4 else array[np.newaxis]
    stored = Stored("NumPy", shape, "RAS", np.eye(4), dtype)
    kind = "frames" if len(layered) > 1 else "scalar"
    return Volume(
        layered,
        np.eye(4),
        stored,
        name=path.name,
        kind=kind,  # type: ignore[arg-type]
        calibrated=False,
        oriented=False,
        warnings=warnings,
    )


def write(volume: Volume, path: Path) -> None:
    """Write the voxels as (x, y, z), or (channel, x, y, z) where there are several; place and scaling are lost."""
    array = volume.voxels[0] if len(volume.voxels) == 1 else volume.voxels
    with replacing(path) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


READER = Reader("NumPy", sniff, read, describe, write)


def _header(path: Path) -> _Header:
    """Read the header as a literal, never as a program, and hold it against the file and the free memory."""
    head = first_bytes(path, 10)
    wide = head[6:7] in (b"\2", b"\3")
    start = 12 if wide else 10
    length = int.from_bytes(first_bytes(path, start)[8:start], "little")
    text = first_bytes(path, start + min(length, _LONGEST))[start:].decode("latin-1")
    try:
        said = ast.literal_eval(text.strip())
        shape, fortran, kind = tuple(said["shape"]), bool(said["fortran_order"]), said["descr"]
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as problem:
        raise Refused(path, "its header is damaged", "save it again with numpy.save") from problem
    if not isinstance(kind, str) or not _NUMBERS.fullmatch(kind):
        objects = "Python objects, which are never loaded because they can run any program"
        fault = f"it holds {objects if kind == '|O' else 'no plain numbers'}"
        raise Refused(path, fault, "save numbers without pickle")
    if not all(type(axis) is int and axis > 0 for axis in shape) or not 2 <= len(shape) <= 4:
        raise Refused(path, f"an array of shape {str(shape)[:60]} is no image", "give 2 to 4 axes, none empty")
    header = _Header(shape, np.dtype(kind), "F" if fortran else "C", start + length)
    need_bytes(path, header.offset, header.size, f"{'×'.join(map(str, shape))} {header.dtype.name}")
    return header
