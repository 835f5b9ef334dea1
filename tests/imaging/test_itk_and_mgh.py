"""NRRD, MetaImage and MGH lie where their own libraries put them, and go back in their own order."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from medviz.imaging.readers import describe, write
from medviz.imaging.volume import like
from medviz.refused import Refused
from tests.imaging.making import asymmetric, opened, rotation, volume

ANGLES = (0.2, -0.3, 0.4)


def itk_file(path: Path, array: np.ndarray, turn: np.ndarray | None = None, vector: bool = False) -> "SimpleITK.Image":
    """Write (x, y, z[, component]) by SimpleITK alone."""
    image = SimpleITK.GetImageFromArray(array.transpose(2, 1, 0, *range(3, array.ndim)), isVector=vector)
    image.SetSpacing((0.7, 1.3, 4.0))
    image.SetOrigin((5.0, -6.0, 7.0))
    image.SetDirection((np.eye(3) if turn is None else turn).ravel().tolist())
    SimpleITK.WriteImage(image, str(path))
    return image


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".mhd"])
@pytest.mark.trap("T1")
def test_voxels_lie_where_itk_puts_them(tmp_path: Path, ending: str) -> None:
    array, path = asymmetric(), tmp_path / f"scan{ending}"
    image = itk_file(path, array, rotation(ANGLES))
    scan = opened(path)
    assert scan.voxels.dtype == np.int16
    for index in ((0, 0, 0), (10, 3, 8), (4, 12, 2)):
        lps = np.array(image.TransformIndexToPhysicalPoint(index))
        assert scan.value_at(lps * (-1, -1, 1)) == array[index]
    told = describe(path)
    assert told["shape"] == [11, 13, 9] and told["spacing_mm"] == pytest.approx([0.7, 1.3, 4.0])


def test_vectors_become_frames_and_bytes_of_three_a_picture_in_colour(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 5, 6, 7)).astype(np.float32)
    itk_file(tmp_path / "dwi.nrrd", values, vector=True)
    scan = opened(tmp_path / "dwi.nrrd")
    assert scan.kind == "frames" and scan.frames == 7
    assert scan.value_at(scan.to_mm((0, 0, 0)), 3) in values[..., 3]
    itk_file(tmp_path / "rgb.mha", rng.integers(0, 255, (4, 5, 6, 3)).astype(np.uint8), vector=True)
    assert opened(tmp_path / "rgb.mha").kind == "colour"


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_what_is_written_is_read_back(tmp_path: Path, ending: str) -> None:
    itk_file(tmp_path / "scan.nrrd", asymmetric(), rotation(ANGLES))
    scan = opened(tmp_path / "scan.nrrd")
    labels = like(scan, (scan.frame() > 0).astype(np.uint8), "labels")
    out = tmp_path / f"labels{ending}"
    write(labels, out)
    again = opened(out)
    assert again.same_grid(scan) and again.stored.axes == scan.stored.axes
    np.testing.assert_array_equal(again.frame(), labels.frame())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({"scan.nrrd", out.name})


@pytest.mark.trap("T5")
def test_sheared_axes_are_refused_by_formats_that_cannot_hold_them(tmp_path: Path) -> None:
    sheared = np.eye(4)
    sheared[0, 2] = 0.4
    with pytest.raises(Refused, match="sheared"):
        write(volume(asymmetric(), sheared), tmp_path / "a.nrrd")
    assert not list(tmp_path.iterdir())


@pytest.mark.trap("T25")
@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"scan{ending}"
    itk_file(path, asymmetric())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Refused, match="damaged or cut off"):
        opened(path)


def test_a_header_of_more_than_memory_is_refused_before_anything_is_taken(tmp_path: Path) -> None:
    head = "NRRD0004\ntype: float\ndimension: 3\nspace: left-posterior-superior\nsizes: 90000 90000 90000\n"
    head += "space directions: (1,0,0) (0,1,0) (0,0,1)\nkinds: domain domain domain\nendian: little\nencoding: raw\n\n"
    (tmp_path / "huge.nrrd").write_text(head)
    with pytest.raises(Refused):
        opened(tmp_path / "huge.nrrd")


@pytest.mark.parametrize("ending", [".mgh", ".mgz"])
def test_mgh_lies_where_nibabel_puts_it(tmp_path: Path, ending: str) -> None:
    affine = np.array([[-1.0, 0, 0, 20], [0, 0, 2.0, -30], [0, -1.5, 0, 40], [0, 0, 0, 1]])
    array = asymmetric().astype(np.float32)
    nib.save(nib.MGHImage(array, affine), tmp_path / f"orig{ending}")
    scan = opened(tmp_path / f"orig{ending}")
    assert scan.voxels.dtype == np.float32 and scan.voxels.dtype.isnative and scan.stored.axes == "LIA"
    for index in ((0, 0, 0), (10, 3, 8)):
        assert scan.value_at((affine @ (*index, 1))[:3]) == array[index]
    assert describe(tmp_path / f"orig{ending}")["axes"] == "LIA"


@pytest.mark.data
def test_the_real_tumour_lies_on_the_real_brain(data: Path) -> None:
    scan = opened(data / "seg3d" / "pyradiomics_brain1" / "brain1_image.nrrd")
    mask = opened(data / "seg3d" / "pyradiomics_brain1" / "brain1_label.nrrd")
    assert scan.same_grid(mask) and scan.voxels.dtype == np.int16 and int((mask.frame() > 0).sum()) == 4137
    assert scan.spacing_mm == pytest.approx((0.78125, 0.78125, 6.5))
    mha = opened(data / "volumes" / "mha.mha")
    assert mha.shape == (64, 64, 37)
