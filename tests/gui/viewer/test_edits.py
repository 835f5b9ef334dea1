"""One undo stack for all that changes a label layer, by hand or by a model."""

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer.edits import Edits
from medviz.imaging import edit
from medviz.imaging.corrections import Corrections
from medviz.imaging.edit import Brush
from medviz.imaging.labels import Label
from tests.gui.viewer.hands import Told, quiet, with_prediction

ISO = (2.0, 2.0, 2.0)


def edits(page: ViewerPage) -> Edits:
    found: Edits = page.feature("edit").edits  # type: ignore[attr-defined]
    return found


def corrected(page: ViewerPage, number: int) -> Corrections:
    found = edits(page).of(page.desk.scene.state.layers[number])
    assert found is not None
    return found


@pytest.mark.trap("T21")
def test_accepted_labels_and_strokes_are_one_stack_and_locks_hold(page: ViewerPage, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    number = edits(page).new_layer("mine", (Label(7, "lesion", (255, 0, 0)),))
    assert number == 2
    store = page.desk.scene
    stroke = edit.paint(np.zeros(store.state.layers[2].volume.shape, np.uint8), [(10, 10, 10)], 7, Brush(8.0), ISO)
    edits(page).do(2, stroke)
    store.put(store.state.with_layer(2, locked_labels=frozenset({7})))
    mine = int((corrected(page, 2).map == 7).sum())
    assert mine > 50
    edits(page).accept_proposal(1, {1, 2})
    made = corrected(page, 2)
    proposed = store.state.layers[1].volume.frame()
    assert (made.map == 7).sum() == mine, "a locked label is spared"
    assert (made.map == 2).any() and not (made.map == 3).any()
    free = made.map != 7
    np.testing.assert_array_equal(made.map[free] == 2, (proposed == 2)[free])
    assert len(made.history.names) == 2 and made.history.names[1].startswith("accept ")
    edits(page).undo(made)
    assert set(np.unique(made.map)) == {0, 7}
    edits(page).undo(made)
    assert not made.map.any()
    edits(page).jump(made, 2)
    assert (made.map == 2).any() and (made.map == 7).sum() == mine
    quiet(qtbot, page.desk)


@pytest.mark.trap("T21")
def test_a_proposal_is_taken_by_the_names_of_its_labels(page: ViewerPage, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    edits(page).accept_proposal(1, {2})
    layer = page.desk.scene.state.layers[2]
    assert [(one.value, one.name) for one in layer.labels] == [(2, "white matter")]
    edits(page).accept_proposal(1, {1})
    layer = page.desk.scene.state.layers[2]
    assert [(one.value, one.name) for one in layer.labels] == [(1, "grey matter"), (2, "white matter")]
    edits(page).undo(corrected(page, 2))
    assert [one.name for one in page.desk.scene.state.layers[2].labels] == ["white matter"], "names are undone too"


def test_a_label_of_another_name_gets_a_value_of_its_own(page: ViewerPage, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    edits(page).new_layer()
    edits(page).accept_proposal(1, {1})
    layer = page.desk.scene.state.layers[2]
    assert [(one.value, one.name) for one in layer.labels] == [(1, "label 1"), (2, "grey matter")]
    proposed = page.desk.scene.state.layers[1].volume.frame()
    np.testing.assert_array_equal(layer.volume.frame() == 2, proposed == 1)


def test_counts_follow_each_change_without_counting_again(page: ViewerPage, qtbot: QtBot, told: Told) -> None:
    with_prediction(page, qtbot)
    edits(page).accept_proposal(1, {1, 2, 3})
    made = corrected(page, 2)
    change = edit.islands(made.map, 1, 10**9)
    edits(page).do(2, change)
    counts = page.counting.of(page.desk.scene.state.layers[2].volume)
    assert counts == {value: int((made.map == value).sum()) for value in (2, 3)}
    edits(page).undo(made)
    counts = page.counting.of(page.desk.scene.state.layers[2].volume)
    assert counts == {value: int((made.map == value).sum()) for value in (1, 2, 3)}


def test_a_layer_that_was_opened_is_copied_before_it_is_changed(page: ViewerPage, qtbot: QtBot) -> None:
    with_prediction(page, qtbot)
    store = page.desk.scene
    store.put(store.state.with_layer(1, proposal=False))
    before = store.state.layers[1].volume
    kept = before.frame().copy()
    edits(page).do(1, edit.islands(before.frame(), 2, 10**9))
    np.testing.assert_array_equal(before.frame(), kept)
    assert not (store.state.layers[1].volume.frame() == 2).any()
    corrected(page, 1).undo()
    np.testing.assert_array_equal(store.state.layers[1].volume.frame(), kept)
