"""From where one looks: right-handed everywhere, and what is under a place stays there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medviz.imaging.rendering.looks import PRESETS, Range, points_of, preset_for, range_of
from medviz.imaging.rendering.sight import STANDARD, Frame, Sight, mm_per_pixel, to_mm, to_pixel, zoomed
from medviz.imaging.rendering.view import View
from medviz.imaging.scene import Layer
from tests.imaging.rendering.phantoms import ball, volume

FRAME = Frame(np.array([3.0, -4.0, 5.0]), 60.0, 50.0, 40.0)
degrees = st.floats(-720, 720)
mm = st.floats(-80, 80)


@given(degrees, st.floats(-90, 90), st.floats(0.3, 30), st.tuples(mm, mm), st.tuples(mm, mm, mm))
def test_there_and_back(
    turn: float, lift: float, zoom: float, shift: tuple[float, float], at: tuple[float, float, float]
) -> None:
    sight, size = Sight(turn, lift, zoom, shift), (300, 420)
    row, col = to_pixel(FRAME, sight, size, at)
    height = float(sight.axes[2] @ (np.array(at) - FRAME.middle_mm))
    np.testing.assert_allclose(to_mm(FRAME, sight, size, row, col, height), at, atol=1e-6)


@given(degrees, st.floats(-300, 300))
def test_turning_never_rolls(across: float, up: float) -> None:
    sight = Sight().turned(across, up)
    assert -90.0 <= sight.lift <= 90.0
    right, high, eye = sight.axes
    assert np.linalg.det(sight.axes) == pytest.approx(1.0)
    assert abs(right[2]) < 1e-9, "the horizon stays level"
    assert high[2] >= -1e-9, "the head is never below the feet"
    assert np.allclose(np.cross(right, high), eye)


@given(st.floats(0.5, 2.0), st.floats(0, 299), st.floats(0, 419), degrees, st.floats(-90, 90))
def test_what_is_under_the_wheel_stays_there(factor: float, row: float, col: float, turn: float, lift: float) -> None:
    sight, size = Sight(turn, lift, 2.0, (3.0, 1.0)), (300, 420)
    under = to_mm(FRAME, sight, size, row, col, 7.0)
    np.testing.assert_allclose(
        to_pixel(FRAME, zoomed(FRAME, sight, size, factor, row, col), size, under), (row, col), atol=1e-6
    )


@pytest.mark.parametrize("lift", [-90.0, -40.0, 0.0, 20.0, 90.0])
def test_everything_fits_from_everywhere_and_turning_leaves_the_scale(lift: float) -> None:
    size = (300, 500)
    scales = {round(mm_per_pixel(FRAME, Sight(turn, lift), size), 9) for turn in range(0, 360, 20)}
    assert len(scales) == 1
    for angle in np.linspace(0, 2 * np.pi, 12):
        for up in (-FRAME.half_mm, FRAME.half_mm):
            side = np.sqrt(max(FRAME.radius_mm**2 - up**2, 0.0))
            side = min(side, FRAME.girth_mm)
            at = FRAME.middle_mm + np.array([side * np.cos(angle), side * np.sin(angle), up])
            row, col = to_pixel(FRAME, Sight(30.0, lift), size, (float(at[0]), float(at[1]), float(at[2])))
            assert 0 <= row < size[0] and 0 <= col < size[1]


def test_a_view_is_kept_as_plain_values_and_nonsense_is_left_out() -> None:
    view = View(Sight(12.0, -30.0, 2.0), "planes", "ct_bone", 0.2, "free", depth_mm=4.0, skin=True, labels=True)
    assert View.from_dict(view.as_dict) == replace(view, sight=replace(view.sight, shift=(0.0, 0.0)))
    for bad in ({"mode": "hologram"}, {"sight": "up"}, {"sight": {"turn": "x", "zoom": float("nan")}}, {"skin": 3}):
        assert View.from_dict(bad) == View()
    assert View.from_dict({"sight": {"lift": 500.0, "zoom": 1e9}}).sight == Sight(lift=90.0, zoom=30.0)


def test_standard_sides_look_at_what_they_are_named_after() -> None:
    for letter, way in zip(
        "APLRSI", np.array([[0, 1, 0], [0, -1, 0], [-1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, -1]]), strict=True
    ):
        assert np.allclose(STANDARD[letter].axes[2], way, atol=1e-12)


# -- looks --------------------------------------------------------------------------------------------------------


def test_ct_is_known_by_its_air_and_mr_by_the_lack_of_it() -> None:
    scan, inside = ball()
    assert not range_of(scan).hounsfield and preset_for(range_of(scan)) == "mr_head"
    ct = volume(np.where(inside, 60, -1000).astype(np.int16), scan.affine)
    assert preset_for(range_of(ct)) == "ct_bone"
    flat = range_of(volume(np.full((4, 4, 4), np.nan, np.float32)))
    assert np.isfinite([flat.low, flat.high]).all() and flat.high > flat.low


@pytest.mark.parametrize("preset", [*PRESETS, "window"])
def test_points_of_a_look_rise_and_stay_within_their_bounds(preset: str) -> None:
    scan, _ = ball()
    for shift in (-0.4, 0.0, 0.7):
        points, _ = points_of(preset, Range(0.0, 1000.0, False), Layer(scan, window=400.0, level=300.0), shift)
        values = [one[0] for one in points]
        assert values == sorted(values) and len(set(values)) == len(values)
        assert all(0.0 <= part <= 1.0 for one in points for part in one[1:])
        assert max(one[4] for one in points) > 0.3 and points[0][4] == 0.0
