"""Which samples come in which step."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from medviz.refused import Refused
from medviz.training.sampling import Drawn, Lessons, Order, Whole, size_of, split
from tests.training.toys import Clouds

CPU = torch.device("cpu")


def places(order: Order, epoch: int, start: int = 0) -> list[list[tuple[int, int]]]:
    order.epoch, order.start = epoch, start
    return list(order)


@pytest.mark.parametrize(
    ("count", "batch", "per_step"), [(24, 4, 1), (25, 4, 1), (24, 4, 3), (23, 5, 2), (3, 8, 1), (9, 2, 8)]
)
def test_an_epoch_goes_through_all_samples_but_an_incomplete_rest(count: int, batch: int, per_step: int) -> None:
    order = Order(count, batch, per_step, seed=1)
    batches = places(order, 0)
    seen = Counter(index for group in batches for _, index in group)
    assert set(seen.values()) == {1}
    assert len(seen) == min(count, order.steps * batch * per_step)
    assert count - len(seen) < batch * per_step
    assert len(batches) <= order.steps * per_step
    assert places(order, 1) != [[(1, index) for _, index in group] for group in batches], "another order each epoch"


def test_going_on_in_the_middle_is_the_rest_of_the_epoch() -> None:
    order = Order(40, 3, 2, seed=5)
    for start in range(order.steps + 1):
        assert places(order, 3, start) == places(order, 3)[start * 2 :]
        rest = places(order, 3, start)
        assert len(order) == len(rest)


def test_chance_depends_on_seed_epoch_and_index_alone() -> None:
    drawn = Drawn(Clouds(), seed=3)
    one = drawn[(2, 5)]["image"]
    np.random.seed(0)
    torch.manual_seed(0)
    assert torch.equal(drawn[(2, 5)]["image"], one)
    assert torch.equal(Drawn(Clouds(), seed=3)[(2, 5)]["image"], one)
    for other in (drawn[(3, 5)], drawn[(2, 6)], Drawn(Clouds(), seed=4)[(2, 5)]):
        assert not torch.equal(other["image"], one)


def test_samples_without_chance_are_taken_as_they_are() -> None:
    class Plain:
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            return {"image": torch.full((1,), float(index))}

    assert Drawn(Plain(), 0)[(7, 3)]["image"].item() == 3.0
    lessons = Lessons(Plain(), Order(4, 2, 2, 0), 0, CPU)
    (step,) = lessons.of(0, 0)
    assert sorted(torch.cat([batch["image"] for batch in step]).flatten().tolist()) == [0, 1, 2, 3]


def test_the_loader_leaves_the_networks_generator_alone() -> None:
    before = torch.default_generator.get_state()
    list(Lessons(Clouds(), Order(24, 4, 1, 0), 0, CPU).of(0, 0))
    assert torch.equal(before, torch.default_generator.get_state())


@dataclass(frozen=True)
class Broken(Clouds):
    def drawn(self, index: int, chance: np.random.Generator) -> Any:
        raise Refused("case 7", "it has no voxels", "leave it out")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_case_that_is_refused_is_refused_in_the_same_words(workers: int) -> None:
    lessons = Lessons(Broken(), Order(24, 4, 1, 0), workers, CPU)
    with pytest.raises(Refused) as refusal:
        next(lessons.of(0, 0))
    lessons.close()
    assert (refusal.value.thing, refusal.value.fault, refusal.value.remedy) == (
        "case 7",
        "it has no voxels",
        "leave it out",
    )


@pytest.mark.parametrize("said", ["DataLoader worker (pid 7) exited unexpectedly", "it is killed by signal: Killed."])
def test_a_loader_process_that_died_is_told(said: str) -> None:
    lessons = Lessons(Clouds(), Order(24, 4, 1, 0), 0, CPU)

    def dying() -> Any:
        raise RuntimeError(said)
        yield

    lessons._loader = dying()
    with pytest.raises(Refused, match="a process that prepares samples died"):
        next(lessons.of(0, 0))


def test_any_other_error_stays_what_it_is() -> None:
    class Wrong(Clouds):
        def drawn(self, index: int, chance: np.random.Generator) -> Any:
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        next(Lessons(Wrong(), Order(24, 4, 1, 0), 0, CPU).of(0, 0))


def test_a_batch_is_cut_into_pieces_that_are_the_batch() -> None:
    batch = {"image": torch.arange(14).reshape(7, 2), "name": list("abcdefg")}
    assert split(batch, 1) == [batch]
    for pieces in (2, 3, 7, 100):
        cut = split(batch, pieces)
        assert len(cut) == min(pieces, 7)
        assert max(map(size_of, cut)) - min(map(size_of, cut)) <= 1
        assert torch.equal(torch.cat([piece["image"] for piece in cut]), batch["image"])
        assert [name for piece in cut for name in piece["name"]] == batch["name"]


def test_whole_samples_come_as_batches_of_one() -> None:
    whole = Whole(Clouds(3), CPU)
    assert [batch["image"].shape for batch in whole] == [(1, 4)] * 3
    assert whole[1]["label"].tolist() == [1]
