"""Any part of a file's content, gzipped or not, without what lies behind it: one frame of a long series."""

import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.readers.reader import BLOCK
from medviz.imaging.readers.streams import MAGIC, in_plain, is_gzipped
from medviz.imaging.storage import in_words, opening
from medviz.messages import Progress, Work
from medviz.refused import Refused

_PACKED_BLOCK = 1 << 17
_WITH_HEADER = 31
_LEAST_APART = 8 << 20
"""Bytes of content between two marks; a mark takes some 40 kB."""


@dataclass(frozen=True, eq=False)
class _Mark:
    """Where decoding can be taken up: so many bytes of content and of the file lie behind, and the state is this."""

    content: int
    packed: int
    state: Any


class Seeking:
    """Reads from anywhere in a file. What was once decoded leaves marks, so that it is quick to come back to.

    zlib's state can be copied, isal's cannot. Safe to use from several threads, one at a time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._gzipped = is_gzipped(path)
        self._marks = [_Mark(0, 0, zlib.decompressobj(wbits=_WITH_HEADER))]
        self._lock = threading.Lock()

    def filled(self, buffer: NDArray[np.uint8], start: int) -> Work[None]:
        """Fill a buffer with the content from byte `start` on; Progress in bytes. Refuses what is cut or damaged."""
        with opening(self.path), self.path.open("rb") as file:
            try:
                yield from self._packed(file, buffer, start) if self._gzipped else self._plain(file, buffer, start)
            except zlib.error as problem:
                raise Refused(
                    self.path, f"its compressed data are damaged ({in_plain(problem)})", "copy it again"
                ) from problem

    def _plain(self, file: BinaryIO, buffer: NDArray[np.uint8], start: int) -> Work[None]:
        file.seek(start)
        done = 0
        while done < len(buffer):
            block = file.read(min(BLOCK, len(buffer) - done))
            if not block:
                raise self._short(done, len(buffer))
            buffer[done : done + len(block)] = np.frombuffer(block, np.uint8)
            done += len(block)
            yield Progress(done, len(buffer), "reading a frame")

    def _packed(self, file: BinaryIO, buffer: NDArray[np.uint8], start: int) -> Work[None]:
        with self._lock:
            mark = max((one for one in self._marks if one.content <= start), key=lambda one: one.content)
        state, at, end = mark.state.copy(), mark.content, start + len(buffer)
        file.seek(mark.packed)
        waiting = b""
        while at < end:
            waiting = waiting or file.read(_PACKED_BLOCK)
            block = state.decompress(waiting, min(BLOCK, (start if at < start else end) - at))
            waiting = state.unconsumed_tail
            self._put(buffer, block, at - start)
            at += len(block)
            if state.eof:
                waiting = state.unused_data or file.read(_PACKED_BLOCK)
                if not waiting.startswith(MAGIC):
                    break
                state = zlib.decompressobj(wbits=_WITH_HEADER)
            elif not block and not waiting and not (waiting := file.read(_PACKED_BLOCK)):
                break
            else:
                self._remember(at, file.tell() - len(waiting), state)
            yield Progress(max(0, at - mark.content), end - mark.content, "reading a frame")
        if at < end:
            raise self._short(max(0, at - start), len(buffer))

    @staticmethod
    def _put(buffer: NDArray[np.uint8], block: bytes, place: int) -> None:
        skipped = max(0, -place)
        kept = block[skipped:]
        if kept:
            first = place + skipped
            buffer[first : first + len(kept)] = np.frombuffer(kept, np.uint8)

    def _remember(self, content: int, packed: int, state: Any) -> None:
        with self._lock:
            if content - self._marks[-1].content >= _LEAST_APART:
                self._marks.append(_Mark(content, packed, state.copy()))

    def _short(self, done: int, total: int) -> Refused:
        fault = f"the file is cut short: {in_words(done)} of {in_words(total)} of this frame could be read"
        return Refused(self.path, fault, "copy it again")
