"""An arrangement read: which figures stand side by side, which below each other, and the signs between them.

``image kernel output / window products / formula`` names figures row by row. A bracket holds a column of its own,
``image (kernel / window / products) output / formula``; ``image:3`` weighs a figure; a sign between two names
(``∗ = → ·``) is drawn between them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Leaf:
    """A figure by its name."""

    name: str
    weight: float | None = None


@dataclass(frozen=True)
class Sign:
    """An operator between two figures."""

    text: str


@dataclass(frozen=True)
class Nest:
    """A row or a column of others."""

    parts: "tuple[Leaf | Sign | Nest, ...]"
    column: bool


Node = Leaf | Sign | Nest


def parsed(arrangement: str, names: Sequence[str]) -> Nest:
    """Read an arrangement; figures it does not name follow as rows of their own, names without a figure are left out.

    A sign stays only between two things that are there.
    """
    words = re.findall(r"[()/]|[^\s()/]+", arrangement)
    column, rest = _column(words, set(names))
    if rest:
        column = Nest((*column.parts, *_column([word for word in rest if word != ")"], set(names))[0].parts), True)
    named = set(names_in(column))
    others = tuple(Nest((Leaf(name),), False) for name in names if name not in named)
    return Nest((*column.parts, *others), True)


def _column(words: list[str], names: set[str]) -> tuple[Nest, list[str]]:
    rows: list[Node] = []
    row: list[Node] = []
    while words:
        word, *words = words
        if word == ")":
            words = [word, *words]
            break
        if word == "/":
            rows.append(row_of(row))
            row = []
        elif word == "(":
            inner, words = _column(words, names)
            words = words[1:]
            if inner.parts:
                row.append(inner)
        else:
            row.extend(_word(word, names))
    rows.append(row_of(row))
    return Nest(tuple(one for one in rows if isinstance(one, Nest) and one.parts), True), words


def _word(word: str, names: set[str]) -> list[Node]:
    name, _, weight = word.partition(":")
    if name in names:
        return [Leaf(name, float(weight) if re.fullmatch(r"\d+(\.\d+)?", weight) else None)]
    return [] if re.search(r"\w", word) else [Sign(word)]


def row_of(parts: list[Node]) -> Nest:
    """Make a row; a sign stays only between two things."""
    kept = [
        part
        for place, part in enumerate(parts)
        if not isinstance(part, Sign) or (0 < place < len(parts) - 1 and not isinstance(parts[place + 1], Sign))
    ]
    while kept and isinstance(kept[0], Sign):
        kept.pop(0)
    while kept and isinstance(kept[-1], Sign):
        kept.pop()
    return Nest(tuple(kept), False)


def names_in(node: Node) -> list[str]:
    """List the figures in a part, in their order."""
    if isinstance(node, Leaf):
        return [node.name]
    return [name for part in node.parts for name in names_in(part)] if isinstance(node, Nest) else []
