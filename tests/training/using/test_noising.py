"""The arithmetic of diffusion: closed forms, and the same steps as MONAI's schedulers make."""

from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.schedulers import DDIMScheduler, DDPMScheduler

from medviz.refused import Refused
from medviz.training.using.noising import Schedule, guided, pairs

LINEAR = Schedule.of()
MONAI_NAMES = {"linear": "linear_beta", "scaled-linear": "scaled_linear_beta", "sigmoid": "sigmoid_beta"}


def noise(seed: int, shape: tuple[int, ...] = (2, 1, 6, 6)) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_usual_schedule_leaves_what_it_says() -> None:
    left = LINEAR.alpha_bar
    assert left[0] == pytest.approx(0.9999, abs=1e-12)
    assert left[499] == pytest.approx(0.07859, abs=5e-6)
    assert left[999] == pytest.approx(4.036e-5, abs=5e-9)
    assert LINEAR.even == 259
    assert LINEAR.left(0) == 1.0
    assert LINEAR.left(500) == left[499]


def test_steps_one_by_one_are_the_steps_at_once() -> None:
    x0, variance, share = 1.0, 0.0, 1.0
    for beta in LINEAR.beta[:300]:
        share, variance = share * np.sqrt(1 - beta), (1 - beta) * variance + beta
    ones = np.ones((1, 1, 2, 2))
    assert LINEAR.noised(ones * x0, 300, ones * 0) == pytest.approx(share)
    assert LINEAR.noised(ones * 0, 300, ones) ** 2 == pytest.approx(variance)


@pytest.mark.parametrize("kind", ["linear", "scaled-linear", "sigmoid", "cosine"])
def test_a_schedule_is_that_of_monai(kind: str) -> None:
    mine, theirs = Schedule.of(kind), DDPMScheduler(1000, MONAI_NAMES.get(kind, kind))
    np.testing.assert_allclose(mine.beta, theirs.betas.numpy(), rtol=2e-4, atol=2e-7)
    np.testing.assert_allclose(mine.alpha_bar, theirs.alphas_cumprod.numpy(), rtol=2e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("mine", "theirs"), [("noise", "epsilon"), ("picture", "sample"), ("velocity", "v_prediction")]
)
@pytest.mark.parametrize("t", [1, 2, 259, 1000])
def test_a_step_of_algorithm_2_is_that_of_monai(t: int, mine: str, theirs: str) -> None:
    schedule = Schedule.of()
    x_t, told = noise(1), noise(2)
    other = DDPMScheduler(1000, clip_sample=False, prediction_type=theirs)
    stepped, clean = other.step(told.float(), t - 1, x_t.float(), torch.Generator().manual_seed(7))
    z = torch.randn(x_t.shape, generator=torch.Generator().manual_seed(7))
    found, x0 = schedule.read(mine, x_t.float(), t, told.float())
    torch.testing.assert_close(x0, clean, rtol=2e-3, atol=2e-4)
    torch.testing.assert_close(schedule.step(x_t.float(), t, found, z), stepped, rtol=1e-3, atol=2e-4)


def test_it_is_not_the_step_of_monai_as_that_comes() -> None:
    """By default it cuts x̂₀ to −1 ... 1 (`clip_sample`), which Algorithm 2 does not."""
    x_t, told = noise(1).float(), noise(2).float()
    stepped, clean = DDPMScheduler(1000).step(told, 599, x_t, torch.Generator().manual_seed(7))
    z = torch.randn(x_t.shape, generator=torch.Generator().manual_seed(7))
    assert clean.abs().max() <= 1.0 < LINEAR.clean(x_t, 600, told).abs().max()
    assert (LINEAR.step(x_t, 600, told, z) - stepped).abs().max() > 0.01


def test_the_larger_spread_is_that_of_monai_too() -> None:
    x_t, told = noise(1).float(), noise(2).float()
    other = DDPMScheduler(1000, clip_sample=False, variance_type="fixed_large")
    stepped, _ = other.step(told, 299, x_t, torch.Generator().manual_seed(7))
    z = torch.randn(x_t.shape, generator=torch.Generator().manual_seed(7))
    torch.testing.assert_close(Schedule.of(large=True).step(x_t, 300, told, z), stepped, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("t", "before"), [(1000, 980), (501, 481), (20, 0)])
