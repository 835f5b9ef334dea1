"""Samples of a network as files that say what they are: in their header, in a sidecar, and on the picture if wished."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medviz.imaging.readers import write
from medviz.imaging.readers.picture import write_pixels
from medviz.imaging.storage import need_room, opening
from medviz.imaging.synthetic import ENDING, WORD, Synthetic, levelled, mark_beside
from medviz.imaging.volume import Array
from medviz.imaging.writers.card import sha256_of
from medviz.messages import Progress, Work
from medviz.refused import Refused

FORMATS = {"nifti": ".nii.gz", "png": ".png"}
_LEAST_PX = 64
"""A picture with fewer pixels a side has no room for a word."""


def write_samples(
    samples: Sequence[Synthetic], folder: Path, kind: str = "nifti", visible: bool = False
) -> Work[tuple[Path, ...]]:
    """Write samples, their masks and a sidecar each as "sample-001" ...; returns all files.

    `visible` also writes the word "synthetic" onto each PNG. A file that is there already is refused before anything
    is written; what is written is whole. Closing the work leaves the samples that were written until then.
    """
    names = planned(len(samples), folder, kind, visible)
    with opening(folder):
        folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    for number, (name, one) in enumerate(zip(names, samples, strict=True)):
        yield Progress(number, len(samples), "writing samples")
        made += _written(one, folder / name, kind, visible)
    yield Progress(len(samples), len(samples), "writing samples")
    return tuple(made)


def planned(count: int, folder: Path, kind: str = "nifti", visible: bool = False) -> list[str]:
    """Return the names of as many samples; refuses what could not be written, before anything is made or written."""
    if kind not in FORMATS:
        raise Refused(kind, "samples are not written in this format", f"choose {' or '.join(FORMATS)}")
    if visible and kind != "png":
        raise Refused(kind, "only pictures have room for a visible mark", "choose png, or no visible mark")
    names = [f"sample-{number:0{max(3, len(str(count)))}d}" for number in range(1, count + 1)]
    for name in names:
        for ending in (*FORMATS.values(), ENDING):
            if (path := folder / f"{name}{ending}").exists():
                raise Refused(path, "there are samples already", "choose another folder")
    return names


def _written(one: Synthetic, stem: Path, kind: str, visible: bool) -> list[Path]:
    path = stem.with_name(f"{stem.name}{FORMATS[kind]}")
    need_room(path, one.voxels.nbytes * 2)
    files = [path]
    if kind == "nifti":
        write(one.volume(path.name), path)
    else:
        pixels = _flat(one, path)
        write_pixels(_stamped(pixels) if visible else pixels, path, synthetic=True)
    mask = one.label_volume()
    if mask is not None:
        beside = stem.with_name(f"{stem.name}-label{FORMATS[kind]}")
        files.append(beside)
        if kind == "nifti":
            write(mask, beside)
        else:
            write_pixels(one.picture(label=True), beside, synthetic=True)
    size = {"spacing_mm": one.spacing_mm if one.spacing_mm is not None else "uncalibrated", "values": "-1 to 1"}
    told = {**one.told, **size, "files": {file.name: {"sha256": sha256_of(file)} for file in files}}
    return files + [mark_beside(file, told) for file in files]


def _flat(one: Synthetic, path: Path) -> Array:
    """Return a slice as pixels; refuses what does not fit into one picture."""
    if 1 not in one.voxels.shape[1:] or one.voxels.shape[0] not in (1, 3):
        raise Refused(path, "a volume, or more than three channels, does not fit into one picture", "write NIfTI")
    return levelled(one.picture())


def _stamped(pixels: Array) -> Array:
    """Write "synthetic" small into the lower left corner."""
    rows, cols = pixels.shape[:2]
    if min(rows, cols) < _LEAST_PX:
        fault = f"{cols}×{rows} pixels have no room for a visible mark"
        raise Refused("samples", fault, "write them without; header and sidecar say it")
    colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
    image = Image.fromarray(np.ascontiguousarray(colour))
    font = ImageFont.load_default(max(9, min(24, rows // 12)))
    at = (max(2, cols // 50), rows - max(2, rows // 50))
    ImageDraw.Draw(image).text(at, WORD, (255, 214, 90), font, "ls", stroke_width=1, stroke_fill=(0, 0, 0))
    return np.asarray(image).copy()
