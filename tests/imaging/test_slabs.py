"""Slabs: brightest, darkest and mean over a thickness, straight and turned, against numpy."""

import numpy as np
import pytest

from medviz.imaging.oblique import rotated, section, straight, world
from medviz.imaging.slabs import HOWS, NO_SLAB, Slab, fine, finest, quick, steps
from medviz.imaging.slices import NORMAL, PLANES, cut
from tests.imaging.making import NAMES, ORDERS, opened, reordered, saved, volume

NUMPY = {"max": np.max, "min": np.min, "mean": np.mean}


def noisy(kind: type = np.int16, spacing=(0.5, 1.0, 2.0)):
    voxels = np.random.default_rng(3).integers(0, 200, (24, 22, 20)).astype(kind)
    return volume(np.asfortranarray(voxels), np.diag([*spacing, 1.0]))


@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float32])
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("how", ["max", "min", "mean"])
def test_a_slab_of_its_own_slices_is_what_numpy_says(how, plane, kind) -> None:
    scan = noisy(kind)
    middle = scan.shape[NORMAL[plane]] // 2
    lying = straight(scan, plane, middle)
    slab = Slab(how, 8.0)
    count = steps(slab, lying)
    assert count == int(4.0 / scan.spacing_mm[NORMAL[plane]])
    joined = NUMPY[how]([cut(scan, plane, index).pixels for index in range(middle - count, middle + count + 1)], axis=0)
    joined = joined if kind == np.float32 else np.rint(joined)
    made = quick(scan, lying, 0, slab)
    assert made.pixels == pytest.approx(joined, abs=1e-4) and made.pixels.dtype == kind
    assert made.letters == cut(scan, plane, middle).letters and made.mm == lying.mm


@pytest.mark.parametrize("how", ["max", "min", "mean"])
def test_at_the_ends_only_what_is_there_counts(how) -> None:
    scan = noisy()
    made = quick(scan, straight(scan, "axial", 0), 0, Slab(how, 8.0))
    joined = NUMPY[how]([cut(scan, "axial", index).pixels for index in range(3)], axis=0)
    assert made.pixels == pytest.approx(np.rint(joined), abs=1e-4)


@pytest.mark.parametrize("how", ["max", "min", "mean"])
def test_a_turned_slab_of_planes_that_are_not_turned_is_the_straight_one(how) -> None:
    scan = noisy(spacing=(1.0, 1.0, 1.0))
    cursor = scan.to_mm((12, 11, 10))
    for plane in PLANES:
        straight_one = quick(scan, section(scan, plane, cursor), 0, Slab(how, 6.0))
        turned = finest(scan, section(scan, plane, cursor, world()), 0, Slab(how, 6.0))
        assert turned.pixels == pytest.approx(straight_one.pixels, abs=1)
        assert turned.inside is None


def test_pixels_beside_the_scan_do_not_dim_a_mean() -> None:
    scan = volume(np.full((20, 20, 20), 100, np.int16))
    lying = section(scan, "axial", (9.5, 9.5, 9.5), rotated(world(), (1.0, 0.0, 0.0), 0.6))
    for how in ("mean", "min", "max"):
        made = finest(scan, lying, 0, Slab(how, 30.0))
        assert made.inside is not None and not made.inside.all()
        assert np.all(made.pixels[made.inside] == 100)


def test_what_is_shown_at_once_while_turning_is_near_to_what_comes_when_the_hand_rests() -> None:
    x, y, z = np.indices((40, 40, 40))
    scan = volume((x + y + z).astype(np.int16))
    lying = section(scan, "coronal", (20, 20, 20), rotated(world(), (0.0, 0.0, 1.0), 0.4))
    for slab in (NO_SLAB, Slab("max", 10.0), Slab("mean", 10.0)):
        at_once, later = quick(scan, lying, 0, slab), finest(scan, lying, 0, slab)
        assert at_once.pixels.shape == later.pixels.shape
        both = np.ones(later.pixels.shape, bool) if later.inside is None else later.inside
        if at_once.inside is not None:
            both = both & at_once.inside
        assert np.abs(at_once.pixels.astype(int) - later.pixels)[both].max() <= 4


def test_working_it_out_gives_way_often() -> None:
    scan = noisy(spacing=(1.0, 1.0, 1.0))
    lying = section(scan, "axial", (11, 11, 10), rotated(world(), (1.0, 0.0, 0.0), 0.4))
    steps_taken = list(fine(scan, lying, 0, Slab("max", 10.0)))
    assert all(step is None for step in steps_taken[:-1]) and steps_taken[-1] is not None
    assert len(steps_taken) >= 11


def test_a_slab_says_what_it_is() -> None:
    scan = noisy()
    lying = straight(scan, "axial", 10)
    assert Slab("max", 20.0).words(lying) == "MIP 20 mm" and NO_SLAB.words(lying) == ""
    uncalibrated = straight(volume(np.zeros((5, 5, 5)), calibrated=False), "axial", 2)
    assert "mm" not in Slab("mean", 4.0).words(uncalibrated)
    assert Slab("min", 20.0, "axial").of("coronal").how == "off"
    assert set(HOWS) == {"off", *NUMPY}


@pytest.mark.trap("T1")
@pytest.mark.parametrize("order", ORDERS, ids=NAMES)
@pytest.mark.parametrize("how", ["max", "mean"])
def test_however_the_voxels_lie_in_memory_a_slab_is_the_same(order, how, tmp_path) -> None:
    phantom = np.random.default_rng(5).integers(-500, 500, (14, 12, 10)).astype(np.int16)
    affine = np.diag([1.0, 1.5, 2.0, 1.0])
    scan = opened(saved(tmp_path / "scan.nii", *reordered(phantom, affine, order)))
    for plane in PLANES:
        lying = straight(scan, plane, 5)
        made = quick(scan, lying, 0, Slab(how, 6.0))
        count = steps(Slab(how, 6.0), lying)
        joined = NUMPY[how]([cut(scan, plane, index).pixels for index in range(5 - count, 6 + count)], axis=0)
        assert made.pixels == pytest.approx(np.rint(joined), abs=1e-4)
        turned = section(scan, plane, scan.to_mm((5, 5, 5)), rotated(world(), (1.0, 1.0, 0.0), 0.3))
        plain = volume(np.ascontiguousarray(phantom), scan.affine)
        one, other = (finest(each, turned, 0, Slab(how, 6.0)).pixels for each in (scan, plain))
        assert np.array_equal(one, other)


@pytest.mark.trap("T23")
def test_a_slab_of_a_radiograph_is_the_radiograph() -> None:
    scan = volume(np.random.default_rng(0).integers(0, 4000, (2048, 4096, 1), np.uint16))
    assert np.array_equal(
        quick(scan, straight(scan, "axial", 0), 0, Slab("max", 50.0)).pixels, cut(scan, "axial", 0).pixels
    )
