"""Attention: Q, K and V, scores, probabilities and their mixture, as loop and as matrices (decks D0 and D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from medviz.figures import Figure, Heatmap, Mark, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import factor, number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Pick, Range, Step
from medviz.refused import Refused

Array = NDArray[Any]
_TOKENS = Slice(
    np.array([[0.8, 0.2, -0.5, 0.1], [0.1, 0.9, 0.3, -0.4], [-0.6, 0.4, 0.7, 0.2], [0.3, -0.7, 0.1, 0.9]]),
    name="four tokens of four features",
)
_TABLE = np.array([[0.8, 0.1, 0.05, 0.05], [0.1, 0.6, 0.2, 0.1], [0.05, 0.2, 0.65, 0.1], [0.2, 0.1, 0.1, 0.6]])
MOST_TOKENS = 24
E16 = Erratum(
    "E16",
    "both code slides compute softmax(QKᵀ)V",
    "the formula above them, and the paper, divide by √d_k first; without it the probabilities come out sharper",
)
E17 = Erratum(
    "E17",
    "probs = exp(scores) / exp(scores).sum()",
    "that makes the whole matrix sum to 1; each row must: .sum(dim=-1, keepdim=True)",
)
E18 = Erratum(
    "E18",
    "multi-head: attention() applies W_O to each head, then W_o is applied again; D/H is divided with /",
    "heads are concatenated first and W_O is applied once; D/H must be whole (//), heads belong into a ModuleList",
)
E19 = Erratum("E19", 'D2 dates "Attention is all you need" 2015', "it appeared in 2017, as D0 says")


@dataclass(frozen=True, eq=False)
class Attended:
    """All that one head computes: (n, d) queries, keys, values; (n, n) scores and probabilities; (n, d) outputs."""

    queries: Array
    keys: Array
    values: Array
    scores: Array
    shares: Array
    outputs: Array


def attended(queries: Array, keys: Array, values: Array, scale: bool = True, normalise: str = "rows") -> Attended:
    """Matrix form, softmax(QKᵀ/√d)V; `normalise` "matrix" is the deck's mistake, kept to be looked at."""
    scores = queries @ keys.T / (np.sqrt(queries.shape[1]) if scale else 1.0)
    if normalise == "rows":
        shares = softmax(scores, axis=1)
    else:
        raised = np.exp(scores - scores.max())
        shares = raised / raised.sum()
    return Attended(queries, keys, values, scores, shares, shares @ values)


def in_a_loop(queries: Array, keys: Array, values: Array, scale: bool = True) -> Array:
    """Loop form: one query after the other, one key after the other; the same numbers as the matrix form."""
    outputs = []
    for query in queries:
        scores = [float(query @ key) / (np.sqrt(len(query)) if scale else 1.0) for key in keys]
        raised = [np.exp(score - max(scores)) for score in scores]
        shares = [one / sum(raised) for one in raised]
        outputs.append(sum(share * value for share, value in zip(shares, values, strict=True)))
    return np.array(outputs)


