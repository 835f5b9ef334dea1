"""A form read off a dataclass, used as a person would: with keys and mouse."""

import threading
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QLineEdit

from medviz.catalog import Entry
from medviz.gui.cells import number, table
from medviz.gui.form import Form
from medviz.gui.number import next_neat, position_of, positions, value_at
from medviz.gui.store import Store
from medviz.parameters import (
    Choice,
    File,
    Group,
    Input,
    Matrix,
    Part,
    Pick,
    Range,
    Settings,
    Size,
    Step,
    When,
)

SMALL = Settings("small")
EDGE = ((1.0, 0.0, -1.0), (1.0, 0.0, -1.0), (1.0, 0.0, -1.0))


@dataclass(frozen=True)
class Everything:
    """One field of each kind."""

    image: Annotated[Any, Input("slice"), "Given"] = None
    cell: Annotated[tuple[int, int], Pick("output"), "Pointed at"] = (0, 0)
    step: Annotated[int, Step(), "Played"] = 0
    stride: Annotated[int, Range(1, 4, unit="px"), "How far the window moves"] = 1
    sigma_mm: Annotated[float, Range(0, 10, unit="mm"), "Width of the blur"] = 1.5
    rate: Annotated[float, Range(1e-6, 1, log=True), "Learning rate"] = 1e-3
    seed: Annotated[int | None, Range(0, 2**31 - 1), "Same seed, same run"] = None
    flip: Annotated[bool, "Turn the kernel"] = False
    mode: Annotated[Literal["valid", "same", "full"], Choice(("valid", "same", "full"), ("none", "half", "full"))] = (
        "valid"
    )
    fill: Annotated[float, Range(-1, 1), When("mode", "same", "full"), "What is padded with"] = 0.0
    kernel: Annotated[Matrix, Size(5, 5), "Numbers"] = EDGE
    place: Annotated[str, File(folder=True), "Where cases lie"] = ""
    name: Annotated[str, "What it is called"] = "run"
    network: Annotated[Settings, Part("networks"), "What learns"] = SMALL
    decay: Annotated[float, Range(0, 0.1), Group("Optimiser", advanced=True), "Weight decay"] = 0.01
    turn: Annotated[int, Range(0, 180, unit="°"), Group("Augmentation"), "Rotation"] = 15


@pytest.fixture
def form(qtbot, services):
    made = Form(Everything(), services.catalogs)
    qtbot.addWidget(made)
    made.told = []
    made.changed.connect(made.told.append)
    made.resize(380, 900)
    made.show()
    wait_loaded(qtbot, made)
    return made


def control(form, name):
    return form.fields.rows[name].control


def wait_loaded(qtbot, form):
    qtbot.waitUntil(lambda: control(form, "network").fields is not None)


def type_into(qtbot, box, text):
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, text)


