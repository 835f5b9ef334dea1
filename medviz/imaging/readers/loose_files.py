"""A folder of files that each hold a scan of their own (NIfTI, NRRD ...): a card for each, as for series of DICOM."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from medviz.figures import Picture
from medviz.imaging.readers.preview import glimpse
from medviz.imaging.readers.reader import Description
from medviz.imaging.series import SeriesCard
from medviz.imaging.storage import opening
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

MOST_FILES = 500
_HALVES = (".img", ".img.gz", ".raw", ".zraw")
MOST_PICTURED = 24 << 20
"""Files of more bytes get no small picture: they would have to be unpacked whole."""
_SIDE_PX = 128


def file_cards(
    folder: Path, endings: tuple[str, ...], told: Callable[[Path], Description]
) -> Work[tuple[SeriesCard, ...]]:
    """Describe each file of a folder that has one of the endings, by name; those that cannot be read are left out."""
    cards = []
    for number, file in enumerate(files := files_in(folder, endings)):
        yield Progress(number, len(files), f"looking through {folder.name}")
        try:
            cards.append(_card(folder, file, told(file)))
        except Refused:
            continue
    return tuple(cards)


def files_in(folder: Path, endings: tuple[str, ...]) -> tuple[Path, ...]:
    """List the files of a folder that have one of the endings, by name; of a pair its header."""
    with opening(folder):
        found = sorted(one for one in folder.iterdir() if one.is_file() and one.name.lower().endswith(endings))
    seen = [one for one in found if not one.name.startswith(".") and not one.name.lower().endswith(_HALVES)]
    return tuple(seen[:MOST_FILES])


def _card(folder: Path, file: Path, told: Description) -> SeriesCard:
    shape = tuple(told["shape"])
    spacing = told["spacing_mm"]
    itemsize = {"rgb24": 3, "rgba32": 4}.get(told["dtype"]) or np.dtype(told["dtype"]).itemsize
    return SeriesCard(
        key=file.name,
        path=folder,
        description=file.name,
        modality=told["format"],
        slices=shape[2] if len(shape) > 2 else 1,
        frames=int(told["frames"]),
        shape=shape,
        axes=told["axes"],
        spacing_mm=tuple(spacing[:3]) if spacing else None,
        dtype=told["dtype"],
        warnings=tuple(told["warnings"]),
        size=int(np.prod(shape, dtype=object)) * itemsize,
        source=file,
    )


def file_pictures(cards: tuple[SeriesCard, ...], read: Callable[[Path], Work[Volume]]) -> Work[None]:
    """Yield a Picture of the middle axial slice of each file that is not large, named by its card's key."""
    for done, card in enumerate(cards):
        yield Progress(done, len(cards), "drawing small pictures")
        if not isinstance(card.source, Path):
            continue
        try:
            if card.source.stat().st_size <= MOST_PICTURED:
                yield _picture((yield from read(card.source)), card.key)
        except (Refused, OSError):
            continue


def _picture(volume: Volume, key: str) -> Picture:
    if volume.kind == "colour":
        middle = volume.voxels[:3, :, :, volume.shape[2] // 2].transpose(2, 1, 0)[::-1, ::-1]
        step = max(1, max(middle.shape[:2]) // _SIDE_PX)
        return Picture(key, np.ascontiguousarray(middle[::step, ::step]).astype(np.uint8))
    seen = glimpse(volume, 2, True, 1.0)
    low, high = seen.levels or (0.0, 1.0)
    values = np.nan_to_num(np.asarray(seen.pixels, np.float32))
    grey = np.clip((values - low) * (255.0 / ((high - low) or 1.0)), 0, 255).astype(np.uint8)
    step = max(1, max(grey.shape) // _SIDE_PX)
    return Picture(key, np.ascontiguousarray(grey[::step, ::step]), levels=(0.0, 255.0))
