"""Volumes in the formats that are also read: NIfTI, NRRD, MetaImage, NumPy; and one slice as a picture."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from medviz.imaging.intensity import levels, painted, robust_window
from medviz.imaging.readers import write
from medviz.imaging.readers.picture import marks
from medviz.imaging.slices import PLANES, cut
from medviz.imaging.storage import replacing
from medviz.imaging.volume import like
from medviz.imaging.writers.writer import Export, Writer
from medviz.messages import Progress, Work
from medviz.refused import Refused


def write_volume(thing: Export, path: Path) -> Work[tuple[Path, ...]]:
    """Write the voxels in their stored type; on the grid of `scan` with the scan's own order and affine bytes."""
    volume = thing.volume
    if thing.chosen:
        kept = thing.map_of_labels(path)
        volume = replace(volume, voxels=kept.astype(volume.voxels.dtype)[np.newaxis], slope=1.0, intercept=0.0)
    if thing.scan is not None and thing.scan is not thing.volume:
        volume = like(
            thing.scan,
            volume.voxels,
            volume.name,
            kind=volume.kind,
            slope=volume.slope,
            intercept=volume.intercept,
            unit=volume.unit,
        )
    yield Progress(0, 1, f"writing {path.name}")
    write(volume, path)
    yield Progress(1, 1, f"writing {path.name}")
    return (path,)


def write_picture(thing: Export, path: Path) -> Work[tuple[Path, ...]]:
    """Write a volume of one slice as PNG, grey as a person would see it or in its colours."""
    volume = thing.volume
    flat = [plane for plane, axis in zip(PLANES, (2, 1, 0), strict=True) if volume.shape[axis] == 1]
    if not flat or volume.frames > 1:
        raise Refused(path, f"{volume.name or 'it'} has more than one slice", "draw one with 'medviz render'")
    yield Progress(0, 1, f"writing {path.name}")
    if volume.kind == "colour":
        pixels = np.stack([cut(volume, flat[0], 0, part).pixels for part in range(volume.voxels.shape[0])], axis=-1)
    else:
        seen = cut(volume, flat[0], 0)
        width, level = thing.window or volume.window or robust_window(volume)
        pixels = painted(seen.pixels, *levels(width, level, seen.slope, seen.intercept), "grey")[..., 0]
        if seen.pixels.dtype == np.uint8 and thing.window is None and (volume.slope, volume.intercept) == (1.0, 0.0):
            pixels = seen.pixels  # a picture stays what it was
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", pnginfo=marks() if volume.synthetic else None)
    with replacing(path) as file:
        file.write(buffer.getvalue())
    return (path,)


NIFTI, NRRD = Writer("NIfTI", write_volume), Writer("NRRD", write_volume)
MHA, NUMPY = Writer("MetaImage", write_volume), Writer("NumPy", write_volume)
PNG = Writer("PNG", write_picture)
