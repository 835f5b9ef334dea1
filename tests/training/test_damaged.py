"""Samples that cannot be read or hold no numbers are left out and told; the log never gets the name of a file."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medviz.messages import Message, Note, Scalar
from medviz.refused import Refused
from medviz.training import trainer
from medviz.training.damaged import INSTEAD, MISSING, Missing, Unreadable, collated, spoilt, too_many
from medviz.training.run import attach
from medviz.training.sampling import Drawn, Lessons, Order, Whole
from medviz.training.trainer import train
from tests.training.toys import Clouds, Toy, curve, digest, taught

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Worn(Clouds):
    """Clouds some of which cannot be read; `gone` ones because their disk is not there."""

    bad: tuple[int, ...] = (5,)
    gone: tuple[int, ...] = ()

    def drawn(self, index: int, chance: np.random.Generator) -> Any:
        self._look(index)
        return super().drawn(index, chance)

    def __getitem__(self, index: int) -> Any:
        self._look(index)
        return super().__getitem__(index)

    def _look(self, index: int) -> None:
        if index in self.gone:
            raise FileNotFoundError(2, "No such file or directory", f"/scans/Jane Roe {index}.nii.gz")
        if index in self.bad:
            raise Refused(f"/scans/Jane Roe {index}.nii.gz", "it is damaged", "restore it")


@dataclass(frozen=True)
class Wearing(Toy):
    """A toy that learns from worn samples: the numbers of those that are bad, and of those that are gone."""

    bad: str = "5"
    gone: str = ""

    def data_set(self) -> Any:
        return Worn(bad=tuple(map(int, self.bad.split())), gone=tuple(map(int, self.gone.split())))

    def validation(self, data: Any) -> Any:
        return replace(Worn(6, 1000), bad=(2,))


def notes(said: list[Message], level: str = "warning") -> list[str]:
    return [one.text for one in said if isinstance(one, Note) and one.level == level]


@pytest.mark.parametrize("workers", [0, 1])
def test_the_next_one_stands_in_for_one_that_cannot_be_read(workers: int) -> None:
    worn, whole = Worn(), Clouds()
    order = Order(24, 4, 1, 0)
    lessons = Lessons(worn, order, workers, CPU)
    sound = Lessons(whole, order, 0, CPU)
    steps = list(zip(lessons.of(0, 0), sound.of(0, 0), strict=True))
    differ = [
        number for number, (one, other) in enumerate(steps) if not torch.equal(one[0]["image"], other[0]["image"])
    ]
    lessons.close()
    assert len(differ) == 1, "only the step of the damaged one"
    (step,) = differ
    row = [index for _, index in order.places(step)[0]].index(5)
    stand_in = Drawn(whole, 0)[(0, 6)]["image"]  # type: ignore[index]
    assert torch.equal(steps[step][0][0]["image"][row], stand_in)
    assert set(steps[step][0][0]) == {"image", "label", "name"}, "no task sees what is missing"
    (left,) = lessons.taken()
    assert (left.index, left.why, left.file) == (5, "it is damaged", "/scans/Jane Roe 5.nii.gz")
    assert lessons.taken() == []


def test_what_is_left_out_is_told_once_with_its_file_here_and_without_it_in_the_log(tmp_path: Path) -> None:
    said = taught(Wearing(epochs=3), tmp_path / "run")
    assert notes(said) == [
        "Training sample 5 (/scans/Jane Roe 5.nii.gz) is left out: it is damaged; 1 of 24 so far",
        "Validation sample 2 (/scans/Jane Roe 2.nii.gz) is left out: it is damaged; 1 of 6 so far",
    ]
    replayed = notes(list(attach(tmp_path / "run")))
    assert replayed == [text.replace(" (/scans/Jane Roe 5.nii.gz)", "").replace(" (/scans/Jane Roe 2.nii.gz)", "")
                        for text in notes(said)]  # fmt: skip
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_file() or b"Jane Roe" not in path.read_bytes(), path.name


def test_a_run_with_a_damaged_sample_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    taught(Wearing(), tmp_path / "straight")
    work = train(Wearing(), tmp_path / "run")
    while getattr(next(work), "step", 0) < 9:
        pass
    work.close()
    taught(Wearing(), tmp_path / "run", resume=True)
    assert digest(tmp_path / "run") == digest(tmp_path / "straight")


def test_too_many_damaged_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="5 of 24 training samples are damaged"):
        taught(Wearing(bad="1 5 9 13 17 21"), tmp_path / "run")
    assert [too_many(*pair) for pair in ((1, 3), (2, 3), (20, 100), (21, 100))] == [False, True, False, True]


def test_a_batch_without_numbers_is_left_out_before_it_does_harm(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Holed(Clouds):
        def __getitem__(self, index: int) -> Any:
            sample = super().__getitem__(index)
            return {**sample, "image": sample["image"] * (float("inf") if index == 5 else 1)}

    class Hole(Toy):
        def data_set(self) -> Any:
            return Holed()

    said = taught(Hole(epochs=3, schedule="constant"), tmp_path / "run")
    assert notes(said) == [
        "Training sample 5 is left out: its “image” holds values that are no numbers; 1 of 24 so far"
    ]
    losses = curve(said, "train/loss")
    assert len(losses) == 15, "one of the six steps of each epoch is left out"
    assert all(value == value for value in losses.values())


def test_while_the_disk_of_the_samples_is_gone_training_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "WAIT_S", 0.0)
    everything = tuple(range(24))
    away: list[int] = []

    class Pulled(Clouds):
        def drawn(self, index: int, chance: np.random.Generator) -> Any:
            self[index]
            return super().drawn(index, chance)

        def __getitem__(self, index: int) -> Any:
            if away:
                away.pop()
                raise FileNotFoundError(2, "No such file or directory", "/scans/Jane Roe.nii.gz")
            return super().__getitem__(index)

    class Pulling(Toy):
        def data_set(self) -> Any:
            return Pulled()

    taught(Pulling(), tmp_path / "straight")
    said: list[Message] = []
    for message in train(Pulling(), tmp_path / "run"):
        said.append(message)
        if (
            isinstance(message, Scalar)
            and message.step == 9
            and not any("wait" in text for text in notes(said, "error"))
        ):
            away[:] = everything
    assert notes(said, "error") == ["The samples cannot be read (No such file or directory); training waits"]
    assert "The samples are there again; training goes on" in notes(said, "info")
    assert digest(tmp_path / "run") == digest(tmp_path / "straight"), "not one step is lost"


def test_samples_that_were_never_there_are_refused_at_once(tmp_path: Path) -> None:
    began_s = time.monotonic()
    with pytest.raises(Unreadable, match="No such file"):
        taught(Wearing(gone=" ".join(map(str, range(24)))), tmp_path / "run")
    assert time.monotonic() - began_s < 20


def test_going_through_held_out_samples_leaves_out_those_that_cannot_be_read() -> None:
    whole = Whole(Worn(6), CPU)
    assert len(whole) == 6
    assert len(list(whole)) == 5
    assert len(whole) == 5, "means are taken over what there is"
    assert whole.left[5].why == "it is damaged"


def test_a_batch_of_what_there_is() -> None:
    missing = Missing(3, "a", "b", "c", False)
    one = {"image": torch.ones(2), "name": "x"}
    batch = collated([one, missing, {**one, INSTEAD: [missing, missing]}])
    assert batch["image"].shape == (2, 2)
    assert batch[MISSING] == [missing] * 3
    assert collated([missing]) == {MISSING: [missing]}
    assert MISSING not in collated([one, one])


def values() -> Iterator[tuple[Any, str]]:
    yield {"image": torch.ones(3), "label": torch.ones(3, dtype=torch.long)}, ""
    yield {"label": torch.ones(2), "image": torch.tensor([1.0, float("nan")])}, "image"
    yield {"image": torch.tensor([float("inf"), float("-inf")])}, "image"
    yield {"image": torch.full((4,), 3e38)}, ""  # its sum is beyond float32, its values are not


@pytest.mark.parametrize(("batch", "name"), list(values()), ids=["numbers", "nan", "infinite", "large"])
def test_what_holds_no_numbers_is_named(batch: Any, name: str) -> None:
    assert spoilt(batch) == name
