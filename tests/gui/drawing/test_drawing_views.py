"""Every view is drawn with what a lab may yield at its worst, and answers the mouse."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtWidgets import QApplication, QTableView

from medviz.figures import Bars, Curves, Gallery, Graph, Heatmap, Line, Mark, Picture, Points, Table, Text
from medviz.gui.colours import LIGHT, PROPERTY
from medviz.gui.drawing import VIEWS
from medviz.gui.drawing.curves import is_noisy, smooth
from medviz.gui.drawing.look import look_of
from medviz.gui.drawing.ticks import NumberAxis
from medviz.gui.theme import Theme

NAN, INF = float("nan"), float("inf")


def view_of(qtbot, figure, width=360, height=300):
    view = VIEWS[type(figure).__name__]()
    qtbot.addWidget(view)
    view.resize(width, height)
    view.show_figure(figure)
    view.show()
    return view


def centre_of(view, row, col):
    x, y, wide, high = view.grid.box(row, col)
    return QPoint(round(x + wide / 2), round(y + high / 2))


def pixel(view, place):
    return view.grab().toImage().pixelColor(place)


def ramp(rows, cols):
    return np.arange(rows * cols, dtype=float).reshape(rows, cols)


LINE = Line("loss", np.arange(50.0), np.linspace(1, 0.1, 50))
EXTREMES = [
    Picture("p", np.zeros((0, 0))),
    Picture("p", np.zeros((0, 5))),
    Picture("p", np.ones((1, 1)), "one pixel", mm=(1.0, 3.0), letters=("R", "L", "A", "P")),
    Picture("p", np.full((8, 8), NAN)),
    Picture("p", np.full((8, 8), INF), colours="viridis", unit="HU"),
    Picture("p", ramp(3, 3000)),
    Picture("p", np.zeros((9000, 20), np.uint8)),
    Picture("p", np.random.default_rng(0).random((9, 9, 3))),
    Picture("p", np.zeros((9, 9, 3), np.uint8), levels=(0, 0)),
    Picture("p", ramp(9, 9), labels=np.full((9, 9), 70000), label_names=("a", "b"), marks=(Mark(-5, -5, 100, 100),)),
    Picture("p", ramp(9, 9) > 4, labels=np.zeros((9, 9), np.uint8)),
    Picture("p", np.array([[-(2**62), 2**62]])),
    Gallery("g", np.zeros((0, 4, 4))),
    Gallery("g", np.zeros((1, 1, 1)), titles=("only",)),
    Gallery("g", np.full((7, 5, 3), NAN), shared_scale=True, columns=3),
    Gallery("g", np.random.default_rng(0).random((500, 4, 4)), titles=("t",) * 3, labels=np.ones((2, 4, 4), int)),
    Heatmap("h", np.zeros((0, 0)), "nothing"),
    Heatmap("h", np.zeros((3, 0))),
    Heatmap("h", np.array([[NAN]]), "one"),
    Heatmap("h", np.array([[NAN, INF, -INF, 1e-300, 1e300, -1.23456789e-9]]), colours="diverging", unit="HU"),
    Heatmap("h", ramp(2, 2), ring=(1, 1, 1, 1), marks=(Mark(0, 0, text="9"), Mark(-3, 9, 0, 0, "box", "away"))),
    Heatmap("h", ramp(2, 3), row_names=("a",), column_names=("a very long name of a column", "b", "c", "d", "e")),
    Heatmap("h", ramp(300, 400), colours="no such map", letters=("R", "L", "A", "P"), mm=(1, 5)),
    Heatmap("h", ramp(20, 1), "a very long title over a very narrow figure", levels=(3, 3), digits=0),
    Curves("c", ()),
    Curves("c", (Line("empty", np.zeros(0), np.zeros(0)),)),
    Curves("c", (Line("one", np.ones(1), np.ones(1)),), at=1.0),
    Curves("c", (Line("bad", np.arange(5.0), np.array([NAN, INF, -INF, 0, 1])), LINE), log_y=True, y_name="loss"),
    Curves("c", (Line("all bad", np.full(5, NAN), np.full(5, NAN)),)),
    Curves("c", (Line("unequal", np.arange(5.0), np.arange(3.0), True),), "t", "time (s)", "MB"),
    Curves("c", (Line("huge", np.arange(200_000.0), np.random.default_rng(0).random(200_000)),)),
    Points("s", np.zeros((0, 2))),
    Points("s", np.array([[NAN, 1], [1, 1]]), groups=np.array([0, 99]), group_names=("a", "b"), words=("only one",)),
    Points("s", np.array([[1e300, -1e300], [0, 0]])),
    Bars("b", (), np.zeros(0)),
    Bars("b", ("a", "b", "c"), np.array([NAN, INF, -3]), unit="ml"),
    Bars("b", tuple(f"name {n}" for n in range(200)), np.arange(200.0)),
    Graph("n", (), ()),
    Graph("n", (("a", "", 0, 0),), (("a", "missing", "x"), ("a", "a", "self"))),
    Graph("n", tuple((f"n{i}", "a long text\nof two lines", i % 9, i // 9) for i in range(81)), (("n0", "n80", "w"),)),
    Table("t", (), ()),
    Table("t", ("a", "b"), ((1.5, None), ("text",), (NAN, INF)), units=("mm",)),
    Table("t", ("n",), tuple((n,) for n in range(3000))),
    Text("x", ""),
    Text("x", "word " * 5000, "title", level="bad"),
    Text("x", "1·2 = 2", formula=True, level="warning"),
    Text("x", "<b>not bold</b>", "a title", level="good"),
]


@pytest.mark.parametrize("figure", EXTREMES, ids=lambda figure: type(figure).__name__)
def test_every_view_draws_the_extremes(qtbot, figure):
    view = view_of(qtbot, figure)
    for width, height in ((360, 300), (1, 1), (40, 900)):
        view.resize(width, height)
        assert not view.grab().isNull()
    need = view.need()
    assert need.frame[0] >= 0 and need.weight > 0
    if need.height_for:
        assert need.height_for(200) > 0


@pytest.mark.parametrize("figure", EXTREMES, ids=lambda figure: type(figure).__name__)
def test_the_mouse_may_go_anywhere_over_the_extremes(qtbot, figure):
    view = view_of(qtbot, figure)
    for x in range(1, 360, 51):
        for y in range(1, 300, 47):
            qtbot.mouseMove(view, QPoint(x, y))
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(180, 150))
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(180, 150))


def test_every_kind_of_figure_has_a_view(qapp):
    kinds = {type(figure).__name__ for figure in EXTREMES}
    assert kinds == set(VIEWS)


@pytest.mark.parametrize("figure", EXTREMES[::3], ids=lambda figure: type(figure).__name__)
def test_views_follow_a_change_of_theme(qtbot, qapp, figure):
    theme = Theme(qapp)
    try:
        view = view_of(qtbot, figure)
        for look in ("light", "contrast", "dark"):
            theme.choose(look)
            view.grab()
    finally:
        qapp.setStyleSheet("")
        qapp.setProperty("medviz_colours", None)
        theme.setParent(None)
        theme.deleteLater()


def test_hover_tells_name_cell_and_shape(qtbot):
    view = view_of(qtbot, Heatmap("output", ramp(3, 4), "output"))
    with qtbot.waitSignal(view.pointed) as said:
        qtbot.mouseMove(view, centre_of(view, 2, 1))
    assert said.args == ["output", (2, 1), (3, 4)]


def test_the_same_cell_is_told_once(qtbot):
    view = view_of(qtbot, Picture("scan", ramp(10, 10)))
    told = []
    view.pointed.connect(lambda *words: told.append(words))
    place = centre_of(view, 4, 4)
    for shift in (0, 1, 2):
        qtbot.mouseMove(view, place + QPoint(shift, 0))
    assert [cell for _, cell, _ in told] == [(4, 4)]


def test_leaving_is_told(qtbot):
    view = view_of(qtbot, Picture("scan", ramp(10, 10)))
    qtbot.mouseMove(view, centre_of(view, 4, 4))
    with qtbot.waitSignal(view.left):
        QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))


def test_the_value_under_the_mouse_has_its_unit(qtbot):
    view = view_of(qtbot, Picture("scan", ramp(10, 10) - 50, "scan", unit="HU"))
    qtbot.mouseMove(view, centre_of(view, 1, 2))
    assert view._readout.startswith("−38 HU")


def test_a_picture_is_grey_between_its_levels(qtbot):
    view = view_of(qtbot, Picture("scan", np.array([[0.0, 50.0], [100.0, 200.0]]), levels=(0.0, 100.0)))
    greys = [pixel(view, centre_of(view, row, col)).red() for row, col in ((0, 0), (0, 1), (1, 0), (1, 1))]
    assert greys[0] == 0 and 120 <= greys[1] <= 135 and greys[2] == greys[3] == 255


def test_rows_run_down_and_columns_across(qtbot):
    pixels = np.zeros((3, 3))
    pixels[0, 2] = 1
    view = view_of(qtbot, Picture("scan", pixels))
    assert pixel(view, centre_of(view, 0, 2)).red() == 255
    assert centre_of(view, 0, 2).y() < centre_of(view, 2, 0).y()
    assert centre_of(view, 0, 2).x() > centre_of(view, 2, 0).x()


def test_labels_are_drawn_in_the_label_colours(qtbot):
    labels = np.zeros((4, 4), int)
    labels[0, 0] = 1
    view = view_of(qtbot, Picture("scan", np.zeros((4, 4)), levels=(0, 1), labels=labels, label_names=("tissue",)))
    colour = pixel(view, centre_of(view, 0, 0))
    assert colour.red() > 80 and colour.red() > colour.blue()
    assert pixel(view, centre_of(view, 3, 3)).red() == 0


def test_a_wide_cell_shows_its_number_and_a_narrow_one_does_not(qtbot):
    figure = Heatmap("h", np.zeros((2, 2)), levels=(0, 1))
    wide, narrow = view_of(qtbot, figure, 60, 60), view_of(qtbot, figure, 36, 36)

    def inked(view):
        image = view.grab().toImage()
        return sum(
            image.pixelColor(x, y).lightness() > 128 for x in range(image.width()) for y in range(image.height())
        )

    assert wide.grid.cell_px[0] >= 28 and inked(wide) > 10
    assert narrow.grid.cell_px[0] < 20 and inked(narrow) == 0


def test_numbers_can_be_read_on_every_colour(qtbot):
    view = view_of(qtbot, Heatmap("h", np.array([[-8.0, 0.0, 8.0]]), colours="diverging"))
    image = view.grab().toImage()
    for col in range(3):
        x, y, wide, high = (int(side) for side in view.grid.box(0, col))
        lights = [image.pixelColor(x + i, y + j).lightnessF() for i in range(8, wide - 8) for j in range(8, high - 8)]
        assert max(lights) - min(lights) > 0.4


def test_the_padding_ring_has_another_tint(qtbot):
    values = np.zeros((4, 4))
    plain = view_of(qtbot, Heatmap("h", values, levels=(0, 1)))
    ringed = view_of(qtbot, Heatmap("h", values, levels=(0, 1), ring=(1, 1, 1, 1)))
    corner = QPoint(round(ringed.grid.box(0, 0)[0]) + 5, round(ringed.grid.box(0, 0)[1]) + 5)
    middle = QPoint(round(ringed.grid.box(1, 1)[0]) + 5, round(ringed.grid.box(1, 1)[1]) + 5)
    assert pixel(ringed, corner).blue() > pixel(plain, corner).blue() + 30
    assert pixel(ringed, middle) == pixel(plain, middle)


def test_marks_are_outlined_in_their_colour(qtbot):
    view = view_of(qtbot, Heatmap("h", np.zeros((5, 5)), levels=(0, 1), marks=(Mark(1, 1, 3, 3, "source"),)))
    x, y, _, high = view.grid.box(1, 1, 3, 3)
    colour = pixel(view, QPoint(round(x) + 2, round(y + high / 2)))
    assert colour.blue() > 180 and colour.red() < 140


def test_marks_alone_do_not_paint_the_base_anew(qtbot):
    values = ramp(200, 200)
    view = view_of(qtbot, Picture("scan", values))
    view.grab()
    base = view._base
    view.show_figure(Picture("scan", values, marks=(Mark(3, 3, 5, 5),)))
    assert view._base is base
    view.show_figure(Picture("scan", values.copy(), marks=(Mark(9, 3, 5, 5),)))
    assert view._base is base
    view.show_figure(Picture("scan", values + 1))
    assert view._base is None


def wheel(view, place, notches):
    event = QWheelEvent(
        QPointF(place), view.mapToGlobal(QPointF(place)), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def test_ctrl_wheel_zooms_until_the_numbers_come(qtbot):
    view = view_of(qtbot, Heatmap("h", ramp(100, 100)))
    place = centre_of(view, 50, 50)
    wheel(view, place, 12)
    assert view.grid.cell_px[0] >= 28
    assert view.grid.cell_at(place.x(), place.y()) == (50, 50)
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=place)
    assert view.grid.seen == (0, 0, 100, 100)


def test_the_middle_button_pans(qtbot):
    view = view_of(qtbot, Picture("p", ramp(100, 100)))
    wheel(view, centre_of(view, 50, 50), 6)
    before = view.grid.seen
    qtbot.mousePress(view, Qt.MouseButton.MiddleButton, pos=QPoint(180, 150))
    qtbot.mouseMove(view, QPoint(150, 150))
    qtbot.mouseRelease(view, Qt.MouseButton.MiddleButton, pos=QPoint(150, 150))
    assert view.grid.seen[0] > before[0] and view.grid.seen[1] == pytest.approx(before[1])


def test_a_tile_of_a_gallery_is_pointed_at(qtbot):
    view = view_of(qtbot, Gallery("g", np.zeros((6, 4, 4)), columns=3, titles=tuple("abcdef")))
    with qtbot.waitSignal(view.pointed) as said:
        qtbot.mouseMove(view, view.box(4).center().toPoint())
    assert said.args == ["g", (1, 1), (2, 3)]


def test_a_point_is_read_and_pointed_at(qtbot):
    view = view_of(qtbot, Points("s", np.array([[0.0, 0.0], [1.0, 2.0]]), "points", words=("origin", "other")))
    with qtbot.waitSignal(view.pointed) as said:
        qtbot.mouseMove(view, view.axes().place(1.0, 2.0).toPoint())
    assert said.args == ["s", (1, 0), (2, 1)]
    assert view._readout == "other   1, 2"


def test_a_bar_and_a_node_are_pointed_at(qtbot):
    bars = view_of(qtbot, Bars("b", ("a", "b"), np.array([1.0, 2.0])))
    with qtbot.waitSignal(bars.pointed) as said:
        qtbot.mouseMove(bars, QPoint(100, round(bars.bar_px * 1.5)))
    assert said.args == ["b", (1, 0), (2, 1)]
    graph = view_of(qtbot, Graph("n", (("x", "x", 0, 0), ("y", "y", 1, 0)), (("x", "y", "w"),)))
    with qtbot.waitSignal(graph.pointed) as said:
        qtbot.mouseMove(graph, graph.boxes()[1].center().toPoint())
    assert said.args == ["n", (1, 0), (2, 1)]


def test_a_table_is_copied_as_csv_with_its_units(qtbot):
    view = view_of(qtbot, Table("t", ("label", "volume"), (("grey, matter", 742.0), ("white", None)), units=("", "ml")))
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == 'label,volume (ml)\n"grey, matter",742.0\nwhite,\n'


def test_numbers_of_a_table_stand_at_the_right(qtbot):
    view = view_of(qtbot, Table("t", ("a", "b"), (("x", 1.0),)))
    cells = view._cells
    role = Qt.ItemDataRole.TextAlignmentRole
    assert cells.data(cells.index(0, 1), role) & Qt.AlignmentFlag.AlignRight
    assert cells.data(cells.index(0, 0), role) & Qt.AlignmentFlag.AlignLeft


def test_a_click_into_a_table_is_told_as_the_beginning_of_a_drag(qtbot):
    view = view_of(qtbot, Table("t", ("a", "b"), (("x", 1.0), ("y", 2.0))))
    said = []
    view.dragged.connect(lambda *told: said.append(told))
    grid = view.findChild(QTableView)
    place = grid.visualRect(grid.model().index(1, 0)).center()
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert said == [("t", (1.5, 0.5), (1.5, 0.5))]


def test_smoothing_keeps_the_raw_line_as_a_ghost(qtbot):
    noisy = np.random.default_rng(0).random(100)
    view = view_of(qtbot, Curves("c", (Line("loss", np.arange(100.0), noisy),)))
    ghost, line = view._items["loss"]
    assert ghost.yData is None or len(ghost.yData) == 0
    view.set_smoothing(0.9)
    assert np.array_equal(ghost.yData, noisy)
    assert line.yData.std() < noisy.std() / 2


def test_the_exponential_mean_is_unbiased_and_passes_over_gaps():
    assert smooth(np.full(5, 3.0), 0.9) == pytest.approx(np.full(5, 3.0))
    out = smooth(np.array([1.0, NAN, 1.0]), 0.5)
    assert np.isnan(out[1]) and out[2] == pytest.approx(1.0)


def test_curves_are_updated_in_place(qtbot):
    view = view_of(qtbot, Curves("c", (LINE,)))
    before = view._items["loss"]
    view.show_figure(Curves("c", (Line("loss", np.arange(60.0), np.ones(60)),), at=3.0))
    assert view._items["loss"] is before
    assert view._at.isVisible() and view._at.value() == 3.0


def test_a_formula_is_in_fixed_width_and_can_be_selected(qtbot):
    view = view_of(qtbot, Text("f", "7·1 + 2·0 = 7", formula=True))
    assert view._label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    assert "font-family" in view._label.styleSheet()


def test_a_warning_stands_on_amber(qtbot):
    view = view_of(qtbot, Text("e", "the deck says", level="warning"), 300, 40)
    edge = pixel(view, QPoint(1, 20))
    assert edge.red() > 150 and edge.red() > edge.blue() + 60


def test_text_is_never_taken_for_markup(qtbot):
    view = view_of(qtbot, Text("x", "a < b & <i>c</i>"))
    assert view._label.textFormat() == Qt.TextFormat.PlainText


def test_colours_are_those_of_the_stage_it_stands_on(qtbot):
    view = view_of(qtbot, Text("x", "words"))
    assert look_of(view).dark
    view.setProperty(PROPERTY, LIGHT)
    assert not look_of(view).dark and look_of(view).text == QColor(LIGHT.text)


def test_smoothing_is_offered_where_a_line_is_noisy(qtbot):
    noisy = Line("loss", np.arange(60.0), np.random.default_rng(0).random(60))
    assert is_noisy(noisy) and not is_noisy(LINE)
    view = view_of(qtbot, Curves("c", (noisy,)))
    assert view._slider.isVisible()
    view.show_figure(Curves("c", (LINE,)))
    assert not view._slider.isVisible()


def test_axes_write_a_real_minus_and_name_1_2_and_5_of_a_decade(qapp):
    axis = NumberAxis("left")
    assert axis.tickStrings([-1.0, 0.5, 0.0], 1.0, 0.5) == ["−1", "0.5", "0"]
    axis.setLogMode(False, True)
    assert axis.logTickStrings(list(np.log10([1, 2, 3, 5, 7, 10, 0.2])), 1.0, 1.0) == [
        "1",
        "2",
        "",
        "5",
        "",
        "10",
        "0.2",
    ]


def test_small_numbers_are_written_as_they_are(qtbot):
    small = Curves("c", (Line("loss", np.arange(50.0), np.linspace(0.4, 0.05, 50)),), y_name="loss", log_y=True)
    view = view_of(qtbot, small)
    view.restyled()  # names the axes anew, over the range that is shown
    axis = view._item.getAxis("left")
    assert axis.tickStrings([-1.0], axis.autoSIPrefixScale * axis.scale, 1.0) == ["0.1"]


def test_a_long_name_of_the_upright_axis_stands_above_a_low_plot(qtbot):
    view = view_of(qtbot, Curves("c", (LINE,), y_name="a rather long name (share)"), 400, 130)
    assert "a rather long name" in view._legend.text()
    view.resize(400, 500)
    assert "a rather long name" not in view._legend.text()


def test_columns_of_a_table_only_grow_while_numbers_change(qtbot):
    view = view_of(qtbot, Table("t", ("n",), ((1.23456,),)))
    before = view._grid.columnWidth(0)
    view.show_figure(Table("t", ("n",), ((1,),)))
    assert view._grid.columnWidth(0) == before
    view.show_figure(Table("t", ("n",), (("a much longer text than before",),)))
    assert view._grid.columnWidth(0) > before


def test_texts_of_marks_do_not_cover_each_other(qtbot):
    marks = tuple(Mark(20 + n, 20, text=f"runner {n}") for n in range(3))
    view = view_of(qtbot, Picture("p", ramp(50, 50), marks=marks))
    view.grab()
    plates = view._plates
    assert len(plates) == 3
    assert not any(one.intersects(other) for n, one in enumerate(plates) for other in plates[n + 1 :])


def test_boxes_of_classes_have_their_colours_and_words_only_where_there_is_room(qtbot):
    boxes = tuple(
        Mark(4 + 10 * row, 4 + 10 * col, 8, 8, "box", f"cell 0.{row}{col}", colour=(0, 200, 90))
        for row in range(9)
        for col in range(9)
    )
    meant = Mark(40, 40, 12, 12, "reference")
    figure = Picture("p", np.zeros((100, 100)), label_names=("cell",), marks=(*boxes, meant))
    view = view_of(qtbot, figure, 500, 500)
    view.grab()
    covered = sum(plate.width() * plate.height() for plate in view._plates)
    assert 3 < len(view._plates) < 81, "some have words"
    assert covered <= 0.121 * view.grid.area[2] * view.grid.area[3], "and the picture is still seen"
    assert not any(one.intersects(other) for n, one in enumerate(view._plates) for other in view._plates[n + 1 :])
    place = view.grid.box(84, 84)  # the corner of the last box
    assert pixel(view, QPoint(round(place[0]), round(place[1] + 3 * place[3]))).green() > 120
    assert view._legend() == [(0, 0.0, 1)], "the class is named below"
    assert view.value_text(46, 26).startswith("cell 0.42"), "what is under the mouse is told in any case"
