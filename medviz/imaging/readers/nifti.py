"""NIfTI-1 and NIfTI-2: .nii, .nii.gz and .hdr with .img, read and written with nibabel's headers."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header, data_type_codes
from nibabel.nifti2 import Nifti2Header
from nibabel.volumeutils import shape_zoom_affine
from numpy.typing import NDArray

from medviz.imaging.frames import Pending
from medviz.imaging.readers.nifti_header import Kept, Layout, layout, version_of
from medviz.imaging.readers.order import to_order, to_ras
from medviz.imaging.readers.preview import with_preview
from medviz.imaging.readers.reader import BLOCK, Description, Reader, described, not_finite, not_finite_in_words
from medviz.imaging.readers.seeking import Seeking
from medviz.imaging.readers.streams import filled, packing
from medviz.imaging.storage import in_words, need_room, replacing
from medviz.imaging.synthetic import COMMENT, DESCRIPTION
from medviz.imaging.volume import Affine, Stored, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
_MOST_1 = 32767
_RGB = {3: 128, 4: 2304}
LONG_BYTES = 256 << 20
"""Series of fewer bytes are read at once."""
_NO_EXTENSION = b"\0\0\0\0"


def sniff(path: Path, head: bytes) -> bool:
    """Tell by the header; a pair is ours by name, so that the fault of either half can be said."""
    return version_of(head) > 0 or path.name.lower().endswith((".img", ".img.gz", ".hdr", ".hdr.gz"))


def describe(path: Path) -> Description:
    """Say what the file holds; only the header is read."""
    found = layout(path)
    return described(
        shape=found.shape,
        axes=found.axes,
        affine=found.place.affine,
        dtype=found.type_name,
        calibrated=found.place.calibrated,
        frames=1 if found.colour else found.frames,
        slope=found.kept.slope,
        intercept=found.kept.intercept,
        warnings=found.warnings,
    )


def read(path: Path, form: str = "sform") -> Work[Volume]:
    """Read a file into memory in its stored data type; scaling is kept beside the voxels, not put into them.

    `form` is the one of the two that its header has ("sform", "qform") by which it is placed.
    """
    found = layout(path, form)
    yield Progress(0, found.size, f"reading {path.name}")
    buffer = np.zeros(found.size, np.uint8)  # costs nothing until it is written to
    growing = _volume(_shaped(buffer, found), found, path)
    slowest = "RASLPI".index(found.axes[2]) % 3
    yield from with_preview(filled(buffer, found.data, found.offset), growing, slowest, found.axes[2] in "RAS")
    voxels, warnings = _finished(buffer, found)
    return _volume(voxels, found, path, warnings)


def read_lazily(path: Path, form: str = "sform") -> Work[Volume]:
    """Read only the first frame of a long series; the others are read when they are wanted (`Volume.pending`)."""
    found = layout(path, form, whole=False)
    if found.frames < 2 or found.colour or found.dtype.kind == "c" or found.size < LONG_BYTES:
        return (yield from read(path, form))
    size = found.size // found.frames
    try:
        buffer = np.zeros(found.size, np.uint8)  # pages that are not written to take no memory
    except MemoryError as problem:
        need_room(path, found.size)
        raise Refused(path, f"its voxels need {in_words(found.size)} of memory", "close other programs") from problem
    seeking = Seeking(found.data)

    def fill(number: int) -> Work[None]:
        need_room(path, size)
        part = buffer[number * size : (number + 1) * size]
        yield from seeking.filled(part, found.offset + number * size)
        if not found.dtype.isnative:
            part.view(found.dtype).byteswap(inplace=True)

    pending = Pending(found.frames, fill)
    yield from pending.load(0)
    native = replace(found, dtype=found.dtype.newbyteorder("="))
    said = (*not_finite_in_words(not_finite(buffer[:size].view(native.dtype))), *found.warnings)
    return replace(_volume(_shaped(buffer, native), found, path), pending=pending, warnings=said)


def write(volume: Volume, path: Path) -> None:
    """Write a volume in the voxel order, byte order and with the affine bytes of the file it came from.

    A volume on another's grid (`medviz.imaging.volume.like`) takes over only what places the voxels: no description,
    no extension and no scaling, so that no name of a patient travels with a label map.
    """
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise Refused(path, "NIfTI is written as .nii or .nii.gz", "choose one of these endings")
    header, tail, affine = _header(volume)
    with replacing(path) as file, packing(file, path.name.lower().endswith(".gz")) as out:
        out.write(header.binaryblock)
        out.write(tail)
        for block in _blocks(volume, affine, header):
            out.write(block)


READER = Reader("NIfTI", sniff, read, describe, write, lazily=read_lazily, form=read_lazily)


def _volume(voxels: Array, found: Layout, path: Path, warnings: tuple[str, ...] = ()) -> Volume:
    """Make the volume of voxels (x, y, z, channel) as stored."""
    view, affine = to_ras(voxels, found.place.affine)
    kind = "colour" if found.colour else "frames" if voxels.shape[3] > 1 else "scalar"
    return Volume(
        np.moveaxis(view, 3, 0),
        affine,
        Stored("NIfTI", found.shape, found.axes, found.place.affine, found.dtype, found.kept),
        name=path.name,
        kind=kind,  # type: ignore[arg-type]
        slope=found.kept.slope,
        intercept=found.kept.intercept,
        calibrated=found.place.calibrated,
        oriented=found.place.oriented,
        warnings=(*found.warnings, *warnings),
        frame_s=found.frame_s,
        frame_names=("magnitude", "phase (rad)") if found.frames == 1 and kind == "frames" else (),
        synthetic=found.kept.synthetic,
    )


def _shaped(buffer: NDArray[np.uint8], found: Layout) -> Array:
    """See bytes as (x, y, z, channel), a view."""
    if found.dtype.names:
        by_frame = buffer.reshape(found.frames, *reversed(found.shape[:3]), len(found.dtype.names))
        first: Array = by_frame[0].transpose(2, 1, 0, 3)
        return first
    return buffer.view(found.dtype).reshape((*found.shape[:3], found.frames), order="F")


def _finished(buffer: NDArray[np.uint8], found: Layout) -> tuple[Array, tuple[str, ...]]:
    """Shape what was read, in this machine's byte order and without a copy; returns warnings about its content."""
    if found.dtype.names:
        more = ("only the first of its colour frames is read",) if found.frames > 1 else ()
        return _shaped(buffer, found), more
    flat: Array = buffer.view(found.dtype)
    if not flat.dtype.isnative:
        flat = flat.byteswap(inplace=True).view(flat.dtype.newbyteorder("="))
    warnings = not_finite_in_words(not_finite(flat))
    if flat.dtype.kind == "c":
        parts = _polar(flat)
        if found.frames == 1:
            said = "its voxels are complex; the first frame is their magnitude, the second their phase (rad)"
            return np.moveaxis(parts.reshape((2, *found.shape[:3]), order="F"), 0, 3), (*warnings, said)
        flat = parts[0]
        warnings = (*warnings, "its voxels are complex; their magnitude is shown")
    return flat.reshape((*found.shape[:3], found.frames), order="F"), warnings


