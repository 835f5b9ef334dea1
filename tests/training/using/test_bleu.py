"""BLEU against the paper's own examples, and against its definition computed in another way."""

import math

import numpy as np
import pytest

from medviz.training.using.bleu import Bleu, bleu, counted

ONE = "it is a guide to action which ensures that the military always obeys the commands of the party".split()
TWO = "it is to insure the troops forever hearing the activity guidebook that party direct".split()
REFERENCES = [
    "it is a guide to action that ensures that the military will forever heed party commands".split(),
    "it is the guiding principle which guarantees the military forces always being under the command of the party"
    .split(),
    "it is the practical guide for the army always to heed the directions of the party".split(),
]  # fmt: skip


def defined(texts: list[list[str]], references: list[list[list[str]]], most: int) -> float:
    """BLEU by the words of Papineni et al., section 2.3: slow, and shares nothing with the program's own."""
    logs = 0.0
    for size in range(1, most + 1):
        matches = total = 0
        for said, meant in zip(texts, references, strict=True):
            runs = [tuple(said[at : at + size]) for at in range(len(said) - size + 1)]
            total += len(runs)
            for run in set(runs):
                most_often = 0
                for one in meant:
                    often = sum(tuple(one[at : at + size]) == run for at in range(len(one) - size + 1))
                    most_often = max(most_often, often)
                matches += min(runs.count(run), most_often)
        if not matches:
            return 0.0
        logs += math.log(matches / total) / most
    long = sum(len(one) for one in texts)
    short = sum(
        sorted(len(one) for one in meant)[int(np.argmin([abs(size - len(said)) for size in sorted(map(len, meant))]))]
        for said, meant in zip(texts, references, strict=True)
    )
    return math.exp(min(0.0, 1 - short / long) + logs)


def test_the_examples_of_the_paper_come_out() -> None:
    first, second = bleu(ONE, REFERENCES), bleu(TWO, REFERENCES)
    assert (first.matches[0], first.totals[0], first.matches[1], first.totals[1]) == (17, 18, 10, 17)
    assert (second.matches[0], second.totals[0], second.matches[1], second.totals[1]) == (8, 14, 1, 13)
    (the,) = counted(["the"] * 7, [["the", "cat", "is", "on", "the", "mat"]], 1)
    assert (the.said, the.meant, the.counts) == (7, 2, 2)
    assert bleu(ONE, REFERENCES).score() > bleu(TWO, REFERENCES).score() == 0.0


@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_it_is_the_definition_over_a_corpus_of_random_texts(most: int) -> None:
    chance = np.random.default_rng(most)
    words = list("abcd")
    for _ in range(20):
        texts = [chance.choice(words, chance.integers(4, 14)).tolist() for _ in range(3)]
        meant = [[chance.choice(words, chance.integers(4, 14)).tolist() for _ in range(2)] for _ in range(3)]
        found = sum((bleu(said, some) for said, some in zip(texts, meant, strict=True)), Bleu())
        assert found.score(most) == pytest.approx(defined(texts, meant, most), abs=1e-12)


def test_the_same_text_has_one_a_short_one_pays_and_nothing_has_nothing() -> None:
    text = "a large bright ball at the upper left".split()
    assert bleu(text, [text]).score() == 1.0
    short = bleu(text[:4], [text])
    assert short.precision(4) == 1.0 and short.score() == pytest.approx(math.exp(1 - 8 / 4))
    assert bleu([], [text]).score(1) == 0.0 and bleu(text, [[]]).score(1) == 0.0
    assert bleu(["a"], [["a"]]).score(1) == 1.0 and bleu(["a"], [["a"]]).score(2) == 0.0, "it has no run of two"
