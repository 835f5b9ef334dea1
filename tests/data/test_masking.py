"""What is masked: as much as is asked for, by chance that comes from outside, and without looking at labels."""

from typing import Any

import numpy as np
import pytest
import torch

from medviz.data.masking import (
    MaskedPictures,
    MaskedWords,
    chosen_words,
    commonness,
    longest,
    replaced,
    shown_of,
    unlabelled,
)
from medviz.data.patches import Case, Patches
from medviz.data.phantoms import Phantoms
from medviz.data.pictures import Pictures, pictures
from medviz.data.words import MASK, PAD, SPECIAL, UNKNOWN, Vocabulary

TEXTS = tuple(f"the {size} {what} is {where}." for size in ("small", "large") for what in ("cyst", "mass", "nodule")
              for where in ("left", "right"))  # fmt: skip
WORDS = Vocabulary.of(TEXTS)


def test_of_the_words_chosen_80_percent_are_masked_10_another_and_10_stay() -> None:
    chance = np.random.default_rng(0)
    ids = torch.full((40_000,), 7)
    chosen = torch.ones(len(ids), dtype=torch.bool)
    put = replaced(ids, chosen, 1005, chance)
    masks, same = float((put == MASK).float().mean()), float((put == 7).float().mean())
    assert masks == pytest.approx(0.8, abs=0.01)
    assert same == pytest.approx(0.1 + 0.1 / 1000, abs=0.01)
    assert int(put.min()) == MASK and int(put.max()) > 900, "another word is any word, and no special token"
    assert torch.equal(replaced(ids, ~chosen, 1005, chance), ids), "what was not chosen stays"


def test_a_share_of_the_words_is_chosen_and_never_what_is_none() -> None:
    ids = torch.tensor([UNKNOWN, *range(len(SPECIAL), len(SPECIAL) + 20), PAD, PAD])
    for seed in range(20):
        chosen = chosen_words(ids, 0.15, np.random.default_rng(seed))
        assert int(chosen.sum()) == 3, "15 % of 20"
        assert not chosen[0] and not chosen[-2:].any()
    assert int(chosen_words(ids[:3], 0.15, np.random.default_rng(0)).sum()) == 1, "at least one"
    assert not chosen_words(torch.full((4,), UNKNOWN), 0.5, np.random.default_rng(0)).any()


def test_sentences_are_masked_the_same_each_time_and_by_chance_when_drawn() -> None:
    words = MaskedWords(TEXTS, WORDS, 10, 0.3)
    one, again = words[3], words[3]
    assert all(torch.equal(one[key], again[key]) for key in ("given", "meant", "chosen"))
    assert (one["given"][one["chosen"]] == MASK).all(), "held-out words are always masked"
    assert torch.equal(one["given"][~one["chosen"]], one["meant"][~one["chosen"]])
    drawn = [words.drawn(3, np.random.default_rng(seed))["chosen"] for seed in range(6)]
    assert len({tuple(row.tolist()) for row in drawn}) > 1
    first, second = (words.drawn(3, np.random.default_rng(1))["given"] for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize(("share", "left"), [(0.75, 16), (0.05, 61), (0.999, 1), (0.0, 63)])
def test_so_many_patches_stay_visible(share: float, left: int) -> None:
    shown = shown_of(64, share, np.random.default_rng(0))
    assert len(shown) == left
    assert torch.equal(shown, shown.unique())


def test_pictures_are_scaled_as_segmentation_scales_them_and_lose_their_labels() -> None:
    data = Phantoms(cases=4, size=32)
    samples = MaskedPictures(pictures(data, 2, 32, held_out=True), 16, 0.5)
    sample = samples[0]
    assert set(sample) == {"image", "shown", "name"}
    whole = data.validation(2)[0]["image"]
    beyond = float((sample["image"] - whole).abs().median())
    assert beyond < 0.1, "the same scale, but for what was cut"
    assert torch.equal(samples[0]["shown"], sample["shown"])


def test_neither_slice_nor_place_is_chosen_by_the_label() -> None:
    chance = np.random.default_rng(3)
    image = chance.normal(size=(1, 24, 24, 24)).astype(np.float32)
    label = np.zeros((24, 24, 24), np.uint8)
    spot = label.copy()
    spot[20:, 20:, 20:] = 1
    for normal in (None, 2):
        size = (8, 8) if normal is not None else (8, 8, 8)
        seen: list[Any] = []
        for one in (label, spot):
            patches = Patches([Case("a", image, one)], size, normal=normal)
            found = unlabelled(Pictures(patches, 8, whole=False))
            seen.append([found.drawn(0, np.random.default_rng(seed))["image"] for seed in range(8)])
        assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))
    bare = Pictures(patches, 8, whole=False)
    assert not all(
        torch.equal(bare.drawn(0, np.random.default_rng(seed))["image"], seen[0][seed]) for seed in range(8)
    ), "it does choose by the label where it has one"


def test_how_common_words_are_sums_to_one_and_special_ones_do_not_count() -> None:
    shares = commonness(TEXTS, WORDS, 10)
    assert shares.sum() == pytest.approx(1.0)
    assert not shares[: len(SPECIAL)].any()
    the, small = WORDS.id("the"), WORDS.id("small")
    assert shares[the] / shares[small] == pytest.approx((12 + 1) / (6 + 1))
    assert longest(TEXTS) == 6
