"""An overlay lands where its affine says, whatever its grid; never where its indices happen to fall."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medviz.imaging.resample import grid_note, onto, slice_of
from medviz.imaging.slices import NORMAL, PLANES, cut
from tests.imaging.making import (
    NAMES,
    ORDERS,
    STRONGLY_OBLIQUE,
    asymmetric,
    opened,
    reordered,
    rotation,
    saved,
    volume,
)

GRID = np.array([[1.0, 0, 0, -5.0], [0, 1.5, 0, -9.0], [0, 0, 2.5, -11.0], [0, 0, 0, 1.0]])


def placed(angles=(0.0, 0.0, 0.0), spacing=(1.0, 1.0, 1.0), at=(0.0, 0.0, 0.0)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles) @ np.diag(spacing)
    affine[:3, 3] = at
    return affine


@pytest.mark.trap("T1", "T6")
@pytest.mark.parametrize("order", ORDERS, ids=NAMES)
def test_a_mask_stored_in_another_order_lands_right_to_the_voxel(order: np.ndarray, tmp_path: Path) -> None:
    phantom = asymmetric()
    scan = opened(saved(tmp_path / "scan.nii", phantom, GRID))
    mask = (phantom > 300).astype(np.uint8)
    overlay = opened(saved(tmp_path / "mask.nii", *reordered(mask, GRID, order)))
    moved = onto(overlay, scan)
    assert np.array_equal(moved.frame(), mask) and moved.voxels.dtype == np.uint8
    assert np.array_equal(moved.affine, scan.affine) and moved.stored.axes == scan.stored.axes
    assert np.shares_memory(moved.voxels, overlay.voxels), "an order is no reason for a copy"


@pytest.mark.trap("T3", "T6")
@pytest.mark.parametrize("order", ORDERS, ids=NAMES)
def test_two_orders_of_a_strongly_oblique_scan_are_re_indexed_and_not_interpolated(
    order: np.ndarray, tmp_path: Path
) -> None:
    phantom = asymmetric((6, 7, 5))
    stored, moved = reordered(phantom, STRONGLY_OBLIQUE, order)
    raw = volume(stored, moved)  # not turned to RAS+: an order that no reader would give
    scan = volume(phantom, STRONGLY_OBLIQUE)
    for wanted in ("nearest", "linear"):
        found = onto(raw, scan, wanted)
        assert np.array_equal(found.frame(), phantom) and found.voxels.dtype == np.int16
    for plane in PLANES:
        for index in (0, 3):
            assert np.array_equal(slice_of(raw, scan, plane, index).pixels, cut(scan, plane, index).pixels)


def test_a_part_of_the_same_grid_is_re_indexed(tmp_path: Path) -> None:
    phantom = asymmetric()
    scan = volume(phantom, GRID)
    moved = GRID.copy()
    moved[:3, 3] = scan.to_mm((2, 3, -1))
    part = volume(np.full((20, 5, 4), 7, np.int16), moved)
    found = onto(part, scan, outside=-1).frame()
    assert (found[2:, 3:8, :3] == 7).all() and (found == 7).sum() == 9 * 5 * 3 and (found[:2] == -1).all()
    beside = volume(np.ones((3, 3, 3), np.uint8), placed(at=(500.0, 0, 0)) @ np.diag([1, 1.5, 2.5, 1]))
    assert not onto(beside, scan).voxels.any()


@pytest.mark.trap("T6")
@settings(max_examples=40)
@given(
    st.tuples(*[st.floats(-3, 3)] * 3),
    st.tuples(*[st.floats(0.5, 4)] * 3),
    st.tuples(*[st.floats(-9, 9)] * 3),
    st.sampled_from(PLANES),
    st.booleans(),
)
def test_nearest_is_the_voxel_that_holds_the_point(angles, spacing, at, plane, radiological) -> None:
    overlay = volume(asymmetric((9, 7, 8)), placed(angles, spacing, at))
    scan = volume(np.zeros((8, 6, 7), np.uint8), placed((0.1, 0.2, 0.3), (1.0, 1.5, 2.5), (-4.0, -4.5, -8.0)))
    found = onto(overlay, scan, outside=-999)
    for voxel in np.ndindex(scan.shape):
        place = overlay.to_voxel(scan.to_mm(voxel))
        if np.abs(place - np.floor(place) - 0.5).min() < 1e-6:
            continue  # on the border between two voxels either is right
        meant = overlay.value_at(scan.to_mm(voxel))
        assert found.frame()[voxel] == (-999 if meant is None else meant)
    index = scan.shape[NORMAL[plane]] // 2
    seen = slice_of(overlay, scan, plane, index, 0, radiological, outside=-999)
    whole = cut(found, plane, index, 0, radiological)
    assert np.mean(seen.pixels != whole.pixels) < 0.02  # rounding on the borders between voxels
    assert seen.letters == whole.letters and seen.mm == whole.mm


@settings(max_examples=30)
@given(st.tuples(*[st.floats(-0.5, 0.5)] * 3), st.tuples(*[st.floats(0.5, 2)] * 3), st.sampled_from(PLANES))
def test_linear_is_exact_for_what_is_linear(angles, spacing, plane) -> None:
    overlay = volume(np.zeros((20, 20, 20), np.float32), placed(angles, spacing, (-10.0, -10.0, -10.0)))
    x, y, z = np.moveaxis(overlay.to_mm(np.moveaxis(np.indices(overlay.shape), 0, -1)), -1, 0)
    overlay = volume((2 * x - 3 * y + 0.5 * z).astype(np.float32), overlay.affine)
    scan = volume(np.zeros((5, 6, 7), np.uint8), placed((0, 0, 0), (0.7, 0.7, 0.7), (-2.0, -2.0, -2.0)))
    found = onto(overlay, scan, "linear", outside=np.nan).frame()
    x, y, z = np.moveaxis(scan.to_mm(np.moveaxis(np.indices(scan.shape), 0, -1)), -1, 0)
    meant = 2 * x - 3 * y + 0.5 * z
    places = overlay.to_voxel(scan.to_mm(np.moveaxis(np.indices(scan.shape), 0, -1)))
    within = ((places >= 0) & (places <= 19)).all(axis=-1)
    assert np.allclose(found[within], meant[within], atol=1e-3)
    seen = slice_of(overlay, scan, plane, 3, order="linear", outside=np.nan)
    assert np.allclose(seen.pixels, cut(volume(found, scan.affine), plane, 3).pixels, atol=1e-3, equal_nan=True)


def test_half_a_voxel_around_the_outermost_centres_still_belongs_to_the_overlay() -> None:
    overlay = volume(np.full((1, 4, 4), 5, np.uint8), np.diag([4.0, 1.0, 1.0, 1.0]))
    scan = volume(np.zeros((6, 4, 4), np.uint8), placed(at=(-3.0, 0, 0)))
    for order in ("nearest", "linear"):
        assert onto(overlay, scan, order).frame()[:, 0, 0].tolist() == [0, 5, 5, 5, 5, 0]


def test_frames_and_colours_are_all_resampled() -> None:
    overlay = volume(np.stack([asymmetric((4, 4, 4))] * 3), placed(spacing=(2, 2, 2)), kind="frames")
    found = onto(overlay, volume(np.zeros((8, 8, 8))))
    assert found.kind == "frames" and found.frames == 3
    assert np.array_equal(found.voxels[0], found.voxels[2])


def test_labels_stay_labels_and_keep_their_type() -> None:
    labels = np.zeros((10, 10, 10), np.uint16)
    labels[3:7, 3:7, 3:7] = 300
    found = onto(volume(labels), volume(np.zeros((15, 15, 15)), placed((0.3, 0.2, 0.1), (0.6, 0.6, 0.6))))
    assert found.voxels.dtype == np.uint16 and set(np.unique(found.voxels)) == {0, 300}


def test_slices_beyond_the_scan_raise() -> None:
    with pytest.raises(IndexError):
        slice_of(volume(np.zeros((4, 4, 4))), volume(np.zeros((3, 3, 3))), "axial", 3)


@pytest.mark.trap("T6")
def test_a_person_is_told_when_grids_differ() -> None:
    scan = volume(asymmetric(), GRID, name="scan.nii")
    assert grid_note(volume(asymmetric(), GRID), scan) is None
    coarse = volume(np.zeros((5, 5, 5)), np.diag([2.0, 2.0, 2.0, 1.0]), name="coarse.nii")
    assert grid_note(coarse, scan) == (
        "coarse.nii lies on another grid (5×5×5 voxels, 2×2×2 mm) and is resampled by its affine"
    )
    far = volume(np.zeros((5, 5, 5)), placed(at=(900.0, 0, 0)), name="far.nii")
    assert "do not overlap" in str(grid_note(far, scan))
    moved = GRID.copy()
    moved[:3, 3] = scan.to_mm((1, 0, 0))
    assert "another part" in str(grid_note(volume(asymmetric(), moved, name="part.nii"), scan))
    flipped = GRID @ np.array([[-1, 0, 0, 10], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    assert "another order" in str(grid_note(volume(asymmetric(), flipped, name="mask.nii"), scan))


def test_a_slice_on_another_grid_is_there_before_the_next_frame() -> None:
    overlay = volume(np.zeros((300, 300, 100), np.uint8), placed((0.1, 0.2, 0.1), (1.3, 1.3, 3.0), (-100, -100, -100)))
    scan = volume(np.zeros((512, 512, 3), np.int16), placed(spacing=(0.7, 0.7, 2.0), at=(-180, -180, 0)))
    took = []
    for _ in range(7):
        began = time.thread_time()
        slice_of(overlay, scan, "axial", 1)
        took.append(time.thread_time() - began)
    assert min(took) < 0.025


@pytest.mark.data
@pytest.mark.trap("T6")
def test_a_real_mask_on_another_grid_lies_on_what_it_marks(data: Path) -> None:
    cord, mask = (opened(data / "seg3d" / "spinalcord_sct" / name) for name in ("t2s.nii.gz", "t2s_seg.nii.gz"))
    moved = onto(mask, cord)
    assert moved.frame().sum() == mask.frame().sum() > 0
    inside = cord.frame()[moved.frame() > 0]
    assert inside.mean() != pytest.approx(cord.frame()[moved.frame() == 0].mean(), rel=0.1)
