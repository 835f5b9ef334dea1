"""What all commands share: a parser that answers in one sentence, what a command says, progress on stderr."""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np

from medviz.messages import Message, Note, Progress, Work, finished
from medviz.refused import Refused

T = TypeVar("T")


@dataclass(frozen=True)
class Said:
    """What a command answers: one JSON document for programs, a text for people; `code` is the exit code."""

    document: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    code: int = 0


@dataclass(frozen=True)
class Command:
    """A subcommand. `example` is the worked example that ends its help."""

    name: str
    summary: str
    example: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Said]

    def parser(self) -> argparse.ArgumentParser:
        """Make the parser of this command."""
        parser = OneSentence(
            prog=f"medviz {self.name}",
            description=self.summary,
            epilog=f"example:\n  {self.example}\n\nFor research and teaching, not for diagnosis.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.arguments(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
        return parser


class OneSentence(argparse.ArgumentParser):
    """Refuses bad arguments in one sentence, with exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Print the fault and how to get help."""
        self.exit(2, f"{self.prog}: {message}; see '{self.prog} --help'.\n")


def existing(path: str) -> Path:
    """Return the path of something that is there, or refuse it."""
    found = Path(path).expanduser()
    if not found.exists():
        raise Refused(path, "there is no such file or folder", "check the path")
    return found


def point(text: str) -> tuple[float, float, float]:
    """Read "x,y,z" in RAS mm."""
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError as problem:
        raise Refused(
            f"--at {text}", "it is not a point", "write three numbers in RAS mm, as in --at=-12,4.5,31"
        ) from problem
    if not all(map(math.isfinite, (x, y, z))):
        raise Refused(f"--at {text}", "a coordinate is not finite", "write three numbers in RAS mm")
    return x, y, z


def assignment(text: str) -> tuple[str, str]:
    """Split "field=value"."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Refused(f"--set {text}", "it is not field=value", "write for example --set epochs=5")
    return name, value


def followed(work: Work[T], quiet: bool = False, hear: Callable[[Message], object] = lambda message: None) -> T:
    """Run work to its end with its progress and notes on stderr; what it made is returned."""
    line = _Line(quiet)

    def listen(message: Message) -> None:
        line.show(message)
        hear(message)

    try:
        return finished(work, listen)
    finally:
        work.close()
        line.end()


class _Line:
    """One line on stderr that is written over: on a terminal five times a second, elsewhere every ten seconds."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.terminal = sys.stderr.isatty()
        self.due_s = 0.0 if self.terminal else time.monotonic() + 10.0
        self.open = False

    def show(self, message: Message) -> None:
        if self.quiet:
            return
        if isinstance(message, Note):
            self.end()
            remedy = f" ({message.remedy})" if message.remedy else ""
            print(f"{message.level}: {message.text}{remedy}", file=sys.stderr)
        elif isinstance(message, Progress) and time.monotonic() >= self.due_s:
            self.due_s = time.monotonic() + (0.2 if self.terminal else 10.0)
            start, stop = ("\r", "\033[K") if self.terminal else ("", "\n")
            print(f"{start}{in_words(message)}", end=stop, file=sys.stderr, flush=True)
            self.open = self.terminal

    def end(self) -> None:
        if self.open:
            print(file=sys.stderr)
        self.open = False


def in_words(progress: Progress) -> str:
    """Return "loading 62 % 0:41 left"."""
    share = f"{100 * progress.done / progress.total:3.0f} %" if progress.total else f"{progress.done:g}"
    if progress.left_s is None:
        return f"{progress.what} {share}".strip()
    minutes, seconds = divmod(max(0, round(progress.left_s)), 60)
    return f"{progress.what} {share} {minutes}:{seconds:02d} left".strip()


def as_json(document: Any, indent: int | None = 2) -> str:
    """Write a document as JSON; arrays become lists, NaN and infinity become null."""
    return json.dumps(_jsonable(document), indent=indent, ensure_ascii=False)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _jsonable(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_jsonable(inner) for inner in value]
    if isinstance(value, np.generic):
        return _jsonable(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...]) -> str:
    """Lay out rows in columns; columns whose cells are numbers are right-aligned."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    right = [bool(rows) and all(row[c][:1].isdigit() or row[c][:1] in "-–" for row in rows) for c in range(len(head))]

    def line(row: tuple[str, ...]) -> str:
        cells = (cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True))
        return "  ".join(cells).rstrip()

    return "\n".join(line(row) for row in [head, *rows])
