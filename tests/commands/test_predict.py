"""``medviz predict``: one scan, a folder of them, stopped and gone on with; foreign models; nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from medviz.__main__ import main
from medviz.commands import predict as command
from medviz.commands.cases import cases, shard
from medviz.refused import Refused
from tests.training import foreign

SET = ("--set", "scale=none", "--set", "labels=one,two")


@pytest.fixture(autouse=True)
def no_cards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDVIZ_MODELS", str(tmp_path / "cards"))
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return foreign.torchscript(tmp_path / "net.pt", foreign.network())


def scan_at(path: Path, seed: int = 0, side: int = 14) -> Path:
    """An oblique LPS scan."""
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.random.default_rng(seed).normal(0, 1, (side, side + 2, side - 4)).astype(np.float32)
    affine = np.array([[-2, 0.1, 0, 20], [0.1, -2, 0, 10], [0, 0, 3, -5], [0, 0, 0, 1.0]])
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        scan_at(tmp_path / "scans" / f"case{number}.nii.gz", number)
    return tmp_path / "scans"


def said(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    assert main(["predict", *map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_foreign_model_labels_a_scan_and_its_card_travels_along(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path
) -> None:
    scan = scan_at(tmp_path / "scan.nii.gz")
    told = said(capsys, scan, "--model", model, "--out", tmp_path / "found.nii.gz", *SET)
    assert [one["name"] for one in told["labels"]] == ["one", "two"]
    assert told["model"]["name"] == "net" and len(told["model"]["sha256"]) == 64 and told["seconds"] > 0
    found, stored = nib.load(tmp_path / "found.nii.gz"), nib.load(scan)
    assert found.shape == stored.shape
    np.testing.assert_array_equal(found.affine, stored.affine)
    card = json.loads((tmp_path / "found.card.json").read_text())
    assert card["model"]["sha256"] == told["model"]["sha256"] and "licence" in card["model"]["unknown"]
    assert card["doubts"] == told["doubts"]
    assert {one["what"] for one in card["gauge"]} == {"spacing", "orientation", "intensity"}
    assert "found.nii.gz" in card["files"] and str(tmp_path) not in json.dumps(card), "no path of this machine"
    ml = abs(np.linalg.det(found.affine[:3, :3])) / 1000
    assert told["labels"][0]["volume_ml"] == pytest.approx(told["labels"][0]["voxels"] * ml)


def test_a_scan_unlike_the_training_data_is_told_and_written_into_the_card(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A CT under a model for T1-weighted heads."""
    voxels = np.random.default_rng(0).normal(40, 60, (24, 24, 4)).astype(np.int16)
    voxels[:6] = -1000
    nib.save(nib.Nifti1Image(voxels, np.diag([1, 1, 1, 1.0])), tmp_path / "ct.nii.gz")
    words = ["predict", str(tmp_path / "ct.nii.gz"), "--model", "mni152_tissue", "--out", str(tmp_path / "a.nii.gz")]
    assert main(words) == 0
    assert "warning: modality: CT, trained on T1-weighted MRI" in capsys.readouterr().err
    assert any("T1-weighted" in one for one in json.loads((tmp_path / "a.card.json").read_text())["doubts"])


def test_what_a_model_does_not_say_is_asked_for_in_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path
) -> None:
    scan = scan_at(tmp_path / "scan.nii.gz")
    assert main(["predict", str(scan), "--model", str(model), "--out", str(tmp_path / "a.nii.gz")]) == 2
    assert "--set spacing=1,1,1" in capsys.readouterr().err
    words = ["predict", str(scan), "--model", "mni152_tissue", "--out", str(tmp_path / "a.nii.gz"), *SET]
    assert main(words) == 2 and "knows what input it needs" in capsys.readouterr().err
    words = ["predict", str(scan), "--model", str(model), "--out", str(tmp_path / "a.nii.gz"), "--set", "axes=XYZ"]
    assert main(words) == 2 and "three directions" in capsys.readouterr().err
    assert main(["predict", str(scan), "--model", str(model)]) == 2
    assert "where to write" in capsys.readouterr().err
    assert not (tmp_path / "a.nii.gz").exists()


@pytest.mark.trap("T27")
def test_an_estimate_runs_nothing_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path
) -> None:
    scan = scan_at(tmp_path / "scan.nii.gz")
    before = set(tmp_path.rglob("*"))
    told = said(capsys, scan, "--model", model, "--estimate", *SET)
    assert told["seconds"] > 0 and told["memory_bytes"] > 0 and told["fits"] and told["tiles"] == 1
    assert set(tmp_path.rglob("*")) == before
    assert main(["predict", str(scan), "--model", str(model), "--estimate", *SET]) == 0
    assert capsys.readouterr().out.startswith("about 1 s on the ")


