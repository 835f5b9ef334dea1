"""From slice pixels to screen pixels: right colours, thin outlines, nothing outside."""

import numpy as np
import pytest

from medviz.gui.viewer.raster import (
    Grid,
    Shades,
    blended,
    colour_picture,
    faded,
    label_paint,
    outlined,
    packed,
    rim,
    thinned,
)
from medviz.gui.viewer.sheet import Camera, Sheet
from medviz.gui.viewer.tints import ramp, tint
from medviz.imaging.labels import Label, named

RED = np.uint32(0xFFFF0000)


def test_colours_are_packed_premultiplied() -> None:
    table = packed(np.array([[255, 128, 0, 255], [255, 128, 0, 128], [9, 9, 9, 0]], np.uint8))
    assert [hex(one) for one in table] == ["0xffff8000", "0x80804000", "0x0"]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "int32"])
def test_each_stored_type_gives_the_same_greys(dtype: str) -> None:
    values = np.arange(0, 120, dtype=dtype).reshape(10, 12)
    picture = Shades().picture(values, 20, 100, tint("grey"))
    grey = picture & 0xFF
    assert grey[0, 0] == 0 and grey.flat[20] == 0 and grey.flat[119] == 255
    assert grey.flat[60] in (127, 128) and np.all(np.diff(grey.ravel().astype(int)) >= 0)
    assert np.all(picture >> 24 == 255)


def test_negative_values_keep_their_order() -> None:
    values = np.array([[-1000, -500, 0, 500]], np.int16)
    grey = Shades().picture(values, -1000, 500, tint("grey")) & 0xFF
    assert grey[0].tolist() == [0, 85, 170, 255]


def test_not_a_number_is_drawn_as_the_lowest_value() -> None:
    values = np.array([[np.nan, 0.0, 1.0, np.inf, -np.inf]], np.float32)
    assert (Shades().picture(values, 0, 1, tint("grey")) & 0xFF)[0].tolist() == [0, 0, 255, 255, 0]


def test_a_table_is_made_again_when_window_or_colours_change() -> None:
    shades, values = Shades(), np.array([[10, 90]], np.int16)
    first = shades.picture(values, 0, 100, tint("grey"))
    assert not np.array_equal(first, shades.picture(values, 0, 50, tint("grey")))
    assert not np.array_equal(first, shades.picture(values, 0, 100, tint("hot")))
    assert np.array_equal(first, shades.picture(values, 0, 100, tint("grey")))


def test_where_nothing_is_probable_the_scan_is_seen() -> None:
    assert ramp("magma")[0] == 0 and ramp("magma")[255] >> 24 == 255


def test_outlines_are_inside_the_label_and_one_pixel_wide() -> None:
    labels = np.zeros((9, 9), np.uint8)
    labels[2:7, 2:7] = 1
    (ink,) = outlined(labels, np.array([0, RED], np.uint32))
    drawn = np.zeros(81, np.uint32)
    drawn[ink.where] = ink.colours
    expected = np.zeros((9, 9), bool)
    expected[2:7, 2:7] = True
    expected[3:6, 3:6] = False
    assert np.array_equal(drawn.reshape(9, 9) == RED, expected)


def test_two_labels_side_by_side_have_a_border_each() -> None:
    labels = np.repeat(np.array([[1, 1, 1, 2, 2, 2]], np.uint8), 4, axis=0)
    assert rim(labels)[1].tolist() == [False, False, True, True, False, False]


def test_a_proposal_is_dashed_and_hatched() -> None:
    labels = np.zeros((60, 60), np.uint8)
    labels[5:55, 5:55] = 1
    paint = np.array([0, RED], np.uint32)
    (plain,) = outlined(labels, paint)
    hatching, dashes = outlined(labels, paint, dashed=True)
    assert 0.4 < len(dashes.where) / len(plain.where) < 0.8
    assert 100 < len(hatching.where) and not set(hatching.where) & set(dashes.where)
    assert hatching.colours[0] >> 24 == 127


def test_a_hidden_label_is_clear_and_the_others_keep_their_colour() -> None:
    labels = named(("one", "two"))
    paint = label_paint(labels, frozenset({1}))
    assert paint[0] == 0 and paint[1] == 0 and paint[2] == packed(np.array([[*labels[1].colour, 255]], np.uint8))[0]


@pytest.mark.trap("T18")
def test_a_label_above_255_has_its_own_colour() -> None:
    paint = label_paint((Label(70, "a", (1, 2, 3)), Label(1200, "b", (4, 5, 6))), frozenset())
    assert len(paint) == 65536 and hex(paint[1200]) == "0xff040506"


@pytest.mark.parametrize("opacity", [0.0, 0.3, 1.0])
def test_faded_colours_keep_their_tint(opacity: float) -> None:
    colours = np.array([0xFF6080A0, 0x80402000, 0], np.uint32)
    for one, out in zip(colours, faded(colours, opacity), strict=True):
        for shift in (0, 8, 16, 24):
            assert abs((int(out) >> shift & 255) - (int(one) >> shift & 255) * opacity) <= 1.01


@pytest.mark.parametrize("opacity", [0.0, 0.25, 0.5, 1.0])
def test_blending_is_what_arithmetic_says(opacity: float) -> None:
    below = np.array([0xFF204060, 0xFFFFFFFF, 0xFF000000], np.uint32)
    above = np.array([0xFF6080A0, 0xFF000000, 0x7F7F0000], np.uint32)
    mixed = blended(below, above, opacity)
    for one, two, out in zip(below, above, mixed, strict=True):
        alpha = (int(two) >> 24) / 255 * opacity
        for shift in (0, 8, 16):
            want = (int(one) >> shift & 255) * (1 - alpha) + (int(two) >> shift & 255) * opacity
            assert abs((int(out) >> shift & 255) - want) <= 2
        assert int(out) >> 24 == 255


def test_a_grid_covers_the_slice_on_the_screen_and_nothing_else() -> None:
    sheet = Sheet(20, 10, (1.0, 1.0), 300, 212)
    grid = Grid(sheet, 1.0)
    assert (len(grid.rows), len(grid.cols)) == (200, 100) and (grid.top, grid.left) == (6, 100)
    assert grid.rows[0] == 0 and grid.rows[-1] == 19 and grid.rows[10] == 1
    twice = Grid(sheet, 2.0)
    assert len(twice.rows) == 400 and twice.rows[20] == 1


def test_a_grid_far_off_the_pane_is_empty() -> None:
    sheet = Sheet(20, 20, (1.0, 1.0), 100, 100, Camera(60.0, 10.0, 10.0))
    grid = Grid(sheet, 1.0)
    assert len(grid.rows) <= 100 and len(grid.cols) <= 100
    assert grid.sample(np.zeros((20, 20), np.uint8)).shape == (len(grid.rows), len(grid.cols))


def test_a_screen_coarser_than_the_slice_shows_means() -> None:
    pixels = np.arange(16, dtype=np.int16).reshape(4, 4)
    assert thinned(pixels, 2).tolist() == [[2, 4], [10, 12]] and thinned(pixels, 2).dtype == np.int16
    assert thinned(pixels, 1) is pixels


def test_colour_pictures_keep_their_colours() -> None:
    channels = tuple(np.full((2, 2), value, np.uint8) for value in (1, 2, 3))
    assert hex(colour_picture(channels)[0, 0]) == "0xff010203"
