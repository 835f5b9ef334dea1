"""word2vec: a window slides over sentences, pairs are told from each other, and words become vectors (deck D2)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from medviz.data.report_grammar import FAMILIES, ORGANS
from medviz.data.words import SPECIAL, Vocabulary, tokens
from medviz.figures import Curves, Figure, Graph, Line, Points, Text
from medviz.figures import Table as TableFigure
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.words_taught import Table, analogies, taught
from medviz.messages import Work
from medviz.parameters import Choice, File, Group, Range, Step, When
from medviz.refused import Refused
from medviz.training import run
from medviz.training.contrasting import analogous, principal
from medviz.training.pairing import word_pairs

Array = NDArray[Any]
MOST, NEAREST = 14, 5
_SENTENCE = "the left lung is clear"
_PLANTED, _ARC_DEG = ("liver", "kidney", "heart", "lung"), (0.0, 50.0, 110.0, 180.0)


def planted() -> Table:
    """Vectors in which each organ has a place on an arc, and the step from noun to adjective is the same for all."""
    words = tuple(word for noun in _PLANTED for word in (noun, ORGANS[noun][0]))
    vectors = torch.zeros(len(SPECIAL) + len(words), 3)
    for at in range(len(words)):
        turn, step = math.radians(_ARC_DEG[at // 2]), 1.0 if at % 2 else -1.0
        vectors[len(SPECIAL) + at] = torch.tensor([math.cos(turn), math.sin(turn), step])
    vocabulary = Vocabulary(words)
    return Table(vocabulary, vectors, np.zeros(0), *analogies(vectors, vocabulary))


def of_run(where: str) -> Table:
    """Load the table of a word2vec run; refuses anything else."""
    weights, about = run.weights(Path(where))
    if (about.get("network") or {}).get("name") != "word2vec" or "words.weight" not in weights:
        raise Refused(where, "it is no run of word2vec", "choose the folder of one, or leave it empty")
    words, vectors = Vocabulary.out_of(about.get("vocabulary")), weights["words.weight"].float()
    if len(words) != len(vectors):
        raise Refused(where, "its words do not fit its table", "train the run anew")
    return Table(words, vectors, np.zeros(0), *analogies(vectors, words))


@dataclass(frozen=True)
class Word2VecLab(Lab):
    """A word is known by its neighbours: pairs as the window slides, vectors taught on them, and arithmetic."""

    TITLE: ClassVar[str] = "word2vec"
    ARRANGE: ClassVar[str] = "sentence / map pairs / nearest course / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Pairs of a window of 2", "SEQ-13", "D2", {"place": 4, "vectors": "planted"},
                {"pairs": "centre context\nthe left\nthe lung\nleft the\nleft lung\nleft is\nlung the\nlung left\n"
                 "lung is\nlung clear\nis left\nis lung\nis clear\nclear lung\nclear is", "story": "14 pairs"},
                text="Play: at each place the word in the middle is paired with up to two on either side."),
        Example("CBOW: the middle from its neighbours", "SEQ-13", "D2",
                {"kind": "cbow", "place": 2, "vectors": "planted"},
                {"pairs": "neighbours centre\nleft lung the\nthe lung is left\nthe left is clear lung"},
                text="Skip-gram asks the other way round: the neighbours from the middle."),
        Example("Planted vectors: exact", "SEQ-13", "D2", {"vectors": "planted"},
                {"formula": "hepatic − liver + kidney = renal (cosine 1)", "story": "12 of 12 analogies"},
                text="If adjective and noun differ by the same step for every organ, arithmetic is exact."),
        Example("Taught on report sentences", "SEQ-13", "D2", {},
                {"formula": "hepatic − liver + kidney ≈ renal"},
                text="Nobody told it what a liver is: 3,000 sentences of our own were read, and pairs counted."),
        Example("Bright and dark", "SEQ-13", "D2", {"a": "hyperintense", "b": "hypointense", "c": "hypoechoic"},
                {"formula": "hyperintense − hypointense + hypoechoic ≈ hyperechoic"},
                text="MRI is to ultrasound as intense is to echoic."),
    )  # fmt: skip

    text: Annotated[str, Group("Window"), "The sentence that the window slides over"] = _SENTENCE
    window: Annotated[int, Range(1, 6, unit="words"), Group("Window"), "How far it reaches to either side"] = 2
    kind: Annotated[
        str, Choice(("skip-gram", "cbow"), ("Skip-gram: neighbours from the middle", "CBOW: middle from neighbours")),
        Group("Window"), "What is told from what",
    ] = "skip-gram"  # fmt: skip
    a: Annotated[str, Group("a − b + c"), "The word to begin with"] = "hepatic"
    b: Annotated[str, Group("a − b + c"), "What is taken away"] = "liver"
    c: Annotated[str, Group("a − b + c"), "What is added"] = "kidney"
    vectors: Annotated[
        str, Choice(("taught", "planted"), ("taught on report sentences", "planted by hand")), Group("Vectors"),
        "Where the vectors come from; a run counts before both",
    ] = "taught"  # fmt: skip
    negatives: Annotated[
        int, Range(0, 20, unit="words"), Group("Vectors"), When("vectors", "taught"),
        "Words drawn by chance that a pair is told from; 0: from all words (softmax)",
    ] = 5  # fmt: skip
    model: Annotated[str, File(folder=True), Group("Vectors"), "A run of word2vec, in place of what is taught here"] = (
        ""
    )
    seed: Annotated[
        int, Range(0, 99), Group("Vectors", advanced=True), When("vectors", "taught"), "Draws sentences and vectors"
    ] = 0
    place: Annotated[
        int, Step(), Range(0, MOST - 1), Group("Window", advanced=True), "Where the middle of the window stands"
    ] = 0  # fmt: skip

    def show(self) -> Work[None]:
        """Yield the window, the pairs so far, then the map of the vectors, the arithmetic and words."""
        words = self._words()
        at = min(self.place, len(words) - 1)
        yield self._sentence(words, at)
        yield self._pairs(words, at)
        table = yield from self._table()
        yield from self._space(table)
        yield from self._arithmetic(table)
        yield Text("story", self._story(words, table), "")

    def steps(self) -> int:
        """One step a word."""
        return len(self._words())

    def _words(self) -> tuple[str, ...]:
        words = tuple(one for one in tokens(self.text) if one[0].isalnum())[:MOST]
        if len(words) < 2:
            raise Refused("text", "a window needs two words", "type a sentence")
        return words

    def _table(self) -> Work[Table]:
        if self.model:
            return of_run(self.model)
        if self.vectors == "planted":
            return planted()
        return (yield from taught(max(self.window, 2) + 2, self.negatives, self.seed))

    def _sentence(self, words: tuple[str, ...], at: int) -> Graph:
        near = [k for k in range(max(0, at - self.window), min(len(words), at + self.window + 1)) if k != at]
        nodes = (*((f"{k}", word, float(k), 0.0) for k, word in enumerate(words)), ("middle", words[at], at, 1.0))
        ends = [("middle", f"{k}") if self.kind == "skip-gram" else (f"{k}", "middle") for k in near]
        edges = tuple((start, end, "") for start, end in ends)
        title = f"window of {self.window}: “{words[at]}” and its neighbours"
        return Graph("sentence", nodes, edges, title, marks=("middle",), weight=0.3)

    def _pairs(self, words: tuple[str, ...], at: int) -> TableFigure:
        """Return the pairs of all places up to this one."""
        if self.kind == "cbow":
            sides = [[*words[max(0, k - self.window) : k], *words[k + 1 : k + 1 + self.window]] for k in range(at + 1)]
            rows = tuple((" ".join(side), words[k]) for k, side in enumerate(sides))
            return TableFigure("pairs", ("neighbours", "centre"), rows, f"{len(rows)} questions so far")
        until = self._count(words, at + 1)
        rows = word_pairs(words, self.window)[:until]
        return TableFigure("pairs", ("centre", "context"), rows, f"{len(rows)} pairs so far")

    def _count(self, words: tuple[str, ...], places: int) -> int:
        return sum(min(k, self.window) + min(len(words) - 1 - k, self.window) for k in range(places))

    def _space(self, table: Table) -> Iterator[Figure]:
        named = [(word, group) for group, pairs in enumerate(FAMILIES.values()) for pair in pairs for word in pair]
        shown = [one for one in named if one[0] in table.words]
        if len(shown) < 4:
            shown = [(word, 0) for word in table.words.words[:40]]
        ids = [table.words.id(word) for word, _ in shown]
        at, share = principal(F.normalize(table.vectors[ids], dim=1))
        groups = np.array([group for _, group in shown])
        names = tuple(FAMILIES) if len(set(groups.tolist())) > 1 else ()
        title = f"map of {len(shown)} words: {share:.0%} of the variance"
        yield Points("map", at.numpy(), title, groups, names, tuple(word for word, _ in shown), "first component",
                     "second component", spelt=True, weight=2.0)  # fmt: skip

    def _arithmetic(self, table: Table) -> Iterator[Figure]:
        asked = tuple((tokens(one) or ("",))[0] for one in (self.a, self.b, self.c))
        strange = [one for one in asked if one not in table.words]
        sum_ = f"{asked[0]} − {asked[1]} + {asked[2]}"
        if strange:
            some = ", ".join(one for one in table.words.words if one.isalpha())[:120]
            yield TableFigure("nearest", ("word", "cosine"), (), f"nearest to {sum_}")
            yield Text("formula", f"“{strange[0]}” has no vector here; known are {some} …", level="warning")
            return
        known = torch.ones(len(table.words), dtype=torch.bool)
        known[: len(SPECIAL)] = False
        a, b, c = (table.words.id(one) for one in asked)
        found = analogous(table.vectors, (a, b, c), known)
        best = found.topk(min(NEAREST, int(found.isfinite().sum())))
        rows = tuple(
            (table.words.word(int(k)), round(float(s), 3)) for s, k in zip(best.values, best.indices, strict=True)
        )
        yield TableFigure("nearest", ("word", "cosine"), rows, f"nearest to {sum_}")
        sign = "=" if rows[0][1] > 0.9995 else "≈"
        yield Text("formula", f"{sum_} {sign} {rows[0][0]} (cosine {number(rows[0][1])})", "arithmetic", formula=True)
        if len(table.losses):
            yield Curves("course", (Line("loss", np.arange(len(table.losses)), table.losses),), "loss while teaching",
                         "step", "loss (nats)")  # fmt: skip

    def _story(self, words: tuple[str, ...], table: Table) -> str:
        pairs = self._count(words, len(words))
        said = [f"{len(words)} words and a window of {self.window} give {pairs} pairs"]
        if table.asked:
            right = round(table.right * table.asked)
            said.append(f"{right} of {table.asked} analogies come out with these vectors")
        said.append("the three words of the question are ruled out as answers: else b's neighbour c would often win")
        if not self.model and self.vectors == "taught":
            said.append("taught as skip-gram, frequent words left out now and then, a wider window")
        return "; ".join(said) + "."
