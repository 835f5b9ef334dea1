"""One pair of axes under the hand: read, zoomed, moved, logarithmic, marked; and cheap however long the curve."""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medviz.gui.training.charts import Charts
from medviz.gui.training.history import History
from medviz.gui.training.plot import RunPlot
from medviz.gui.training.plotted import COLUMNS
from medviz.gui.training.strokes import Shown
from medviz.messages import Note, Scalar


def history(steps: int = 101, factor: float = 1.0) -> History:
    made = History()
    made.hear([Scalar("train/loss", step, factor / (1 + step)) for step in range(steps)], 0.0)
    return made


@pytest.fixture
def charts(qtbot: QtBot) -> Iterator[Charts]:
    made = Charts()
    qtbot.addWidget(made)
    made.resize(500, 500)
    made.show()
    made.show_run(Shown("a", history()))
    QApplication.processEvents()
    yield made


def wheel(plot: RunPlot, x: float, turns: int) -> None:
    at = QPointF(x, plot.height() / 2)
    event = QWheelEvent(
        at, QPointF(plot.mapToGlobal(at.toPoint())), QPoint(), QPoint(0, 120 * turns), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(plot, event)


def test_the_mouse_reads_every_plot_at_its_place(charts: Charts, qtbot: QtBot) -> None:
    plot = charts.plots["loss"]
    assert plot.legend()[0][0] == "train 0.00990"  # the newest
    area = plot.area()
    qtbot.mouseMove(plot, QPoint(round(area.left() + 0.1 * area.width()), 60))
    assert plot.hover == pytest.approx(10, abs=0.6)
    assert plot.legend()[0][0] in ("train 0.0909", "train 0.100", "train 0.0833")
    QApplication.sendEvent(plot, QEvent(QEvent.Type.Leave))
    assert plot.hover is None


def test_the_wheel_zooms_about_the_mouse_and_r_shows_all_again(charts: Charts, qtbot: QtBot) -> None:
    plot = charts.plots["loss"]
    middle = plot.area().center().x()
    wheel(plot, middle, 3)
    low, high = charts.manner.part or (0, 0)
    assert high - low == pytest.approx(100 * 0.8**3, rel=0.01)
    assert (low + high) / 2 == pytest.approx(50, abs=1)
    assert charts.bar.reset.isVisible()
    QTest.keyClick(plot, Qt.Key.Key_R)
    assert charts.manner.part is None and not charts.bar.reset.isVisible()


def test_a_zoom_never_leaves_the_curve(charts: Charts) -> None:
    plot = charts.plots["loss"]
    wheel(plot, plot.area().left() + 1, 4)
    for _ in range(5):
        QTest.keyClick(plot, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    low, high = charts.manner.part or (1, 1)
    assert low == 0 and high == pytest.approx(100 * 0.8**4, rel=0.02)
    wheel(plot, plot.area().center().x(), -20)
    assert charts.manner.part is None


def test_dragging_moves_what_is_zoomed(charts: Charts, qtbot: QtBot) -> None:
    plot = charts.plots["loss"]
    wheel(plot, plot.area().center().x(), 5)
    before = charts.manner.part or (0, 0)
    at = plot.area().center().toPoint()
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(plot, at + QPoint(40, 0))
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=at + QPoint(40, 0))
    after = charts.manner.part or (0, 0)
    assert after[0] < before[0] and after[1] - after[0] == pytest.approx(before[1] - before[0])


def test_keys_read_and_zoom_too(charts: Charts) -> None:
    plot = charts.plots["loss"]
    QTest.keyClick(plot, Qt.Key.Key_Right)
    first = plot.hover
    QTest.keyClick(plot, Qt.Key.Key_Right)
    assert first is not None and plot.hover is not None and plot.hover > first
    QTest.keyClick(plot, Qt.Key.Key_Plus)
    assert charts.manner.part is not None


def test_smoothing_leaves_the_raw_curve_as_a_ghost_and_log_takes_what_is_positive(charts: Charts) -> None:
    plot = charts.plots["loss"]
    assert plot.drawn[0].ghost is None
    charts.bar.smooth.setValue(80)
    assert plot.drawn[0].ghost is not None
    charts.bar.log.setChecked(True)
    assert plot.is_log
    assert plot.drawn[0].y[-1] == pytest.approx(np.log10(plot.plot.strokes[0].track.smoothed(0.8)[-1]))  # type: ignore[union-attr]


@pytest.mark.parametrize(("across", "end"), [("step", 100.0), ("epoch", 10.0), ("time", 50.0)])
def test_curves_run_along_steps_epochs_or_time(charts: Charts, across: str, end: float) -> None:
    made = history()
    made.hear([Scalar("train/epoch", 100, 10.0), Scalar("train/seconds", 100, 50.0), Scalar("train/loss", 100, 0.0)], 0)
    charts.show_run(Shown("a", made))
    charts.bar.along.setCurrentIndex(["step", "epoch", "time"].index(across))
    charts.bar.along.activated.emit(0)
    assert charts.plots["loss"].drawn[0].x[-1] == pytest.approx(end)


def test_a_change_by_hand_is_drawn_on_the_curve(charts: Charts) -> None:
    made = history()
    charts.show_run(Shown("a", made))
    plain = charts.plots["loss"].grab().toImage()
    made.hear([Note("Learning rate × 0.5 from the next step on, as asked")], 0.0)
    made.tracks["train/loss"].append(101, 0.0099, 0.0)
    charts.redraw()
    assert charts.plots["loss"].grab().toImage() != plain
    assert [turn.words for turn in charts.plots["loss"].plot.turns]  # type: ignore[union-attr]


def test_a_curve_of_two_hundred_thousand_points_costs_what_a_short_one_does(charts: Charts, qtbot: QtBot) -> None:
    made = History()
    values = np.random.default_rng(0).random(200_000).tolist()
    made.hear([Scalar("train/loss", step, value) for step, value in enumerate(values)], 0.0)
    charts.manner = replace(charts.manner, smoothing=0.9)
    charts.show_run(Shown("long", made))
    plot = charts.plots["loss"]
    assert len(plot.drawn[0].x) <= 2 * COLUMNS
    plot.grab()
    cost_s = []
    for step in range(10):
        made.hear([Scalar("train/loss", 200_000 + step, 0.5)], 0.0)
        before_s = time.thread_time()
        charts.redraw()
        plot.repaint()
        cost_s.append(time.thread_time() - before_s)
    assert sorted(cost_s)[5] < 0.016  # 2 ms on a quiet core


def test_compared_runs_are_drawn_and_named_in_their_colours(charts: Charts) -> None:
    charts.compare((Shown("b", history(50, 2.0), 1),))
    plot = charts.plots["loss"]
    assert [one.stroke.words for one in plot.drawn] == ["a train", "b train"]
    assert plot.drawn[0].colour != plot.drawn[1].colour


def test_all_points_of_all_curves_are_there_to_be_saved(charts: Charts) -> None:
    charts.compare((Shown("b", history(5), 1),))
    found = {(run, name): len(values) for run, name, _, _, values in charts.points()}
    assert found == {("a", "train/loss"): 101, ("b", "train/loss"): 5}
