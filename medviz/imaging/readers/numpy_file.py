"""NumPy arrays (.npy); never pickled objects."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.readers.flat import PICTURE, flat_volume
from medviz.imaging.readers.reader import Description, Reader, described, not_finite, not_finite_in_words
from medviz.imaging.readers.streams import filled
from medviz.imaging.storage import need_room, opening, replacing
from medviz.imaging.volume import Stored, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
_MAGIC = b"\x93NUMPY"


def sniff(path: Path, head: bytes) -> bool:
    """Tell by the first bytes."""
    return head.startswith(_MAGIC)


def describe(path: Path) -> Description:
    """Say what the array is; it has no place in a patient and no voxel size."""
    mapped = _mapped(path)
    picture = _is_picture(mapped)
    return described(
        shape=mapped.shape,
        axes="",
        affine=PICTURE if picture else np.eye(4),
        dtype=mapped.dtype.name,
        calibrated=False,
        frames=mapped.shape[0] if mapped.ndim == 4 else 1,
    )


def read(path: Path) -> Work[Volume]:
    """Read an array: (rows, cols) or (rows, cols, 3 or 4) uint8 as a picture, (x, y, z) or (channel, x, y, z)."""
    mapped = _mapped(path)
    shape, dtype, offset = mapped.shape, mapped.dtype, mapped.offset
    order, picture = ("F" if np.isfortran(mapped) else "C"), _is_picture(mapped)
    del mapped
    buffer = np.empty(int(np.prod(shape, dtype=object)) * dtype.itemsize, np.uint8)
    yield Progress(0, len(buffer), f"reading {path.name}")
    yield from filled(buffer, path, offset)
    flat: Array = buffer.view(dtype)
    if not dtype.isnative:
        flat = flat.byteswap(inplace=True).view(dtype.newbyteorder("="))
    warnings = not_finite_in_words(not_finite(flat))
    if flat.dtype.kind == "c":
        flat, warnings = np.abs(flat), (*warnings, "its values are complex; their magnitude is shown")
    if flat.dtype == np.bool_:
        flat = flat.view(np.uint8)
    array = flat.reshape(shape, order=order)  # type: ignore[call-overload]
    if picture:
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


def _mapped(path: Path) -> "np.memmap[Any, Any]":
    """Map the file, which checks its header against its size and takes no memory."""
    with opening(path):
        try:
            with np.errstate(all="ignore"):
                mapped: np.memmap[Any, Any] = np.lib.format.open_memmap(str(path), mode="r")
        except (ValueError, EOFError, OverflowError, TypeError, KeyError) as problem:
            raise Refused(path, _fault(str(problem)), "save it again with numpy.save") from problem
    if mapped.dtype.kind not in "biufc" or mapped.dtype.itemsize > (16 if mapped.dtype.kind == "c" else 8):
        raise Refused(path, f"it holds {mapped.dtype}, not numbers that can be shown", "save numbers")
    if not 2 <= mapped.ndim <= 4 or mapped.size == 0:
        raise Refused(path, f"an array of shape {mapped.shape} is no image", "give 2 to 4 axes")
    need_room(path, mapped.nbytes)
    return mapped


def _fault(problem: str) -> str:
    if "object" in problem.lower():
        return "it holds Python objects, which are never loaded because they can run any program"
    if "mmap" in problem or "map" in problem:
        return "its header declares more than the file holds"
    return "its header is damaged"


def _is_picture(array: Array) -> bool:
    colour = array.ndim == 3 and array.shape[2] in (3, 4) and array.dtype == np.uint8
    return array.ndim == 2 or colour
