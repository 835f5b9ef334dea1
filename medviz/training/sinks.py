"""TensorBoard's event file as a second ear: it gets the same messages, and nothing is ever read back from it."""

import os
import time
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from medviz.figures import Picture
from medviz.messages import Message, Scalar
from medviz.training.events import png


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
            rows, columns = message.pixels.shape[:2]
            image = Summary.Image(height=rows, width=columns, colorspace=3, encoded_image_string=png(message))
            value = Summary.Value(tag=message.title or message.name, image=image)
            self._put(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _put(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())
