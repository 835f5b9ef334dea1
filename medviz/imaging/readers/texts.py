"""What a file says in words, beside its voxels: where names of patients travel unseen."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from medviz.imaging.readers.nifti_header import layout, version_of
from medviz.imaging.readers.streams import first_bytes
from medviz.refused import Refused

_FIELDS = ("descrip", "aux_file", "intent_name", "db_name", "data_type")
_CODES = {2: "DICOM", 4: "AFNI", 6: "comment", 10: "XCEDE", 12: "JIMDIM", 14: "workflow", 18: "FreeSurfer", 24: "MIND"}
_DICOM = 2
_PLACING = frozenset(
    """type dimension space sizes spacings space directions kinds endian encoding origin space origin measurement frame
    axis mins axis maxs centerings labels units block size line skip byte skip data file number thicknesses sample units
    objecttype ndims dimsize elementtype elementspacing elementsize elementdatafile elementbyteordermsb headersize
    binarydata binarydatabyteordermsb compresseddata compresseddatasize transformmatrix offset position orientation
    rotation centerofrotation anatomicalorientation elementnumberofchannels content""".split()
)
_MOST = 1 << 20
_IN_PICTURES = frozenset(
    """dpi gamma jfif jfif_version jfif_unit jfif_density srgb compression transparency aspect progressive progression
    chromaticity interlace""".split()
)


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, text) of each free text in a file that is not DICOM; nothing for a format that has none."""
    yield from _packed_name(path)
    name = path.name.lower()
    head = first_bytes(path, 4096)
    if version_of(head):
        yield from _of_nifti(path)
    elif head.startswith(b"NRRD") or b"ElementType" in head[:2048]:
        yield from _of_itk(path)
    elif name.endswith((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")):
        yield from _of_picture(path)


def _packed_name(path: Path) -> Iterator[tuple[str, str]]:
    """The name a file had before it was compressed stands in the first bytes of a .gz."""
    with path.open("rb") as file:
        head = file.read(4096)
    if len(head) < 12 or head[:3] != b"\x1f\x8b\x08" or not head[3] & 8:
        return
    at = 10
    if head[3] & 4:
        at += 2 + struct.unpack("<H", head[10:12])[0]
    before = head[at:].split(b"\0", 1)[0].decode("latin-1")
    if before and before not in (path.name, path.name.removesuffix(".gz")):
        yield "name before it was compressed", before


def _of_nifti(path: Path) -> Iterator[tuple[str, str]]:
    try:
        kept = layout(path).kept
    except Refused:
        return
    for field in _FIELDS:
        if field in kept.header.keys():
            text = bytes(kept.header[field].item()).split(b"\0")[0].decode("latin-1").strip()
            if text:
                yield f"header field {field}", text
    yield from _extensions(kept.tail, kept.header.endianness)


def _extensions(tail: bytes, endian: str) -> Iterator[tuple[str, str]]:
    at = 4
    while at + 8 <= len(tail):
        size, code = struct.unpack(f"{endian}2i", tail[at : at + 8])
        if not 8 <= size <= len(tail) - at:
            return
        content = tail[at + 8 : at + size]
        text = f"{len(content)} bytes of DICOM" if code == _DICOM else _readable(content)
        yield f"header extension ({_CODES.get(code, f'code {code}')})", text
        at += size


def _of_itk(path: Path) -> Iterator[tuple[str, str]]:
    """Fields of the text header that do not place the voxels: comments and free key-value pairs."""
    with path.open("rb") as file:
        lines = file.read(_MOST).split(b"\n\n", 1)[0].split(b"\n")
    for line in lines:
        text = line.decode("latin-1").strip()
        if text.startswith("#"):
            comment = text.lstrip("# ")
            if comment and not comment.startswith(("Complete NRRD", "http://teem")):
                yield "header comment", comment
            continue
        key, mark, value = (
            text.partition(":=") if ":=" in text else text.partition(": ") if ": " in text else text.partition("=")
        )
        if mark and value.strip() and set(key.lower().split()) - _PLACING:
            yield f"header field {key.strip()}", value.strip()
        if key.strip() == "ElementDataFile":
            return


def _of_picture(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with Image.open(path) as image:
            for key, value in image.info.items():
                if str(key).lower() in _IN_PICTURES or value in (None, "", b""):
                    continue
                yield f"picture field {key}", _readable(value) if isinstance(value, bytes) else str(value)
            found = image.getexif()
            for number, value in found.items():
                if isinstance(value, str) and value.strip():
                    yield f"EXIF field {number}", value.strip()
    except (UnidentifiedImageError, OSError, ValueError, zlib.error):
        return


def _readable(content: bytes) -> str:
    text = "".join(sign if sign.isprintable() else " " for sign in content.decode("latin-1"))
    return " ".join(text.split())[:2000]
