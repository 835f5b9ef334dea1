"""Diffusion: the schedule in closed form, a step against MONAI's, true noise, and what is known bit for bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.schedulers import DDPMScheduler

from medviz.figures import Curves, Gallery, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.imaging.volume import Stored, Volume
from medviz.labs.codebook import by_book, by_components, cut, joined, nearest, pooled
from medviz.labs.denoising import Denoising
from medviz.labs.denoising_course import estimated, oracle, start_and_fresh, walked
from medviz.labs.denoising_sources import respaced, turned, turned_back
from medviz.labs.denoising_words import SAMPLING, program
from medviz.labs.diffused import as_strong, drawn_noise, inward, lowered, said, schedule
from medviz.labs.examples import figures_of
from medviz.labs.filling import known_in, slice_with_neighbours, squared, unsquared
from medviz.labs.forward_diffusion import ForwardDiffusion
from medviz.labs.guidance import SCALES, Guidance
from medviz.labs.inpainting import HEAD, Inpainting
from medviz.labs.latent_size import LatentSize
from medviz.messages import finished
from medviz.parameters import changed
from medviz.refused import Refused
from medviz.training.using.denoiser import denoiser_in
from medviz.training.using.noising import Schedule
from tests.tasks.test_diffusion import CLASSED, autoencoder, run_of

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


def volume(voxels: np.ndarray, name: str = "drawn") -> Volume:
    return Volume(voxels[None], np.eye(4), Stored("drawn", voxels.shape, "RAS", np.eye(4), voxels.dtype), name=name)


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


# Latent size


@pytest.mark.row("GEN-9")
@pytest.mark.parametrize(("factor", "latent", "fewer"), [(4, "64 × 64 × 8", 64), (8, "32 × 32 × 4", 512)])
def test_the_sizes_are_those_of_the_deck(factor: int, latent: str, fewer: int) -> None:
    lab = LatentSize(factor=factor)
    table = figures_of(lab)["sizes"]
    assert isinstance(table, Table)
    row = next(one for one in table.rows if str(one[0]).startswith("▶"))
    assert row[1] == latent and row[3] == fewer
    assert lab.at_step(lab.step()) == lab


@pytest.mark.row("GEN-9")
def test_means_and_components_are_told_again_with_the_error_they_must_have() -> None:
    values = np.random.default_rng(0).normal(size=(24, 16))
    np.testing.assert_allclose(joined(cut(values, 4)), values)
    assert pooled(values, 4).codes[0, 1, 0] == pytest.approx(values[:4, 4:8].mean())
    errors = [float(((by_components(values, 4, k).again - values) ** 2).sum()) for k in (1, 4, 16)]
    assert errors[0] > errors[1] > errors[2] and errors[2] == pytest.approx(0, abs=1e-6)


@pytest.mark.row("GEN-9")
def test_each_patch_takes_the_nearest_code_of_the_book() -> None:
    made = by_book(np.random.default_rng(0).normal(size=(32, 32)), 4, 3, 8, 0)
    assert made.index is not None and made.book is not None and made.before is not None
    far = np.linalg.norm(made.before[:, :, None] - made.book, axis=-1)
    assert np.array_equal(made.index, far.argmin(-1)) and len(made.book) == 8
    assert np.array_equal(made.codes, made.book[made.index])
    assert nearest(np.array([[0.2], [0.9]]), np.array([[0.0], [1.0]])).tolist() == [0, 1]


@pytest.mark.parametrize(
    "volume_of", [((0.0, 4.0, 4.0),), ((4.0, 4.0),), ((4.5, 4.0, 4.0),), ((4.0, 4.0, 4.0), (1.0, 1.0, 1.0))]
)
def test_sizes_that_are_none_are_refused(volume_of: Any) -> None:
    with pytest.raises(Refused):
        figures_of(LatentSize(volume=volume_of))


# Guidance


@pytest.mark.row("GEN-10")
def test_guidance_goes_from_without_to_with_the_prompt_and_beyond() -> None:
    shown = figures_of(Guidance(scale=3.0))
    without, asked, told = (shown[name].pixels for name in ("without", "asked", "told"))  # type: ignore[union-attr]
    np.testing.assert_allclose(told, without + 3 * (asked - without), atol=1e-5)
    scales = figures_of(Guidance(scale=1.0))["scales"]
    assert isinstance(scales, Gallery) and len(scales.tiles) == len(SCALES)


@pytest.mark.row("GEN-10")
@pytest.mark.parametrize(("prompt", "rows", "cols"), [("a large bright box at the upper right", 0, 1),
                                                      ("a large bright ball at the lower left", 1, 0)])  # fmt: skip
def test_what_comes_out_lies_where_the_prompt_says(prompt: str, rows: int, cols: int) -> None:
    made = figures_of(Guidance(prompt=prompt))["scales"]
    assert isinstance(made, Gallery)
    quarters = made.tiles[1].reshape(2, 8, 2, 8).mean(axis=(1, 3))
    assert np.unravel_index(int(quarters.argmax()), (2, 2)) == (rows, cols)


@pytest.mark.row("GEN-10")
def test_each_word_has_a_map_and_no_prompt_has_none() -> None:
    shown = figures_of(Guidance(prompt="a small dark box"))
    assert isinstance(shown["maps"], Gallery) and shown["maps"].titles == ("a", "small", "dark", "box")
    assert "maps" not in figures_of(Guidance(prompted=False))
    assert "not taught elephant" in words(Guidance(prompt="a large elephant"), "story")


def test_prompts_without_words_and_with_too_many_are_refused() -> None:
    for prompt in ("  ", "a " * 9):
        with pytest.raises(Refused):
            figures_of(Guidance(prompt=prompt))


# Inpainting


@pytest.mark.row("GEN-11")
@pytest.mark.parametrize("fills", ["inside", "outside"])
@pytest.mark.parametrize("rounds", [1, 2])
def test_known_voxels_stay_bit_for_bit(fills: str, rounds: int) -> None:
    lab = Inpainting(fills=fills, rounds=rounds, length=20)
    shown = figures_of(lab)
    seen = slice_with_neighbours(HEAD, "axial", 50)
    inside = np.zeros(seen.values.shape, bool)
    left, top, right, bottom = lab._pixels(inside.shape)
    inside[top:bottom, left:right] = True
    known = ~inside if fills == "inside" else inside
    result = shown["result"].pixels  # type: ignore[union-attr]
    assert np.array_equal(result[known], seen.values[known])
    assert (result[~known] != seen.values[~known]).mean() > 0.9
    check = shown["check"]
    assert isinstance(check, Text) and check.level == "good"


@pytest.mark.row("GEN-11")
def test_what_is_filled_in_is_nearer_to_the_slice_than_the_mean_of_the_rim() -> None:
    story = words(Inpainting(), "story")
    apart, flat = (float(story.split(word)[1].split()[0].rstrip(";,")) for word in ("the slice by ", "rim would by "))
    assert apart < flat


@pytest.mark.row("GEN-11")
def test_a_dragged_box_moves_and_a_drag_beside_it_draws_another() -> None:
    lab = Inpainting(box=((25.0, 25.0, 50.0, 50.0),))
    assert lab.dragged("image", (24, 24), (28, 30)).box == ((34.375, 31.25, 59.375, 56.25),)
    assert lab.dragged("image", (50, 50), (60, 56)).box == ((78.125, 78.125, 87.5, 93.75),)
    assert lab.dragged("result", (24, 24), (28, 30)) is lab


@pytest.mark.parametrize("box", [((40.0, 40.0, 40.0, 60.0),), ((0.0, 0.0, 100.0, 100.0),), ((1.0, 2.0),)])
@pytest.mark.parametrize("fills", ["inside", "outside"])
def test_a_box_of_no_size_and_one_over_everything_are_refused(box: Any, fills: str) -> None:
    with pytest.raises(Refused):
        figures_of(Inpainting(box=box, fills=fills))


def test_holes_colours_and_a_single_pixel_are_refused() -> None:
    holes = np.ones((12, 12, 3))
    holes[4, 4, 1] = np.nan
    for image in (volume(holes), volume(np.ones((1, 1, 1))), volume(np.ones((12, 12, 3)))):
        with pytest.raises(Refused):
            figures_of(Inpainting(image=image))


def test_a_pixel_of_the_square_is_known_where_all_below_it_is() -> None:
    unknown = np.zeros((64, 48), bool)
    unknown[10, 10] = True
    assert np.count_nonzero(~known_in(unknown, 32)) == 1
    assert known_in(np.zeros((8, 8), bool), 32).all()


def test_a_slice_brought_into_the_square_and_back_is_nearly_the_same() -> None:
    seen = slice_with_neighbours(HEAD, "sagittal", 40)
    again = unsquared(seen, squared(seen, seen.values, 64))
    assert again.shape == seen.values.shape
    assert np.abs(again - np.clip(seen.values, seen.low, seen.high)).mean() < 0.05 * (seen.high - seen.low)


# Runs


@pytest.fixture(scope="module")
def classed_run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a run that knows ten classes of digits in 8 × 8 px, 40 steps of noise, hardly taught."""
    task = replace(CLASSED, steps=8, learning_rate=0.02, ema=0.5, probe_every=100, validate_every=8, held_out=2)
    return str(run_of(task, tmp_path_factory.mktemp("runs") / "digits")[0])


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


@pytest.mark.row("GEN-11")
def test_a_run_fills_and_known_voxels_stay_bit_for_bit(classed_run: str) -> None:
    check = figures_of(Inpainting(source="run", run=classed_run, length=10))["check"]
    assert isinstance(check, Text) and check.level == "good" and "8 × 8 px" in check.text


@pytest.mark.row("GEN-9")
def test_an_autoencoder_run_tells_the_slice_again(tmp_path: Path) -> None:
    shown = figures_of(LatentSize(image=RAMP, way="run", run=autoencoder(tmp_path / "coder")))
    latent, again = shown["latent"], shown["again"]
    assert isinstance(latent, Picture) and isinstance(again, Picture)
    assert latent.pixels.shape == (4, 4) and again.pixels.shape == (8, 8)
