"""Which curves of which runs stand on which axes, in which colour: plain values, no widgets."""

from collections.abc import Sequence
from dataclasses import dataclass

from medviz.gui.training.history import History, Turn, group_of, line_name
from medviz.gui.training.track import Track

Colour = tuple[int, int, int]
TITLES = {
    "loss": "Loss", "measures": "Measures", "rate": "Learning rate", "gradient": "Gradient norm", "machine": "Machine",
    "other": "More",
}  # fmt: skip
MOST = 8
"""From more curves on those of single classes are left out; they are in the table that can be saved."""
UNITS = ("%", "°C", "GB", "MB", "MiB", "W", "s", "ms", "mm", "samples/s", "steps/s")


@dataclass(frozen=True, eq=False)
class Shown:
    """A run whose curves are drawn: its name, what it said, and the number of its colour."""

    title: str
    history: History
    colour: int = 0


@dataclass(frozen=True, eq=False)
class Stroke:
    """One curve: what the legend says, its points, its colour (`place` in the palette, or one of its own)."""

    words: str
    track: Track
    place: int = 0
    colour: Colour | None = None
    dashed: bool = False
    steps_per_epoch: float | None = None


@dataclass(frozen=True, eq=False)
class Plot:
    """The curves of one pair of axes. `best` is (step, value, seconds) of the best value of the run in front."""

    name: str
    title: str
    strokes: tuple[Stroke, ...]
    unit: str = ""
    may_be_log: bool = False
    best: tuple[float, float, float] | None = None
    best_words: str = ""
    turns: tuple[Turn, ...] = ()
    steps_per_epoch: float | None = None


def plot_of(front: Shown, group: str, others: Sequence[Shown] = ()) -> Plot | None:
    """Draw a group of curves of the run in front and of those it is compared with; None where there is none yet.

    Alone, each curve has its own colour, and a class the one of its label in the pictures. Beside others each run has
    one colour everywhere, what is not the first curve is dashed, and of the measures the one that decides is drawn.
    """
    strokes = _compared((front, *others), group) if others else _alone(front, group)
    if not strokes:
        return None
    history = front.history
    best = history.best()
    mine = best is not None and group_of(best[0]) == group
    found = history.tracks[best[0]].best(history.judge()[1]) if best is not None and mine else None
    return Plot(
        group,
        TITLES[group],
        tuple(strokes),
        may_be_log=group in ("loss", "rate", "gradient"),
        best=found,
        best_words=line_name(best[0], group) if best is not None and mine else "",
        turns=tuple(history.turns) if group in ("loss", "rate") else (),
        steps_per_epoch=history.steps_per_epoch(),
    )


def machine_plots(front: Shown) -> list[Plot]:
    """Draw what the machine was asked for, one pair of axes a unit."""
    by_unit: dict[str, list[str]] = {}
    for name in front.history.names("machine"):
        by_unit.setdefault(unit_of(name), []).append(name)
    steps = front.history.steps_per_epoch()
    found = []
    for unit, names in sorted(by_unit.items()):
        strokes = [
            Stroke(_bare(name, unit), front.history.tracks[name], place, steps_per_epoch=steps)
            for place, name in enumerate(sorted(names))
        ]
        title = (
            strokes[0].words if len(strokes) == 1 else {"%": "Load"}.get(unit, "Memory" if "B" in unit else "Machine")
        )
        found.append(Plot(f"machine {unit}", title[:1].upper() + title[1:], tuple(strokes), unit))
    return found


def unit_of(name: str) -> str:
    """Read the unit off the end of a curve's name ("machine/memory (GB)", "machine/cpu %"); empty where it has none."""
    last = name.rstrip(") ").rpartition("(")[2] if name.endswith(")") else name.rpartition(" ")[2]
    return next((unit for unit in UNITS if unit == last.strip()), "")


def _bare(name: str, unit: str) -> str:
    words = name.partition("/")[2].removesuffix(")").removesuffix(unit).rstrip(" (")
    return words.replace("_", " ")


def _alone(front: Shown, group: str) -> list[Stroke]:
    history = front.history
    tints = history.colours() if group == "measures" else {}
    per_epoch = history.steps_per_epoch()
    found = []
    for place, name in enumerate(history.few(group, MOST)):
        words = line_name(name, group)
        said = "" if words.lower() == TITLES[group].lower() else words  # the title says it
        found.append(Stroke(said, history.tracks[name], place, tints.get(words), steps_per_epoch=per_epoch))
    return found


def _compared(runs: Sequence[Shown], group: str) -> list[Stroke]:
    found = []
    for run in runs:
        names = run.history.names(group)
        if group == "measures":
            names = names[:1]
        per_epoch = run.history.steps_per_epoch()
        for number, name in enumerate(names):
            said = line_name(name, group)
            words = run.title if said.lower() == TITLES[group].lower() else f"{run.title} {said}"
            track = run.history.tracks[name]
            found.append(Stroke(words, track, run.colour, dashed=number > 0, steps_per_epoch=per_epoch))
    return found
