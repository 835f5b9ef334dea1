"""MGH and MGZ, FreeSurfer's volumes, by nibabel."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.freesurfer.mghformat import MGHError, MGHHeader
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from medviz.imaging.readers.order import axes_of, to_ras
from medviz.imaging.readers.reader import Description, Reader, described, not_finite, not_finite_in_words
from medviz.imaging.readers.streams import filled, first_bytes
from medviz.imaging.storage import need_room, opening
from medviz.imaging.volume import Affine, Stored, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
_VERSION = b"\0\0\0\1"
_DATA = 284


def sniff(path: Path, head: bytes) -> bool:
    """Tell by the version number, and by sizes that make sense."""
    if len(head) < 20 or head[:4] != _VERSION:
        return False
    sizes = np.frombuffer(head[4:20], ">i4")
    return bool(np.all(sizes > 0)) and int(sizes.max()) < 1 << 20


def describe(path: Path) -> Description:
    """Say what the file holds; only the header is read."""
    header, affine, dtype = _opened(path)
    shape = tuple(int(length) for length in header.get_data_shape())
    return described(
        shape=shape,
        axes=axes_of(affine),
        affine=affine,
        dtype=dtype.name,
        frames=shape[3] if len(shape) == 4 else 1,
    )


def read(path: Path) -> Work[Volume]:
    """Read a file in its stored data type, in this machine's byte order."""
    header, affine, dtype = _opened(path)
    shape = tuple(int(length) for length in header.get_data_shape())
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    need_room(path, size)
    yield Progress(0, size, f"reading {path.name}")
    buffer = np.empty(size, np.uint8)
    yield from filled(buffer, path, _DATA)
    flat: Array = buffer.view(dtype)
    if not flat.dtype.isnative:
        flat = flat.byteswap(inplace=True).view(flat.dtype.newbyteorder("="))
    warnings = not_finite_in_words(not_finite(flat))
    view, turned = to_ras(flat.reshape((*shape, 1)[:4], order="F"), affine)
    return Volume(
        np.moveaxis(view, 3, 0),
        turned,
        Stored("MGH", shape, axes_of(affine), affine, dtype),
        name=path.name,
        kind="frames" if len(shape) == 4 and shape[3] > 1 else "scalar",
        warnings=warnings,
    )


READER = Reader("MGH", sniff, read, describe)


def _opened(path: Path) -> tuple[Any, Affine, "np.dtype[Any]"]:
    """Return the header, the affine (stored voxel to RAS mm) and the data type."""
    with opening(path):
        head = first_bytes(path, _DATA)
    try:
        header = MGHHeader.from_fileobj(io.BytesIO(head))
        affine = np.asarray(header.get_affine(), np.float64)
    except (MGHError, HeaderDataError, TypeError, ValueError, EOFError, KeyError) as problem:
        raise Refused(path, "its header is damaged", "copy it again from where it came") from problem
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise Refused(path, "its header places the voxels nowhere", "convert it anew with FreeSurfer")
    return header, affine, np.dtype(header.get_data_dtype())
