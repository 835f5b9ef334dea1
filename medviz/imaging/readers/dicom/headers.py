"""What a DICOM file says of each of its frames before a pixel is decoded; no name, date or number of a patient."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from struct import error
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from medviz.imaging.readers.dicom.mosaic import Tiles, tiles_of
from medviz.refused import Refused

Triple = tuple[float, float, float]
DAMAGED = (OSError, EOFError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, error)
"""What pydicom and its plugins raise on damaged or foreign data."""
_GEOMETRY = ("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence")


@dataclass(frozen=True)
class Kind:
    """What all frames of a series have in common."""

    uid: str
    modality: str = ""
    description: str = ""
    number: int = 0
    rows: int = 0
    columns: int = 0
    samples: int = 1
    photometric: str = "MONOCHROME2"
    bits: int = 16
    signed: bool = False
    floating: int = 0
    unit: str = ""
    window: tuple[float, float] | None = None
    syntax: str = ""


@dataclass(frozen=True)
class Frame:
    """One picture: where it is on disk, where it lies in the patient (LPS mm) and how its numbers are read.

    `spacing_mm` is between rows, then between columns. `instant` orders the frames that lie at the same place.
    `tile` is (top, left, rows, columns) of a mosaic.
    """

    path: Path
    number: int
    kind: Kind
    position: Triple | None
    across: Triple | None
    down: Triple | None
    spacing_mm: tuple[float, float] | None
    slope: float
    intercept: float
    thickness_mm: float | None
    instant: tuple[float, ...]
    tile: tuple[int, int, int, int] | None = None
    projected: bool = False


def header_of(path: Path) -> Dataset | None:
    """Read all but the pixels; None where the file is no DICOM file."""
    try:
        data = dcmread(path, stop_before_pixels=True, force=False)
    except (InvalidDicomError, *DAMAGED):
        return None
    return data


def frames_of(path: Path, data: Dataset) -> tuple[Frame, ...]:
    """List the frames of one file; refuses a file that holds no picture or a damaged header."""
    try:
        return _frames(path, data)
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError) as problem:
        raise Refused(path, f"its header is damaged ({problem})", "copy it again from where it came") from problem


def _frames(path: Path, data: Dataset) -> tuple[Frame, ...]:
    kind = _kind(data)
    if not kind.rows or not kind.columns:
        raise Refused(path, f"it holds no picture ({what_of(data)})", "choose another file")
    tiles = tiles_of(data)
    if tiles is not None:
        return tuple(_mosaic(path, data, kind, tiles))
    if "PerFrameFunctionalGroupsSequence" in data:
        return tuple(_enhanced(path, data, kind))
    count = max(1, int(_number(data, "NumberOfFrames") or 1))
    one = _frame(path, 0, kind, data, data, 0)
    return tuple(
        replace(one, number=n, position=_along(one, data, n), instant=(*one.instant[:-1], n)) for n in range(count)
    )


def _along(frame: Frame, data: Dataset, number: int) -> Triple | None:
    """Position of a frame of a classic multi-frame object: a dose grid says how far each lies along the normal."""
    offsets: Any = data.get("GridFrameOffsetVector") or ()
    at, across, down = frame.position, frame.across, frame.down
    if at is None or across is None or down is None or number >= len(offsets):
        return at
    away = float(offsets[number]) - float(offsets[0])
    x, y, z = at
    ax, ay, az = across
    dx, dy, dz = down
    return x + away * (ay * dz - az * dy), y + away * (az * dx - ax * dz), z + away * (ax * dy - ay * dx)


def what_of(data: Dataset) -> str:
    """Name the kind of object ("Basic Text SR Storage")."""
    uid = data.get("SOPClassUID") or data.file_meta.get("MediaStorageSOPClassUID") if data else None
    return UID(uid).name if uid else "an object of unknown kind"


def _kind(data: Dataset) -> Kind:
    modality = str(data.get("Modality") or "")
    floating = 32 if "FloatPixelData" in data else 64 if "DoubleFloatPixelData" in data else 0
    return Kind(
        uid=str(data.get("SeriesInstanceUID") or data.get("SOPInstanceUID") or ""),
        modality=modality,
        description=str(data.get("SeriesDescription") or ""),
        number=int(_number(data, "SeriesNumber") or 0),
        rows=int(data.get("Rows") or 0),
        columns=int(data.get("Columns") or 0),
        samples=int(data.get("SamplesPerPixel") or 1),
        photometric=str(data.get("PhotometricInterpretation") or "MONOCHROME2"),
        bits=int(data.get("BitsAllocated") or 16),
        signed=bool(data.get("PixelRepresentation") or 0),
        floating=floating,
        unit=_unit(data, modality),
        window=_window(data),
        syntax=str(data.file_meta.get("TransferSyntaxUID", "")) if hasattr(data, "file_meta") else "",
    )


def _unit(data: Dataset, modality: str) -> str:
    kind = str(data.get("RescaleType") or "")
    if modality == "CT" and kind in ("", "HU", "US"):
        return "HU"
    named = {"BQML": "Bq/ml", "CNTS": "counts", "GML": "g/ml", "GY": "Gy"}
    return named.get(str(data.get("Units") or data.get("DoseUnits") or ""), "")


def _window(data: Dataset) -> tuple[float, float] | None:
    width, centre = _number(data, "WindowWidth"), _number(data, "WindowCenter")
    return (width, centre) if width is not None and centre is not None and width >= 1 else None


def _frame(path: Path, number: int, kind: Kind, groups: Dataset, data: Dataset, order: float) -> Frame:
    across, down = _directions(groups)
    spacing, projected = _spacing(groups)
    return Frame(
        path=path,
        number=number,
        kind=kind,
        position=_triple(groups.get("ImagePositionPatient")),
        across=across,
        down=down,
        spacing_mm=spacing,
        slope=_number(groups, "RescaleSlope") or _number(groups, "DoseGridScaling") or 1.0,
        intercept=_number(groups, "RescaleIntercept") or 0.0,
        thickness_mm=_length(groups, "SpacingBetweenSlices") or _length(groups, "SliceThickness"),
        instant=_instant(data, order),
        projected=projected,
    )


def _enhanced(path: Path, data: Dataset, kind: Kind) -> Iterator[Frame]:
    """A frame's own groups go before those that all frames share."""
    shared = data.get("SharedFunctionalGroupsSequence") or [Dataset()]
    count = max(1, int(_number(data, "NumberOfFrames") or 1))
    for number, own in enumerate(data.PerFrameFunctionalGroupsSequence[:count]):
        groups = _flat(data, shared[0], own)
        frame = _frame(path, number, kind, groups, groups, number)
        index = own.get("FrameContentSequence")
        if index and index[0].get("TemporalPositionIndex"):
            frame = _later(frame, float(index[0].TemporalPositionIndex))
        yield frame


