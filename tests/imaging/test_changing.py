"""A changed copy: what is painted is changed as asked, everything else is the same bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medviz.imaging.changing import CHANGES, changed, touched
from medviz.imaging.volume import Stored, Volume

AFFINE = np.array([[0.0, 2.0, 0.0, -5.0], [1.0, 0.0, 0.3, 4.0], [0.0, 0.0, 3.0, 1.0], [0.0, 0.0, 0.0, 1.0]])


def scan(kind: str = "int16") -> Volume:
    voxels = np.random.default_rng(1).normal(200, 30, (1, 20, 18, 12)).astype(kind)
    return Volume(voxels, AFFINE, Stored("NIfTI-1", voxels.shape[1:], "RAS", AFFINE, voxels.dtype), name="scan")


def test_the_ball_is_round_in_mm_on_an_oblique_anisotropic_grid() -> None:
    one, middle = scan(), AFFINE[:3] @ [9, 9, 6, 1]
    inside = touched(one, [middle], 7.05)
    grid = np.stack(np.meshgrid(*map(np.arange, one.shape), indexing="ij"), -1)
    away = np.linalg.norm(grid @ AFFINE[:3, :3].T + AFFINE[:3, 3] - middle, axis=-1)
    assert np.array_equal(inside, away <= 7.05) and inside.any()


def test_a_quick_hand_leaves_no_gap() -> None:
    one = scan()
    ends = [AFFINE[:3] @ [2, 9, 6, 1], AFFINE[:3] @ [17, 9, 6, 1]]
    assert touched(one, ends, 2.5)[2:18, 9, 6].all()


@pytest.mark.parametrize("how", CHANGES)
@pytest.mark.parametrize("kind", ["int16", "uint8", "float32"])
def test_only_what_was_painted_is_changed_and_the_scan_itself_is_not(how: str, kind: str) -> None:
    one = scan(kind)
    before = one.voxels.copy()
    inside = touched(one, [AFFINE[:3] @ [9, 9, 6, 1]], 5.0)
    other = changed(one, inside, how)  # type: ignore[arg-type]
    assert np.array_equal(one.voxels, before)
    assert np.array_equal(other.voxels[0][~inside], before[0][~inside])
    assert (other.voxels[0][inside] != before[0][inside]).mean() > 0.8
    assert other.voxels.dtype == one.voxels.dtype and other.same_grid(one)


def test_the_mean_is_that_of_the_surroundings_and_brighter_is_brighter() -> None:
    one = scan("float32")
    inside = touched(one, [AFFINE[:3] @ [9, 9, 6, 1]], 5.0)
    one.voxels[0][inside] = 1000.0
    mean = changed(one, inside, "mean").voxels[0][inside]
    assert np.ptp(mean) == 0 and 190 < mean[0] < 210
    assert (changed(one, inside, "brighter").voxels[0][inside] > 1000).all()
    assert (changed(one, inside, "darker").voxels[0][inside] < 1000).all()


def test_values_stay_within_what_the_stored_type_can_hold() -> None:
    one = scan("uint8")
    one.voxels[:] = np.random.default_rng(0).integers(200, 256, one.voxels.shape)
    other = changed(one, np.ones(one.shape, bool), "brighter")
    assert other.voxels.max() == 255 and (other.voxels >= one.voxels).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-60, 60)] * 3), max_size=4), st.floats(0.1, 20))
def test_any_path_beside_or_through_the_scan_can_be_painted(path: list[tuple[float, ...]], radius: float) -> None:
    one = scan()
    inside = touched(one, path, radius)
    assert inside.shape == one.shape
    assert changed(one, inside, "noise").voxels.shape == one.voxels.shape
