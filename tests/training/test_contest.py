"""What a generator and a discriminator want of each other, against what paper and probability say."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli

from medviz.training.contest import LOSSES, forger_loss, judge_loss, sureness, value

REAL = torch.tensor([[1.3], [-0.4], [2.2], [0.1]])
FAKE = torch.tensor([[-2.0], [0.7], [0.3], [-5.0]])


@pytest.mark.row("GEN-4")
def test_where_nobody_can_tell_the_value_is_minus_two_ln_two() -> None:
    half = torch.zeros(8, 1)
    assert float(value(half, half)) == pytest.approx(-2 * math.log(2), abs=1e-7)
    assert float(judge_loss("non-saturating", half, half)) == pytest.approx(2 * math.log(2), abs=1e-6)


def test_the_value_is_the_log_probability_of_the_right_answers() -> None:
    wanted = (
        Bernoulli(logits=REAL).log_prob(torch.ones(4, 1)).mean()
        + Bernoulli(logits=FAKE).log_prob(torch.zeros(4, 1)).mean()
    )
    assert float(value(REAL, FAKE)) == pytest.approx(float(wanted), abs=1e-6)
    assert float(judge_loss("minimax", REAL, FAKE)) == pytest.approx(-float(wanted), abs=1e-6)


def test_no_discriminator_does_better_than_the_ratio_of_densities() -> None:
    """Of two Gaussians the best D is p/(p+q); its V is 2·JS − 2 ln 2 (Goodfellow et al., 2014), others less."""
    axis = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    p = torch.exp(-0.5 * (axis - 1) ** 2) / math.sqrt(2 * math.pi)
    q = torch.exp(-0.5 * (axis + 1) ** 2) / math.sqrt(2 * math.pi)

    def told(score: torch.Tensor) -> float:
        return float(torch.trapezoid(p * F.logsigmoid(score) + q * F.logsigmoid(-score), axis))

    best = torch.log(p) - torch.log(q)
    middle = (p + q) / 2
    js = 0.5 * float(torch.trapezoid(p * (p / middle).log() + q * (q / middle).log(), axis))
    assert told(best) == pytest.approx(2 * js - 2 * math.log(2), abs=1e-6)
    assert told(0.8 * best) < told(best) > told(best + 0.2)


@pytest.mark.row("GEN-4")
def test_minimax_hardly_pushes_where_the_judge_is_sure_and_non_saturating_does() -> None:
    score = torch.tensor([-4.0, 0.0, 3.0], requires_grad=True)
    share = score.detach().sigmoid()
    (slope,) = torch.autograd.grad(3 * forger_loss("minimax", score), score)
    torch.testing.assert_close(slope, -share)
    (slope,) = torch.autograd.grad(3 * forger_loss("non-saturating", score), score)
    torch.testing.assert_close(slope, share - 1)


def test_least_squares_and_hinge_are_those_of_their_papers() -> None:
    assert float(judge_loss("least-squares", REAL, FAKE)) == pytest.approx(
        float(((REAL - 1) ** 2).mean() + (FAKE**2).mean())
    )
    assert float(forger_loss("least-squares", FAKE)) == pytest.approx(float(((FAKE - 1) ** 2).mean()))
    wanted = (1 - REAL).clamp(min=0).mean() + (1 + FAKE).clamp(min=0).mean()
    assert float(judge_loss("hinge", REAL, FAKE)) == pytest.approx(float(wanted))
    assert float(forger_loss("hinge", FAKE)) == pytest.approx(-float(FAKE.mean()))


def test_smoothing_takes_certainty_from_what_is_real_alone() -> None:
    wanted = F.binary_cross_entropy_with_logits(REAL, torch.full_like(REAL, 0.9)) + F.binary_cross_entropy_with_logits(
        FAKE, torch.zeros_like(FAKE)
    )
    assert float(judge_loss("non-saturating", REAL, FAKE, 0.1)) == pytest.approx(float(wanted), abs=1e-6)


@pytest.mark.parametrize("name", LOSSES.options)
def test_each_game_pulls_scores_apart_and_the_forger_back(name: str) -> None:
    real, fake = (torch.full((4, 1), 0.4, requires_grad=True) for _ in range(2))
    up, down = torch.autograd.grad(judge_loss(name, real, fake), (real, fake))
    assert float(up.sum()) < 0 < float(down.sum()), "real up, made down"
    (pull,) = torch.autograd.grad(forger_loss(name, fake), fake)
    assert float(pull.sum()) < 0, "made up"
    sure = sureness(name, torch.tensor([-9.0, 0.5 if name == "least-squares" else 0.0, 9.0]))
    assert sure.tolist() == pytest.approx([0.0, 0.5, 1.0], abs=1e-3)
