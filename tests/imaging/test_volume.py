"""A volume knows where its voxels lie, and a scene keeps its cursor inside it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import like
from tests.imaging.making import STRONGLY_OBLIQUE, asymmetric, volume

SHEARED = np.array([[2.0, 0.3, 0, 5], [0, 1.5, 0.8, -9], [0.1, 0, 4.0, 2], [0, 0, 0, 1]])


@given(st.tuples(*[st.floats(-500, 500)] * 3))
def test_mm_to_voxel_and_back_is_the_same_place(mm) -> None:
    for affine in (SHEARED, STRONGLY_OBLIQUE):
        scan = volume(asymmetric(), affine)
        assert scan.to_mm(scan.to_voxel(mm)) == pytest.approx(mm, abs=1e-6)


def test_a_value_is_that_of_the_voxel_that_holds_the_point() -> None:
    scan = volume(asymmetric(), SHEARED, slope=2.0, intercept=-1.0)
    for voxel in ((0, 0, 0), (10, 12, 8), (3, 4, 5)):
        for off in (-0.4, 0.4):
            place = scan.to_mm(np.add(voxel, off))
            assert scan.nearest(place) == voxel
            assert scan.value_at(place) == asymmetric()[voxel] * 2 - 1
    assert scan.value_at(scan.to_mm((-0.6, 0, 0))) is None and scan.nearest(scan.to_mm((11.0, 0, 0))) is None


@pytest.mark.trap("T5", "T12")
def test_the_volume_of_a_voxel_is_right_on_a_sheared_grid() -> None:
    sheared = np.diag([1.0, 1.0, 3.0, 1.0])
    sheared[1, 2] = 2.0
    assert volume(asymmetric(), sheared).voxel_ml == pytest.approx(0.003)
    assert volume(asymmetric(), sheared).spacing_mm == pytest.approx((1.0, 1.0, np.sqrt(13)))


def test_voxels_have_a_channel() -> None:
    with pytest.raises(ValueError, match="channel"):
        volume(np.zeros((2, 2)))


def test_same_grid_means_voxel_for_voxel() -> None:
    scan = volume(asymmetric(), SHEARED)
    assert scan.same_grid(like(scan, np.zeros(scan.shape)))
    moved = SHEARED.copy()
    moved[0, 3] += 0.05
    assert not scan.same_grid(volume(asymmetric(), moved))
    assert not scan.same_grid(volume(asymmetric((11, 13, 8)), SHEARED))


def test_a_volume_on_anothers_grid_takes_over_its_place_and_what_is_known_of_it() -> None:
    scan = volume(asymmetric(), SHEARED, calibrated=False, oriented=False, slope=3.0, unit="HU")
    mask = like(scan, asymmetric() > 0, "mask")
    assert mask.voxels.dtype == np.uint8 and mask.name == "mask" and mask.stored.borrowed
    assert (mask.calibrated, mask.oriented, mask.slope, mask.unit) == (False, False, 1.0, "")


def test_the_cursor_stays_inside_the_scan() -> None:
    scene = Scene((Layer(volume(asymmetric(), SHEARED)),))
    assert scene.at((1e6, -1e6, 0.0)).voxel[0] in (0, 10)
    for voxel in ((0, 0, 0), (10, 12, 8), (5, 6, 4)):
        assert scene.at_voxel(voxel).voxel == voxel
    assert Scene().at((1.0, 2.0, 3.0)) == Scene() and Scene().voxel == (0, 0, 0)


def test_the_scan_itself_cannot_be_taken_away() -> None:
    scene = Scene((Layer(volume(asymmetric())),))
    two = scene.adding(Layer(scene.scan, role="labels"))
    assert two.without(0) is two and two.without(1).layers == scene.layers
