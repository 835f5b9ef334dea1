"""What a captioner says of the probes, drawn: beside what was meant, word by word, and where it looked."""

from collections.abc import Iterator, Sequence

import numpy as np

from medviz.data.words import tokens
from medviz.figures import Bars, Figure, Gallery, Table
from medviz.imaging.volume import Array
from medviz.training.using.bleu import bleu
from medviz.training.using.captioning import Caption, facing, looks, shown
from medviz.training.using.findings import SAME, Pair, aligned, marked

LOOKED_AT = 2
"""Of so many probes each word is drawn."""


def drawn(images: Sequence[Array], texts: Sequence[str], said: Sequence[Caption], rightward: bool) -> Iterator[Figure]:
    """Draw captions of pictures (C, x, y): a table of all, their findings, and of a few each word and its look."""
    rows, pairs = [], list[tuple[int, Pair]]()
    for number, (text, caption) in enumerate(zip(texts, said, strict=True), start=1):
        meant, own = tokens(text), caption.tokens
        left, right = marked(meant, own)
        rows.append(
            (str(number), right, left, round(bleu(own, [meant]).score(), 3), f"{np.exp(caption.likelihood):.1%}")
        )
        pairs += [(number, one) for one in aligned(text, caption.text)]
    if not rows:
        return
    exact = sum(tokens(text) == caption.tokens for text, caption in zip(texts, said, strict=True))
    title = f"{exact} of {len(rows)} word for word as meant; what differs is in brackets"
    yield Table("captions", ("probe", "generated", "reference", "BLEU-4", "probability"), tuple(rows), title)
    yield findings_table(pairs)
    for number, (image, caption) in enumerate(zip(images[:LOOKED_AT], said, strict=False), start=1):
        names = shown(caption.words)
        tiles = np.concatenate([_plain(image, rightward), looks(image, caption.attention, rightward)])
        titles = ("", *(f"{name} {share:.0%}" for name, share in zip(names, caption.shares, strict=True)))
        where = f"probe {number}: where it looked for each word, and how probable it was"
        yield Gallery(f"probe {number} looks", tiles, where, titles, weight=2.0)
        yield Bars(f"probe {number} words", tuple(f"{at} {one}" for at, one in enumerate(names, start=1)),
                   caption.shares * 100, f"probe {number}: how probable each word was", "%", weight=0.7)  # fmt: skip


def findings_table(pairs: Sequence[tuple[int, Pair]]) -> Table:
    """Draw findings of references beside those that were generated, as deck D2 lays them side by side."""
    rows = tuple(
        (
            str(number),
            one.verdict,
            one.meant.text if one.meant else "",
            one.said.text if one.said else "",
            one.words,
        )
        for number, one in pairs
    )
    same = sum(one.verdict == SAME for _, one in pairs)
    title = f"findings side by side: {same} of {len(rows)} the same"
    return Table("findings", ("probe", "", "reference", "generated", "difference"), rows, title)


def _plain(image: Array, rightward: bool) -> Array:
    grey = facing(image, rightward)
    low, high = float(grey.min()), float(grey.max())
    return np.repeat(np.rint((grey - low) / max(high - low, 1e-6) * 255).astype(np.uint8)[None, ..., None], 3, axis=3)
