"""One picture at a time, always of the latest wish; coarse while it moves, fine at rest; nothing is left behind."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.viewer.shooting import LEAST_SHARE, Shooting
from medviz.imaging.rendering.sight import Frame, Sight
from medviz.imaging.rendering.view import Shot, View, Wish
from medviz.imaging.scene import Point
from medviz.messages import Note, Progress, Work
from medviz.refused import Refused
from tests.gui.viewer.phantoms import marked, scene

ONE = scene(marked())


class Fake:
    """A renderer that takes as long as it is told, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.simple = False
        self.took_s = 0.2
        self.slow = threading.Event()
        self.slow.set()
        self.asked: list[Wish] = []
        self.given_up = 0
        self.at_once = 0
        self.closed = 0
        self._hurry = threading.Event()
        self.says: list[Note] = []

    def draw(self, wish: Wish) -> Work[Shot | None]:
        self.at_once += 1
        assert self.at_once == 1, "two pictures at once"
        try:
            self.asked.append(wish)
            self._hurry.clear()
            yield from self.says
            while not self.slow.wait(0.005):
                yield Progress(1, 4, "surfaces")
                if self._hurry.is_set():
                    self.given_up += 1
                    return None
            picture = np.zeros((*wish.size, 3), np.uint8)
            return Shot(wish, picture, None, Frame(np.zeros(3), 9.0, 9.0, 9.0), 1.0, "fake", self.took_s)
        finally:
            self.at_once -= 1

    def point_at(self, shot: Shot, row: float, col: float) -> Point | None:
        return (row, col, 0.0)

    def hurry(self, building: bool = False) -> None:
        self._hurry.set()

    def close(self) -> None:
        self.closed += 1
        self.slow.set()


class Pane:
    """What asks: turned by hand."""

    def __init__(self) -> None:
        self.turn = 0.0
        self.there = True

    def wish(self, share: float, fast: bool) -> Wish | None:
        size = (round(100 * share), round(200 * share))
        return Wish(ONE, View(Sight(self.turn)), size, fast) if self.there else None


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def pane() -> Pane:
    return Pane()


@pytest.fixture
def shooting(desk: Desk, fake: Fake, pane: Pane) -> Iterator[Shooting]:
    desk.services = replace(desk.services, studio=lambda: fake)
    owner = QObject()
    made = Shooting(desk, pane.wish, owner)
    yield made
    made.close()
    desk.stop_all()
    owner.deleteLater()


def at_rest(shooting: Shooting, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not shooting.busy, timeout=5000)


def test_of_many_wishes_the_first_and_the_last_are_answered(
    shooting: Shooting, fake: Fake, pane: Pane, qtbot: QtBot
) -> None:
    fake.slow.clear()
    for turn in range(50):
        pane.turn = float(turn)
        shooting.move()
    qtbot.wait(40)
    fake.slow.set()
    at_rest(shooting, qtbot)
    turns = [wish.view.sight.turn for wish in fake.asked]
    assert turns == [0.0, 49.0, 49.0] and [wish.fast for wish in fake.asked] == [True, True, False]
    assert shooting.shots == 3


def test_a_fine_picture_is_given_up_when_it_moves_again(
    shooting: Shooting, fake: Fake, pane: Pane, qtbot: QtBot
) -> None:
    fake.slow.clear()
    shooting.settle()
    qtbot.waitUntil(lambda: len(fake.asked) == 1)
    assert not fake.asked[0].fast and fake.asked[0].size == (100, 200)
    pane.turn = 7.0
    shooting.move()
    qtbot.waitUntil(lambda: fake.given_up == 1)
    fake.slow.set()
    at_rest(shooting, qtbot)
    assert [wish.fast for wish in fake.asked] == [False, True, False]
    assert shooting.shots == 2, "what was given up is not shown"


def test_pictures_become_coarser_until_they_keep_up_and_no_further(
    shooting: Shooting, fake: Fake, pane: Pane, qtbot: QtBot
) -> None:
    fake.took_s = 0.5
    for _ in range(8):
        shooting.move()
        at_rest(shooting, qtbot)
    assert shooting.share == pytest.approx(LEAST_SHARE, abs=0.02)
    fake.took_s = 0.001
    shooting._fine_s = 1.0
    shooting.move()
    qtbot.waitUntil(lambda: shooting.shots % 2 == 1, timeout=3000)
    at_rest(shooting, qtbot)
    assert shooting.share > 0.6


