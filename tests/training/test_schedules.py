"""How the learning rate changes, and how a measure is watched."""

import math

import pytest

from medviz.training.schedules import shape
from medviz.training.standing import Clock, Standing, Watch
from medviz.training.task import SCHEDULES, Task


@pytest.mark.parametrize("name", SCHEDULES.options)
@pytest.mark.parametrize("warm_up", [0.0, 0.1, 0.5])
def test_the_factor_stays_between_nothing_and_one(name: str, warm_up: float) -> None:
    for step in range(1001):
        factor = shape(Task(schedule=name, warm_up=warm_up), step / 1000)
        assert type(factor) is float
        assert 0 <= factor <= 1


def test_known_places() -> None:
    assert shape(Task(schedule="cosine"), 0.5) == pytest.approx(0.5)
    assert shape(Task(schedule="poly"), 0.5) == pytest.approx(0.5**0.9)
    assert shape(Task(schedule="warm-up", warm_up=0.2), 0.1) == pytest.approx(0.505)
    assert shape(Task(schedule="one-cycle", warm_up=0.2), 0.2) == pytest.approx(1.0)
    assert shape(Task(schedule="one-cycle", warm_up=0.2), 1.0) == pytest.approx(1e-4)
    assert [shape(Task(schedule="step", drop=0.1, drops=2), share) for share in (0, 0.34, 0.67, 1.0)] == pytest.approx(
        [1, 0.1, 0.01, 0.01]
    )


def test_a_measure_is_watched() -> None:
    watch = Watch()
    for step, (value, waited) in enumerate([(0.5, 0), (0.4, 1), (math.nan, 2), (0.6, 0), (0.6, 1)]):
        watch = watch.told(value, step, higher=True)
        assert watch.waited == waited
    assert (watch.best, watch.best_step) == (0.6, 3)
    assert Watch().told(0.5, 1, higher=False).told(0.4, 2, higher=False).best == 0.4
    assert Watch().told(math.nan, 1, higher=True).best is None


def test_a_standing_comes_back_from_plain_values() -> None:
    standing = Standing(7, 2, 1, 0.25, 3.5, Watch(0.5, 6, 1)).stepped()
    assert (standing.step, standing.place) == (8, 2)
    assert Standing.of(standing.plain()) == standing


def test_the_clock_tells_what_is_left() -> None:
    clock = Clock(step=10, before_s=100.0)
    assert clock.left_s(10, 20) is None
    clock.start_s -= 5.0
    assert clock.spent_s() == pytest.approx(105.0, abs=0.1)
    assert clock.left_s(20, 40) == pytest.approx(10.0, abs=0.1)
