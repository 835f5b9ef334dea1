"""What happens when something goes wrong: no number, no memory, no disk."""

import errno
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.messages import Message, Note, Progress, Scalar
from medviz.refused import Refused
from medviz.training import checkpoints, keeper, trainer
from medviz.training.learner import Learner
from medviz.training.run import attach, status
from medviz.training.task import Batch
from medviz.training.trainer import train
from tests.training.toys import Clouds, Toy, curve, digest, step_of, taught


def notes(said: list[Message], level: str = "warning") -> list[str]:
    return [one.text for one in said if isinstance(one, Note) and one.level == level]


@dataclass(frozen=True)
class Spoilt(Toy):
    """A toy whose loss is no number in some steps (`counted` counts them over all)."""

    first: int = 9
    last: int = 9
    counted: ClassVar[list[int]] = []

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        self.counted.append(1)
        for part, loss in super().losses(network, batch):
            yield part, loss * (float("nan") if self.first <= len(self.counted) <= self.last else 1.0)


@pytest.fixture(autouse=True)
def none_counted() -> None:
    Spoilt.counted.clear()


def test_a_loss_that_is_no_number_costs_a_step_and_half_the_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "SPEAK_S", 0.0)
    said = taught(Spoilt(schedule="constant", epochs=12), tmp_path / "run")
    assert len(notes(said)) == 1
    assert "The loss of step 9 was not a number (the rate was too high)" in notes(said)[0]
    rates = curve(said, "train/learning rate")
    assert {value for step, value in rates.items() if step < 9} <= {0.01}
    assert {value for step, value in rates.items() if step > 9} == {0.005}
    losses = curve(said, "train/loss")
    assert losses[9] != losses[9], "the curve shows it"
    assert all(value == value for step, value in losses.items() if step != 9)
    state = checkpoints.read(tmp_path / "run" / "checkpoints" / "last.safetensors")
    assert all(bool(value.isfinite().all()) for value in state["learner"]["network"].values())
    assert checkpoints.read(tmp_path / "run" / "checkpoints" / "last.safetensors")["standing"]["step"] == 72


