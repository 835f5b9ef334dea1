"""What all tests share: a quiet machine, the real images, and no thread left behind."""

import os

# Before Qt, torch or numpy are imported by any test.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

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
def nothing_left_behind() -> Iterator[None]:
    """No test may leave a thread that runs; tests/gui has a stricter one of the same name."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(3.0)
    running = [thread.name for thread in left if thread.is_alive()]
    assert not running, f"threads left running: {running}"
