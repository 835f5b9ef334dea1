"""What a check says, as frozen values: problems with their remedies, what each case is, and the fingerprint.

Nothing here knows torch or a file format, so that the window may read it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from medviz.parameters import Settings

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""Training would be refused or learn what is wrong; a person should look; good to know, nothing need be done."""

KINDS: Mapping[str, str] = {
    "unreadable": "cannot be read",
    "missing": "missing file",
    "grid": "another grid",
    "labels": "undeclared label",
    "channels": "channels",
    "nan": "not a number",
    "box": "box",
    "leakage": "same patient on both sides",
    "duplicate": "same picture twice",
    "empty": "nothing labelled",
    "blank": "blank picture",
    "class": "class never occurs",
    "few": "too few cases",
    "gaps": "gap in the labels",
    "imbalance": "classes out of balance",
    "spacing": "mixed spacings",
    "orientation": "mixed orientations",
}
"""Kinds of fault and what a person reads, about the worst first."""


@dataclass(frozen=True)
class Repair:
    """What a button does about a problem: it turns one parameter of the data set; the user's files stay as they are.

    `field` is the parameter ("leave_out", "relabel", "grids", "patient") and `value` what it becomes; names of cases
    and relabellings are added to those that are there.
    """

    words: str
    field: str
    value: str


@dataclass(frozen=True)
class Problem:
    """One fault: the case ("" where it is the whole set), its kind (see KINDS), the fault and the remedy in words."""

    case: str
    kind: str
    sentence: str
    remedy: str
    severity: Severity = "error"
    repairs: tuple[Repair, ...] = ()
    path: str = ""

    @property
    def plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "case": self.case,
            "kind": self.kind,
            "severity": self.severity,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "fixable": bool(self.repairs),
            "repairs": [{"words": one.words, "field": one.field, "value": one.value} for one in self.repairs],
        }


@dataclass(frozen=True)
class CaseFacts:
    """What one case is: its side of the split, what it shows, its grid, and where its files lie.

    `part` is "training", "held out", or "" where it cannot be told. `spacing_mm` is None where uncalibrated; `axes` is
    the order in which it is stored. `counts` are voxels, or boxes, of each class by name; `kind` is the class of a
    picture that has one. `broken` says that it could not be read.
    """

    name: str
    part: str = ""
    kind: str = ""
    patient: str = ""
    shape: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] | None = None
    axes: str = ""
    dtype: str = ""
    channels: int = 0
    counts: tuple[tuple[str, int], ...] = ()
    image: str = ""
    label: str = ""
    broken: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """What the case shows."""
        return (self.kind,) if self.kind else tuple(name for name, count in self.counts if count)


@dataclass(frozen=True)
class Spread:
    """The smallest, the middle and the largest of a number, or of each of several."""

    low: tuple[float, ...] = ()
    middle: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> "Spread":
        """Measure column by column; empty where there are no rows."""
        columns = [sorted(column) for column in zip(*rows, strict=True)]
        return cls(
            tuple(column[0] for column in columns),
            tuple(_middle(column) for column in columns),
            tuple(column[-1] for column in columns),
        )

    @property
    def plain(self) -> dict[str, list[float]]:
        """Plain values for JSON."""
        return {"min": list(self.low), "median": list(self.middle), "max": list(self.high)}


def _middle(ordered: Sequence[float]) -> float:
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else (ordered[half - 1] + ordered[half]) / 2


@dataclass(frozen=True)
class ClassCount:
    """How much there is of a class: cases that show it, and voxels, boxes or pictures; `share` is of all of them."""

    name: str
    cases: int
    count: int
    share: float


@dataclass(frozen=True)
class Hardware:
    """What there is to train on: "cpu", "cuda" or "mps", its free memory in bytes, and the cores of the processor."""

    device: str = "cpu"
    memory_bytes: int = 0
    cores: int = 1


