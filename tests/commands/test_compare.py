"""``medviz compare``: one pair or folders of pairs, as a person and a program read it."""

import csv
import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from medviz.__main__ import main

AFFINE = np.diag([0.5, 0.5, 6.0, 1.0])
PROMISED = {"dice", "iou", "hd95_mm", "assd_mm", "nsd", "volume_ml_prediction", "volume_ml_reference"}


def saved(path: Path, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


def cube(first: int, value: int = 1, shape: tuple[int, int, int] = (20, 20, 12)) -> np.ndarray:
    voxels = np.zeros(shape, np.uint8)
    voxels[first : first + 6, 4:10, 3:8] = value
    return voxels


def said(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    assert main(["compare", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["compare", *map(str, words), "--quiet"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.strip().splitlines()) == 1
    return captured.err.strip()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return saved(tmp_path / "found.nii.gz", cube(6)), saved(tmp_path / "meant.nii.gz", cube(4))


@pytest.mark.trap("T20")
def test_the_promised_numbers_are_those_worked_out_by_hand(
    capsys: pytest.CaptureFixture[str], pair: tuple[Path, Path]
) -> None:
    told = said(capsys, *pair, "--tolerance", 0.5)
    (row,) = told["labels"]
    assert set(row) > PROMISED and told["tolerance_mm"] == 0.5 and "face to face" in told["surface"]
    assert row["dice"] == pytest.approx(4 / 6) and row["iou"] == pytest.approx(4 / 8)
    assert row["hd95_mm"] == row["hd_mm"] == pytest.approx(1.0), "two voxels of half a millimetre"
    assert row["volume_ml_reference"] == row["volume_ml_prediction"] == pytest.approx(180 * 1.5 / 1000)
    assert row["worst"]["length_mm"] == pytest.approx(1.0) and row["error"]["volume_ml"] == pytest.approx(0.09)
    assert row["note"] == ""


def test_names_come_from_a_table_and_from_a_list(
    capsys: pytest.CaptureFixture[str], pair: tuple[Path, Path], tmp_path: Path
) -> None:
    table = tmp_path / "names.txt"
    table.write_text("1 Left-Hippocampus 220 216 20 0\n")
    assert said(capsys, *pair, "--labels", table)["labels"][0]["name"] == "Left-Hippocampus"
    assert said(capsys, *pair, "--labels", table, "--names", "hippocampus")["labels"][0]["name"] == "hippocampus"
    assert "no such file" in refused(capsys, *pair, "--labels", tmp_path / "gone.txt")


def test_a_table_is_written_for_a_spreadsheet(
    capsys: pytest.CaptureFixture[str], pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "numbers.csv"
    row = said(capsys, *pair, "--csv", out)["labels"][0]
    with out.open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert float(line["dice"]) == row["dice"] and float(line["hd95_mm"]) == row["hd95_mm"] and line["name"] == "label 1"
    assert "folder does not exist" in refused(capsys, *pair, "--csv", tmp_path / "gone" / "a.csv")


@pytest.mark.trap("T20")
def test_an_empty_case_is_null_with_a_sentence(
    capsys: pytest.CaptureFixture[str], pair: tuple[Path, Path], tmp_path: Path
) -> None:
    nothing = saved(tmp_path / "nothing.nii.gz", np.zeros((20, 20, 12), np.uint8))
    row = said(capsys, pair[0], nothing)["labels"][0]
    assert all(row[key] is None for key in PROMISED - {"volume_ml_prediction", "volume_ml_reference"})
    assert "no reference voxels" in row["note"] and row["volume_ml_reference"] == 0
    row = said(capsys, nothing, pair[1])["labels"][0]
    assert row["dice"] == 0 and row["hd95_mm"] is None and "no predicted voxels" in row["note"]
    assert said(capsys, nothing, nothing)["labels"] == []
    assert main(["compare", str(nothing), str(nothing)]) == 0
    assert "nothing to compare" in capsys.readouterr().out


@pytest.mark.trap("T6", "T7")
def test_another_grid_is_resampled_into_the_space_of_the_reference(
    capsys: pytest.CaptureFixture[str], pair: tuple[Path, Path], tmp_path: Path
) -> None:
    turned = np.ascontiguousarray(cube(6)[::-1, :, ::-1])
    affine = AFFINE @ np.diag([-1.0, 1, -1, 1])
    affine[:3, 3] = (19 * 0.5, 0, 11 * 6.0)
    told = said(capsys, saved(tmp_path / "turned.nii.gz", turned, affine), pair[1])
    assert told["labels"][0]["dice"] == pytest.approx(4 / 6) and told["note"] == ""
    finer = np.repeat(cube(6), 2, axis=2)
    affine = np.diag([0.5, 0.5, 3.0, 1.0])
    affine[2, 3] = -1.5
    told = said(capsys, saved(tmp_path / "finer.nii.gz", finer, affine), pair[1])
    assert told["labels"][0]["dice"] == pytest.approx(4 / 6) and "resampled" in told["note"]


def test_what_cannot_be_compared_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], pair: tuple[Path, Path], tmp_path: Path
) -> None:
    image = saved(tmp_path / "scan.nii.gz", np.random.default_rng(0).random((20, 20, 12)).astype(np.float32))
    assert "no whole numbers" in refused(capsys, image, pair[1])
    far = AFFINE.copy()
    far[0, 3] = 500
    assert "nowhere on it" in refused(capsys, saved(tmp_path / "far.nii.gz", cube(6), far), pair[1])
    series = saved(tmp_path / "series.nii.gz", np.zeros((20, 20, 12, 3), np.uint8))
    assert "3 frames" in refused(capsys, series, pair[1])
    assert "no distance" in refused(capsys, *pair, "--tolerance", -1)
    assert "no such file" in refused(capsys, tmp_path / "gone.nii.gz", pair[1])


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name, first in (("a", 4), ("b", 5), ("c", 9)):
        saved(tmp_path / "meant" / f"{name}.nii.gz", cube(4))
        saved(tmp_path / "found" / f"{name}.nii", cube(first))
    saved(tmp_path / "meant" / "lonely.nii.gz", cube(4))
    saved(tmp_path / "meant" / "d.nii.gz", cube(4))
    saved(tmp_path / "found" / "d.nii.gz", np.zeros((20, 20, 12), np.uint8))
    return tmp_path / "found", tmp_path / "meant"


def test_folders_of_pairs_get_mean_median_and_the_worst_case(
    capsys: pytest.CaptureFixture[str], folders: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "all.csv"
    told = said(capsys, *folders, "--csv", out)
    assert [one["name"] for one in told["cases"]] == ["a", "b", "c", "d"]
    (row,) = told["summary"]
    dices = [1.0, 5 / 6, 1 / 6, 0.0]
    assert row["dice"]["mean"] == pytest.approx(np.mean(dices)) and row["dice"]["median"] == pytest.approx(0.5)
    assert row["dice"]["worst"] == {"case": "d", "value": 0.0} and row["dice"]["n"] == 4
    assert row["hd95_mm"]["n"] == 3 and row["hd95_mm"]["worst"] == {"case": "c", "value": pytest.approx(2.5)}
    assert told["without_partner"] == [str(folders[1] / "lonely.nii.gz")]
    with out.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["case"] for line in lines] == ["a", "b", "c", "d"] and lines[3]["hd95_mm"] == ""
    assert main(["compare", *map(str, folders), "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "4 pairs" in text and "no predicted voxels" in text and "lonely" in text


def test_folders_without_a_pair_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    saved(tmp_path / "found" / "x.nii.gz", cube(4))
    saved(tmp_path / "meant" / "y.nii.gz", cube(4))
    assert "name the pairs alike" in refused(capsys, tmp_path / "found", tmp_path / "meant")


def test_real_pairs_are_compared(capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path) -> None:
    mask = data / "seg3d" / "pyradiomics_brain1" / "brain1_label.nrrd"
    (row,) = said(capsys, mask, mask)["labels"]
    assert row["dice"] == 1 and row["hd95_mm"] == 0 and row["volume_ml_reference"] == pytest.approx(16.41, abs=0.01)
    labels = data / "seg3d" / "totalsegmentator_ct"
    lung = next(labels.glob("segmentations/*lung*.nii.gz"))
    told = said(capsys, lung, labels / "segmentation_multilabel.nii.gz")["labels"]
    assert len(told) == 41 and all(row["dice"] == 0 or row["voxels_prediction"] for row in told)
