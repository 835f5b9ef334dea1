import numpy as np
import pytest

from medviz.imaging.judging.agreement import agreement
from medviz.imaging.judging.results import Agreement
from medviz.imaging.judging.surfaces import Apart, surfaces
from medviz.messages import Message, Note, finished
from medviz.refused import Refused
from tests.imaging.judging.maps import blobs, box, volume


def compared(one: np.ndarray, other: np.ndarray, spacing: tuple[float, ...] = (1, 1, 1)) -> dict[int, Agreement]:
    affine = np.diag([*spacing, 1.0])
    rows = finished(agreement(volume(one, affine), volume(other, affine), {1: "first", 2: "second"}))
    return {row.value: row for row in rows.rows}


def apart_mm(one: np.ndarray, other: np.ndarray, tolerance_mm: float = 2.0) -> Apart:
    return surfaces(one, other, volume(np.zeros(one.shape, np.uint8)), tolerance_mm)


def test_equal_maps_agree_wholly() -> None:
    for row in compared(blobs(0), blobs(0)).values():
        assert (row.dice, row.iou, row.hd95_mm, row.assd_mm, row.nsd) == (1, 1, 0, 0, 1)
        assert row.volume_ml_prediction == row.volume_ml_reference
        assert row.note == ""


def test_half_a_box_overlaps_as_worked_out_by_hand() -> None:
    row = compared(box(2, 2, 2), box(4, 2, 2))[1]
    assert row.dice == pytest.approx(2 * 32 / 128)
    assert row.iou == pytest.approx(32 / 96)
    assert row.volume_ml_prediction == pytest.approx(0.064)


@pytest.mark.trap("T20")
def test_distances_are_in_mm_and_not_in_voxels() -> None:
    """One voxel aside along z is 1 mm or 5 mm, as the scan's spacing says."""
    for spacing in (1.0, 5.0):
        row = compared(box(5, 5, 5), box(5, 5, 6), (1, 1, spacing))[1]
        assert row.hd95_mm == pytest.approx(spacing)
        assert row.assd_mm is not None
        assert 0 < row.assd_mm < spacing


@pytest.mark.trap("T20")
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI 1.6 warns of itself
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.7, 6.0), (1.0, 1.0, 5.0)])
def test_distances_are_those_of_monai(spacing: tuple[float, float, float]) -> None:
    import torch
    from monai.metrics import (
        compute_average_surface_distance,
        compute_hausdorff_distance,
        compute_iou,
        compute_surface_dice,
    )
    from monai.metrics import compute_dice as monai_dice

    one, other = blobs(1) == 1, blobs(2) == 1
    pair = [torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (one, other)]
    row = compared(one.astype(np.uint8), other.astype(np.uint8), spacing)[1]
    hd95 = compute_hausdorff_distance(*pair, include_background=True, percentile=95, spacing=spacing)
    assert row.hd95_mm == pytest.approx(float(hd95), rel=1e-5)
    farthest = compute_hausdorff_distance(*pair, include_background=True, spacing=spacing)
    assert row.hd_mm == pytest.approx(float(farthest), rel=1e-5)
    near = compute_surface_dice(*pair, class_thresholds=[2.0], include_background=True, spacing=spacing)
    assert row.nsd == pytest.approx(float(near), rel=1e-5)
    there, back = (
        float(compute_average_surface_distance(*ordered, include_background=True, spacing=spacing))
        for ordered in (pair, pair[::-1])
    )
    assert row.assd_mm is not None
    assert min(there, back) - 1e-5 <= row.assd_mm <= max(there, back) + 1e-5, "the mean over both surfaces"
    assert row.dice == pytest.approx(float(monai_dice(*pair)))
    assert row.iou == pytest.approx(float(compute_iou(*pair)))


def test_nsd_counts_both_surfaces_within_the_tolerance() -> None:
    near, far = box(5, 5, 5), box(8, 5, 5)
    assert apart_mm(near, far, 3.0).nsd == 1
    assert apart_mm(near, far, 0.5).nsd < 0.6
    assert apart_mm(near, far, 0.5).nsd > 0


@pytest.mark.trap("T6")
def test_what_lies_beyond_the_reference_is_not_judged_and_that_is_said() -> None:
    said: list[Message] = []
    meant = box(0, 4, 4, shape=(12, 12, 12))
    moved = np.eye(4)
    moved[0, 3] = -2
    seen = box(0, 4, 4, shape=(14, 12, 12))  # from -2 mm on: half of it lies outside
    found = finished(agreement(volume(seen, moved), volume(meant)), said.append)
    assert found.rows[0].voxels_prediction == 32 and found.rows[0].dice == pytest.approx(2 * 32 / 96)
    assert "0.032 ml of it lie beyond" in found.note
    assert [one.text for one in said if isinstance(one, Note)] == [found.note]


