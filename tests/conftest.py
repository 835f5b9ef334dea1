"""What all tests share: a quiet machine, the real images, and nothing left behind."""

import os

# Before Qt, torch or numpy are imported by any test.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

# Busy machines are slow, not wrong; the same examples in each run.
settings.register_profile("medviz", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("medviz")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real images; skips where there is none."""
    folder = Path(os.environ.get("MEDVIZ_DATA") or ROOT / ".." / "shared" / "data").resolve()
    if not (folder / "README.md").is_file():
        pytest.skip("needs the real images: set MEDVIZ_DATA or put them into ../shared/data")
    return folder


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test may leave a thread that runs, a timer that ticks or a window that is open."""
    before = set(threading.enumerate())
    yield
    if "PySide6.QtWidgets" in sys.modules:
        _close_windows()
    left = [thread.name for thread in set(threading.enumerate()) - before if _counts(thread)]
    assert not left, f"threads left running: {left}"


def _counts(thread: threading.Thread) -> bool:
    thread.join(2.0)
    return thread.is_alive() and not thread.name.startswith(("pydevd", "ThreadPoolExecutor"))


def _close_windows() -> None:
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    application = QApplication.instance()
    if not isinstance(application, QApplication):
        return
    application.processEvents()
    windows = [widget for widget in application.topLevelWidgets() if widget.isVisible()]
    ticking = [timer for timer in application.findChildren(QTimer) if timer.isActive()]
    assert not windows, f"windows left open: {windows}"
    assert not ticking, f"timers left ticking: {ticking}"
