"""What a NIfTI header says, checked before any voxel is read: size, type, place in the patient, scaling."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header, data_type_codes
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError

from medviz.imaging.readers.order import axes_of
from medviz.imaging.readers.placing import Placed, placed
from medviz.imaging.readers.streams import first_bytes, most_bytes, need_bytes
from medviz.imaging.synthetic import COMMENT, NOTICE, WORD
from medviz.refused import Refused

_CLASSES = {348: Nifti1Header, 540: Nifti2Header}
_SINGLE = (b"n+1\0", b"n+2\0")
_PAIR = (b"ni1\0", b"ni2\0")
_MOST_EXTENSIONS = 64 << 20
_SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}


@dataclass(frozen=True, eq=False)
class Kept:
    """What is kept of a file to write it back: the header, the bytes between it and the voxels, the scaling."""

    header: Any
    tail: bytes
    slope: float
    intercept: float

    @property
    def synthetic(self) -> bool:
        """True where the file says that a network made it."""
        return COMMENT in self.tail or WORD.encode() in bytes(self.header["descrip"]).lower()


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the voxels of a file lie and what they mean. `shape` is the file's own, with at least three axes."""

    data: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    place: Placed
    kept: Kept
    frame_s: float | None
    warnings: tuple[str, ...]

    @property
    def colour(self) -> bool:
        """True for RGB and RGBA voxels."""
        return self.dtype.names is not None

    @property
    def frames(self) -> int:
        """How many volumes there are along the fourth and further axes."""
        return math.prod(self.shape[3:])

    @property
    def size(self) -> int:
        """Bytes of voxels."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def axes(self) -> str:
        """Directions in which the stored indices grow."""
        return axes_of(self.place.affine)

    @property
    def type_name(self) -> str:
        """Stored data type as a person reads it."""
        if self.dtype.names:
            return "rgb24" if len(self.dtype.names) == 3 else "rgba32"
        return self.dtype.name


def version_of(head: bytes) -> int:
    """Return the size of the header (348 or 540 bytes), 0 where this is no NIfTI header."""
    for size, magic_at in ((348, 344), (540, 4)):
        said = head[:4] in (size.to_bytes(4, "little"), size.to_bytes(4, "big"))
        if said and len(head) >= size and head[magic_at : magic_at + 4] in _SINGLE + _PAIR:
            return size
    return 0


def layout(path: Path, form: str = "sform", whole: bool = True) -> Layout:
    """Read the header of a file (or of the .hdr beside an .img) and check it; nothing large is allocated.

    `whole` refuses what does not fit into memory all at once.
    """
    header_file, data_file = _files(path)
    head = first_bytes(header_file, 544)
    size = version_of(head)
    if not size:
        raise Refused(path, _what_else(head), "give a NIfTI file (.nii, .nii.gz or .hdr with .img)")
    header = _CLASSES[size](head[:size], check=False)
    with np.errstate(all="ignore"):
        shape, dtype = _shape(header, path), _dtype(header, path)
        single = bytes(header["magic"])[:3] in (b"n+1", b"n+2")
        data_file = header_file if single else data_file
        offset, tail, warnings = _offset(header, header_file, data_file, size, single)
        declared = f"{'×'.join(map(str, shape))} {dtype.name if dtype.names is None else 'colour'} voxels"
        need_bytes(data_file, offset, math.prod(shape) * dtype.itemsize, declared, room=whole)
        place = placed(header, shape, form)
        slope, intercept, doubt = _scaling(header, dtype)
    extra = (f"it has {len(shape)} axes; all past the third are shown as frames",) if len(shape) > 4 else ()
    kept = Kept(header, tail, slope, intercept)
    mark = (NOTICE,) if kept.synthetic else ()
    said = (*mark, *warnings, *place.warnings, *doubt, *extra)
    return Layout(data_file, offset, shape, dtype, place, kept, _frame_s(header, shape), said)


def _files(path: Path) -> tuple[Path, Path]:
    """Return the files of header and voxels; the same one for .nii."""
    name = path.name.lower()
    packed = path.name[-3:] if name.endswith(".gz") else ""
    stem = path.name[: len(path.name) - len(packed)]
    for own, other in ((".hdr", ".img"), (".img", ".hdr")):
        if stem.lower().endswith(own):
            twin = _twin(path, stem[:-4], other)
            return (path, twin) if own == ".hdr" else (twin, path)
    return path, path


def _twin(path: Path, stem: str, suffix: str) -> Path:
    for ending in (suffix, suffix + ".gz", suffix.upper(), suffix.upper() + ".GZ"):
        if (twin := path.with_name(stem + ending)).exists():
            return twin
    raise Refused(path, f"the other half of the pair, {stem}{suffix}, is not beside it", "put both into one folder")


def _what_else(head: bytes) -> str:
    if not head:
        return "the file is empty or its compressed data are damaged from the start"
    if len(head) >= 348 and head[:4] in ((348).to_bytes(4, "little"), (348).to_bytes(4, "big")):
        return "it is an Analyze 7.5 header, which does not say left from right"
    return "it is text, no NIfTI image" if head[:200].isascii() else "it is no NIfTI image"


def _shape(header: Any, path: Path) -> tuple[int, ...]:
    count = int(header["dim"][0])
    if not 1 <= count <= 7:
        raise Refused(path, f"its header declares {count} axes", "the header is damaged, copy the file again")
    shape = tuple(int(length) for length in header["dim"][1 : count + 1])
    if min(shape) < 1:
        fault = f"its header declares {'×'.join(map(str, shape))} voxels"
        raise Refused(path, fault, "the header is damaged, copy the file again")
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape + (1,) * (3 - len(shape))


def _dtype(header: Any, path: Path) -> "np.dtype[Any]":
    code = int(header["datatype"])
    try:
        dtype: np.dtype[Any] = header.get_data_dtype()
    except (KeyError, HeaderDataError) as problem:
        raise Refused(path, f"its header declares the unknown data type {code}", "save it anew") from problem
    if dtype.itemsize == 0 or (dtype.kind in "fc" and dtype.itemsize > (8 if dtype.kind == "f" else 16)):
        words = data_type_codes.label[code]
        raise Refused(path, f"voxels of type {words} cannot be shown", "save it as float32")
    return dtype


def _offset(
    header: Any, header_file: Path, data_file: Path, size: int, single: bool
) -> tuple[int, bytes, tuple[str, ...]]:
    """Return where the voxels begin, the bytes between header and voxels (extensions), and warnings."""
    said = float(header["vox_offset"])
    if not math.isfinite(said) or not 0 <= said <= most_bytes(data_file):
        raise Refused(header_file, f"its header puts the voxels at byte {said:g}", "it is cut short or damaged")
    offset, warnings = int(said), []
    if single and offset < size + 4:
        if offset:
            warnings.append(f"its header puts the voxels at byte {offset}, inside itself; {size + 4} is taken")
        offset = size + 4
    end = offset if single else most_bytes(header_file)
    if end - size > _MOST_EXTENSIONS:
        return offset, b"", (*warnings, "its header extensions are too large to be kept")
    return offset, first_bytes(header_file, end)[size:], tuple(warnings)


def _scaling(header: Any, dtype: "np.dtype[Any]") -> tuple[float, float, tuple[str, ...]]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if dtype.names or slope == 0 or not math.isfinite(slope):
        return 1.0, 0.0, ()
    if not math.isfinite(intercept):
        return slope, 0.0, ("its header gives a slope but no valid intercept; 0 is taken",)
    return slope, intercept, ()


def _frame_s(header: Any, shape: tuple[int, ...]) -> float | None:
    unit = _SECONDS.get(int(header["xyzt_units"]) & 0x38)
    length = float(header["pixdim"][4])
    if len(shape) < 4 or unit is None or not math.isfinite(length) or length <= 0:
        return None
    return length * unit
