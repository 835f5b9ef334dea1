"""The words over the panel's parts: all of them seen at any width, reached by keys."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from medviz.gui.viewer.tabs import Tabs

WORDS = ("Model", "View", "Contrast", "Measure", "Edit", "Compare", "Threshold")


@pytest.fixture
def tabs(qtbot: QtBot, dressed: object) -> Tabs:
    made = Tabs()
    for word in WORDS:
        made.add(QLabel(f"this is {word}"), word, f"what {word} does")
    qtbot.addWidget(made)
    made.resize(330, 300)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.mark.parametrize("width", [200, 280, 330, 480, 900])
def test_no_word_is_cut_off_at_any_width(tabs: Tabs, width: int, qtbot: QtBot) -> None:
    tabs.resize(width, 300)
    qtbot.wait(1)
    for button in tabs.buttons:
        assert button.width() >= button.fontMetrics().horizontalAdvance(button.text())
        assert 0 <= button.x() and button.geometry().right() <= width
    places = [button.geometry() for button in tabs.buttons]
    assert not any(a.intersects(b) for n, a in enumerate(places) for b in places[:n])


def test_a_wide_panel_has_one_row_and_a_narrow_one_several_of_about_the_same_number(tabs: Tabs, qtbot: QtBot) -> None:
    tabs.resize(900, 300)
    qtbot.wait(1)
    assert len({button.y() for button in tabs.buttons}) == 1
    tabs.resize(330, 300)
    qtbot.wait(1)
    rows = [button.y() for button in tabs.buttons]
    assert sorted(rows.count(y) for y in set(rows)) == [3, 4]


def test_a_press_and_the_arrows_bring_a_part_to_the_front(tabs: Tabs, qtbot: QtBot) -> None:
    assert tabs.word == "Model"
    qtbot.mouseClick(tabs.buttons[4], Qt.MouseButton.LeftButton)
    assert tabs.word == "Edit" and tabs.stack.currentWidget().text() == "this is Edit"  # type: ignore[attr-defined]
    tabs.buttons[4].setFocus()
    qtbot.keyClick(tabs.buttons[4], Qt.Key.Key_Right)
    qtbot.keyClick(tabs.buttons[5], Qt.Key.Key_Space)
    assert tabs.word == "Compare"
    tabs.show_word("View")
    assert tabs.word == "View" and tabs.buttons[1].isChecked()


def test_what_is_in_front_says_how_much_height_it_wants_and_when_that_changes(tabs: Tabs, qtbot: QtBot) -> None:
    long = QLabel("words that wrap " * 40)
    long.setWordWrap(True)
    holder = QWidget()
    QVBoxLayout(holder).addWidget(long)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(holder)
    tabs.add(area, "Long", "much to read")
    little = tabs.wished_height()
    with qtbot.waitSignal(tabs.turned):
        tabs.show_word("Long")
    assert tabs.wished_height() > little + 50
    with qtbot.waitSignal(tabs.turned):
        long.setText("short")
    assert tabs.wished_height() < little + 60
