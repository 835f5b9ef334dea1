"""A box that a model found lies where it should: in the file's pixels, in mm, on the slice."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medviz.imaging.found import FoundBox, counted, marks_of
from medviz.imaging.found_drawn import drawn_over
from medviz.imaging.readers import read
from medviz.imaging.readers.picture import write_pixels
from medviz.imaging.volume import Volume
from medviz.messages import finished


def scan_of(path: Path, axes: str, shape: tuple[int, int, int] = (12, 10, 8)) -> Volume:
    """A scan stored with these axes, 2×3×4 mm along the stored ones, bright in stored voxels 2-5, 3-6, 1-3."""
    voxels = np.zeros(shape, np.float32)
    voxels[2:5, 3:6, 1:3] = 1
    turned = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, (letter, mm) in enumerate(zip(axes, (2.0, 3.0, 4.0), strict=True)):
        row, sign = turned[letter]
        affine[row, column] = sign * mm
    affine[:3, 3] = (7, -5, 3)
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return finished(read(path))


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR"])
def test_a_box_is_told_in_the_voxels_of_the_file_and_in_mm(axes: str, tmp_path: Path) -> None:
    scan = scan_of(tmp_path / "scan.nii", axes)
    where = np.argwhere(scan.frame() > 0)
    low, high = (tuple(map(float, one)) for one in (where.min(axis=0), where.max(axis=0) + 1))
    box = FoundBox("cell", 1, 0.9, low, high)
    assert box.stored(scan)[0] == pytest.approx((2, 3, 1)) and box.stored(scan)[1] == pytest.approx((5, 6, 3))
    corners = [scan.stored.affine @ (*corner, 1) for corner in ((1.5, 2.5, 0.5), (4.5, 5.5, 2.5))]
    assert box.mm(scan)[0] == pytest.approx(np.min(corners, axis=0)[:3])
    assert box.mm(scan)[1] == pytest.approx(np.max(corners, axis=0)[:3])
    told = box.plain(scan)
    assert [told[name] for name in ("x0", "y0", "z0", "x1", "y1", "z1")] == pytest.approx([2, 3, 1, 5, 6, 3])
    assert sorted(told["mm"]) == pytest.approx([6, 8, 9]), "3 voxels of 2 mm, 3 of 3, 2 of 4"


def test_on_each_plane_the_outline_lies_round_the_voxels(tmp_path: Path) -> None:
    scan = scan_of(tmp_path / "scan.nii", "LPS")
    where = np.argwhere(scan.frame() > 0)
    low, high = (tuple(map(float, one)) for one in (where.min(axis=0), where.max(axis=0) + 1))
    marks = marks_of([FoundBox("cell", 2, 0.5, low, high)], scan, first=4)
    assert [(mark.plane, mark.number, mark.name, mark.value) for mark in marks] == [
        ("axial", 4, "cell 0.50", 2), ("coronal", 5, "cell 0.50", 2), ("sagittal", 6, "cell 0.50", 2),
    ]  # fmt: skip
    for mark, normal in zip(marks, (2, 1, 0), strict=True):
        at = scan.to_voxel(np.array(mark.points))
        assert np.ptp(at[:, normal]) == pytest.approx(0) and low[normal] <= at[0, normal] <= high[normal] - 1
        for axis in {0, 1, 2} - {normal}:
            assert at[:, axis].min() == pytest.approx(low[axis] - 0.5)
            assert at[:, axis].max() == pytest.approx(high[axis] - 0.5)


def test_in_a_picture_pixels_are_counted_from_the_left_and_the_top(tmp_path: Path) -> None:
    pixels = np.zeros((20, 30), np.uint8)
    pixels[4:9, 11:25] = 200
    write_pixels(pixels, tmp_path / "picture.png")
    scan = finished(read(tmp_path / "picture.png"))
    where = np.argwhere(scan.frame() > 0)
    low, high = (tuple(map(float, one)) for one in (where.min(axis=0), where.max(axis=0) + 1))
    box = FoundBox("cell", 1, 0.25, low, high)
    told = box.plain(scan)
    assert told == {"label": "cell", "score": 0.25, "x0": 11, "y0": 4, "x1": 25, "y1": 9, "mm": None}
    assert len(marks_of([box], scan)) == 1, "a picture has one plane"


def test_boxes_are_drawn_in_the_colour_of_their_class_with_words() -> None:
    boxes = [(FoundBox("cell", 1, 0.9, (0, 0, 0), (1, 1, 1)), (20.0, 40.0, 60.0, 80.0)),
             (FoundBox("dot", 2, 0.4, (0, 0, 0), (1, 1, 1)), (150.0, 2.0, 190.0, 30.0))]  # fmt: skip
    made = drawn_over(np.zeros((100, 200), np.uint8), boxes)
    assert made.shape == (100, 200, 3)
    assert made[60, 20].any() and made[79, 40].any() and not made[60, 40].any(), "an outline, and nothing within"
    assert tuple(made[60, 20]) != tuple(made[20, 150]), "a colour a class"
    assert made[30:40, 22:60].any(), "words stand above the box"
    assert counted([box for box, _ in boxes]) == "1 cell, 1 dot" and counted([]) == "nothing"
