"""One training on disk: its recipe, what it said, its weights, and where all that came from.

A run's folder holds ``task.toml`` (the recipe), ``model.json`` (how to run the network), ``layers.json`` (what may be
looked into), ``data.json`` (fingerprint of the data), ``split.json`` (its cases on both sides, as hashes),
``environment.json``, ``events.jsonl`` (every message; the source), ``status.json`` (heartbeat), ``control.json`` (what
others told it), ``checkpoints/`` (last, prev, best), ``media/``, ``story/``, ``tensorboard/``, and at its end
``results.json`` and ``results.csv`` (a row a case, by number) and ``MODEL_CARD.md``. No name of a case is in any of it.
"""

import contextlib
import json
import os
import time
import tomllib
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout
from torch import Tensor

from medviz.messages import Message, Note, Work
from medviz.parameters import built, plain
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.events import Line, line_of, parsed, text_of
from medviz.training.heard import Heard, without_repeats
from medviz.training.orders import GOING
from medviz.training.sinks import TensorBoard
from medviz.training.task import Task

FLUSH_S = 0.5
"""So much of what was said a power cut may take (a resumed run says it again)."""
BEAT_S = 1.0
QUIET_S = 30.0
"""After so long without a heartbeat a run that says it trains is taken for dead."""


class Run:
    """The folder of a run while it is written. Only one process at a time may hold it (`held`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.media = folder / "media"
        self.best = folder / "checkpoints" / "best.safetensors"
        self.last = folder / "checkpoints" / "last.safetensors"
        self.prev = folder / "checkpoints" / "prev.safetensors"
        self._unsaid: deque[tuple[Message | Line, int, float]] = deque()
        self._board: TensorBoard | None = None
        self._flushed_s = self._beaten_s = 0.0

    @contextlib.contextmanager
    def held(self) -> Iterator["Run"]:
        """Make the folder and hold it; refuses one that another process trains in."""
        try:
            for folder in (self.last.parent, self.media):
                folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", thread_local=False)
            lock.acquire(timeout=0)
        except Timeout as problem:
            raise Refused(self.folder, "another process is training in it", "stop that one first") from problem
        except OSError as problem:
            raise Refused(self.folder, _in_words(problem), "choose a folder you may write to") from problem
        try:
            self._board = TensorBoard(self.folder / "tensorboard")
            yield self
        finally:
            if self._board is not None:
                with contextlib.suppress(OSError):
                    self._board.close()
            lock.release()

    def there(self) -> bool:
        """Tell whether a run was begun in the folder."""
        return (self.folder / "task.toml").exists()

    def describe(self, name: str, content: Mapping[str, Any] | str) -> None:
        """Write a small file of the run: a text as it is, values as JSON. Raises OSError."""
        text = content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        checkpoints.put(self.folder / name, text.encode())

    def hear(self, message: Message | Line, step: int) -> None:
        """Take note of a message; it reaches the disk with the next `flush`. Never fails."""
        self._unsaid.append((message, step, time.time()))

    def flush(self, now: bool = False) -> None:
        """Append what was heard to events.jsonl, every half second or `now`. Raises OSError; nothing is lost then."""
        if not self._unsaid or not (now or time.monotonic() - self._flushed_s > FLUSH_S):
            return
        texts = []
        for message, step, at_s in self._unsaid:
            line = message if isinstance(message, dict) else line_of(message, self.media, step)
            texts.append(text_of({**line, "time": round(at_s, 3)}))
        self._append("".join(texts).encode())
        heard, self._unsaid = self._unsaid, deque()
        self._flushed_s = time.monotonic()
        if self._board is not None:
            for message, step, _ in heard:
                if not isinstance(message, dict):
                    self._board.hear(message, step)
            self._board.flush()

    def _append(self, data: bytes) -> None:
        """Append whole lines or nothing (a disk that fills up halfway would leave half a line)."""
        path = self.folder / "events.jsonl"
        with open(path, "ab") as file:
            size = file.tell()
            try:
                file.write(data)
                file.flush()
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(size)
                raise

    def beat(self, now: bool = False, **fields: Any) -> None:
        """Renew the heartbeat, once a second or `now`. Raises OSError."""
        if now or time.monotonic() - self._beaten_s > BEAT_S:
            status = {**fields, "time": round(time.time(), 3), "process": os.getpid()}
            checkpoints.put(self.folder / "status.json", json.dumps(status).encode(), durable=False)
            self._beaten_s = time.monotonic()

    def mend(self) -> None:
        """End a line that a crash left half written, so that the next one stands alone."""
        path = self.folder / "events.jsonl"
        if not path.exists() or path.stat().st_size == 0:
            return
        with open(path, "rb+") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")

    def newest(self) -> tuple[dict[str, Any] | None, list[Note]]:
        """Return the newest sound checkpoint, and a note for each damaged one; None where there is none yet."""
        notes: list[Note] = []
        for path in (self.last, self.prev):
            if path.exists():
                try:
                    return checkpoints.read(path), notes
                except Refused as refusal:
                    notes.append(Note(f"{path.name} {refusal.fault}", "warning", "The one before it is taken"))
        if notes:
            raise Refused(self.folder, "no checkpoint of the run can be read", "start a new run")
        return None, notes


def recipe(task: Task) -> str:
    """Write a task as TOML that `load_task` and ``medviz train --recipe`` read back into an equal task."""
    values = plain(task)
    top = [f"{name} = {_toml(value)}" for name, value in values.items() if not isinstance(value, dict)]
    parts = [
        "\n".join(["", f"[{name}]", *(f"{inner} = {_toml(value)}" for inner, value in part.items())])
        for name, part in values.items()
        if isinstance(part, dict)
    ]
    head = "# A recipe of medviz: `medviz train --recipe FILE --out FOLDER` trains the same again."
    return "\n".join([head, f'task = "{task.NAME}"', *top, *parts]) + "\n"


def load_task(folder: Path, tasks: Mapping[str, type[Task]]) -> Task:
    """Read the task of a run (its folder or its TOML file); `tasks` is the catalog."""
    path = folder / "task.toml" if folder.is_dir() else folder
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise Refused(folder, "there is no task.toml in it", "give the folder of a run") from problem
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise Refused(path, f"it is not a recipe ({problem})", "write TOML: one 'field = value' a line") from problem
    name = values.pop("task", None)
    if name is None:
        raise Refused(path, "it names no task", 'add a line such as task = "segmentation"')
    return built(tasks[name], values)


def weights(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the best weights of a run (the last ones before the first validation) and how to run the network."""
    run = Run(folder)
    if run.best.exists():
        return checkpoints.read_weights(run.best)
    state, _ = run.newest()
    if state is None:
        raise Refused(folder, "there are no weights in it yet", "wait for the first checkpoint")
    learner = state["learner"]
    try:
        about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise Refused(folder, f"model.json cannot be read ({problem})", "give the folder of a run") from problem
    return learner["mean"] or learner["network"], about