@dataclass(frozen=True)
class Attention(Lab):
    """Each row of the input is a token; each asks all others, and takes of each as much as the answer is worth."""

    TITLE: ClassVar[str] = "Attention"
    ARRANGE: ClassVar[str] = "tokens queries keys values / scores shares outputs / formula / code / story erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Matrix form: softmax(QKᵀ/√d)V", "SEQ-4", "D0", {"cell": 0},
                {"story": "each row of probabilities sums to 1"}, E16,
                text="Point at a score: its row of Q and row of K light up, and their dot product is written out."),
        Example("Loop form: the same numbers", "SEQ-3", "D0", {"code": "loop", "cell": 5},
                {"story": "loop and matrices differ by less than 1e-9"},
                text="One query, all keys, softmax, mixture of values: then the next query."),
        Example("Without the scale", "SEQ-4", "D0", {"scale": False}, {"story": "without 1/√d"}, E16,
                text="The code slides leave it out."),
        Example("The sum over the whole matrix", "SEQ-5", "D0", {"normalise": "matrix"},
                {"story": "the matrix sums to 1"}, E17, text="Rows no longer sum to 1: tokens share one probability."),
        Example("Heads", "SEQ-6", "D0", {"heads": 2, "head": 1}, {"story": "2 heads of 2 features"}, E18,
                text="Each head sees its own features; their outputs are put side by side."),
        Example("Hello, I, love, you", "SEQ-7", "D2", {"source": "table"},
                {"shares": _TABLE, "story": "is not symmetric"},
                text="The deck's table: every row sums to 1, and what I gives love is not what love gives I."),
        Example("The year of the transformer", "SEQ-9", "D2", {}, {"story": "2017"}, E19,
                text="An encoder block is this, added to its input, normalised, then two dense layers."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Each row is a token; of a large slice, its patches are"] = _TOKENS
    source: Annotated[
        str, Choice(("tokens", "table"), ("scores of the tokens", "the deck's table")), Group("Attention"),
        "Where the probabilities come from",
    ] = "tokens"  # fmt: skip
    seed: Annotated[
        int, Range(0, 999), Group("Attention"), "Draws the weights of Q, K and V; 0 takes the input as it is"
    ] = 0
    scale: Annotated[bool, Group("Attention"), "Divide scores by √d"] = True
    normalise: Annotated[
        str, Choice(("rows", "matrix"), ("each row sums to 1", "the matrix sums to 1 (wrong)")), Group("Attention"),
        "What the softmax runs over",
    ] = "rows"  # fmt: skip
    heads: Annotated[int, Range(1, 4), Group("Heads"), "Into how many heads the features are split"] = 1
    head: Annotated[int, Range(0, 3), Group("Heads"), "The head that is shown, from 0"] = 0
    code: Annotated[str, Choice(("matrix", "loop")), Group("Attention"), "The program beside the figures"] = "matrix"
    cell: Annotated[
        int, Step(), Pick("scores", "shares"), Range(0, MOST_TOKENS**2), Group("Attention", advanced=True),
        "The score that is written out",
    ] = 0  # fmt: skip

    def show(self) -> Work[None]:
        """Yield tokens, Q, K, V, scores, probabilities, outputs, and the dot product in focus."""
        yield from self._figures()

    def _figures(self) -> Iterator[Figure]:
        tokens = self._tokens()
        one = self.attended(tokens)
        row, col = divmod(min(self.cell, one.scores.size - 1), one.scores.shape[1])
        across, width = one.queries.shape[1], tokens.shape[1]
        names = ("Hello", "I", "love", "you") if self.source == "table" else tuple(f"t{i}" for i in range(len(tokens)))
        asked, asking = (Mark(col, 0, 1, across, "source"),), (Mark(row, 0, 1, across, "source"),)
        yield Heatmap("tokens", tokens, "tokens X", "diverging", marks=(Mark(row, 0, 1, width),), row_names=names)
        yield Heatmap("queries", one.queries, "queries Q", "diverging", marks=asking, row_names=names)
        yield Heatmap("keys", one.keys, "keys K", "diverging", marks=asked, row_names=names)
        yield Heatmap("values", one.values, "values V", "diverging", marks=asked, row_names=names)
        focus = (Mark(row, col),)
        yield Heatmap("scores", one.scores, "scores", "diverging", column_names=names, marks=focus, row_names=names)
        yield Heatmap("shares", one.shares, "probabilities", "viridis", (0.0, float(one.shares.max())),
                      column_names=names, marks=focus, row_names=names)  # fmt: skip
        yield Heatmap("outputs", one.outputs, "outputs", "diverging", marks=(Mark(row, 0, 1, across, "target"),),
                      row_names=names)  # fmt: skip
        yield Text("formula", self._formula(one, row, col), f"token {row} asks token {col}", formula=True)
        yield Text("code", _CODE[self.code], "as a program", formula=True)
        yield Text("story", self._story(one), "")

    def attended(self, tokens: Array) -> Attended:
        """Run the head that is shown over tokens (n, d)."""
        if self.source == "table":
            scores = np.log(_TABLE)
            return Attended(tokens, tokens, tokens, scores, _TABLE, _TABLE @ tokens)
        parts = [tokens @ weight for weight in self._weights(tokens.shape[1])]
        size = tokens.shape[1] // self.heads
        mine = slice(self.head * size, (self.head + 1) * size)
        queries, keys, values = (part[:, mine] for part in parts)
        return attended(queries, keys, values, self.scale, self.normalise)

    def _weights(self, size: int) -> list[Array]:
        if self.seed == 0:
            return [np.eye(size)] * 3
        rng = np.random.default_rng(self.seed)
        return [rng.normal(size=(size, size)) / np.sqrt(size) for _ in range(3)]

    def _tokens(self) -> Array:
        name = self.image.name or "image"
        values = np.asarray(self.image.values, float)
        if values.ndim != 2 or values.size < 2 or not np.isfinite(values).all():
            raise Refused(name, "tokens are rows of finite numbers", "choose a grey slice")
        if self.source == "table":
            return np.asarray(_TOKENS.values, float)
        if max(values.shape) > MOST_TOKENS:
            values = _patches(values)
        if values.shape[1] % self.heads or self.head >= self.heads:
            raise Refused(
                f"heads={self.heads}, head={self.head}",
                f"{values.shape[1]} features must split into whole heads, and the head shown must be one of them",
                "take fewer heads",
            )
        return values

    def steps(self) -> int:
        """One step a score."""
        count = len(self._tokens())
        return count * count

    def at_step(self, number: int) -> Self:
        """Write out another score."""
        return replace(self, cell=number)

    def _formula(self, one: Attended, row: int, col: int) -> str:
        share = f"share {number(one.shares[row, col])}"
        if self.source == "table":
            return f"{share}: printed in the deck"
        terms = [f"{factor(q)}·{factor(k)}" for q, k in zip(one.queries[row], one.keys[col], strict=True)]
        if len(terms) > 8:
            terms = [*terms[:5], f"… {len(terms) - 7} more …", *terms[-2:]]
        root = f" / √{one.queries.shape[1]}" if self.scale else ""
        return f"({' + '.join(terms)}){root} = {number(one.scores[row, col])};   {share}"

    def _story(self, one: Attended) -> str:
        said = []
        if self.source == "table":
            return "Each row of probabilities sums to 1; the table is not symmetric. Attention is not explanation."
        if self.normalise == "matrix":
            rows = ", ".join(f"{total:.2f}" for total in one.shares.sum(axis=1)[:6])
            said.append(f"Here the matrix sums to 1 and its rows to {rows}: each token gets a part of one mixture")
        else:
            said.append("Here each row of probabilities sums to 1")
        if self.normalise == "rows":
            apart = np.abs(in_a_loop(one.queries, one.keys, one.values, self.scale) - one.outputs).max()
            said.append(f"loop and matrices differ by less than {'1e-9' if apart < 1e-9 else f'{apart:.1g}'}")
        if not self.scale:
            other = attended(one.queries, one.keys, one.values, True).shares
            said.append(f"without 1/√d a probability changes by up to {number(np.abs(other - one.shares).max(), 2)}")
        if self.heads > 1:
            said.append(f"{self.heads} heads of {one.queries.shape[1]} features, put side by side before W_O")
        said.append("the transformer is of 2017 (Vaswani et al.); attention is not explanation")
        return "; ".join(said) + "."


_CODE = {
    "matrix": "scores = Q @ K.T / sqrt(d)\nprobs  = softmax(scores, dim=-1)\noutput = probs @ V",
    "loop": (
        "for q in Q:\n    scores = [dot(q, k) / sqrt(d) for k in K]\n    probs  = softmax(scores)\n"
        "    output = sum(p * v for p, v in zip(probs, V))"
    ),
}


def _patches(values: Array) -> Array:
    """Cut a large slice into at most 16 patches and describe each by 4×4 means, scaled to spread 1: (16, 16)."""
    rows = [band for band in np.array_split(values, 4, axis=0) if band.size]
    cells = [cell for band in rows for cell in np.array_split(band, 4, axis=1) if cell.size]
    tokens = np.array([_means(cell) for cell in cells])
    spread = float(tokens.std())
    scaled: Array = (tokens - tokens.mean()) / (spread or 1.0)
    return scaled


def _means(cell: Array) -> Array:
    rows = np.array_split(np.arange(cell.shape[0]), 4) if cell.shape[0] >= 4 else [np.arange(cell.shape[0])] * 4
    cols = np.array_split(np.arange(cell.shape[1]), 4) if cell.shape[1] >= 4 else [np.arange(cell.shape[1])] * 4
    return np.array([cell[np.ix_(r, c)].mean() for r in rows for c in cols])
