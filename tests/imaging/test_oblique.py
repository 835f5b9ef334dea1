"""A plane turned any way: letters, mm and pixels agree, whatever order the file holds its voxels in."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medviz.imaging.oblique import (
    WORLD,
    Turn,
    acquired,
    directions,
    parallel,
    reach_mm,
    rotated,
    section,
    straight,
    world,
)
from medviz.imaging.sampling import own, seen
from medviz.imaging.slabs import finest
from medviz.imaging.slices import NORMAL, PLANES, cut, to_screen, toward
from tests.imaging.making import NAMES, ORDERS, STRONGLY_OBLIQUE, asymmetric, opened, reordered, rotation, saved, volume

planes = st.sampled_from(PLANES)
angles = st.tuples(*[st.floats(-1.2, 1.2)] * 3)


def oblique(turned=(0.2, -0.15, 0.1), spacing=(0.7, 1.3, 4.0), shear=0.0) -> np.ndarray:
    affine, sheared = np.eye(4), np.eye(3)
    sheared[0, 2] = shear
    affine[:3, :3] = rotation(turned) @ sheared @ np.diag(spacing)
    affine[:3, 3] = (-12.5, 30.25, 7.0)
    return affine


def turn(by: tuple[float, float, float], base: Turn | None = None) -> Turn:
    made = base or world()
    for axis, angle in enumerate(by):
        made = rotated(made, tuple(np.eye(3)[axis]), angle)
    return made


def ball(affine: np.ndarray, at: np.ndarray, radius_mm: float, shape=(40, 44, 36)) -> np.ndarray:
    """A bright ball on black, at a place in mm."""
    places = np.stack(np.indices(shape), -1) @ affine[:3, :3].T + affine[:3, 3]
    return (np.linalg.norm(places - at, axis=-1) <= radius_mm).astype(np.int16) * 1000


# -- straight sections are the slices there are -------------------------------------------------------------------


@given(planes, st.booleans(), angles, st.tuples(*[st.floats(-3, 12)] * 3))
def test_a_straight_section_lies_where_its_slice_lies(plane, radiological, by, voxel) -> None:
    scan = volume(asymmetric((9, 8, 7)), oblique(by, shear=0.2))
    lying = section(scan, plane, scan.to_mm((4, 4, 4)), None, radiological)
    assert lying.straight and lying.there and lying.index == 4
    row, col, depth = lying.to_place(scan.to_mm(voxel))
    assert (row, col) == pytest.approx(to_screen(scan.shape, plane, voxel, radiological), abs=1e-6)
    assert depth == pytest.approx(voxel[NORMAL[plane]] - 4, abs=1e-6)
    assert lying.to_mm(row, col, depth) == pytest.approx(scan.to_mm(voxel), abs=1e-6)
    as_cut = cut(scan, plane, 4, 0, radiological)
    assert lying.letters == as_cut.letters and lying.mm == pytest.approx(as_cut.mm)
    assert np.shares_memory(seen(scan, lying).pixels, scan.voxels), "a slice of its own voxels is a view"


def test_only_a_volume_on_the_same_grid_owns_a_section() -> None:
    scan = volume(asymmetric((6, 7, 5)), np.diag([1.0, 1.5, 2.5, 1.0]))
    lying = straight(scan, "axial", 2)
    assert own(scan, lying)
    for affine in (np.diag([1.0, 1.5, 2.6, 1.0]), np.diag([1.0, 1.4, 2.5, 1.0])):
        assert not own(volume(asymmetric((6, 7, 5)), affine), lying)
    moved = np.diag([1.0, 1.5, 2.5, 1.0])
    moved[0, 3] = 1.0
    assert not own(volume(asymmetric((6, 7, 5)), moved), lying)
    assert not own(scan, straight(scan, "axial", 7)), "there is no slice 7 of 5"


# -- turned ones --------------------------------------------------------------------------------------------------


@pytest.mark.trap("T1", "T3")
@given(planes, st.booleans(), angles, angles)
def test_a_place_on_a_turned_section_is_where_its_pixel_was_taken(plane, radiological, by, grid) -> None:
    affine = oblique(grid)
    scan = volume(asymmetric((12, 11, 10)), affine)
    cursor = scan.to_mm((6, 5, 4))
    lying = section(scan, plane, cursor, turn(by), radiological)
    made = seen(scan, lying)
    inside = np.ones(made.pixels.shape, bool) if made.inside is None else made.inside
    assert inside.any() and lying.to_place(cursor)[2] == pytest.approx(0, abs=1e-9), "it goes through the cursor"
    rows, cols = np.nonzero(inside)
    for number in np.linspace(0, len(rows) - 1, 25).astype(int):
        row, col = int(rows[number]), int(cols[number])
        mm = lying.to_mm(row, col)
        voxel = scan.to_voxel(mm)
        if np.abs(voxel - np.rint(voxel)).max() < 0.49:  # not on the border of two
            assert made.pixels[row, col] == scan.value_at(mm)
    row, col = np.nonzero(~inside)
    if len(row):
        mm = lying.to_mm(float(row[0]), float(col[0]))
        away = np.maximum(-0.5 - scan.to_voxel(mm), scan.to_voxel(mm) - (np.array(scan.shape) - 0.5)).max()
        assert away > -1e-3, "what is said to be outside is"


@pytest.mark.trap("T1", "T2")
@given(planes, st.booleans(), angles)
def test_letters_of_a_turned_section_name_where_its_edges_lead(plane, radiological, by) -> None:
    scan = volume(asymmetric((12, 11, 10)))
    lying = section(scan, plane, (5, 5, 5), turn(by), radiological)
    middle = np.array(lying.to_mm(5, 5))
    for letter, place in zip(lying.letters, ((5, 0), (5, 9), (0, 5), (9, 5)), strict=True):
        assert letter == toward(np.array(lying.to_mm(*place)) - middle)


@pytest.mark.trap("T1", "T2")
@pytest.mark.parametrize("order", ORDERS, ids=NAMES)
def test_all_48_orders_look_the_same_when_turned(order: np.ndarray, tmp_path: Path) -> None:
    phantom, affine = asymmetric(), oblique()
    as_ras = opened(saved(tmp_path / "ras.nii", phantom, affine))
    scan = opened(saved(tmp_path / "scan.nii", *reordered(phantom, affine, order)))
    cursor = as_ras.to_mm((5, 6, 4))
    for by in ((0.3, 0.2, -0.4), (0.0, 0.0, 0.0)):
        for plane in PLANES:
            one, other = (section(each, plane, cursor, turn(by)) for each in (scan, as_ras))
            assert one.letters == other.letters and one.mm == pytest.approx(other.mm)
            assert (one.rows, one.cols) == (other.rows, other.cols)
            for order_of in ("nearest", "linear"):
                seen_one, seen_other = (
                    seen(each, lying, 0, order_of) for each, lying in ((scan, one), (as_ras, other))
                )
                same = seen_one.pixels == seen_other.pixels
                assert same.mean() > 0.99, "float32 headers may move a pixel that lies between two voxels"


@pytest.mark.trap("T1")
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("radiological", [True, False])
def test_a_ball_is_seen_round_and_in_its_place_at_every_angle(plane, radiological) -> None:
    affine = np.diag([0.5, 0.5, 6.0, 1.0])
    shape = (120, 120, 12)
    at = np.array((26.0, 33.0, 33.0))
    scan = volume(ball(affine, at, 12.0, shape), affine)
    for by in ((0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (0.3, -0.4, 0.6)):
        lying = section(scan, plane, tuple(at), turn(by), radiological)
        made = finest(scan, lying)
        rows, cols = np.nonzero(made.pixels > 500)
        row, col, depth = lying.to_place(at)
        assert (rows.mean(), cols.mean(), depth) == pytest.approx((row, col, 0.0), abs=2.0 / lying.mm[0])
        assert lying.mm[0] == lying.mm[1], "square pixels: a circle is round"


def test_turning_about_a_panes_own_normal_leaves_its_picture_alone() -> None:
    scan = volume(asymmetric((12, 11, 10)))
    start = turn((0.3, 0.2, 0.1))
    for plane in PLANES:
        about = rotated(start, start.axes[NORMAL[plane]], 0.7)
        before, after = (section(scan, plane, (5, 5, 5), each) for each in (start, about))
        assert after.down == pytest.approx(before.down) and after.across == pytest.approx(before.across)
        others = [section(scan, other, (5, 5, 5), about).normal for other in PLANES if other != plane]
        assert not any(np.allclose(normal, section(scan, plane, (5, 5, 5), start).normal) for normal in others)


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(-0.5, 0.5)), max_size=40))
def test_planes_stay_at_right_angles_however_often_they_are_turned(turns) -> None:
    made = world()
    for axis, angle in turns:
        made = rotated(made, made.axes[axis], angle)
    axes = np.array(made.axes)
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)


def test_half_a_turn_has_letters_and_pixels_too() -> None:
    scan = volume(asymmetric((12, 11, 10)))
    over = rotated(world(), (1.0, 0.0, 0.0), np.pi)
    for plane in PLANES:
        lying = section(scan, plane, (5, 5, 5), over)
        assert np.isfinite(lying.matrix).all() and all(lying.letters)
        down, across, normal = (np.array(way) for way in directions(over, plane))
        assert abs(down @ across) < 1e-9 and abs(down @ normal) < 1e-9


@pytest.mark.trap("T3", "T5")
def test_an_oblique_scan_is_shown_as_acquired_or_straight_in_the_world() -> None:
    scan = volume(asymmetric((30, 30, 30)), STRONGLY_OBLIQUE)
    as_it_is = acquired(scan)
    assert parallel(scan, as_it_is) and not parallel(scan, world())
    assert parallel(volume(asymmetric()), world())
    middle = scan.to_mm((15, 15, 15))
    for plane in PLANES:
        turned = section(scan, plane, middle, world())
        assert all(len(letter) == 1 for letter in turned.letters), "straight in the world: one letter an edge"
        assert any(len(letter) == 2 for letter in section(scan, plane, middle).letters)
        own_way, same_way = section(scan, plane, middle), section(scan, plane, middle, as_it_is)
        assert np.dot(own_way.normal, same_way.normal) == pytest.approx(1.0)
        assert np.dot(own_way.down, same_way.down) > 0.999 * np.linalg.norm(own_way.down) * same_way.mm[0]


def test_a_sheared_scan_gets_planes_at_right_angles_near_its_own() -> None:
    scan = volume(asymmetric(), oblique((0.1, 0.0, 0.2), shear=0.3))
    axes = np.array(acquired(scan).axes)
    assert axes @ axes.T == pytest.approx(np.eye(3))
    ways = scan.affine[:3, :3] / np.linalg.norm(scan.affine[:3, :3], axis=0)
    assert (axes * ways.T).sum(axis=1).min() > 0.95


@pytest.mark.trap("T23")
def test_a_radiograph_of_4096_pixels_is_seen_when_turned() -> None:
    voxels = np.zeros((4096, 4096, 1), np.uint16)
    voxels[1024:3072, 1024:3072] = 4000
    scan = volume(voxels, np.diag([0.1, 0.1, 1.0, 1.0]))
    lying = section(scan, "axial", scan.to_mm((2048, 2048, 0)), turn((0.0, 0.0, 0.0)))
    made = seen(scan, lying)
    assert max(made.pixels.shape) <= 2048 and made.pixels[made.pixels.shape[0] // 2, made.pixels.shape[1] // 2] == 4000
    assert made.pixels[10, 10] == 0


def test_without_spacing_or_orientation_nothing_is_claimed() -> None:
    scan = volume(asymmetric(), calibrated=False, oriented=False)
    lying = section(scan, "axial", (5, 5, 5), turn((0.3, 0.0, 0.0)))
    assert lying.mm is None and lying.letters == ("", "", "", "")


def test_one_may_go_as_far_as_there_are_voxels() -> None:
    scan = volume(asymmetric((11, 13, 9)), np.diag([1.0, 2.0, 3.0, 1.0]))
    assert reach_mm(scan, (5, 12, 12), (0.0, 0.0, 1.0)) == pytest.approx((-12.0, 12.0))
    assert reach_mm(scan, (5, 12, 12), (1.0, 0.0, 0.0)) == pytest.approx((-5.0, 5.0))
    slanted = tuple(np.array((1.0, 1.0, 0.0)) / np.sqrt(2))
    assert reach_mm(scan, (0, 0, 0), slanted) == pytest.approx((0.0, 10 * np.sqrt(2)))


@settings(max_examples=20)
@given(angles, st.sampled_from([np.int16, np.uint8, np.float32, np.float64]))
def test_interpolation_is_right_for_a_ramp(by, kind) -> None:
    shape = (20, 18, 16)
    x, y, z = np.indices(shape)
    ramp = (2 * x + 3 * y + 4 * z).astype(kind)
    scan = volume(ramp)
    lying = section(scan, "coronal", (9.3, 8.6, 7.2), turn(by))
    made = finest(scan, lying)
    for row in range(2, lying.rows, 5):
        for col in range(2, lying.cols, 5):
            mm = np.array(lying.to_mm(row, col))
            if np.all(mm > 0) and np.all(mm < np.array(shape) - 1):
                assert made.pixels[row, col] == pytest.approx(
                    mm @ (2, 3, 4), abs=0.51 if kind in (np.int16, np.uint8) else 1e-3
                )


def test_what_began_straight_in_the_world_is_the_world() -> None:
    assert world() == Turn(WORLD, WORLD) and world().degrees == 0
    assert rotated(world(), (0.0, 0.0, 1.0), np.radians(30)).degrees == pytest.approx(30)


@pytest.mark.data
@pytest.mark.trap("T1", "T6")
def test_the_liver_is_as_bright_on_turned_planes_as_in_its_voxels(data: Path) -> None:
    folder = data / "seg3d" / "totalsegmentator_ct"
    scan, labels = (opened(folder / name) for name in ("ct.nii.gz", "segmentation_multilabel.nii.gz"))
    liver = labels.frame() == 5
    middle = scan.to_mm(np.argwhere(liver).mean(axis=0))
    meant = float(scan.frame()[liver].mean())
    for by in ((0.0, 0.0, 0.0), (0.4, 0.0, 0.2), (-0.3, 0.5, 0.0)):
        for plane in PLANES:
            lying = section(scan, plane, middle, turn(by))
            image, marked = seen(scan, lying), seen(labels, lying).pixels == 5
            assert marked.sum() > 300
            there = float(image.values[marked].mean())
            assert there == pytest.approx(meant, abs=15), "liver under the liver's label, at every angle"
            if plane != "sagittal":
                mirrored = float(image.values[marked[:, ::-1]].mean())
                assert mirrored < there - 20, "and not when one of both is mirrored, right for left"