def test_a_folder_is_gone_on_with_where_it_stopped(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path, model: Path
) -> None:
    out = tmp_path / "out"
    (folder / "notes.txt").write_text("no scan")
    told = said(capsys, folder, "--model", model, "--out", out, "--probabilities", tmp_path / "shares", *SET)
    names = [f"case{number}" for number in range(4)]
    assert [Path(one["out"]).name for one in told["cases"]] == [f"{name}.nii.gz" for name in names]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [f"{name}.nii.gz" for name in names] + [f"{name}.card.json" for name in names]
    )
    assert nib.load(tmp_path / "shares" / "case0.nii.gz").shape[3] == 3
    (out / "case2.card.json").unlink()  # as if it had been stopped just before
    stamp = (out / "case1.nii.gz").stat().st_mtime_ns
    again = said(capsys, folder, "--model", model, "--out", out, *SET)
    assert [Path(one["scan"]).name for one in again["cases"]] == ["case2.nii.gz"] and again["skipped"] == 3
    assert (out / "case1.nii.gz").stat().st_mtime_ns == stamp
    other = foreign.torchscript(tmp_path / "other.pt", foreign.network(classes=3))
    data = other.read_bytes()
    other.write_bytes(data)
    assert len(said(capsys, folder, "--model", model, "--out", out, "--again", *SET)["cases"]) == 4


def test_one_bad_scan_does_not_stop_the_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path, model: Path
) -> None:
    (folder / "case1.nii.gz").write_bytes(b"this is no scan")
    told = said(capsys, folder, "--model", model, "--out", tmp_path / "out", *SET, code=2)
    assert len(told["cases"]) == 3
    (failed,) = told["failed"]
    assert failed["scan"].endswith("case1.nii.gz") and failed["refused"]
    assert main(["predict", str(folder), "--model", str(model), "--out", str(tmp_path / "out"), "--quiet", *SET]) == 2
    assert "3 were done before, 1 refused" in capsys.readouterr().out


def test_processes_share_a_folder_and_none_is_done_twice(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cases(folder, tmp_path / "out", None)
    assert found is not None
    shares = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "3")
        shares.append(shard(found))
    assert sorted(case.scan.name for share in shares for case in share) == [case.scan.name for case in found]
    monkeypatch.setenv("RANK", "3")
    with pytest.raises(Refused, match="no such process"):
        shard(found)


def test_results_are_not_written_among_the_scans(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="among the scans"):
        cases(folder, folder, None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="no scan"):
        cases(tmp_path / "empty", tmp_path / "out", None)
    assert cases(folder, tmp_path / "labels.nii.gz", None) is None, "a file name: the folder is one scan"


def test_scans_of_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    scan_at(tmp_path / "s" / "a.nii.gz")
    scan_at(tmp_path / "s" / "a.nii")
    found = cases(tmp_path / "s", tmp_path / "out", None)
    assert found is not None and len({case.out for case in found}) == 2


def test_interrupted_it_leaves_nothing_half_written(
    tmp_path: Path, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while the second scan is being labelled: the first is whole, of the second there is nothing."""
    real, seen = command.predicted, []

    def stopping(*given: Any) -> Any:
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return (yield from real(*given))

    monkeypatch.setattr(command, "predicted", stopping)
    out = tmp_path / "out"
    assert main(["predict", str(folder), "--model", str(model), "--out", str(out), "--quiet", *SET]) == 130
    assert sorted(path.name for path in out.iterdir()) == ["case0.card.json", "case0.nii.gz"]


def test_a_real_interrupt_ends_it_at_once_with_130(tmp_path: Path, root: Path) -> None:
    """The network sleeps in the middle of its tile, as a large one computes; Ctrl-C does not wait for it."""
    marker = tmp_path / "computing"
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background is born deaf to it
        "from pathlib import Path\n"
        "from medviz.networks.unet import UNet\n"
        "from medviz.training.using import running\n"
        "running.memory_bytes = lambda made, window: 0\n"
        f"UNet.forward = lambda self, x: (Path({str(marker)!r}).touch(), time.sleep(60))\n"
        "from medviz.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    scan, out = scan_at(tmp_path / "scan.nii.gz"), tmp_path / "a.nii.gz"
    words = [sys.executable, "-c", code, "predict", str(scan), "--model", "mni152_tissue", "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(words, cwd=root, stderr=subprocess.PIPE, text=True, env=environment)
    until_s = time.monotonic() + 60
    while not marker.exists() and process.poll() is None and time.monotonic() < until_s:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    began_s = time.monotonic()
    _, told = process.communicate(timeout=20)
    assert marker.exists(), told
    assert process.returncode == 130 and "interrupted" in told and "Traceback" not in told
    assert time.monotonic() - began_s < 5
    assert not out.exists() and not list(tmp_path.glob(".*part*"))
