"""Pieces of the Labs page on a small lab: showing, the hand, inputs, the player, the board."""

import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QSize, Qt

from medviz.figures import Curves, Gallery, Graph, Heatmap, Line, Picture, Table, Text
from medviz.gui.drawing.board import Board
from medviz.gui.labs_page.hand import Hand
from medviz.gui.labs_page.inputs import PHANTOMS, chosen, current_slice, phantom, region
from medviz.gui.labs_page.play import History, On, Play, differences, input_kind, untouched
from medviz.gui.labs_page.player import Player
from medviz.gui.labs_page.shared import inputs_left_behind
from medviz.gui.labs_page.showing import Showing
from medviz.gui.store import Store
from medviz.imaging.scene import Scene
from medviz.refused import Refused


@pytest.fixture
def showing(labs_desk):
    made = Showing(labs_desk)
    yield made
    made.drop()
    labs_desk.stop_all()
    made.deleteLater()


def test_figures_come_together_with_the_number_of_steps(qtbot, showing, adding):
    lab = adding(amount=2)
    told, counted = [], []
    showing.figured.connect(lambda *words: told.append(words))
    showing.counted.connect(lambda *words: counted.append(words))
    showing.show(lab)
    qtbot.waitUntil(lambda: bool(counted) and not showing.busy)
    [(_, figures, whole)] = told
    assert [one.name for one in figures] == ["input", "kernel", "output", "text"] and whole is True
    assert counted == [(lab, 12)]


def test_of_many_wishes_only_the_first_and_the_latest_are_fulfilled(qtbot, showing, adding):
    shown = []
    showing.figured.connect(lambda lab, figures, whole: shown.append(lab.amount))
    for amount in range(-12, 13):
        showing.show(adding(amount=amount))
    qtbot.waitUntil(lambda: bool(shown) and shown[-1] == 12 and not showing.busy, timeout=5000)
    assert len(shown) <= 3


def test_slow_work_is_stopped_when_something_else_is_wanted(qtbot, showing, adding):
    shown = []
    showing.figured.connect(lambda lab, figures, whole: shown.append(lab.amount))
    showing.show(adding(amount=1, waits=10_000))
    qtbot.wait(350)
    showing.show(adding(amount=2))
    begun = time.monotonic()
    qtbot.waitUntil(lambda: shown == [2], timeout=3000)
    assert time.monotonic() - begun < 2


def test_dropped_answers_never_come(qtbot, showing, adding):
    shown = []
    showing.figured.connect(lambda lab, figures, whole: shown.append(lab))
    showing.show(adding(waits=10))
    showing.drop()
    qtbot.waitUntil(lambda: not showing.busy, timeout=3000)
    assert shown == []


def test_refusals_and_mistakes_are_told_apart(qtbot, showing, adding):
    with qtbot.waitSignal(showing.refused) as said:
        showing.show(adding(amount=13))
    assert "bad luck" in str(said.args[1])
    qtbot.waitUntil(lambda: not showing.busy)
    with qtbot.waitSignal(showing.failed) as said:
        showing.show(adding(amount=14))
    assert "a mistake in the lab" in said.args[0] and "Traceback" in said.args[1]
    qtbot.waitUntil(lambda: not showing.busy)


@pytest.fixture
def complaints():
    return []


@pytest.fixture
def hand(adding, complaints):
    made = Hand(Store(Scene()), complaints.append)
    made.first("adding", adding)
    return made


def test_a_lab_begins_with_its_first_example(hand):
    assert hand.play.lab.amount == 2 and hand.play.example.row == "TRAIN-2" and untouched(hand.play)


def test_a_typed_cell_replaces_one_number_and_nothing_else(hand, complaints):
    hand.type_into("kernel", (0, 1), 7.0)
    assert hand.play.lab.kernel == ((1.0, 7.0), (0.0, 1.0))
    hand.type_into("kernel", (9, 9), 7.0)
    hand.type_into("output", (0, 0), 7.0)
    assert hand.play.lab.kernel == ((1.0, 7.0), (0.0, 1.0)) and not complaints