def _later(frame: Frame, instant: float) -> Frame:
    return replace(frame, instant=(instant, *frame.instant))


def _flat(data: Dataset, *groups: Dataset) -> Dataset:
    flat = Dataset()
    for name in ("SpacingBetweenSlices", "SliceThickness", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        if name in data:
            setattr(flat, name, data.get(name))
    for group in groups:
        for name in (*_GEOMETRY, "PixelValueTransformationSequence"):
            for item in group.get(name) or ():
                for element in item:
                    flat.add(element)
    return flat


def _mosaic(path: Path, data: Dataset, kind: Kind, tiles: Tiles) -> Iterator[Frame]:
    small = replace(kind, rows=tiles.rows, columns=tiles.columns)
    whole = _frame(path, 0, small, data, data, 0)
    for position, tile in tiles.places(whole.position, whole.across, whole.down, whole.spacing_mm):
        yield replace(whole, position=position, tile=tile)


def _directions(data: Dataset) -> tuple[Triple | None, Triple | None]:
    numbers = [float(number) for number in data.get("ImageOrientationPatient") or ()]
    if len(numbers) != 6 or not all(map(math.isfinite, numbers)):
        return None, None
    across, down = (numbers[0], numbers[1], numbers[2]), (numbers[3], numbers[4], numbers[5])
    if math.hypot(*across) < 1e-3 or math.hypot(*down) < 1e-3:
        return None, None
    return across, down


def _spacing(data: Dataset) -> tuple[tuple[float, float] | None, bool]:
    """Return row and column spacing, and whether it holds at the detector only (a projection)."""
    for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        numbers = [abs(float(number)) for number in data.get(name) or ()]
        if len(numbers) == 2 and all(1e-5 < number < 1e4 for number in numbers):
            return (numbers[0], numbers[1]), name != "PixelSpacing"
    return None, False


def _triple(numbers: Any) -> Triple | None:
    if numbers is None or len(numbers) != 3:
        return None
    x, y, z = (float(number) for number in numbers)
    return (x, y, z) if all(map(math.isfinite, (x, y, z))) else None


def _instant(data: Dataset, order: float) -> tuple[float, ...]:
    names = ("TemporalPositionIdentifier", "TriggerTime", "EchoTime", "DiffusionBValue", "AcquisitionNumber")
    known = [_number(data, name) or 0.0 for name in names]
    return (*known, _number(data, "InstanceNumber") or 0.0, float(order))


def _length(data: Dataset, name: str) -> float | None:
    number = _number(data, name)
    return abs(number) if number and 1e-5 < abs(number) < 1e4 else None


def _number(data: Dataset, name: str) -> float | None:
    """Read a number, the first of several; None where there is none or it is damaged."""
    value = data.get(name)
    if value is None or value == "":
        return None
    first = value[0] if hasattr(value, "__getitem__") and not isinstance(value, str) and len(value) else value
    try:
        number = float(first)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
