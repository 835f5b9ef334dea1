"""Sentences as they stand in radiology reports: drawn from our own grammar, or the lines of a text file."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np

from medviz.data.cases import Fold
from medviz.data.report_grammar import ANALOGIES, sentence
from medviz.data.splitting import Split, hashed, held_out
from medviz.data.words import tokens
from medviz.parameters import File, Range
from medviz.refused import Refused

Sample = dict[str, Any]
LARGEST_BYTES = 64 << 20
"""The largest text file that is read."""
_TRIES = 40
"""So many draws a sentence before the grammar is said to have no more."""


@dataclass(frozen=True, eq=False)
class Sentences:
    """Some sentences, each a sample of "text" and "name"."""

    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Sample:
        """Return one sentence."""
        return {"text": self.texts[index], "name": f"sentence {index}"}


@dataclass(frozen=True)
class ReportSentences:
    """Sentences about findings, anatomy, sides, severity and change; or a file of yours, one sentence a line."""

    file: Annotated[
        str, File(wildcard="Text (*.txt)"), "A text file, one sentence a line; empty: drawn by the program"
    ] = ""
    count: Annotated[int, Range(50, 8000, 1, log=True), "Different sentences that are drawn"] = 4000
    held_out: Annotated[float, Range(0.05, 0.5), "Share that training never sees"] = 0.1
    fold: Fold = 0
    seed: Annotated[int, Range(0, 2**31 - 1, 1), "Other sentences with another seed"] = 0

    classes: ClassVar[tuple[str, ...]] = ()
    channels: ClassVar[int] = 1
    dimensions: ClassVar[tuple[int, ...]] = (2,)
    flips: ClassVar[bool] = False

    @cached_property
    def all(self) -> tuple[str, ...]:
        """All sentences, each once."""
        return lines_of(Path(self.file)) if self.file else drawn(self.count, self.seed)

    @property
    def texts(self) -> tuple[str, ...]:
        """The sentences to learn from; those held out are not among them."""
        return tuple(self.all[index] for index in self._sides[0])

    @property
    def held_out_texts(self) -> tuple[str, ...]:
        """The sentences that training never sees."""
        return tuple(self.all[index] for index in self._sides[1])

    @property
    def analogies(self) -> tuple[tuple[str, str, str, str], ...]:
        """Words a, b, c, d with a − b + c = d that the grammar implies; of a file nothing is known."""
        return () if self.file else ANALOGIES

    def training(self, dimensions: int = 2, side: int = 0, augment: float = 0.0) -> Sentences:
        """Return the sentences to learn from; the arguments are those of pictures and change nothing."""
        return Sentences(self.texts)

    def validation(self, dimensions: int = 2, side: int = 0) -> Sentences:
        """Return the sentences that training never sees."""
        return Sentences(self.held_out_texts)

    def probes(self, dimensions: int = 2, side: int = 0) -> Sequence[Sample]:
        """Return the first held-out sentences."""
        held = self.validation()
        return [held[index] for index in range(min(6, len(held)))]

    def split(self) -> Split:
        """Tell which sentences are learnt from and which are held out, by their hashes."""
        training, validation = (tuple(sorted(hashed(self.all[k]) for k in side)) for side in self._sides)
        return Split(training, validation, f"a hash of the sentence, fold {self.fold}")

    @cached_property
    def _sides(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        second = held_out(self.all, [0] * len(self.all), self.held_out, self.fold)
        return tuple(k for k in range(len(self.all)) if k not in second), tuple(sorted(second))


@lru_cache(maxsize=8)
def drawn(count: int, seed: int = 0) -> tuple[str, ...]:
    """Draw so many different sentences of the grammar; refuses more than it has."""
    chance = np.random.default_rng([seed, 0x5E])
    found: dict[str, None] = {}
    for _ in range(count * _TRIES):
        found[sentence(chance)] = None
        if len(found) == count:
            return tuple(found)
    raise Refused(f"count={count}", f"the grammar has hardly more than {len(found)} sentences", "take fewer")


def lines_of(path: Path) -> tuple[str, ...]:
    """Read the sentences of a text file, one a line, each once however it is spaced or capitalised."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise Refused(path, f"it has more than {LARGEST_BYTES >> 20} MB", "cut it into smaller files")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise Refused(path, f"it cannot be read ({problem.strerror})", "choose a text file") from problem
    except UnicodeDecodeError as problem:
        raise Refused(path, "it is no text in UTF-8", "save it as UTF-8") from problem
    found = {tokens(line): " ".join(line.split()) for line in reversed(text.splitlines()) if tokens(line)}
    if len(found) < 2:
        raise Refused(path, f"it has {len(found)} different sentence(s)", "write at least two, one a line")
    return tuple(reversed(found.values()))
