"""Following a run on another machine: its log is mirrored here as it grows, and told from the mirror.

The mirror is a folder like that of any run, so that the list of runs, the model card and whatever else reads a run's
folder works on it. Of the figures that were drawn before anyone looked, only the last of each name is fetched.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from medviz.imaging.storage import replacing
from medviz.messages import Note, Progress, Work
from medviz.refused import Refused
from medviz.training.elsewhere.transport import Broken, Stream, Transport
from medviz.training.events import Line, parsed
from medviz.training.heard import Heard, without_repeats
from medviz.training.orders import CONTROL

POLL_S, STATUS_S, QUIET_S = 0.2, 4.0, 40.0
"""Between two looks at what came; at the heartbeat while the run says nothing; until a run is called silent."""
SETTLE_S, GAP_S = 3.0, 0.6
"""What was said before anyone looked is there: after so long without a word at all, or since the last one."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
"""Before a broken connection is tried again: doubled each time, up to the latter."""
LOG, STATUS, ORIGIN = "events.jsonl", "status.json", "origin.json"
ABOUT = ("task.toml", "model.json", "data.json", "environment.json", "layers.json", STATUS, CONTROL)
AFTER = ("MODEL_CARD.md", "results.json", "results.csv", STATUS)


def followed_from(transport: Transport, mirror: Path) -> Work[Path]:
    """Follow a run through a transport; yields what it said and says, returns the mirror.

    A connection that breaks is made again; orders that are put into the mirror's control.json are carried over.
    Refuses an unknown host, one that asks for a password, a folder without a run.
    """
    try:
        yield Progress(0, 0, f"reaching {transport.words}")
        _first_look(transport, mirror)
        yield from Following(transport, mirror).all()
    finally:
        transport.close()
    return mirror


def _first_look(transport: Transport, mirror: Path) -> None:
    """Fetch what describes the run; an unreachable machine is refused here, later only waited for."""
    try:
        found = transport.fetch(ABOUT)
    except Broken as problem:
        raise Refused(transport.words, f"it cannot be reached ({problem})", "check the network and try again") from None
    if "task.toml" not in found:
        raise Refused(transport.words, "there is no run in it", "give the folder of a run")
    (mirror / "media").mkdir(parents=True, exist_ok=True)
    known = mirror / "task.toml"
    if known.exists() and known.read_bytes() != found["task.toml"]:
        for stale in (LOG, STATUS, CONTROL):  # another run stands there now
            (mirror / stale).unlink(missing_ok=True)
    origin = json.dumps({"where": transport.words}) + "\n"
    for name, data in {**found, ORIGIN: origin.encode()}.items():
        _keep(mirror / name, data)


