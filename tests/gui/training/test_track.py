"""Curves as they grow: smoothed as they come, thinned to what a screen shows, their peaks kept."""

import time

import numpy as np
import pytest

from medviz.gui.drawing.curves import smooth
from medviz.gui.training.history import History
from medviz.gui.training.plotted import value_text
from medviz.gui.training.spreads import MOST, Spreads
from medviz.gui.training.strokes import Shown, machine_plots, unit_of
from medviz.gui.training.track import Smoothed, Track, thinned
from medviz.messages import Note, Progress, Scalar


def test_a_peak_of_one_point_in_two_hundred_thousand_is_still_drawn() -> None:
    x = np.arange(200_000.0)
    y = np.zeros(200_000)
    y[123_456], y[7] = 9.0, -3.0
    xs, ys = thinned(x, y, 0, 200_000, 700)
    assert len(xs) <= 1400
    assert ys.max() == 9.0 and ys.min() == -3.0
    assert (np.diff(xs) >= 0).all()


def test_what_is_not_seen_is_not_drawn_but_the_line_runs_on_to_the_edge() -> None:
    x = np.arange(1000.0)
    xs, ys = thinned(x, x, 300.5, 310.5, 700)
    assert xs[0] == 300 and xs[-1] == 311 and len(xs) == 12
    assert np.array_equal(xs, ys)


def test_gaps_do_not_swallow_the_points_beside_them() -> None:
    y = np.ones(5000)
    y[1000:2000] = np.nan
    _, ys = thinned(np.arange(5000.0), y, 0, 5000, 100)
    assert np.isfinite(ys).any() and np.isnan(ys).any()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95, 0.99])
def test_smoothing_as_it_comes_is_smoothing_of_the_whole(share: float) -> None:
    values = np.random.default_rng(0).random(5000)
    values[[3, 100]] = np.nan
    found = Smoothed(share)
    for length in (1, 7, 1000, 5000):
        last = found.of(values[:length])
    assert np.allclose(last, smooth(values, share), equal_nan=True)


def test_only_what_is_new_is_smoothed() -> None:
    track = Track()
    for step in range(200_000):
        track.append(step, step % 7, step)
    track.smoothed(0.9)
    track.append(200_000, 3.0, 0.0)
    before_s = time.thread_time()
    track.smoothed(0.9)
    assert time.thread_time() - before_s < 0.002


def test_a_run_that_went_back_says_its_steps_anew() -> None:
    track = Track()
    for step in (1, 2, 3, 4, 5):
        track.append(step, float(step), 0.0)
    track.smoothed(0.5)
    track.append(3, 30.0, 0.0)
    assert track.steps.tolist() == [1, 2, 3] and track.values.tolist() == [1, 2, 30]
    assert np.allclose(track.smoothed(0.5), smooth(np.array([1.0, 2.0, 30.0]), 0.5))


def test_epochs_are_counted_as_the_run_counts_them() -> None:
    heard = History()
    assert heard.steps_per_epoch() is None
    heard.hear([Progress(3, 120, "epoch 1 of 30", 4.0)], 0.0)
    assert heard.steps_per_epoch() == 4.0
    heard.hear([Scalar("train/epoch", 50, 5.0)], 0.0)
    assert heard.steps_per_epoch() == 10.0


def test_seconds_are_those_of_the_training_not_those_of_the_hearing() -> None:
    heard = History()
    heard.hear([Scalar("train/seconds", 1, 2.5), Scalar("train/loss", 1, 1.0)], 99.0)
    assert heard.tracks["train/loss"].times.tolist() == [2.5]


def test_out_of_a_log_long_silences_are_no_training() -> None:
    heard = History()
    heard.hear([Scalar("train/loss", step, 1.0, at_s) for step, at_s in ((1, 1000.0), (2, 1001.0), (3, 9001.0))], 7.0)
    assert heard.tracks["train/loss"].times.tolist() == [0.0, 1.0, 1.0]


def test_what_was_changed_by_hand_is_marked_at_its_step() -> None:
    heard = History()
    heard.hear([Scalar("train/loss", 40, 1.0), Note("Learning rate × 0.5 from the next step on, as asked")], 3.0)
    heard.hear([Note("Saved at step 41, as asked")], 3.0)
    assert [(turn.step, turn.at_s) for turn in heard.turns] == [(40, 3.0)]


def test_the_machine_is_drawn_by_unit() -> None:
    heard = History()
    heard.hear(
        [Scalar("machine/processor (%)", 1, 50.0), Scalar("machine/GPU (%)", 1, 90.0),
         Scalar("machine/memory (MiB)", 1, 700.0)], 0.0
    )  # fmt: skip
    found = {plot.unit: [one.words for one in plot.strokes] for plot in machine_plots(Shown("a", heard))}
    assert found == {"%": ["GPU", "processor"], "MiB": ["memory"]}
    assert unit_of("machine/something") == ""


def test_spreads_of_a_long_run_keep_early_and_late_rounds_but_not_all() -> None:
    from medviz.figures import Heatmap

    kept = Spreads()
    for step in range(1000):
        values = np.full((2, 3), float(step))
        kept.add(step, Heatmap("histogram/weights", values, row_names=("a", "b"), column_names=("x", "y", "z")))
    assert len(kept.steps) <= MOST + 1 and kept.steps[0] == 0 and kept.steps[-1] == 999
    assert kept.over_time("b").shape == (3, len(kept.steps))


@pytest.mark.parametrize(
    ("value", "said"), [(0.1, "0.100"), (12.3456, "12.3"), (100.0, "100"), (-0.5, "−0.500"), (3.12e-6, "3.12e-6")]
)
def test_values_keep_their_zeros_so_that_they_do_not_jump(value: float, said: str) -> None:
    assert value_text(value).replace("−6", "-6") == said