def test_a_drag_of_one_control_is_one_change(hand):
    for amount in range(3, 12):
        hand.turn(replace(hand.play.lab, amount=amount))
    hand.undo()
    assert hand.play.lab.amount == 2
    hand.redo()
    assert hand.play.lab.amount == 11
    hand.undo()
    hand.undo()
    assert hand.play.lab.amount == 2


def test_changes_of_two_controls_are_two(hand):
    hand.turn(replace(hand.play.lab, amount=5))
    hand.turn(replace(hand.play.lab, waits=1))
    hand.undo()
    assert (hand.play.lab.amount, hand.play.lab.waits) == (5, 0)


def test_a_new_change_forgets_what_could_be_done_again(hand):
    hand.turn(replace(hand.play.lab, amount=5))
    hand.undo()
    hand.turn(replace(hand.play.lab, waits=2))
    assert not hand.history.can_redo


def test_history_is_bounded(adding):
    history = History(merge_s=0)
    for amount in range(500):
        history.changed(Play("a", adding(amount=amount % 20)), Play("a", adding(amount=(amount + 1) % 20)))
    assert len(history._past) <= 200


def test_pointing_is_no_change_of_a_parameter(adding):
    assert differences(adding(cell=1), adding(cell=2)) == ()
    assert differences(adding(cell=1), adding(cell=2), moves_too=True) == ("cell",)
    assert differences(adding(amount=1), adding(amount=2)) == ("amount",)


def test_a_lab_is_left_as_it_was(hand):
    hand.turn(replace(hand.play.lab, amount=9))
    assert hand.as_left("adding").lab.amount == 9 and hand.as_left("other") is None


def test_pixels_that_did_not_travel_are_noticed():
    assert inputs_left_behind('{"inputs": {"image": {"pixels": [[1]]}}}') is None
    left = inputs_left_behind('{"inputs": {"image": {"name": "t1", "plane": "coronal", "index": 7}}}')
    assert (left.name, left.plane, left.index) == ("t1", "coronal", 7)
    assert inputs_left_behind("nothing") is None and inputs_left_behind("[1]") is None


@pytest.mark.parametrize("name", PHANTOMS)
def test_phantoms_are_plain_and_uncalibrated(name):
    made = phantom(name)
    assert made.pixels.shape == (64, 64) and np.isfinite(made.pixels).all() and made.mm is None
    assert not any(made.letters)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("voxel", [(0, 0, 0), (39, 43, 35), (20, 22, 18)])
def test_a_region_lies_inside_the_slice_and_around_the_cursor(viewed, plane, voxel):
    scene = viewed.at_voxel(voxel)
    whole, part = current_slice(scene, plane), region(scene, plane, 8)
    assert part.pixels.shape == (8, 8) and part.mm == whole.mm and part.letters == whole.letters
    assert scene.scan.frame()[scene.voxel] in part.pixels


def test_a_region_larger_than_the_slice_is_the_slice(viewed):
    assert region(viewed, "axial", 64).pixels.shape == current_slice(viewed, "axial").pixels.shape


def test_a_lab_on_a_volume_gets_the_scan(viewed):
    assert chosen(On("volume"), "volume", viewed, None) is viewed.scan
    with pytest.raises(Refused, match="no scan is open"):
        chosen(On("volume"), "volume", Scene(), None)


def test_the_kind_of_input_is_read_off_the_lab(adding):
    assert input_kind(adding()) == "slice"


def test_the_player_waits_while_the_answer_is_due(qtbot):
    player = Player()
    qtbot.addWidget(player)
    went = []
    player.stepped.connect(went.append)
    player.show_step(0, 10)
    player.set_speed(7)
    player.held = lambda: True
    player.toggle()
    qtbot.wait(100)
    assert went == []
    player.held = lambda: False
    qtbot.waitUntil(lambda: len(went) > 0)
    player.pause()


