"""Diffusion: the schedule in closed form, a step against MONAI's, true noise, and what is known bit for bit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.schedulers import DDPMScheduler

from medviz.figures import Curves, Gallery, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.denoising import Denoising
from medviz.labs.denoising_course import estimated, oracle, start_and_fresh, walked
from medviz.labs.denoising_sources import respaced, turned, turned_back
from medviz.labs.denoising_words import SAMPLING, program
from medviz.labs.diffused import as_strong, drawn_noise, inward, lowered, said, schedule
from medviz.labs.examples import figures_of
from medviz.labs.forward_diffusion import ForwardDiffusion
from medviz.labs.inpainting import Inpainting
from medviz.labs.latent_size import LatentSize
from medviz.messages import finished
from medviz.parameters import changed
from medviz.refused import Refused
from medviz.training.using.denoiser import denoiser_in
from medviz.training.using.noising import Schedule

RAMP = Slice(np.add.outer(np.arange(40.0), np.arange(30.0) ** 1.5), (1.0, 1.0), ("R", "L", "A", "P"), name="ramp")
HOLES = Slice(np.where(np.eye(20) > 0, np.nan, 1.0), name="holes")
PIXEL = Slice(np.ones((1, 1)), name="pixel")


def words(lab: Any, name: str) -> str:
    figure = figures_of(lab)[name]
    assert isinstance(figure, Text)
    return figure.text


def pixels(lab: Any, name: str) -> np.ndarray:
    figure = figures_of(lab)[name]
    assert isinstance(figure, Picture)
    return figure.pixels


# Forward


@pytest.mark.row("GEN-6")
@pytest.mark.parametrize(("t", "left"), [(1, 0.9999), (500, 0.07859), (1000, 4.036e-5)])
def test_what_is_left_of_the_slice_is_that_of_the_paper(t: int, left: float) -> None:
    assert schedule("linear", 1000).left(t) == pytest.approx(left, rel=1e-3)
    assert f"ᾱ{lowered(t)} = {said(left)}" in words(ForwardDiffusion(t=t), "formula")


@pytest.mark.row("GEN-6")
def test_picture_and_noise_are_as_strong_as_each_other_at_259() -> None:
    left = schedule("linear", 1000).alpha_bar
    assert int(np.argmin(np.abs(left / (1 - left) - 1))) + 1 == 259
    assert "at t = 259" in words(ForwardDiffusion(), "story")


@pytest.mark.row("GEN-6")
def test_the_mixture_is_the_two_amounts_of_slice_and_noise() -> None:
    lab = ForwardDiffusion(image=RAMP, t=300)
    shown, left = figures_of(lab), schedule("linear", 1000).left(300)
    clean, noise, noised = (shown[name].pixels for name in ("clean", "noise", "noised"))  # type: ignore[union-attr]
    np.testing.assert_allclose(noised, np.sqrt(left) * clean + np.sqrt(1 - left) * noise, atol=1e-5)
    assert clean.min() == -1 and clean.max() == 1


@pytest.mark.row("GEN-6")
def test_steps_of_the_chain_multiply_to_the_closed_form() -> None:
    plan = schedule("linear", 1000)
    signal, variance = 1.0, 0.0
    for beta in plan.beta[:200]:
        signal, variance = signal * np.sqrt(1 - beta), variance * (1 - beta) + beta
    assert (signal, variance) == (pytest.approx(np.sqrt(plan.left(200))), pytest.approx(1 - plan.left(200)))


@pytest.mark.row("GEN-6")
def test_at_the_end_the_histogram_is_that_of_a_normal_distribution() -> None:
    lab = ForwardDiffusion(t=1000)
    figure = figures_of(lab)["histogram"]
    assert isinstance(figure, Curves)
    now, normal = figure.lines[0].y, figure.lines[1].y
    assert float(np.abs(now - normal).sum()) < 12  # of 200 %: 12,288 pixels
    assert float(np.abs(figures_of(replace(lab, t=0))["histogram"].lines[0].y - normal).sum()) > 60  # type: ignore[union-attr]


@pytest.mark.row("GEN-6")
def test_all_four_schedules_are_drawn_and_the_chosen_one_is_whole() -> None:
    figure = figures_of(ForwardDiffusion(schedule="sigmoid"))["ratio"]
    assert isinstance(figure, Curves)
    assert [line.name for line in figure.lines if not line.dashed] == ["sigmoid"] and len(figure.lines) == 4


@pytest.mark.parametrize("kind", [ForwardDiffusion, Denoising, LatentSize])
@pytest.mark.parametrize("image", [HOLES, PIXEL, Slice(np.full((20, 20), 3.0), name="flat")], ids=lambda one: one.name)
def test_a_slice_with_holes_of_one_pixel_or_the_same_everywhere_is_refused_or_shown(kind: Any, image: Slice) -> None:
    lab = kind(image=image) if kind is not Denoising else kind(image=image, source="oracle")
    if kind is LatentSize and image.name == "flat":
        assert "root mean square error 0 " in words(lab, "story")
        return
    with pytest.raises(Refused) as refusal:
        figures_of(lab)
    assert refusal.value.remedy


def test_a_rising_schedule_is_asked_for() -> None:
    with pytest.raises(Refused, match="rise"):
        figures_of(changed(ForwardDiffusion(), low=0.1, high=0.01))


def test_small_numbers_are_written_with_powers_of_ten() -> None:
    assert (said(4.036e-5), said(-2.5e-7, 2), said(0.25), said(0.0)) == ("4.036·10⁻⁵", "−2.5·10⁻⁷", "0.25", "0")


def test_the_brightest_and_darkest_are_the_ends() -> None:
    made = inward(np.arange(1000.0).reshape(20, 50))
    assert (made.min(), made.max(), made.dtype) == (-1, 1, np.float32)


# Denoising


def clean_and_noisy(t: int) -> tuple[Schedule, torch.Tensor, torch.Tensor, torch.Tensor]:
    plan = schedule("linear", 1000)
    clean, noise = torch.rand(1, 1, 8, 8) * 2 - 1, torch.randn(1, 1, 8, 8)
    return plan, clean, noise, plan.noised(clean, t, noise)


@pytest.mark.row("GEN-7")
@pytest.mark.parametrize("t", [1, 2, 259, 1000])
@pytest.mark.parametrize("clip", [False, True])
def test_a_step_is_that_of_monai(t: int, clip: bool) -> None:
    torch.manual_seed(t)
    plan, _, _, noisy = clean_and_noisy(t)
    told = 1.5 * torch.randn(1, 1, 8, 8)
    scheduler = DDPMScheduler(1000, "linear_beta", clip_sample=clip, beta_start=1e-4, beta_end=0.02)
    generator = torch.Generator().manual_seed(5)
    wanted, wanted_clean = scheduler.step(told, t - 1, noisy, generator)
    z = torch.randn(noisy.shape, generator=torch.Generator().manual_seed(5)) if t > 1 else None
    clean, mean = estimated(plan, noisy, t, told, clip)
    found = mean if z is None else mean + plan.sigma(t) * z
    torch.testing.assert_close(clean, wanted_clean, atol=2e-3 if t == 1000 else 1e-4, rtol=1e-4)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.row("GEN-7")
def test_clipping_changes_a_step_that_leaves_the_bounds() -> None:
    plan, _, _, noisy = clean_and_noisy(500)
    told = 3 * torch.randn(1, 1, 8, 8)
    assert not torch.allclose(estimated(plan, noisy, 500, told, True)[1], estimated(plan, noisy, 500, told, False)[1])
    assert estimated(plan, noisy, 500, told, True)[0].abs().max() <= 1


@pytest.mark.row("GEN-7")
def test_with_true_noise_the_slice_comes_out() -> None:
    lab = Denoising(image=RAMP, source="oracle", length=200)
    ends = figures_of(lab)["ends"]
    assert isinstance(ends, Gallery)
    np.testing.assert_allclose(ends.tiles[1], ends.tiles[0], atol=1e-4)
    np.testing.assert_allclose(ends.tiles[2], ends.tiles[0], atol=1e-4)


@pytest.mark.row("GEN-7")
def test_mean_and_fresh_noise_add_up_to_the_next_picture_and_the_last_step_adds_none() -> None:
    lab = Denoising(image=RAMP, source="oracle", at=61)
    for one in (lab, lab.at_step(lab.steps() - 1)):
        shown = figures_of(one)
        mean, fresh, after = (shown[name].pixels for name in ("mean", "fresh", "next"))  # type: ignore[union-attr]
        np.testing.assert_allclose(mean + fresh, after, atol=1e-5)
    assert not pixels(lab.at_step(lab.steps() - 1), "fresh").any()
    assert pixels(lab, "fresh").any()


@pytest.mark.row("GEN-7")
def test_the_way_walked_is_algorithm_2_step_by_step() -> None:
    plan, clean = as_strong("linear", 12), drawn_noise((8, 8), 3)
    tell = oracle(plan, clean)
    course = finished(walked(tell, plan, (8, 8), (7,), False, "ancestral", "a test"))
    drawn = torch.from_numpy(start_and_fresh(7, 12, (8, 8)).copy())[:, None, None]
    x = drawn[0]
    for done, t in enumerate(range(12, 0, -1)):
        z = drawn[done + 1] if t > 1 else torch.zeros_like(x)
        alpha, left = plan.alpha[t - 1], plan.alpha_bar[t - 1]
        told = tell(x, t)
        x = (x - (1 - alpha) / np.sqrt(1 - left) * told) / np.sqrt(alpha) + plan.sigma(t) * z
    np.testing.assert_allclose(course.pictures[-1, 0], x[0, 0].numpy(), atol=1e-5)


@pytest.mark.row("GEN-7")
def test_the_player_goes_line_by_line() -> None:
    lab = Denoising(image=RAMP, source="oracle", length=10)
    marked = [words(lab.at_step(step), "code").split("▶ ")[1][0] for step in range(lab.steps())]
    assert "".join(marked) == "1" + "234" * 10 + "6"
    training = replace(lab, algorithm="training")
    assert [words(training.at_step(step), "code").split("▶ ")[1][0] for step in range(4)] == ["2", "3", "4", "5"]
    assert program(SAMPLING, 4).count("▶") == 1


@pytest.mark.row("GEN-8")
def test_the_decks_formula_stands_beside_that_of_algorithm_2_with_the_same_numbers() -> None:
    lab = Denoising(image=RAMP, source="oracle", at=10, place=(5, 6))
    shown = figures_of(lab)
    x, told = (float(shown[name].pixels[5, 6]) for name in ("noisy", "told"))  # type: ignore[union-attr]
    assert words(lab, "other").endswith(f"= {x - told:.4g}".replace("-", "−"))
    assert words(lab, "formula").endswith(f"= {float(pixels(lab, 'next')[5, 6]):.4g}".replace("-", "−"))
    wrong = replace(lab, rule="subtract")
    np.testing.assert_allclose(pixels(wrong, "next"), pixels(wrong, "noisy") - pixels(wrong, "told"), atol=1e-5)


@pytest.mark.row("GEN-7")
def test_an_oracle_has_no_loss_and_a_network_learns() -> None:
    assert "‖ε − ε_θ‖² = mean of 1,024 squares = 0;" in words(
        Denoising(image=RAMP, source="oracle", algorithm="training", at=7), "formula"
    )
    course = figures_of(Denoising(algorithm="training", at=7))["losses"]
    assert isinstance(course, Curves)
    losses = course.lines[0].y
    assert np.median(losses[-80:]) < 0.5 * np.median(losses[:40])


@pytest.mark.row("GEN-7")
def test_what_a_small_network_makes_looks_like_the_slice_it_was_taught_on() -> None:
    ends = figures_of(Denoising())["ends"]
    assert isinstance(ends, Gallery)
    slice_, *made = ends.tiles
    other = drawn_noise(slice_.shape, 1)
    for one in made:
        assert np.corrcoef(one.ravel(), slice_.ravel())[0, 1] > 0.8 > np.corrcoef(other.ravel(), slice_.ravel())[0, 1]
    assert not np.allclose(made[0], made[1], atol=0.05)


def test_fewer_steps_of_a_schedule_leave_as_much_as_the_same_steps_of_all() -> None:
    whole = schedule("linear", 1000)
    some, times = respaced(whole, 20)
    assert times[0] == 1 and times[-1] == 1000 and len(times) == 20
    np.testing.assert_allclose(some.alpha_bar, whole.alpha_bar[np.array(times) - 1])
    np.testing.assert_allclose(np.cumprod(some.alpha), some.alpha_bar)


def test_pictures_turned_to_the_network_and_back_are_the_same() -> None:
    x = torch.rand(2, 1, 5, 5)
    for mirrored in (True, False):
        assert torch.equal(turned_back(turned(x, mirrored), mirrored), x)


def test_a_run_that_is_none_is_refused(tmp_path: Any) -> None:
    for lab in (Denoising(source="run"), Denoising(source="run", run=str(tmp_path)), Inpainting(source="run"),
                LatentSize(way="run"), LatentSize(way="run", run=str(tmp_path))):  # fmt: skip
        with pytest.raises(Refused):
            figures_of(lab)


# Runs


@pytest.mark.row("GEN-7")
def test_the_network_of_a_run_tells_the_noise_and_its_class_and_guidance_count(classed_run: str) -> None:
    lab = Denoising(image=RAMP, source="run", run=classed_run, length=10, at=4)
    told = {
        (kind, guidance): pixels(replace(lab, kind=kind, guidance=guidance), "told")
        for kind, guidance in ((0, 1.0), (3, 1.0), (3, 4.0))
    }
    assert told[0, 1.0].shape == (8, 8)
    assert not np.allclose(told[0, 1.0], told[3, 1.0]) and not np.allclose(told[3, 1.0], told[3, 4.0])
    assert "asked at 10 of its 40 steps" in words(lab, "story")
    found = denoiser_in(classed_run)
    noisy = torch.from_numpy(pixels(lab, "noisy").copy())[None, None]
    t = respaced(found.schedule, 10)[1][8]  # one step was done, t = 9 of 10
    with torch.no_grad():
        wanted = found.telling([0])(turned(noisy, True), torch.tensor([t]))
    np.testing.assert_allclose(told[0, 1.0], turned_back(wanted, True)[0, 0].numpy(), atol=1e-5)
    with pytest.raises(Refused, match="10 classes"):
        figures_of(replace(lab, kind=10))


@pytest.mark.row("GEN-7")
def test_a_run_can_be_asked_in_training_too(classed_run: str) -> None:
    assert "it is only asked here" in words(
        Denoising(image=RAMP, source="run", run=classed_run, algorithm="training", at=9), "story"
    )
