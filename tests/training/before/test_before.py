"""Before a run: what it will take, whether it fits, how it should begin, which rate; and nothing notices the trial."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.figures import Curves
from medviz.messages import Message, Note, Progress, Scalar, finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.classification import Classification
from medviz.training.before import plan as planning
from medviz.training.before import preflight as flying
from medviz.training.before.by_heart import overfit, verdict
from medviz.training.before.plan import plan
from medviz.training.before.preflight import preflight
from medviz.training.before.rates import find_rate, proposal
from medviz.training.before.trial import material
from medviz.training.before.weighing import weighed
from medviz.training.sampling import Order
from medviz.training.task import Batch, Samples
from medviz.training.trainer import train
from tests.training.toys import Clouds, Forger, Toy, curve, digest, taught

DIGITS = Classification(data=Settings("digits"), network=Settings("lenet"), device="cpu", batch=8)


def generators() -> tuple[Any, ...]:
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), kind, keys.tolist(), rest, torch.default_generator.get_state().tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize("tried", [preflight, find_rate, overfit], ids=["preflight", "rate", "overfit"])
def test_what_is_tried_leaves_the_process_as_it_was_at_every_word(tried: Any) -> None:
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    before, threads = generators(), torch.get_num_threads()
    for _ in tried(Toy()):
        assert generators() == before
        assert torch.get_num_threads() == threads
    left = tried(Toy())
    for _ in range(3):
        next(left)
    left.close()
    assert generators() == before


def test_a_run_is_the_same_whatever_is_tried_between_its_steps(tmp_path: Path) -> None:
    taught(Toy(), tmp_path / "alone")
    work, trying = train(Toy(), tmp_path / "beside"), find_rate(Toy(batch=3))
    for number, _ in enumerate(work):
        if number % 3 == 0:
            next(trying, None)
    trying.close()
    assert digest(tmp_path / "beside") == digest(tmp_path / "alone")


def test_the_activations_are_weighed_exactly_and_without_a_step() -> None:
    """One layer of 4 → 16 on 8 samples keeps its input and the mask of its ReLU, and cross-entropy its log shares."""
    network = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    batch = {"image": torch.randn(2, 4), "label": torch.tensor([0, 1])}
    found = weighed(Toy(), network, batch, 8)
    assert found is not None
    labels, images, hidden, shares, total = 8 * 8, 8 * 4 * 4, 8 * 16 * 4, 8 * 2 * 4, 4
    assert found.activations == images + hidden + shares + labels + total
    weights = sum(one.numel() for one in network.parameters())
    assert found.weights == 4 * weights * 4, "weights, gradients and Adam's two"
    assert found.flops == 2 * 8 * (3 * 16 * 2 + 2 * 16 * 4), "no gradient of the input is needed"
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("task", [Toy(), Forger(), DIGITS], ids=["toy", "two parts", "digits"])
def test_a_plan_is_complete(task: Any) -> None:
    told = plan(task)
    assert told["fits"]
    assert told["seconds_per_epoch"] == pytest.approx(told["seconds_per_step"] * told["steps_per_epoch"])
    assert told["trainable"] <= told["parameters"]
    assert 0 < told["memory_mib"] < told["free_mib"]


@dataclass(frozen=True)
class Counting(Toy):
    """A loss that asks for a value, which a tensor without memory has not."""

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        scores = network(batch["image"])
        assert float(scores.detach().sum()) < 1e9
        yield "", F.cross_entropy(scores, batch["label"])


def test_a_loss_that_asks_for_values_is_planned_with_real_samples() -> None:
    plain = plan(Toy())
    assert weighed(Counting(), Counting().build(None), material(Toy()).batch(0)[0], 4) is None
    assert plan(Counting())["memory_mib"] == pytest.approx(plain["memory_mib"], rel=0.3)


def test_what_does_not_fit_is_said_and_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "free_bytes", lambda where: 100)
    said: list[Message] = []
    told = finished(preflight(Toy()), said.append)
    assert not told["fits"]
    assert "memory_peak_mib" not in told
    assert any(isinstance(one, Note) and "It will not fit" in one.text for one in said)
    assert "seconds" not in plan(Toy())


def test_a_preflight_measures_and_holds_the_first_loss_against_chance() -> None:
    said: list[Message] = []
    told = finished(preflight(DIGITS), said.append)
    assert told["chance_loss"] == pytest.approx(math.log(10), abs=1e-4)
    assert told["first_loss"] == pytest.approx(math.log(10), rel=0.2)
    assert any(isinstance(one, Note) and "2.303 = ln 10" in one.text for one in said)
    assert told["memory_peak_mib"] > 0
    assert told["seconds_validating"] > 0
    assert told["seconds"] >= told["steps"] * told["seconds_per_step"]


class Loud(nn.Module):
    """A network that begins with far too large scores."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.layer(x)) * 1e4


