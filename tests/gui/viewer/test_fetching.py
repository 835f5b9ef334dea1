"""A long series: the frame that is looked at is read, no other; the pane says so meanwhile."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer.time_curve import course
from medviz.imaging.frames import Pending
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work, finished
from medviz.refused import Refused
from tests.gui.conftest import head
from tests.gui.viewer.hands import Told, opened, quiet
from tests.gui.viewer.phantoms import grabbed

pytestmark = pytest.mark.trap("T17")


class Long:
    """A series of five frames whose reading waits for a word."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.word = threading.Event()
        self.word.set()
        first = head(name="long.nii.gz")
        self.voxels = np.zeros((5, *first.shape), np.int16)
        self.pending = Pending(5, self.fill)
        finished(self.pending.load(0))
        self.volume = replace(first, voxels=self.voxels, kind="frames", pending=self.pending)

    def fill(self, frame: int) -> Work[None]:
        while not self.word.wait(0.01):
            yield Progress(0, 1, "reading a frame")
        if frame == 4:
            raise Refused("long.nii.gz", "the file is cut short", "copy it again")
        self.read.append(frame)
        self.voxels[frame] = head().voxels[0] + 100 * frame
        yield Progress(1, 1, "reading a frame")


@pytest.fixture
def long() -> Long:
    return Long()


@pytest.fixture
def files(long: Long) -> dict[str, Volume]:
    return {"long.nii.gz": long.volume}


def test_only_the_frames_that_are_looked_at_are_read(page: ViewerPage, long: Long, qtbot: QtBot) -> None:
    opened(page, qtbot, "long.nii.gz")
    quiet(qtbot, page.desk)
    assert long.read == [0]
    page.desk.scene.update(frame=3)
    qtbot.waitUntil(lambda: long.pending.has(3))
    quiet(qtbot, page.desk)
    assert long.read == [0, 3] and long.pending.missing == (1, 2, 4)


def test_the_pane_says_that_a_frame_is_read_and_shows_it_when_it_is_there(
    page: ViewerPage, long: Long, qtbot: QtBot
) -> None:
    opened(page, qtbot, "long.nii.gz")
    quiet(qtbot, page.desk)
    long.word.clear()
    page.desk.scene.update(frame=2)
    qtbot.waitUntil(lambda: any(job.title.startswith("frame 3 of") for job in page.desk.jobs))
    axial = page.panes.slices["axial"]
    waiting = grabbed(axial)
    long.word.set()
    quiet(qtbot, page.desk)
    shown = grabbed(axial)
    assert shown[60:-60, 60:-60].mean() > waiting[60:-60, 60:-60].mean() + 20
    assert page.desk.scene.state.scan.value_at((0, 0, 0), 2) == head().value_at((0, 0, 0)) + 200  # type: ignore[union-attr, operator]


def test_a_frame_that_cannot_be_read_is_said_once(page: ViewerPage, long: Long, qtbot: QtBot, told: Told) -> None:
    opened(page, qtbot, "long.nii.gz")
    page.desk.scene.update(frame=4)
    qtbot.waitUntil(lambda: "cut short" in str(told))
    quiet(qtbot, page.desk)
    assert str(told).count("cut short") == 1


def test_the_course_over_time_leaves_out_what_was_not_read(long: Long) -> None:
    finished(long.pending.load(2))
    values = course(long.volume, (0.0, 0.0, 0.0))
    assert values is not None and list(np.isfinite(values)) == [True, False, True, False, False]


def test_laid_over_a_scan_it_is_read_whole(page: ViewerPage, long: Long, qtbot: QtBot) -> None:
    opened(page, qtbot)
    page.open(Path("long.nii.gz"), "image")
    qtbot.waitUntil(lambda: not page.opening.busy)
    quiet(qtbot, page.desk)
    assert long.read == [0, 1, 2, 3]
    assert len(page.desk.scene.state.layers) == 1, "its last frame was refused"


def test_the_menu_reads_all_that_is_left(page: ViewerPage, long: Long, qtbot: QtBot) -> None:
    opened(page, qtbot, "long.nii.gz")
    fetching = page.feature("fetching")
    (action,) = fetching.actions()
    assert action.isEnabled()
    long.pending.count = 4  # the fifth is damaged
    action.trigger()
    qtbot.waitUntil(lambda: not long.pending.missing)
    quiet(qtbot, page.desk)
    assert long.read == [0, 1, 2, 3] and not action.isEnabled()
