"""How the files of a run on another machine are reached: through the ssh client that is there, as a child process.

No port is opened and no password is kept: ssh asks nothing (BatchMode), so that a key must be set up. What is needed on
the other side is a POSIX shell, `tail`, `head` and `wc`.
"""

import contextlib
import os
import queue
import re
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from medviz.imaging.storage import opening, replacing
from medviz.refused import Refused

CONNECT_S, ANSWER_S = 10, 120.0
"""To reach the machine, and for its answer with some files."""
_NO_FOLDER = 44
_CHUNK = 1 << 16


class Broken(Exception):
    """The connection broke, or could not be made now; it is worth another try."""


class Stream(Protocol):
    """A file that grows elsewhere."""

    def read(self) -> bytes:
        """Return what has come since the last time, perhaps nothing. Raises Broken, Refused."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class Transport(Protocol):
    """Reaches the files of one run by their names inside its folder. Each call raises Broken or Refused."""

    @property
    def words(self) -> str:
        """Where the run is, as a person reads it."""
        ...

    def tail(self, name: str, start: int) -> Stream:
        """Follow a file from this byte on."""
        ...

    def fetch(self, names: Sequence[str]) -> dict[str, bytes]:
        """Fetch files whole; those that are not there are left out."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Write a small file whole or not at all."""
        ...

    def close(self) -> None:
        """Let everything go."""
        ...


@dataclass
class _FileStream:
    file: BinaryIO

    def read(self) -> bytes:
        return self.file.read(1 << 22)

    def close(self) -> None:
        self.file.close()