@dataclass(frozen=True)
class Fingerprint:
    """What a data set is like, as far as a task needs it to choose its parameters.

    `shape` is in voxels along R, A and S (pixels along x and y), `spacing_mm` None where it is not known; `intensities`
    are percentiles (0.5, 5, 50, 95, 99.5), mean and spread of what is labelled (of what is not air where nothing is).
    `counted` says what the classes' counts are: "voxels", "pictures" or "boxes". `foreground` is the labelled share
    of all voxels, `labelled` the sides in voxels of the box round all that is labelled, `boxes` those of single boxes.
    """

    dimensions: int = 2
    cases: int = 0
    held_out: int = 0
    patients: int = 0
    channels: int = 1
    shape: Spread = Spread()
    spacing_mm: Spread | None = None
    intensities: tuple[tuple[str, float], ...] = ()
    classes: tuple[ClassCount, ...] = ()
    counted: str = "voxels"
    foreground: float = 0.0
    labelled: Spread = Spread()
    boxes: Spread = Spread()
    hardware: Hardware = Hardware()

    @property
    def learnt(self) -> int:
        """Cases that are learnt from."""
        return self.cases - self.held_out

    @property
    def plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "dimensions": self.dimensions,
            "cases": self.cases,
            "held_out": self.held_out,
            "patients": self.patients,
            "channels": self.channels,
            "shapes": self.shape.plain,
            "spacing": self.spacing_mm.plain if self.spacing_mm else None,
            "intensities": dict(self.intensities),
            "counted": self.counted,
            "foreground": self.foreground,
            "labelled": self.labelled.plain,
            "boxes": self.boxes.plain,
            "hardware": asdict(self.hardware),
            "classes": [
                {"name": one.name, "cases": one.cases, "count": one.count, "share": one.share} for one in self.classes
            ],
        }


@dataclass(frozen=True)
class CheckReport:
    """What a check found of the data set `settings`, for the task of this name; problems worst first."""

    settings: Settings
    layout: str
    task: str
    classes: tuple[str, ...]
    cases: tuple[CaseFacts, ...]
    problems: tuple[Problem, ...]
    fingerprint: Fingerprint
    seconds: float = field(default=0.0, compare=False)

    @property
    def faults(self) -> int:
        """How many problems want something done: errors and warnings."""
        return sum(one.severity != "note" for one in self.problems)

    @property
    def plain(self) -> dict[str, Any]:
        """Plain values for JSON, with the keys that the command line promises."""
        return {
            "layout": self.settings.name,
            "title": self.layout,
            "task": self.task,
            "cases": len(self.cases),
            "classes": list(self.classes),
            "problems": [one.plain for one in self.problems],
            "fingerprint": self.fingerprint.plain,
        }


@dataclass(frozen=True)
class Row:
    """One row of the report as a person reads it: a problem that several cases may share."""

    problem: Problem
    cases: tuple[str, ...]

    @property
    def where(self) -> str:
        """Name the case, or say how many there are."""
        if len(self.cases) > 1:
            return f"{len(self.cases)} cases"
        return self.cases[0] if self.cases and self.cases[0] else "the whole set"


MANY = 4
"""So many cases with the same fault share a row."""


def sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Put the worst first: by severity, by kind, by case."""
    order = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(
        sorted(problems, key=lambda one: (SEVERITIES.index(one.severity), order.get(one.kind, len(order)), one.case))
    )


def rows_of(problems: Sequence[Problem]) -> tuple[Row, ...]:
    """Put problems that differ in nothing but the case and its numbers into one row, where there are many."""
    groups: dict[tuple[Any, ...], list[Problem]] = {}
    for one in problems:
        others = tuple(repair for repair in one.repairs if repair.field != "leave_out")
        groups.setdefault((one.severity, one.kind, one.remedy, others, not one.case), []).append(one)
    rows: list[Row] = []
    for members in groups.values():
        if len(members) >= MANY and members[0].case:
            rows.append(Row(_together(members), tuple(one.case for one in members)))
        else:
            rows += [Row(one, (one.case,)) for one in members]
    order = {id(one): place for place, one in enumerate(problems)}
    return tuple(sorted(rows, key=lambda row: order.get(id(row.problem), _first(row, problems))))


def _first(row: Row, problems: Sequence[Problem]) -> int:
    return next(n for n, one in enumerate(problems) if one.case in row.cases and one.kind == row.problem.kind)


def _together(members: Sequence[Problem]) -> Problem:
    """One problem for many: the first one's words, and repairs that leave all of them out."""
    first = members[0]
    others = f" (and {len(members) - 1} more like it)" if len({one.sentence for one in members}) > 1 else ""
    said = f"{first.case}: {first.sentence}{others}" if others else first.sentence
    repairs: dict[str, Repair] = {}
    for one in members:
        for repair in one.repairs:
            if repair.field != "leave_out":
                repairs.setdefault(repair.words, repair)
    names = [repair.value for one in members for repair in one.repairs if repair.field == "leave_out"]
    if names:
        repairs["leave out"] = Repair(f"leave these {len(names)} cases out", "leave_out", ", ".join(names))
    return Problem("", first.kind, said, first.remedy, first.severity, tuple(repairs.values()), first.path)
