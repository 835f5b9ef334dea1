"""``medviz train`` on a terminal and for programs: what it prints, where it stops, what it leaves."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from medviz.__main__ import main
from medviz.commands import taught
from medviz.commands.slurm import Cluster, sbatch
from medviz.messages import Progress, Scalar, Work
from medviz.training.elsewhere.queue import queued
from medviz.training.run import status

TASK = ["classification", "--data", "shapes", "--device", "cpu", "--set", "network=lenet", "--set", "batch=8"]


def lines(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["train", *words, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def document(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(["train", *words]) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    return said


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", *TASK, "--set", "epochs=2", "--out", str(folder), "--quiet"]) == 0
    return folder


def test_a_program_is_told_each_message_with_what_is_promised(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    told = lines(capsys, *TASK, "--set", "epochs=1", "--out", str(folder))
    by_kind = {kind: [one for one in told if one["message"] == kind] for kind in {one["message"] for one in told}}
    assert set(by_kind) >= {"scalar", "progress", "note", "figure", "end"}
    assert all({"name", "step", "value"} <= set(one) for one in by_kind["scalar"])
    assert all((folder / one["file"]).is_file() and one["name"] for one in by_kind["figure"])
    assert [one["step"] for one in by_kind["scalar"] if one["name"] == "train/loss"] == [*range(1, 13)]
    (end,) = by_kind["end"]
    assert end == told[-1]
    assert end["how"] == "ended"
    assert end["seconds"] > 0
    assert end["best"] == status(folder)["best"] == end["last"]["validation/balanced accuracy"]


def test_a_run_goes_on_with_what_is_set_anew(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    told = lines(capsys, "--resume", str(run), "--set", "epochs=3")
    assert [one["step"] for one in told if one.get("name") == "train/loss"] == [*range(25, 37)], "not what was before"
    assert status(run)["total"] == 36
    assert "begun with another batch" in refused(capsys, "--resume", str(run), "--set", "batch=4", "--quiet")


def test_a_run_is_followed_on_the_terminal(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    told = lines(capsys, "--attach", str(run))
    assert [one["step"] for one in told if one.get("name") == "train/loss"][:3] == [1, 2, 3]
    assert told[-1]["message"] == "end" and told[-1]["run"] == str(run)
    assert main(["train", "--attach", str(run)]) == 0
    said = capsys.readouterr()
    assert "epoch 1, step 12: loss" in said.err
    assert "ended; the last of each curve" in said.out
    assert "there is no run in it" in refused(capsys, "--attach", str(run / "media"))


def test_before_a_run_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = document(capsys, "train", *TASK, "--dry-run")
    assert told["parameters"] > 0 and told["seconds_per_epoch"] > 0 and told["memory_mib"] > 0
    assert told["chance_loss"] == pytest.approx(1.0986, abs=1e-3)
    rate = document(capsys, "train", *TASK, "--find-rate")
    assert 1e-6 <= rate["learning_rate"] <= 1
    assert len(rate["rates"]) == len(rate["losses"]) > 10
    heart = document(capsys, "train", *TASK, "--overfit", "--set", "learning_rate=0.003")
    assert heart["losses"][-1] < heart["losses"][0]
    assert heart["verdict"].startswith("It learns one batch")
    assert not list(tmp_path.iterdir())


def test_a_person_reads_the_plan_in_five_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *TASK, "--dry-run", "--quiet"]) == 0
    said = capsys.readouterr().out.strip().splitlines()
    assert len(said) == 5
    assert "weights" in said[0] and "steps an epoch" in said[1] and "memory" in said[2] and "s an epoch" in said[4]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wish_to_stop_finishes_the_step_and_saves(
    number: signal.Signals, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    hear = taught._Validations.hear

    def stop_at_four(self: Any, message: Any) -> None:
        hear(self, message)
        if isinstance(message, Scalar) and message.name == "train/loss" and message.step == 4:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(taught._Validations, "hear", stop_at_four)
    folder = tmp_path / "run"
    assert main(["train", *TASK, "--set", "epochs=1", "--out", str(folder), "--quiet"]) == 130
    said = capsys.readouterr().err
    assert "interrupted; what was done is saved" in said
    assert (status(folder)["state"], status(folder)["step"]) == ("stopped", 4)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert main(["train", "--resume", str(folder), "--quiet"]) == 0
    assert (status(folder)["state"], status(folder)["step"]) == ("ended", 12)


def test_a_second_wish_breaks_the_step_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> Work[None]:
        yield Progress(0, 1)
        os.kill(os.getpid(), signal.SIGINT)
        yield Progress(1, 1)

    with taught.stoppable() as wish:
        pulled = taught.stopping(work(), wish)
        next(pulled)
        next(pulled)
        assert wish.wished
        os.kill(os.getpid(), signal.SIGINT)  # the same wish, told twice
        monkeypatch.setattr(taught, "AGAIN_S", 0.0)
        os.kill(os.getpid(), signal.SIGTERM)  # nor does this one break a step off
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            next(pulled)


def test_a_run_can_wait_for_its_turn(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[Path] = []
    monkeypatch.setattr("medviz.training.elsewhere.queue.wake", lambda runs: bool(woken.append(runs)))
    told = document(capsys, "train", *TASK, "--out", str(tmp_path / "runs" / "a"), "--wait")
    assert told["state"] == "queued"
    assert queued(tmp_path / "runs") == (tmp_path / "runs" / "a",)
    assert document(capsys, "train", "--queue", str(tmp_path / "none"))["started"] == 0


def test_the_batch_script_is_one_that_bash_takes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    out = tmp_path / "my run"
    told = document(capsys, "train", *TASK, "--out", str(out), "--slurm", str(script), "--nodes", "2", "--gpus", "4")
    assert told["script"] == str(script)
    text = script.read_text()
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    for line in ("--nodes=2", "--gpus-per-node=4", "--signal=TERM@120", "--time=24:00:00", "--job-name=my-run"):
        assert f"#SBATCH {line}\n" in text
    assert "--nproc-per-node=4" in text and "--nnodes=$SLURM_NNODES" in text
    assert f"--out '{out}'" in text and "network=lenet" in text
    assert not out.exists()
    assert "torch.distributed" not in sbatch(["train"], out, Cluster(gpus=0))


def test_what_is_missing_is_said_in_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "no task is named" in refused(capsys, "--out", str(tmp_path / "r"))
    assert "add --out RUN" in refused(capsys, *TASK)
    assert "neither a data set's name" in refused(capsys, "segmentation", "--data", "nowhere", "--out", str(tmp_path))
    assert "there is a run in it already" in refused(capsys, *TASK, "--out", str(_begun(tmp_path)), "--quiet")


def _begun(folder: Path) -> Path:
    (folder / "begun").mkdir()
    (folder / "begun" / "task.toml").touch()
    return folder / "begun"


def test_a_list_tells_programs_the_ranges_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    sets = {one["name"]: one for one in document(capsys, "list", "datasets")["datasets"]}
    cases = next(one for one in sets["phantoms"]["parameters"] if one["name"] == "cases")
    assert cases["default"] > 0 and cases["low"] < cases["high"] and cases["help"]
    tasks = {one["name"]: one for one in document(capsys, "list", "tasks")["tasks"]}
    rate = next(one for one in tasks["segmentation"]["parameters"] if one["name"] == "learning_rate")
    assert (rate["low"], rate["high"]) == (1e-6, 1.0)
    schedule = next(one for one in tasks["segmentation"]["parameters"] if one["name"] == "schedule")
    assert "cosine" in schedule["options"]
