"""Tokens: a string is cut into tokens, each gets an id, and the id is a row of a table of vectors (deck D0)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.data.sentences import drawn
from medviz.data.words import SPECIAL, UNKNOWN, Vocabulary, tokens
from medviz.figures import Figure, Heatmap, Mark, Text
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Pick, Range, Step, When
from medviz.refused import Refused

Array = NDArray[Any]
DECK = {"the": 0, "i": 2, "of": 5, "but": 20, "first": 90, "enjoyed": 130, "half": 155, "movie": 873}
"""The words of the deck and their ids."""
DECK_ROWS = {0: (0.2, -1.2, 0.9), 1: (0.0, 0.4, 0.4), 2: (-0.1, -0.7, 0.5), 3: (0.1, 0.6, -1.0)}
"""The rows of the table that the deck prints."""
DECK_WIDTH = 3
DECK_TEXT = "I enjoyed the first half of the movie but"
MOST = 24
"""Tokens that are shown; a longer text is cut off."""
SENTENCES = 1500


@dataclass(frozen=True, eq=False)
class Looked:
    """A text taken apart: its tokens, their ids, the table's rows that are shown (ids and vectors), and V."""

    words: tuple[str, ...]
    ids: tuple[int, ...]
    rows: tuple[int, ...]
    names: tuple[str, ...]
    table: Array
    size: int
    strange: tuple[str, ...]

    @property
    def vectors(self) -> Array:
        """One row a token, (L, D)."""
        found: Array = self.table[[self.rows.index(one) for one in self.ids]]
        return found


@lru_cache(maxsize=1)
def report_words() -> Vocabulary:
    """Return the words of the report sentences."""
    return Vocabulary.of(drawn(SENTENCES))


def of_deck(words: tuple[str, ...], seed: int) -> Looked:
    """Look words up in the deck's table; rows that it does not print are drawn, and its row 1 stands for any other."""
    ids = tuple(DECK.get(word, 1) for word in words)
    chance = np.random.default_rng(seed)
    others = [one for one in sorted(DECK.values()) if one not in DECK_ROWS]
    table = {**DECK_ROWS, **dict(zip(others, chance.normal(size=(len(others), DECK_WIDTH)).round(1), strict=True))}
    rows = tuple(sorted(table))
    of_id = {value: word for word, value in DECK.items()}
    names = tuple(f"{one} {of_id.get(one, '(any other)' if one == 1 else '')}".strip() for one in rows)
    strange = tuple(dict.fromkeys(word for word in words if word not in DECK))
    return Looked(words, ids, rows, names, np.array([table[one] for one in rows]), max(rows) + 1, strange)


def of_reports(words: tuple[str, ...], width: int, seed: int) -> Looked:
    """Look words up in a table for the words of the report sentences, filled by chance as before training."""
    known = report_words()
    table = np.random.default_rng(seed).normal(size=(len(known), width)).round(2)
    ids = tuple(known.id(word) for word in words)
    names = tuple(f"{one} {known.word(one)}" for one in range(len(known)))
    strange = tuple(dict.fromkeys(w for w, one in zip(words, ids, strict=True) if one == UNKNOWN and w not in SPECIAL))
    return Looked(words, ids, tuple(range(len(known))), names, table, len(known), strange)


