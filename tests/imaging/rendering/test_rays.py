"""The view of the whole: never mirrored, round where it is round, cut where it is cut."""

import numpy as np
import pytest

from medviz.figures import Picture
from medviz.imaging.rendering.rays import Look, rendered
from medviz.imaging.rendering.sight import Sight, to_pixel
from medviz.imaging.rendering.solid import Solid, label_numbers, solid_of
from medviz.messages import finished
from tests.imaging.phantoms import volume

SIZE = (120, 150)


def ball(spacing: tuple[float, float, float] = (1.0, 1.0, 1.0), radius_mm: float = 20.0, extra: bool = False) -> Solid:
    """A ball; `extra` puts a bump at the patient's left."""
    shape = tuple(round(60 / side) for side in spacing)
    scan = volume(np.zeros(shape, np.int16), spacing)
    x, y, z = np.moveaxis(scan.to_mm(np.moveaxis(np.indices(shape), 0, -1)), -1, 0)
    voxels = np.where(x**2 + y**2 + z**2 < radius_mm**2, 1000, 0).astype(np.int16)
    if extra:
        voxels[(x + 24) ** 2 + y**2 + z**2 < 36] = 1000
    return solid_of(volume(voxels, spacing), 1000, 500, None)


def seen(solid: Solid, sight: Sight, look: Look | None = None) -> np.ndarray:
    picture: Picture = finished(rendered(solid, sight, look or Look(), SIZE))
    return np.asarray(picture.pixels).astype(int)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 1.0, 3.0)])
@pytest.mark.parametrize("turn", [0.0, 37.0, 90.0])
def test_a_ball_is_round_from_every_side(spacing: tuple[float, float, float], turn: float) -> None:
    there = seen(ball(spacing), Sight(turn, 20.0)).max(axis=2) > 0
    rows, cols = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    high, wide = rows[-1] - rows[0] + 1, cols[-1] - cols[0] + 1
    assert abs(high - wide) * 40 / high <= max(spacing) + 0.3, "to a voxel"
    assert high > SIZE[0] * 0.7
    assert there.sum() == pytest.approx(np.pi / 4 * high * wide, rel=0.05)


@pytest.mark.trap("T2")
def test_from_the_front_the_patients_left_is_at_the_right_as_in_life() -> None:
    solid = ball(extra=True)
    front = seen(solid, Sight(0.0, 0.0)).max(axis=2) > 0
    cols = np.flatnonzero(front.any(axis=0))
    row, col = to_pixel(solid, Sight(0.0, 0.0), SIZE, (-24.0, 0.0, 0.0))
    assert front[round(row), round(col)] and col > SIZE[1] / 2
    assert cols[-1] == pytest.approx(to_pixel(solid, Sight(0.0, 0.0), SIZE, (-30.0, 0.0, 0.0))[1], abs=3)
    behind = seen(solid, Sight(180.0, 0.0)).max(axis=2) > 0
    assert to_pixel(solid, Sight(180.0, 0.0), SIZE, (-24.0, 0.0, 0.0))[1] < SIZE[1] / 2
    assert np.abs(behind.astype(int) - front[:, ::-1]).mean() < 0.02


def test_axes_are_a_right_handed_set_from_everywhere() -> None:
    for turn in range(0, 360, 45):
        for lift in (-90, -30, 0, 30, 90):
            axes = Sight(float(turn), float(lift)).axes
            assert np.allclose(axes @ axes.T, np.eye(3)) and np.linalg.det(axes) == pytest.approx(1.0)
    right, up, eye = Sight(0.0, 0.0).axes
    assert np.allclose(right, (-1, 0, 0)) and np.allclose(up, (0, 0, 1)) and np.allclose(eye, (0, 1, 0))