class TestWhatIsShown:
    def test_what_is_pointed_at_played_or_given_is_not_shown(self, form):
        assert not {"image", "cell", "step"} & set(form.fields.rows)

    def test_all_else_is_shown_with_its_name_help_unit_and_default(self, form):
        row = form.fields.rows["sigma_mm"]
        assert row.label.text() == "Sigma"
        assert row.control.box.unit.text() == "mm"
        assert row.control.toolTip() == "Width of the blur\n0 to 10 mm\nDefault 1.5 mm (double click on the name)"
        assert row.control.box.text() == "1.5"

    def test_each_control_has_a_name_and_help_for_a_screen_reader(self, form):
        for row in form.fields.rows.values():
            kinds = (QLineEdit, QComboBox, QAbstractSpinBox)
            inner = [one for kind in kinds for one in row.control.findChildren(kind)] or [row.control.box]
            named = [one for one in inner if not isinstance(one.parent(), (QAbstractSpinBox, QComboBox))]
            assert named
            assert all(one.accessibleName() for one in named), row.one.name

    def test_tab_goes_through_all_rows_from_top_to_bottom(self, qtbot, form):
        form.fields.groups["Optimiser"].title.click()
        pick(qtbot, control(form, "mode").box, 1)
        form.show_value(Everything(mode="same", kernel=((1.0, 2.0),)))  # cells made later than the rows
        reached, rows = [], form.fields.rows
        form.search.setFocus()
        for _ in range(60):
            focus = QApplication.focusWidget()
            here = next((name for name, row in rows.items() if row.isAncestorOf(focus)), None)
            if here and here not in reached:
                reached.append(here)
            qtbot.keyClick(focus, Qt.Key.Key_Tab)
        assert reached == list(rows)

    def test_words_stand_for_options(self, form):
        box = control(form, "mode").box
        assert [box.itemText(n) for n in range(box.count())] == ["none", "half", "full"]

    def test_a_field_of_no_use_is_greyed_out_until_it_is(self, qtbot, form):
        row = form.fields.rows["fill"]
        assert not row.isEnabled()
        pick(qtbot, control(form, "mode").box, 1)
        assert row.isEnabled()

    def test_advanced_ones_are_folded_under_their_heading(self, qtbot, form):
        decay = form.fields.rows["decay"]
        assert not decay.isVisible()
        assert form.fields.rows["turn"].isVisible()
        qtbot.mouseClick(form.fields.groups["Optimiser"].title, Qt.MouseButton.LeftButton)
        assert decay.isVisible()

    def test_hidden_fields_are_left_out(self, qtbot, services):
        made = Form(Everything(), services.catalogs, hidden=("network", "name"))
        qtbot.addWidget(made)
        assert not {"network", "name"} & set(made.fields.rows)

    def test_a_search_finds_names_help_and_headings_and_unfolds(self, qtbot, form):
        qtbot.keyClicks(form.search, "weight")
        shown = {name for name, row in form.fields.rows.items() if row.isVisible()}
        assert shown == {"decay"}
        form.search.clear()
        qtbot.keyClicks(form.search, "augment")
        assert {name for name, row in form.fields.rows.items() if row.isVisible()} == {"turn"}
        form.search.clear()
        assert not form.fields.rows["decay"].isVisible(), "folded again"

    def test_a_short_form_has_no_search(self, qtbot):
        @dataclass(frozen=True)
        class Short:
            width: Annotated[int, Range(1, 4), "Width"] = 1

        made = Form(Short())
        qtbot.addWidget(made)
        made.show()
        assert not made.search.isVisible()