class Following:
    """One run that is followed: its mirror, the stream of its log, and when it last gave a sign of life."""

    def __init__(self, transport: Transport, mirror: Path) -> None:
        self.transport, self.mirror = transport, mirror
        self.heard = Heard(mirror)
        self.log = mirror / LOG
        self._rest = b""
        self._heartbeat = b""
        self._orders = self._written()
        self._alive_s = self._asked_s = time.monotonic()
        self._silent = False

    def all(self) -> Work[None]:
        """Tell what is in the mirror, then what comes, until the run ends."""
        self.log.touch()
        yield from self._told(without_repeats(self._lines(self.log.read_bytes())), last_only=True)
        wait_s, broken = FIRST_WAIT_S, False
        while True:
            stream = self.transport.tail(LOG, self.log.stat().st_size)
            try:
                for lines, settled in self._come(stream):
                    if lines and broken:
                        broken, wait_s = False, FIRST_WAIT_S
                        yield Note(f"{self.transport.words} is reached again")
                    yield from self._told(lines, last_only=not settled)
                    yield from self._signs()
                    if self.heard.ended and settled and not lines:
                        self._ask(AFTER)
                        return
            except (Broken, Refused) as problem:
                if not broken:
                    yield _broke(self.transport.words, problem)
                broken = True
            finally:
                stream.close()
            yield from self._waited(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _come(self, stream: Stream) -> Iterator[tuple[list[Line], bool]]:
        """Yield the lines that came, again and again, and whether all that was there at first is told.

        What is there at first comes in many pieces; it is told in one, so that of its figures the last are known.
        """
        pending: list[Line] = []
        settled, due_s = False, time.monotonic() + SETTLE_S
        while True:
            data = stream.read()
            if data:
                with open(self.log, "ab") as file:
                    file.write(data)
                self._alive_s, self._silent = time.monotonic(), False
                due_s = self._alive_s + GAP_S
                pending += self._lines(data)
            else:
                time.sleep(POLL_S)
            if settled:
                yield pending, True
                pending = []
            elif not data and time.monotonic() > due_s:
                yield without_repeats(pending), False
                pending, settled = [], True
            else:
                yield [], False

    def _told(self, lines: Sequence[Line], last_only: bool) -> Work[None]:
        self._fetch_figures(lines, last_only)
        there = [line for line in lines if not _is_figure(line) or (self.mirror / _media(line)).exists()]
        yield from self.heard.told(there)

    def _lines(self, data: bytes) -> list[Line]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        found = (parsed(text.decode(errors="replace")) for text in whole)
        return [line for line in found if line is not None and "message" in line]

    def _fetch_figures(self, lines: Sequence[Line], last_only: bool) -> None:
        """Fetch the arrays of figures that are to be told and are not here."""
        named = {str(line["name"]) if last_only else _media(line): _media(line) for line in lines if _is_figure(line)}
        missing = [name for name in named.values() if not (self.mirror / name).exists()]
        for some in (missing[at : at + 32] for at in range(0, len(missing), 32)):
            for name, data in self.transport.fetch(some).items():
                _keep(self.mirror / "media" / Path(name).name, data)

    def _signs(self) -> Work[None]:
        """Carry orders over, look at the heartbeat now and then, and say that it goes on."""
        self._carry()
        now_s = time.monotonic()
        if now_s - max(self._asked_s, self._alive_s) > STATUS_S:
            self._ask((STATUS, CONTROL))
        if now_s - self._alive_s > QUIET_S and not self._silent:
            self._silent = True
            yield Note("The run has been silent for a while", "warning", "Resume it if its process died")
        yield self.heard.still

    def _ask(self, names: Sequence[str]) -> None:
        """Fetch small files; a heartbeat that is another than before is a sign of life, by this machine's clock."""
        self._asked_s = time.monotonic()
        found = self.transport.fetch(names)
        if self._written() == self._orders and CONTROL in found:
            _keep(self.mirror / CONTROL, found[CONTROL])
            self._orders = self._written()
        for name in (name for name in names if name in found and name != CONTROL):
            data = found[name]
            if name == STATUS:
                if data != self._heartbeat:
                    self._heartbeat, self._alive_s, self._silent = data, time.monotonic(), False
                data = _by_our_clock(data, time.monotonic() - self._alive_s)
            _keep(self.mirror / name, data)

    def _written(self) -> bytes:
        with suppress(OSError):
            return (self.mirror / CONTROL).read_bytes()
        return b""

    def _carry(self) -> None:
        """Carry an order that was put into the mirror over to the run."""
        now = self._written()
        if now != self._orders:
            self.transport.put(CONTROL, now)
            self._orders = now

    def _waited(self, seconds: float) -> Work[None]:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            yield Progress(0, 0, f"reaching {self.transport.words} again")
            time.sleep(POLL_S)


def origin_of(folder: Path) -> str:
    """Where a mirror's run is ("host:path"); empty where the folder is the run itself."""
    with suppress(OSError, ValueError, AttributeError):
        return str(json.loads((folder / ORIGIN).read_text(encoding="utf-8")).get("where", ""))
    return ""


def _is_figure(line: Line) -> bool:
    return line.get("message") == "figure" and isinstance(line.get("file"), str) and isinstance(line.get("name"), str)


def _media(line: Line) -> str:
    return f"media/{Path(line['file']).name}"  # never out of the run's own folder


def _broke(words: str, problem: Exception) -> Note:
    return Note(f"The connection to {words} broke: {problem}", "warning", "It is tried again; the run itself goes on")


def _by_our_clock(status: bytes, ago_s: float) -> bytes:
    """Put the time of a heartbeat as this machine's clock saw it: clocks differ."""
    try:
        said = json.loads(status)
    except ValueError:
        return status
    return json.dumps({**said, "time": round(time.time() - ago_s, 3)}).encode() if isinstance(said, dict) else status


def _keep(path: Path, data: bytes) -> None:
    with replacing(path) as file:
        file.write(data)
