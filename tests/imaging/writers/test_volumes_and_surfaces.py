"""Volumes, surfaces, tables and outlines as others read them: nibabel, SimpleITK, VTK, the csv module."""

import csv
import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
import vtk
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from vtk.util.numpy_support import vtk_to_numpy

from medviz.imaging.labels import Label
from medviz.imaging.volume import Volume, like
from medviz.imaging.writers import WRITERS, export
from medviz.imaging.writers.borders import area, filled, outlines
from medviz.imaging.writers.card import trust_card
from medviz.imaging.writers.surface import enclosed_ml, surface
from medviz.imaging.writers.writer import Export
from medviz.messages import finished
from medviz.refused import Refused
from tests.conftest import ROOT
from tests.imaging.making import ORDERS, STRONGLY_OBLIQUE, asymmetric, opened, reordered, saved, volume

AFFINE = np.array([[-2.0, 0.1, 0, 20.0], [0.1, 0, 3.0, -30.0], [0, -1.5, 0, 12.0], [0, 0, 0, 1.0]])
SHEARED = np.array([[2.0, 0, 0, -10.0], [0, 2.0, 0.7, -30.0], [0, 0, 3.0, 12.0], [0, 0, 0, 1.0]])


def mask_on(path: Path) -> tuple[Volume, Volume]:
    scan = opened(path)
    voxels = np.zeros(scan.shape, np.uint8)
    voxels[2:5, 3:6, 2:7] = 1
    voxels[6:8, 3:6, 2:4] = 3
    return scan, like(scan, voxels, "mask")


@pytest.mark.trap("T5")
@pytest.mark.parametrize("affine", [AFFINE, SHEARED, STRONGLY_OBLIQUE])
def test_a_mask_leaves_with_the_affine_bytes_of_its_scan(affine: np.ndarray, tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.nii", asymmetric(), affine, descrip=b"Doe^Jane")
    scan, mask = mask_on(path)
    finished(export(Export(mask, scan=scan), tmp_path / "mask.nii"))
    one, other = nib.load(path).header, nib.load(tmp_path / "mask.nii").header
    for name in ("srow_x", "srow_y", "srow_z", "quatern_b", "qoffset_x", "pixdim", "qform_code", "sform_code"):
        assert one[name].tobytes() == other[name].tobytes()
    assert b"Doe" not in (tmp_path / "mask.nii").read_bytes()
    voxels = np.asarray(nib.load(tmp_path / "mask.nii").dataobj)
    assert voxels.dtype == np.uint8 and np.count_nonzero(voxels == 3) == 12


@pytest.mark.parametrize("order", ORDERS[::5])
@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_simpleitk_finds_each_voxel_at_its_place(order: np.ndarray, ending: str, tmp_path: Path) -> None:
    stored, affine = reordered(asymmetric(), np.diag([2.0, 1.0, 3.0, 1.0]), order)
    scan = opened(saved(tmp_path / "scan.nii", stored, affine))
    finished(export(Export(scan), tmp_path / f"scan.{ending}"))
    image = SimpleITK.ReadImage(str(tmp_path / f"scan.{ending}"))
    for voxel in ((0, 0, 0), (3, 5, 7), (10, 12, 8)):
        x, y, z = scan.to_mm(voxel)
        found = image.TransformPhysicalPointToIndex((-x, -y, float(z)))
        assert image.GetPixel(found) == scan.frame()[voxel]
    back = opened(tmp_path / f"scan.{ending}")
    np.testing.assert_array_equal(back.voxels, scan.voxels)
    np.testing.assert_allclose(back.affine, scan.affine, atol=1e-9)


def test_dicom_to_nifti_and_back_to_nrrd_keeps_every_voxel(data: Path, tmp_path: Path) -> None:
    scan = opened(data / "dicom" / "hippocrop_mr_study1")
    finished(export(Export(scan), tmp_path / "a.nii.gz"))
    finished(export(Export(opened(tmp_path / "a.nii.gz")), tmp_path / "b.nrrd"))
    back = opened(tmp_path / "b.nrrd")
    np.testing.assert_array_equal(back.voxels, scan.voxels)
    np.testing.assert_allclose(back.affine, scan.affine, atol=1e-5)


def test_only_the_chosen_labels_leave(tmp_path: Path) -> None:
    scan, mask = mask_on(saved(tmp_path / "scan.nii", asymmetric(), AFFINE))
    finished(export(Export(mask, scan=scan, chosen=(3,)), tmp_path / "some.nii.gz"))
    assert set(np.unique(opened(tmp_path / "some.nii.gz").voxels)) == {0, 3}


def ball(radius: float = 9.0, spacing: tuple[float, float, float] = (1.0, 1.0, 2.0)) -> Volume:
    grid = np.indices((25, 25, 15)) * np.array(spacing).reshape(3, 1, 1, 1)
    centre = (np.array((25, 25, 15)) - 1) / 2 * spacing
    voxels = (np.linalg.norm(grid - centre.reshape(3, 1, 1, 1), axis=0) <= radius).astype(np.uint8)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (100.0, -40.0, 7.0)
    return volume(voxels, affine)


@pytest.mark.parametrize("smooth", [0, 12])
def test_a_surface_encloses_its_label(smooth: int) -> None:
    made = ball()
    points, faces = surface(made, made.voxels[0] > 0, smooth)
    ml = np.count_nonzero(made.voxels) * made.voxel_ml
    assert enclosed_ml(points[faces]) == pytest.approx(ml, rel=0.05)  # above 0: seen from outside
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}  # closed
    np.testing.assert_allclose(points.mean(axis=0), made.to_mm((12, 12, 7)), atol=0.2)


