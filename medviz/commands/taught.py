"""Training and following on a terminal: lines for people or for programs, and an end that loses nothing."""

import contextlib
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from medviz.commands.command import Said, as_json, followed
from medviz.messages import Message, Note, Progress, Scalar, Work
from medviz.training.run import Tail, status

T = TypeVar("T")
AGAIN_S = 1.0
_UNSPOKEN = ("figure", "time")
"""Of a line of the log a program is not told the packed arrays of a figure; its file has them."""


@dataclass
class Wish:
    """Whether a person (or the system) wishes the work to end after the step it is in."""

    wished: bool = False
    wished_s: float = 0.0


@contextlib.contextmanager
def stoppable() -> Iterator[Wish]:
    """Turn Ctrl-C, and the system's wish that this process ends, into a wish: the step is finished and all is saved.

    A second Ctrl-C breaks the step off; what was saved before it stands. (At once after the first it is the same wish:
    a terminal tells torchrun and its processes, and torchrun tells them again.)
    """
    wish = Wish()

    def hear(number: int, frame: FrameType | None) -> None:
        if wish.wished:
            if number == signal.SIGINT and time.monotonic() - wish.wished_s >= AGAIN_S:
                raise KeyboardInterrupt
            return
        wish.wished, wish.wished_s = True, time.monotonic()
        print("\nstopping after this step; once more breaks it off", file=sys.stderr, flush=True)

    numbers = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, hear) for number in numbers}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def ignoring() -> Iterator[None]:
    """Leave it to another process to end this one: the leader of several hears the same signals."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stopping(work: Work[T], wish: Wish) -> Work[T]:
    """Pull work until it ends or a person wishes it to: then it is closed between two steps, which saves."""
    try:
        while True:
            if wish.wished:
                work.close()
                raise KeyboardInterrupt
            try:
                message = next(work)
            except StopIteration as end:
                made: T = end.value
                return made
            yield message
    finally:
        work.close()


def trained(work: Work[Path], folder: Path, as_lines: bool, quiet: bool) -> Said:
    """Train to the end; with `as_lines` print each line of the run's log as it is written, for programs."""
    start_s = time.monotonic()
    last: dict[str, float] = {}
    log = _Log(folder, as_lines)
    tell = _Validations(quiet or as_lines)

    def hear(message: Message) -> None:
        if isinstance(message, Scalar) and message.name.startswith("validation/"):
            last[message.name] = message.value
        tell.hear(message)
        log.print()

    try:
        with stoppable() as wish:
            followed(stopping(work, wish), quiet or as_lines, hear)
    finally:
        log.print()
        log.close()
    said = status(folder)
    seconds = time.monotonic() - start_s
    how = str(said.get("state", "ended"))
    end = {"message": "end", "best": said.get("best"), "best_step": said.get("best_step"), "how": how, "last": last,
           "seconds": seconds, "run": str(folder)}  # fmt: skip
    if as_lines:
        print(as_json(end, indent=None), flush=True)
        return Said()
    curves = "\n".join(f"  {name}: {value:.4f}" for name, value in last.items())
    done = "done" if how == "ended" else how
    return Said(end, f"{folder}: {done} in {seconds:.0f} s; at the last validation\n{curves}")


def attached(work: Work[Path], as_lines: bool, quiet: bool) -> Said:
    """Follow a run that goes elsewhere until it ends; Ctrl-C leaves it alone."""
    start_s, last = time.monotonic(), dict[str, float]()
    tell = _Validations(quiet or as_lines)

    def hear(message: Message) -> None:
        if isinstance(message, Scalar):
            last[message.name] = message.value
        tell.hear(message)
        if as_lines:
            print(as_json(spoken(message), indent=None), flush=True)

    folder = followed(work, quiet or as_lines, hear)
    said = status(folder) if folder.is_dir() else {}
    seconds = time.monotonic() - start_s
    end = {"message": "end", "best": said.get("best"), "last": last, "seconds": seconds, "run": str(folder)}
    if as_lines:
        print(as_json(end, indent=None), flush=True)
        return Said()
    curves = "\n".join(f"  {name}: {value:.4g}" for name, value in last.items())
    return Said(end, f"{folder}: {said.get('state', 'over')}; the last of each curve\n{curves}")


def spoken(message: Message) -> dict[str, Any]:
    """Describe a message in plain values."""
    if isinstance(message, Scalar):
        return {"message": "scalar", "name": message.name, "step": message.step, "value": message.value}
    if isinstance(message, Progress):
        plain = {"done": message.done, "total": message.total, "what": message.what, "left_s": message.left_s}
        return {"message": "progress", **plain}
    if isinstance(message, Note):
        return {"message": "note", "text": message.text, "level": message.level, "remedy": message.remedy}
    return {"message": "figure", "name": message.name, "kind": type(message).__name__}


class _Log:
    """Prints the lines that a run appends to its log, from where the log ends now."""

    def __init__(self, folder: Path, wanted: bool) -> None:
        self.path, self.wanted = folder / "events.jsonl", wanted
        self._skip = self.path.stat().st_size if self.path.exists() else 0
        self._tail: Tail | None = None
        self._held = contextlib.ExitStack()

    def print(self) -> None:
        if not self.wanted or (self._tail is None and not self._opened()):
            return
        assert self._tail is not None
        for line in self._tail.lines():
            if line["message"] != "end":  # the last line tells more
                kept = {name: value for name, value in line.items() if name not in _UNSPOKEN}
                print(as_json(kept, indent=None), flush=True)

    def close(self) -> None:
        self._held.close()

    def _opened(self) -> bool:
        if not self.path.exists():
            return False
        file = self._held.enter_context(open(self.path, "rb"))
        file.seek(self._skip)
        self._tail = Tail(file)
        return True


class _Validations:
    """Says on a terminal what each validation measured, in one line."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._step = -1
        self._values: dict[str, float] = {}

    def hear(self, message: Message) -> None:
        if self.quiet or not isinstance(message, Scalar):
            return
        found = re.fullmatch(r"validation/([^/]+(?:/mean)?)", message.name)
        if message.name == "train/epoch" and self._values:
            values = " · ".join(f"{name} {value:.4g}" for name, value in self._values.items())
            start = "\r\033[K" if sys.stderr.isatty() else ""
            print(f"{start}epoch {message.value:.0f}, step {message.step}: {values}", file=sys.stderr, flush=True)
            self._values = {}
        elif found:
            self._values[found[1]] = message.value
