"""The losses are those of the literature, and sane where a class is absent."""

import math

import pytest
import torch
import torch.nn.functional as F
from monai.losses import BoundaryLoss, DiceLoss, FocalLoss, GeneralizedDiceLoss, TverskyLoss

from medviz.training.losses import (
    LOSSES,
    boundary,
    class_weights,
    cross_entropy,
    dice,
    focal,
    focal_tversky,
    generalised_dice,
    loss_of,
    tversky,
)

SHAPES = [(2, 3, 8, 9), (2, 4, 5, 6, 7)]


def drawn(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(sum(shape))
    label = torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=made)
    return (2 * torch.randn(shape, generator=made)).to(dtype).requires_grad_(), label


@pytest.mark.parametrize("shape", SHAPES, ids=str)
class TestAgainstMonai:
    """Background left out and sums over the batch, as ours are."""

    def test_dice(self, shape: tuple[int, ...]) -> None:
        scores, label = drawn(shape)
        theirs = DiceLoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
        assert dice(scores, label).item() == pytest.approx(theirs(scores, label[:, None]).item(), rel=1e-5)

    def test_tversky(self, shape: tuple[int, ...]) -> None:
        scores, label = drawn(shape)
        theirs = TverskyLoss(include_background=False, to_onehot_y=True, softmax=True, batch=True, alpha=0.2, beta=0.8)
        assert tversky(scores, label, 0.2, 0.8).item() == pytest.approx(theirs(scores, label[:, None]).item(), rel=1e-5)

    def test_generalised_dice(self, shape: tuple[int, ...]) -> None:
        scores, label = drawn(shape)
        theirs = GeneralizedDiceLoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
        ours = generalised_dice(scores, label).item()
        assert ours == pytest.approx(theirs(scores, label[:, None]).item(), rel=1e-2), "theirs adds 1e-5 to tiny sums"

    def test_boundary_has_the_same_gradient(self, shape: tuple[int, ...]) -> None:
        scores, label = drawn(shape)
        theirs = BoundaryLoss(include_background=False, to_onehot_y=True, softmax=True)
        (wanted,) = torch.autograd.grad(theirs(scores, label[:, None]), scores)
        (found,) = torch.autograd.grad(boundary(scores, label), scores)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-8)

    def test_focal(self, shape: tuple[int, ...]) -> None:
        scores, label = drawn(shape)
        theirs = FocalLoss(to_onehot_y=True, use_softmax=True, gamma=1.5, reduction="mean")
        by_class = theirs(scores, label[:, None]).item() * shape[1]  # they divide by the number of classes too
        assert focal(scores, label, 1.5).item() == pytest.approx(by_class, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES.options)
class TestEachLoss:
    def test_it_is_small_when_right_and_large_when_wrong(self, name: str) -> None:
        label = torch.tensor([[[0, 1, 2, 1]]])
        right = 20.0 * F.one_hot(label, 3).movedim(-1, 1).float()
        wrong = 20.0 * F.one_hot((label + 1) % 3, 3).movedim(-1, 1).float()
        assert loss_of(name)(right, label).item() < 1e-3
        assert loss_of(name)(wrong, label).item() > 0.9

    @pytest.mark.parametrize("present", [(0,), (1,), (0, 2), (2,)])
    def test_classes_that_are_absent_leave_it_finite_and_learnable(self, name: str, present: tuple[int, ...]) -> None:
        scores, _ = drawn((2, 3, 6, 6))
        label = torch.tensor(present)[torch.randint(0, len(present), (2, 6, 6))]
        loss = loss_of(name)(scores, label)
        loss.backward()
        assert math.isfinite(loss.item())
        assert 0 <= loss.item() < 10
        assert scores.grad is not None
        assert scores.grad.isfinite().all()
        assert scores.grad.abs().sum() > 0, "a batch of background alone teaches too"

    def test_a_step_along_its_gradient_makes_it_smaller(self, name: str) -> None:
        scores, label = drawn((2, 3, 6, 6))
        loss = loss_of(name)(scores, label)
        (slope,) = torch.autograd.grad(loss, scores)
        step = 0.1 * loss.item() / slope.square().sum().item()
        assert loss_of(name)(scores - step * slope, label) < loss

    def test_half_precision_scores_are_taken_in_full(self, name: str) -> None:
        scores, label = drawn((1, 3, 64, 64), torch.bfloat16)
        found = loss_of(name)(scores, label)
        assert found.dtype == torch.float32
        assert found.item() == pytest.approx(loss_of(name)(scores.float(), label).item(), rel=1e-6)


