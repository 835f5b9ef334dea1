"""What a DICOM file says of each of its frames before a pixel is decoded; no name, date or number of a patient."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydicom import Dataset

from medviz.imaging.readers.dicom.files import DAMAGED, number_of, syntax_of, text_of, value_in, what_of
from medviz.imaging.readers.dicom.mosaic import Tiles, tiles_of
from medviz.imaging.readers.dicom.times import times_of
from medviz.refused import Refused

Triple = tuple[float, float, float]
_CENTIMETRES = 3
MOST_FRAMES = 200_000
_PROJECTIONS = ("ImagerPixelSpacing", "NominalScannedPixelSpacing")


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
    tabled: bool = False


@dataclass(frozen=True)
class Frame:
    """One picture: where it is on disk, where it lies in the patient (LPS mm) and how its numbers are read.

    `spacing_mm` is between rows, then between columns. `times` (see `times.KEYS`) tell apart the frames that lie at the
    same place, `order` is the last resort. `tile` is (top, left, rows, columns) of a mosaic. `short` where the file is
    too small for the pixels that it declares. `uid` is that of the file.
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
    times: tuple[float | str | None, ...]
    order: float = 0.0
    tile: tuple[int, int, int, int] | None = None
    projected: bool = False
    short: bool = False
    uid: str = ""
    frame_of_reference: str = ""
    acquisition: float = 0.0


def frames_of(path: Path, data: Dataset) -> tuple[Frame, ...]:
    """List the frames of one file; refuses a file that holds no picture or a damaged header."""
    try:
        return _frames(path, data)
    except DAMAGED as problem:
        raise Refused(path, "its header is damaged", "copy it again from where it came") from problem


def _frames(path: Path, data: Dataset) -> tuple[Frame, ...]:
    kind = kind_of(data)
    if not kind.rows or not kind.columns:
        raise Refused(path, f"it holds no picture: it is {what_of(data)}", "choose another file")
    tiles = tiles_of(data)
    if tiles is not None:
        return tuple(_mosaic(path, data, kind, tiles))
    count = frames_in(path, data)
    one = frame_of(path, 0, kind, data, data)
    if count == 1:
        return (one,)
    return tuple(replace(one, number=n, position=_along(one, data, n)) for n in range(count))


def frames_in(path: Path, data: Dataset) -> int:
    """Count the frames of a file; refuses more than it can hold, before anything is made of them."""
    count = max(1, int(number_of(data, "NumberOfFrames") or 1))
    if count > min(MOST_FRAMES, 8 * path.stat().st_size):
        raise Refused(path, f"its header declares {count:,} frames", "it is damaged, copy it again from where it came")
    return count


def _along(frame: Frame, data: Dataset, number: int) -> Triple | None:
    """Position of a frame of a classic multi-frame object, by how far each lies along the normal.

    A dose grid lists the offsets; a reconstructed emission scan gives the step.
    """
    offsets: Any = value_in(data, "GridFrameOffsetVector") or ()
    at, across, down = frame.position, frame.across, frame.down
    if at is None or across is None or down is None:
        return at
    if number < len(offsets):
        away = float(offsets[number]) - float(offsets[0])
    elif frame.kind.modality == "NM" and "RECON TOMO" in [str(part) for part in value_in(data, "ImageType") or ()]:
        away = number * (number_of(data, "SpacingBetweenSlices") or frame.thickness_mm or 1.0)
    else:
        return at
    x, y, z = at
    ax, ay, az = across
    dx, dy, dz = down
    return x + away * (ay * dz - az * dy), y + away * (az * dx - ax * dz), z + away * (ax * dy - ay * dx)


def kind_of(data: Dataset) -> Kind:
    """Read what all frames of a file have in common."""
    modality = text_of(data, "Modality")
    floating = 32 if "FloatPixelData" in data else 64 if "DoubleFloatPixelData" in data else 0
    return Kind(
        uid=text_of(data, "SeriesInstanceUID") or text_of(data, "SOPInstanceUID"),
        modality=modality,
        description=text_of(data, "SeriesDescription"),
        number=int(number_of(data, "SeriesNumber") or 0),
        rows=_size(data, "Rows"),
        columns=_size(data, "Columns"),
        samples=int(number_of(data, "SamplesPerPixel") or 1),
        photometric=text_of(data, "PhotometricInterpretation") or "MONOCHROME2",
        bits=int(number_of(data, "BitsAllocated") or 16),
        signed=bool(number_of(data, "PixelRepresentation")),
        floating=floating,
        unit=_unit(data, modality),
        window=_window(data),
        syntax=syntax_of(data),
        tabled="ModalityLUTSequence" in data,
    )


def _size(data: Dataset, name: str) -> int:
    number = number_of(data, name) or 0
    return int(number) if 0 < number <= 65535 else 0


