"""Several processes teach one network: two of them under torchrun for real, on processors, through gloo."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from medviz.messages import Note
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.bench import Bench
from medviz.training.ranks import Ranks, started
from medviz.training.run import attach, status
from tests.conftest import ROOT
from tests.training.in_ranks import TASKS, told
from tests.training.toys import Toy, curve, taught


def torchrun(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
               str(ROOT / "tests" / "training" / "in_ranks.py"), str(folder)]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def learnt(folder: Path) -> dict[str, torch.Tensor]:
    state: Any = checkpoints.read(folder / "checkpoints" / "last.safetensors")
    found: dict[str, torch.Tensor] = state["learner"]["network"]
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    ended = torchrun(folder)
    assert (folder / "dying").exists(), ended.stderr[-3000:]
    assert ended.returncode != 0
    (folder / "said.txt").write_text(ended.stdout)
    return folder


@pytest.mark.parametrize("name", [name for name in TASKS if name != "batch norm"])
def test_two_processes_learn_what_one_does(name: str, shared: Path, tmp_path: Path) -> None:
    """Batches that two cannot halve, a clipped gradient, accumulation, two parts, and a run that was taken up again."""
    said = taught(TASKS[name], tmp_path / "alone")
    alone, together = learnt(tmp_path / "alone"), learnt(shared / name)
    for key, value in alone.items():
        assert torch.allclose(value, together[key], rtol=1e-4, atol=1e-6), key
    first = curve(said, "train/loss")
    again = curve(list(attach(shared / name)), "train/loss")
    assert again == pytest.approx(first, rel=1e-4)
    assert curve(list(attach(shared / name)), "validation/loss") == pytest.approx(
        curve(said, "validation/loss"), rel=1e-4
    )


def test_the_statistics_of_batch_norm_are_those_of_all_samples(shared: Path, tmp_path: Path) -> None:
    taught(TASKS["batch norm"], tmp_path / "alone")
    alone, together = learnt(tmp_path / "alone"), learnt(shared / "batch norm")
    assert int(together["1.num_batches_tracked"]) == int(alone["1.num_batches_tracked"])
    assert torch.allclose(alone["1.running_mean"], together["1.running_mean"], atol=0.15)
    assert not torch.equal(alone["1.running_mean"], torch.zeros(16))


def test_only_the_first_process_writes_and_says_how_many_there_are(shared: Path) -> None:
    notes = [one.text for one in attach(shared / "plain") if isinstance(one, Note)]
    assert sum("2 processes share each batch of 5" in text for text in notes) == 1
    assert sum("Goes on at step 7" in text for text in notes) == 1
    assert not list(shared.rglob("*.part"))
    assert len(list((shared / "forger" / "tensorboard").iterdir())) == 1


def test_what_the_first_is_ordered_holds_for_all(shared: Path, tmp_path: Path) -> None:
    told(tmp_path / "alone")
    alone, together = learnt(tmp_path / "alone"), learnt(shared / "ordered")
    assert all(torch.allclose(alone[key], together[key], rtol=1e-4, atol=1e-6) for key in alone)


def test_one_that_dies_ends_all_in_a_sentence(shared: Path) -> None:
    said = (shared / "said.txt").read_text()
    assert said.count("refused: ") == 1
    assert "the training: another of its 2 processes ended; what was saved is kept" in said
    assert status(shared / "dying")["state"] == "failed"
    assert learnt(shared / "dying")


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    ranks = Ranks()
    ranks.count = 8  # type: ignore[misc]
    with pytest.raises(Refused, match="batch=4: 8 processes cannot share it; take a batch of 8 or more"):
        Bench(Toy(), ranks)


def test_every_sample_of_a_batch_goes_to_one_process() -> None:
    order = Bench(Toy(batch=5)).order
    whole = [place for batch in order for place in batch]
    shares = []
    for rank in range(3):
        order.rank, order.ranks = rank, 3
        shares.append(list(order))
    assert sorted(place for share in shares for batch in share for place in batch) == sorted(whole)
    assert [sum(len(share[number]) for share in shares) for number in range(4)] == [5, 5, 5, 5]


def test_torchrun_is_known_by_its_variables() -> None:
    assert started({"WORLD_SIZE": "2", "RANK": "0"})
    assert not started({"WORLD_SIZE": "1", "RANK": "0"})
    assert not started({})
