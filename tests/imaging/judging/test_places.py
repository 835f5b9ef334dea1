"""Each number comes from a place in the patient: surfaces, single errors, and what they are called."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist

from medviz.imaging.judging.agreement import agreement
from medviz.imaging.judging.difference import AGREE, CONFUSED, EXTRA, LACKS, difference
from medviz.imaging.judging.mistakes import components
from medviz.imaging.judging.results import Comparison
from medviz.imaging.judging.surfaces import places_mm, rims, surfaces
from medviz.messages import finished
from tests.imaging.judging.maps import blobs, box, volume

OBLIQUE = np.array([[0.48, -0.1, 0.6, -20], [0.12, 0.49, -0.3, 11], [-0.05, 0.09, 5.9, 3], [0, 0, 0, 1]])
SHEARED = np.array([[0.5, 0.0, 2.5, 0], [0, 0.5, 0.0, 0], [0, 0, 6.0, 0], [0, 0, 0, 1]])
AFFINES = {"plain": np.diag([0.5, 0.5, 6.0, 1.0]), "oblique": OBLIQUE, "sheared": SHEARED}


def judged(one: np.ndarray, other: np.ndarray, affine: np.ndarray | None = None, **more: float) -> Comparison:
    return finished(agreement(volume(one, affine), volume(other, affine), **more))


def rim_mm(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Surface voxels in mm, found another way."""
    return np.argwhere(mask & ~ndimage.binary_erosion(mask)) @ affine[:3, :3].T + affine[:3, 3]


@pytest.mark.trap("T20", "T5")
@pytest.mark.parametrize("name", AFFINES)
def test_distances_are_those_of_all_pairs_of_points_on_any_affine(name: str) -> None:
    affine, one, other = AFFINES[name], blobs(1) == 1, blobs(2) == 1
    pairs = cdist(rim_mm(one, affine), rim_mm(other, affine))
    to, back = pairs.min(axis=1), pairs.min(axis=0)
    row = judged(one, other, affine, tolerance_mm=1.0).rows[0]
    assert row.hd_mm == pytest.approx(max(to.max(), back.max()))
    assert row.hd95_mm == pytest.approx(max(np.percentile(to, 95), np.percentile(back, 95)))
    assert row.assd_mm == pytest.approx((to.sum() + back.sum()) / (len(to) + len(back)))
    assert row.nsd == pytest.approx(((to <= 1).sum() + (back <= 1).sum()) / (len(to) + len(back)))


@pytest.mark.trap("T20")
@pytest.mark.parametrize("name", AFFINES)
def test_the_arrow_ends_on_both_surfaces_and_is_as_long_as_the_distance(name: str) -> None:
    affine, one, other = AFFINES[name], blobs(3) == 1, blobs(4) == 1
    row = judged(one, other, affine).rows[0]
    assert row.worst is not None and row.hd_mm is not None
    assert row.worst.length_mm == row.hd_mm
    assert np.linalg.norm(np.subtract(row.worst.predicted_mm, row.worst.meant_mm)) == pytest.approx(row.hd_mm)
    for end, mask in ((row.worst.predicted_mm, one), (row.worst.meant_mm, other)):
        assert np.abs(rim_mm(mask, affine) - end).max(axis=1).min() < 1e-9, "a voxel of that map's surface"


@pytest.mark.trap("T20")
def test_what_simpleitk_measures_is_what_is_measured() -> None:
    sitk = pytest.importorskip("SimpleITK")
    one, other = blobs(5) == 1, blobs(6) == 1
    images = [sitk.GetImageFromArray(mask.transpose(2, 1, 0).astype(np.uint8)) for mask in (one, other)]
    for image in images:
        image.SetSpacing((0.5, 0.5, 6.0))
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(images[0], images[1])
    row = judged(one, other, AFFINES["plain"]).rows[0]
    assert row.dice == pytest.approx(overlap.GetDiceCoefficient())
    assert row.iou == pytest.approx(overlap.GetJaccardCoefficient())
    assert row.sensitivity == pytest.approx(1 - overlap.GetFalseNegativeError())
    assert row.precision == pytest.approx(1 - overlap.GetFalseDiscoveryRate())
    contours = [sitk.LabelContour(image, False) for image in images]  # face to face, as our surface
    away = [sitk.SignedMaurerDistanceMap(contour, False, False, True) for contour in contours]
    to = sitk.GetArrayFromImage(away[1])[sitk.GetArrayFromImage(contours[0]) == 1].clip(0)
    back = sitk.GetArrayFromImage(away[0])[sitk.GetArrayFromImage(contours[1]) == 1].clip(0)
    assert row.hd_mm == pytest.approx(max(to.max(), back.max()), rel=1e-5)