def test_a_cut_shows_the_scans_grey_and_only_at_the_corner() -> None:
    solid, sight = ball(), Sight(35.0, 20.0)
    whole, cut = seen(solid, sight), seen(solid, sight, Look(cut=(0.0, 0.0, 0.0)))
    changed = np.abs(whole - cut).max(axis=2) > 8
    assert 0.1 < changed.mean() < 0.5
    row, col = (round(part) for part in to_pixel(solid, sight, SIZE, (-6.0, 6.0, 0.0)))
    assert len(set(cut[row, col])) == 1, "grey on the cut face"
    assert len(set(whole[row, col])) > 1, "ivory on the surface"


def test_labels_have_their_colours_on_their_surface() -> None:
    scan = volume(np.full((40, 40, 40), 100, np.int16))
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[5:20, 10:30, 10:30] = 4
    labels[20:35, 10:30, 10:30] = 9
    solid = solid_of(scan, 100, 50, label_numbers(labels, (4, 9)), of_labels=True)
    look = Look("labels", paint=((250, 0, 0), (0, 0, 250)))
    picture = seen(solid, Sight(0.0, 0.0), look)
    middle = SIZE[0] // 2
    left, right = picture[middle, SIZE[1] // 2 - 25], picture[middle, SIZE[1] // 2 + 25]
    assert right[0] > 150 > right[2], "label 4 is at the patient's left: at the right, seen from the front"
    assert left[2] > 150 > left[0]


@pytest.mark.parametrize("mode", ["maximum", "mean"])
def test_projections_are_grey_and_bright_where_much_is(mode: str) -> None:
    picture = seen(ball(), Sight(), Look(mode))  # type: ignore[arg-type]
    assert picture[0, 0].max() == 0 and picture[SIZE[0] // 2, SIZE[1] // 2].min() > 200
    assert np.array_equal(picture[..., 0], picture[..., 2])


def test_nothing_at_all_is_drawn_black() -> None:
    solid = solid_of(volume(np.zeros((12, 12, 12), np.int16)), 1.0, 0.5, None)
    for mode in ("surface", "maximum", "mean"):
        assert not seen(solid, Sight(), Look(mode)).any()  # type: ignore[arg-type]


def test_not_a_number_does_no_harm() -> None:
    voxels = np.full((20, 20, 20), np.nan, np.float32)
    voxels[5:15, 5:15, 5:15] = 1.0
    with np.errstate(all="raise"):
        assert seen(solid_of(volume(voxels), 1.0, 0.5, None), Sight()).any()


def test_label_numbers_count_what_is_shown() -> None:
    labels = np.array([[[0, 3, 7, 500, 9]]], np.uint16)
    assert label_numbers(labels, (7, 500)).ravel().tolist() == [0, 0, 1, 2, 0]
    assert not label_numbers(labels, ()).any()


def test_a_large_scan_is_made_small_enough_to_turn() -> None:
    solid = solid_of(volume(np.zeros((700, 40, 40), np.uint8), (0.25, 1.0, 1.0)), 1, 0.5, None)
    assert max(solid.field.shape) < 200 and solid.grid_mm == pytest.approx(1.0)


def test_thick_slices_are_filled_in_between_and_stay_in_their_place() -> None:
    voxels = np.zeros((40, 40, 6), np.int16)
    voxels[10:30, 10:30, 2:4] = 1000
    scan = volume(voxels, (0.5, 0.5, 6.0))
    solid = solid_of(scan, 1000, 500, None)
    assert solid.field.shape[2] > 20 and solid.grid_mm == 0.5
    for point, inside in (((0.0, 0.0, 0.0), True), ((0.0, 0.0, 4.0), True), ((0.0, 0.0, 12.0), False)):
        x, y, z = np.rint(np.linalg.inv(solid.affine) @ (*point, 1.0))[:3].astype(int)
        assert (solid.field[x, y, z] > solid.level) == inside, point


def test_a_wish_that_is_out_of_date_can_be_ended() -> None:
    work = rendered(ball(), Sight(), Look(), SIZE)
    next(work)
    work.close()