def _unit(data: Dataset, modality: str) -> str:
    kind = text_of(data, "RescaleType")
    if modality == "CT" and kind in ("", "HU", "US"):
        return "HU"
    named = {"BQML": "Bq/ml", "CNTS": "counts", "GML": "g/ml", "GY": "Gy"}
    return named.get(text_of(data, "Units") or text_of(data, "DoseUnits"), "")


def _window(data: Dataset) -> tuple[float, float] | None:
    width, centre = number_of(data, "WindowWidth"), number_of(data, "WindowCenter")
    return (width, centre) if width is not None and centre is not None and width >= 1 else None


def frame_of(path: Path, number: int, kind: Kind, groups: Dataset, data: Dataset) -> Frame:
    """Read one frame: `groups` are the tags that are its own, `data` those of the whole file."""
    detector = (value_in(data, "DetectorInformationSequence") or [groups])[0] if kind.modality == "NM" else groups
    placed = groups if "ImagePositionPatient" in groups else detector
    across, down = _directions(placed)
    spacing, projected = _spacing(groups)
    return Frame(
        path=path,
        number=number,
        kind=kind,
        position=_triple(value_in(placed, "ImagePositionPatient")),
        across=across,
        down=down,
        spacing_mm=spacing,
        slope=number_of(groups, "RescaleSlope") or number_of(groups, "DoseGridScaling") or 1.0,
        intercept=number_of(groups, "RescaleIntercept") or 0.0,
        thickness_mm=_length(groups, "SpacingBetweenSlices") or _length(groups, "SliceThickness"),
        times=times_of(groups),
        order=number_of(data, "InstanceNumber") or 0.0,
        projected=projected,
        uid=text_of(data, "SOPInstanceUID"),
        short=getattr(data, "pixels_missing", 0) != 0,
        frame_of_reference=text_of(data, "FrameOfReferenceUID"),
        acquisition=number_of(data, "AcquisitionNumber") or 0.0,
    )


def _mosaic(path: Path, data: Dataset, kind: Kind, tiles: Tiles) -> Iterator[Frame]:
    small = replace(kind, rows=tiles.rows, columns=tiles.columns)
    whole = frame_of(path, 0, small, data, data)
    for position, tile in tiles.places(whole.position, whole.across, whole.down, whole.spacing_mm):
        yield replace(whole, position=position, tile=tile)


def _directions(data: Dataset) -> tuple[Triple | None, Triple | None]:
    numbers = [float(number) for number in value_in(data, "ImageOrientationPatient") or ()]
    if len(numbers) != 6 or not all(map(math.isfinite, numbers)):
        return None, None
    across, down = (numbers[0], numbers[1], numbers[2]), (numbers[3], numbers[4], numbers[5])
    lengths = math.hypot(*across), math.hypot(*down)
    along = sum(a * d for a, d in zip(across, down, strict=True))
    cosine = along / (lengths[0] * lengths[1]) if min(lengths) > 1e-3 else 1.0
    return (None, None) if abs(cosine) > 0.5 else (across, down)


def _spacing(data: Dataset) -> tuple[tuple[float, float] | None, bool]:
    """Return row and column spacing, and whether it holds at the detector only (a projection)."""
    for name in ("PixelSpacing", *_PROJECTIONS):
        numbers = [abs(float(number)) for number in value_in(data, name) or ()]
        if len(numbers) == 2 and all(1e-5 < number < 1e4 for number in numbers):
            return (numbers[0], numbers[1]), name != "PixelSpacing"
    return _of_ultrasound(data), False


def _of_ultrasound(data: Dataset) -> tuple[float, float] | None:
    """Pixel size of an ultrasound picture that has one region, in centimetres along both axes."""
    regions: Any = value_in(data, "SequenceOfUltrasoundRegions") or ()
    if len(regions) != 1:
        return None
    units = [number_of(regions[0], f"PhysicalUnits{axis}Direction") for axis in "YX"]
    steps = [abs(number_of(regions[0], f"PhysicalDelta{axis}") or 0.0) * 10.0 for axis in "YX"]
    known = units == [_CENTIMETRES, _CENTIMETRES] and all(1e-5 < step < 1e4 for step in steps)
    return (steps[0], steps[1]) if known else None


def _triple(numbers: Any) -> Triple | None:
    if numbers is None or len(numbers) != 3:
        return None
    x, y, z = (float(number) for number in numbers)
    return (x, y, z) if all(map(math.isfinite, (x, y, z))) and max(map(abs, (x, y, z))) < 1e7 else None


def _length(data: Dataset, name: str) -> float | None:
    number = number_of(data, name)
    return abs(number) if number and 1e-5 < abs(number) < 1e4 else None
