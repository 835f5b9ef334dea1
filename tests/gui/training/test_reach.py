"""Every control of the Train page has a name and can be reached with the Tab key, before a run and while one goes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.window import Window
from medviz.messages import Note
from tests.gui.conftest import settle
from tests.gui.test_reachable import TAB, controls, described, in_a_group, told
from tests.gui.training.conftest import Slow, chosen


@pytest.fixture
def window(desk: Desk, qtbot: QtBot, dressed: object, runs: Any) -> Iterator[Window]:
    slow = Slow()
    object.__setattr__(desk.services, "train", slow)
    object.__setattr__(desk.services, "new_run", lambda name: runs / f"{name}-1")
    made = Window(desk)
    made.resize(1440, 900)
    made.show()
    qtbot.waitExposed(made)
    made.dress()
    made.show_page("training")
    yield made
    slow.go(100)
    desk.stop_all()
    made.quit()
    made.deleteLater()
    settle()


def lost(window: Window) -> list[str]:
    window.activateWindow()
    reached: set[QWidget] = set()
    one = window.nextInFocusChain()
    while one is not window and len(reached) < 5000:
        reached.add(one)
        one = one.nextInFocusChain()
    page = window.pages["training"]
    return [
        described(one)
        for one in controls(window)
        if (page.isAncestorOf(one) or window.dock.isAncestorOf(one))
        and one.isVisibleTo(window)
        and one.isEnabled()
        and not in_a_group(one)
        and (one not in reached or not one.focusPolicy() & TAB)
    ]


def nameless(window: Window) -> list[str]:
    return [described(one) for one in controls(window) if not (one.accessibleName() or getattr(one, "text", str)())]


def silent(window: Window) -> list[str]:
    words: Callable[[QWidget], str] = lambda one: str(getattr(one, "text", str)()).strip()  # noqa: E731
    return [described(one) for one in controls(window) if one.isVisibleTo(window) and not told(one) and not words(one)]


def test_before_a_run(window: Window, qtbot: QtBot) -> None:
    page: Any = window.pages["training"]
    chosen(page, qtbot)
    qtbot.waitUntil(lambda: not window.desk.jobs)
    assert not lost(window), "\n".join(lost(window))
    assert not nameless(window) and not silent(window)


@pytest.mark.parametrize("word", ["Probes", "Samples", "Patient", "Input", "Inside", "Cases"])
def test_while_a_run_goes(word: str, window: Window, qtbot: QtBot) -> None:
    page: Any = window.pages["training"]
    chosen(page, qtbot)
    page.start()
    page.desk.services.train.go(3)
    qtbot.waitUntil(lambda: page.watch is not None and page.watch.history.step >= 2)
    page.watch.history.notes.append(Note("Flat", "hint", "epochs=9"))
    page.show_view(word)
    page.show_side("Hints")
    page._say()
    qtbot.wait(20)
    assert not lost(window), "\n".join(lost(window))
    assert not nameless(window) and not silent(window)


def test_nothing_is_cut_off_in_a_small_window(window: Window, qtbot: QtBot) -> None:
    window.resize(1100, 700)
    page: Any = window.pages["training"]
    chosen(page, qtbot)
    page.start()
    page.desk.services.train.go(3)
    qtbot.waitUntil(lambda: page.watch is not None and page.watch.history.step >= 2)
    qtbot.wait(20)
    page_right, side = page.mapTo(window, page.rect().topRight()).x(), page.panel()
    seen = [one for one in controls(window) if one.isVisible() and (page.isAncestorOf(one) or side.isAncestorOf(one))]
    assert len(seen) > 15
    for one in seen:
        right = one.mapTo(window, one.rect().topRight()).x()
        edge = page_right if page.isAncestorOf(one) else window.width()
        assert right <= edge, described(one)
        if one.focusPolicy() == Qt.FocusPolicy.NoFocus:
            continue
        assert one.width() >= one.minimumSizeHint().width() - 1, described(one)
