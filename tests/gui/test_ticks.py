"""Names with a box each, used as a person would."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from PySide6.QtCore import Qt

from medviz.gui.form import Form
from medviz.parameters import Ticks


@dataclass(frozen=True)
class Wishes:
    changes: Annotated[tuple[str, ...], Ticks(("turn", "mirror", "noise"), ("Turn", "Mirror", "Noise")), "Made"] = (
        "turn",
    )
    freeze: Annotated[tuple[str, ...], Ticks(), "Blocks that do not learn"] = ()


@pytest.fixture
def form(qtbot):
    made = Form(Wishes())
    qtbot.addWidget(made)
    made.resize(380, 300)
    made.show()
    return made


def control(form, name):
    return form.fields.rows[name].control


def test_a_box_is_ticked_with_the_space_bar_and_the_way_back_is_there(qtbot, form):
    ticks = control(form, "changes")
    assert [box.text() for box in ticks.boxes.values()] == ["Turn", "Mirror", "Noise"]
    qtbot.keyClick(ticks.boxes["noise"], Qt.Key.Key_Space)
    assert form.value.changes == ("turn", "noise")
    assert form.fields.rows["changes"].back.isVisible()
    form.fields.rows["changes"].back.click()
    assert form.value.changes == ("turn",)
    assert not ticks.boxes["noise"].isChecked()


def test_all_and_none(form):
    ticks = control(form, "changes")
    ticks.all.click()
    assert form.value.changes == ("turn", "mirror", "noise")
    ticks.none.click()
    assert form.value.changes == ()


def test_names_are_typed_until_they_are_offered(qtbot, form):
    ticks = control(form, "freeze")
    assert ticks.line.isVisible()
    qtbot.keyClicks(ticks.line, "down, up")
    assert form.value.freeze == ("down", "up")
    form.offer("freeze", ("down", "merge", "head"))
    assert not ticks.line.isVisible()
    assert ticks.boxes["down"].isChecked()
    assert "up: there is no such block" in form.fields.rows["freeze"].sentence.text()
    ticks.boxes["merge"].click()
    assert form.value.freeze == ("down", "merge")
    assert form.fields.rows["freeze"].sentence.text() == ""
    form.offer("freeze", ())
    assert ticks.line.text() == "down, merge"


def test_every_box_has_a_name_and_a_help(form):
    for box in control(form, "changes").boxes.values():
        assert box.accessibleName().startswith("changes: ")
        assert "Made" in box.toolTip()
