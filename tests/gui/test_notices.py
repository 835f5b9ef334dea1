"""Notices: what happened, which file, what to do, one button; three at most, and never the focus."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPlainTextEdit, QPushButton, QToolButton, QWidget

from medviz.gui import notices as notices_module
from medviz.gui.notices import MOST, Details, Notices


@pytest.fixture
def over(qtbot, desk):
    """A window with a line that has the focus, and notices over it."""
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.line = QLineEdit(made)
    made.show()
    made.line.setFocus()
    desk.preferred.update(motion=False)
    made.notices = Notices(made, desk)
    return made


def texts(over):
    return [one.note.text for one in over.notices.shown]


def words(notice):
    return [label.text() for label in notice.findChildren(QLabel) if label.text()]


def test_it_says_what_happened_to_which_file_and_what_to_do(over, desk):
    desk.tell("brain.nii.gz: the file is cut off", "error", "download it again")
    (notice,) = over.notices.shown
    assert words(notice) == ["brain.nii.gz: the file is cut off", "Download it again"]
    assert notice.accessibleName() == "error: brain.nii.gz: the file is cut off download it again"


def test_it_stands_at_the_top_right_and_keeps_to_it(qtbot, over, desk):
    desk.tell("one")
    (notice,) = over.notices.shown
    assert over.width() - notice.geometry().right() < 24
    assert notice.y() < 60
    over.resize(1200, 700)
    assert 1200 - notice.geometry().right() < 24


def test_the_focus_stays_where_it_is(qtbot, over, desk):
    for number in range(5):
        desk.tell(f"error {number}", "error", "do something")
    qtbot.keyClicks(over.line, "typing on")
    assert QApplication.focusWidget() is over.line
    assert over.line.text() == "typing on"


def test_never_more_than_three_are_stacked_and_none_is_lost(qtbot, over, desk):
    for number in range(7):
        desk.tell(f"error {number}", "error")
        assert len(over.notices.shown) <= MOST
    assert texts(over) == ["error 0", "error 1", "error 2"]
    seen = []
    while over.notices.shown:
        seen.append(texts(over)[0])
        dismiss(qtbot, over.notices.shown[0])
    assert seen == [f"error {number}" for number in range(7)]


def test_a_stack_of_news_gives_way_to_the_newest(over, desk):
    for number in range(5):
        desk.tell(f"news {number}")
    assert texts(over) == ["news 2", "news 3", "news 4"]


def test_an_error_is_not_kept_waiting_behind_news(over, desk):
    for number in range(3):
        desk.tell(f"news {number}")
    desk.tell("broken", "error")
    assert "broken" in texts(over)


def test_news_do_not_push_errors_away(over, desk):
    for number in range(3):
        desk.tell(f"error {number}", "error")
    desk.tell("news")
    assert texts(over) == ["error 0", "error 1", "error 2"]


def test_they_do_not_overlap(over, desk):
    desk.tell("short", "error")
    desk.tell("long " * 60, "error", "remedy " * 30)
    desk.tell("short too", "error")
    places = [one.geometry() for one in over.notices.shown]
    assert all(not one.intersects(other) for one in places for other in places if one != other)


def test_all_of_a_long_text_is_shown(dressed, over, desk):
    dressed.choose("dark", 1.5)
    desk.tell("a long sentence that goes on and on " * 6, "error")
    (notice,) = over.notices.shown
    label = next(label for label in notice.findChildren(QLabel) if label.text().startswith("a long"))
    notice.layout().activate()
    assert label.height() >= label.heightForWidth(label.width())


def test_news_fade_and_errors_stay(qtbot, over, desk, monkeypatch):
    monkeypatch.setattr(notices_module, "LASTS_MS", {"info": 60, "warning": 60})
    desk.tell("news")
    desk.tell("broken", "error")
    qtbot.waitUntil(lambda: texts(over) == ["broken"])
    qtbot.wait(120)
    assert texts(over) == ["broken"]


def test_news_stay_while_they_are_read(qtbot, over, desk, monkeypatch):
    monkeypatch.setattr(notices_module, "LASTS_MS", {"info": 60})
    desk.tell("news")
    (notice,) = over.notices.shown
    notice.enterEvent(None)
    qtbot.wait(150)
    assert texts(over) == ["news"]
    notice.leaveEvent(None)
    qtbot.waitUntil(lambda: texts(over) == [])


def test_the_same_again_is_counted_instead_of_stacked(over, desk):
    for _ in range(3):
        desk.tell("mask.nii: no such file", "error")
    assert texts(over) == ["mask.nii: no such file"]
    assert words(over.notices.shown[0]) == ["mask.nii: no such file  (3×)"]


def test_its_button_does_what_it_says_and_dismisses(qtbot, over, desk):
    done = []
    desk.tell("another grid", "warning", button="Resample", act=lambda: done.append("resampled"))
    (notice,) = over.notices.shown
    button = notice.findChild(QPushButton)
    assert button.text() == "Resample"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert done == ["resampled"]
    assert over.notices.shown == []


def test_what_can_be_acted_upon_does_not_fade(qtbot, over, desk, monkeypatch):
    monkeypatch.setattr(notices_module, "LASTS_MS", {"info": 40, "warning": 40})
    desk.tell("another grid", "warning", button="Resample", act=lambda: None)
    qtbot.wait(120)
    assert texts(over) == ["another grid"]


def test_a_trace_is_behind_a_button_and_can_be_copied(qtbot, over, desk):
    desk.tell("training: ValueError: no", "error", "Traceback\n  line 1\nValueError: no")
    (notice,) = over.notices.shown
    assert words(notice) == ["training: ValueError: no"]
    qtbot.mouseClick(notice.findChild(QPushButton), Qt.MouseButton.LeftButton)
    details = over.findChild(Details)
    assert "line 1" in details.findChild(QPlainTextEdit).toPlainText()
    copy = next(button for button in details.findChildren(QPushButton) if button.text() == "Copy")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == "training: ValueError: no\n\nTraceback\n  line 1\nValueError: no"
    details.close()


def test_it_slides_in_where_motion_is_wanted(qtbot, over, desk):
    desk.preferred.update(motion=True)
    desk.tell("news")
    (notice,) = over.notices.shown
    assert notice.x() >= over.width() - 40, "begins outside"
    qtbot.waitUntil(lambda: over.width() - notice.geometry().right() < 24)
    dismiss(qtbot, notice)
    assert over.notices.shown == []


def test_text_is_taken_as_it_is(over, desk):
    desk.tell("<img src=x> & <b>bold</b>")
    assert words(over.notices.shown[0]) == ["<img src=x> & <b>bold</b>"]
    label = over.notices.shown[0].findChildren(QLabel)[1]
    assert label.textFormat() == Qt.TextFormat.PlainText


def test_dismissing_all_takes_those_that_wait_too(over, desk):
    for number in range(6):
        desk.tell(f"error {number}", "error")
    over.notices.dismiss_all()
    assert over.notices.shown == []
    assert not over.notices.waiting


def test_what_is_beside_it_can_still_be_clicked(qtbot, over, desk):
    desk.tell("news")
    assert over.childAt(QPoint(5, 5)) is over.line


def test_those_of_one_level_can_be_taken_away(over, desk):
    desk.tell("news")
    desk.tell("broken", "error")
    over.notices.dismiss("info")
    assert texts(over) == ["broken"]


def dismiss(qtbot, notice):
    close = next(one for one in notice.findChildren(QToolButton) if one.accessibleName() == "dismiss")
    qtbot.mouseClick(close, Qt.MouseButton.LeftButton)
