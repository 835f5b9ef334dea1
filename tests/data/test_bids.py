"""BIDS: label maps, masks and shares; the scan of the same subject, session and space; what is missing is named."""

from pathlib import Path

import numpy as np
import pytest

from medviz.data.bids import Bids
from medviz.refused import Refused
from tests.data.laid import bids, nifti, scan
from tests.standard import a_sentence


def drawn(folder: Path, who: str, name: str, voxels: np.ndarray, pipeline: str = "seg") -> Path:
    return nifti(folder / "derivatives" / pipeline / who / "anat" / f"{who}_{name}.nii.gz", voxels)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Four subjects with a T1w and a T2w each, and no segmentation yet."""
    for number in range(4):
        image, _ = scan(number)
        for suffix in ("T1w", "T2w"):
            who = f"sub-{number}"
            nifti(tmp_path / who / "anat" / f"{who}_{suffix}.nii.gz", image + 100 * (suffix == "T2w"))
    return tmp_path


def test_shares_become_the_most_likely_class(raw: Path) -> None:
    for number in range(4):
        label = scan(number)[1]
        for name, share in (("GM", 0.9 * (label == 1) + 0.3 * (label == 2)), ("WM", 0.6 * (label == 2))):
            drawn(raw, f"sub-{number}", f"label-{name}_probseg", share.astype(np.float32))
    data = Bids(str(raw))
    assert data.classes == ("GM", "WM") and data.channels == 1
    pair = data.contents.pairs[0]
    assert np.array_equal(data.label_of(pair, data.scans_of(pair)[0]), scan(0)[1])


def test_masks_are_named_by_their_entities_and_two_suffixes_are_channels(raw: Path) -> None:
    for number in range(4):
        drawn(raw, f"sub-{number}", "desc-brain_mask", (scan(number)[1] > 0).astype(np.uint8))
    data = Bids(str(raw), scans="T1w, T2w")
    assert data.classes == ("brain",) and data.channels == 2
    assert data.validation(3)[0]["image"].shape[0] == 2
    assert [one.name.split("_", 1)[1] for one in data.contents.pairs[0].images] == ["T1w.nii.gz", "T2w.nii.gz"]


def test_the_scan_beside_a_segmentation_in_the_same_space_is_taken(raw: Path) -> None:
    for number in range(4):
        image, label = scan(number)
        drawn(raw, f"sub-{number}", "dseg", label)
        drawn(raw, f"sub-{number}", "space-MNI_T1w", image)
        drawn(raw, f"sub-{number}", "space-MNI_dseg", label)
    data = Bids(str(raw))
    assert len(data.contents.pairs) == 4, "the same brain in two spaces is one case"
    assert all("space-MNI" not in one.images[0].name for one in data.contents.pairs)
    assert data.classes == ("label 1", "label 2"), "without a table they are numbered"


def test_a_segmentation_without_a_scan_is_named(tmp_path: Path) -> None:
    folder = bids(tmp_path)
    next(folder.glob("sub-02/ses-1/anat/*_T1w.nii.gz")).unlink()
    with pytest.raises(Refused, match="there is no T1w of the same subject") as refusal:
        _ = Bids(str(folder)).classes
    a_sentence(refusal.value)
    assert len(Bids(str(folder), leave_out="sub-02_ses-1").contents.pairs) == 5


@pytest.mark.parametrize(("kind", "fault"), [("auto", "no segmentation"), ("probseg", "no _probseg file")])
def test_derivatives_without_segmentations_are_refused(raw: Path, kind: str, fault: str) -> None:
    (raw / "derivatives").mkdir()
    with pytest.raises(Refused, match=fault) as refusal:
        _ = Bids(str(raw), labels=kind).classes
    a_sentence(refusal.value)


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = bids(tmp_path)
    (folder / "derivatives" / "byhand" / "dseg.tsv").write_text("number\tname\n1\tcortex\n")
    with pytest.raises(Refused, match="no columns index and name"):
        _ = Bids(str(folder)).classes
