"""Labels lie where the organ is, on real scans: the liver's mean in HU falls as soon as any axis is flipped."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medviz.imaging.measure import label_table
from medviz.imaging.resample import onto
from medviz.imaging.volume import Volume
from tests.imaging.making import opened

LIVER = 5
PAIRS = {
    "DICOM series, labels in LAS": ("dicom/ct_abdomen_jpeg2000", "dicom/ct_abdomen_jpeg2000_seg.nii.gz", 89.3),
    "NIfTI": (
        "seg3d/totalsegmentator_ct/ct.nii.gz",
        "seg3d/totalsegmentator_ct/segmentation_multilabel.nii.gz",
        45.3,
    ),
}


def mean(image: Volume, inside: np.ndarray) -> float:
    return float(np.mean(image.frame()[inside] * image.slope + image.intercept))


@pytest.mark.trap("T1")
@pytest.mark.parametrize("which", list(PAIRS))
def test_the_liver_is_where_the_label_says(which: str, data: Path) -> None:
    scan, labels, expected = PAIRS[which]
    image = opened(data / scan)
    found = onto(opened(data / labels), image)
    inside = found.frame() == LIVER
    assert mean(image, inside) == pytest.approx(expected, abs=0.1)
    assert all(mean(image, np.flip(inside, axis)) < expected - 10 for axis in range(3))
    row = next(one for one in label_table(found, image) if one.value == LIVER)
    assert row.mean == pytest.approx(expected, abs=0.1)


@pytest.mark.trap("T6")
@pytest.mark.parametrize("flips", [(-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, -1, -1)])
def test_a_mask_stored_in_another_order_lands_on_the_same_organ(
    flips: tuple[int, int, int], data: Path, tmp_path: Path
) -> None:
    scan, labels, expected = PAIRS["NIfTI"]
    image, stored = opened(data / scan), nib.load(data / labels)
    turned = stored.as_reoriented(np.array([[2, flips[2]], [0, flips[0]], [1, flips[1]]]))
    nib.save(turned, tmp_path / "turned.nii.gz")
    again = onto(opened(tmp_path / "turned.nii.gz"), image)
    assert mean(image, again.frame() == LIVER) == pytest.approx(expected, abs=0.1)