def test_a_mirrored_grid_keeps_its_surface_outside_out() -> None:
    made = ball()
    flipped = Volume(made.voxels, made.affine @ np.diag([-1, 1, 1, 1]), made.stored)
    points, faces = surface(flipped, made.voxels[0] > 0)
    assert enclosed_ml(points[faces]) > 0


def test_vtk_reads_the_surface_where_3d_slicer_looks_for_it(tmp_path: Path) -> None:
    made = ball()
    (path,) = finished(export(Export(made, smooth=0), tmp_path / "ball.stl"))
    head = path.read_bytes()[:80]
    assert b"SPACE=LPS" in head and not head.startswith(b"solid")
    reader = vtk.vtkSTLReader()
    reader.SetFileName(str(path))
    reader.Update()
    points = vtk_to_numpy(reader.GetOutput().GetPoints().GetData())
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    np.testing.assert_allclose(middle * (-1, -1, 1), made.to_mm((12, 12, 7)), atol=0.51)
    np.testing.assert_allclose(np.ptp(points, axis=0), (19, 19, 18), atol=0.01)
    mass = vtk.vtkMassProperties()
    mass.SetInputConnection(reader.GetOutputPort())
    assert mass.GetVolume() / 1000 == pytest.approx(np.count_nonzero(made.voxels) * made.voxel_ml, rel=0.05)


def test_each_label_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    scan, mask = mask_on(saved(tmp_path / "scan.nii", asymmetric(), AFFINE))
    names = (Label(1, "left/liver", (1, 2, 3)), Label(3, "côlon", (1, 2, 3)))
    files = finished(export(Export(mask, names, scan, one_file=False), tmp_path / "organs.stl"))
    assert [file.name for file in files] == ["organs_left_liver.stl", "organs_côlon.stl"]
    assert all(file.stat().st_size > 84 for file in files)


@pytest.mark.trap("T11")
def test_no_millimetre_leaves_where_none_is_known(tmp_path: Path) -> None:
    made = ball()
    bare = Volume(made.voxels, made.affine, made.stored, calibrated=False)
    with pytest.raises(Refused, match="no voxel size"):
        finished(export(Export(bare), tmp_path / "ball.stl"))
    finished(export(Export(bare), tmp_path / "ball.csv"))
    (row,) = rows_of(tmp_path / "ball.csv")
    assert row["volume [ml]"] == "" and row["centroid x [mm RAS]"] == "" and int(row["voxels"]) > 0


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_of_labels_says_units_and_runs_nothing(tmp_path: Path) -> None:
    scan, mask = mask_on(saved(tmp_path / "scan.nii", asymmetric(), AFFINE))
    names = (Label(1, '=cmd|"/c calc"', (1, 2, 3)), Label(3, 'colon, "sigmoid"\nß', (1, 2, 3)))
    finished(export(Export(mask, names, scan), tmp_path / "t.csv"))
    one, three = rows_of(tmp_path / "t.csv")
    assert one["name"].startswith("'=") and three["name"] == 'colon, "sigmoid"\nß'
    assert float(one["volume [ml]"]) == pytest.approx(45 * mask.voxel_ml)
    values = scan.frame()[mask.frame() == 3].astype(float)
    assert float(three["mean"]) == pytest.approx(values.mean()) and float(three["SD"]) == pytest.approx(values.std())
    centre = mask.to_mm(np.argwhere(mask.frame() == 3).mean(axis=0))
    assert [float(three[f"centroid {axis} [mm RAS]"]) for axis in "xyz"] == pytest.approx(list(centre))


