"""The command line as a person and a program use it: one sentence for a refusal, promised keys in JSON."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from medviz.__main__ import main
from medviz.commands import COMMANDS

AFFINE = np.diag([2.0, 1.0, 3.0, 1.0])


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """An LPS volume whose voxels all differ; (x, y, z) of RAS mm can be told from the value."""
    voxels = np.arange(12 * 10 * 8, dtype=np.int16).reshape(12, 10, 8)
    affine = AFFINE @ np.diag([-1, -1, 1, 1])
    affine[:3, 3] = (22, 9, 0)
    path = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


@pytest.fixture
def labels(tmp_path: Path, scan: Path) -> Path:
    image = nib.load(scan)
    voxels = np.zeros(image.shape, np.uint8)
    voxels[2:6, 2:6, 2:6] = 1
    voxels[7:10, 5:9, 3:7] = 2
    path = tmp_path / "labels.nii.gz"
    nib.save(nib.Nifti1Image(voxels, image.affine), path)
    return path


def said(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    """Run a command that must succeed and return its JSON."""
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command that must be refused and return its sentence."""
    assert main([*map(str, words)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("medviz: ") and lines[0].endswith(".")
    return lines[0]


def test_info_tells_the_promised_keys(capsys: pytest.CaptureFixture[str], scan: Path) -> None:
    told = said(capsys, "info", scan)
    assert {"path", "format", "series", "shape", "axes", "spacing_mm", "affine", "dtype", "frames", "warnings"} <= set(
        told
    )
    assert told["shape"] == [12, 10, 8] and told["axes"] == "LPS" and told["spacing_mm"] == [2.0, 1.0, 3.0]
    assert told["dtype"] == "int16" and told["affine"][0] == [-2.0, 0.0, 0.0, 22.0]


@pytest.mark.trap("T1", "T2")
def test_render_shows_the_slice_through_the_point(
    capsys: pytest.CaptureFixture[str], scan: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.png"
    told = said(capsys, "render", scan, "--plane", "axial", "--at=6,2,9", "--out", out)
    assert told["letters"] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    stored = nib.load(scan)
    i, j, k = np.rint(np.linalg.inv(stored.affine) @ (6, 2, 9, 1)).astype(int)[:3]
    assert told["value"] == np.asarray(stored.dataobj)[i, j, k]
    pixels = np.asarray(Image.open(out))
    assert pixels.shape[:2] == (10, 24) and told["mm_per_pixel"] == pytest.approx(1.0)
    mirrored = said(capsys, "render", scan, "--at=6,2,9", "--out", out, "--neurological")
    assert mirrored["letters"]["left"] == "L" and mirrored["value"] == told["value"]
    np.testing.assert_array_equal(np.asarray(Image.open(out))[:, ::-1], pixels)


def test_render_paints_labels_in_their_place(
    capsys: pytest.CaptureFixture[str], scan: Path, labels: Path, tmp_path: Path
) -> None:
    plain, painted = tmp_path / "a.png", tmp_path / "b.png"
    said(capsys, "render", scan, "--out", plain)
    said(capsys, "render", scan, "--overlay", labels, "--out", painted, "--size", 24)
    coloured = np.ptp(np.asarray(Image.open(painted)).astype(int), axis=2) > 8
    assert not (np.ptp(np.asarray(Image.open(plain)).astype(int), axis=2) > 0).any() and coloured.any()
    middle = (
        np.asarray(nib.load(labels).dataobj)[:, :, 3] > 0
    )  # z = 9 mm; LPS rows and columns face the screen as stored
    np.testing.assert_array_equal(coloured[:, ::2], middle.T)


def test_convert_keeps_the_affine_and_the_voxels(
    capsys: pytest.CaptureFixture[str], scan: Path, tmp_path: Path
) -> None:
    told = said(capsys, "convert", scan, tmp_path / "b.nii")
    one, other = nib.load(scan), nib.load(tmp_path / "b.nii")
    np.testing.assert_array_equal(np.asarray(one.dataobj), np.asarray(other.dataobj))
    np.testing.assert_array_equal(one.affine, other.affine)
    assert told["shape"] == [12, 10, 8]


def test_compare_of_a_map_with_itself_is_perfect(capsys: pytest.CaptureFixture[str], labels: Path) -> None:
    told = said(capsys, "compare", labels, labels, "--names", "ball,box")["labels"]
    assert [row["name"] for row in told] == ["ball", "box"]
    for row in told:
        assert row["dice"] == row["iou"] == row["nsd"] == 1.0 and row["hd95_mm"] == row["assd_mm"] == 0.0
    assert told[0]["volume_ml_reference"] == pytest.approx(64 * 6 / 1000)


@pytest.mark.trap("T20")
def test_compare_spells_out_an_empty_case(capsys: pytest.CaptureFixture[str], labels: Path, tmp_path: Path) -> None:
    image = nib.load(labels)
    half = np.asarray(image.dataobj).copy()
    half[half == 2] = 0
    nib.save(nib.Nifti1Image(half, image.affine), tmp_path / "half.nii.gz")
    told = said(capsys, "compare", labels, tmp_path / "half.nii.gz")["labels"]
    assert told[1]["dice"] is None and "no reference voxels" in told[1]["note"]


def test_a_lab_reproduces_an_example_without_a_window(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    told = said(capsys, "lab", "convolution", "--example", "CONV-1", "--out", tmp_path / "figures")
    assert told["figures"]["output"]["values"] == [[6, -9, -8], [-3, -2, -3], [-3, 0, -2]]
    assert told["expect"] and all(one["ok"] for one in told["expect"])
    np.testing.assert_array_equal(np.load(tmp_path / "figures" / "output.npy")[0], [6, -9, -8])
    assert (tmp_path / "figures" / "output.png").is_file()


def test_a_lab_works_on_a_slice_of_a_scan(capsys: pytest.CaptureFixture[str], scan: Path) -> None:
    told = said(capsys, "lab", "convolution", "--on", scan, "--at=6,2,9", "--set", "preset=identity", "--step", 3)
    assert told["figures"]["output"]["shape"] == [8, 10]


@pytest.mark.parametrize("what", ["labs", "tasks", "networks", "datasets", "models", "readers"])
def test_list_tells_what_there_is(capsys: pytest.CaptureFixture[str], what: str) -> None:
    told = said(capsys, "list", what)[what]
    assert told and all(one["name"] for one in told)
    if what in ("labs", "tasks", "networks"):
        assert all(one["parameters"] for one in told)


def test_train_writes_a_run_that_predict_takes(capsys: pytest.CaptureFixture[str], tmp_path: Path, scan: Path) -> None:
    run = tmp_path / "run"
    words = ["train", "segmentation", "--data", "phantoms", "--out", str(run), "--json"]
    for text in ("steps=4", "epochs=1", "batch=2", "patch=32", "network.width=4", "network.depth=2"):
        words += ["--set", text]
    assert main(words) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = {line["message"] for line in lines}
    assert {"scalar", "progress", "figure", "end"} <= kinds and lines[-1]["message"] == "end"
    assert lines[-1]["best"] is not None and lines[-1]["seconds"] > 0
    out = tmp_path / "found.nii.gz"
    told = said(capsys, "predict", scan, "--model", run, "--out", out, "--probabilities", tmp_path / "p.nii.gz")
    assert [one["name"] for one in told["labels"]] == ["ball", "box", "shell"] and told["model"]["sha256"]
    found, stored = nib.load(out), nib.load(scan)
    np.testing.assert_array_equal(found.affine, stored.affine)
    assert found.shape == stored.shape
    assert sum(one["voxels"] for one in told["labels"]) == np.count_nonzero(np.asarray(found.dataobj))
    shares = np.asarray(nib.load(tmp_path / "p.nii.gz").dataobj)
    np.testing.assert_allclose(shares.sum(axis=-1), 1.0, atol=1e-4)
    assert main(["train", "--resume", str(run), "--quiet"]) == 0


def test_a_dry_run_writes_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    told = said(
        capsys, "train", "segmentation", "--data", "phantoms", "--dry-run", "--set", "patch=32", "--out", tmp_path / "x"
    )
    assert told["parameters"] > 0 and told["seconds"] > 0 and not (tmp_path / "x").exists()


def test_what_cannot_be_used_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], scan: Path, tmp_path: Path
) -> None:
    text = tmp_path / "notes.nii.gz"
    text.write_text("hello")
    assert "no such file" in refused(capsys, "info", tmp_path / "gone.nii")
    refused(capsys, "info", text)
    assert "outside" in refused(capsys, "render", scan, "--at=500,0,0", "--out", tmp_path / "a.png")
    assert "three numbers" in refused(capsys, "render", scan, "--at=5,0", "--out", tmp_path / "a.png")
    assert "no such parameter" in refused(capsys, "train", "segmentation", "--set", "epoch=3", "--out", tmp_path / "r")
    assert "out of range" in refused(capsys, "train", "segmentation", "--set", "epochs=0", "--out", tmp_path / "r")
    assert "no such model" in refused(capsys, "predict", scan, "--model", "nope", "--out", tmp_path / "a.nii.gz")
    assert "no such lab" in refused(capsys, "lab", "nope")
    assert "no such example" in refused(capsys, "lab", "convolution", "--example", "CONV-99")
    assert {path.name for path in tmp_path.iterdir()} == {"scan.nii.gz", "notes.nii.gz"}


def test_bad_arguments_are_one_sentence_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["render"])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "screenshot"])
def test_every_command_helps_with_an_example(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0 and f"medviz {name}" in told.split("\nexample:")[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_every_command(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in COMMANDS) and "probabilities" in told


def test_a_process_that_trains_knows_no_qt(tmp_path: Path) -> None:
    code = (
        "import sys; from medviz.__main__ import main; "
        "code = main(['train', 'segmentation', '--data', 'phantoms', '--dry-run', '--set', 'patch=32']); "
        "assert not [m for m in sys.modules if m.startswith(('PySide6', 'pyqtgraph'))]; sys.exit(code)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