def runs(folder: Path) -> tuple[Path, ...]:
    """Return the runs in a folder, the newest first."""
    found = [path.parent for path in folder.glob("*/task.toml")] if folder.is_dir() else []
    return tuple(sorted(found, key=lambda path: (path / "task.toml").stat().st_mtime, reverse=True))


def status(folder: Path) -> dict[str, Any]:
    """Return the heartbeat of a run: "state", "step", "total", "best" ...; "lost" where it stopped without a word."""
    try:
        said: dict[str, Any] = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"state": "unknown"}
    if said.get("state") in GOING and time.time() - said.get("time", 0) > QUIET_S:
        said["state"] = "lost"
    return said


def attach(folder: Path, poll_s: float = 0.2) -> Work[Path]:
    """Follow a run that is elsewhere: yield what it said and says, as if it were trained here.

    Ends when the run ends. While the run says nothing, the last Progress comes again. Closing it leaves the run alone.
    """
    path = folder / "events.jsonl"
    if not path.is_file():
        raise Refused(folder, "there is no run in it (no events.jsonl)", "give the folder of a run")
    heard, warned = Heard(folder), False
    with open(path, "rb") as file:
        tail = Tail(file)
        lines = without_repeats(tail.lines())
        while lines or not heard.ended:
            yield from heard.told(lines)
            if not lines:
                if status(folder)["state"] == "lost" and not warned:
                    warned = True
                    yield Note("The run has been silent for half a minute", "warning", "Resume it if its process died")
                yield heard.still
                time.sleep(poll_s)
            lines = tail.lines()
    return folder


class Tail:
    """Reads whole lines off the end of a growing file; half a line waits for its rest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rest = b""

    def lines(self) -> list[Line]:
        """Return what has been added since the last time; damaged lines are left out."""
        *whole, self._rest = (self._rest + self._file.read()).split(b"\n")
        found = (parsed(text.decode(errors="replace")) for text in whole)
        return [line for line in found if line is not None and "message" in line]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(inner) for inner in value)}]"
    return repr(value)


def _in_words(problem: OSError) -> str:
    return f"it cannot be written to ({problem.strerror or problem})"
