"""The way back from noise: the algorithms to the letter, what is known stays, chance belongs to each sample alone."""

from typing import Any

import pytest
import torch
from torch import Tensor

from medviz.messages import Progress, finished
from medviz.training.using.denoising import Known, Way, denoised, guiding, noise_of, sources
from medviz.training.using.noising import Schedule

FEW = Schedule.of(steps=20, low=5e-3, high=0.4)
SHAPE = (1, 6, 6)


def chance(count: int = 2, seed: int = 0) -> list[torch.Generator]:
    return sources(torch.Generator().manual_seed(seed), count)


def bent(x: Tensor, t: Tensor) -> Tensor:
    """Stands for a network: it tells something of x and t."""
    return torch.tanh(x) * (0.5 + t.reshape(-1, 1, 1, 1) / 40)


def oracle(x0: Tensor, way: Way) -> Any:
    """Knows the picture, and tells what is asked of it."""

    def tell(x: Tensor, t: Tensor) -> Tensor:
        return FEW.target(way.prediction, x0, t, FEW.noise(x, t, x0))

    return tell


def test_ddpm_with_all_steps_is_algorithm_2_to_the_letter() -> None:
    found = finished(denoised(bent, Way(FEW, sampler="ddpm", steps=None), SHAPE, chance()))
    drawn = chance()
    x = noise_of(drawn, SHAPE)  # line 1
    for t in range(20, 0, -1):  # line 2
        alpha, left = float(FEW.alpha[t - 1]), float(FEW.alpha_bar[t - 1])
        told = bent(x, torch.full((2,), t))
        z = noise_of(drawn, SHAPE) if t > 1 else torch.zeros_like(x)  # line 3
        mean = (x - (1 - alpha) / (1 - left) ** 0.5 * told) / alpha**0.5
        x = mean + FEW.sigma(t) * z  # line 4
    torch.testing.assert_close(found, x, rtol=0, atol=1e-4)


@pytest.mark.parametrize("prediction", ["noise", "picture", "velocity"])
@pytest.mark.parametrize(
    "more",
    [
        {"sampler": "ddpm", "steps": None},
        {"sampler": "ddpm", "steps": 5},
        {"steps": 5},
        {"steps": 5, "eta": 0.7, "bounds": True},
    ],
    ids=["ddpm", "ddpm in 5", "ddim in 5", "ddim with fresh noise, in bounds"],
)
def test_an_oracle_leads_every_way_to_the_picture(prediction: str, more: dict[str, Any]) -> None:
    x0 = torch.rand((2, *SHAPE), generator=torch.Generator().manual_seed(5)) * 2 - 1
    way = Way(FEW, prediction, **more)
    found = finished(denoised(oracle(x0, way), way, SHAPE, chance()))
    torch.testing.assert_close(found, x0, rtol=0, atol=1e-3)


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_what_is_known_comes_back_bit_for_bit_and_is_noised_on_the_way(sampler: str, rounds: int) -> None:
    image = torch.rand((1, *SHAPE), generator=torch.Generator().manual_seed(5)) * 2 - 1
    mask = torch.zeros((1, 1, 6, 6), dtype=torch.bool)
    mask[..., :4] = True
    seen: list[tuple[int, Tensor]] = []
    way = Way(FEW, sampler=sampler, steps=None, rounds=rounds)
    work = denoised(bent, way, SHAPE, chance(), known=Known(image, mask), seen=lambda t, x, _: seen.append((t, x)))
    found = finished(work)
    where = mask.expand_as(found)
    assert torch.equal(found[where], image.expand_as(found)[where])
    assert not torch.equal(found[~where], image.expand_as(found)[~where])
    assert len(seen) == 19 * rounds + 1
    for t, x in seen:
        if t in (1, 10):
            spread = float((x - FEW.left(t) ** 0.5 * image)[where].std())
            assert spread == pytest.approx((1 - FEW.left(t)) ** 0.5, rel=0.35)


def test_a_sample_is_the_same_whatever_is_made_beside_it() -> None:
    way = Way(FEW, sampler="ddpm", steps=6)
    two = finished(denoised(bent, way, SHAPE, chance(2)))
    five = finished(denoised(bent, way, SHAPE, chance(5)))
    torch.testing.assert_close(two, five[:2])
    assert not torch.allclose(five[0], five[1])
    assert not torch.allclose(two, finished(denoised(bent, way, SHAPE, chance(2, seed=1))))


def test_it_says_each_step_learns_nothing_and_can_be_left() -> None:
    weight = torch.ones((), requires_grad=True)
    before = torch.random.get_rng_state()
    work = denoised(lambda x, t: x * weight, Way(FEW, steps=4), SHAPE, chance())
    said = [next(work), next(work)]
    assert said == [Progress(1, 4, "denoising"), Progress(2, 4, "denoising")]
    assert torch.is_grad_enabled(), "between two steps nothing is turned off"
    work.close()
    with pytest.raises(StopIteration):
        next(work)
    assert torch.equal(before, torch.random.get_rng_state()), "the process's own chance is left alone"
    assert not finished(denoised(lambda x, t: x * weight, Way(FEW, steps=4), SHAPE, chance())).requires_grad


def test_guidance_asks_twice_only_where_it_must() -> None:
    asked: list[bool] = []

    def told(x: Tensor, t: Tensor, condition: bool) -> Tensor:
        asked.append(condition)
        return torch.full_like(x, float(condition))

    x, t = torch.zeros((1, *SHAPE)), torch.ones(1, dtype=torch.long)
    for scale, wanted in ((0.0, [False]), (1.0, [True]), (3.0, [True, False])):
        asked.clear()
        assert torch.equal(guiding(told, scale)(x, t), torch.full_like(x, scale))
        assert asked == wanted
