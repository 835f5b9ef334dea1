"""What is done against overfitting does what it says, and no more."""

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.refused import Refused
from medviz.training import layout
from medviz.training.attack import deceiving
from medviz.training.device import FULL
from medviz.training.freezing import Frozen, blocks_of
from medviz.training.learner import Learner
from medviz.training.mixing import mixed
from medviz.training.task import Batch
from tests.training.toys import Clouds, Forger, Toy

CPU = torch.device("cpu")


def batch() -> Batch:
    samples = [Clouds()[index] for index in range(8)]
    return {"image": torch.stack([one["image"] for one in samples]), "label": torch.tensor([0, 1] * 4)}


def learner(task: Toy) -> Learner:
    torch.manual_seed(0)
    return Learner(task, task.build(None), CPU, FULL)


def loss_of(weights: Tensor) -> Any:
    return lambda asked: F.cross_entropy(asked["image"] @ weights, asked["label"])


class TestAttack:
    def test_fgsm_of_a_linear_network_goes_along_the_sign_of_its_weights(self) -> None:
        weights = torch.tensor([[1.0, -1.0], [-2.0, 2.0], [0.5, -0.5], [1.0, -1.0]])
        given = {"image": torch.tensor([[0.0, 1.0, 2.0, 5.0]]), "label": torch.tensor([0])}
        task = Toy(adversarial="fgsm", attack_strength=0.1)
        found = deceiving(task, given, loss_of(weights))["image"]
        reach = 0.1 * given["image"].std()
        wanted = given["image"] + reach * torch.tensor([-1.0, 1.0, -1.0, -1.0])
        torch.testing.assert_close(found, wanted.clamp(0, 5))

    @pytest.mark.parametrize("name", ["fgsm", "pgd"])
    def test_it_stays_within_reach_and_makes_the_loss_larger(self, name: str) -> None:
        torch.manual_seed(1)
        weights, given = torch.randn(4, 2), batch()
        task = Toy(adversarial=name, attack_strength=0.3, attack_steps=5)
        found = deceiving(task, given, loss_of(weights))
        reach = 0.3 * given["image"].std(1, keepdim=True)
        assert bool(((found["image"] - given["image"]).abs() <= reach + 1e-6).all())
        assert loss_of(weights)(found) > loss_of(weights)(given)
        assert torch.equal(found["label"], given["label"])

    def test_several_steps_deceive_a_bent_network_more_than_one(self) -> None:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2))
        loss = lambda asked: F.cross_entropy(network(asked["image"]), asked["label"])  # noqa: E731
        one = deceiving(Toy(adversarial="fgsm", attack_strength=1.0), batch(), loss)
        more = deceiving(Toy(adversarial="pgd", attack_strength=1.0, attack_steps=20), batch(), loss)
        assert loss(more) > loss(one) - 0.05

    def test_the_loss_tells_its_two_parts(self) -> None:
        readings = learner(Toy(adversarial="fgsm", attack_share=0.25)).step([batch()], 0, 1.0)
        assert readings["loss"].item() == pytest.approx((readings["loss/clean"] + readings["loss/attacked"]).item())
        assert readings["loss/attacked"] > readings["loss/clean"] / 3, "a quarter of a larger loss"

    def test_a_task_of_two_parts_is_refused(self) -> None:
        with pytest.raises(Refused, match="teaches 2 parts against each other"):
            learner(Forger(adversarial="pgd"))


def test_l1_leaves_fewer_weights_and_touches_no_bias() -> None:
    plain, lasso = (
        learner(Toy(optimiser="sgd", weight_decay=0.0)),
        learner(Toy(optimiser="sgd", weight_decay=0.0, l1=1e-3)),
    )
    before = {name: one.detach().clone() for name, one in lasso.network.named_parameters()}
    for one in (plain, lasso):
        one.step([batch()], 0, 1.0)
    for name, one in lasso.network.named_parameters():
        pulled = plain.network.get_parameter(name) - one
        rate = Toy().learning_rate
        wanted = rate * 1e-3 * before[name].sign() if one.ndim > 1 else torch.zeros_like(one)
        torch.testing.assert_close(pulled, wanted, atol=1e-7, rtol=1e-2)


class TestFreezing:
    def test_frozen_blocks_keep_every_bit_and_the_others_learn(self) -> None:
        one = learner(Toy(freeze=("0", "1"), weight_decay=0.1))
        before = {name: value.clone() for name, value in one.network.state_dict().items()}
        one.step([batch()], 0, 1.0)
        changed = {name for name, value in one.network.state_dict().items() if not torch.equal(value, before[name])}
        assert changed == {"4.weight", "4.bias"}, "neither weights nor running means of what is frozen"

    def test_they_learn_from_the_epoch_that_was_said(self) -> None:
        one = learner(Toy(freeze=("0",), unfreeze=2))
        before = one.network[0].weight.detach().clone()  # type: ignore[index]
        one.step([batch()], 0, 1.0, epoch=1)
        assert torch.equal(one.network[0].weight, before)  # type: ignore[index]
        one.step([batch()], 1, 1.0, epoch=2)
        assert not torch.equal(one.network[0].weight, before)  # type: ignore[index]

    def test_unknown_blocks_and_all_blocks_are_refused(self) -> None:
        network = Toy().build(None)
        with pytest.raises(Refused, match="take some of 0, 1, 4"):
            Frozen(network, ("encoder",), None)
        with pytest.raises(Refused, match="nothing is left that learns"):
            Frozen(network, ("0", "1", "4"), None)
        Frozen(network, ("0", "1", "4"), 1)

    def test_blocks_are_the_outermost_ones_with_weights(self) -> None:
        assert blocks_of(Toy().build(None)) == ("0", "1", "4")
        assert blocks_of(nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1)))) == ("0.0", "0.2")


