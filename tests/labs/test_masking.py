"""Masking: a click masks a word or a patch; probabilities, losses and pictures are those of the network."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medviz.figures import Bars, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs.examples import figures_of
from medviz.labs.masked_slice import PictureMask
from medviz.labs.masking import Masking
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.masked import Masked
from medviz.training.trainer import train


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two runs of masked modelling, of words and of patches, hardly taught."""
    folder = tmp_path_factory.mktemp("runs")
    words = Masked(
        data=Settings("report_sentences", (("count", 300),)), device="cpu", steps=4, batch=32,
        network=Settings("bert", (("width", 16), ("depth", 1), ("length", 12))),
    )  # fmt: skip
    patches = Masked(
        data=Settings("phantoms", (("cases", 4), ("size", 32))), side=32, device="cpu", steps=2, batch=2,
        normalise=True, network=Settings("mae", (("patch", 16), ("width", 16), ("depth", 1), ("decoder_width", 16))),
    )  # fmt: skip
    made = {"words": words, "patches": patches}
    return {name: str(finished(train(task, folder / name))) for name, task in made.items()}


def test_a_click_masks_a_word_and_another_shows_it_again() -> None:
    lab = Masking(masked="7", place=7)
    two = lab.dragged("sentence", (2.5, 1.5), (2.5, 1.5))
    assert (two.masked, two.place) == ("2 7", 2)
    back = two.dragged("sentence", (2.5, 0.5), (2.5, 0.5))
    assert (back.masked, back.place) == ("7", 7)
    assert back.dragged("sentence", (7.5, 0.5), (7.5, 0.5)) == back, "one word is always asked for"
    assert two.pointed("sentence", (7, 0), (10, 5)).place == 7
    assert two.pointed("sentence", (3, 0), (10, 5)) == two, "what is not masked is not asked for"
    deck = replace(lab, source="deck")
    assert deck.dragged("sentence", (2.5, 0.5), (2.5, 0.5)) == deck


def test_dragging_over_patches_turns_all_of_them_and_back() -> None:
    lab = Masking(what="patches")
    one = lab.dragged("image", (9.0, 17.0), (9.0, 17.0))
    assert one.turned == "10", "the second row, the third column of eight"
    four = lab.dragged("given", (0.0, 0.0), (15.9, 8.0))
    assert four.turned == "0 1 8 9"
    assert four.dragged("filled", (0.0, 0.0), (0.0, 0.0)).turned == "1 8 9"
    assert four.dragged("error", (0.0, 0.0), (0.0, 0.0)) == four


def test_a_mask_leaves_something_to_see_and_something_to_tell() -> None:
    mask = PictureMask(64, 8)
    assert len(mask.masked(0.75, 0, ())) == 48
    assert len(mask.masked(0.0, 0, ())) == 1
    everything = set(range(64)) - set(mask.masked(0.5, 3, ()))
    assert len(mask.masked(0.5, 3, sorted(everything))) == 63
    assert mask.boxes((9,)) == ((8, 8, 8, 8),)


def test_probabilities_sum_to_one_and_the_loss_is_that_of_the_word(runs: dict[str, str]) -> None:
    shown: dict[str, Any] = figures_of(Masking(model=runs["words"], masked="1 5", place=5))
    table, bars, formula = shown["sentence"], shown["chances"], shown["formula"]
    assert isinstance(table, Table) and isinstance(bars, Bars) and isinstance(formula, Text)
    assert float(bars.values.sum()) == pytest.approx(100, abs=1)
    row = table.rows[5]
    assert row[2] == "▶ ▢" and table.rows[1][2] == "▢" and table.rows[0][3] is None
    assert isinstance(row[3], float) and isinstance(row[4], float)
    assert row[4] == pytest.approx(-math.log(row[3] / 100), abs=0.3)
    assert str(row[1]) in bars.names, "the right word is among them, however unlikely"
    assert "the run words" in shown["story"].text


def test_a_word_it_does_not_know_is_named(runs: dict[str, str]) -> None:
    shown: dict[str, Any] = figures_of(Masking(model=runs["words"], sentence="the xylophone is enlarged", masked="0"))
    assert "does not know xylophone" in shown["story"].text


def test_visible_pixels_stay_and_the_error_is_nought_there(runs: dict[str, str]) -> None:
    chance = np.random.default_rng(0)
    image = Slice(chance.normal(size=(40, 30)), (1.0, 2.0), name="noise")
    shown: dict[str, Any] = figures_of(
        Masking(image=image, what="patches", model=runs["patches"], share_patches=0.5, turned="")
    )
    first, given, filled, error = (shown[name] for name in ("image", "given", "filled", "error"))
    assert all(isinstance(one, Picture) and one.pixels.shape == (32, 32) for one in (first, given, filled, error))
    assert len(first.marks) == 2 and first.drags
    masked = np.zeros((32, 32), bool)
    for one in first.marks:
        masked[int(one.row) : int(one.row) + 16, int(one.col) : int(one.col) + 16] = True
    np.testing.assert_allclose(filled.pixels[~masked], first.pixels[~masked], atol=1e-4)
    np.testing.assert_array_equal(given.pixels[~masked], first.pixels[~masked])
    assert len(np.unique(given.pixels[masked])) == 1
    assert float(np.abs(error.pixels[masked]).max()) > 1e-3
    assert "patterns filled in" in filled.title


def test_a_run_of_the_other_kind_and_what_is_no_number_are_refused(runs: dict[str, str], tmp_path: Path) -> None:
    for lab, words in (
        (Masking(model=runs["patches"]), "not words"),
        (Masking(what="patches", model=runs["words"]), "not patches"),
        (Masking(model=str(tmp_path)), "no weights"),
        (Masking(masked="two"), "no list of whole numbers"),
        (Masking(sentence="  ", model=runs["words"]), "no word in it"),
    ):
        with pytest.raises(Refused, match=words):
            figures_of(lab)
