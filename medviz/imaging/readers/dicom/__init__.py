"""DICOM: a file, a folder of them, a DICOMDIR; sorted by position, decoded, placed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.readers.dicom.folder import Found, found_in, is_segmentation
from medviz.imaging.readers.dicom.pixels import colours_of, fill, room_for, voxel_type
from medviz.imaging.readers.dicom.segmentation import read_segmentation
from medviz.imaging.readers.dicom.series import Series
from medviz.imaging.readers.order import axes_of, to_ras
from medviz.imaging.readers.reader import Description, Reader, described
from medviz.imaging.volume import Affine, Stored, Volume
from medviz.messages import Progress, Work, finished

Array = NDArray[Any]
_PREAMBLE = 128


def sniff(path: Path, head: bytes) -> bool:
    """Tell by the mark after the preamble; a folder is asked by looking at its first files."""
    if path.is_dir():
        return any(_is_dicom(file) for file in _first_files(path))
    return head[_PREAMBLE : _PREAMBLE + 4] == b"DICM"


def describe(path: Path) -> Description:
    """Say what series there are, without decoding a pixel."""
    found = finished(found_in(path))
    told = [_told(one, found.passed_over) for one in found.series]
    return {**told[0], "series": told}


def series_in(path: Path) -> Work[tuple[Series, ...]]:
    """List the series of a folder for a browser, the one with most frames first."""
    found: Found = yield from found_in(path)
    return found.series


def read(path: Path) -> Work[Volume]:
    """Read the series of a folder that has most frames (a warning names the others), or one file."""
    if path.is_file() and is_segmentation(path):
        return (yield from read_segmentation(path))
    found: Found = yield from found_in(path)
    others = found.series[1:]
    more = tuple(f"there is also {_in_words(one)}" for one in others[:5])
    volume = yield from read_series(found.series[0], path.name, (*more, *found.passed_over))
    return volume


def read_series(series: Series, name: str, warnings: tuple[str, ...] = ()) -> Work[Volume]:
    """Decode one series; yields Progress after each frame, the middle of the volume is not known earlier."""
    array, scaled = room_for(series, name)
    total = series.slices * len(series.frames)
    yield Progress(0, total, f"decoding {name}")
    for done in fill(series, array, scaled):
        yield Progress(done, total, f"decoding {name}")
    if series.regular_mm is not None:
        array = _regular(array, series.at_mm, series.regular_mm)
    return _volume(series, array, scaled, name, (*series.warnings, *warnings))


def _volume(series: Series, array: Array, scaled: bool, name: str, warnings: tuple[str, ...]) -> Volume:
    """`array` is (channel, slice, row, column), which a stored volume (column, row, slice) is a transpose of."""
    stored_order = array.transpose(3, 2, 1, 0)
    view, affine = to_ras(stored_order, series.affine)
    first = series.frames[0][0]
    kind = "colour" if colours_of(series.kind) == 3 else "frames" if len(array) > 1 else "scalar"
    shape = stored_order.shape[: 4 if kind == "frames" else 3]
    return Volume(
        view.transpose(3, 0, 1, 2),
        affine,
        Stored("DICOM", shape, axes_of(series.affine), series.affine, array.dtype),
        name=name,
        kind=kind,  # type: ignore[arg-type]
        slope=1.0 if scaled or kind == "colour" else first.slope,
        intercept=0.0 if scaled or kind == "colour" else first.intercept,
        unit=series.kind.unit,
        calibrated=series.calibrated,
        oriented=series.oriented,
        warnings=warnings,
        window=series.kind.window,
        inverted=series.kind.photometric == "MONOCHROME1",
    )


def _regular(array: Array, at_mm: Array, regular_mm: Array) -> Array:
    """Interpolate unevenly spaced slices to a regular grid; what lies in a gap of missing slices is left blank."""
    usual = float(regular_mm[1] - regular_mm[0])
    blank = array.min()
    even = np.empty((array.shape[0], len(regular_mm), *array.shape[2:]), array.dtype)
    for number, place in enumerate(regular_mm):
        after = int(np.clip(np.searchsorted(at_mm, place), 1, len(at_mm) - 1))
        before = after - 1
        gap = float(at_mm[after] - at_mm[before])
        share = float(np.clip((place - at_mm[before]) / gap, 0.0, 1.0))
        if gap > 1.5 * usual and min(share, 1 - share) * gap > 0.5 * usual:
            even[:, number] = blank
            continue
        mixed = array[:, before] * (1 - share) + array[:, after] * share
        even[:, number] = np.round(mixed) if array.dtype.kind in "iu" else mixed
    return even


def _told(series: Series, passed_over: tuple[str, ...]) -> Description:
    affine: Affine = series.affine
    return described(
        shape=series.shape,
        axes=axes_of(affine) if series.oriented else "",
        affine=affine,
        dtype=voxel_type(series.kind).name,
        calibrated=series.calibrated,
        frames=len(series.frames),
        warnings=(*series.warnings, *passed_over),
        modality=series.kind.modality,
        description=series.kind.description,
        number=series.kind.number,
        series_uid=series.kind.uid,
        slices=series.slices,
    )


def _in_words(series: Series) -> str:
    size = "×".join(map(str, series.shape))
    return f"series {series.kind.number} {series.kind.description} ({series.kind.modality} {size})".replace("  ", " ")


def _first_files(folder: Path) -> Iterator[Path]:
    """Look at some files of a folder, at its own first; enough to know what kind of folder it is."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    for number, path in enumerate(files):
        if number >= 64:
            return
        yield path


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"
    except OSError:
        return False


READER = Reader("DICOM", sniff, read, describe)
