"""Labs of words and pictures as vectors: rows of a table, pairs of a window, and CLIP's matrix."""

import math

import numpy as np
import pytest
import torch

from medviz.data.report_grammar import FAMILIES
from medviz.data.words import Vocabulary
from medviz.figures import Bars, Heatmap, Table, Text
from medviz.labs import words_taught
from medviz.labs.clip import ClipLab
from medviz.labs.examples import figures_of
from medviz.labs.tokens import DECK_TEXT, Tokens
from medviz.labs.word2vec import Word2VecLab, planted
from medviz.labs.words_taught import cost, counted
from medviz.refused import Refused
from medviz.training.pairing import word_pairs
from tests.standard import a_sentence


@pytest.mark.row("SEQ-1")
def test_a_look_up_is_a_one_hot_vector_times_the_table() -> None:
    found = figures_of(Tokens(text="the lung is clear, the heart is large", source="reports", width=4))
    ids, vectors, table = found["ids"], found["vectors"], found["table"]
    assert isinstance(ids, Heatmap) and isinstance(vectors, Heatmap) and isinstance(table, Heatmap)
    rows = [int(name.split()[0]) for name in table.row_names]
    for at, one in enumerate(ids.values[:, 0]):
        hot = np.array([row == one for row in rows], float)
        np.testing.assert_allclose(hot @ table.values, vectors.values[at])
    assert len(table.marks) == len(set(ids.values[:, 0].tolist())), "each row that is looked up lights up"


def test_pointing_at_a_token_asks_about_it_and_a_text_without_words_is_refused() -> None:
    lab = Tokens(text=DECK_TEXT).pointed("vectors", (6, 2), (9, 3))
    assert lab.place == 6 and lab.steps() == 9
    assert "“the” → id 0" in figures_of(lab)["formula"].text  # type: ignore[union-attr]
    with pytest.raises(Refused) as refusal:
        figures_of(Tokens(text="  "))
    a_sentence(refusal.value)


@pytest.mark.row("SEQ-13")
def test_the_pairs_so_far_are_those_of_the_window() -> None:
    words = ("no", "sign", "of", "a", "nodule")
    for place in range(5):
        lab = Word2VecLab(text="no sign of a nodule.", window=2, place=place, vectors="planted")
        shown = figures_of(lab)["pairs"]
        assert isinstance(shown, Table)
        assert shown.rows == tuple(
            pair for pair, at in zip(word_pairs(words, 2), _centres(words, 2), strict=True) if at <= place
        )


def _centres(words: tuple[str, ...], window: int) -> list[int]:
    return [at for at in range(len(words)) for near in range(len(words)) if 0 < abs(near - at) <= window]


@pytest.mark.row("SEQ-13")
def test_arithmetic_on_planted_vectors_is_exact() -> None:
    table = planted()
    row = {word: table.vectors[table.words.id(word)] for word in table.words.words}
    torch.testing.assert_close(row["hepatic"] - row["liver"] + row["kidney"], row["renal"])
    assert (table.right, table.asked) == (1.0, 12)


def test_words_taught_at_once_find_most_analogies_and_their_loss_is_that_of_a_loop() -> None:
    table = figures_of(Word2VecLab())["story"]
    assert isinstance(table, Text)
    right, asked = int(table.text.split("; ")[1].split()[0]), sum(len(p) * (len(p) - 1) for p in FAMILIES.values())
    assert f"of {asked} analogies" in table.text and right > 0.6 * asked
    few = words_taught.Counted(Vocabulary(("a",)), torch.tensor([[0.0, 2.0], [2.0, 1.0]]), torch.tensor([0.25, 0.75]))
    scores = torch.tensor([[0.5, -1.0], [2.0, 0.1]])
    noise = torch.tensor([0.25, 0.75]) ** 0.75
    noise = noise / noise.sum()
    total = 0.0
    for i in range(2):
        for j in range(2):
            pair = float(few.pairs[i, j]) / 5
            total -= pair * math.log(1 / (1 + math.exp(-float(scores[i, j]))))
            bad = sum(float(noise[k]) * math.log(1 / (1 + math.exp(float(scores[i, k])))) for k in range(2))
            total -= pair * 3 * bad
    assert float(cost(scores, few, 3)) == pytest.approx(total, rel=1e-5)
    softmax = -sum(float(few.pairs[i, j]) / 5 * float(scores[i].log_softmax(0)[j]) for i in range(2) for j in range(2))
    assert float(cost(scores, few, 0)) == pytest.approx(softmax, rel=1e-5)
    assert torch.equal(counted(2, 0).pairs, counted(2, 0).pairs.T)


def test_a_word_without_a_vector_is_told_and_nothing_breaks() -> None:
    found = figures_of(Word2VecLab(vectors="planted", a="unicorn"))
    assert isinstance(found["formula"], Text) and "“unicorn” has no vector" in found["formula"].text
    assert found["formula"].level == "warning"


@pytest.mark.row("SEQ-14")
@pytest.mark.parametrize("many", [2, 8, 12])
def test_no_idea_costs_ln_n_and_rows_share_out_all(many: int) -> None:
    found = figures_of(ClipLab(source="uniform", many=many))
    assert isinstance(found["loss"], Text) and f"= {math.log(many):.3f}; ln {many}" in found["loss"].text
    shares = found["shares"]
    assert isinstance(shares, Heatmap)
    np.testing.assert_allclose(shares.values.sum(1), 100, atol=0.5)


def test_the_small_clip_tells_light_and_place_and_says_what_it_never_learnt() -> None:
    places = ("upper left", "upper right", "lower left", "lower right", "in the middle")
    prompts = "; ".join(f"a large dark shell {'' if 'middle' in one else 'at the '}{one}" for one in places)
    found = figures_of(ClipLab(prompts=prompts))
    bars = found["prompts"]
    assert isinstance(bars, Bars) and places[int(np.argmax(bars.values))] == "lower right"
    story = figures_of(ClipLab(prompts="an x-ray of a fracture; a small bright ball", asked="row", row=2))["story"]
    assert isinstance(story, Text) and "never learnt: an, x, -, ray, of, fracture" in story.text
    for wrong in ("", "a ball", "a ball; a ball"):
        with pytest.raises(Refused) as refusal:
            figures_of(ClipLab(prompts=wrong))
        a_sentence(refusal.value)