class TestNumbers:
    def test_keys_on_the_slider_change_by_one(self, qtbot, form):
        qtbot.keyClick(control(form, "stride").slider, Qt.Key.Key_Right)
        assert form.told == [Everything(stride=2)]
        assert form.value.stride == 2
        assert control(form, "stride").box.text() == "2"

    def test_typing_counts_at_each_keystroke(self, qtbot, form):
        type_into(qtbot, control(form, "sigma_mm").box, "2.5")
        assert [one.sigma_mm for one in form.told] == [2.0, 2.5]

    def test_pressing_on_the_slider_jumps_there(self, qtbot, form):
        slider = control(form, "sigma_mm").slider
        qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() - 1, slider.height() // 2))
        assert form.value.sigma_mm == 10.0

    def test_out_of_range_is_one_sentence_and_the_last_good_value_stands(self, qtbot, form):
        row = form.fields.rows["stride"]
        type_into(qtbot, row.control.box, "9")
        assert row.sentence.text() == "9: it is out of range; give 1 to 4 px"
        assert form.value.stride == 1
        control(form, "name").box.setFocus()
        assert row.control.box.text() == "1"
        assert not row.sentence.isVisible()

    def test_letters_cannot_be_typed(self, qtbot, form):
        type_into(qtbot, control(form, "stride").box, "x")
        assert form.told == []

    def test_a_comma_is_taken_for_a_point(self, qtbot, form):
        type_into(qtbot, control(form, "sigma_mm").box, "3,5")
        assert form.value.sigma_mm == 3.5

    def test_scientific_notation_is_taken(self, qtbot, form):
        type_into(qtbot, control(form, "rate").box, "3e-4")
        assert form.value.rate == 3e-4

    def test_a_logarithmic_box_steps_one_two_five(self, qtbot, form):
        box = control(form, "rate").box
        for _ in range(3):
            qtbot.keyClick(box, Qt.Key.Key_Up)
        assert [one.rate for one in form.told] == [0.002, 0.005, 0.01]
        qtbot.keyClick(box, Qt.Key.Key_Down)
        assert form.value.rate == 0.005

    def test_a_value_with_many_digits_is_not_cut_by_being_shown(self, qtbot, form):
        form.show_value(Everything(sigma_mm=1 / 3))
        box = control(form, "sigma_mm").box
        box.setFocus()
        control(form, "name").box.setFocus()
        assert form.told == []
        qtbot.keyClicks(control(form, "name").box, "x")
        assert form.value.sigma_mm == 1 / 3

    def test_a_range_too_wide_to_aim_in_has_no_slider(self, form):
        assert control(form, "seed").inner.slider is None

    def test_the_wheel_over_a_control_without_the_focus_changes_nothing(self, form):
        control(form, "name").box.setFocus()
        for widget in (control(form, "stride").slider, control(form, "stride").box, control(form, "mode").box):
            spin(widget)
        assert form.told == []
        control(form, "stride").slider.setFocus()
        spin(control(form, "stride").slider)
        assert len(form.told) == 1

    @pytest.mark.parametrize(
        ("low", "high", "log"),
        [(1e-6, 1.0, True), (0.0, 100.0, True), (1.0, 4096.0, True), (1e-6, 1.0, False), (-5.0, 5.0, False)],
    )
    def test_both_ends_of_a_slider_are_exact_and_there_is_no_way_back_between(self, low, high, log):
        bounds = Range(low, high, log=log)
        top = positions(bounds, whole=False)
        values = [value_at(place, bounds, top, whole=False) for place in range(top + 1)]
        assert values[0] == low
        assert values[-1] == high
        assert values == sorted(values)
        assert all(abs(position_of(value, bounds, top) - place) <= top * 0.01 for place, value in enumerate(values))

    def test_neat_steps_go_up_and_down_the_same_ladder(self):
        value, climbed = 1e-4, []
        for _ in range(4):
            value = next_neat(value, up=True)
            climbed.append(value)
        assert climbed == [2e-4, 5e-4, 1e-3, 2e-3]
        assert next_neat(3e-3, up=False) == 2e-3
        assert next_neat(1e-3, up=False) == 5e-4


