"""Fetching a public data set: what was begun goes on, what came is checked, what is unpacked stays in its folder.

The file comes under a temporary name beside its place and keeps it until its sum is right; a stop or a lost line
leaves it there, and the next try asks the server for the rest only.
"""

import hashlib
import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from medviz import __version__
from medviz.data.obtainable import Obtainable, named
from medviz.data.unpacking import unpacked
from medviz.imaging.storage import in_words, opening, reason
from medviz.messages import Note, Progress, Work
from medviz.refused import Refused

_PIECE = 1 << 20
_SIP, _SAID_S = 1 << 16, 0.2
"""Bytes waited for at once, and seconds at most between two messages: a stop is felt on a slow line too."""
_WAIT_S = 30.0
_SPARE = 64 << 20
"""Bytes that stay free on the disk, whatever is fetched."""
_LEFT = "what came is kept; try again and it goes on"


def fetched(name: str, folder: Path, source: str = "") -> Work[Path]:
    """Fetch a data set into a folder; yields Progress in bytes, returns its file or, unpacked, its folder.

    `source` is a folder or an address that holds a copy of the file, instead of where its makers put it. Refuses an
    unknown name, a disk that is too small, a line that breaks, and a file whose sum is not the right one.
    """
    wanted = named(name)
    folder = folder.expanduser()
    with opening(folder):
        folder.mkdir(parents=True, exist_ok=True)
    place = folder / (wanted.name if wanted.packed else wanted.file)
    if place.exists():
        if not wanted.packed and (yield from _sum_of(place)) != wanted.md5:
            fault = "a file of this name is there already, and it is another one"
            raise Refused(place, fault, "choose another folder, or move it away")
        yield Note(f"{place} is there already")
        return place
    return (yield from received(wanted, _address(wanted, source), place))


def received(wanted: Obtainable, address: str, place: Path) -> Work[Path]:
    """Fetch one file to its place, from an address; see `fetched`."""
    waiting = place.with_name(f".{wanted.file}.part")
    with opening(waiting):
        yield from _filled(waiting, address, wanted)
        found = yield from _sum_of(waiting)
    if found != wanted.md5:
        waiting.unlink(missing_ok=True)
        raise Refused(address, "what came is not the file that its makers describe (its MD5 differs)", "fetch it again")
    if wanted.packed:
        yield from unpacked(waiting, place)
        waiting.unlink(missing_ok=True)
    else:
        with opening(place):
            waiting.replace(place)
    return place


def _address(wanted: Obtainable, source: str) -> str:
    """Where the file is fetched from: its own address, or the same name in a folder or below another address."""
    if not source:
        return wanted.url
    scheme = urlsplit(source).scheme
    if scheme in ("http", "https", "file"):
        return f"{source.rstrip('/')}/{wanted.file}"
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise Refused(source, "it is neither a folder nor an address", "give a folder, or https://…")
    return (folder.resolve() / wanted.file).as_uri()


def _filled(waiting: Path, address: str, wanted: Obtainable) -> Work[None]:
    """Fetch what is still missing of a file."""
    has = waiting.stat().st_size if waiting.is_file() else 0
    with _opened(address, has) as (stream, begins, total):
        _need_disk(waiting, (total or wanted.about_bytes) - begins, wanted)
        if begins:
            yield Note(f"going on at {in_words(begins)} of {in_words(total) if total else 'what there is'}")
        with waiting.open("r+b" if begins else "wb") as file:
            file.seek(begins)
            file.truncate()
            yield from _copied(stream, file, begins, total, wanted, address)


def _copied(stream: Any, file: IO[bytes], done: int, total: int, wanted: Obtainable, address: str) -> Work[None]:
    what, said, said_s = f"fetching {wanted.file}", done, time.monotonic()
    yield Progress(done, total, what)
    while True:
        try:
            piece = stream.read(_SIP)
        except (OSError, ValueError, http.client.HTTPException) as problem:
            raise Refused(address, f"the line broke at {in_words(done)} ({problem})", _LEFT) from problem
        if not piece:
            break
        file.write(piece)
        done += len(piece)
        if total and done > total:
            raise Refused(address, "more comes than was announced", "fetch it from another place")
        if not total and shutil.disk_usage(Path(file.name).parent).free < _SPARE:
            raise Refused(file.name, "the disk is full", "free some space and try again; what came is kept")
        if done - said >= _PIECE or time.monotonic() - said_s >= _SAID_S:
            said, said_s = done, time.monotonic()
            yield Progress(done, total, what)
    yield Progress(done, total, what)
    if total and done < total:
        raise Refused(address, f"the line broke at {in_words(done)} of {in_words(total)}", _LEFT)


@contextmanager
def _opened(address: str, has: int) -> Iterator[tuple[Any, int, int]]:
    """Open an address behind what is there already: the stream, where it begins, the bytes of the whole (0 unknown)."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        path = Path(urllib.request.url2pathname(unquote(parts.path) if "%" in parts.path else parts.path))
        with opening(path), path.open("rb") as stream:
            total = path.stat().st_size
            begins = has if has <= total else 0
            stream.seek(begins)
            yield stream, begins, total
        return
    headers = {"User-Agent": f"medviz/{__version__}", "Accept-Encoding": "identity"}
    if has:
        headers["Range"] = f"bytes={has}-"
    try:
        answer = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=_WAIT_S)
    except urllib.error.HTTPError as problem:
        problem.close()
        if problem.code == 416 and has:  # all of it is there, or more than all
            yield _Nothing(), has, 0
            return
        raise Refused(address, f"the server answers {problem.code} {problem.reason}", "try later") from problem
    except (urllib.error.URLError, OSError, ValueError, http.client.HTTPException) as problem:
        why = getattr(problem, "reason", problem)
        raise Refused(address, f"it cannot be reached ({why})", "check the network and try again") from problem
    with answer:
        yield answer, *_extent(answer, has)


class _Nothing:
    """A stream that is at its end."""

    def read(self, size: int) -> bytes:
        """Nothing comes."""
        return b""


def _extent(answer: Any, has: int) -> tuple[int, int]:
    """Where an answer begins and the bytes of the whole; a server that knows no ranges begins at 0."""
    length = int(answer.headers.get("Content-Length") or 0)
    spans = str(answer.headers.get("Content-Range") or "")
    if answer.status == 206 and spans.startswith(f"bytes {has}-"):
        return has, has + length
    return 0, length


def _need_disk(waiting: Path, missing: int, wanted: Obtainable) -> None:
    """Refuse what does not fit on the disk; a tar lies there twice until it is unpacked."""
    try:
        free = shutil.disk_usage(waiting.parent).free
    except OSError as problem:
        raise Refused(waiting.parent, *reason(problem)) from problem
    needs = missing + (max(wanted.about_bytes, missing) if wanted.packed else 0) + _SPARE
    if needs > free:
        twice = ", packed and unpacked," if wanted.packed else ""
        fault = f"{wanted.title} takes {in_words(needs)}{twice} and {in_words(free)} are free on this disk"
        raise Refused(waiting.parent, fault, "choose another folder, or free some space")


def _sum_of(path: Path) -> Work[str]:
    """MD5 of a file: what the makers give, against a broken line and not against a forger."""
    total, done = hashlib.md5(usedforsecurity=False), 0
    size = path.stat().st_size
    with path.open("rb") as file:
        while piece := file.read(8 * _PIECE):
            total.update(piece)
            done += len(piece)
            yield Progress(done, size, f"checking {path.name.strip('.').removesuffix('.part')}")
    return total.hexdigest()