def test_a_step_of_ddim_is_that_of_monai(t: int, before: int, eta: float) -> None:
    x_t, told = noise(1).float(), noise(2).float()
    other = DDIMScheduler(1000, clip_sample=False)
    other.set_timesteps(50)
    stepped, _ = other.step(told, t - 1, x_t, eta, torch.Generator().manual_seed(7))
    z = torch.randn(x_t.shape, generator=torch.Generator().manual_seed(7))
    torch.testing.assert_close(LINEAR.leap(x_t, t, before, told, z, eta), stepped, rtol=1e-3, atol=2e-4)


def test_ddim_with_full_noise_one_step_at_a_time_is_algorithm_2() -> None:
    x_t, told, z = noise(1), noise(2), noise(3)
    for t in (1, 2, 500, 1000):
        torch.testing.assert_close(LINEAR.leap(x_t, t, t - 1, told, z, 1.0), LINEAR.step(x_t, t, told, z))


def test_who_knows_the_noise_gets_the_picture_back() -> None:
    x0, added = noise(1), noise(2)
    t = torch.tensor([1, 700])
    x_t = LINEAR.noised(x0, t, added)
    torch.testing.assert_close(LINEAR.clean(x_t, t, added), x0)
    torch.testing.assert_close(LINEAR.noise(x_t, t, x0), added)
    for what in ("noise", "picture", "velocity"):
        found, clean = LINEAR.read(what, x_t, t, LINEAR.target(what, x0, t, added))
        torch.testing.assert_close((found, clean), (added, x0))


def test_an_oracle_leads_the_whole_way_back() -> None:
    """With the true noise of each x_t both ways end at the picture, whatever is drawn on the way."""
    x0, chance = noise(1), torch.Generator().manual_seed(3)
    for eta, times in ((1.0, LINEAR.times()), (0.0, LINEAR.times(10))):
        x = noise(2)
        for t, before in pairs(times):
            z = torch.randn(x.shape, generator=chance, dtype=x.dtype)
            x = LINEAR.leap(x, t, before, LINEAR.noise(x, t, x0), z, eta)
        torch.testing.assert_close(x, x0, rtol=1e-9, atol=1e-9)


def test_arrays_and_tensors_are_taken_alike() -> None:
    x0, added, t = noise(1), noise(2), np.array([3, 900])
    for method in ("noised", "clean", "noise", "velocity", "mean"):
        of_tensors: Any = getattr(LINEAR, method)(x0, torch.from_numpy(t), added)
        of_arrays: Any = getattr(LINEAR, method)(x0.numpy(), t, added.numpy())
        np.testing.assert_allclose(of_tensors.numpy(), of_arrays)
    assert LINEAR.noised(x0.float().numpy(), 5, added.float().numpy()).dtype == np.float32


def test_fewer_steps_begin_and_end_where_all_do() -> None:
    assert LINEAR.times() == tuple(range(1000, 0, -1))
    assert LINEAR.times(5) == (1000, 750, 500, 251, 1)
    assert LINEAR.times(5000) == LINEAR.times()
    assert pairs((1000, 500, 1)) == ((1000, 500), (500, 1), (1, 0))


def test_no_fresh_noise_is_added_to_the_picture() -> None:
    assert LINEAR.sigma(1) == 0.0
    x, told = noise(1), noise(2)
    for schedule in (LINEAR, Schedule.of(large=True)):
        assert torch.equal(schedule.step(x, 1, told, noise(3)), schedule.mean(x, 1, told))


def test_guidance_goes_from_without_to_beyond() -> None:
    told, without = noise(1), noise(2)
    assert torch.equal(guided(told, without, 0.0), without)
    torch.testing.assert_close(guided(told, without, 1.0), told)
    torch.testing.assert_close(guided(told, without, 2.0) - told, told - without)


@pytest.mark.parametrize("wrong", [{"kind": "cubic"}, {"steps": 0}, {"low": 0.0}, {"low": 0.3}, {"high": 1.0}])
def test_a_schedule_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        Schedule.of(**wrong)


@pytest.mark.parametrize("t", [0, 1001])
def test_a_step_that_is_not_there_is_refused(t: int) -> None:
    with pytest.raises(Refused, match="1 to 1000"):
        LINEAR.mean(noise(1), t, noise(2))
