"""DICOM: a file, a folder of them, a DICOMDIR; sorted by position, decoded, placed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.readers.dicom.cards import cards_in, cards_of, pictures_of
from medviz.imaging.readers.dicom.contours import read_contours
from medviz.imaging.readers.dicom.files import looks_like
from medviz.imaging.readers.dicom.folder import Drawn, Found, drawn_in, found_in
from medviz.imaging.readers.dicom.pixels import colours_of, fill, room_for
from medviz.imaging.readers.dicom.regular import on_grid
from medviz.imaging.readers.dicom.segmentation import describe_segmentation, read_segmentation
from medviz.imaging.readers.dicom.series import Series
from medviz.imaging.readers.order import axes_of, to_ras
from medviz.imaging.readers.preview import with_preview
from medviz.imaging.readers.reader import Description, Reader, described
from medviz.imaging.series import Origin, SeriesCard
from medviz.imaging.volume import Affine, Stored, Volume
from medviz.messages import Progress, Work, finished

Array = NDArray[Any]
_HEAD = 132
__all__ = ["READER", "cards_in", "pictures_of", "read", "read_card", "read_series"]


def sniff(path: Path, head: bytes) -> bool:
    """Tell by the first bytes; a folder is asked by looking at its first files."""
    if path.is_dir():
        return any(_is_dicom(file) for file in _first_files(path))
    return looks_like(head)


def describe(path: Path) -> Description:
    """Say what series there are, without decoding a pixel."""
    if path.is_file() and (drawn := drawn_in(path)) is not None:
        alone = _told_drawn(drawn)
        return {**alone, "series": [alone]}
    found = finished(found_in(path))
    told = [_told(one, card) for one, card in zip(found.series, cards_of(found, path), strict=False)]
    told += [_told_drawn(one) for one in found.drawn]
    told[0]["warnings"] += found.passed_over
    return {**told[0], "series": told}


def read(path: Path) -> Work[Volume]:
    """Read the series of a folder that has most frames (a warning names the others), or one file."""
    if path.is_file() and (drawn := drawn_in(path)) is not None:
        return (yield from _read_drawn(drawn, path.name, None))
    found: Found = yield from found_in(path)
    if not found.series:
        return (yield from _read_drawn(found.drawn[0], found.drawn[0].path.name, None))
    others = found.series[1:]
    more = tuple(f"there is also {_in_words(one)}" for one in others[:5])
    return (yield from read_series(found.series[0], path.name, (*more, *found.passed_over)))


def read_card(card: SeriesCard, over: Volume | None = None, fill_gaps: bool = False) -> Work[Volume]:
    """Read one series of a folder; contours are drawn on the grid of `over` where it is given."""
    if isinstance(card.source, Drawn):
        return (yield from _read_drawn(card.source, card.title, over))
    series: Series = card.source
    name = card.path.name if card.path.is_file() else card.title
    return (yield from read_series(series, name, fill_gaps=fill_gaps))


def read_over(path: Path, scan: Volume) -> Work[Volume]:
    """Read a file to be laid over a scan: contours are drawn on its grid, all else lies where it lies."""
    drawn = drawn_in(path) if path.is_file() else None
    return (yield from (read(path) if drawn is None else _read_drawn(drawn, path.name, scan)))


def _read_drawn(drawn: Drawn, name: str, over: Volume | None) -> Work[Volume]:
    if drawn.contours:
        return (yield from read_contours(drawn.path, name, over))
    return (yield from read_segmentation(drawn.path, name))


def read_series(series: Series, name: str, warnings: tuple[str, ...] = (), fill_gaps: bool = False) -> Work[Volume]:
    """Decode one series; yields Progress after each frame and now and then a picture of what has come.

    `fill_gaps` interpolates where slices are missing instead of leaving it blank.
    """
    array, scaled = room_for(series, name)
    how, affine, said = series.spaced, series.affine, series.warnings
    growing = _volume(series, array, affine, scaled, name, ())
    axes = axes_of(affine)
    failed = yield from _previewed(series, array, scaled, growing, "RASLPI".index(axes[2]) % 3, axes[2] in "RAS")
    if failed:
        said = (
            *said,
            f"{failed} of {series.count} frames could not be decoded and {'are' if failed > 1 else 'is'} blank",
        )
    if how is not None and not how.even:
        array, affine = yield from on_grid(series, array, how, fill_gaps, name)
        if fill_gaps:
            said = tuple(one.replace("and left blank", "and interpolated: nothing was measured there") for one in said)
    return _volume(series, array, affine, scaled, name, (*said, *warnings))


def _previewed(series: Series, array: Array, scaled: bool, growing: Volume, slowest: int, forward: bool) -> Work[int]:
    failed = 0

    def filling() -> Work[None]:
        nonlocal failed
        total = series.count
        yield Progress(0, total, f"decoding {growing.name}")
        work = fill(series, array, scaled)
        while True:
            try:
                done = next(work)
            except StopIteration as end:
                failed = end.value
                return
            yield Progress(done, total, f"decoding {growing.name}")

    yield from with_preview(filling(), growing, slowest, forward)
    return failed


def _volume(
    series: Series, array: Array, stored_affine: Affine, scaled: bool, name: str, warnings: tuple[str, ...]
) -> Volume:
    """`array` is (channel, slice, row, column), which a stored volume (column, row, slice) is a transpose of."""
    stored_order = array.transpose(3, 2, 1, 0)
    view, affine = to_ras(stored_order, stored_affine)
    first = series.first
    kind = "colour" if colours_of(series.kind) == 3 else "frames" if len(array) > 1 else "scalar"
    shape = stored_order.shape[: 4 if kind == "frames" else 3]
    plain = scaled or kind == "colour"
    return Volume(
        view.transpose(3, 0, 1, 2),
        affine,
        Stored("DICOM", shape, axes_of(stored_affine), stored_affine, array.dtype, _origin(series)),
        name=name,
        kind=kind,  # type: ignore[arg-type]
        slope=1.0 if plain else first.slope,
        intercept=0.0 if plain else first.intercept,
        unit=series.kind.unit,
        calibrated=series.calibrated,
        oriented=series.oriented,
        warnings=warnings,
        window=series.kind.window,
        inverted=series.kind.photometric == "MONOCHROME1",
        frame_s=series.frame_s if kind == "frames" else None,
        frame_names=series.names if kind == "frames" else (),
    )


def _origin(series: Series) -> Origin:
    files = tuple(dict.fromkeys(frame.path for frame in series.frames[0] if frame is not None))
    return Origin(series.kind.uid, series.first.frame_of_reference, files)


def _told(series: Series, card: SeriesCard) -> Description:
    columns, rows, slices = series.shape[:3]
    shown = slices if series.spaced is None else len(series.spaced.grid_mm)  # a gap is shown as blank slices
    return described(
        shape=(columns, rows, shown, *series.shape[3:]),
        axes=card.axes,
        affine=series.affine,
        dtype=card.dtype,
        calibrated=series.calibrated,
        frames=card.frames,
        warnings=card.warnings,
        modality=card.modality,
        description=card.description,
        number=card.number,
        series_uid=card.key,
        slices=card.slices,
        content="scan",
        plane=card.plane,
        transfer_syntax=card.syntax,
        gaps_mm=[list(gap) for gap in card.gaps_mm],
        tilt_degrees=round(card.tilt_degrees, 2),
        frame_names=list(series.names),
    )


def _told_drawn(drawn: Drawn) -> Description:
    base = {
        "modality": drawn.kind.modality,
        "description": drawn.kind.description,
        "number": drawn.kind.number,
        "series_uid": drawn.kind.uid,
        "slices": 0,
        "content": "contours" if drawn.contours else "labels",
    }
    if drawn.contours:
        more = described(shape=(), axes="", affine=np.eye(4), dtype="contours", calibrated=False)
        return {**more, **base, "affine": None}
    return {**describe_segmentation(drawn.path), **base}


def _in_words(series: Series) -> str:
    size = "×".join(map(str, series.shape))
    return f"series {series.kind.number} {series.kind.description} ({series.kind.modality} {size})".replace("  ", " ")


def _first_files(folder: Path) -> Iterator[Path]:
    """Look at some files of a folder, at its own first; enough to know what kind of folder it is."""
    for number, path in enumerate(path for path in folder.rglob("*") if path.is_file()):
        if number >= 256:
            return
        yield path


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return looks_like(file.read(_HEAD))
    except OSError:
        return False


READER = Reader("DICOM", sniff, read, describe, over=read_over, cards=cards_in, card=read_card, pictures=pictures_of)
