"""Pixels of DICOM frames: decoded by pydicom's plugins, by ITK's GDCM where those cannot."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels import pixel_array
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import UID

from medviz.imaging.readers.dicom.headers import DAMAGED, Frame, Kind
from medviz.imaging.readers.dicom.series import Series
from medviz.imaging.storage import need_room
from medviz.refused import Refused

Array = NDArray[Any]


def voxel_type(kind: Kind) -> np.dtype[Any]:
    """Return the data type that the files store."""
    if kind.floating:
        return np.dtype(f"f{kind.floating // 8}")
    if kind.photometric.startswith("PALETTE"):
        return np.dtype(np.uint8 if kind.bits <= 8 else np.uint16)
    size = 1 if kind.bits <= 8 else 2 if kind.bits <= 16 else 4
    return np.dtype(f"{'i' if kind.signed else 'u'}{size}")


def colours_of(kind: Kind) -> int:
    """Return how many channels a decoded frame has."""
    return 3 if kind.samples >= 3 or kind.photometric.startswith("PALETTE") else 1


def decoded(series: Series) -> Iterator[tuple[int, int, Array]]:
    """Yield (instant, slice, pixels) of each frame, file by file so that each is opened once."""
    where: dict[Path, list[tuple[int, int, Frame]]] = {}
    for instant, row in enumerate(series.frames):
        for number, frame in enumerate(row):
            where.setdefault(frame.path, []).append((instant, number, frame))
    for path, wanted in where.items():
        yield from _of_file(path, wanted)


def _of_file(path: Path, wanted: list[tuple[int, int, Frame]]) -> Iterator[tuple[int, int, Array]]:
    data = dcmread(path)
    whole: Array | None = None
    for instant, number, frame in wanted:
        if frame.tile is not None:
            whole = _frame(path, data, frame) if whole is None else whole
            top, left, rows, columns = frame.tile
            yield instant, number, whole[top : top + rows, left : left + columns]
        else:
            yield instant, number, _frame(path, data, frame)


def _frame(path: Path, data: Any, frame: Frame) -> Array:
    if not any(name in data for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise Refused(path, "it describes a picture but holds no pixels", "copy it again from where it came")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # padding after the last pixel and the like
            pixels: Array = pixel_array(data, index=frame.number)
    except DAMAGED as problem:
        return _by_itk(path, frame, problem)
    if frame.kind.photometric.startswith("PALETTE"):
        pixels = apply_color_lut(pixels, data)
    return pixels


def _by_itk(path: Path, frame: Frame, problem: Exception) -> Array:
    """Decode with GDCM, which also knows JPEG lossless and 12-bit JPEG; it scales, which is taken back."""
    try:
        image = SimpleITK.ReadImage(str(path))
        stack = SimpleITK.GetArrayFromImage(image)
    except RuntimeError:
        raise Refused(path, _fault(frame.kind.syntax), "save it uncompressed and open that") from problem
    pixels: Array = stack[frame.number] if stack.ndim >= 3 else stack
    if frame.slope != 1.0 or frame.intercept != 0.0:
        pixels = np.round((pixels - frame.intercept) / frame.slope)
    return pixels.astype(voxel_type(frame.kind))


def _fault(syntax: str) -> str:
    if not syntax or not UID(syntax).is_compressed:
        return "it holds fewer pixels than its header says; the file is cut off"
    uid = UID(syntax)
    kind = "the retired compression" if uid.is_retired else "the compression"
    return f"its pixels cannot be decoded ({kind} {uid.name})"


def fill(series: Series, array: Array, scaled: bool) -> Iterator[int]:
    """Decode all frames into `array` (channel, slice, row, column); yields how many are done.

    `scaled` applies each frame's own slope and intercept.
    """
    colours = colours_of(series.kind)
    done = 0
    for instant, number, pixels in decoded(series):
        if pixels.shape[:2] != array.shape[2:]:
            path = series.frames[instant][number].path
            raise Refused(path, "its pixels have another size than its header says", "leave it out of the folder")
        if colours == 3:
            array[:, number] = np.moveaxis(_eight_bits(pixels), -1, 0)[:3]
        elif scaled:
            frame = series.frames[instant][number]
            array[instant, number] = pixels * np.float32(frame.slope) + np.float32(frame.intercept)
        else:
            array[instant, number] = pixels
        done += 1
        yield done


def _eight_bits(pixels: Array) -> Array:
    return (pixels >> 8).astype(np.uint8) if pixels.dtype.itemsize > 1 else pixels


def room_for(series: Series, thing: object) -> tuple[Array, bool]:
    """Make the array that `fill` fills, after the memory was checked; tell whether values must be scaled."""
    scales = {(frame.slope, frame.intercept) for row in series.frames for frame in row}
    scaled = len(scales) > 1 and colours_of(series.kind) == 1
    channels = 3 if colours_of(series.kind) == 3 else len(series.frames)
    dtype = np.dtype(np.uint8) if colours_of(series.kind) == 3 else voxel_type(series.kind)
    dtype = np.dtype(np.float32) if scaled else dtype
    shape = (channels, series.slices, series.kind.rows, series.kind.columns)
    need_room(thing, int(np.prod(shape, dtype=object)) * dtype.itemsize)
    return np.zeros(shape, dtype), scaled
