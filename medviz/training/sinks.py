"""TensorBoard's event file as a second ear: it gets the same messages, and nothing is ever read back from it."""

import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from medviz.figures import Gallery, Heatmap, Picture
from medviz.messages import Message, Scalar
from medviz.training.events import png
from medviz.training.looking import EDGES


class TensorBoard:
    """Writes scalars and pictures into an event file of its own in `folder`, without a thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.medviz.{os.getpid()}.{time.monotonic_ns()}"
        self._file = open(folder / name, "ab")
        self._writer = RecordWriter(self._file)
        self._put(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def hear(self, message: Message, step: int) -> None:
        """Write a message down where TensorBoard has a form for it. Raises OSError."""
        if isinstance(message, Scalar):
            value = Summary.Value(tag=message.name, simple_value=message.value)
            self._put(Event(wall_time=time.time(), step=message.step, summary=Summary(value=[value])))
        elif isinstance(message, Picture):
            self._draw(message.title or message.name, message, step)
        elif isinstance(message, Gallery):
            self._draw(message.title or message.name, tiled(message), step)
        elif isinstance(message, Heatmap) and message.name.startswith("histogram/"):
            kind = message.name.partition("/")[2]
            for layer, shares in zip(message.row_names, message.values, strict=True):
                value = Summary.Value(tag=f"{kind}/{layer}", histo=_histogram(shares))
                self._put(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))

    def _draw(self, tag: str, picture: Picture, step: int) -> None:
        rows, columns = picture.pixels.shape[:2]
        image = Summary.Image(height=rows, width=columns, colorspace=3, encoded_image_string=png(picture))
        value = Summary.Value(tag=tag, image=image)
        self._put(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _put(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())


def tiled(gallery: Gallery) -> Picture:
    """Lay the tiles of a gallery side by side in one picture; each has its own scale unless they share one."""
    tiles = np.nan_to_num(np.asarray(gallery.tiles, np.float32))
    if gallery.tiles.dtype == np.uint8 and tiles.ndim == 4:
        tiles /= 255
    across = gallery.columns or math.ceil(math.sqrt(len(tiles)))
    low, high = tiles.min(axis=(1, 2), keepdims=True), tiles.max(axis=(1, 2), keepdims=True)
    if gallery.levels is not None:
        low[:], high[:] = gallery.levels
    elif tiles.ndim == 4:  # in colour: as it is
        low[:], high[:] = 0.0, 1.0
    elif gallery.shared_scale:
        low[:], high[:] = tiles.min(), tiles.max()
    grey = ((tiles - low) / np.maximum(high - low, 1e-12)).clip(0, 1)
    rows, cols = grey.shape[1:3]
    down = -(-len(grey) // across)
    pixels = np.zeros((down * rows, across * cols, *grey.shape[3:]), np.float32)
    for number, tile in enumerate(grey):
        top, left = number // across * rows, number % across * cols
        pixels[top : top + rows, left : left + cols] = tile
    return Picture(gallery.name, pixels, gallery.title, levels=(0.0, 1.0))


def _histogram(shares: NDArray[Any]) -> HistogramProto:
    """Shares of values over the bins of `looking` as TensorBoard counts them."""
    limits = [*EDGES.tolist(), EDGES[-1] * 10]
    middles = np.array([EDGES[0] * 3, *((EDGES[1:] + EDGES[:-1]) / 2), EDGES[-1] * 3])
    there = np.flatnonzero(shares)
    low, high = (float(middles[there[0]]), float(middles[there[-1]])) if there.size else (0.0, 0.0)
    total, squares = float((shares * middles).sum()), float((shares * middles**2).sum())
    return HistogramProto(
        min=low, max=high, num=float(shares.sum()), sum=total, sum_squares=squares, bucket_limit=limits,
        bucket=shares.tolist(),
    )  # fmt: skip
