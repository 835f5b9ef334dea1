"""Latent size, guidance and inpainting: the deck's sizes, the words of a prompt, and what is known bit for bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medviz.figures import Gallery, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.imaging.volume import Stored, Volume
from medviz.labs.codebook import by_book, by_components, cut, joined, nearest, pooled
from medviz.labs.examples import figures_of
from medviz.labs.filling import known_in, slice_with_neighbours, squared, unsquared
from medviz.labs.guidance import SCALES, Guidance
from medviz.labs.inpainting import HEAD, Inpainting
from medviz.labs.latent_size import LatentSize
from medviz.refused import Refused
from tests.tasks.test_diffusion import autoencoder

RAMP = Slice(np.add.outer(np.arange(40.0), np.arange(30.0) ** 1.5), (1.0, 1.0), ("R", "L", "A", "P"), name="ramp")


def words(lab: Any, name: str) -> str:
    figure = figures_of(lab)[name]
    assert isinstance(figure, Text)
    return figure.text


def volume(voxels: np.ndarray, name: str = "drawn") -> Volume:
    return Volume(voxels[None], np.eye(4), Stored("drawn", voxels.shape, "RAS", np.eye(4), voxels.dtype), name=name)


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
