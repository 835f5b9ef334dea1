"""What a trained network reaches on samples it never saw: a row a case, and each measure with its confidence interval.

The intervals are 95 % percentile bootstrap intervals over cases (Efron & Tibshirani, 1993): 1,000 times as many cases
are drawn with replacement, always from the same seed. A case is told by the data set and its number there, never by
its name, which may be that of a patient.
"""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medviz.figures import Table

DRAWS, SHARE = 1000, 0.95
LARGEST_DRAW = 5_000_000
"""Numbers drawn at most, so that the intervals of 100,000 pictures take no more memory and time than those of 5,000."""
MOST_ROWS = 2000
"""Rows of the table that is drawn; ``results.csv`` has them all."""
FILE, SHEET = "results.json", "results.csv"
Row = Mapping[str, Any]
_UNIT = re.compile(r"(.*) \(([^()]+)\)$")


@dataclass(frozen=True)
class Interval:
    """A measure over all cases: its value, between which values it lies with 95 %, and how many cases have it."""

    value: float
    low: float
    high: float
    count: int

    def words(self) -> str:
        """Write it as "0.871 (0.853 to 0.886)", large numbers with fewer digits."""
        digits = 3 if abs(self.high) < 10 else 1
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


@dataclass(frozen=True)
class Results:
    """What was measured on one set of samples ("validation" or "test") with the weights of a digest."""

    group: str
    rows: tuple[Row, ...]
    measures: Mapping[str, Interval] = field(default_factory=dict)

    def table(self, best: str = "", higher: bool = True) -> Table:
        """Draw a row a case, the worst first by the measure `best` (else by the first that is a number)."""
        shown = [name for name in columns(self.rows) if not name.startswith("_")]
        by = best if best in shown else next((name for name in shown if self._numeric(name)), "")
        shown.sort(key=lambda name: name != by)  # the others keep their order
        units = {name: match[2] if (match := _UNIT.match(name)) else "" for name in shown}
        worst = sorted(range(len(self.rows)), key=lambda at: _worst(self.rows[at].get(by), higher))
        cells = [[_cell(self.rows[at].get(name)) for name in shown] for at in worst[:MOST_ROWS]]
        rows = [(f"{self.group} {at}", *row) for at, row in zip(worst, cells, strict=False)]
        names = tuple(name.removesuffix(f" ({units[name]})") for name in shown)
        told = sorted(self.measures, key=lambda name: name not in (by, best))[:3]
        means = "; ".join(f"{name} {self.measures[name].words()}" for name in told)
        which = "the worst first" if len(rows) == len(worst) else f"the worst {len(rows):,}"
        title = f"{len(self.rows):,} cases of {self.group}, {which}: {means} (95 % intervals)"
        units_in_order = ("", *(units[name] for name in shown))
        return Table(f"results/{self.group}", ("case", *names), tuple(rows), title, units_in_order)

    def _numeric(self, name: str) -> bool:
        return any(isinstance(row.get(name), float | int) for row in self.rows)

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        measures = {name: vars(one) for name, one in self.measures.items()}
        rows = [{"case": at, **{name: _json(value) for name, value in row.items()}} for at, row in enumerate(self.rows)]
        return {"cases": len(self.rows), "measures": measures, "rows": rows}

    @classmethod
    def of(cls, group: str, said: Mapping[str, Any]) -> "Results":
        """Read it back from plain values."""
        measures = {name: Interval(**one) for name, one in said["measures"].items()}
        rows = tuple({name: value for name, value in row.items() if name != "case"} for row in said["rows"])
        return cls(group, rows, measures)


def columns(rows: Sequence[Row]) -> list[str]:
    """Names of all columns in the order in which they come."""
    return list(dict.fromkeys(name for row in rows for name in row))


def judged_rows(group: str, rows: Sequence[Row], summarised: Callable[[Sequence[Row]], Mapping[str, float]]) -> Results:
    """Take means of all columns of numbers, and what the task makes of all rows, each with its interval."""
    names = [name for name in columns(rows) if not name.startswith("_")]
    draws = min(DRAWS, max(100, LARGEST_DRAW // len(rows)))
    drawn = np.random.default_rng(0).integers(0, len(rows), (draws, len(rows)))
    found: dict[str, Interval] = {}
    for name, value in summarised(rows).items():
        again = [summarised([rows[at] for at in some]).get(name, math.nan) for some in drawn[: max(50, draws // 4)]]
        found[name] = _interval(value, np.array(again, float), len(rows))
    for name in names:
        values = np.array([_number(row.get(name)) for row in rows], float)
        if np.isfinite(values).any() and name not in found:
            found[name] = _interval(_mean(values[np.newaxis])[0], _mean(values[drawn]), int(np.isfinite(values).sum()))
    return Results(group, tuple(rows), found)


def written(results: Sequence[Results], digest: str, step: int) -> tuple[str, str]:
    """Return results.json and results.csv as texts."""
    document = {"weights": digest, "step": step, "sets": {one.group: one.plain() for one in results}}
    sheet = io.StringIO()
    names = [name for name in columns([row for one in results for row in one.rows]) if not name.startswith("_")]
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(["set", "case", *names])
    for one in results:
        writer.writerows([one.group, at, *(_cell(row.get(name)) for name in names)] for at, row in enumerate(one.rows))
    return json.dumps(document, indent=1, allow_nan=False) + "\n", sheet.getvalue()


def read_results(folder: Path) -> tuple[str, tuple[Results, ...]]:
    """Read the digest of the weights and the results of a run; empty where it has none yet."""
    try:
        said = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return str(said["weights"]), tuple(Results.of(group, one) for group, one in said["sets"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return "", ()


def _interval(value: float, drawn: Any, count: int) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    tail = 50 * (1 - SHARE)
    low, high = np.percentile(drawn, (tail, 100 - tail)) if drawn.size else (value, value)
    return Interval(float(value), float(low), float(high), count)


def _mean(values: Any) -> Any:
    """Mean along the last axis over what is finite; not a number where nothing is."""
    there = np.isfinite(values)
    counts = there.sum(axis=-1)
    return np.where(counts > 0, np.where(there, values, 0.0).sum(axis=-1) / np.maximum(counts, 1), np.nan)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, float | int) else math.nan


def _worst(value: Any, higher: bool) -> tuple[bool, float]:
    number = _number(value)
    return (not math.isfinite(number), number if higher else -number) if math.isfinite(number) else (True, 0.0)


def _cell(value: Any) -> str | float | int | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | float | int) else None


def _json(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