class LocalTransport:
    """A run on this machine (or on a disk that is mounted here)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            raise Refused(folder, "there is no such folder", "check the path")

    @property
    def words(self) -> str:
        """The folder."""
        return str(self.folder)

    def tail(self, name: str, start: int) -> Stream:
        """Follow a file from this byte on."""
        with opening(self.folder / name):
            file = open(self.folder / name, "rb")
            file.seek(start)
        return _FileStream(file)

    def fetch(self, names: Sequence[str]) -> dict[str, bytes]:
        """Read files whole; those that are not there are left out."""
        found = {}
        for name in names:
            with contextlib.suppress(OSError):
                found[name] = (self.folder / name).read_bytes()
        return found

    def put(self, name: str, data: bytes) -> None:
        """Write a small file whole or not at all."""
        with replacing(self.folder / name) as file:
            file.write(data)

    def close(self) -> None:
        """Nothing is held."""


class SshTransport:
    """A run on another machine, over ``ssh``. Connections are shared where the client can (one login for all)."""

    def __init__(self, host: str, path: str, port: int | None = None) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.@:%-]*", host):
            raise Refused(host, "it is no name of a host", "write ssh://user@host/path/of/the/run")
        self.host, self.path, self.port = host, path.rstrip("/") or "/", port
        self._shared = tempfile.TemporaryDirectory(prefix="mv-", ignore_cleanup_errors=True)

    @property
    def words(self) -> str:
        """Host and path."""
        return f"{self.host}:{self.path}"

    def tail(self, name: str, start: int) -> "SshStream":
        """Follow a file from this byte on."""
        # whoever is left alone on the other side ends when its input does, and takes the endless `tail` with it
        follow = f"tail -c +{start + 1} -F -- {shlex.quote(name)} 2>/dev/null & t=$!"
        return SshStream(self, self._started(f"{follow}; trap 'kill $t' EXIT; cat > /dev/null"))

    def fetch(self, names: Sequence[str]) -> dict[str, bytes]:
        """Fetch files whole; those that are not there are left out."""
        listed = " ".join(shlex.quote(name) for name in names)
        script = (
            f'for f in {listed}; do if [ -f "$f" ]; then n=$(wc -c < "$f"); '
            'printf "%d %s\\n" $n "$f"; head -c $n -- "$f"; fi; done'
        )
        return _unframed(self._answer(script))

    def put(self, name: str, data: bytes) -> None:
        """Write a small file whole or not at all."""
        part, whole = shlex.quote(f".{name}.part"), shlex.quote(name)
        self._answer(f"cat > {part} && mv -f -- {part} {whole}", data)

    def close(self) -> None:
        """End the shared connection."""
        if os.name == "posix" and any(Path(self._shared.name).iterdir()):
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run([*self._client(), "-O", "exit", "--", self.host], capture_output=True, timeout=5)
        self._shared.cleanup()

    def _client(self) -> list[str]:
        """Return the client and what it is asked for: nothing is asked, a dead line is noticed, one login for all."""
        wishes = ["BatchMode=yes", f"ConnectTimeout={CONNECT_S}", "ServerAliveInterval=15", "ServerAliveCountMax=3"]
        if os.name == "posix":  # Windows' client cannot share
            wishes += ["ControlMaster=auto", f"ControlPath={self._shared.name}/%C", "ControlPersist=30"]
        port = ["-p", str(self.port)] if self.port else []
        return ["ssh", "-T", *port, *(part for wish in wishes for part in ("-o", wish))]

    def _command(self, script: str) -> list[str]:
        inside = f"cd -- {_quoted(self.path)} 2>/dev/null || exit {_NO_FOLDER}; {script}"
        return [*self._client(), "--", self.host, f"sh -c {shlex.quote(inside)}"]

    def _started(self, script: str) -> "subprocess.Popen[bytes]":
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        try:
            return subprocess.Popen(
                self._command(script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                creationflags=flags,
            )  # fmt: skip
        except FileNotFoundError as problem:
            raise _no_client() from problem

    def _answer(self, script: str, given: bytes = b"") -> bytes:
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        try:
            done = subprocess.run(
                self._command(script), input=given, capture_output=True, timeout=ANSWER_S, creationflags=flags
            )
        except FileNotFoundError as problem:
            raise _no_client() from problem
        except subprocess.TimeoutExpired as problem:
            raise Broken(f"{self.host} does not answer") from problem
        if done.returncode:
            raise self.fault(done.returncode, done.stderr.decode(errors="replace"))
        return done.stdout

    def fault(self, code: int, said: str) -> Refused | Broken:
        """Say why ssh, or the command on the other side, ended with this code."""
        if code == _NO_FOLDER:
            return Refused(self.words, "there is no such folder on that machine", "check the path")
        for pattern, fault, remedy in _FAULTS:
            if re.search(pattern, said, re.IGNORECASE):
                return Refused(self.host, fault, remedy.format(host=self.host))
        last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), f"code {code}")
        return Broken(last)


_FAULTS = (
    (r"could not resolve hostname|name or service not known", "there is no such host",
     "check its name, or give it one in ~/.ssh/config"),
    (r"permission denied|too many authentication failures", "it does not let you in without a password",
     "set up a key once: ssh-copy-id {host}"),
    (r"host key verification failed|remote host identification has changed",
     "its key is not known here, or is another than it was", "connect once in a terminal and check it: ssh {host}"),
    (r"read-only file system|no space left|disk quota", "its disk does not take what is written", "make room there"),
)  # fmt: skip


class SshStream:
    """What a `tail` on the other side says, read by a thread so that nobody waits for it."""

    def __init__(self, transport: SshTransport, process: "subprocess.Popen[bytes]") -> None:
        self._transport, self._process = transport, process
        self._came: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._said: list[bytes] = []
        self._threads = [
            threading.Thread(target=target, name="ssh", daemon=True) for target in (self._listen, self._hear_faults)
        ]
        for thread in self._threads:
            thread.start()

    def read(self) -> bytes:
        """Return what has come since the last time. Raises Broken, Refused when the line is dead."""
        ended = self._process.poll() is not None and not self._threads[0].is_alive()
        parts = [self._came.get_nowait() for _ in range(self._came.qsize())]
        if not parts and ended:
            self._threads[1].join(1.0)
            raise self._transport.fault(self._process.returncode or 255, b"".join(self._said).decode(errors="replace"))
        return b"".join(parts)

    def close(self) -> None:
        """End the child."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.terminate()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(2)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(self._process.stdout.fileno(), _CHUNK):
                self._came.put(part)

    def _hear_faults(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(self._process.stderr.fileno(), _CHUNK):
                self._said = [*self._said[-20:], part]


def _unframed(answer: bytes) -> dict[str, bytes]:
    """Take files out of an answer: "size name", a line end, and so many bytes each."""
    found: dict[str, bytes] = {}
    at = 0
    while at < len(answer):
        end = answer.find(b"\n", at)
        if end < 0:
            break
        size, _, name = answer[at:end].decode(errors="replace").partition(" ")
        if not size.isdecimal() or end + 1 + int(size) > len(answer):
            break  # it was cut short
        found[name] = answer[end + 1 : end + 1 + int(size)]
        at = end + 1 + int(size)
    return found


def _quoted(path: str) -> str:
    """Quote a path for a shell; "~/" is the home on the other side."""
    if path == "~":
        return '"$HOME"'
    return f'"$HOME"/{shlex.quote(path[2:])}' if path.startswith("~/") else shlex.quote(path)


def _no_client() -> Refused:
    return Refused("ssh", "there is no ssh client on this machine", "install OpenSSH")