def test_the_player_is_idle_where_there_is_nothing_to_play(qtbot):
    player = Player()
    qtbot.addWidget(player)
    player.show_step(0, 1)
    player.toggle()
    assert not player.playing and not player.isEnabled()


def many():
    ramp = np.arange(9.0).reshape(3, 3)
    return [
        Heatmap("small", ramp, "small", "diverging"),
        Picture("scan", np.random.default_rng(0).random((200, 180)), "scan"),
        Gallery("tiles", np.zeros((4, 8, 8)), "tiles"),
        Curves("curve", (Line("loss", np.arange(9.0), np.arange(9.0)),), "curve"),
        Graph("graph", (("a", "a", 0, 0), ("b", "b", 1, 0)), (("a", "b", ""),)),
        Table("table", ("n",), ((1,),)),
        Text("text", "1 + 1 = 2", formula=True),
    ]


@pytest.fixture
def board(qtbot):
    made = Board()
    qtbot.addWidget(made)
    made.resize(1200, 900)
    made.show()
    return made


def test_the_scan_gets_more_room_than_the_kernel(board):
    board.arrange("scan ∗ small / text")
    board.show_figures([many()[0], many()[1], many()[6]])
    scan, small = board.view("scan").size(), board.view("small").size()
    assert scan.width() > 2 * small.width() and board.cell_px >= 28


def test_views_are_kept_by_name_and_dropped_when_their_figure_goes(qtbot, board):
    board.show_figures(many())
    before = board.view("scan")
    board.show_figures(many()[:2])
    assert board.view("scan") is before and board.view("tiles") is None
    board.show_figures([many()[2]], partial=True)
    assert board.view("scan") is before and board.view("tiles") is not None


def test_a_figure_of_another_kind_under_the_same_name_gets_another_view(board):
    board.show_figures([Heatmap("x", np.zeros((2, 2)))])
    board.show_figures([Picture("x", np.zeros((50, 50)))])
    assert type(board.view("x")).__name__ == "PictureView"


def test_a_board_too_small_scrolls(qtbot, board):
    board.resize(260, 200)
    board.show_figures(many())
    assert board.widget().height() > board.viewport().height()
    assert board.widget().width() <= board.viewport().width() + 60


def test_one_figure_is_shown_alone_and_all_again(board):
    board.show_figures(many())
    board.show_alone("small")
    assert board.view("small").isVisibleTo(board) and not board.view("scan").isVisibleTo(board)
    assert board.cell_px > 64
    board.show_alone(None)
    assert board.view("scan").isVisibleTo(board)


def test_everything_is_exported_whole(board, tmp_path):
    board.show_figures(many())
    paths = board.export(tmp_path)
    assert {path.suffix for path in paths} == {".png", ".npy", ".csv", ".txt"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert np.array_equal(np.load(tmp_path / "small.npy"), np.arange(9.0).reshape(3, 3))
    assert (tmp_path / "curve.csv").read_text().splitlines()[1] == "loss,0.0,0.0"


def test_maps_of_the_same_size_are_zoomed_together(board):
    board.arrange("a b")
    board.show_figures([Picture("a", np.zeros((100, 100))), Picture("b", np.zeros((98, 98)))])
    board.view("a").zoomed.emit((0.25, 0.25, 0.5, 0.5))
    assert board.view("b").grid.seen == pytest.approx((24.5, 24.5, 49, 49))


def test_a_board_stands_in_any_size(board):
    board.arrange("scan (small / table) curve / text tiles / graph")
    board.show_figures(many())
    for size in ((1, 1), (100, 2000), (2000, 100), (4000, 3000)):
        board.resize(QSize(*size))
        assert not board.grab().isNull()
    assert board.focusPolicy() == Qt.FocusPolicy.NoFocus