@dataclass(frozen=True)
class TooLoud(Toy):
    def build(self, data: Any) -> nn.Module:
        return Loud()


def test_a_loss_that_begins_far_from_chance_is_worth_a_warning() -> None:
    said: list[Message] = []
    finished(preflight(TooLoud()), said.append)
    warning = next(one for one in said if isinstance(one, Note) and one.level == "warning")
    assert "a network that knows nothing has 0.693 = ln 2" in warning.text


@dataclass(frozen=True)
class Holes(Clouds):
    def drawn(self, index: int, chance: np.random.Generator) -> Any:
        return {**self[index], "image": torch.full((4,), torch.nan)}


@dataclass(frozen=True)
class Holed(Toy):
    def training(self, data: Clouds) -> Samples:
        return Holes()


def test_samples_that_are_no_numbers_are_refused_before_they_cost_an_hour() -> None:
    with pytest.raises(Refused, match="its “image” holds values that are no numbers"):
        finished(preflight(Holed()))


def test_the_rate_it_proposes_learns_and_a_hundredth_of_it_does_not(tmp_path: Path) -> None:
    said: list[Message] = []
    rate = finished(find_rate(Toy()), said.append)
    drawn = [one for one in said if isinstance(one, Curves)]
    assert all(one.name == "rates" for one in drawn)
    assert len(drawn) > 5
    assert drawn[-1].at == pytest.approx(math.log10(rate))
    assert len(drawn[-1].lines[0].x) == len(drawn[-1].lines[0].y)
    ends = [
        min(curve(taught(Toy(learning_rate=rate * factor), tmp_path / str(factor)), "validation/loss").values())
        for factor in (1, 0.01)
    ]
    assert ends[0] < 0.7 * ends[1]


def test_of_parts_that_learn_against_each_other_no_rate_is_proposed() -> None:
    said: list[Message] = []
    assert finished(find_rate(Forger()), said.append) == Forger().learning_rate
    assert [one.level for one in said if isinstance(one, Note)] == ["warning"]
    assert not any(isinstance(one, Curves) for one in said)


def test_where_no_rate_lowers_the_loss_none_is_proposed() -> None:
    rates = np.geomspace(1e-6, 1, 100)
    assert proposal(rates, np.linspace(1, 5, 100).tolist()) is None
    valley = [2.0] * 30 + np.linspace(2, 0.5, 40).tolist() + np.linspace(0.5, 9, 30).tolist()
    found = proposal(rates, valley)
    assert found is not None
    assert rates[35] < found < rates[70]


def test_one_batch_is_learnt_by_heart() -> None:
    said: list[Message] = []
    told = finished(overfit(Toy()), said.append)
    losses = list(curve(said, "train/loss").values())
    assert losses[-1] < 0.1 * losses[0]
    assert told.startswith("It learns one batch by heart")
    assert isinstance(said[0], Progress)


@dataclass(frozen=True)
class Senseless(Toy):
    """Labels that are drawn anew at each look cannot be learnt."""

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        yield "", F.cross_entropy(network(batch["image"]), torch.randint(0, 2, batch["label"].shape))


def test_what_cannot_be_learnt_is_told_from_what_can() -> None:
    assert finished(overfit(Senseless(), steps=60)).startswith("It cannot learn even one batch")
    assert "learn against each other" in finished(overfit(Forger(), steps=5))
    assert "not a number" in verdict([1.0, math.nan], 4)
    assert "slowly" in verdict([1.0, *[0.5] * 9], 4)


def test_the_batches_of_a_trial_are_those_of_the_run() -> None:
    task = Toy(accumulation=2)
    found = material(task)
    order = Order(24, task.batch, 2, task.seed)
    wanted: list[Sequence[Any]] = list(order)[2:4]
    assert [batch["name"] for batch in found.batch(1)] == [
        [f"Jane Roe {index}" for _, index in places] for places in wanted
    ]
    assert flying.FAR > 1


def test_scalars_of_a_trial_are_plain(tmp_path: Path) -> None:
    for message in overfit(Toy(), steps=3):
        if isinstance(message, Scalar):
            assert type(message.value) is float