@dataclass(frozen=True)
class Tokens(Lab):
    """String → tokens → ids → vectors: a look-up in a table of V rows and D columns, and nothing more."""

    TITLE: ClassVar[str] = "Tokens and embeddings"
    ARRANGE: ClassVar[str] = "ids vectors table / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("The deck's sentence", "SEQ-1", "D0", {},
                {"ids": [[2], [130], [0], [90], [155], [5], [0], [873], [20]], "vectors[0,0]": -0.1,
                 "vectors[0,1]": -0.7, "vectors[0,2]": 0.5,
                 "formula": "“i” → id 2 → row 2 of the table: (−0.1, −0.7, 0.5)"},
                text="Words become numbers of rows; point at a token and its row lights up."),
        Example("Both “the”: one vector", "SEQ-1", "D0", {"place": 6},
                {"formula": "“the” → id 0 → row 0 of the table: (0.2, −1.2, 0.9)", "vectors[2,0]": 0.2,
                 "vectors[2,1]": -1.2, "vectors[2,2]": 0.9, "vectors[6,0]": 0.2, "vectors[6,1]": -1.2,
                 "vectors[6,2]": 0.9, "story": "the same vector both times"},
                text="Whatever stands round it: only attention, later, makes the two differ."),
        Example("A report sentence", "SEQ-1", "D0",
                {"text": "the left hemidiaphragm is elevated, the right is not", "source": "reports"},
                {"story": "the same vector both times"},
                text="Type your own: words that the table never saw all share the row of <unknown>."),
        Example("Words that it never saw", "SEQ-1", "D0",
                {"text": "the spondylolisthesis is mild", "source": "reports", "place": 1},
                {"formula": "“spondylolisthesis” → id 1 → row 1 of the table", "story": "has no row of its own"},
                text="Large models cut such words into pieces that they know."),
    )  # fmt: skip

    text: Annotated[str, Group("Text"), "Any sentence; cut into words, numbers and punctuation, in lower case"] = (
        DECK_TEXT
    )
    source: Annotated[
        str, Choice(("deck", "reports"), ("the deck's ids and rows", "words of the report sentences")), Group("Table"),
        "Whose table the ids are rows of",
    ] = "deck"  # fmt: skip
    width: Annotated[
        int, Range(2, 8), Group("Table"), When("source", "reports"), "Numbers a vector, D (large models: thousands)"
    ] = 3
    seed: Annotated[int, Range(0, 999), Group("Table", advanced=True), "Draws the rows that are not printed"] = 0
    place: Annotated[
        int, Step(), Pick("ids", "vectors"), Range(0, MOST - 1), Group("Text", advanced=True), "The token asked about"
    ] = 0  # fmt: skip

    def show(self) -> Work[None]:
        """Yield the ids under their tokens, the vectors, the table with the rows that are looked up, and words."""
        yield from self._figures()

    def _words(self) -> tuple[str, ...]:
        words = tokens(self.text)
        if not words:
            raise Refused("text", "there is no word in it", "type a sentence")
        return words[:MOST]

    def steps(self) -> int:
        """One step a token."""
        return len(self._words())

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> "Tokens":
        """Ask about the token whose row was pointed at."""
        return self.at_step(cell[0]) if figure in ("ids", "vectors") else self

    def _figures(self) -> Iterator[Figure]:
        words = self._words()
        at = min(self.place, len(words) - 1)
        one = of_deck(words, self.seed) if self.source == "deck" else of_reports(words, self.width, self.seed)
        deep = one.table.shape[1]
        same = [k for k, other in enumerate(one.ids) if other == one.ids[at]]
        marks = tuple(Mark(k, 0, 1, 1, "focus" if k == at else "source") for k in same)
        yield Heatmap("ids", np.array(one.ids, float)[:, None], "ids", "viridis", (0.0, max(1.0, one.size * 1.5)),
                      digits=4, row_names=words, marks=marks, weight=0.6)  # fmt: skip
        long = tuple(Mark(k, 0, 1, deep, "focus" if k == at else "source") for k in same)
        title = f"vectors, {len(words)} × {deep}"
        yield Heatmap("vectors", one.vectors, title, "diverging", marks=long)  # the rows of the ids beside it
        yield self._table(one, at)
        row = ", ".join(number(value) for value in one.table[one.rows.index(one.ids[at])])
        yield Text("formula", f"“{words[at]}” → id {one.ids[at]} → row {one.ids[at]} of the table: ({row})",
                   "the look-up", formula=True)  # fmt: skip
        yield Text("story", self._story(one, at, same), "")

    def _table(self, one: Looked, at: int) -> Heatmap:
        """Return the table with the rows that the text looks up; of a large one these rows alone."""
        used = sorted(set(one.ids))
        if len(one.rows) > MOST:
            shown = used
        else:
            shown = list(range(len(one.rows)))
        lit = [shown.index(one.rows.index(k)) for k in used if one.rows.index(k) in shown]
        focus = one.rows.index(one.ids[at])
        wide = one.table.shape[1]
        marks = tuple(Mark(k, 0, 1, wide, "focus" if shown[k] == focus else "source") for k in lit)
        title = f"table, {one.size} × {wide}"
        return Heatmap("table", one.table[shown], title, "diverging", row_names=tuple(one.names[k] for k in shown),
                       marks=marks, weight=1.6)  # fmt: skip

    def _story(self, one: Looked, at: int, same: list[int]) -> str:
        word, said = one.words[at], []
        if one.words[at] in one.strange:
            said.append(f"“{word}” has no row of its own: all words that the table never saw share row {one.ids[at]}")
        elif len(same) > 1:
            times = "both times" if len(same) == 2 else f"all {len(same)} times"
            places = ", ".join(str(k + 1) for k in same)
            said.append(f"“{word}” stands at places {places} and has the same vector {times}, whatever stands round it")
        else:
            said.append(f"“{word}” would have this vector in any sentence")
        wide = one.table.shape[1]
        said.append(f"a table of V = {one.size} rows and D = {wide} columns has {one.size * wide:,} numbers to learn")
        if self.source == "deck":
            said.append("the deck prints rows 0 to 3, the others are drawn here")
        else:
            said.append("the numbers are drawn by chance, as before training")
        return "; ".join(said) + "."
