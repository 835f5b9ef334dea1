"""Rulers, angles and regions come out as numpy says, in mm of the real affine, on every grid and in every plane."""

from dataclasses import replace

import numpy as np
import pytest

from medviz.imaging.flat import Flat
from medviz.imaging.marking import measured
from medviz.imaging.marks import Mark, MarkKind
from medviz.imaging.volume import Volume
from tests.imaging.test_strokes import ISO, SHEARED, THICK, all_mm, mm_of, slice_through, turned, volume

GRIDS = [ISO, THICK, SHEARED, turned(33)]
NAMES = ["even", "thick", "sheared", "turned"]
SHAPE = (40, 36, 30)


def scan(affine: np.ndarray, **more: object) -> Volume:
    rng = np.random.default_rng(2)
    return volume(rng.integers(-1000, 2000, SHAPE).astype(np.int16), affine, **more)


def box(kind: MarkKind, flat: Flat, wide: float, high: float) -> Mark:
    """A box of so many mm in a plane, drawn as a hand does: from corner 0 to corner 2."""
    start = flat.origin
    way = np.array(flat.first) / np.linalg.norm(flat.first), np.array(flat.second) / np.linalg.norm(flat.second)
    end = np.array(start) + wide * way[0] + high * way[1]
    return Mark(kind, (start, start, start, start)).stretched(2, end, flat)


@pytest.mark.parametrize("affine", GRIDS, ids=NAMES)
def test_a_ruler_is_as_long_as_the_affine_says(affine: np.ndarray) -> None:
    ends = mm_of(affine, (3, 4, 5)), mm_of(affine, (20, 9, 11))
    found = measured(Mark("ruler", (tuple(ends[0]), tuple(ends[1]))), scan(affine), ())
    assert found.length == pytest.approx(np.linalg.norm(affine[:3, :3] @ (17, 5, 6)))


@pytest.mark.trap("T11")
def test_without_spacing_lengths_are_pixels_and_say_so() -> None:
    found = measured(Mark("ruler", ((0, 0, 0), (3, 4, 0))), scan(ISO, calibrated=False), ())
    assert found.length == 5.0 and not found.calibrated


def test_an_angle_has_its_corner_in_the_middle() -> None:
    found = measured(Mark("angle", ((1, 0, 0), (0, 0, 0), (1, 1, 0))), scan(ISO), ())
    assert found.angle == pytest.approx(45.0)


@pytest.mark.trap("T12")
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("affine", GRIDS, ids=NAMES)
@pytest.mark.parametrize("kind", ["rectangle", "ellipse", "polygon"])
def test_statistics_of_a_region_are_those_of_numpy(kind: MarkKind, affine: np.ndarray, axis: int) -> None:
    image = scan(affine, slope=2.0, intercept=-1024.0, unit="HU")
    centre = (12, 11, 10)
    flat = slice_through(affine, axis, centre)
    mark = box("rectangle", flat, 9.3, 7.1) if kind == "polygon" else box(kind, flat, 9.3, 7.1)
    if kind == "polygon":
        mark = replace(mark, kind="polygon", points=mark.points[:3])
        aside = np.array(flat.first) * 0.13 + np.array(flat.second) * 0.29  # no edge goes through a voxel's centre
        mark = mark.moved(aside)
    found = measured(mark, image, (image,))
    corners = np.array(mark.points)
    across, down = corners[1] - corners[0], corners[2] - corners[1]
    at = all_mm(affine, SHAPE) - corners[0]
    share = at @ np.linalg.pinv(np.stack([across, down], axis=1)).T
    here = np.indices(SHAPE)[axis] == centre[axis]
    middle = (share - 0.5) * 2
    inside = {
        "rectangle": (np.abs(middle) <= 1 + 1e-9).all(-1),
        "ellipse": (middle**2).sum(-1) <= 1 + 1e-9,
        "polygon": (share[..., 0] > share[..., 1]) & (share[..., 0] < 1) & (share[..., 1] > 0),
    }[kind] & here
    values = image.frame()[inside] * 2.0 - 1024.0
    region = found.regions[0]
    assert region.pixels == values.size > 3
    assert region.mean == pytest.approx(values.mean()) and region.sd == pytest.approx(values.std())
    assert (region.low, region.high) == (values.min(), values.max()) and region.unit == "HU"
    whole = np.linalg.norm(np.cross(across, down))
    assert found.area == pytest.approx(whole * {"rectangle": 1.0, "ellipse": np.pi / 4, "polygon": 0.5}[kind])


