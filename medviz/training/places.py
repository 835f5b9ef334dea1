"""Where a run can be followed: a folder here, a folder on another machine, another program's logs. One word: attach."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.foreign import holds_boards, watch_tensorboard
from medviz.training.nnunet_log import logs_in, watch_nnunet
from medviz.training.remote import followed_from
from medviz.training.run import attach
from medviz.training.transport import SshTransport

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
    if where.startswith("ssh://"):
        found = re.fullmatch(r"ssh://([^/:\s]+)(?::(\d{1,5}))?(/.*)", where)
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


def attach_to(where: str, runs: Path) -> Work[Path]:
    """Follow a run wherever it is: yields what it said and says, returns its folder here (see `place_of`).

    `where` is the folder of a run, "ssh://host/path" or "host:path", a TensorBoard file or a folder with such files in
    it or below (Lightning, MONAI, Keras), or the folder of a fold of nnU-Net. Closing it leaves the run alone.
    """
    yield Progress(0, 0, "looking for the run")
    there = elsewhere(where)
    folder = place_of(where, runs)
    if there is not None:
        return (yield from followed_from(SshTransport(there.host, there.path, there.port), folder))
    if not folder.exists():
        raise Refused(where, "there is no such file or folder", "check the path; of another machine: host:path")
    if (folder / "events.jsonl").is_file():
        return (yield from attach(folder))
    if logs_in(folder):
        return (yield from watch_nnunet(folder))
    if holds_boards(folder):
        return (yield from watch_tensorboard(folder))
    raise Refused(where, "there is no run in it", "give the folder of a run, or of TensorBoard's files")
