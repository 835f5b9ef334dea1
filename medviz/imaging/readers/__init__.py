"""Files to volumes and back: one format a file, found by name and first bytes, imported when it is needed."""

import stat
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from medviz.catalog import Catalog, Entry
from medviz.imaging.readers.loose_files import file_cards, file_pictures, files_in
from medviz.imaging.readers.mask_folder import describe_masks, mask_card, masks_beside, masks_in, read_masks
from medviz.imaging.readers.reader import Description, Reader
from medviz.imaging.readers.streams import first_bytes
from medviz.imaging.regular import regular_grid
from medviz.imaging.series import SeriesCard
from medviz.imaging.storage import opening
from medviz.imaging.synthetic import NOTICE, mark_beside, marked_beside
from medviz.imaging.volume import Volume
from medviz.imaging.volume import like as on_grid_of
from medviz.messages import Work, finished
from medviz.refused import Refused

_HEAD = 4096


@dataclass(frozen=True)
class ReaderEntry(Entry):
    """An entry that also says which endings its files have, so that no other reader need be imported."""

    suffixes: tuple[str, ...] = ()


_HERE = "medviz.imaging.readers"
READERS: Catalog[Reader] = Catalog(
    "file format",
    "medviz.readers",
    {
        "nifti": ReaderEntry(
            f"{_HERE}.nifti:READER",
            "NIfTI",
            "NIfTI-1 and NIfTI-2 volumes and series, compressed or not, one file or .hdr with .img",
            suffixes=(".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz"),
        ),
        "dicom": ReaderEntry(
            f"{_HERE}.dicom:READER",
            "DICOM",
            "A file, a folder of a series or of several, a DICOMDIR; classic, enhanced and mosaic, compressed or not",
            suffixes=(".dcm", ".dicom", ".ima", "dicomdir"),
        ),
        "itk": ReaderEntry(
            f"{_HERE}.itk:READER",
            "NRRD, MetaImage",
            "NRRD (.nrrd, .nhdr) and MetaImage (.mha, .mhd)",
            suffixes=(".nrrd", ".nhdr", ".mha", ".mhd"),
        ),
        "mgh": ReaderEntry(
            f"{_HERE}.mgh:READER", "MGH", "FreeSurfer's volumes (.mgh, .mgz)", suffixes=(".mgh", ".mgz", ".mgh.gz")
        ),
        "picture": ReaderEntry(
            f"{_HERE}.picture:READER",
            "Picture",
            "PNG, JPEG, TIFF and BMP, grey or colour; a TIFF of many pages is a stack",
            suffixes=(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"),
        ),
        "numpy": ReaderEntry(
            f"{_HERE}.numpy_file:READER",
            "NumPy",
            "Arrays (.npy): (rows, cols), (rows, cols, 3 colours), (x, y, z) or (channel, x, y, z)",
            suffixes=(".npy",),
        ),
    },
)


def read(path: Path, series: str = "", regular: bool = False, lazily: bool = False) -> Work[Volume]:
    """Read a file of any known format; yields Progress, returns the volume. Refuses what it cannot use.

    `series` names one of a folder (its UID, its number, or its place in the list as "#2"); without it the one with
    most frames is read. `regular` puts it on a regular grid (see `regular_grid`). `lazily` leaves the frames of a long
    series to be read when they are wanted (see `Volume.pending`). A folder with one mask for each structure is one map.
    """
    if not series and (masks := masks_in(path)):
        return (yield from read_masks(path, masks, read))
    reader, warnings = _reader_of(path)
    if (series or regular) and reader.cards is not None:
        cards = yield from reader.cards(path)
        card = named_card(cards, series, path) if series else cards[0]
        volume = yield from read_series(card, fill_gaps=regular)
    elif series:
        raise Refused(path, "it holds one thing only, no series to choose from", "leave --series away")
    else:
        read_it = reader.lazily if lazily and not regular and reader.lazily is not None else reader.read
        volume = yield from read_it(path)
    if regular:
        volume = yield from regular_grid(volume)
    if not volume.synthetic and marked_beside(path):
        volume = replace(volume, synthetic=True, warnings=(NOTICE, *volume.warnings))
    return replace(volume, warnings=(*warnings, *volume.warnings)) if warnings else volume


def read_over(path: Path, scan: Volume, lazily: bool = False) -> Work[Volume]:
    """Read a file to be laid over a scan: contours are drawn on its grid; all else as `read`."""
    if masks_in(path):
        return (yield from read(path))
    reader, _ = _reader_of(path)
    return (yield from (read(path, lazily=lazily) if reader.over is None else reader.over(path, scan)))


def read_form(path: Path, form: str) -> Work[Volume]:
    """Read a file whose header places it twice by one of the two ("sform", "qform")."""
    reader, _ = _reader_of(path)
    return (yield from (reader.read(path) if reader.form is None else reader.form(path, form)))


def series_of(path: Path) -> Work[tuple[SeriesCard, ...]]:
    """List the series of a folder, the one with most frames first; empty where a file holds one thing only.

    A folder of files of other formats lists these (`source` is their path). Yields Progress; no voxel is decoded.
    Refuses a place that holds nothing to be seen.
    """
    if masks_in(path):
        return ()
    try:
        reader, _ = _reader_of(path)
    except Refused:
        if not path.is_dir():
            raise
        cards = yield from file_cards(path, _endings(), describe)
        if not cards:
            raise
        return (*cards, *mask_card(path, cards, describe))
    return () if reader.cards is None else (yield from reader.cards(path))


def pictures_of(cards: tuple[SeriesCard, ...]) -> Work[None]:
    """Yield a Picture of the middle slice of each card, named by its key, at most 128 pixels a side."""
    reader = READERS["dicom"]
    if reader.pictures is not None and not all(isinstance(card.source, Path) for card in cards):
        yield from reader.pictures(cards)
    yield from file_pictures(tuple(card for card in cards if isinstance(card.source, Path)), partial(read, lazily=True))


def read_series(card: SeriesCard, over: Volume | None = None, fill_gaps: bool = False) -> Work[Volume]:
    """Read the series of a card; contours are drawn on the grid of `over`, and gaps are left blank unless filled."""
    if isinstance(card.source, Path):
        return (yield from read(card.source))
    reader = READERS["dicom"]
    if reader.card is None:
        raise Refused(card.title, "there is no reader for it", "open its folder anew")
    return (yield from reader.card(card, over, fill_gaps))


def named_card(cards: tuple[SeriesCard, ...], wanted: str, path: Path) -> SeriesCard:
    """Return the card that a UID, a series number or a place in the list ("#2") names; refuses what names none."""
    named = [card for card in cards if wanted in (card.key, str(card.number))]
    if wanted.startswith("#") and wanted[1:].isdigit() and 0 < int(wanted[1:]) <= len(cards):
        named = [cards[int(wanted[1:]) - 1]]
    if len(named) == 1:
        return named[0]
    fault = f"it holds {len(named) or 'no'} series called {wanted}"
    raise Refused(path, fault, "medviz info lists the series; give a UID or a place in that list, as #2")


def describe(path: Path) -> Description:
    """Say what a file holds without decoding voxels, in plain values for JSON (`medviz info`).

    Keys: path, format, series (a list, of a folder all that is in it) and the keys of its first: shape and axes as
    stored, spacing_mm along them (None where uncalibrated), affine (stored voxel to RAS mm), dtype, frames,
    warnings ...
    """
    if masks := masks_in(path):
        alone = describe_masks(path, masks, describe)
        return {**alone, "series": [alone]}
    try:
        reader, warnings = _reader_of(path)
    except Refused:
        if not path.is_dir() or not (told := _files_described(path)):
            raise
        return {**told[0], "path": str(path), "format": "folder", "series": told}
    found = reader.describe(path)
    found["warnings"] = [*warnings, *found["warnings"]]
    series = found.pop("series", [found])
    return {"path": str(path), "format": reader.name, "series": series, **series[0]}


def _files_described(folder: Path) -> list[Description]:
    """Describe the files of a folder that can be read; the first says which cannot."""
    told: list[Description] = []
    left: list[str] = []
    for file in files_in(folder, _endings()):
        try:
            told.append({**describe(file), "description": file.name})
        except Refused as refusal:
            left.append(f"{file.name} is left out: {refusal.fault}")
    if told and (masks := masks_beside(folder)) is not None:
        told.append(describe(masks)["series"][0])
    if told:
        told[0]["warnings"] = [*told[0]["warnings"], *left]
    return told


def write(volume: Volume, path: Path, like: Volume | None = None) -> None:
    """Write a volume in the format that the ending names, whole or not at all (Refused).

    A volume read from NIfTI goes back in its own order with its own affine bytes. With `like`, the voxels are written
    as on the grid of that volume (labels on a scan); the grids must be the same.
    """
    names = [name for name, suffixes in _suffixes().items() if path.name.lower().endswith(suffixes)]
    writers = [made for name in names if (made := READERS[name].write) is not None]
    if not writers:
        endings = [ending for name, all_of in _suffixes().items() if READERS[name].write for ending in all_of]
        raise Refused(path, "no writable format has this ending", f"there are {', '.join(endings)}")
    if volume.pending is not None:
        finished(volume.pending.rest())
    if like is not None:
        if not volume.same_grid(like):
            raise Refused(path, f"{volume.name or 'the volume'} is not on the grid of {like.name}", "resample it first")
        volume = on_grid_of(
            like,
            volume.voxels,
            volume.name,
            kind=volume.kind,
            slope=volume.slope,
            intercept=volume.intercept,
            unit=volume.unit,
        )
    writers[0](volume, path)
    if volume.synthetic:
        mark_beside(path)  # not every format has a place for it


def _suffixes() -> dict[str, tuple[str, ...]]:
    return {name: getattr(entry, "suffixes", ()) for name, entry in READERS.entries.items()}


def _reader_of(path: Path) -> tuple[Reader, tuple[str, ...]]:
    """Choose the reader by name and first bytes; where the two disagree the bytes win and a warning says so."""
    with opening(path):
        folder = path.is_dir()
        if not folder and not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting for ever
            raise Refused(path, "it is no ordinary file", "give a file or a folder")
    head = b"" if folder else first_bytes(path, _HEAD)
    named = [name for name, suffixes in _suffixes().items() if path.name.lower().endswith(suffixes)]
    for name in named:
        if (reader := READERS[name]).sniff(path, head):
            return reader, ()
    for name in READERS:
        if name not in named and (reader := READERS[name]).sniff(path, head):
            return reader, (f"its name does not say so, but it is a {reader.name} file",) if named else ()
    raise Refused(path, _fault(path, folder, head, named), _example(path) if folder else _remedy(named))


def _fault(path: Path, folder: bool, head: bytes, named: list[str]) -> str:
    if folder:
        return "the folder is empty" if not any(path.iterdir()) else "it is a folder of no known kind of image"
    if not path.stat().st_size:
        return "the file is empty"
    if not head:
        return "its compressed data are damaged from the start"
    kind = READERS.entries[named[0]].title if named else ""
    what = "text" if head[:256].isascii() and b"\0" not in head else ""
    if kind:
        return f"it is named like a {kind} file but holds {what or 'something else'}"
    return f"it is {what or 'of no image format that can be read'}"


def _endings() -> tuple[str, ...]:
    return tuple(ending for suffixes in _suffixes().values() for ending in suffixes)


def _example(folder: Path) -> str:
    """Name a file of a folder that could be opened."""
    with opening(folder):
        found = next((one.name for one in sorted(folder.iterdir()) if one.name.lower().endswith(_endings())), "")
    return f"open a file of it, for example {found}" if found else "choose another folder"


def _remedy(named: list[str]) -> str:
    if named:
        return "copy it again from where it came"
    return f"give one of {', '.join(entry.title for entry in READERS.entries.values())}"