def _polar(flat: Array) -> Array:
    """Turn complex numbers into magnitude and phase (2, n) where they lie, so that no second copy is made."""
    parts = flat.view(np.float32 if flat.dtype.itemsize == 8 else np.float64).reshape(-1, 2)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK].copy()
        parts[start : start + BLOCK, 0] = np.abs(block)
        parts[start : start + BLOCK, 1] = np.angle(block)
    return parts.T


def _header(volume: Volume) -> tuple[Any, bytes, Affine]:
    """Return the header to write, the bytes between it and the voxels, and the affine that gives the order."""
    fits = _is_own_grid(volume)
    kept, affine, tail = volume.stored.header if fits else None, volume.stored.affine, _NO_EXTENSION
    if isinstance(kept, Kept):
        header = kept.header.copy()
    else:
        header, affine = _new_header(volume, affine if fits else volume.affine)
    if volume.stored.borrowed:
        _forget(header)
    elif isinstance(kept, Kept) and len(kept.tail) >= len(_NO_EXTENSION):
        tail = kept.tail
    scaling = (kept.slope, kept.intercept) if isinstance(kept, Kept) and not volume.stored.borrowed else None
    if scaling != (volume.slope, volume.intercept):
        header["scl_slope"], header["scl_inter"] = volume.slope, volume.intercept
    _declare(header, volume, affine)
    if volume.synthetic:
        header["descrip"], tail = DESCRIPTION, _commented(tail, COMMENT, header.endianness)
    size = len(header.binaryblock)
    header["magic"] = b"n+1" if size == 348 else b"n+2\0\r\n\x1a\n"[:8]
    header["vox_offset"] = size + len(tail)
    return header, tail, affine