@pytest.mark.trap("T12")
def test_the_area_of_an_ellipse_is_pi_a_b_on_flat_pixels() -> None:
    flat = Flat((0, 0, 0), (1, 0, 0), (0, 0, 1))
    mark = box("ellipse", flat, 20.0, 36.0)
    image = volume(np.ones((60, 60, 20), np.uint8), THICK)
    found = measured(mark, image, (image,))
    assert found.area == pytest.approx(np.pi * 10 * 18)
    assert found.sides == pytest.approx((20.0, 36.0))
    assert found.regions[0].pixels * 0.5 * 6 == pytest.approx(found.area, rel=0.1)


def test_in_an_oblique_plane_values_are_taken_evenly() -> None:
    ramp = np.broadcast_to(np.arange(40.0)[:, None, None], SHAPE).astype(np.float32)
    image = volume(np.ascontiguousarray(ramp), ISO)
    flat = Flat((8.0, 10.0, 8.0), (1.0, 0.2, 0.3), (-0.2, 1.0, 0.1))
    mark = box("ellipse", flat, 14.0, 12.0)
    found = measured(mark, image, (image,))
    assert found.regions[0].mean == pytest.approx(mark.middle[0], abs=0.15)
    assert found.regions[0].pixels == pytest.approx(found.area, rel=0.05)


def test_each_volume_is_measured_on_its_own_grid_and_each_frame_by_itself() -> None:
    image = scan(ISO)
    coarse = volume(image.frame()[::2, ::2, ::2].copy(), np.diag([2.0, 2.0, 2.0, 1.0]), unit="mSv")
    frames = replace(image, voxels=np.stack([image.frame(), image.frame() + 7]), kind="frames")
    mark = box("rectangle", slice_through(ISO, 2, (4, 4, 6)), 10.0, 8.0)
    found = measured(mark, image, (image, coarse), 0)
    np.testing.assert_allclose(found.regions[1].mean, coarse.frame()[2:8, 2:7, 3].mean())
    first, second = (measured(mark, frames, (frames,), n).regions[0] for n in (0, 1))
    assert second.mean == pytest.approx(first.mean + 7)  # type: ignore[operator]


def test_beside_the_scan_there_is_nothing_to_measure() -> None:
    image = scan(ISO)
    mark = box("rectangle", Flat((200.0, 0, 5), (1, 0, 0), (0, 1, 0)), 5.0, 5.0)
    region = measured(mark, image, (image,)).regions[0]
    assert region.pixels == 0 and region.mean is None
    flat = measured(Mark("ellipse", ((1, 1, 1),) * 4), image, (image,))
    assert flat.area == 0.0 and flat.regions == ()


@pytest.mark.parametrize("number", range(4))
def test_a_corner_that_is_drawn_leaves_the_opposite_one(number: int) -> None:
    flat = slice_through(turned(20), 1, (5, 5, 5))
    mark = box("rectangle", flat, 12.0, 8.0)
    before = np.array(mark.points)
    to = before[number] + 2.0 * (before[1] - before[0]) / 12 - 1.5 * (before[3] - before[0]) / 8
    after = np.array(mark.stretched(number, to, flat).points)
    np.testing.assert_allclose(after[number], to)
    np.testing.assert_allclose(after[(number + 2) % 4], before[(number + 2) % 4])
    np.testing.assert_allclose(after[0] + after[2], after[1] + after[3], atol=1e-9)
    assert abs((after[1] - after[0]) @ (after[3] - after[0])) < 1e-9, "it stays a rectangle"


def test_a_moved_mark_keeps_its_size() -> None:
    mark = box("ellipse", slice_through(ISO, 2, (4, 4, 6)), 10.0, 8.0)
    moved = mark.moved((3, 4, 0))
    assert np.allclose(np.subtract(moved.points, mark.points), (3, 4, 0)) and moved.middle[0] == mark.middle[0] + 3