def test_the_data_are_named_as_the_culprit_where_they_are_it(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Holed(Clouds):
        def __getitem__(self, index: int) -> Any:
            sample = super().__getitem__(index)
            return {**sample, "image": sample["image"] * (float("nan") if index == 5 else 1)}

    class Hole(Toy):
        def data_set(self) -> Any:
            return Holed()

    said = taught(Hole(epochs=1), tmp_path / "run")
    assert "“image” holds values that are no numbers" in notes(said)[0]


def test_training_gives_up_when_nothing_helps_and_keeps_the_last_good_weights(tmp_path: Path) -> None:
    task = Spoilt(first=4, last=1000, epochs=12)
    work, said = train(task, tmp_path / "run"), []
    with pytest.raises(Refused, match="was not a number 9 times"):
        for message in work:
            said.append(message)
    assert len(notes(said)) == 8
    state = checkpoints.read(tmp_path / "run" / "checkpoints" / "last.safetensors")
    assert all(bool(value.isfinite().all()) for value in state["learner"]["network"].values())
    assert status(tmp_path / "run")["state"] == "failed"
    replayed = list(attach(tmp_path / "run"))
    assert "was not a number 9 times" in notes(replayed, "error")[0], "who listens is told why"


@dataclass(frozen=True)
class Linear(Toy):
    """No batch statistics and no dropout: a batch in pieces is the batch."""

    most: int = 1000

    def build(self, data: Any) -> nn.Module:
        return nn.Linear(4, 2)

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        if len(batch["image"]) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        yield "", F.cross_entropy(network(batch["image"]), batch["label"])


def test_where_memory_runs_out_the_batch_is_cut_and_the_gradients_added(tmp_path: Path) -> None:
    whole = taught(Linear(batch=6, optimiser="sgd"), tmp_path / "whole")
    cut = taught(Linear(batch=6, optimiser="sgd", most=2), tmp_path / "cut")
    assert notes(cut) == ["Out of memory with a batch of 6: from now on in pieces of 1, their gradients added"]
    assert curve(cut, "train/loss") == pytest.approx(curve(whole, "train/loss"), rel=1e-5)
    again = taught(Linear(batch=6, optimiser="sgd", most=2, epochs=5), tmp_path / "cut", resume=True)
    assert not [text for text in notes(again) if "memory" in text], "a resumed run knows it"


def test_accumulated_batches_are_a_large_batch(tmp_path: Path) -> None:
    large = taught(Linear(batch=8, optimiser="sgd"), tmp_path / "large")
    small = taught(Linear(batch=2, accumulation=4, optimiser="sgd"), tmp_path / "small")
    assert curve(small, "train/loss") == pytest.approx(curve(large, "train/loss"), rel=1e-5)


def test_not_even_one_sample_fits(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not even one sample at a time fits"):
        taught(Linear(most=0), tmp_path / "run")
    assert step_of(tmp_path / "run") == 0


@dataclass(frozen=True)
class Shrinking(Linear):
    """A task whose samples may be made smaller: `reach` of their four numbers are seen."""

    reach: int = 4
    room: int = 2

    def smaller(self, data: Any) -> dict[str, Any]:
        return {"reach": self.reach - 1} if self.reach > 1 else {}

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        if self.reach > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        seen = batch["image"] * (torch.arange(4) < self.reach)
        yield "", F.cross_entropy(network(seen), batch["label"])

    def description(self, data: Any) -> dict[str, Any]:
        return {**super().description(data), "reach": self.reach}


def test_where_not_one_sample_fits_smaller_ones_are_taken_and_kept(tmp_path: Path) -> None:
    said = taught(Shrinking(epochs=2), tmp_path / "run")
    assert [text for text in notes(said) if "smaller ones" in text] == [
        f"Out of memory with one sample: smaller ones are taken from the next step on (reach={reach})"
        for reach in (3, 2)
    ]
    assert sorted(curve(said, "train/loss")) == list(range(1, 13)), "no step is lost"
    assert json.loads((tmp_path / "run" / "model.json").read_text())["reach"] == 2, "who runs the network knows it"
    taught(Shrinking(reach=2, epochs=2), tmp_path / "small")
    assert digest(tmp_path / "run") == digest(tmp_path / "small")
    again = taught(Shrinking(epochs=3), tmp_path / "run", resume=True)
    assert not [text for text in notes(again) if "memory" in text], "a resumed run knows it"
    with pytest.raises(Refused, match="not even one sample at a time fits"):
        taught(Shrinking(room=0), tmp_path / "none")


@dataclass(frozen=True)
class Greedy(Linear):
    """A task that takes all memory when it draws, or when it measures."""

    draws: bool = False
    measuring: bool = False

    def figures(self, *given: Any) -> Iterator[Any]:
        if self.draws:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        yield from super().figures(*given)

    def measures(self, *given: Any) -> Any:
        if self.measuring:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        return (yield from super().measures(*given))


def test_without_memory_for_pictures_there_are_none_and_training_goes_on(tmp_path: Path) -> None:
    said = taught(Greedy(draws=True, epochs=2), tmp_path / "run")
    assert notes(said) == ["Out of memory: the pictures are left out this time"]
    assert status(tmp_path / "run")["state"] == "ended"
    taught(Linear(epochs=2), tmp_path / "straight")
    assert digest(tmp_path / "run") == digest(tmp_path / "straight")


def test_without_memory_for_the_validation_the_run_is_refused_in_a_sentence_and_kept(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="one sample of the validation does not fit into the memory"):
        taught(Greedy(measuring=True), tmp_path / "run")
    assert step_of(tmp_path / "run") == 6, "the epoch is not lost"


class Disk:
    """A disk that takes nothing while `full`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full, self.refusals, put = False, 0, checkpoints.put

        def full_put(path: Path, data: bytes, **options: Any) -> None:
            if self.full:
                self.refusals += 1
                raise OSError(errno.ENOSPC, "No space left on device")
            put(path, data, **options)

        monkeypatch.setattr(checkpoints, "put", full_put)
        monkeypatch.setattr(keeper, "SAVE_EVERY_S", 0.0)
        monkeypatch.setattr(keeper, "SAVE_SHARE", 1e9)
        monkeypatch.setattr(keeper, "WAIT_S", 0.0)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_on_a_full_disk_training_waits_and_loses_nothing(disk: Disk, tmp_path: Path) -> None:
    straight = taught(Toy(), tmp_path / "straight")
    said: list[Message] = []
    for message in train(Toy(), tmp_path / "run"):
        said.append(message)
        if isinstance(message, Scalar) and message.step == 7:
            disk.full = True
        disk.full = disk.full and disk.refusals < 5
    assert "No space left on device; training waits" in notes(said, "error")[0]
    assert any(isinstance(one, Progress) and one.what == "waiting for the disk" and one.done == 7 for one in said)
    assert "The run is written again; training goes on" in notes(said, "info")
    assert digest(tmp_path / "run") == digest(tmp_path / "straight")
    assert curve(list(attach(tmp_path / "run")), "train/loss") == curve(straight, "train/loss")


def test_stopped_while_the_disk_is_full_the_checkpoint_before_stands(disk: Disk, tmp_path: Path) -> None:
    work = train(Toy(), tmp_path / "run")
    while getattr(next(work), "step", 0) < 5:
        pass
    next(work)
    kept = step_of(tmp_path / "run")
    disk.full = True
    while not isinstance(message := next(work), Note):
        pass
    assert message.level == "error"
    with pytest.raises(Refused, match="the last steps could not be saved"):
        work.close()
    disk.full = False
    assert step_of(tmp_path / "run") == kept
    taught(Toy(), tmp_path / "straight")
    taught(Toy(), tmp_path / "run", resume=True)
    assert digest(tmp_path / "run") == digest(tmp_path / "straight")


def test_training_does_not_wait_for_ever(disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "WAIT_LIMIT_S", 0.05)
    with pytest.raises(Refused, match="could not be written for half an hour"):
        for message in train(Toy(), tmp_path / "run"):
            disk.full = isinstance(message, Scalar) or disk.full


def test_a_run_whose_folder_vanished_waits_until_it_is_back(disk: Disk, tmp_path: Path) -> None:
    taught(Toy(), tmp_path / "straight")
    away, waited = tmp_path / "away", 0
    for message in train(Toy(), tmp_path / "run"):
        if isinstance(message, Scalar) and message.step == 6 and not away.exists() and not waited:
            (tmp_path / "run").rename(away)
        if isinstance(message, Progress) and message.what == "waiting for the disk":
            waited += 1
            if waited == 3:
                away.rename(tmp_path / "run")
    assert waited == 3
    assert digest(tmp_path / "run") == digest(tmp_path / "straight")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="it cannot be written to"):
        taught(Toy(), tmp_path / "file" / "run")


def test_a_step_that_broke_off_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Learner.step

    def interrupted(self: Learner, batches: list[Batch], number: int, *more: Any) -> Any:
        made = step(self, batches, number, *more)
        if number == 7:
            raise KeyboardInterrupt
        return made

    monkeypatch.setattr(Learner, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        taught(Toy(), tmp_path / "run")
    monkeypatch.undo()
    assert step_of(tmp_path / "run") == 0
    assert status(tmp_path / "run")["state"] == "stopped"
    taught(Toy(), tmp_path / "straight")
    taught(Toy(), tmp_path / "run", resume=True)
    assert digest(tmp_path / "run") == digest(tmp_path / "straight")


def test_a_gpu_that_is_not_there_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(Refused, match="no NVIDIA GPU"):
        taught(replace(Toy(), device="cuda"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