def test_surfaces_of_all_labels_at_once_are_those_of_each_mask() -> None:
    labels = blobs(7)
    found = rims(labels)
    for value in (1, 2):
        mask = labels == value
        alone = np.flatnonzero(mask & ~ndimage.binary_erosion(mask))
        np.testing.assert_array_equal(found[labels.reshape(-1)[found] == value], alone)


def test_a_picture_of_one_slice_has_a_contour_and_no_faces_along_its_thin_axis() -> None:
    one, other = np.zeros((20, 20, 1), np.uint8), np.zeros((20, 20, 1), np.uint8)
    one[2:18, 2:18], other[4:16, 4:16] = 1, 1
    assert len(rims(one)) == 4 * 15
    row = judged(one, other).rows[0]
    assert row.hd_mm == pytest.approx(2 * np.sqrt(2)), "corner to corner"
    assert row.assd_mm is not None and row.assd_mm > 1.9, "no voxel inside counts as surface"
    assert row.hd95_mm == pytest.approx(2.0, abs=0.9)


def test_one_voxel_is_a_label_with_a_surface() -> None:
    one, other = np.zeros((6, 6, 6), np.uint8), np.zeros((6, 6, 6), np.uint8)
    one[1, 1, 1] = other[1, 1, 3] = 1
    row = judged(one, other, AFFINES["plain"]).rows[0]
    assert (row.dice, row.hd_mm, row.hd95_mm, row.assd_mm, row.nsd) == (0, 12, 12, 12, 0)
    assert row.worst is not None and row.worst.predicted_mm == (0.5, 0.5, 6) and row.worst.meant_mm == (0.5, 0.5, 18)
    same = judged(one, one, AFFINES["plain"]).rows[0]
    assert (same.dice, same.hd_mm, same.nsd, same.mistakes, same.error) == (1, 0, 1, 0, None)


def test_labels_that_touch_are_each_measured_alone() -> None:
    meant = np.zeros((12, 6, 6), np.uint8)
    meant[1:6, 1:5, 1:5], meant[6:11, 1:5, 1:5] = 1, 2
    found = meant.copy()
    found[5, 1:5, 1:5] = 2  # the border between the two runs one voxel too far
    one, two = judged(found, meant).rows
    assert one.hd_mm == two.hd_mm == 1
    assert one.dice == pytest.approx(2 * 64 / (64 + 80)) and two.dice == pytest.approx(2 * 80 / (96 + 80))
    assert one.error is not None and two.error is not None
    assert (one.error.kind, one.error.extra, one.error.instead) == ("border", False, 2)
    assert (two.error.kind, two.error.extra, two.error.instead) == ("border", True, 1)


def test_errors_are_told_by_what_they_are_and_come_by_size() -> None:
    meant, found = np.zeros((40, 20, 20), np.uint8), np.zeros((40, 20, 20), np.uint8)
    meant[2:10, 2:10, 2:10] = found[2:10, 2:10, 2:10] = 1
    found[10:12, 2:10, 2:10] = 1  # 128 voxels too far out, 2 deep
    meant[20:24, 2:6, 2:6] = 1  # 64 voxels that were not found
    found[30:33, 10:13, 10:13] = 1  # 27 voxels out of nothing
    found[2:4, 2:4, 2] = 0  # 4 voxels too far in
    made = judged(found, meant, np.diag([2.0, 1.0, 1.0, 1.0]))
    assert [(one.voxels, one.kind, one.extra) for one in made.errors] == [
        (128, "border", True),
        (64, "missed", False),
        (27, "invented", True),
        (4, "border", False),
    ]
    assert [one.volume_ml for one in made.errors] == pytest.approx([0.256, 0.128, 0.054, 0.008])
    assert made.errors[0].depth_mm == 4 and made.errors[3].depth_mm == 1
    assert made.errors[0].at_mm[0] == 22, "where it reaches farthest"
    assert made.errors[1].at_mm in {(2.0 * x, y, z) for x in (21, 22) for y in (3, 4) for z in (3, 4)}, "its middle"
    row = made.rows[0]
    assert (row.mistakes, row.missed, row.invented) == (4, 1, 1) and row.error is made.errors[0]


def test_pieces_that_touch_by_a_corner_are_one_and_of_two_labels_are_two() -> None:
    meant, found = np.zeros((8, 8, 8), np.uint8), np.zeros((8, 8, 8), np.uint8)
    found[1, 1, 1] = found[2, 2, 2] = 1
    found[3, 3, 3] = 2
    made = judged(found, meant)
    assert [(one.value, one.voxels) for one in made.errors] == [(1, 2), (2, 1)]
    assert made.rows[0].dice is None and made.rows[0].error is made.errors[0], "a place even where there is no number"


