"""Slices that lie unevenly, with gaps or aslant: found, said in mm, and put on a regular grid from their own places."""

from pathlib import Path

import numpy as np
import pytest

from medviz.imaging.readers import read, read_series, series_of
from medviz.imaging.readers.dicom.spacing import spaced
from medviz.imaging.regular import regular_grid, shear_degrees
from medviz.imaging.volume import Volume
from medviz.messages import finished
from tests.imaging.dicom_files import write_series
from tests.imaging.making import asymmetric, volume

UP = np.array([0.0, 0.0, 1.0])
pytestmark = pytest.mark.trap("T10")


def opened(path: Path, **how: object) -> Volume:
    return finished(read(path, **how))  # type: ignore[arg-type]


def at(*places: float) -> np.ndarray:
    return np.array([(0.0, 0.0, place) for place in places])


def field(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """A smooth thing in LPS mm, linear along z, so that interpolation is exact."""
    return 40.0 * x - 25.0 * y + 60.0 * z


def write_field(folder: Path, places: list[tuple[float, float, float]], size: int = 12) -> None:
    """Slices of that thing, each cut where it says it lies; 1 mm pixels."""
    columns, rows = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    voxels = np.stack([field(x + columns, y + rows, np.full_like(columns, z, float)) for x, y, z in places], axis=2)
    write_series(folder, np.rint(voxels).astype(np.int16), lambda k: places[k], spacing=(1.0, 1.0))


# -- finding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0.625, 0.7, 1.25, 3.3333])
def test_places_rounded_to_hundredths_are_even(step: float) -> None:
    how = spaced(at(*(round(step * k, 2) for k in range(300))), UP, None)
    assert how.even and not how.warnings
    assert how.step[2] == pytest.approx(step, abs=1e-4)


@pytest.mark.parametrize("off", [0.05, 0.3])
def test_one_slice_off_by_more_than_a_hundredth_of_a_mm_is_found(off: float) -> None:
    how = spaced(at(0, 1, 2, 3 + off, 4, 5, 6), UP, None)
    assert not how.even and "apart" in how.warnings[0]


def test_a_slice_off_by_less_than_a_hundredth_of_the_step_is_said_and_left() -> None:
    how = spaced(at(0, 5, 10.03, 15, 20), UP, None)
    assert how.even and "shown as if even" in how.warnings[0]


def test_gaps_are_listed_and_the_slices_on_both_sides_keep_their_numbers() -> None:
    how = spaced(at(*(0.7 * k for k in (0, 1, 2, 6, 7, 8, 12, 13))), UP, None)
    np.testing.assert_allclose(how.gaps_mm, [(1.4, 4.2), (5.6, 8.4)])
    np.testing.assert_allclose(how.grid_mm, 0.7 * np.arange(14), atol=1e-9)
    assert "missing at 1.4 to 4.2 mm, 5.6 to 8.4 mm" in how.warnings[-1]


def test_a_stray_slice_far_away_takes_no_memory() -> None:
    how = spaced(at(0, 1, 2, 3, 1e6), UP, None)
    assert len(how.grid_mm) < 2000


# -- showing ------------------------------------------------------------------------------------------------------


def test_uneven_slices_lie_where_they_were_taken(tmp_path: Path) -> None:
    places = [0.0, 2.0, 4.0, 6.5, 8.0, 10.0, 13.0]
    write_field(tmp_path, [(-6.0, -6.0, z) for z in places])
    scan = opened(tmp_path)
    for z in np.linspace(scan.to_mm((0, 0, 0))[2], scan.to_mm((0, 0, scan.shape[2] - 1))[2], scan.shape[2]):
        assert scan.value_at((0.0, 0.0, z)) == pytest.approx(60 * z, abs=1.5)


@pytest.mark.parametrize("lean", [0.0, 0.2])
def test_slices_beside_a_gap_are_the_files_own_and_the_gap_is_blank_until_it_is_asked_for(
    lean: float, tmp_path: Path
) -> None:
    places = [(-6.0, -6.0 + 2.0 * k * lean, 2.0 * k) for k in (0, 1, 2, 3, 7, 8, 9)]
    write_field(tmp_path, places)
    scan = opened(tmp_path)
    inside = [scan.value_at((0.0, 0.0 - 2.0 * k * lean, 2.0 * k)) for k in range(10)]
    lowest = float(scan.voxels.min())
    for k in (0, 1, 2, 3, 7, 8, 9):
        assert inside[k] == pytest.approx(field(0, 2.0 * k * lean, 2.0 * k), abs=0.51)
    assert [inside[k] for k in (4, 5, 6)] == [lowest] * 3
    (card,) = finished(series_of(tmp_path))
    filled = finished(read_series(card, None, True))
    for k in range(10):
        found = filled.value_at((0.0, -2.0 * k * lean, 2.0 * k))
        assert found == pytest.approx(field(0, 2.0 * k * lean, 2.0 * k), abs=1.0)
    assert any("nothing was measured there" in warning for warning in filled.warnings)


def test_slices_that_lie_on_no_line_are_each_moved_to_their_place(tmp_path: Path) -> None:
    wander = [0.0, 2.0, -1.5, 0.5, 3.0, 1.0]
    write_field(tmp_path, [(-6.0 + wander[k], -6.0 - wander[-1 - k], 2.0 * k) for k in range(6)])
    scan = opened(tmp_path)
    assert any("straight line" in warning for warning in scan.warnings)
    assert shear_degrees(scan.affine) < 0.01
    for k in range(6):
        for x, y in ((0.1, 0.2), (1.1, -2.2), (-2.2, 1.1)):
            near = scan.to_mm(np.rint(scan.to_voxel((-x, -y, 2.0 * k))))
            assert scan.value_at((-x, -y, 2.0 * k)) == pytest.approx(field(-near[0], -near[1], 2.0 * k), abs=1.0)


# -- a tilted gantry ----------------------------------------------------------------------------------------------


@pytest.mark.trap("T5")
@pytest.mark.parametrize("degrees", [5.0, 15.0, -20.0])
def test_a_tilted_stack_is_resampled_to_a_square_grid_that_holds_all_of_it(degrees: float, tmp_path: Path) -> None:
    lean = np.tan(np.radians(degrees))
    write_field(tmp_path, [(-6.0, -6.0 + 2.0 * k * lean, 2.0 * k) for k in range(8)])
    scan, square = opened(tmp_path), opened(tmp_path, regular=True)
    assert shear_degrees(scan.affine) == pytest.approx(abs(degrees), abs=0.01)
    assert shear_degrees(square.affine) < 1e-6 and square.voxels.dtype == np.int16
    assert any(f"sheared by {abs(degrees):.1f}°" in warning for warning in square.warnings)
    for k in range(8):
        for x, y in ((0.0, 0.0), (3.0, 1.0), (-2.0, -3.0)):
            point = (-x, -(y + 2.0 * k * lean), 2.0 * k)
            voxel = square.to_voxel(point)
            nearest = square.to_mm(np.rint(voxel))
            found = square.value_at(point)
            assert found == pytest.approx(field(-nearest[0], -nearest[1], nearest[2]), abs=1.0)
    corners = [(i, j, k) for i in (0, 11) for j in (0, 11) for k in (0, 7)]
    reached = square.to_voxel(scan.to_mm(corners))
    assert reached.min() > -0.51 and np.all(reached.max(axis=0) < np.array(square.shape) - 0.49)


@pytest.mark.trap("T5")
def test_a_sheared_volume_of_any_file_is_made_square_and_labels_keep_their_numbers() -> None:
    sheared = np.array([[2.0, 0.0, 0.6, 1.0], [0.0, 1.5, 0.4, 2.0], [0.0, 0.0, 3.0, 3.0], [0, 0, 0, 1]])
    scan = volume(asymmetric(), sheared)
    square = finished(regular_grid(scan))
    assert shear_degrees(scan.affine) > 5 and shear_degrees(square.affine) < 1e-6
    assert square.voxel_ml == pytest.approx(scan.voxel_ml)
    plain = volume(asymmetric())
    assert finished(regular_grid(plain)) is plain


def test_the_other_frames_come_along() -> None:
    sheared = np.eye(4)
    sheared[1, 2] = 0.3
    frames = np.stack([asymmetric(), asymmetric() + 5000])
    square = finished(regular_grid(volume(frames, sheared, kind="frames")))
    inside = square.frame(0) > frames[0].min() + 1
    apart = (square.frame(1).astype(int) - square.frame(0))[inside & (square.frame(1) > 4000)]
    assert apart.size and np.abs(apart - 5000).max() <= 1