def test_the_edge_of_the_scan_counts_as_outside() -> None:
    full = np.ones((6, 6, 6), bool)
    inner = np.zeros_like(full)
    inner[1:5, 1:5, 1:5] = True
    assert apart_mm(full, inner).hd95_mm > 0


@pytest.mark.trap("T20")
def test_what_has_no_meaning_is_none_with_a_sentence() -> None:
    row = compared(box(2, 2, 2), np.zeros((20, 20, 20), np.uint8))[1]
    assert (row.dice, row.iou, row.hd95_mm, row.assd_mm, row.nsd) == (None,) * 5
    assert "no reference voxels" in row.note
    missed = compared(np.zeros((20, 20, 20), np.uint8), box(2, 2, 2))[1]
    assert (missed.dice, missed.iou) == (0, 0), "a structure that was missed overlaps by nothing: that is a number"
    assert (missed.hd95_mm, missed.assd_mm, missed.nsd) == (None,) * 3
    assert "no predicted voxels" in missed.note
    assert compared(np.zeros((5, 5, 5), np.uint8), np.zeros((5, 5, 5), np.uint8)) == {}


def test_without_spacing_there_are_no_mm() -> None:
    pair = [volume(box(k, 2, 2), calibrated=False) for k in (2, 3)]
    (row,) = finished(agreement(*pair)).rows
    assert row.dice == pytest.approx(0.75)
    assert (row.hd95_mm, row.volume_ml_reference) == (None, None)
    assert "no spacing" in row.note


@pytest.mark.trap("T6")
def test_a_prediction_on_another_grid_is_brought_to_the_reference_and_that_is_said() -> None:
    labels = blobs(3)
    flipped = np.diag([-1.0, 1, 1, 1])
    flipped[0, 3] = labels.shape[0] - 1
    said: list[Message] = []
    other_order = volume(np.ascontiguousarray(labels[::-1]), flipped)
    found = finished(agreement(other_order, volume(labels)), said.append)
    assert [row.dice for row in found.rows] == [1, 1]
    assert any(isinstance(one, Note) and "another order" in one.text for one in said) and "another order" in found.note


def test_a_prediction_on_a_turned_grid_is_looked_up_as_a_loop_does() -> None:
    labels = blobs(4, (9, 8, 7))
    turned = np.array([[0.9, 0.2, 0, 1], [-0.2, 0.9, 0.1, -2], [0, 0.1, 1.7, 0.5], [0, 0, 0, 1]])
    has, wants = volume(labels, turned), volume(np.ones((6, 7, 5), np.uint8), np.diag([1.1, 1.2, 2, 1]))
    found = finished(agreement(has, wants)).predicted
    for index in np.ndindex(found.shape):
        place = has.nearest(wants.to_mm(index))
        assert found[index] == (labels[place] if place else 0)


def test_a_map_that_is_no_label_map_is_refused() -> None:
    with pytest.raises(Refused, match="whole numbers"):
        finished(agreement(volume(np.full((3, 3, 3), 0.5)), volume(box(0, 0, 0, size=(1, 1, 1), shape=(3, 3, 3)))))
    scaled = volume(np.full((3, 3, 3), 2, np.uint8), slope=0.5)
    (row,) = finished(agreement(scaled, volume(np.ones((3, 3, 3))))).rows
    assert row.dice == 1, "what a person reads counts, after slope and intercept"


def test_volumes_are_those_of_the_affine_sheared_ones_too() -> None:
    sheared = np.array([[2.0, 1.0, 0, 0], [0, 2.0, 0, 0], [0, 0, 3.0, 0], [0, 0, 0, 1]])
    (row,) = finished(agreement(volume(box(2, 2, 2), sheared), volume(box(2, 2, 2), sheared))).rows
    assert row.volume_ml_reference == pytest.approx(64 * 12 / 1000)


def test_labels_at_opposite_ends_of_a_scan_are_still_held_against_each_other() -> None:
    row = compared(box(0, 0, 0), box(16, 16, 16))[1]
    assert row.dice == 0
    assert row.hd95_mm == pytest.approx(np.sqrt(3) * 16, rel=0.05)


def test_a_mask_of_0_and_255_is_compared_as_the_only_label_of_the_other_and_that_is_said() -> None:
    label, white = box(2, 2, 2), box(3, 2, 2) * 255
    told: list[Message] = []
    found = finished(agreement(volume(label), volume(white)), told.append)
    assert [(row.value, row.dice) for row in found.rows] == [(1, pytest.approx(0.75))]
    assert "255 is compared as label 1" in found.note and any(isinstance(one, Note) for one in told)
    both = finished(agreement(volume(white), volume(white)))
    assert [(row.value, row.dice) for row in both.rows] == [(255, 1.0)] and not both.note
    two = label + 2 * box(8, 8, 8)
    assert {row.value for row in finished(agreement(volume(two), volume(white))).rows} == {1, 2, 255}
