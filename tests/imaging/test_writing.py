"""What is written lies where it lay, byte for byte, whole or not at all, and carries no name of a patient."""

import errno
import gzip
import io
import os
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medviz.imaging.readers import write
from medviz.imaging.storage import replacing
from medviz.imaging.volume import like
from medviz.refused import Refused
from tests.imaging.making import NAMES, ORDERS, STRONGLY_OBLIQUE, asymmetric, opened, reordered, saved, volume

AFFINE = np.array([[-2.0, 0.1, 0, 20.0], [0.1, 0, 3.0, -30.0], [0, -1.5, 0, 12.0], [0, 0, 0, 1.0]])
PLACING = (
    "pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z",
    "srow_x", "srow_y", "srow_z", "xyzt_units",
)  # fmt: skip


def raw(path: Path) -> bytes:
    whole = path.read_bytes()
    return gzip.decompress(whole) if whole[:2] == b"\x1f\x8b" else whole


def placing_bytes(path: Path) -> list[bytes]:
    header = nib.Nifti1Header.from_fileobj(io.BytesIO(raw(path)), check=False)
    return [header[name].tobytes() for name in PLACING]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64", "int64"])
def test_a_scan_written_back_is_the_same_file(dtype: str, suffix: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.nii", np.abs(asymmetric()).astype(dtype), AFFINE, descrip=b"kept", cal_max=7)
    write(opened(path), tmp_path / f"again{suffix}")
    assert raw(tmp_path / f"again{suffix}") == path.read_bytes()


def test_a_big_endian_series_with_extensions_and_scaling_is_written_back_as_it_was(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.stack([asymmetric(), asymmetric() + 1], axis=3), AFFINE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"from the scanner"))
    big = nib.Nifti1Image(np.asarray(image.dataobj), AFFINE, header=image.header.as_byteswapped(">"))
    big.header.set_slope_inter(0.5, -7.0)
    big.header.extensions.extend(image.header.extensions)
    nib.save(big, tmp_path / "scan.nii")
    write(opened(tmp_path / "scan.nii"), tmp_path / "again.nii")
    assert (tmp_path / "again.nii").read_bytes() == (tmp_path / "scan.nii").read_bytes()


@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_are_written_back_in_their_own(version: int, tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.nii", asymmetric(), STRONGLY_OBLIQUE, version=version)
    write(opened(path), tmp_path / "again.nii")
    assert (tmp_path / "again.nii").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("names", ["RGB", "RGBA"])
def test_colour_is_written_back_as_it_was(names: str, tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (5, 6, 7, len(names)), np.uint8)
    packed = np.ascontiguousarray(colour).view([(name, "u1") for name in names])[..., 0]
    nib.save(nib.Nifti1Image(packed, AFFINE), tmp_path / "colour.nii")
    write(opened(tmp_path / "colour.nii"), tmp_path / "again.nii")
    assert (tmp_path / "again.nii").read_bytes() == (tmp_path / "colour.nii").read_bytes()


def test_a_pair_is_written_as_one_file_in_the_same_place(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(asymmetric(), AFFINE), tmp_path / "pair.img")
    write(opened(tmp_path / "pair.img"), tmp_path / "one.nii.gz")
    again = nib.load(tmp_path / "one.nii.gz")
    assert np.array_equal(np.asarray(again.dataobj), asymmetric()) and np.allclose(again.affine, AFFINE)
    assert placing_bytes(tmp_path / "one.nii.gz") == [
        nib.load(tmp_path / "pair.hdr").header[name].tobytes() for name in PLACING
    ]


@pytest.mark.trap("T1", "T5", "T7")
@pytest.mark.parametrize("order", ORDERS, ids=NAMES)
def test_labels_on_a_scans_grid_fit_it_voxel_for_voxel_in_any_program(order: np.ndarray, tmp_path: Path) -> None:
    stored, moved = reordered(asymmetric(), AFFINE, order)
    scan_path = saved(tmp_path / "scan.nii", stored, moved, slope=2.0, inter=-5.0, version=1)
    scan = opened(scan_path)
    labels = (scan.frame() > 200).astype(np.uint8) + (scan.frame() > 700)
    write(like(scan, labels, "labels"), tmp_path / "labels.nii.gz")
    image = nib.load(tmp_path / "labels.nii.gz")
    assert np.array_equal(np.asarray(image.dataobj), (stored > 200).astype(np.uint8) + (stored > 700))
    assert image.get_data_dtype() == np.uint8 and image.shape == stored.shape
    assert placing_bytes(tmp_path / "labels.nii.gz") == placing_bytes(scan_path)


@pytest.mark.trap("T24")
def test_labels_carry_nothing_of_the_scan_but_its_place(tmp_path: Path) -> None:
    image = nib.Nifti1Image(asymmetric(), AFFINE)
    for name in ("descrip", "aux_file", "db_name", "intent_name"):
        image.header[name] = b"MUELLER^ANNA"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"MUELLER^ANNA"))
    nib.save(image, tmp_path / "scan.nii")
    scan = opened(tmp_path / "scan.nii")
    write(like(scan, np.zeros(scan.shape, np.uint8)), tmp_path / "labels.nii")
    assert b"MUELLER" in (tmp_path / "scan.nii").read_bytes()
    assert b"MUELLER" not in (tmp_path / "labels.nii").read_bytes()


