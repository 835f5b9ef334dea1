"""What a run said, kept for drawing: curves, rounds of pictures, progress. No window."""

import numpy as np
import pytest

from medviz.figures import Picture
from medviz.gui.training.history import ROUNDS, History, group_of, line_name
from medviz.gui.training.strokes import Shown, plot_of
from medviz.gui.training.track import Track
from medviz.gui.training.words import about, ago, count, duration, memory, plan_in_words
from medviz.imaging.labels import default_colour
from medviz.messages import Note, Progress, Scalar


def history(*messages: object) -> History:
    made = History()
    made.hear(messages, 1.5)  # type: ignore[arg-type]
    return made


def picture(name: str = "probe 1 prediction") -> Picture:
    return Picture(name, np.zeros((4, 4)), labels=np.zeros((4, 4), int), label_names=("grey", "white"))


def test_a_track_grows_without_losing_a_point() -> None:
    track = Track()
    for number in range(1000):
        track.append(number, number**2, number / 10)
    x, y = track.along("step")
    assert np.array_equal(x, np.arange(1000)) and np.array_equal(y, np.arange(1000) ** 2)
    assert track.along("time")[0][-1] == pytest.approx(99.9)


def test_the_best_passes_over_what_is_no_number() -> None:
    track = Track()
    assert track.best(higher=True) is None
    for step, value in enumerate((float("nan"), 0.5, float("inf"), 0.7, 0.6)):
        track.append(step, value, 0.0)
    assert track.best(higher=True) == (3, 0.7, 0.0)
    assert track.best(higher=False) == (1, 0.5, 0.0)


@pytest.mark.parametrize(
    ("name", "group", "said"),
    [
        ("train/loss", "loss", "train"),
        ("validation/loss", "loss", "validation"),
        ("train/loss/generator", "loss", "train generator"),
        ("train/learning rate", "rate", "learning rate"),
        ("train/gradient norm", "gradient", "train"),
        ("validation/dice/grey matter", "measures", "grey matter"),
        ("validation/false positive rate", "measures", "false positive rate"),
        ("train/samples per second", "other", "samples per second"),
    ],
)
def test_a_curve_is_put_on_its_axes_by_its_name(name: str, group: str, said: str) -> None:
    assert group_of(name) == group
    assert line_name(name, group) == said


def test_the_best_is_that_of_the_mean_not_of_one_class() -> None:
    heard = history(
        Scalar("validation/loss", 10, 0.1),
        Scalar("validation/dice/a", 10, 0.99),
        Scalar("validation/dice/mean", 10, 0.8),
        Scalar("validation/dice/mean", 20, 0.7),
    )
    assert heard.best() == ("validation/dice/mean", 0.8, 10)


def test_without_a_measure_the_lowest_loss_is_the_best() -> None:
    heard = history(Scalar("validation/loss", 10, 0.3), Scalar("validation/loss", 20, 0.2))
    assert heard.best() == ("validation/loss", 0.2, 20)
    assert history(Scalar("train/loss", 1, 1.0)).best() is None


def test_a_class_has_the_same_colour_in_the_curve_as_in_the_picture() -> None:
    heard = history(picture(), Scalar("validation/dice/white", 4, 0.5))
    drawn = plot_of(Shown("a", heard), "measures")
    assert drawn is not None
    assert drawn.strokes[0].colour == default_colour(2)


def test_the_best_is_marked_on_the_axes_it_belongs_to() -> None:
    heard = history(Scalar("validation/dice/mean", 4, 0.5), Scalar("train/loss", 4, 0.9))
    drawn, loss = plot_of(Shown("a", heard), "measures"), plot_of(Shown("a", heard), "loss")
    assert drawn is not None and loss is not None
    assert (drawn.best, loss.best) == ((4.0, 0.5, 1.5), None)
    assert plot_of(Shown("a", heard), "gradient") is None


def test_compared_runs_have_a_colour_each_and_their_names() -> None:
    mine = history(Scalar("train/loss", 1, 2.0), Scalar("validation/loss", 1, 2.0))
    other = history(Scalar("train/loss", 1, 1.0))
    drawn = plot_of(Shown("a", mine, 3), "loss", [Shown("b", other, 5)])
    assert drawn is not None
    assert [(one.words, one.place, one.dashed) for one in drawn.strokes] == [
        ("a train", 3, False), ("a validation", 3, True), ("b train", 5, False),
    ]  # fmt: skip


def test_a_round_holds_the_pictures_of_one_step() -> None:
    heard = History()
    for step in (1, 50):
        heard.hear([Scalar("train/loss", step, 1.0), picture(), picture("probe 1 error")], 0.0)
    assert [one.step for one in heard.rounds] == [1, 50]
    assert all(list(one.figures) == ["probe 1 prediction", "probe 1 error"] for one in heard.rounds)


def test_a_long_run_keeps_early_and_late_rounds_but_not_all() -> None:
    heard = History()
    for step in range(1, 400):
        heard.hear([Scalar("train/loss", step, 1.0), picture()], 0.0)
    steps = [one.step for one in heard.rounds]
    assert len(steps) <= ROUNDS
    assert (steps[0], steps[-1]) == (1, 399)
    assert steps == sorted(steps)


def test_the_progress_of_a_validation_does_not_hide_that_of_the_run() -> None:
    run, part = Progress(10, 100, "epoch 1 of 10", 9.0), Progress(3, 5, "validation")
    heard = history(run, part)
    assert (heard.progress, heard.aside) == (run, part)
    heard.hear([Progress(11, 100, "epoch 1 of 10", 8.0)], 0.0)
    assert heard.aside is None
    assert history(Progress(0, 0, "reading"), Note("n")).progress == Progress(0, 0, "reading")


def test_a_flat_validation_is_said_with_what_to_do() -> None:
    heard = History()
    for step, value in enumerate((0.5, 0.9, *[0.8] * 7)):
        heard.hear([Scalar("validation/dice/mean", step, value)], 0.0)
    assert heard.hint() == ""
    heard.hear([Scalar("validation/dice/mean", 9, 0.89)], 0.0)
    assert heard.hint().startswith("Validation has not improved for 8 times (best at step 1")


def test_numbers_are_written_as_people_read_them() -> None:
    assert [duration(s) for s in (0.4, 41, 3725)] == ["0:00", "0:41", "1:02:05"]
    assert [about(s) for s in (0.2, 41, 540, 12600)] == ["about 1 s", "about 41 s", "about 9 min", "about 3.5 h"]
    assert [memory(b) for b in (300, 512e6, 2.1e9)] == ["1 MB", "512 MB", "2.1 GB"]
    assert [count(n) for n in (61, 61706, 31030658)] == ["61", "61.7 k", "31.0 M"]
    assert [ago(s) for s in (1, 40, 600, 7200, 2e5)] == ["just now", "40 s ago", "10 min ago", "2 h ago", "2 days ago"]


def test_a_plan_is_one_line_of_words() -> None:
    class Task:
        batch, patch, dimensions, epochs = 8, 64, 3, 20

    plan = {
        "parameters": 482_000, "training_samples": 128, "steps": 320, "seconds": 540.0, "memory_mib": 2003.0,
        "device": "the processor",
    }  # fmt: skip
    assert plan_in_words(plan, Task()) == (
        "482 k weights · 128 samples to learn from · batches of 8 patches 64×64×64 · 320 steps in 20 epochs · "
        "2.1 GB of memory · about 9 min on the processor"
    )
    assert plan_in_words({}, Task()) == "batches of 8 patches 64×64×64 · 20 epochs"
