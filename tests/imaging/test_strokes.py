"""Painting while the hand moves: round in mm on every grid, without gaps, and put back to the last voxel."""

import numpy as np
import pytest
from scipy import ndimage

from medviz.imaging.flat import Flat
from medviz.imaging.strokes import Stroke, Tip
from medviz.imaging.volume import Stored, Volume

ISO, THICK = np.eye(4), np.diag([0.5, 0.5, 6.0, 1.0])
SHEARED = np.array([[0.8, 0.2, 0.5, -10], [0, 1.1, 0.3, 4], [0.1, 0, 2.5, 7], [0, 0, 0, 1.0]])
AXES = np.eye(3)


def turned(degrees: float) -> np.ndarray:
    """A grid that is turned about a slanted axis."""
    angle, axis = np.radians(degrees), np.array([1.0, 2.0, 0.5]) / np.linalg.norm([1.0, 2.0, 0.5])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross) * (0.7, 0.9, 2.0)
    affine[:3, 3] = (3, -8, 5)
    return affine


def empty(shape: tuple[int, int, int] = (60, 50, 20)) -> np.ndarray:
    return np.zeros(shape, np.uint8, order="F")


def mm_of(affine: np.ndarray, voxel: object) -> np.ndarray:
    return np.asarray(affine[:3, :3] @ np.asarray(voxel, float) + affine[:3, 3])