def test_an_absent_class_is_no_error() -> None:
    """Where a class neither is nor is found, MONAI's Dice counts a full error for a trace of probability."""
    label = torch.tensor([[[0, 1, 0, 1]]])
    scores = 12.0 * F.one_hot(label, 3).movedim(-1, 1).float()
    theirs = DiceLoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    assert theirs(scores, label[:, None]).item() > 0.3
    assert dice(scores, label).item() < 1e-4


def test_misses_cost_what_is_asked() -> None:
    label = torch.tensor([[[1, 1, 0, 0]]])
    missed = 20.0 * F.one_hot(torch.tensor([[[1, 0, 0, 0]]]), 2).movedim(-1, 1).float()
    extra = 20.0 * F.one_hot(torch.tensor([[[1, 1, 1, 0]]]), 2).movedim(-1, 1).float()
    strict, lenient = loss_of("tversky", misses=0.9), loss_of("tversky", misses=0.1)
    assert strict(missed, label) > lenient(missed, label)
    assert strict(extra, label) < lenient(extra, label)


def test_focal_tversky_pulls_harder_where_it_is_nearly_right() -> None:
    label = torch.tensor([[[1, 1, 0, 0]]])
    nearly = (4.0 * F.one_hot(label, 2).movedim(-1, 1).float()).requires_grad_()
    assert focal_tversky(nearly, label, 0.7, 1.0).item() == pytest.approx(tversky(nearly, label).item(), rel=1e-4)
    (plain,) = torch.autograd.grad(tversky(nearly, label), nearly)
    (sharp,) = torch.autograd.grad(focal_tversky(nearly, label, 0.7, 4 / 3), nearly)
    assert sharp.abs().sum() > plain.abs().sum()


def test_a_far_mistake_costs_more_than_a_near_one() -> None:
    label = torch.zeros(1, 1, 12, dtype=torch.long)
    label[0, 0, 2:4] = 1
    near, far = label.clone(), label.clone()
    near[0, 0, 4], far[0, 0, 11] = 1, 1
    costs = [boundary(20.0 * F.one_hot(one, 2).movedim(-1, 1).float(), label).item() for one in (label, near, far)]
    assert costs[0] == pytest.approx(0, abs=1e-6)
    assert costs[2] == pytest.approx(8 * costs[1], rel=1e-3), "8 pixels away and 1 pixel away"


@pytest.mark.parametrize(("smoothing", "balance"), [(0.0, 0.0), (0.2, 0.0), (0.0, 1.0), (0.1, 0.5)])
def test_balanced_and_smoothed_entropy_is_torchs(smoothing: float, balance: float) -> None:
    scores, label = drawn((2, 3, 6, 6))
    counts = torch.bincount(label.reshape(-1), minlength=3) / label.numel()
    wanted = F.cross_entropy(scores, label, counts**-balance, label_smoothing=smoothing)
    assert cross_entropy(scores, label, smoothing, balance).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_balanced_fully_each_class_counts_alike() -> None:
    label = torch.zeros(1, 10, 10, dtype=torch.long)
    label[0, 0, 0] = 2
    weights = class_weights(label, 4, 1.0)
    assert weights[1] == weights[3] == 0
    assert (weights[0] * 99).item() == pytest.approx((weights[2] * 1).item(), rel=1e-5)
