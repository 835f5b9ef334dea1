"""Where a run is, as a person writes it: a path here, or host and path. Nothing here imports torch."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from medviz.refused import Refused

ELSEWHERE = ".elsewhere"
"""Below the folder of runs: mirrors of runs on other machines."""


@dataclass(frozen=True)
class Elsewhere:
    """A folder on another machine: `path` may begin with "~/"; a relative one begins at home."""

    host: str
    path: str
    port: int | None = None

    @property
    def name(self) -> str:
        """Name of its mirror: the run's and the host's, told apart by a sum of the whole."""
        digest = hashlib.sha256(f"{self.host}:{self.port}:{self.path}".encode()).hexdigest()[:8]
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{Path(self.path).name}@{self.host.rpartition('@')[2]}")
        return f"{plain}-{digest}"


def elsewhere(where: str) -> Elsewhere | None:
    """Read "ssh://user@host:22/path", or "host:path" as scp has it; None for a path on this machine."""
    if where.startswith("ssh:/"):  # a Path keeps one of the slashes
        found = re.fullmatch(r"ssh:/{1,2}([^/:\s]+)(?::(\d{1,5}))?(/.*)", where)
        if found is None or found[3] == "/":
            raise Refused(where, "it names no folder on a machine", "write ssh://user@host/path/of/the/run")
        path = found[3][1:] if found[3].startswith("/~/") else found[3]
        return Elsewhere(found[1], path, int(found[2]) if found[2] else None)
    found = re.fullmatch(r"([A-Za-z0-9_.-]+(?:@[A-Za-z0-9_.-]+)?):([^\\].*)", where)
    drive = found is not None and len(found[1]) == 1
    if found is None or drive or "/" in found[1] or Path(where).exists():
        return None
    return Elsewhere(found[1], found[2])


def place_of(where: str, runs: Path) -> Path:
    """Return the folder here by which a followed run is known: its own, or its mirror below `runs`."""
    there = elsewhere(where)
    return runs / ELSEWHERE / there.name if there else Path(where).expanduser()