def test_where_fine_pictures_are_fast_there_are_no_coarse_ones(
    shooting: Shooting, fake: Fake, pane: Pane, qtbot: QtBot
) -> None:
    fake.took_s = 0.02
    shooting.settle()
    at_rest(shooting, qtbot)
    pane.turn = 3.0
    shooting.move()
    at_rest(shooting, qtbot)
    assert not any(wish.fast for wish in fake.asked) and fake.asked[-1].size == (100, 200)


def test_a_hand_that_never_rests_sees_fine_pictures_too(
    shooting: Shooting, fake: Fake, pane: Pane, qtbot: QtBot
) -> None:
    fake.took_s = 0.02
    shooting.settle()
    at_rest(shooting, qtbot)
    fake.slow.clear()
    before, began = shooting.shots, time.monotonic()
    while time.monotonic() - began < 0.6:
        pane.turn += 1.0
        shooting.move()
        qtbot.wait(4)
        if int(time.monotonic() * 50) % 2:
            fake.slow.set()
        else:
            fake.slow.clear()
    fake.slow.set()
    assert shooting.shots - before > 5 and fake.given_up <= 1
    at_rest(shooting, qtbot)


def test_what_follows_the_cross_hair_comes_at_a_walk(shooting: Shooting, fake: Fake, pane: Pane, qtbot: QtBot) -> None:
    began = time.monotonic()
    while time.monotonic() - began < 0.5:
        shooting.follow()
        qtbot.wait(5)
    passed = time.monotonic() - began
    at_rest(shooting, qtbot)
    assert 1 < len(fake.asked) <= passed / 0.066 + 3, "slices go first"


def test_a_pane_that_is_hidden_asks_for_nothing(shooting: Shooting, fake: Fake, pane: Pane, qtbot: QtBot) -> None:
    pane.there = False
    shooting.move()
    shooting.settle()
    qtbot.wait(250)
    assert not fake.asked and shooting.renderer is None, "not even for a renderer"


def test_a_picture_to_point_into_waits_its_turn(shooting: Shooting, fake: Fake, pane: Pane, qtbot: QtBot) -> None:
    fake.slow.clear()
    shooting.settle()
    qtbot.waitUntil(lambda: len(fake.asked) == 1)
    got: list[Shot] = []
    shooting.once(replace(fake.asked[0], size=(7, 9)), got.append)
    fake.slow.set()
    qtbot.waitUntil(lambda: bool(got))
    assert got[0].wish.size == (7, 9) and shooting.shots == 1
    at_rest(shooting, qtbot)


def test_progress_and_notes_are_passed_on(shooting: Shooting, fake: Fake, pane: Pane, desk: Desk, qtbot: QtBot) -> None:
    worked: list[Progress | None] = []
    noticed: list[object] = []
    shooting.worked.connect(worked.append)
    desk.noticed.connect(noticed.append)
    fake.says = [Note("The 3-D renderer was started again", "warning")]
    fake.slow.clear()
    shooting.settle()
    qtbot.waitUntil(lambda: any(one is not None for one in worked))
    fake.slow.set()
    at_rest(shooting, qtbot)
    assert worked[-1] is None and [one.text for one in noticed] == [fake.says[0].text]  # type: ignore[attr-defined]


def test_a_window_without_a_renderer_says_so(desk: Desk, pane: Pane, qtbot: QtBot) -> None:
    def none() -> Fake:
        raise Refused("the 3-D view", "it is not part of this window", "start the whole program")

    desk.services = replace(desk.services, studio=none)
    owner, noticed = QObject(), list[object]()
    desk.noticed.connect(noticed.append)
    made = Shooting(desk, pane.wish, owner)
    made.settle()
    qtbot.waitUntil(lambda: bool(noticed))
    assert "not part of this window" in str(noticed[0])
    made.close()
    owner.deleteLater()


def test_closed_while_it_draws_it_ends_the_renderer(
    shooting: Shooting, fake: Fake, pane: Pane, desk: Desk, qtbot: QtBot
) -> None:
    fake.slow.clear()
    shooting.move()
    qtbot.waitUntil(lambda: len(fake.asked) == 1)
    began = time.monotonic()
    shooting.close()
    assert fake.closed and time.monotonic() - began < 2.0
    qtbot.waitUntil(lambda: not desk.jobs)
    shooting.move()
    at_rest(shooting, qtbot)
