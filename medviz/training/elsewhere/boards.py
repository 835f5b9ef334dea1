"""TensorBoard's event files, as Lightning, MONAI, Keras and others write them, record by record.

Only TensorBoard's description of a record is taken (its protocol buffers), not its loader: that sums up every byte in
Python and reads 1 MB a second, where this reads 40 MB, and may load all of TensorFlow. A record is 8 bytes of length, 4
of their check sum, the data, and 4 of its check sum (a damaged length would lead astray, so that one is checked).
"""

import io
import struct
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from medviz.figures import Curves, Figure, Line, Picture

LARGE, LARGEST = 1 << 16, 1 << 28
"""Records from the first size on (pictures) are read only if they are the last ones, from the second on never."""
LAST_LARGE = 32
MOST_PIXELS = 1 << 24
_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 4: "u1", 14: "<f2"}
"""Types of a tensor by their number in TensorFlow: what a scalar or histogram can be."""


@dataclass(frozen=True, slots=True)
class Point:
    """One number of a curve."""

    tag: str
    step: int
    value: float
    at_s: float


@dataclass
class Read:
    """What was read of a file at once: all numbers, and of each figure the last."""

    points: list[Point] = field(default_factory=list)
    figures: dict[str, tuple[int, Any]] = field(default_factory=dict)


class Board:
    """One event file, read as far as it goes; `at` is the byte after the last whole record."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 0
        self.damaged = False

    def grown(self) -> bool:
        """Tell whether there is more than was read."""
        try:
            return not self.damaged and self.path.stat().st_size > self.at
        except OSError:
            return False

    def read(self, most: int = 1 << 25) -> Read:
        """Read what is there, about `most` bytes at once; half a record waits for its rest. Raises OSError."""
        found = Read()
        large: deque[tuple[int, int]] = deque(maxlen=LAST_LARGE)
        with open(self.path, "rb") as file:
            end = min(file.seek(0, io.SEEK_END), self.at + most)
            size = file.seek(0, io.SEEK_END)
            while self.at < end and (length := self._length(file, size)) is not None:
                if length < LARGE:
                    _take(file.read(length), found)
                elif length < LARGEST:
                    large.append((self.at + 12, length))
                self.at += 16 + length
            for place, length in large:
                file.seek(place)
                _take(file.read(length), found)
        return found

    def _length(self, file: BinaryIO, size: int) -> int | None:
        """Length of the record at `at`; None where it is not whole yet, or damaged."""
        file.seek(self.at)
        head = file.read(12)
        if len(head) < 12:
            return None
        length, check = struct.unpack("<QI", head)
        if masked_crc32c(head[:8]) != check:
            self.damaged = True
            return None
        return int(length) if self.at + 16 + length <= size else None


def _take(data: bytes, found: Read) -> None:
    """Take the numbers and figures of one record."""
    try:
        event = Event.FromString(data)
    except DecodeError:
        return
    for value in event.summary.value:
        kind = value.WhichOneof("value")
        plugin = value.metadata.plugin_data.plugin_name
        if kind == "simple_value":
            found.points.append(Point(value.tag, event.step, value.simple_value, event.wall_time))
        elif kind in ("image", "histo"):
            found.figures[value.tag] = (event.step, value)
        elif kind == "tensor" and plugin in ("images", "histograms"):
            found.figures[value.tag] = (event.step, value)
        elif kind == "tensor" and (numbers := _numbers(value.tensor)).size == 1:
            found.points.append(Point(value.tag, event.step, float(numbers.reshape(-1)[0]), event.wall_time))


def _numbers(tensor: Any) -> NDArray[Any]:
    """Numbers of a TensorProto; empty where it holds something else."""
    if tensor.tensor_content and tensor.dtype in _TYPES:
        kind = np.dtype(_TYPES[tensor.dtype])
        whole = len(tensor.tensor_content) // kind.itemsize * kind.itemsize
        return np.frombuffer(tensor.tensor_content[:whole], kind)
    for held in (tensor.float_val, tensor.double_val, tensor.int_val, tensor.int64_val):
        if len(held):
            return np.array(held)
    return np.empty(0)


def figure_of(tag: str, value: Any) -> Figure | None:
    """Make the figure of a summary's value; None where it cannot be decoded."""
    kind = value.WhichOneof("value")
    if kind == "histo":
        limits, counts = np.array(value.histo.bucket_limit), np.array(value.histo.bucket)
        return _histogram(tag, limits[:-1], limits[1:], counts[1:]) if len(limits) == len(counts) > 1 else None
    if kind == "image":
        return _picture(tag, value.image.encoded_image_string)
    if value.metadata.plugin_data.plugin_name == "histograms":
        rows = _numbers(value.tensor)
        return _histogram(tag, *rows.reshape(-1, 3).T) if rows.size and rows.size % 3 == 0 else None
    coded = value.tensor.string_val  # width, height, then the pictures
    return _picture(tag, coded[2]) if len(coded) > 2 else None


def _picture(tag: str, coded: bytes) -> Picture | None:
    try:
        with Image.open(io.BytesIO(coded)) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            return Picture(tag, np.asarray(image.convert("RGB"), np.uint8), title=tag)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError, SyntaxError):
        return None


def _histogram(tag: str, low: NDArray[Any], high: NDArray[Any], counts: NDArray[Any]) -> Curves | None:
    middle = np.clip((low + high) / 2, -1e38, 1e38)
    kept = np.isfinite(middle) & np.isfinite(counts) & (np.abs(middle) < 1e37)
    if not kept.any():
        return None
    return Curves(tag, (Line(tag, middle[kept], counts[kept]),), f"histogram of {tag}", "value", "count")