def test_frames_of_a_series_get_labels_of_three_axes(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.stack([asymmetric()] * 3, axis=3), AFFINE), tmp_path / "series.nii")
    scan = opened(tmp_path / "series.nii")
    write(like(scan, np.ones(scan.shape, bool)), tmp_path / "mask.nii")
    mask = nib.load(tmp_path / "mask.nii")
    assert mask.shape == (11, 13, 9) and mask.get_data_dtype() == np.uint8 and np.asarray(mask.dataobj).all()
    write(like(scan, np.zeros((2, *scan.shape), np.float16), kind="frames"), tmp_path / "maps.nii")
    maps = nib.load(tmp_path / "maps.nii")
    assert maps.shape == (11, 13, 9, 2) and maps.get_data_dtype() == np.float32


def test_a_scaled_map_is_read_back_as_it_was_meant(tmp_path: Path) -> None:
    scan = opened(saved(tmp_path / "scan.nii", asymmetric(), AFFINE))
    shares = np.arange(scan.voxels.size, dtype=np.uint16).reshape(scan.shape)
    write(like(scan, shares, slope=1 / 4096, intercept=0.5), tmp_path / "map.nii")
    again = opened(tmp_path / "map.nii")
    assert np.array_equal(again.frame(), shares) and (again.slope, again.intercept) == (1 / 4096, 0.5)


@pytest.mark.parametrize("affine", [AFFINE, np.diag([1.0, 2.0, 3.0, 1.0])], ids=["sheared", "straight"])
def test_a_volume_from_elsewhere_gets_a_header_of_its_own(affine: np.ndarray, tmp_path: Path) -> None:
    write(volume(asymmetric(), affine), tmp_path / "scan.nii.gz")
    image = nib.load(tmp_path / "scan.nii.gz")
    assert np.allclose(image.affine, affine, atol=1e-5) and image.header.get_xyzt_units()[0] == "mm"
    again = opened(tmp_path / "scan.nii.gz")
    placed = volume(asymmetric(), affine)
    for voxel in ((0, 0, 0), (3, 7, 2), (10, 12, 8)):
        assert again.value_at(placed.to_mm(voxel)) == asymmetric()[voxel]
    assert not [warning for warning in again.warnings if "sheared" not in warning]


def test_a_part_cut_out_of_a_scan_is_written_where_it_lies(tmp_path: Path) -> None:
    scan = opened(saved(tmp_path / "scan.nii", asymmetric(), AFFINE))
    moved = scan.affine.copy()
    moved[:3, 3] = scan.to_mm((2, 3, 1))
    write(replace(scan, voxels=scan.voxels[:, 2:8, 3:9, 1:5], affine=moved), tmp_path / "part.nii")
    part = opened(tmp_path / "part.nii")
    assert np.array_equal(part.voxels, scan.voxels[:, 2:8, 3:9, 1:5]) and np.allclose(part.affine, moved, atol=1e-4)


def test_more_voxels_along_an_axis_than_version_1_can_say_are_written_as_version_2(tmp_path: Path) -> None:
    write(volume(np.zeros((40_000, 1, 1), np.uint8)), tmp_path / "long.nii")
    assert isinstance(nib.load(tmp_path / "long.nii"), nib.Nifti2Image)
    assert opened(tmp_path / "long.nii").shape == (40_000, 1, 1)


@pytest.mark.trap("T6")
def test_labels_on_another_grid_are_not_written_as_if_they_fitted(tmp_path: Path) -> None:
    scan = opened(saved(tmp_path / "scan.nii", asymmetric(), AFFINE))
    elsewhere = volume(np.zeros(scan.shape, np.uint8), scan.affine + np.eye(4) * 0.5)
    with pytest.raises(Refused, match="grid"):
        write(elsewhere, tmp_path / "labels.nii.gz", like=scan)
    write(volume(np.zeros(scan.shape, np.uint8), scan.affine), tmp_path / "labels.nii.gz", like=scan)
    assert placing_bytes(tmp_path / "labels.nii.gz") == placing_bytes(tmp_path / "scan.nii")


def test_voxels_that_do_not_fill_the_grid_are_no_volume_on_it() -> None:
    with pytest.raises(ValueError, match="fill"):
        like(volume(asymmetric()), np.zeros((3, 3, 3)))


def test_only_endings_that_can_be_written_are(tmp_path: Path) -> None:
    for name in ("scan.xyz", "scan", "scan.hdr"):
        with pytest.raises(Refused):
            write(volume(asymmetric()), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.trap("T22")
@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "may not"), (errno.EROFS, "cannot be written")]
)
@pytest.mark.parametrize("name", ["labels.nii.gz", "labels.nii", "labels.npy", "flat.png"])
def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(
    name: str, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(b"what stood here before")

    def fails(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fails)
    flat = volume(np.zeros((4, 5, 1), np.uint8))
    with pytest.raises(Refused, match=words):
        write(flat, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"what stood here before"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_one_may_not_write_to_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(Refused, match="may not"):
            write(volume(asymmetric()), tmp_path / "scan.nii.gz")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no such file or folder"):
        write(volume(asymmetric()), tmp_path / "gone" / "scan.nii.gz")


@pytest.mark.skipif(os.name != "posix", reason="no such limit on this system")
def test_a_disk_that_fills_up_half_way_leaves_nothing(tmp_path: Path) -> None:
    import resource
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(Refused, match="nothing was written"):
            write(volume(np.zeros((100, 100, 100), np.int16)), tmp_path / "scan.nii")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert list(tmp_path.iterdir()) == []


def test_what_breaks_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "kept.txt") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert (tmp_path / "kept.txt").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("old")
    with replacing(tmp_path / "kept.txt") as file:
        file.write(b"new")
        assert (tmp_path / "kept.txt").read_text() == "old"
    assert (tmp_path / "kept.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
