"""Pixels of DICOM frames: decoded by pydicom's plugins, by ITK's GDCM where those cannot."""

import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from pydicom.pixels import pixel_array
from pydicom.pixels.processing import apply_color_lut

from medviz.imaging.readers.dicom.files import DAMAGED, is_retired, packed_as, whole_of
from medviz.imaging.readers.dicom.headers import Frame, Kind
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


def decoded(series: Series) -> Iterator[tuple[int, int, Array | Refused]]:
    """Yield (instant, slice, pixels) of each frame, file by file so that each is opened once.

    In place of pixels that cannot be had comes the refusal which says why.
    """
    where: dict[Path, list[tuple[int, int, Frame]]] = {}
    for instant, row in enumerate(series.frames):
        for number, frame in enumerate(row):
            if frame is not None:
                where.setdefault(frame.path, []).append((instant, number, frame))
    for path, wanted in where.items():
        yield from _of_file(path, wanted)


def one_frame(frame: Frame) -> Array:
    """Decode a single frame (rows, columns) or (rows, columns, colour); refuses what it cannot."""
    for _, _, pixels in _of_file(frame.path, [(0, 0, frame)]):
        if isinstance(pixels, Refused):
            raise pixels
        return pixels
    raise Refused(frame.path, "it holds no picture", "choose another file")


def _of_file(path: Path, wanted: list[tuple[int, int, Frame]]) -> Iterator[tuple[int, int, Array | Refused]]:
    data = whole_of(path)
    whole: Array | None = None
    for instant, number, frame in wanted:
        try:
            if frame.tile is None:
                yield instant, number, _frame(path, data, frame)
                continue
            whole = _frame(path, data, frame) if whole is None else whole
            top, left, rows, columns = frame.tile
            yield instant, number, whole[top : top + rows, left : left + columns]
        except Refused as refusal:
            yield instant, number, refusal


def _frame(path: Path, data: Any, frame: Frame) -> Array:
    if data is None or not any(name in data for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise Refused(path, "it describes a picture but holds no pixels", "copy it again from where it came")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # padding after the last pixel and the like
            pixels: Array = pixel_array(data, index=frame.number)
    except DAMAGED as problem:
        pixels = _by_itk(path, frame, problem)
    if frame.kind.photometric.startswith("PALETTE"):
        pixels = apply_color_lut(pixels, data)
    if colours_of(frame.kind) == 3:
        palette = frame.kind.photometric.startswith("PALETTE")
        pixels = _eight_bits(pixels, 8 * pixels.dtype.itemsize if palette else int(data.get("BitsStored") or 8))
    if frame.tile is None and pixels.shape[:2] != (frame.kind.rows, frame.kind.columns):
        raise Refused(path, "its pixels have another size than its header says", "leave it out of the folder")
    return pixels


def _by_itk(path: Path, frame: Frame, problem: Exception) -> Array:
    """Decode with GDCM, which also knows JPEG lossless and 12-bit JPEG; it scales, which is taken back."""
    if "JPEG" not in packed_as(frame.kind.syntax):
        raise Refused(path, *_fault(frame.kind.syntax)) from problem
    try:
        image = SimpleITK.ReadImage(str(path))
        stack = SimpleITK.GetArrayFromImage(image)
    except RuntimeError:
        raise Refused(path, *_fault(frame.kind.syntax)) from problem
    pixels: Array = stack[frame.number] if stack.ndim >= 3 else stack
    if frame.slope != 1.0 or frame.intercept != 0.0:
        pixels = np.round((pixels - frame.intercept) / frame.slope)
    kind = voxel_type(frame.kind)
    if kind.kind in "iu" and not (pixels.min() >= np.iinfo(kind).min and pixels.max() <= np.iinfo(kind).max):
        raise Refused(path, *_fault(frame.kind.syntax)) from problem
    return pixels.astype(kind)


def _fault(syntax: str) -> tuple[str, str]:
    packed = packed_as(syntax)
    if not packed or packed.startswith("Deflated"):
        return "it holds fewer pixels than its header says; the file is cut off", "copy it again from where it came"
    kind = "the retired compression " if is_retired(syntax) else ""
    return f"its pixels cannot be decoded ({kind}{packed})", "save it uncompressed and open that"


def fill(series: Series, array: Array, scaled: bool) -> Generator[int, None, int]:
    """Decode all frames into `array` (channel, slice, row, column); yields how many are done, returns how many failed.

    `scaled` applies each frame's own slope and intercept. A frame that cannot be decoded stays blank; where none can,
    the first refusal is raised.
    """
    colours = colours_of(series.kind)
    done, failed = 0, 0
    refusal: Refused | None = None
    for instant, number, pixels in decoded(series):
        done += 1
        if isinstance(pixels, Refused):
            refusal = refusal or pixels
            failed += 1
            if failed == series.count:
                raise refusal
        elif colours == 3:
            array[:, number] = np.moveaxis(pixels, -1, 0)[:3]
        elif scaled:
            frame = series.frames[instant][number] or series.first
            array[instant, number] = pixels * np.float32(frame.slope) + np.float32(frame.intercept)
        else:
            array[instant, number] = pixels
        yield done
    return failed


def _eight_bits(pixels: Array, bits: int) -> Array:
    """Colours of more than 8 bits as their upper 8."""
    if pixels.dtype.itemsize == 1:
        return pixels
    upper: Array = np.clip(pixels >> max(0, bits - 8), 0, 255).astype(np.uint8)
    return upper


def room_for(series: Series, thing: object) -> tuple[Array, bool]:
    """Make the array that `fill` fills, after the memory was checked; tell whether values must be scaled."""
    frames = [frame for row in series.frames for frame in row if frame is not None]
    scales = {(frame.slope, frame.intercept) for frame in frames}
    scaled = len(scales) > 1 and colours_of(series.kind) == 1
    channels = 3 if colours_of(series.kind) == 3 else len(series.frames)
    dtype = np.result_type(*{voxel_type(frame.kind) for frame in frames})  # some files signed, others not
    if colours_of(series.kind) == 3 or scaled:
        dtype = np.dtype(np.float32 if scaled else np.uint8)
    shape = (channels, series.slices, series.kind.rows, series.kind.columns)
    need_room(thing, int(np.prod(shape, dtype=object)) * dtype.itemsize)
    return np.zeros(shape, dtype), scaled
