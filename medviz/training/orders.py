"""What a run is told while it goes: from the process it goes in, and from any other through its ``control.json``.

The file holds the last orders, numbered. It is written whole (a temporary name, then renamed) and looked at twice a
second at most, so that it may lie on a slow disk. ``status.json`` tells the number of the last order that was answered.
Nothing here imports torch: a window gives an order in no time.
"""

import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from medviz.imaging.storage import opening, replacing
from medviz.refused import Refused

CONTROL = "control.json"
LOOK_EVERY_S = 0.5
KEPT = 100
"""Orders that the file keeps; older ones were answered long ago."""
QUIET_S = 30.0
"""After so long without a heartbeat a run that says it goes is taken for dead."""
GOING = ("training", "paused")


@dataclass(frozen=True)
class Order:
    """One thing a run is told: "save", "preview", "pause", "resume", "stop", or a name with the value it is to get."""

    name: str
    value: Any = None
    number: int = 0


class Orders:
    """What a run was told and has not answered yet. `put` may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CONTROL
        self._here: deque[Order] = deque()
        self._looked_s = 0.0
        self._seen: tuple[int, int, int] | None = None
        self.answered = max((one.number for one in self._listed()), default=0)  # what was told to an earlier session

    def put(self, name: str, value: Any = None) -> None:
        """Tell the run something; it answers within one step."""
        self._here.append(Order(name, value))

    def taken(self) -> list[Order]:
        """Take what has come: at once what was put here, twice a second what the file says."""
        found = [self._here.popleft() for _ in range(len(self._here))]
        if time.monotonic() - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = time.monotonic()
            found += [one for one in self._fresh() if one.number > self.answered]
            self.answered = max((self.answered, *(one.number for one in found)))
        return found

    def _fresh(self) -> list[Order]:
        try:
            about = self._path.stat()
        except OSError:
            return []
        seen = (about.st_mtime_ns, about.st_size, about.st_ino)
        if seen == self._seen:
            return []
        self._seen = seen
        return self._listed()

    def _listed(self) -> list[Order]:
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return _orders(said)


def order(folder: Path, name: str, value: Any = None) -> int:
    """Tell a run that goes in another process something; returns the number that ``status.json`` will show.

    Refuses a folder in which no run goes: nobody would answer.
    """
    state, quiet_s = _heartbeat(folder)
    if state not in GOING or quiet_s > QUIET_S:
        fault = "it gave no sign of life for half a minute" if state in GOING else f"no run goes in it ({state})"
        raise Refused(folder, fault, "resume it, then say it again")
    try:
        with FileLock(folder / ".control.lock", timeout=5), opening(folder):
            before = Orders(folder)
            number = before.answered + 1
            told = [*before._listed(), Order(name, value, number)][-KEPT:]
            lines = {"orders": [{"number": one.number, "name": one.name, "value": one.value} for one in told]}
            with replacing(folder / CONTROL) as file:
                file.write((json.dumps(lines, indent=1) + "\n").encode())
    except (Timeout, OSError) as problem:
        raise Refused(
            folder, f"it cannot be told anything ({problem})", "check whether you may write there"
        ) from problem
    return number


def layers(folder: Path) -> tuple[str, ...]:
    """Name the layers of a run's network whose feature maps may be asked for; empty where that is not known yet."""
    try:
        said = json.loads((folder / "layers.json").read_text(encoding="utf-8"))
        return tuple(str(name) for name in said["layers"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _orders(said: Any) -> list[Order]:
    """Read the orders of a control.json; what is none is left out."""
    listed = said.get("orders", []) if isinstance(said, Mapping) else []
    found = []
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, Mapping) and isinstance(one.get("name"), str) and isinstance(one.get("number"), int):
            found.append(Order(one["name"], one.get("value"), one["number"]))
    return found


def _heartbeat(folder: Path) -> tuple[str, float]:
    """State of a run, and the seconds since its last sign of life."""
    try:
        said = json.loads((folder / "status.json").read_text(encoding="utf-8"))
        return str(said.get("state", "unknown")), time.time() - float(said.get("time", 0.0))
    except (OSError, ValueError, TypeError, AttributeError):
        return "unknown", 0.0