def all_mm(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.stack(np.indices(shape), -1) @ affine[:3, :3].T + affine[:3, 3]


def slice_through(affine: np.ndarray, axis: int, voxel: object) -> Flat:
    first, second = (affine[:3, other] for other in range(3) if other != axis)
    return Flat(tuple(mm_of(affine, voxel)), tuple(first), tuple(second))  # type: ignore[arg-type]


@pytest.mark.trap("T19")
@pytest.mark.parametrize("affine", [ISO, THICK, SHEARED, turned(33)], ids=["even", "thick", "sheared", "turned"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_disc_is_round_in_mm_in_each_plane_of_each_grid(affine: np.ndarray, axis: int) -> None:
    labels, centre = empty(), (30, 25, 10)
    stroke = Stroke(labels, affine, 3, Tip(6.87, slice_through(affine, axis, centre)))
    assert stroke.to(mm_of(affine, centre))
    away = np.linalg.norm(all_mm(affine, labels.shape) - mm_of(affine, centre), axis=-1)
    expected = (away <= 6.87) & (np.indices(labels.shape)[axis] == centre[axis])
    np.testing.assert_array_equal(labels == 3, expected)


@pytest.mark.trap("T19")
@pytest.mark.parametrize("affine", [ISO, THICK, SHEARED, turned(33)], ids=["even", "thick", "sheared", "turned"])
def test_a_ball_is_round_in_mm_on_each_grid(affine: np.ndarray) -> None:
    labels, centre = empty(), (30, 25, 10)
    assert Stroke(labels, affine, 3, Tip(6.5)).to(mm_of(affine, centre))
    away = np.linalg.norm(all_mm(affine, labels.shape) - mm_of(affine, centre), axis=-1)
    np.testing.assert_array_equal(labels == 3, away <= 6.5)


def test_in_an_oblique_plane_a_disc_is_one_voxel_thick_and_has_no_holes() -> None:
    labels, centre = empty((50, 50, 50)), np.array([25.0, 25.0, 25.0])
    flat = Flat(tuple(centre), (1.0, 0.0, 1.0), (0.0, 1.0, 0.3))  # type: ignore[arg-type]
    assert Stroke(labels, ISO, 1, Tip(10.0, flat)).to(centre)
    at = np.argwhere(labels)
    assert np.abs(flat.off_mm(at)).max() <= flat.half_mm(ISO) < 0.87
    assert np.linalg.norm(flat.flattened(at), axis=1).max() <= 10.0
    samples = centre + np.array([a * flat.axes[0] + b * flat.axes[1] for a in range(-6, 7) for b in range(-6, 7)])
    assert labels[tuple(np.floor(samples + 0.5).astype(int).T)].all(), "every place seen on the pane is painted"


def test_a_fast_hand_leaves_no_gaps() -> None:
    labels = empty((200, 200, 3))
    stroke = Stroke(labels, ISO, 1, Tip(1.0, slice_through(ISO, 2, (0, 0, 1))))
    for place in ((5, 5, 1), (190, 120, 1), (20, 180, 1)):
        stroke.to(place)
    _, parts = ndimage.label(labels, structure=np.ones((3, 3, 3)))
    assert parts == 1 and labels[190, 120, 1] and labels[20, 180, 1] and not labels[..., 0].any()


def test_a_tip_smaller_than_a_voxel_paints_the_voxels_under_the_hand() -> None:
    labels = empty()
    stroke = Stroke(labels, THICK, 1, Tip(0.1))
    stroke.to(mm_of(THICK, (10.3, 10.2, 5.4)))
    assert np.argwhere(labels).tolist() == [[10, 10, 5]]
    stroke.to(mm_of(THICK, (20.3, 10.2, 5.4)))
    assert labels[10:21, 10, 5].all() and labels.sum() == 11


def test_locks_hold_and_only_free_voxels_are_taken_where_asked() -> None:
    labels = empty()
    labels[:30], labels[:, :25] = 2, 5
    before = labels.copy()
    Stroke(labels, ISO, 1, Tip(8.0), locked={2}).to((30, 25, 10))
    assert (labels[before == 2] == 2).all() and (labels[before == 5] == 1).any()
    labels[...] = before
    Stroke(labels, ISO, 1, Tip(8.0, free=True)).to((30, 25, 10))
    np.testing.assert_array_equal(labels[before != 0], before[before != 0])
    assert (labels[before == 0] == 1).any()
    labels[...] = before
    Stroke(labels, ISO, 0, Tip(8.0, only=5)).to((30, 25, 10))
    np.testing.assert_array_equal(labels[before != 5], before[before != 5])
    assert (labels[before == 5] == 0).any()


def volume(voxels: np.ndarray, affine: np.ndarray, **more: object) -> Volume:
    return Volume(voxels[None], affine, Stored("made", voxels.shape, "RAS", affine, voxels.dtype), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [1, 2])
def test_a_threshold_tip_reads_hounsfield_units_on_any_grid(factor: int) -> None:
    labels = empty((40, 40, 20))
    stored = np.full([side // factor for side in labels.shape], 100, np.int16)
    stored[20 // factor :] = 600
    affine = np.diag([factor, factor, factor, 1.0])
    affine[:3, 3] = (factor - 1) / 2
    image = volume(stored, affine, slope=2.0, intercept=-1024.0)
    stroke = Stroke(labels, ISO, 1, Tip(8.0, between=(100.0, 300.0)), image=image)
    stroke.to((20, 20, 10))
    assert labels[20:].any() and not labels[:20].any()


def test_beside_the_scan_nothing_is_painted() -> None:
    labels = empty()
    stroke = Stroke(labels, ISO, 1, Tip(3.0))
    assert not stroke.to((-50, 0, 0)) and not stroke.to((-50, 90, 0))
    assert stroke.change("paint") is None and not labels.any()


@pytest.mark.trap("T15")
def test_a_stroke_is_remembered_as_the_box_it_touched_and_undone_to_the_last_voxel() -> None:
    labels = empty((256, 256, 60))
    x, y, z = np.indices(labels.shape)
    labels[...] = 1 + (x // 17 + y // 23 * 3 + z // 11 * 7) % 117  # many small organs
    before = labels.copy()
    stroke = Stroke(labels, ISO, 7, Tip(8.0))
    for step in range(30):
        stroke.to((40 + 4 * step, 60 + 60 * np.sin(step / 5) + 60, 30))
    after = labels.copy()
    change = stroke.change("paint")
    assert change is not None and (after == 7).sum() > 10_000
    assert change.size_bytes < 0.01 * labels.nbytes
    change.undo(labels)
    np.testing.assert_array_equal(labels, before)
    change.redo(labels)
    np.testing.assert_array_equal(labels, after)


def test_a_stroke_can_be_given_up() -> None:
    labels = empty()
    labels[20:40] = 4
    before = labels.copy()
    stroke = Stroke(labels, ISO, 0, Tip(5.0))
    stroke.to((20, 20, 10))
    stroke.to((40, 30, 10))
    assert not np.array_equal(labels, before)
    stroke.cancel()
    np.testing.assert_array_equal(labels, before)
    assert stroke.change("erase") is None