class TestLayout:
    def test_channels_last_changes_the_layout_and_nothing_else(self) -> None:
        torch.manual_seed(0)
        network = layout.laid(nn.Conv2d(3, 8, 3))
        weight = next(network.parameters())
        assert weight.is_contiguous(memory_format=torch.channels_last)
        laid = layout.laid_batch({"image": torch.randn(2, 3, 8, 8), "label": torch.zeros(2, 8, 8), "name": ["a", "b"]})
        assert laid["image"].is_contiguous(memory_format=torch.channels_last)
        assert laid["name"] == ["a", "b"]

    def test_gradients_from_elsewhere_and_moments_are_laid_out_as_their_weights(self) -> None:
        """A fused step goes through memory: with another layout it would change the wrong weights."""
        steps = []
        for laid in (False, True):
            torch.manual_seed(0)
            network = nn.Conv2d(3, 4, 3)
            gradient = torch.randn(4, 3, 3, 3)
            if laid:
                layout.laid(network)
            network.weight.grad = gradient.clone()
            layout.gradients_as_weights(network.parameters())
            optimiser = torch.optim.AdamW(network.parameters(), 0.1, fused=True)
            optimiser.step()
            kept = optimiser.state_dict()
            kept["state"][0] |= {name: kept["state"][0][name].contiguous() for name in ("exp_avg", "exp_avg_sq")}
            optimiser.load_state_dict(kept)
            layout.as_weights(optimiser)
            optimiser.step()
            steps.append(network.weight.detach().clone())
        assert torch.equal(*steps)

    def test_it_is_automatic_on_a_gpu_in_mixed_precision_alone(self) -> None:
        assert not layout.last(Toy(), CPU, FULL)
        assert not layout.last(Toy(), torch.device("cuda"), FULL)
        assert layout.last(Toy(channels_last="on"), CPU, FULL)

    def test_without_a_compiler_translating_is_refused_in_a_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(layout.shutil, "which", lambda name: None)
        with pytest.raises(Refused, match=r"there is no C\+\+ compiler here .*take compile=off"):
            layout.compiling(Toy(compile="on"), CPU, 0)
        assert not layout.compiling(Toy(), CPU, 10**6), "automatic leaves it"

    def test_a_translation_that_fails_gives_way_to_the_network_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one = learner(Toy())

        def broken(image: Tensor) -> Tensor:
            raise Failed("no such instruction")

        one.called = broken
        one.step([batch()], 0, 1.0)
        assert one.called is one.network
        assert "could not be translated for this machine (no such instruction)" in one.doubts[0]
        other = learner(Toy())
        other.step([batch()], 0, 1.0)
        assert all(map(torch.equal, one.network.state_dict().values(), other.network.state_dict().values()))


class Failed(RuntimeError):
    """As the compiler's own errors are."""


Failed.__module__ = "torch._dynamo.exc"


def test_every_new_field_has_help_and_a_heading() -> None:
    fields = {one.name: one for one in dataclasses.fields(Toy)}
    assert {"l1", "adversarial", "freeze", "unfreeze", "compile", "channels_last", "start"} <= set(fields)


class TestMixup:
    def test_the_loss_is_that_of_both_answers_by_their_shares(self) -> None:
        given, seen = batch(), []

        def network(image: Tensor) -> Tensor:
            seen.append(image)
            return image[:, :2]

        torch.manual_seed(3)
        found = mixed(network, given, 1.0, lambda scores, one: F.cross_entropy(scores, one["label"]))
        (image,) = seen
        torch.manual_seed(3)
        share = float(torch.distributions.Beta(1.0, 1.0).sample())
        order = torch.randperm(8)
        torch.testing.assert_close(image, share * given["image"] + (1 - share) * given["image"][order])
        both = [F.cross_entropy(image[:, :2], given["label"][k]) for k in (torch.arange(8), order)]
        torch.testing.assert_close(found, share * both[0] + (1 - share) * both[1])

    def test_without_strength_nothing_is_mixed_and_nothing_drawn(self) -> None:
        before = torch.default_generator.get_state()
        mixed(lambda image: image, batch(), 0.0, lambda scores, one: scores.sum())
        assert torch.equal(before, torch.default_generator.get_state())
