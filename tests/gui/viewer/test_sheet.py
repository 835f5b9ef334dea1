"""Millimetres and screen pixels: the same scale both ways, and back again."""

import pytest

from medviz.gui.viewer.sheet import ZOOM_MOST, Camera, Sheet


@pytest.mark.parametrize("mm", [(1.0, 1.0), (6.0, 0.5), (0.3, 4.0)])
@pytest.mark.parametrize("camera", [Camera(), Camera(3.0, 4.0, -7.0)])
def test_a_place_on_the_screen_leads_back_to_the_same_pixel(mm: tuple[float, float], camera: Camera) -> None:
    sheet = Sheet(30, 50, mm, 640, 480, camera, (3.0, 20.0, 5.0, 44.0))
    for row, col in ((0.0, 0.0), (12.25, 30.5), (29.0, 49.0)):
        x, y = sheet.to_screen(row, col)
        assert sheet.to_slice(x, y) == pytest.approx((row, col), abs=1e-9)


@pytest.mark.trap("T19")
@pytest.mark.parametrize("mm", [(0.5, 0.5), (6.0, 0.5), (0.5, 6.0)])
def test_ten_mm_are_as_long_down_as_across(mm: tuple[float, float]) -> None:
    sheet = Sheet(40, 200, mm, 500, 400)
    x, y = sheet.to_screen(0, 0)
    down, across = sheet.to_screen(10 / mm[0], 0)[1] - y, sheet.to_screen(0, 10 / mm[1])[0] - x
    assert down == pytest.approx(across) and down > 0


def test_what_must_fit_fills_the_pane() -> None:
    whole = Sheet(100, 100, (1.0, 1.0), 400, 300)
    left, top, wide, high = whole.place
    assert (left, top, wide, high) == pytest.approx((56, 6, 288, 288))
    part = Sheet(100, 100, (1.0, 1.0), 400, 300, box=(40.0, 60.0, 10.0, 30.0))
    assert part.to_screen(39.5, 19.5)[1] == pytest.approx(6) and part.to_screen(59.5, 19.5)[1] == pytest.approx(294)


def test_a_zoom_keeps_what_is_under_the_pointer() -> None:
    sheet = Sheet(100, 100, (1.0, 2.0), 400, 300)
    before = sheet.to_slice(123.0, 77.0)
    after = Sheet(100, 100, (1.0, 2.0), 400, 300, sheet.zoomed(2.5, 123.0, 77.0))
    assert after.to_slice(123.0, 77.0) == pytest.approx(before)
    assert after.scale == pytest.approx(2.5 * sheet.scale)


def test_zoom_has_an_end_and_the_slice_cannot_be_lost() -> None:
    sheet = Sheet(100, 100, (1.0, 1.0), 400, 300)
    assert sheet.zoomed(1e9, 200, 150).zoom == ZOOM_MOST
    away = Sheet(100, 100, (1.0, 1.0), 400, 300, sheet.panned(1e6, -1e6))
    left, top, _, high = away.place
    assert left == pytest.approx(200) and top + high == pytest.approx(150)


def test_a_drag_moves_the_slice_with_the_hand() -> None:
    sheet = Sheet(100, 100, (1.0, 1.0), 400, 300, Camera(2.0))
    x, y = sheet.to_screen(10, 20)
    moved = Sheet(100, 100, (1.0, 1.0), 400, 300, sheet.panned(15, -8))
    assert moved.to_screen(10, 20) == pytest.approx((x + 15, y - 8))
