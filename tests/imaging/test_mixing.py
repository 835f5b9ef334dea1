"""Two images in one picture: tiles, a line, a difference with its unit."""

import numpy as np
import pytest

from medviz.imaging.mixing import OF_THE_WINDOW, Mix, difference, second_seen
from medviz.imaging.oblique import straight
from medviz.imaging.slices import Slice
from tests.imaging.making import volume


def slice_of(values: np.ndarray, unit: str = "HU", **more) -> Slice:
    return Slice(values, mm=(1.0, 1.0), unit=unit, **more)


def test_tiles_have_their_side_in_mm_both_ways() -> None:
    lying = straight(volume(np.zeros((80, 40, 3)), np.diag([0.5, 2.0, 3.0, 1.0])), "axial", 1)
    held = second_seen(lying, Mix("tiles", tile_mm=10.0))
    assert held.shape == (40, 80)
    assert np.flatnonzero(np.diff(held[0].astype(int)))[0] + 1 == 20, "10 mm are 20 pixels of 0.5 mm across"
    assert np.flatnonzero(np.diff(held[:, 0].astype(int)))[0] + 1 == 5, "and 5 of 2 mm down"
    assert held.mean() == pytest.approx(0.5)


def test_a_swipe_parts_the_picture_at_its_share() -> None:
    lying = straight(volume(np.zeros((40, 10, 3))), "axial", 1)
    held = second_seen(lying, Mix("swipe", share=0.25))
    assert not held[:, :10].any() and held[:, 10:].all()
    assert second_seen(lying, Mix("swipe", share=0.0)).all() and not second_seen(lying, Mix("swipe", share=1.0)).any()


def test_a_difference_is_second_minus_first_in_their_unit() -> None:
    first = slice_of(np.array([[100, 200]], np.int16), slope=2.0, intercept=-10.0)
    second = slice_of(np.array([[100, 500]], np.int16))
    made = difference(first, second, (400.0, 40.0), (400.0, 40.0), 0.5)
    assert made.values.tolist() == [[100 - 190, 500 - 390]] and made.unit == "HU" and made.most == 200.0
    assert not made.normalised


@pytest.mark.parametrize(("one", "other"), [("HU", ""), ("", ""), ("HU", "SUV")])
def test_where_units_do_not_fit_each_is_taken_as_a_share_of_its_window(one: str, other: str) -> None:
    first, second = slice_of(np.array([[0.0, 50.0, 100.0]]), one), slice_of(np.array([[0.0, 10.0, 5.0]]), other)
    made = difference(first, second, (100.0, 50.0), (10.0, 5.0), 0.5)
    assert made.normalised and made.unit == OF_THE_WINDOW and made.most == 0.5
    assert made.values.tolist() == [[0.0, 0.5, -0.5]]


def test_what_is_not_in_both_has_no_difference() -> None:
    left, right = np.array([[True, True, False]]), np.array([[False, True, True]])
    first, second = (slice_of(np.zeros((1, 3)), inside=held) for held in (left, right))
    made = difference(first, second, (1.0, 0.5), (1.0, 0.5), 0.5)
    assert made.inside is not None and made.inside.tolist() == [[False, True, False]]
