"""Every control says what it is to those who do not see it, and can be reached without a mouse."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.window import Window
from tests.gui.conftest import settle

HANDLED = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
TAB = Qt.FocusPolicy.TabFocus
PARTS = ("qt_", "ExtensionButton", "ScrollLeftButton", "ScrollRightButton", "maxTracesSpin", "downsampleSpin",
         "alphaSlider", "gridAlphaSlider")  # fmt: skip
"""Names of widgets that Qt makes inside of its own, and pyqtgraph in a menu that is never shown."""


@pytest.fixture
def window(desk: Desk, qtbot: QtBot, dressed: object) -> Iterator[Window]:
    made = Window(desk)
    made.resize(1440, 900)
    made.show()
    qtbot.waitExposed(made)
    made.dress()
    yield made
    desk.stop_all()
    made.close()
    made.deleteLater()
    settle()


def controls(window: Window) -> list[QWidget]:
    """The controls a person works with; those inside of another control are part of it."""

    def own(one: QWidget) -> bool:
        inner = one.objectName().startswith(PARTS) or isinstance(one, QScrollBar)
        parent = one.parentWidget()
        return not inner and not isinstance(parent, (QAbstractSpinBox, QComboBox, QLineEdit, QTabBar))

    return [one for one in window.findChildren(QWidget) if isinstance(one, HANDLED) and own(one)]


def in_a_group(one: QWidget) -> bool:
    """Of buttons of which one is on, Tab goes to that one and the arrows to the others."""
    group = one.group() if isinstance(one, QAbstractButton) else None
    return group is not None and group.exclusive() and bool(group.checkedButton().focusPolicy() & TAB)


def told(one: QWidget) -> str:
    """What the mouse is told over it: its own words, or those of the row it stands in."""
    parent = one.parentWidget()
    return one.toolTip() or one.accessibleName() or (told(parent) if parent is not None else "")


def described(one: QWidget) -> str:
    text = one.text() if isinstance(one, QAbstractButton) else ""
    return f"{type(one).__name__} {one.objectName()} {text!r} in {type(one.parentWidget()).__name__}"


@pytest.mark.parametrize("page", ["viewer", "training", "lab", "settings"])
def test_every_control_has_a_name_for_a_screen_reader(page: str, window: Window, qtbot: QtBot) -> None:
    window.show_page("viewer")
    window.open_sample()
    qtbot.waitUntil(lambda: window.desk.scene.state.scan is not None and not window.desk.jobs)
    window.show_page(page)
    qtbot.waitUntil(lambda: not window.desk.jobs)
    nameless = [
        described(one)
        for one in controls(window)
        if not (one.accessibleName() or (isinstance(one, QAbstractButton) and one.text().strip(" &")))
    ]
    assert not nameless, "\n".join(nameless)


def test_every_control_of_the_viewer_can_be_reached_with_the_tab_key(window: Window, qtbot: QtBot) -> None:
    window.show_page("viewer")
    window.open_sample()
    qtbot.waitUntil(lambda: window.desk.scene.state.scan is not None and not window.desk.jobs)
    window.activateWindow()
    reached: set[QWidget] = set()
    one = window.nextInFocusChain()
    while one is not window and len(reached) < 5000:
        reached.add(one)
        one = one.nextInFocusChain()
    lost = [
        described(one)
        for one in controls(window)
        if one.isVisibleTo(window)
        and one.isEnabled()
        and not in_a_group(one)
        and (one not in reached or not one.focusPolicy() & TAB)
    ]
    assert not lost, "\n".join(lost)


def test_icons_without_words_say_in_a_tool_tip_what_they_do(window: Window, qtbot: QtBot) -> None:
    window.show_page("viewer")
    window.open_sample()
    qtbot.waitUntil(lambda: window.desk.scene.state.scan is not None and not window.desk.jobs)
    silent = [
        described(one)
        for one in controls(window)
        if isinstance(one, QAbstractButton) and not one.text().strip() and not told(one)
    ]
    assert not silent, "\n".join(silent)


def test_no_key_means_two_things(window: Window, qtbot: QtBot) -> None:
    window.show_page("viewer")
    acts = {act for one in (window, window.pages["viewer"]) for act in (*one.actions(), *one.findChildren(QAction))}
    keyed: dict[str, list[str]] = {}
    for act in acts:
        for keys in act.shortcuts():
            keyed.setdefault(keys.toString(), []).append(act.text())
    twice = {keys: words for keys, words in keyed.items() if len(words) > 1}
    assert not twice
    viewer = [key for key, _ in window.keys()["Viewer"]]
    assert len(viewer) == len(set(viewer)), sorted(key for key in viewer if viewer.count(key) > 1)


def test_no_control_of_the_panel_is_cut_off_however_narrow_the_dock_is_made(window: Window, qtbot: QtBot) -> None:
    window.show_page("viewer")
    window.open_sample()
    qtbot.waitUntil(lambda: window.desk.scene.state.scan is not None and not window.desk.jobs)
    window.resizeDocks([window.dock], [60], Qt.Orientation.Horizontal)
    qtbot.wait(20)
    seen = [one for one in controls(window) if one.isVisible() and window.dock.isAncestorOf(one)]
    assert len(seen) > 10
    cut = [described(one) for one in seen if one.mapTo(window.dock, one.rect().topRight()).x() >= window.dock.width()]
    assert not cut, "\n".join(cut)