def test_a_piece_at_the_edge_of_the_scan_does_not_go_on_at_the_other_side() -> None:
    mask = np.zeros((5, 6, 7), bool)
    mask[0, 0, 0] = mask[4, 5, 6] = mask[0, 5, 6] = mask[1, 0, 0] = True
    index = np.flatnonzero(mask)
    assert len(np.unique(components(index, mask.shape))) == 3


def test_the_graph_and_the_box_find_the_same_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(0).random((30, 20, 25)) < 0.08
    index = np.flatnonzero(mask)
    graph = components(index, mask.shape)
    monkeypatch.setattr("medviz.imaging.judging.mistakes._SPARSE", 10)
    in_box = components(index, mask.shape)
    assert len(np.unique(graph)) == len(np.unique(in_box)) == ndimage.label(mask, np.ones((3, 3, 3)))[1]
    assert np.unique(np.stack([graph, in_box]), axis=1).shape[1] == graph.max() + 1, "one to one"


def test_the_largest_errors_of_noise_are_listed_and_all_are_counted() -> None:
    rng = np.random.default_rng(1)
    found, meant = (rng.random((2, 50, 50, 40)) < 0.05).astype(np.uint8)
    made = judged(found, meant)
    assert made.left_out > 0 and len(made.errors) <= 2000
    assert len(made.errors) + made.left_out == made.rows[0].mistakes
    assert [one.voxels for one in made.errors] == sorted((one.voxels for one in made.errors), reverse=True)


@pytest.mark.parametrize("name", AFFINES)
def test_no_number_and_no_place_depends_on_how_the_voxels_lie_in_memory(name: str) -> None:
    one, other = blobs(10), blobs(11)
    lying = [judged(np.asarray(one, order=a), np.asarray(other, order=b), AFFINES[name]) for a in "CF" for b in "CF"]
    for found in lying[1:]:
        for row, same in zip(found.rows, lying[0].rows, strict=True):
            for key in ("dice", "hd_mm", "hd95_mm", "assd_mm", "nsd", "mistakes", "missed", "invented"):
                assert getattr(row, key) == pytest.approx(getattr(same, key)), key
        assert [error.voxels for error in found.errors] == [error.voxels for error in lying[0].errors]
        for error in found.errors:
            x, y, z = found.grid.nearest(error.at_mm) or (-1, -1, -1)
            assert (found.predicted[x, y, z] == error.value) == error.extra
            assert found.predicted[x, y, z] != found.meant[x, y, z]


def test_depth_is_the_way_to_the_other_map() -> None:
    affine = AFFINES["oblique"]
    one, other = blobs(8) == 1, blobs(9) == 1
    for error in judged(one, other, affine).errors[:20]:
        against = rim_mm(other if error.extra else one, affine)
        assert error.gap is not None and error.depth_mm is not None
        assert error.gap.length_mm == pytest.approx(np.linalg.norm(against - error.at_mm, axis=1).min())
        assert error.gap.length_mm <= error.depth_mm + 1e-9


def test_the_difference_says_for_each_voxel_what_it_is() -> None:
    found, meant = np.array([[[0, 1, 2, 1, 0]]], np.uint8), np.array([[[0, 1, 1, 0, 2]]], np.uint8)
    grid = volume(meant)
    assert finished(difference(found, meant, grid)).frame().tolist() == [[[0, AGREE, CONFUSED, EXTRA, LACKS]]]
    assert finished(difference(found, meant, grid, 1)).frame().tolist() == [[[0, AGREE, LACKS, EXTRA, 0]]]


def test_comparing_can_be_stopped_at_any_message() -> None:
    one, other = blobs(1), blobs(2)
    many = sum(1 for _ in agreement(volume(one), volume(other)))
    assert many > 6
    for count in range(many):
        work = agreement(volume(one), volume(other))
        for _ in range(count):
            next(work)
        work.close()


def test_masks_are_measured_on_their_grid_and_empty_ones_are_an_error() -> None:
    grid = volume(np.zeros((20, 20, 20), np.uint8), SHEARED)
    assert surfaces(box(2, 2, 2), box(2, 2, 3), grid, 1.0).hd_mm == pytest.approx(6.5)
    assert places_mm(np.array([1]), grid)[0].tolist() == [2.5, 0, 6]
    with pytest.raises(ValueError, match="empty"):
        surfaces(box(2, 2, 2), np.zeros((20, 20, 20)), grid, 1.0)
