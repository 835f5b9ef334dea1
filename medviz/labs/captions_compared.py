"""Two texts side by side: their findings, and BLEU counted n-gram by n-gram."""

from collections.abc import Iterator, Sequence

import numpy as np

from medviz.data.words import joined, tokens
from medviz.figures import Bars, Figure, Table, Text
from medviz.labs.formulas import number
from medviz.training.using.bleu import Bleu, Counted, bleu, counted
from medviz.training.using.findings import ADDED, DIFFERS, MISSED, OPPOSITE, SAME, Finding, Pair, aligned, counts

_ORDER = (MISSED, OPPOSITE, DIFFERS, SAME, ADDED)
_SHOWN = 60


def compared(reference: str, generated: str) -> Iterator[Figure]:
    """Draw the findings of both, those of the reference first in its order, and say what was missed."""
    pairs = aligned(reference, generated)
    rows = tuple(
        (one.verdict, one.meant.text if one.meant else "", one.said.text if one.said else "", one.words)
        for one in pairs
    )
    found = counts(pairs)
    title = ", ".join(f"{found[name]} {name}" for name in _ORDER if found[name])
    heads = ("", "reference", "generated", "difference")
    yield Table("findings", heads, rows, f"findings side by side: {title}", weight=1.6)
    yield Text("story", story(pairs), "")


def story(pairs: Sequence[Pair]) -> str:
    """Say what was missed, what differs and what was added."""
    said = []
    for verdict, word in ((MISSED, "misses"), (ADDED, "adds")):
        some = [one for one in pairs if one.verdict == verdict]
        there = [one for one in some if not _of(one).absent]
        denied = [f'"{_of(one).text}"' for one in some if one not in there]
        parts = [f'"{_of(one).text}"' for one in there]
        more = f"{len(denied)} denials ({denied[0]}, …)" if len(denied) > 1 else ""
        parts += [more or f"a denial ({denied[0]})"] if denied else []
        said += [f"it {word} {', '.join(parts)}"] if parts else []
    differ = [f'"{b}" against "{a}"' for one in pairs if one.verdict == DIFFERS for a, b in one.differences]
    said += [f"it says {', '.join(differ)}"] if differ else []
    opposite = [_of(one).text for one in pairs if one.verdict == OPPOSITE]
    said += [f"it says the opposite of {joined(opposite)}"] if opposite else []
    text = "; ".join(said) or "both say the same"
    return f"{text[0].upper()}{text[1:]}. Words are compared, and a few that mean the same; no more is understood."


def counting(reference: str, generated: str, most: int, at: int) -> Iterator[Figure]:
    """Draw BLEU up to n-grams of `most` words: all of it where `at` is 0, else the first `at` n-grams counted."""
    said, meant = tokens(generated), tokens(reference)
    steps = ngram_steps(reference, generated, most)
    done = steps if at == 0 else steps[: min(at, len(steps))]
    now = done[-1] if at and done else None
    whole = bleu(said, [meant])
    yield _counts(done, now, whole, most)
    shares = np.array([_share(done, n, whole) * 100 for n in range(1, most + 1)])
    names = tuple(f"p{n}, {n}-grams" for n in range(1, most + 1))
    yield Bars("precisions", names, shares, "share of the generated n-grams that count", "%")
    yield Text("reading", _bracketed(said, now), "generated, as it is cut up")
    yield Text("formula", formula(whole, most), f"BLEU-{most}", formula=True)


def _counts(done: Sequence[Counted], now: Counted | None, whole: Bleu, most: int) -> Table:
    """Draw the n-grams counted so far of the length of this one, the last first; of all those that count."""
    heads = ("n-gram", "generated", "reference", "counts")
    if now is None:
        some = [one for one in done[::-1] if one.counts] or list(done)
        title = f"{sum(whole.matches[:most])} of {sum(whole.totals[:most])} n-grams count: these"
    else:
        some = [one for one in done[::-1] if len(one.ngram) == len(now.ngram)]
        total = whole.totals[len(now.ngram) - 1]
        title = f"{len(now.ngram)}-grams: {sum(one.counts for one in some)} of {total} count so far"
    rows = tuple((" ".join(one.ngram), one.said, one.meant, one.counts) for one in some[:_SHOWN])
    return Table("counts", heads, rows, title)


def ngram_steps(reference: str, generated: str, most: int) -> list[Counted]:
    """Return all different n-grams of the generated text, those of one word first."""
    said, meant = tokens(generated), tokens(reference)
    return [one for n in range(1, most + 1) for one in counted(said, [meant], n)]


def formula(whole: Bleu, most: int) -> str:
    """Write BLEU with its numbers filled in."""
    shares = " · ".join(f"{whole.matches[n]}/{whole.totals[n]}" for n in range(most))
    if whole.said >= whole.meant:
        brevity = f"BP = 1 ({whole.said} tokens, the reference has {whole.meant})"
    else:
        brevity = f"BP = exp(1 − {whole.meant}/{whole.said}) = {number(whole.brevity, 4)}"
    power = f"({shares})^(1/{most})" if most > 1 else shares
    return f"{brevity};  BLEU-{most} = BP · {power} = {number(whole.score(most), 4)}"


def _share(done: Sequence[Counted], length: int, whole: Bleu) -> float:
    total = whole.totals[length - 1]
    return sum(one.counts for one in done if len(one.ngram) == length) / total if total else 0.0


def _bracketed(said: Sequence[str], now: Counted | None) -> str:
    """Write the tokens, those of the n-gram that is counted in brackets wherever it stands."""
    if now is None:
        return " ".join(said) or "nothing"
    parts, at, size = [], 0, len(now.ngram)
    while at < len(said):
        if tuple(said[at : at + size]) == now.ngram:
            parts.append(f"[{' '.join(now.ngram)}]")
            at += size
        else:
            parts.append(said[at])
            at += 1
    return " ".join(parts)


def _of(pair: Pair) -> Finding:
    one = pair.meant or pair.said
    assert one is not None
    return one
