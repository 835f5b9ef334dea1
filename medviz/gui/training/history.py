"""What a run has said so far: its curves, its probe pictures round by round, its notes. No Qt."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from medviz.figures import Figure, Heatmap, Picture, Table
from medviz.gui.training.spreads import Spreads
from medviz.gui.training.track import Track
from medviz.imaging.labels import default_colour
from medviz.messages import Message, Note, Progress, Scalar

ROUNDS = 48
"""Rounds of probe pictures that are kept; beyond, every second of the older ones is let go."""
FLAT = 8
"""After so many validations without progress a person is told."""
GROUPS = ("loss", "measures", "rate", "gradient", "machine", "other")
SECONDS = "train/seconds"
"""The time of training as a run counts it, pauses and other sessions left out."""
TOLD_ELSEWHERE = ("train/epoch", SECONDS, "train/samples per second")
"""Written as numbers at the foot of the page."""
ANSWERS = ("from the next step on", "rate halved")
"""Words of a note that something of the training changed at that step."""
SPREAD = "histogram/"
INSIDE = (SPREAD, "layer ")
"""So begins the name of a figure of what is within the network."""
RESULTS = "results/"
"""So begins the name of a table of what was measured, a row a case; "validation" or "test" follows."""
GAP_S = 120.0
"""A longer silence in the log of a run counts as a pause."""


@dataclass(frozen=True)
class Turn:
    """A step from which the training went on otherwise (another rate, another weight decay), and what was said."""

    step: int
    at_s: float
    words: str


@dataclass(frozen=True, eq=False)
class Round:
    """The figures that were drawn at one step, by name."""

    step: int
    figures: dict[str, Figure]


@dataclass
class History:
    """Hears messages and keeps what a page draws of them.

    `judged` names the curve by which the best is chosen, and whether more is better, where the task is known.
    `progress` is that of the whole run; `aside` that of a validation within it, None while the network learns. `turns`
    are the steps at which something was changed by hand or in trouble. `spreads` are how weights, gradients and
    activations were spread, `maps` the newest feature maps by name; `results` the tables of cases, by their set.
    """

    tracks: dict[str, Track] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    spreads: dict[str, Spreads] = field(default_factory=dict)
    maps: dict[str, Figure] = field(default_factory=dict)
    results: dict[str, Table] = field(default_factory=dict)
    progress: Progress | None = None
    aside: Progress | None = None
    step: int = 0
    last_s: float = 0.0
    scalars_heard: int = 0
    figures_heard: int = 0
    insides_heard: int = 0
    judged: tuple[str, bool] | None = None
    _log_s: float | None = None
    _counts: bool = False

    def hear(self, messages: Iterable[Message], at_s: float) -> None:
        """Take note of messages that came at `at_s` seconds since the run began; a log knows their time better."""
        for message in messages:
            if isinstance(message, Scalar):
                self.last_s = self._time_of(message, at_s)
                self.tracks.setdefault(message.name, Track()).append(message.step, message.value, self.last_s)
                self.step = max(self.step, message.step) if group_of(message.name) == "loss" else self.step
                self.scalars_heard += 1
            elif isinstance(message, Progress):
                self._stand(message)
            elif isinstance(message, Note):
                self.notes.append(message)
                if any(words in message.text for words in ANSWERS):
                    self.turns.append(Turn(self.step, self.last_s, message.text))
            elif message.name.startswith(INSIDE):
                self._look_inside(message)
            elif message.name.startswith(RESULTS) and isinstance(message, Table):
                self.results[message.name.removeprefix(RESULTS)] = message
            else:
                self._keep(message)

    def _look_inside(self, figure: Figure) -> None:
        self.insides_heard += 1
        kind = figure.name.removeprefix(SPREAD)
        if isinstance(figure, Heatmap) and kind != figure.name:
            self.spreads.setdefault(kind, Spreads()).add(self.step, figure)
        else:
            self.maps[figure.name] = figure

    def _time_of(self, message: Scalar, at_s: float) -> float:
        """Seconds of training at a message: as the run itself counts them, else by its log, else as they were heard."""
        if message.name == SECONDS:
            self._counts = True
            return message.value
        if self._counts:
            return self.last_s
        return at_s if message.at_s is None else self._by_the_log(message.at_s)

    def _by_the_log(self, now_s: float) -> float:
        """Seconds of training by the times a log gives; long silences between two sessions are left out."""
        gone_s = 0.0 if self._log_s is None else now_s - self._log_s
        self._log_s = now_s
        return self.last_s + (gone_s if 0.0 <= gone_s < GAP_S else 0.0)

    def _stand(self, message: Progress) -> None:
        """Tell the progress of the run, which knows the time left, from that of a part of it."""
        if message.left_s is None and self.progress is not None and self.progress.left_s is not None:
            self.aside = message
        else:
            self.progress, self.aside = message, None

    def _keep(self, figure: Figure) -> None:
        self.figures_heard += 1
        if not self.rounds or (figure.name in self.rounds[-1].figures and self.step != self.rounds[-1].step):
            before = self.rounds[-1].figures if self.rounds else {}
            self.rounds.append(Round(self.step, {**before, figure.name: figure}))
        else:
            self.rounds[-1].figures[figure.name] = figure
        if len(self.rounds) > ROUNDS:
            older, newest = self.rounds[:-2], self.rounds[-2:]
            self.rounds = older[::2] + newest

    def best(self) -> tuple[str, float, float] | None:
        """Return name, value and step of the best of the measure that decides: the task's, else Dice before loss."""
        name, higher = self.judge()
        best = self.tracks[name].best(higher) if name else None
        return (name, best[1], best[0]) if best else None

    def judge(self) -> tuple[str, bool]:
        """Return the curve by which the best weights are chosen, and whether more of it is better."""
        if self.judged and self.judged[0] in self.tracks:
            return self.judged
        found = sorted(name for name in self.tracks if name.startswith("validation/"))
        measures = [name for name in found if group_of(name) == "measures"]
        chief = ("/mean", "/dice", "/score", "/mAP50-95", "balanced accuracy")
        mean = next((name for name in measures if name.endswith(chief)), None)
        name = mean or next(iter([*measures, *found]), "")
        return name, group_of(name) == "measures"

    def hint(self) -> str:
        """Say that the validation no longer gets better; empty while it does. Looks at the curve whose best is kept."""
        best = self.best()
        if best is None:
            return ""
        since = int((self.tracks[best[0]].steps > best[2]).sum())
        if since < FLAT:
            return ""
        return (
            f"Validation has not improved for {since} times (best at step {best[2]:,.0f}, whose weights are kept): "
            "stop here, or go on with a lower learning rate or stronger augmentation."
        )

    def steps_per_epoch(self) -> float | None:
        """Steps of one epoch, as far as the run has said: by what was validated, else by how it counts its epochs."""
        told = self.tracks.get("train/epoch")
        if told is not None and told.length and told.last > 0:
            return float(told.steps[-1]) / told.last
        of = re.match(r"epoch [\d,]+(?: of |/)([\d,]+)", self.progress.what) if self.progress is not None else None
        epochs = int(of[1].replace(",", "")) if of else 0
        return self.progress.total / epochs if self.progress is not None and epochs else None

    def latest(self, name: str) -> float | None:
        """The newest value of a curve, None where there is none."""
        track = self.tracks.get(name)
        return track.last if track is not None and track.length else None

    def colours(self) -> dict[str, tuple[int, int, int]]:
        """Return the colour of each class that the pictures name; the mean of all is grey."""
        figures = self.rounds[-1].figures.values() if self.rounds else ()
        named = max((one.label_names for one in figures if isinstance(one, Picture)), key=len, default=())
        classes = {name: default_colour(value) for value, name in enumerate(named, start=1)}
        return {**classes, "mean": (190, 190, 190)} if classes else {}

    def names(self, group: str) -> list[str]:
        """Return the curves of a group: those of the training first, and of measures the one that decides."""
        found = [name for name in self.tracks if group_of(name) == group and name not in TOLD_ELSEWHERE]
        first = self.judge()[0] if group == "measures" else ""
        return sorted(found, key=lambda name: (name != first, not name.startswith("train"), name))

    def few(self, group: str, most: int) -> list[str]:
        """Return the curves of a group; where they are many, those of single classes are left out."""
        names = self.names(group)
        return (
            names if len(names) <= most else [name for name in names if name.count("/") < 2 or name.endswith("/mean")]
        )


def group_of(name: str) -> str:
    """Tell on which axes a curve belongs, by the words in its name."""
    part, _, what = name.lower().partition("/")
    if part == "machine":
        return "machine"
    if "loss" in what:
        return "loss"
    if part in ("validation", "test"):
        return "measures"
    if "gradient" in what:
        return "gradient"
    return "rate" if what.endswith("rate") or "rate/" in what else "other"


def line_name(name: str, group: str) -> str:
    """Say of a curve what its axes do not say already: "train", "grey matter"."""
    part, _, what = name.partition("/")
    bare = what.replace("_", " ")
    if group == "loss":
        rest = bare.removeprefix("loss").strip("/ ")
        return f"{part} {rest}".strip()
    if group in ("rate", "gradient"):
        return bare.removeprefix("gradient norm").strip("/ ") or part
    return bare.removeprefix("dice/") or name