@given(st.integers(1, 14), st.integers(1, 14), st.floats(0.05, 0.95), st.integers(0, 10**6))
def test_outlines_fill_to_the_same_pixels_and_have_their_area(rows: int, cols: int, share: float, seed: int) -> None:
    mask = np.random.default_rng(seed).random((rows, cols)) < share
    lines = outlines(mask)
    np.testing.assert_array_equal(filled(lines, (rows, cols)), mask)
    assert sum(map(area, lines)) == pytest.approx(mask.sum())


@pytest.mark.trap("T7")
def test_the_card_of_the_model_travels_with_the_mask(tmp_path: Path) -> None:
    scan, mask = mask_on(saved(tmp_path / "scan.nii", asymmetric(), AFFINE))
    card = trust_card(name="net", sha256="12" * 32, trained_on="phantoms", before="z-score", metrics={"dice": 0.9})
    files = finished(export(Export(mask, scan=scan, card=card), tmp_path / "mask.nii.gz"))
    assert [file.name for file in files] == ["mask.nii.gz", "mask.card.json"]
    told: dict[str, Any] = json.loads(files[1].read_text())
    assert told["model"] == {
        "name": "net", "sha256": "12" * 32, "trained_on": "phantoms", "metrics": {"dice": 0.9}
    }  # fmt: skip
    assert told["files"]["mask.nii.gz"]["sha256"] == hashlib.sha256(files[0].read_bytes()).hexdigest()
    assert "not for diagnosis" in told["purpose"] and told["processing"] == {"before": "z-score"}


def test_a_picture_stays_what_it_was(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", pnginfo=None)
    finished(export(Export(opened(tmp_path / "a.png")), tmp_path / "b.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "b.png")), pixels)


@pytest.mark.parametrize("name", [name for name, entry in WRITERS.entries.items() if not entry.reference])  # type: ignore[attr-defined]
@pytest.mark.trap("T22")
def test_a_full_disk_leaves_the_old_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ending = WRITERS.entries[name].suffixes[0]  # type: ignore[attr-defined]
    scan = opened(saved(tmp_path / "scan.nii", asymmetric((11, 13, 1)), np.diag([2.0, 1.0, 3.0, 1.0])))
    mask = like(scan, np.ones(scan.shape, np.uint8))
    path = tmp_path / f"out{ending}"
    path.write_bytes(b"old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match="disk is full"):
        finished(export(Export(mask), path))
    assert path.read_bytes() == b"old" and {one.name for one in tmp_path.iterdir()} == {"scan.nii", path.name}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written_to_is_said(tmp_path: Path) -> None:
    mask = ball()
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(Refused, match="permissions"):
        finished(export(Export(mask), tmp_path / "shut" / "a.stl"))


def test_a_missing_folder_and_an_unknown_ending_are_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="make the folder"):
        finished(export(Export(ball()), tmp_path / "gone" / "a.stl"))
    with pytest.raises(Refused, match=r"\.stl"):
        finished(export(Export(ball()), tmp_path / "a.xyz"))
    with pytest.raises(Refused, match="end the name with"):
        finished(export(Export(ball()), tmp_path / "a.nii", "stl"))
    with pytest.raises(Refused, match="no whole numbers"):
        finished(export(Export(volume(np.full((4, 4, 4), 0.5, np.float32))), tmp_path / "a.csv"))
    assert not list(tmp_path.iterdir())


@pytest.mark.trap("T22")
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_killed_while_writing_it_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.nii.gz"
    path.write_bytes(b"old")
    code = f"""
import numpy as np, sys, time
from pathlib import Path
from medviz.imaging.readers import nifti
from medviz.imaging.writers import export
from medviz.imaging.writers.writer import Export
from medviz.messages import finished
from tests.imaging.making import volume
blocks = nifti._blocks
def slow(*all):
    for number, block in enumerate(blocks(*all)):
        yield block
        if number == 3:
            print("half", flush=True)
            time.sleep(60)
nifti._blocks = slow
finished(export(Export(volume(np.zeros((40, 40, 40), np.int16))), Path({str(path)!r})))
"""
    running = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert running.stdout is not None and running.stdout.readline() == b"half\n"
    finally:
        running.kill()
        running.communicate()
    time.sleep(0.05)
    assert path.read_bytes() == b"old"
