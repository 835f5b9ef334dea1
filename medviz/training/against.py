"""A run against another on the same held-out cases, one by one: what made a difference, and whether it can be told.

Both are measured on the same cases, so that what counts is the difference in each: the interval is a 95 % percentile
bootstrap interval over pairs (Efron & Tibshirani, 1993), 1,000 draws, always from the same seed. One pair of runs tells
of these two runs; another seed is another pair.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medviz.figures import Table
from medviz.imaging.volume import Array
from medviz.messages import Note, Work
from medviz.training.results import DRAWS, SHARE, Results, columns, read_results
from medviz.training.run import Run
from medviz.training.task import Task
from medviz.training.using.taught import said_in

FILE = "against.json"
PREFIX = "results/against "
"""So begins the name of the table; that of the other run follows."""
_AGAIN = 250
FEWEST = 5
"""Of fewer cases no difference can be told, whatever they say."""


@dataclass(frozen=True)
class Difference:
    """A measure of two runs over the same cases: both values, their difference with its interval, and how often.

    `better` and `worse` count the cases with a difference; they are None for what is no mean over cases.
    """

    name: str
    mine: float
    other: float
    low: float
    high: float
    cases: int
    higher: bool
    better: int | None = None
    worse: int | None = None

    @property
    def value(self) -> float:
        """The difference, this run less the other."""
        return self.mine - self.other

    @property
    def told(self) -> bool:
        """Whether a difference can be told: the interval leaves 0 out, and there are enough cases."""
        return self.cases >= FEWEST and (self.low > 0 or self.high < 0)

    @property
    def verdict(self) -> str:
        """Return "better", "worse" or "no difference can be told"."""
        if not self.told:
            return "no difference can be told"
        return "better" if (self.value > 0) == self.higher else "worse"

    def words(self) -> str:
        """Write it in a line."""
        share = f"{_signed(self.value)} ({_signed(self.low)} to {_signed(self.high)})"
        each = "" if self.better is None else f"; better in {self.better} of {self.cases} cases, worse in {self.worse}"
        return f"{self.name} {self.mine:.3f} instead of {self.other:.3f}: {share}{each}: {self.verdict}"


def against(task: Task, run: Run) -> Work[None]:
    """Compare the cases of a run that has ended with those of the run that its task names; nothing where it names none.

    Yields a Table of the cases, the one that lost most first, and a Note; writes both down. What cannot be compared
    costs a note.
    """
    if not task.against:
        return
    folder = Path(task.against).expanduser()
    name = folder.resolve().name
    mine, other = ({one.group: one for one in read_results(place)[1]} for place in (run.folder, folder))
    group = next((one for one in ("test", "validation") if one in mine and one in other), "")
    doubt = "" if group else "its cases have not been measured"
    digests = [said_in(place / "data.json").get("digest") for place in (run.folder, folder)]
    if group and (digests[0] != digests[1] or len(mine[group].rows) != len(other[group].rows)):
        doubt = "its held-out cases are others"
    if doubt:
        yield Note(f"There is no comparison with {name}: {doubt}", "warning", "Train it to its end on the same data")
        return
    best = task.BEST.removeprefix("validation/")
    found = differences(mine[group], other[group], task)
    chief = next((one for one in found if one.name == best), found[0] if found else None)
    if chief is None:
        return
    yield _table(name, chief, found, mine[group], other[group])
    yield Note(f"Against {name}: {chief.words()}")
    document = {"run": name, "set": group, "measure": chief.name, "verdict": chief.verdict}
    measures = {one.name: {**asdict(one), "difference": one.value, "told": one.told} for one in found}
    run.describe(FILE, {**document, "measures": measures})


def differences(mine: Results, other: Results, task: Task) -> tuple[Difference, ...]:
    """Compare all that both were measured by: the measure that decides first."""
    best = task.BEST.removeprefix("validation/")
    pairs = _pairs(mine, other)
    found = [one for name in columns([row for row, _ in pairs]) if (one := _paired(name, pairs, task.HIGHER))]
    whole = _of_all(pairs, task)
    return tuple(sorted([*whole, *found], key=lambda one: one.name != best))


def _numbered(mine: Results, other: Results) -> list[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    """Lay the rows of a case side by side, with its number in this run."""
    theirs = {row.get("_at", at): row for at, row in enumerate(other.rows)}
    found = ((at, row, theirs.get(row.get("_at", at))) for at, row in enumerate(mine.rows))
    return [(at, row, same) for at, row, same in found if same is not None]


def _pairs(mine: Results, other: Results) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return [(row, same) for _, row, same in _numbered(mine, other)]


def _paired(name: str, pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], higher: bool) -> Difference | None:
    """Compare the means of a column over the cases where both have it."""
    if name.startswith("_"):
        return None
    both = np.array([(_number(a.get(name)), _number(b.get(name))) for a, b in pairs], float)
    both = both[np.isfinite(both).all(1)]
    if not len(both):
        return None
    apart: Array = both[:, 0] - both[:, 1]
    drawn = np.random.default_rng(0).integers(0, len(apart), (DRAWS, len(apart)))
    low, high = _ends(apart[drawn].mean(1))
    up = higher and not _less_is_more(name)
    gained, lost = int((apart > 0).sum()), int((apart < 0).sum())
    better, worse = (gained, lost) if up else (lost, gained)
    first, second = (float(one) for one in both.mean(0))
    return Difference(name, first, second, low, high, len(both), up, better, worse)


def _of_all(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], task: Task) -> list[Difference]:
    """Compare what is no mean over cases (balanced accuracy): the same cases are drawn for both."""
    mine, other = [a for a, _ in pairs], [b for _, b in pairs]
    first, second = task.summarised(mine), task.summarised(other)
    drawn = np.random.default_rng(0).integers(0, len(pairs), (_AGAIN, len(pairs))) if first else ()
    again = [(task.summarised([mine[k] for k in some]), task.summarised([other[k] for k in some])) for some in drawn]
    found = []
    for name in first.keys() & second.keys():
        apart = np.array([a.get(name, math.nan) - b.get(name, math.nan) for a, b in again])
        low, high = _ends(apart[np.isfinite(apart)])
        up = not _less_is_more(name)
        found.append(Difference(name, float(first[name]), float(second[name]), low, high, len(pairs), up))
    return sorted(found, key=lambda one: one.name)


def _table(name: str, chief: Difference, found: Sequence[Difference], mine: Results, other: Results) -> Table:
    """Draw the cases, the one that lost most first, by the measure that decides or the first that each case has."""
    column = next((one for one in (chief, *found) if one.better is not None), chief)
    rows = []
    for at, a, b in _numbered(mine, other):
        values = _number(a.get(column.name)), _number(b.get(column.name))
        if all(map(math.isfinite, values)):
            rows.append((f"{mine.group} {at}", values[0] - values[1], *values))
    rows.sort(key=lambda row: row[1] if column.higher else -row[1])
    names = ("case", f"difference in {column.name}", "this run", name)
    return Table(f"{PREFIX}{name}", names, tuple(rows), f"Against {name}: {chief.words()}")


def _ends(drawn: Array) -> tuple[float, float]:
    if not drawn.size:
        return 0.0, 0.0
    tail = 50 * (1 - SHARE)
    low, high = np.percentile(drawn, (tail, 100 - tail))
    return float(low), float(high)


def _less_is_more(name: str) -> bool:
    """Tell measures of error from measures of likeness by their names."""
    words = name.lower()
    return any(one in words for one in ("loss", "hd95", "error", "mae", "distance", "perplexity", "missed", "added"))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, float | int) else math.nan


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")
