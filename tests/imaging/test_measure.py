"""Lengths, regions and tables of labels come out as numpy says, in mm, and without mm where uncalibrated."""

from dataclasses import replace

import numpy as np
import pytest

from medviz.imaging.marking import region_mask
from medviz.imaging.measure import angle_deg, distance_mm, label_counts, label_table, region
from medviz.imaging.slices import Slice, cut
from medviz.imaging.volume import Stored, Volume


def volume(voxels: np.ndarray, affine: np.ndarray | None = None, **fields: object) -> Volume:
    affine = np.eye(4) if affine is None else affine
    stored = Stored("memory", voxels.shape, "RAS", affine, voxels.dtype)
    return Volume(voxels[None], affine, stored, **fields)  # type: ignore[arg-type]


def test_a_ruler_measures_mm_of_the_affine() -> None:
    scan = volume(np.zeros((4, 4, 4)), np.diag([0.5, 2.0, 6.0, 1.0]))
    assert distance_mm(scan, scan.to_mm((0, 0, 0)), scan.to_mm((2, 1, 1))) == pytest.approx(np.sqrt(1 + 4 + 36))


@pytest.mark.trap("T11")
def test_without_spacing_there_are_no_mm() -> None:
    scan = volume(np.ones((4, 4, 4), np.uint8), calibrated=False)
    assert distance_mm(scan, (0, 0, 0), (1, 1, 1)) is None
    assert label_table(scan)[0].volume_ml is None
    measured = region(cut(scan, "axial", 1), np.ones((4, 4), bool))
    assert measured.area_mm2 is None and measured.mean == 1.0


def test_an_angle_is_that_of_the_rays() -> None:
    assert angle_deg((1, 0, 0), (0, 0, 0), (0, 3, 0)) == pytest.approx(90.0)
    assert angle_deg((1, 0, 0), (0, 0, 0), (-2, 0, 0)) == pytest.approx(180.0)
    assert angle_deg((0, 0, 0), (0, 0, 0), (1, 0, 0)) is None


@pytest.mark.trap("T12")
def test_region_statistics_equal_numpy_on_anisotropic_pixels() -> None:
    rng = np.random.default_rng(3)
    pixels = rng.integers(-1000, 2000, (30, 50)).astype(np.int16)
    image = Slice(pixels, mm=(2.0, 0.5), slope=2.0, intercept=-1024.0, unit="HU")
    mask = region_mask((30, 50), "ellipse", [(4, 6), (20, 40)])
    measured, values = region(image, mask), pixels[mask] * 2.0 - 1024.0
    assert measured.mean == pytest.approx(values.mean()) and measured.sd == pytest.approx(values.std())
    assert (measured.low, measured.high) == (values.min(), values.max())
    assert measured.area_mm2 == pytest.approx(mask.sum() * 1.0)
    assert mask.sum() == pytest.approx(np.pi * 8 * 17, rel=0.03)


def test_a_rectangle_and_a_polygon_of_its_corners_agree() -> None:
    square = region_mask((20, 20), "rectangle", [(12, 15), (3, 4)])
    drawn = region_mask((20, 20), "polygon", [(2.9, 3.9), (2.9, 15.1), (12.1, 15.1), (12.1, 3.9)])
    np.testing.assert_array_equal(square, drawn)
    assert square.sum() == 10 * 12


def test_values_that_are_not_finite_are_not_measured() -> None:
    pixels = np.array([[1.0, np.nan], [np.inf, 3.0]])
    measured = region(Slice(pixels), np.ones((2, 2), bool))
    assert measured.mean == 2.0 and measured.pixels == 4
    nothing = region(Slice(np.full((2, 2), np.nan)), np.ones((2, 2), bool))
    assert nothing.mean is None


def test_the_table_of_labels_equals_a_loop_over_labels() -> None:
    rng = np.random.default_rng(0)
    affine = np.array([[0.5, 0.1, 0, 3], [0, 2.0, 0.2, -4], [0, 0, 6.0, 5], [0, 0, 0, 1]])
    labels = volume(rng.integers(0, 6, (9, 8, 7)).astype(np.uint16), affine)
    image = volume(rng.normal(size=(9, 8, 7)), affine, slope=3.0, intercept=1.0)
    rows = label_table(labels, image)
    assert [row.value for row in rows] == [1, 2, 3, 4, 5]
    for row in rows:
        mask = labels.frame() == row.value
        values = image.frame()[mask] * 3.0 + 1.0
        at = np.argwhere(mask)
        assert row.voxels == mask.sum()
        assert row.volume_ml == pytest.approx(mask.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000)
        assert row.mean == pytest.approx(values.mean()) and row.sd == pytest.approx(values.std())
        assert row.box == tuple(zip(at.min(0).tolist(), at.max(0).tolist(), strict=True))
        assert row.centroid_mm == pytest.approx(tuple(labels.to_mm(at.mean(0))))


def test_counts_take_signed_and_real_maps_too() -> None:
    for dtype in (np.uint8, np.int16, np.float32):
        assert label_counts(np.array([0, 1, 1, 7], dtype)) == {1: 2, 7: 1}
    assert label_counts(np.array([-1, 2], np.int16)) == {2: 1}


def test_an_image_on_another_grid_is_not_measured() -> None:
    labels, image = volume(np.ones((3, 3, 3), np.uint8)), volume(np.ones((3, 3, 3)))
    with pytest.raises(ValueError, match="another grid"):
        label_table(labels, replace(image, affine=np.diag([2.0, 1, 1, 1])))
    assert label_table(volume(np.zeros((3, 3, 3), np.uint8))) == ()
