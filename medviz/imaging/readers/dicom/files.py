"""One DICOM file: told by its first bytes, read without its pixels or with them, named by what it is."""

import re
import warnings
import zlib
from functools import cache
from logging import CRITICAL
from os import SEEK_END
from pathlib import Path
from struct import error
from typing import Any, BinaryIO, Literal

from pydicom import Dataset, config, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    RTStructureSetStorage,
)

DAMAGED = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    BytesLengthException,
    error,
    zlib.error,
)
"""What pydicom and its plugins raise on damaged or foreign data."""
config.logger.setLevel(CRITICAL)  # what is wrong with a file is said in one sentence, not on the terminal
config.settings.reading_validation_mode = config.IGNORE  # values that break the standard are many; ours are checked
_PREAMBLE = 128
_FIRST_GROUPS = (0x0002, 0x0008)
_MOST_FIRST = 1024
_PIXELS = 0x7FE0
_UID = re.compile(r"[0-9.]{1,64}")
_LONGEST = 64
"""Characters of a word or a UID by the standard; a damaged length would run on into other tags, names among them."""
_UNDEFINED = 0xFFFFFFFF
_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_SYNTAXES = {
    (True, True): ImplicitVRLittleEndian,
    (False, True): ExplicitVRLittleEndian,
    (False, False): ExplicitVRBigEndian,
}
_WORDS = (
    (("SR Storage", "SR Document", "Structured Report", "CAD SR", "Key Object"), "a report"),
    (("Presentation State",), "a presentation state, which says how other pictures are shown"),
    (("RT Plan", "RT Ion Plan", "Brachy"), "a plan of radiotherapy"),
    (("Encapsulated",), "a document"),
    (("Waveform", "ECG", "Audio"), "a waveform"),
    (("Spectroscopy",), "a spectrum"),
    (("Registration", "Fiducials"), "a registration of other series"),
    (("Raw Data",), "a scanner's raw data"),
    (("Directory",), "a directory of other files"),
    (("Surface", "Tractography"), "a surface or a set of tracts"),
    (("Real World Value",), "a table of units for other pictures"),
)


def looks_like(head: bytes) -> bool:
    """Tell a DICOM file by the mark behind its preamble, or where it has none, by a sound first element."""
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return True
    if len(head) < 8:
        return False
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    for order in orders:
        group, element = (int.from_bytes(head[at : at + 2], order) for at in (0, 2))
        if group in _FIRST_GROUPS and element <= 0x0070:
            explicit = head[4:6] in (b"UL", b"UI", b"CS", b"DA", b"TM", b"LO", b"SH", b"OB")
            return explicit or (order == "little" and int.from_bytes(head[4:8], "little") <= _MOST_FIRST)
    return False


def header_of(path: Path) -> Dataset | None:
    """Read all but the pixels; None where the file is no DICOM file."""
    return _read(path, pixels=False)


def whole_of(path: Path) -> Dataset | None:
    """Read a file with its pixels, still encoded; None where it is no DICOM file."""
    return _read(path, pixels=True)


def _read(path: Path, pixels: bool) -> Dataset | None:
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            if not looks_like(file.read(_PREAMBLE + 4)):
                return None
            file.seek(0)
            warnings.simplefilter("ignore")  # of values that break the standard; what matters is checked here
            data = dcmread(file, stop_before_pixels=not pixels, force=True)
            if not pixels:
                data.pixels_missing = _missing(file, data)
            if "NumberOfFrames" in data and number_of(data, "NumberOfFrames") is None:
                data.NumberOfFrames = 1
            if "TransferSyntaxUID" not in data.file_meta:
                data.file_meta = getattr(data, "file_meta", None) or FileMetaDataset()
                data.file_meta.TransferSyntaxUID = _SYNTAXES[data.original_encoding]
    except (InvalidDicomError, *DAMAGED):
        return None
    return data


def _missing(file: BinaryIO, data: Dataset) -> int:
    """Count the bytes of pixels that an open file lacks, from the head of its pixel data; -1 where there are none.

    0 where that cannot be told so: what is packed says no length.
    """
    if str(data.file_meta.get("TransferSyntaxUID", "")) == DeflatedExplicitVRLittleEndian:
        return 0
    implicit, little = data.original_encoding
    head = file.read(12)
    order: Literal["little", "big"] = "little" if little else "big"
    if len(head) < 12:
        return -1
    if int.from_bytes(head[:2], order) != _PIXELS or not (implicit or head[4:6].isalpha()):
        return 0
    length = int.from_bytes(head[4:8] if implicit else head[8:12], order)
    if length == _UNDEFINED:
        return 0
    begins = file.tell() - (4 if implicit else 0)
    return max(0, begins + length - file.seek(0, SEEK_END))


def class_of(data: Dataset) -> str:
    """UID of the kind of object; many files give it in one of two places only."""
    for place, name in ((data, "SOPClassUID"), (data.file_meta, "MediaStorageSOPClassUID")):
        if _UID.fullmatch(uid := text_of(place, name)):
            return uid
    return ""


def is_directory(data: Dataset) -> bool:
    """Tell a DICOMDIR by what it is; its name may be another."""
    return class_of(data) == str(MediaStorageDirectoryStorage)


def is_segmentation(data: Dataset) -> bool:
    """Tell a SEG object."""
    return class_of(data) in _SEGMENTATIONS


def is_contours(data: Dataset) -> bool:
    """Tell an RTSTRUCT object."""
    return class_of(data) == str(RTStructureSetStorage)


def what_of(data: Dataset) -> str:
    """Say what an object without a picture is: "a report (Basic Text SR Storage)"."""
    uid = class_of(data)
    if not uid:
        return "an object of unknown kind"
    name = UID(uid).name
    words = next((words for signs, words in _WORDS if any(sign in name for sign in signs)), "")
    return f"{words} ({name})" if words else f"a file of {name} without rows and columns"


def packed_as(syntax: str) -> str:
    """Name how pixels are packed; empty where they are not, "an unknown compression" where the UID is none we know."""
    uid = UID(syntax)
    if not uid.is_transfer_syntax:
        return "an unknown compression" if syntax else ""
    return str(uid.name) if uid.is_compressed or uid.is_deflated else ""


def is_retired(syntax: str) -> bool:
    """Tell a compression that the standard has given up."""
    uid = UID(syntax)
    return bool(uid.is_transfer_syntax and uid.is_compressed and uid.is_retired)


def syntax_of(data: Dataset) -> str:
    """UID of how the file is encoded."""
    return str(data.file_meta.get("TransferSyntaxUID", ""))


@cache
def _tag(name: str) -> BaseTag | None:
    found = tag_for_keyword(name)
    return None if found is None else Tag(found)


def value_in(data: Dataset, name: str) -> Any:
    """Return the value of a tag, None where there is none, which `Dataset.get` takes ten times as long for."""
    tag = _tag(name)
    return data[tag].value if tag is not None and tag in data else None


def number_of(data: Any, name: str) -> float | None:
    """Read a number, the first of several; None where there is none or it is damaged."""
    try:
        value = value_in(data, name)
        if value is None or value == "":
            return None
        first = value[0] if hasattr(value, "__getitem__") and not isinstance(value, str) and len(value) else value
        number = float(first)
    except DAMAGED:
        return None
    return number if -1e300 < number < 1e300 else None


def text_of(data: Any, name: str) -> str:
    """Read a word or a sentence; empty where there is none or it is damaged."""
    try:
        value = value_in(data, name)
    except DAMAGED:
        return ""
    return "" if value is None else " ".join(str(value).replace("\0", " ").split())[:_LONGEST]