def _commented(tail: bytes, words: bytes, order: str) -> bytes:
    """Put a comment (code 6) behind the extensions that are there already, unless it is one of them."""
    if words in tail:
        return tail
    size = -(-(8 + len(words)) // 16) * 16
    return b"\1\0\0\0" + tail[4:] + np.array([size, 6], f"{order}i4").tobytes() + words.ljust(size - 8, b"\0")


def _is_own_grid(volume: Volume) -> bool:
    """Tell whether the voxels still lie where the file put them: not after a crop or a resampling."""
    corners = np.array(list(product(*((0, length - 1) for length in volume.stored.shape[:3]))))
    if corners.shape[1] != 3:
        return False
    reached = volume.to_voxel(corners @ volume.stored.affine[:3, :3].T + volume.stored.affine[:3, 3])
    first, last = reached.min(axis=0), reached.max(axis=0)
    return bool(np.allclose(first, 0, atol=0.01) and np.allclose(last, np.subtract(volume.shape, 1), atol=0.01))


def _new_header(volume: Volume, affine: Affine) -> tuple[Any, Affine]:
    """Return a header for a volume that came from no NIfTI file, and its order."""
    large = max(volume.shape) > _MOST_1 or volume.frames > _MOST_1
    header = (Nifti2Header if large else Nifti1Header)()
    header.set_data_shape(volume.shape)
    if not volume.oriented:  # the order in which a header with neither form is read
        sizes = volume.spacing_mm
        affine = np.asarray(shape_zoom_affine(volume.shape, sizes, header.default_x_flip))
        header["pixdim"][1:4] = sizes
    else:
        header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
        header.set_sform(affine, 1)
        unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
        if np.allclose(unit.T @ unit, np.eye(3), atol=1e-4):
            header.set_qform(affine, 1)
    if volume.calibrated:
        header.set_xyzt_units("mm", "sec")
    if volume.frame_s:
        header["pixdim"][4] = volume.frame_s
    return header, affine


def _forget(header: Any) -> None:
    """Take from a borrowed header all that is about the other volume's content."""
    for name in ("descrip", "aux_file", "intent_name", "db_name", "data_type"):
        if name in header.keys():
            header[name] = b""
    for name in ("cal_max", "cal_min", "intent_code", "intent_p1", "intent_p2", "intent_p3", "glmax", "glmin"):
        if name in header.keys():
            header[name] = 0


def _declare(header: Any, volume: Volume, affine: Affine) -> None:
    """Put data type and shape; both stay byte for byte where they are the file's own."""
    colour = volume.kind == "colour"
    code = _RGB[volume.voxels.shape[0]] if colour else data_type_codes.code[_type(volume.voxels.dtype)]
    header["datatype"] = code
    header["bitpix"] = 8 * data_type_codes.dtype[code].itemsize
    stored = to_order(volume.voxels[0], volume.affine, affine).shape
    shape = stored if colour or volume.frames == 1 else (*stored, volume.frames)
    declared = [int(length) for length in header["dim"][1 : int(header["dim"][0]) + 1]]
    own = not volume.stored.borrowed and np.prod(declared) == np.prod(shape) and (*declared, 1, 1)[:3] == stored
    if not own:
        header["dim"] = [len(shape), *shape, *[1] * (7 - len(shape))]


def _type(dtype: "np.dtype[Any]") -> "np.dtype[Any]":
    """Return the type that NIfTI has for it."""
    other = {"bool": "uint8", "float16": "float32"}
    return np.dtype(other.get(dtype.name, dtype.name))


def _blocks(volume: Volume, affine: Affine, header: Any) -> Iterator[bytes]:
    """Yield the voxels slice by slice in the file's order, so that no second copy of a volume is made."""
    dtype = np.dtype(np.uint8) if header.get_data_dtype().names else header.get_data_dtype()
    channels = [np.moveaxis(volume.voxels, 0, 3)] if header.get_data_dtype().names else list(volume.voxels)
    for channel in channels:
        stored = to_order(channel, volume.affine, affine)
        for k in range(stored.shape[2]):
            yield np.ascontiguousarray(stored[:, :, k].swapaxes(0, 1), dtype).tobytes()
