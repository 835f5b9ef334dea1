"""A card for each series of a folder, and a small picture for each card."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Picture
from medviz.imaging.intensity import window_of
from medviz.imaging.readers.dicom.files import is_retired, packed_as
from medviz.imaging.readers.dicom.folder import Drawn, Found, found_in
from medviz.imaging.readers.dicom.headers import Frame
from medviz.imaging.readers.dicom.pixels import colours_of, one_frame, voxel_type
from medviz.imaging.readers.dicom.series import Series
from medviz.imaging.readers.order import axes_of
from medviz.imaging.series import SeriesCard
from medviz.imaging.volume import Affine
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
SIDE_PX = 128
_DARK = 12
_SQUARE = 0.97
"""A slice whose normal is nearer than some 14 degrees to an axis is called by its plane."""


def cards_in(path: Path) -> Work[tuple[SeriesCard, ...]]:
    """Look through a folder and describe each series, the one with most frames first; yields Progress.

    What lies over scans (segmentations, contours) comes last. No pixel is decoded.
    """
    found: Found = yield from found_in(path)
    return cards_of(found, path)


def cards_of(found: Found, path: Path) -> tuple[SeriesCard, ...]:
    """Describe what was found."""
    taken: dict[str, int] = {}
    cards = [_card(one, path, _key(one.kind.uid, taken)) for one in found.series]
    cards += [_over(one, path, _key(one.kind.uid, taken)) for one in found.drawn]
    return tuple(cards)


def _key(uid: str, taken: dict[str, int]) -> str:
    taken[uid] = taken.get(uid, 0) + 1
    return uid if taken[uid] == 1 else f"{uid}#{taken[uid]}"


def _card(series: Series, path: Path, key: str) -> SeriesCard:
    how = series.spaced
    lengths = np.linalg.norm(series.affine[:3, :3], axis=0)
    colours = 3 if colours_of(series.kind) == 3 else 1
    dtype = voxel_type(series.kind)
    return SeriesCard(
        key=key,
        path=path,
        number=series.kind.number,
        description=series.kind.description,
        modality=series.kind.modality,
        slices=series.slices,
        frames=len(series.frames),
        frame_names=series.names,
        shape=series.shape,
        axes=axes_of(series.affine) if series.oriented else "",
        spacing_mm=(float(lengths[0]), float(lengths[1]), float(lengths[2])) if series.calibrated else None,
        dtype=dtype.name,
        plane=plane_of(series.affine) if series.oriented else "",
        syntax=packed_as(series.kind.syntax) or "not compressed",
        warnings=(*series.warnings, *_of_syntax(series.kind.syntax)),
        gaps_mm=how.gaps_mm if how is not None else (),
        tilt_degrees=how.tilt_degrees if how is not None else 0.0,
        folder=_below(path, series.first.path),
        size=int(np.prod(series.shape, dtype=object)) * (colours if colours == 3 else dtype.itemsize),
        source=series,
    )


def _over(drawn: Drawn, path: Path, key: str) -> SeriesCard:
    return SeriesCard(
        key=key,
        path=path,
        content="contours" if drawn.contours else "labels",
        number=drawn.kind.number,
        description=drawn.kind.description,
        modality=drawn.kind.modality,
        slices=0,
        shape=() if drawn.contours else (drawn.kind.columns, drawn.kind.rows),
        syntax=packed_as(drawn.kind.syntax) or "not compressed",
        over=drawn.over,
        names=drawn.names,
        folder=_below(path, drawn.path),
        source=drawn,
    )


def _below(path: Path, file: Path) -> str:
    """Folder of a file as seen from the one that was opened; empty where it lies in that itself."""
    base = path if path.is_dir() else path.parent
    below = file.parent.relative_to(base) if file.is_relative_to(base) else Path()
    return "" if below == Path() else below.as_posix()


def plane_of(affine: Affine) -> str:
    """Name the plane in which the slices were taken."""
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    share = np.abs(normal) / np.linalg.norm(normal)
    axis = int(share.argmax())
    return ("sagittal", "coronal", "axial")[axis] if share[axis] > _SQUARE else "oblique"


def _of_syntax(uid: str) -> tuple[str, ...]:
    return (f"its compression is retired ({packed_as(uid)}) and may not be decoded",) if is_retired(uid) else ()


def pictures_of(cards: tuple[SeriesCard, ...]) -> Work[None]:
    """Yield for each card a Picture of its middle slice, named by the card's key, at most 128 pixels a side."""
    for done, card in enumerate(cards):
        yield Progress(done, len(cards), "drawing small pictures")
        if isinstance(card.source, Series):
            picture = _picture(card.source, card.key)
            if picture is not None:
                yield picture


def _picture(series: Series, key: str) -> Picture | None:
    row = series.frames[0]
    frame: Frame | None = row[len(row) // 2] or series.first
    if frame is None:
        return None
    try:
        pixels = one_frame(frame)
    except Refused:
        return None
    mm = frame.spacing_mm or (1.0, 1.0)
    small = _small(pixels, mm)
    if small.ndim == 3:
        return Picture(key, small[..., :3])
    values = small * np.float32(frame.slope) + np.float32(frame.intercept)
    finite = values[np.isfinite(values)]
    robust = window_of(finite.astype(np.float64).ravel())
    asked = series.kind.window if series.kind.modality == "CT" else None  # others' are often those of another scan
    grey = _grey(values, *(asked or robust))
    if not _DARK < grey.mean() < 255 - _DARK:  # the file's window shows next to nothing of this slice
        grey = _grey(values, *robust)
    return Picture(key, 255 - grey if series.kind.photometric == "MONOCHROME1" else grey, levels=(0.0, 255.0))


def _grey(values: Array, width: float, level: float) -> NDArray[np.uint8]:
    shades = np.clip((values - (level - width / 2)) * (255.0 / (width or 1.0)), 0, 255)
    return np.asarray(np.nan_to_num(shades), np.uint8)


def _small(pixels: Array, mm: tuple[float, float]) -> Array:
    """Square pixels of the same size in mm, as many as fit into the square."""
    high, wide = pixels.shape[0] * mm[0], pixels.shape[1] * mm[1]
    size = max(high, wide) / SIDE_PX
    rows = np.clip(((np.arange(max(1, round(high / size))) + 0.5) * size / mm[0]).astype(int), 0, pixels.shape[0] - 1)
    cols = np.clip(((np.arange(max(1, round(wide / size))) + 0.5) * size / mm[1]).astype(int), 0, pixels.shape[1] - 1)
    taken: Array = pixels[np.ix_(rows, cols)]
    return taken
