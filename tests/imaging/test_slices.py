"""A place on the screen and a voxel are the same place, and a slice is a view."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medviz.imaging.intensity import fast_pixels
from medviz.imaging.slices import NORMAL, PLANES, cut, facing, letters, to_screen, to_voxel
from tests.imaging.making import volume

planes = st.sampled_from(PLANES)
shapes = st.tuples(*[st.integers(1, 9)] * 3)


@given(shapes, planes, st.booleans(), st.data())
def test_a_pixel_on_the_screen_holds_the_voxel_that_it_points_at(shape, plane, radiological, data) -> None:
    scan = volume(np.arange(np.prod(shape), dtype=np.int32).reshape(shape))
    index = data.draw(st.integers(0, shape[NORMAL[plane]] - 1))
    seen = cut(scan, plane, index, 0, radiological)
    row = data.draw(st.integers(0, seen.pixels.shape[0] - 1))
    col = data.draw(st.integers(0, seen.pixels.shape[1] - 1))
    voxel = to_voxel(shape, plane, index, row, col, radiological)
    assert seen.pixels[row, col] == scan.frame()[tuple(int(place) for place in voxel)]
    assert to_screen(shape, plane, voxel, radiological) == (row, col)


@given(shapes, planes, st.booleans(), st.tuples(*[st.floats(-3, 12)] * 3))
def test_to_the_screen_and_back_is_the_same_place(shape, plane, radiological, voxel) -> None:
    row, col = to_screen(shape, plane, voxel, radiological)
    back = to_voxel(shape, plane, voxel[NORMAL[plane]], row, col, radiological)
    assert back == pytest.approx(voxel)


@given(planes, st.booleans())
def test_letters_name_where_the_edges_lie(plane, radiological) -> None:
    affine = np.diag([0.7, 1.1, 3.0, 1.0])
    shape = (5, 6, 7)
    left, right, top, bottom = letters(affine, plane, radiological)
    middle = to_voxel(shape, plane, 2, 2, 2, radiological)
    for letter, row, col in ((left, 2, 0), (right, 2, 4), (top, 0, 2), (bottom, 4, 2)):
        toward = np.subtract(to_voxel(shape, plane, 2, row, col, radiological), middle)
        axis = int(np.abs(toward).argmax())
        assert letter == ("RAS" if toward[axis] > 0 else "LPI")[axis]


def test_an_oblique_edge_gets_two_letters_the_larger_share_first() -> None:
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]]
    assert letters(turned, "axial", True) == ("RA", "LP", "AL", "PR")


def test_a_volume_that_says_nothing_of_the_patient_has_no_letters() -> None:
    assert cut(volume(np.zeros((3, 3, 3)), oriented=False), "axial", 1).letters == ("", "", "", "")


def test_without_spacing_a_slice_has_no_mm() -> None:
    assert cut(volume(np.zeros((3, 3, 3)), calibrated=False), "axial", 1).mm is None
    spaced = cut(volume(np.zeros((3, 4, 5)), np.diag([0.5, 2.0, 7.5, 1.0])), "coronal", 1)
    assert spaced.mm == (7.5, 0.5) and spaced.pixels.shape == (5, 3)


@pytest.mark.parametrize("plane", PLANES)
def test_a_slice_beyond_the_volume_raises(plane) -> None:
    for index in (-1, 3):
        with pytest.raises(IndexError):
            cut(volume(np.zeros((3, 3, 3))), plane, index)


@pytest.mark.parametrize("plane", PLANES)
def test_a_slice_is_a_view_of_the_stored_voxels(plane) -> None:
    scan = volume(np.asfortranarray(np.zeros((4, 5, 6), np.int16)))
    assert np.shares_memory(cut(scan, plane, 2).pixels, scan.voxels)


def test_each_plane_faces_the_screen_with_up_up() -> None:
    for plane in PLANES:
        turned = facing(plane)
        assert turned.flip_down and turned.across < turned.down
        assert {turned.across, turned.down, NORMAL[plane]} == {0, 1, 2}


def test_a_512_slice_of_stored_int16_is_ready_to_draw_in_well_under_2_ms() -> None:
    stored = np.asfortranarray(np.random.default_rng(0).integers(-1000, 2000, (512, 512, 40), np.int16))
    scan = volume(stored[::-1, ::-1], np.diag([0.7, 0.7, 2.0, 1.0]))
    took = []
    for index in range(40):
        began = time.thread_time()
        fast_pixels(cut(scan, "axial", index))
        took.append(time.thread_time() - began)
    assert np.median(took) < 0.002
