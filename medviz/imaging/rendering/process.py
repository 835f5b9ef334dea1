"""The process that renders: started when first asked for, spoken to by pipes, found out when it dies.

Why a process of its own and not a thread: a graphics driver that fails takes its process down with it, and that must
never be the window with a person's unsaved labels. The price was measured (2 cores, Mesa in software, 700 × 450
pixels): handing a picture with its depths over takes 0.5 ms beside 60 to 400 ms of rendering. VTK's libraries and its
second copy of the scan also leave the memory with it. One thread of that process has all of OpenGL, so that no context
changes threads.
"""

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, BinaryIO, cast

import medviz
from medviz.imaging.rendering.wire import Array, Note, receive, send
from medviz.refused import Refused

MODULE = "medviz.imaging.rendering.machine"
PATIENCE_S = 60.0
"""A driver that has not answered for so long hangs, and its process is ended."""
PACKAGES = {
    "libEGL.so.1": ("libegl1 libegl-mesa0 libgl1-mesa-dri", "mesa-libEGL mesa-dri-drivers"),
    "libGL.so.1": ("libgl1 libgl1-mesa-dri", "mesa-libGL mesa-dri-drivers"),
    "libOSMesa.so.8": ("libosmesa6", "mesa-libOSMesa"),
}
"""System libraries that VTK looks for when it starts to draw, with their Debian and Fedora packages."""


class Gone(Exception):
    """The process has ended when it should not have; the words are the last it wrote."""


class Process:
    """One child. `tell` and `hear` are called by one thread at a time; `hurry` and `end` by any."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", MODULE)) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        self._writing = threading.Lock()
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            stderr=self._errors,
            env=environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.driver = ""
        self.software = True

    @property
    def number(self) -> int:
        """The process's number in the system."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._child.poll() is None

    def greet(self) -> None:
        """Wait until it can draw; raises Refused with what it lacks."""
        try:
            note, _ = self.hear()
        except Gone as gone:
            fault = str(gone)
            if sys.platform == "linux" and self._child.poll() in (-signal.SIGSEGV, -signal.SIGABRT):
                fault = f"OpenGL by libEGL.so.1 fails: {fault}"  # a library without a driver takes VTK down with it
            raise Refused("3-D by VTK", f"it could not start ({fault})", _remedy(fault)) from None
        if "lacks" in note:
            fault = str(note["lacks"])
            raise Refused("3-D by VTK", fault, _remedy(fault))
        self.driver, self.software = str(note["driver"]), bool(note["software"])

    def tell(self, note: Note, arrays: tuple[Array, ...] = ()) -> None:
        """Send; raises Gone."""
        try:
            with self._writing:
                send(cast("BinaryIO", self._child.stdin), note, arrays)
        except (OSError, ValueError) as problem:
            raise Gone(self._last_words()) from problem

    def hear(self) -> tuple[Note, list[Array]]:
        """Wait for an answer; raises Gone."""
        self._wait()
        try:
            return receive(cast("BinaryIO", self._child.stdout))
        except (OSError, ValueError, EOFError) as problem:
            raise Gone(self._last_words()) from problem

    def hurry(self, number: int) -> None:
        """Ask it to give up what it does up to a request; never waits, and says nothing where it has gone."""
        if not self._writing.acquire(blocking=False):
            return  # a scan is being handed over: nothing is drawn meanwhile
        try:
            send(cast("BinaryIO", self._child.stdin), {"do": "stop", "number": number})
        except (OSError, ValueError):
            return
        finally:
            self._writing.release()

    def end(self) -> None:
        """End it and take its leave; may be called twice."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                continue  # what was to be written has nobody to read it
        self._errors.close()

    def _wait(self) -> None:
        """Wait until there is something to read; Windows cannot look into a pipe, there a driver may hang."""
        stream = self._child.stdout
        if sys.platform == "win32" or stream is None or stream.closed:
            return
        if not select.select([stream], [], [], PATIENCE_S)[0]:
            self._child.kill()
            self._child.wait()
            raise Gone(f"it did not answer for {PATIENCE_S:.0f} s")

    def _last_words(self) -> str:
        """Say by what signal it died, or what it wrote last."""
        try:
            code = self._child.wait(2.0)
        except subprocess.TimeoutExpired:
            return "it does not answer"
        if code < 0:
            return signal.strsignal(-code) or f"signal {-code}"
        if self._errors.closed:
            return "it was ended"
        self._errors.seek(0)
        written = re.sub(r"\x1b\[[0-9;]*m", "", self._errors.read()[-8000:].decode(errors="replace"))
        lines = [line.strip() for line in written.splitlines() if line.strip()]
        return lines[-1][-200:] if lines else "it said nothing"


def environment() -> dict[str, str]:
    """Return the child's environment: this very package first, and idle threads that sleep."""
    here = str(Path(medviz.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _remedy(fault: str) -> str:
    """Say what to install where a library or VTK itself is missing."""
    for library, (debian, fedora) in PACKAGES.items():
        if library.partition(".")[0] in fault:
            return f"sudo apt install {debian} (Fedora: sudo dnf install {fedora}); until then a simpler view is drawn"
    if "vtk" in fault.lower():
        return "pip install vtk; until then a simpler view is drawn"
    return "a simpler view is drawn instead"
