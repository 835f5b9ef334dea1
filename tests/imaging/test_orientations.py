"""Whatever the order in which a file holds its voxels, the same patient is seen: letters, pixels, values in mm."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medviz.imaging.readers import describe, write
from medviz.imaging.slices import NORMAL, PLANES, cut
from tests.imaging.making import (
    NAMES,
    ORDERS,
    STRONGLY_OBLIQUE,
    asymmetric,
    opened,
    reordered,
    rotation,
    saved,
)

SPACED = np.array([[1.0, 0, 0, -5.0], [0, 1.5, 0, -9.0], [0, 0, 2.5, -11.0], [0, 0, 0, 1.0]])


def oblique(angles: tuple[float, float, float], shear: float = 0.0, spacing: tuple[float, ...] = (0.7, 1.3, 4.0)):
    sheared = np.eye(3)
    sheared[0, 2] = shear
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles) @ sheared @ np.diag(spacing)
    affine[:3, 3] = (-12.5, 30.25, 7.0)
    return affine


AFFINES = {
    "anisotropic": SPACED,
    "oblique": oblique((0.2, -0.15, 0.1)),
    "sheared": oblique((0.05, 0.1, -0.2), shear=0.3),
    "isotropic": np.diag([1.0, 1.0, 1.0, 1.0]),
}


@pytest.mark.trap("T1", "T2")
@pytest.mark.parametrize("kind", AFFINES)
@pytest.mark.parametrize("order", ORDERS, ids=NAMES)
def test_all_48_orders_look_and_read_the_same(order: np.ndarray, kind: str, tmp_path: Path) -> None:
    phantom, affine = asymmetric(), AFFINES[kind]
    as_ras = opened(saved(tmp_path / "ras.nii", phantom, affine))
    stored, moved = reordered(phantom, affine, order)
    path = saved(tmp_path / "scan.nii", stored, moved)
    scan = opened(path)
    assert scan.stored.axes == "".join(nib.orientations.ornt2axcodes(order)) == describe(path)["axes"]
    assert np.array_equal(scan.voxels, as_ras.voxels)
    assert np.array_equal(scan.voxels[0], phantom)
    assert np.allclose(scan.affine, affine, atol=1e-5)
    for plane in PLANES:
        for radiological in (True, False):
            middle = scan.shape[NORMAL[plane]] // 2
            seen, meant = (cut(one, plane, middle, 0, radiological) for one in (scan, as_ras))
            assert np.array_equal(seen.pixels, meant.pixels)
            assert seen.letters == meant.letters
            assert seen.mm == pytest.approx(meant.mm)
    voxels = np.random.default_rng(1).integers(0, phantom.shape, (20, 3))
    for voxel, mm in zip(voxels, scan.to_mm(voxels), strict=True):
        assert scan.value_at(mm) == phantom[tuple(voxel)]


@pytest.mark.trap("T1", "T2")
@pytest.mark.parametrize("order", ORDERS, ids=NAMES)
def test_the_patients_right_is_on_the_left_of_the_screen(order: np.ndarray, tmp_path: Path) -> None:
    head = np.zeros((11, 13, 9), np.uint8)
    head[-2:, 5:8, 3:6] = 1  # the right ear: largest x of RAS
    head[4:7, -2:, 3:6] = 2  # the nose: largest y
    head[4:7, 5:8, -2:] = 3  # the crown: largest z
    scan = opened(saved(tmp_path / "head.nii", *reordered(head, SPACED, order)))
    axial, coronal = cut(scan, "axial", 4), cut(scan, "coronal", 6)
    sagittal = cut(scan, "sagittal", 5)
    assert axial.letters == ("R", "L", "A", "P") and coronal.letters == ("R", "L", "S", "I")
    assert sagittal.letters == ("A", "P", "S", "I")
    assert np.argwhere(axial.pixels == 1)[:, 1].max() < 2 and np.argwhere(axial.pixels == 2)[:, 0].max() < 2
    assert np.argwhere(coronal.pixels == 1)[:, 1].max() < 2 and np.argwhere(coronal.pixels == 3)[:, 0].max() < 2
    assert np.argwhere(sagittal.pixels == 2)[:, 1].max() < 2 and np.argwhere(sagittal.pixels == 3)[:, 0].max() < 2
    other = cut(scan, "axial", 4, radiological=False)
    assert other.letters == ("L", "R", "A", "P") and np.argwhere(other.pixels == 1)[:, 1].min() >= 9
    assert cut(scan, "sagittal", 5, radiological=False).letters == sagittal.letters


@pytest.mark.trap("T1", "T3", "T5")
@settings(max_examples=40)
@given(
    st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    st.tuples(*[st.floats(0.3, 8.0)] * 3),
    st.floats(-0.6, 0.6),
    st.integers(0, 47),
)
def test_any_oblique_sheared_anisotropic_affine_keeps_each_voxel_in_its_place(
    tmp_path_factory: pytest.TempPathFactory, angles, spacing, shear, number
) -> None:
    phantom, affine = asymmetric((4, 5, 3)), oblique(angles, shear, spacing)
    stored, moved = reordered(phantom, affine, ORDERS[number])
    scan = opened(saved(tmp_path_factory.mktemp("o") / "scan.nii", stored, moved))
    assert sorted("RASLPI".index(letter) % 3 for letter in scan.stored.axes) == [0, 1, 2]
    assert np.linalg.det(scan.affine[:3, :3]) > 0 or np.linalg.det(affine[:3, :3]) < 0
    for voxel in np.ndindex(stored.shape):
        mm = moved[:3, :3] @ voxel + moved[:3, 3]
        assert scan.value_at(mm) == stored[voxel]


@pytest.mark.trap("T3")
def test_a_strongly_oblique_scan_gets_three_axes_and_not_two(tmp_path: Path) -> None:
    columns = np.abs(STRONGLY_OBLIQUE[:3, :3]).argmax(axis=0)
    assert len(set(columns)) < 3, "else this affine proves nothing"
    phantom = asymmetric((6, 7, 5))
    scan = opened(saved(tmp_path / "oblique.nii", phantom, STRONGLY_OBLIQUE))
    assert scan.stored.axes == "ALS"
    assert sorted(scan.shape) == [5, 6, 7]
    for voxel in np.ndindex(phantom.shape):
        assert scan.value_at(STRONGLY_OBLIQUE[:3, :3] @ voxel) == phantom[voxel]
    for plane in PLANES:
        left, right, top, bottom = cut(scan, plane, 2).letters
        assert left != right and top != bottom and left and top


@pytest.mark.parametrize("order", ORDERS, ids=NAMES)
def test_what_is_written_back_lies_in_the_order_it_came_in(order: np.ndarray, tmp_path: Path) -> None:
    stored, moved = reordered(asymmetric(), SPACED, order)
    path = saved(tmp_path / "scan.nii", stored, moved)
    write(opened(path), tmp_path / "again.nii")
    assert (tmp_path / "again.nii").read_bytes() == path.read_bytes()


@pytest.mark.data
@pytest.mark.trap("T1")
def test_one_brain_stored_in_three_orders_is_one_picture(data: Path) -> None:
    ras, lps, pil = (opened(data / "volumes" / "orientations" / f"{name}.nii.gz") for name in ("RAS", "LPS", "PIL"))
    for other, axes in ((lps, "LPS"), (pil, "PIL")):
        assert other.stored.axes == axes
        assert other.shape == ras.shape and np.allclose(other.affine, ras.affine, atol=1e-4)
        assert np.allclose(other.voxels * other.slope, ras.voxels * ras.slope, atol=max(other.slope, ras.slope))
        for plane in PLANES:
            seen, meant = cut(other, plane, 30), cut(ras, plane, 30)
            assert seen.letters == meant.letters
            assert np.allclose(seen.values, meant.values, atol=max(other.slope, ras.slope))
