"""Set up medviz in .venv and start it: `python packaging/bootstrap.py run | test | check | bench | setup [arguments]`.

Standard library only, and readable by any Python 3, so that an old one is told so in one sentence. The pins of
requirements*.txt are installed once; a stamp in .venv holds their hash, so that later starts only compare it.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "medviz-stamp.json"
LOG = VENV / "setup.log"
OLDEST = (3, 11)
TRIED = ("3.11", "3.12", "3.13")
WINDOW, DEVELOP = "requirements.txt", "requirements-develop.txt"
NEEDED_GB = {"cpu": 4, "cuda": 10}
WINDOWS = sys.platform == "win32"
HELP = """\
usage: python packaging/bootstrap.py COMMAND [ARGUMENTS]

  run [FILES]      set up what the window needs, open it
  run COMMAND ...  the command line: info, render, predict, compare, train, lab, list, screenshot
  test [PYTEST]    set up all, run the tests without a screen
  check            set up all, run ruff, mypy and import-linter
  bench [OPTIONS]  set up all, measure speed (minutes; leave the machine alone meanwhile)
  setup [--again]  set up all, start nothing; --again asks pip anew (after a graphics card was added)

MEDVIZ_TORCH_INDEX=URL takes torch from another index (a CPU-only build on Linux saves 3 GB)."""

# library as the loader knows it -> Debian package, Fedora package
QT_LIBRARIES = {
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
}
SCREEN_LIBRARIES = {
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
}


class Stopped(Exception):
    """Setting up cannot go on: one sentence that says why and what to do."""


def main(arguments: list[str]) -> int:
    command, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if command not in COMMANDS:
        print(HELP)
        return 0 if command in ("help", "-h", "--help") else 2
    if sys.version_info < OLDEST:
        return start_again_with(newer_python(), arguments)
    try:
        return COMMANDS[command](rest)
    except Stopped as reason:
        print(f"medviz: {reason}", file=sys.stderr)
        return 1


def run(arguments: list[str]) -> int:
    set_up(WINDOW)
    opens = not arguments or Path(arguments[0]).exists()
    if sys.platform == "linux" and (opens or arguments[0] == "screenshot"):
        complain_of(missing_libraries(QT_LIBRARIES))
    if sys.platform == "linux" and opens:
        complain_of_no_screen()
        complain_of(missing_libraries(SCREEN_LIBRARIES) if on_x11() else [])
    return replaced_by([python_of(VENV), "-m", "medviz", *arguments], quiet_threads())


def test(arguments: list[str]) -> int:
    set_up(DEVELOP)
    os.chdir(str(ROOT))
    complain_of(missing_libraries(QT_LIBRARIES) if sys.platform == "linux" else [])
    return replaced_by([python_of(VENV), "-m", "pytest", *arguments], offscreen())


def check(arguments: list[str]) -> int:
    """Run every check even where an earlier one fails, so that one run tells all."""
    set_up(DEVELOP)
    beside = Path(python_of(VENV)).parent
    checks = (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports", "--no-cache"],
    )
    failed = []
    for one in checks:
        print("$ " + " ".join(one), flush=True)
        if subprocess.call([str(beside / one[0]), *one[1:], *arguments], cwd=ROOT):
            failed.append(" ".join(one))
    if failed:
        print(f"medviz: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def bench(arguments: list[str]) -> int:
    set_up(DEVELOP)
    os.chdir(str(ROOT))
    return replaced_by([python_of(VENV), "-m", "tests.benchmarks", *arguments], offscreen())


def setup(arguments: list[str]) -> int:
    set_up(DEVELOP, again="--again" in arguments)
    complain_of(missing_libraries(QT_LIBRARIES) if sys.platform == "linux" else [])
    print(f"medviz: ready in {VENV.name}")
    return 0


COMMANDS = {"run": run, "test": test, "check": check, "bench": bench, "setup": setup}


def set_up(pins: str, again: bool = False) -> None:
    """Make .venv hold the pins; do nothing where the stamp says that it does."""
    wanted = hash_of(pins)
    stamp = read_stamp()
    satisfied = stamp.get(pins) == wanted or (pins == WINDOW and stamp.get(DEVELOP) == hash_of(DEVELOP))
    if satisfied and not again and Path(python_of(VENV)).exists():
        return
    flavour = "cuda" if has_nvidia() else "cpu"
    make_venv()
    complain_of_space(flavour, already=bool(stamp))
    print("medviz: setting up .venv, once: a few minutes and some gigabytes of disk", flush=True)
    began = time.monotonic()
    for step in installations(pins, flavour):
        pip(step)
    (VENV / "medviz-stamp.tmp").write_text(json.dumps({**stamp, pins: wanted, "torch": flavour}))
    os.replace(VENV / "medviz-stamp.tmp", STAMP)
    print(f"medviz: set up in {time.monotonic() - began:.0f} s", flush=True)


def installations(pins: str, flavour: str) -> list[list[str]]:
    """What pip is asked for, in order.

    `===` compares the words, so that `torch===2.13.0` refuses a local build such as 2.13.0+cpu.
    """
    index = os.environ.get("MEDVIZ_TORCH_INDEX")
    torch = f"torch=={torch_version()}"
    first = [["--index-url", index, torch]] if index else []
    exact = [torch.replace("==", "===")] if flavour == "cuda" and not index else []
    return [
        *first,
        ["-r", str(ROOT / "packaging" / pins), *exact],
        ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ]


def torch_version() -> str:
    for line in (ROOT / "packaging" / WINDOW).read_text(encoding="utf-8").splitlines():
        if line.startswith("torch=="):
            return line.split("==")[1].split()[0]
    raise Stopped("packaging/requirements.txt pins no torch; take it from the repository again")


def hash_of(pins: str) -> str:
    """Hash what decides the environment: the pins and where the checkout stands."""
    parts = [ROOT / "packaging" / WINDOW]
    if pins == DEVELOP:
        parts.append(ROOT / "packaging" / DEVELOP)
    digest = hashlib.sha256(str(ROOT).encode())
    for part in parts:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def read_stamp() -> dict[str, str]:
    try:
        return json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}


def make_venv() -> None:
    """Make .venv, or anew where it is broken (its Python is gone, or it was copied from elsewhere)."""
    if Path(python_of(VENV)).exists() and answers(python_of(VENV), "import sys, pip; print(sys.prefix)") == str(VENV):
        return
    interpreter = tried_python()
    done = subprocess.run([interpreter, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True)
    if done.returncode == 0:
        return
    said = done.stdout + done.stderr
    if "ensurepip" in said:
        version = ".".join(map(str, sys.version_info[:2]))
        raise Stopped(f"this Python cannot make environments; install python{version}-venv (Debian, Ubuntu) and retry")
    raise Stopped(why(said) or f".venv cannot be made: {last_line(said)}")


def pip(arguments: list[str]) -> None:
    """Install, with one line that tells what is at work; everything pip says goes to the log."""
    call = [python_of(VENV), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *arguments]
    with open(LOG, "a", encoding="utf-8") as log:
        process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=str(ROOT))
        said = []
        for line in process.stdout or ():
            log.write(line)
            said.append(line)
            show(line)
        failed = process.wait() != 0
    show("")
    if failed:
        text = "".join(said)
        raise Stopped(why(text) or f"pip failed: {last_line(text)} (all of it: {LOG.relative_to(ROOT)})")


def show(line: str) -> None:
    """Rewrite one line on a terminal; say nothing to a file."""
    if sys.stdout.isatty() and line.split(" ")[0].strip() in ("", "Collecting", "Downloading", "Installing"):
        width = shutil.get_terminal_size().columns - 1
        print("\r" + line.strip()[:width].ljust(width) + "\r", end="", flush=True)


def why(text: str) -> str:
    """One sentence for the faults that people meet; empty where it is another."""
    words = text.lower()
    if "no space left" in words or "errno 28" in words or "not enough space" in words:
        return f"the disk is full; free some gigabytes on the disk of {ROOT} (or of the temporary folder) and retry"
    signs = ("name resolution", "getaddrinfo", "newconnectionerror", "connection refused", "unreachable", "timed out")
    if any(sign in words for sign in signs):
        return "the package index cannot be reached; check the network (or pip's proxy settings) and retry"
    if "no matching distribution" in words:
        wanted = text.lower().split("no matching distribution found for ")[-1].split()[0]
        version = ".".join(map(str, sys.version_info[:2]))
        return f"pip's index has no {wanted} for Python {version} here; use Python {', '.join(TRIED)} on 64 bits"
    if "permission denied" in words:
        return f"{VENV} cannot be written; make {ROOT} writable or clone it elsewhere"
    return ""


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def complain_of_space(flavour: str, already: bool) -> None:
    free_gb = shutil.disk_usage(str(VENV)).free / 1e9
    needed = 1 if already else NEEDED_GB[flavour]
    if free_gb < needed:
        raise Stopped(f"{free_gb:.1f} GB are free on the disk of {ROOT}, {needed} GB are needed; free some and retry")


def missing_libraries(libraries: dict[str, tuple[str, str]]) -> list[tuple[str, str]]:
    """The (Debian, Fedora) packages of the libraries that the loader cannot find."""
    missing = []
    for name, packages in libraries.items():
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(packages)
    return missing


def complain_of(missing: list[tuple[str, str]]) -> None:
    if not missing:
        return
    if shutil.which("dnf"):
        install = "sudo dnf install " + " ".join(fedora for _, fedora in missing)
    else:
        install = "sudo apt install " + " ".join(debian for debian, _ in missing)
    raise Stopped(f"Qt needs libraries that this system lacks; run: {install}")


def complain_of_no_screen() -> None:
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        raise Stopped(
            "there is no screen here; start it from a desktop or with ssh -X, or let "
            "`packaging/bootstrap.py run screenshot viewer --out viewer.png` draw the window into a file"
        )


def on_x11() -> bool:
    asked = os.environ.get("QT_QPA_PLATFORM", "")
    return bool(os.environ.get("DISPLAY")) and asked in ("", "xcb") and not os.environ.get("WAYLAND_DISPLAY")


def has_nvidia() -> bool:
    """Tell whether there is an NVIDIA card (its driver's tool lists one)."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return False
    try:
        listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and "GPU" in listed.stdout


def tried_python() -> str:
    """This Python where medviz was tried with its version, else one on the PATH, else this one."""
    here = ".".join(map(str, sys.version_info[:2]))
    return sys.executable if here in TRIED else (newer_python() or sys.executable)


def newer_python() -> str | None:
    """A Python on the PATH that is new enough and can make environments."""
    for version in TRIED:
        found = shutil.which(f"python{version}")
        if found and answers(found, "import sys, venv, ensurepip; print(sys.version_info[:2] >= (3, 11))") == "True":
            return found
        launcher = shutil.which("py") if WINDOWS else None
        if launcher:
            path = answers(launcher, "import sys; print(sys.executable)", f"-{version}")
            if path:
                return path
    return None


def start_again_with(interpreter: str | None, arguments: list[str]) -> int:
    if interpreter is None:
        here = ".".join(map(str, sys.version_info[:3]))
        wanted = ", ".join(TRIED[:-1]) + f" or {TRIED[-1]}"
        print(f"medviz: this is Python {here}; medviz needs Python {wanted}, install one and retry", file=sys.stderr)
        return 1
    return replaced_by([interpreter, str(Path(__file__).resolve()), *arguments], dict(os.environ))


def answers(interpreter: str, code: str, *options: str) -> str:
    """What a Python prints; empty where it does not start."""
    try:
        done = subprocess.run([interpreter, *options, "-c", code], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def python_of(venv: Path) -> str:
    return str(venv / ("Scripts/python.exe" if WINDOWS else "bin/python"))


def quiet_threads() -> dict[str, str]:
    """Idle OpenMP threads sleep: spinning ones took two busy cores from 5 steps a second to 0.2."""
    return {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}


def offscreen() -> dict[str, str]:
    threads = str(max(1, (os.cpu_count() or 2) // 2))
    return {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, **quiet_threads()}


def replaced_by(call: list[str], environment: dict[str, str]) -> int:
    """Become the other program (it gets our signals); on Windows, wait for it."""
    if not WINDOWS:
        sys.stdout.flush()
        os.execve(call[0], call, environment)
    try:
        return subprocess.call(call, env=environment)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