class TestDefaults:
    def test_a_changed_value_is_marked_and_can_be_reset(self, qtbot, form):
        row = form.fields.rows["stride"]
        assert not row.back.isVisible()
        qtbot.keyClick(row.control.slider, Qt.Key.Key_Right)
        assert row.back.isVisible()
        assert row.label.property("changed")
        qtbot.mouseClick(row.back, Qt.MouseButton.LeftButton)
        assert form.value == Everything()
        assert form.told[-1] == Everything()
        assert not row.back.isVisible()

    @pytest.mark.parametrize("where", ["label", "slider"])
    def test_a_double_click_takes_the_default(self, qtbot, form, where):
        form.show_value(Everything(sigma_mm=4.0))
        row = form.fields.rows["sigma_mm"]
        target = row.label if where == "label" else row.control.slider
        place = target.rect().center() if where == "label" else QPoint(2, target.height() // 2)
        qtbot.mouseDClick(target, Qt.MouseButton.LeftButton, pos=place)
        assert form.value.sigma_mm == 1.5

    def test_a_value_without_default_is_reset_to_what_it_began_with(self, qtbot):
        @dataclass(frozen=True)
        class Bare:
            width: Annotated[int, Range(1, 9), "Width"]

        made = Form(Bare(5))
        qtbot.addWidget(made)
        made.show()
        qtbot.keyClick(made.fields.rows["width"].control.slider, Qt.Key.Key_Right)
        made.fields.rows["width"].reset()
        assert made.value == Bare(5)


class TestOtherKinds:
    def test_a_switch_is_turned_by_the_space_bar(self, qtbot, form):
        qtbot.keyClick(control(form, "flip").box, Qt.Key.Key_Space)
        assert form.value.flip is True

    def test_an_option_is_chosen_by_keys(self, qtbot, form):
        pick(qtbot, control(form, "mode").box, 2)
        assert form.value.mode == "full"

    def test_a_text_counts_at_each_keystroke_and_keeps_the_place(self, qtbot, form):
        box = control(form, "name").box
        box.setFocus()
        box.setCursorPosition(1)
        qtbot.keyClicks(box, "xy")
        assert form.value.name == "rxyun"
        assert box.cursorPosition() == 3

    def test_auto_hides_the_number_and_gives_none(self, qtbot, form):
        auto = control(form, "seed")
        assert auto.box.isChecked()
        assert not auto.inner.isVisible()
        qtbot.mouseClick(auto.box, Qt.MouseButton.LeftButton)
        assert form.value.seed == 0
        type_into(qtbot, auto.inner.box, "7")
        assert form.value.seed == 7
        qtbot.mouseClick(auto.box, Qt.MouseButton.LeftButton)
        assert form.value.seed is None
        qtbot.mouseClick(auto.box, Qt.MouseButton.LeftButton)
        assert form.value.seed == 7, "what stood there last comes back"

    def test_a_folder_is_browsed_for_or_typed(self, qtbot, form, tmp_path):
        row = form.fields.rows["place"]
        row.control.choose = lambda: str(tmp_path)
        qtbot.mouseClick(row.control.browse, Qt.MouseButton.LeftButton)
        assert form.value.place == str(tmp_path)
        qtbot.keyClicks(row.control.box, "_gone")
        assert row.sentence.text().endswith("there is no such folder")


class TestCells:
    def test_each_keystroke_counts(self, qtbot, form):
        cell = control(form, "kernel").grid.cells[0][1]
        type_into(qtbot, cell, "25")
        assert [one.kernel[0][1] for one in form.told] == [2.0, 25.0]

    def test_arrows_walk_from_cell_to_cell_and_around(self, qtbot, form):
        cells = control(form, "kernel").grid.cells
        cells[0][0].setFocus()
        cells[0][0].selectAll()
        for key, (r, c) in (("Right", (0, 1)), ("Down", (1, 1)), ("Left", (1, 0)), ("Left", (1, 2)), ("Up", (0, 2))):
            qtbot.keyClick(QApplication.focusWidget(), getattr(Qt.Key, f"Key_{key}"))
            assert QApplication.focusWidget() is cells[r][c], key

    def test_arrows_move_inside_a_number_that_is_being_typed(self, qtbot, form):
        cell = control(form, "kernel").grid.cells[0][0]
        type_into(qtbot, cell, "12")
        qtbot.keyClick(cell, Qt.Key.Key_Left)
        assert cell.hasFocus()
        assert cell.cursorPosition() == 1

    def test_a_bad_cell_is_marked_with_a_sentence_and_the_last_good_value_stands(self, qtbot, form):
        row = form.fields.rows["kernel"]
        cell = row.control.grid.cells[1][2]
        type_into(qtbot, cell, "a")
        assert cell.property("bad")
        assert row.sentence.text() == "row 2, column 3: “a” is not a number; the last good value stands"
        assert form.value.kernel == EDGE
        type_into(qtbot, cell, "4")
        assert not cell.property("bad")
        assert not row.sentence.isVisible()
        assert form.value.kernel[1][2] == 4.0

    def test_a_number_half_typed_does_not_jump(self, qtbot, form):
        cell = control(form, "kernel").grid.cells[0][0]
        type_into(qtbot, cell, "1.50")
        assert cell.text() == "1.50"
        assert form.value.kernel[0][0] == 1.5

    def test_fractions_are_taken_and_other_cells_keep_all_their_digits(self, qtbot, form):
        ninth = 1 / 9
        form.show_value(Everything(kernel=((ninth, ninth), (ninth, ninth))))
        type_into(qtbot, control(form, "kernel").grid.cells[0][0], "1/8")
        assert form.value.kernel == ((0.125, ninth), (ninth, ninth))

    def test_it_grows_with_zeros_and_shrinks_and_stops_at_its_size(self, qtbot, form):
        cells = control(form, "kernel")
        cells.rows.stepUp()
        assert form.value.kernel == (*EDGE, (0.0, 0.0, 0.0))
        cells.columns.stepDown()
        assert form.value.kernel == ((1.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0))
        assert cells.rows.maximum() == 5

    @pytest.mark.parametrize("text", ["1\t2\n3\t4", "[[1, 2], [3, 4]]", "1 2\n3 4\n", "1;2\n3;4"])
    def test_a_table_is_pasted(self, qtbot, form, text):
        QGuiApplication.clipboard().setText(text)
        qtbot.keyClick(control(form, "kernel").grid.cells[0][0], Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        assert form.value.kernel == ((1.0, 2.0), (3.0, 4.0))

    def test_a_pasted_table_that_does_not_fit_is_refused_in_a_sentence(self, qtbot, form):
        QGuiApplication.clipboard().setText("1 2\n3")
        qtbot.keyClick(control(form, "kernel").grid.cells[0][0], Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        assert form.value.kernel == EDGE
        assert "rows of one length" in form.fields.rows["kernel"].sentence.text()

    def test_one_number_is_pasted_into_one_cell(self, qtbot, form):
        QGuiApplication.clipboard().setText("7")
        cell = control(form, "kernel").grid.cells[0][0]
        cell.setFocus()
        cell.selectAll()
        qtbot.keyClick(cell, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        assert form.value.kernel[0][0] == 7.0

    @pytest.mark.parametrize(
        ("text", "value"), [("1/9", 1 / 9), ("−2", -2.0), ("2,5", 2.5), ("1/0", None), ("", None), ("inf", None)]
    )
    def test_what_a_cell_reads(self, text, value):
        assert number(text) == value

    def test_a_table_of_words_stays_words_to_be_refused(self):
        assert table("a b\n1 2") == [["a", "b"], [1.0, 2.0]]


class TestParts:
    def test_the_thing_has_a_form_of_its_own_without_what_the_program_gives(self, form):
        assert set(control(form, "network").fields.rows) == {"width", "depth", "norm"}

    def test_what_is_changed_inside_becomes_settings_and_a_default_leaves_them(self, qtbot, form):
        inner = control(form, "network").fields.rows["depth"]
        qtbot.keyClick(inner.control.slider, Qt.Key.Key_Right)
        assert form.value.network == Settings("small", (("depth", 4),))
        inner.reset()
        assert form.value.network == Settings("small")

    def test_settings_from_outside_are_shown(self, qtbot, form):
        form.show_value(Everything(network=Settings("small", (("width", 32), ("norm", "batch")))))
        rows = control(form, "network").fields.rows
        assert rows["width"].control.box.text() == "32"
        assert rows["norm"].control.box.currentText() == "batch"
        assert rows["width"].back.isVisible()

    def test_a_slow_import_says_so_and_does_not_hold_the_window_up(self, qtbot, services):
        catalog = slow_catalog(services, 0.3)
        made = Form(Everything(), {"networks": catalog})
        qtbot.addWidget(made)
        made.show()
        assert words(control(made, "network").box) == ["loading…"]
        wait_loaded(qtbot, made)
        qtbot.waitUntil(lambda: words(control(made, "network").box)[:1] == ["Width"])

    def test_choosing_another_while_one_is_loading_shows_the_other(self, qtbot, services):
        catalog = slow_catalog(services, 0.2)
        made = Form(Everything(), {"networks": catalog})
        qtbot.addWidget(made)
        made.show()
        pick(qtbot, control(made, "network").select.box, 1)
        assert made.value.network == Settings("other")
        wait_loaded(qtbot, made)
        qtbot.wait(350)
        assert set(control(made, "network").fields.rows) == {"heads"}

    def test_a_thing_that_cannot_be_imported_is_a_sentence(self, qtbot, services):
        catalog = slow_catalog(services, 0)
        catalog._things["small"] = None
        made = Form(Everything(network=Settings("broken")), {"networks": catalog})
        qtbot.addWidget(made)
        made.show()
        qtbot.waitUntil(lambda: "ModuleNotFoundError" in " ".join(words(control(made, "network").box)))

    def test_a_form_closed_while_loading_leaves_no_trouble(self, qtbot, services):
        made = Form(Everything(), {"networks": slow_catalog(services, 0.2)})
        made.show()
        made.close()
        made.deleteLater()
        qtbot.wait(300)
        assert not [one for one in threading.enumerate() if one.name.startswith("job: ")]

    def test_only_the_names_allowed_are_offered(self, qtbot, services):
        @dataclass(frozen=True)
        class Narrow:
            network: Annotated[Settings, Part("networks", ("small",)), "What learns"] = SMALL

        made = Form(Narrow(), {"networks": slow_catalog(services, 0)})
        qtbot.addWidget(made)
        box = control(made, "network").select.box
        assert [box.itemText(n) for n in range(box.count())] == ["Small net"]
        wait_loaded(qtbot, made)


class TestFeedback:
    def test_showing_a_value_says_nothing(self, qtbot, form, tmp_path):
        other = Everything(
            stride=3,
            sigma_mm=4.25,
            rate=0.0123,
            seed=9,
            flip=True,
            mode="full",
            fill=0.5,
            kernel=((1.0,),),
            place=str(tmp_path),
            name="b",
            network=Settings("small", (("width", 5),)),
            decay=0.05,
            turn=90,
        )
        form.show_value(other)
        form.show_value(Everything())
        form.show_value(other)
        assert form.told == []
        assert form.value == other
        qtbot.keyClick(control(form, "flip").box, Qt.Key.Key_Space)
        assert form.value.sigma_mm == 4.25
        assert form.value.rate == 0.0123

    def test_over_a_store_it_shows_and_changes_what_the_store_holds(self, qtbot, services):
        store = Store(Everything())
        made = Form.over(store, services.catalogs)
        qtbot.addWidget(made)
        made.show()
        wait_loaded(qtbot, made)
        qtbot.keyClick(control(made, "stride").slider, Qt.Key.Key_Right)
        assert store.state.stride == 2
        store.update(stride=4)
        assert control(made, "stride").box.text() == "4"
        assert made.value.stride == 4

    def test_two_forms_over_one_store_agree(self, qtbot, services):
        store = Store(Everything())
        forms = [Form.over(store, services.catalogs) for _ in range(2)]
        for made in forms:
            qtbot.addWidget(made)
            made.show()
            wait_loaded(qtbot, made)
        qtbot.keyClick(control(forms[0], "stride").slider, Qt.Key.Key_Right)
        assert control(forms[1], "stride").box.text() == "2"

    def test_a_form_that_is_gone_is_told_no_more(self, qtbot, services):
        store = Store(Everything())
        made = Form.over(store, services.catalogs)
        made.deleteLater()
        qtbot.wait(50)
        store.update(stride=2)

    def test_another_kind_of_thing_is_not_shown_in_it(self, form):
        with pytest.raises(TypeError, match="cannot show int"):
            form.show_value(3)


def slow_catalog(services, seconds):
    """Two things that take their time, and one that is not there."""

    def other(heads: Annotated[int, Range(1, 16), "Attention heads"] = 4) -> None: ...

    kind = type(services.networks)
    small = services.networks["small"]
    return kind(
        "network",
        {
            "small": (Entry("nowhere.small:Net", "Small net"), small),
            "other": (Entry("nowhere.other:Net", "Other"), other),
            "broken": (Entry("nowhere.broken:Net", "Broken"), _Absent()),
        },
        slow_s=seconds,
    )


class _Absent:
    """Stands for a module that is not there; parameters() of it fails."""

    @property
    def __class__(self):
        raise ModuleNotFoundError("No module named 'nowhere'")


def pick(qtbot, box, index):
    """Choose with the keyboard, as a person does."""
    box.setFocus()
    while box.currentIndex() != index:
        qtbot.keyClick(box, Qt.Key.Key_Down if box.currentIndex() < index else Qt.Key.Key_Up)


def spin(widget):
    centre = QPointF(widget.rect().center())
    event = QWheelEvent(
        centre,
        widget.mapToGlobal(centre),
        QPoint(0, 0),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def words(widget):
    from PySide6.QtWidgets import QLabel

    return [label.text() for label in widget.findChildren(QLabel) if label.isVisible()]
