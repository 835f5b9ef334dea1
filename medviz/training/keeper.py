"""What of a run is kept on disk, when, and what happens while the disk does not take it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from medviz.messages import Note, Progress, Work
from medviz.parameters import plain
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.card import card, environment
from medviz.training.chance import generators, set_generators
from medviz.training.exactness import exactness, of_data
from medviz.training.learner import Learner
from medviz.training.past import Past
from medviz.training.run import Run, recipe
from medviz.training.standing import Clock, Standing
from medviz.training.task import Task

SAVE_EVERY_S, SAVE_SHARE = 30.0, 0.02
"""Between two checkpoints, at least; and no more than this share of the time goes into writing them."""
WAIT_S, WAIT_LIMIT_S = 1.0, 1800.0
"""While a disk is full or gone training waits, asks every second, and gives up after half an hour."""
MAY_CHANGE = frozenset(
    "epochs steps patience validate_every probe_every device precision workers deterministic learning_rate clip "
    "schedule warm_up drop drops wait channels_last compile against".split()
)
"""Fields that may differ when a run is taken up again; the others would make it another run."""


class Keeper:
    """Writes a run: its description, its checkpoints, its best weights, its heartbeat and its end."""

    def __init__(
        self,
        task: Task,
        run: Run,
        learner: Learner,
        about: Mapping[str, Any],
        fingerprint: Mapping[str, Any],
        split: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.task, self.run, self.learner, self.about, self.fingerprint = task, run, learner, about, fingerprint
        self.split = split
        self.data_digest = of_data(fingerprint, split)
        self.total = 0
        self.clock = Clock()
        self.past = Past()
        self.state = "training"
        self.answered = 0
        self.environment = environment(learner.device, learner.precision.name)
        self._saved: Standing | None = None  # until the run is set up or taken up nothing of it may be touched
        self._saved_s = time.monotonic()
        self._saving_s = 0.0
        self._good = learner.snapshot()
        self._stale = False

    def set_up(self, total: int, layers: Sequence[str] = ()) -> Standing:
        """Write down what is trained, on what and where, and a first checkpoint. Refuses where that cannot be."""
        self.total, now = total, Standing()
        self.run.hear({"message": "begin", "step": 0, "task": self.task.NAME, "total": total}, 0)
        try:
            self.run.describe("task.toml", recipe(self.task))
            self.run.describe("model.json", self.about)
            self.run.describe("data.json", self.fingerprint)
            self.run.describe("environment.json", self.environment)
            self.run.describe("layers.json", {"layers": list(layers)})
            self.run.describe("split.json", self.split)
            self.save(now)
        except OSError as problem:
            raise Refused(self.run.folder, _in_words(problem), "choose a folder with room") from problem
        return now

    def take_up(self, total: int) -> tuple[Standing, list[Note]] | None:
        """Go back to the newest sound checkpoint; None where there is none yet."""
        self.total = total
        try:
            self.run.mend()
            state, notes = self.run.newest()
            if state is None:
                return None
            changed = self._changes(state["task"])
            if changed:
                self.run.describe("task.toml", recipe(self.task))
                notes.append(Note(f"Changed since it was begun: {', '.join(changed)}", "warning"))
        except OSError as problem:
            raise Refused(self.run.folder, _in_words(problem), "choose a folder you may write to") from problem
        self.learner.load(state["learner"])
        now = Standing.of(state["standing"])
        now = replace(now, asked=now.asked.without(changed))
        self.past = Past.of(state.get("past", {}))
        set_generators(state["chance"])
        self._good, self._saved = self.learner.snapshot(), now
        self.clock = Clock(now.step, now.seconds)
        known, device = self.data_digest, self.learner.device
        reached = exactness(state["environment"], self.environment, state.get("data", ""), known, device)
        begin = {"message": "begin", "step": now.step, "task": self.task.NAME, "total": total, "level": reached.level}
        self.run.hear(begin, now.step)
        if now.asked.words():
            notes.append(Note(f"As it was asked before: {now.asked.words()}"))
        return now, [Note(f"Goes on at step {now.step} of {total}, {reached.words}"), *notes]

    def describe(self, about: Mapping[str, Any]) -> None:
        """Tell anew how the network is run; it is written with what comes next."""
        self.about, self._stale = about, True

    def _changes(self, before: Mapping[str, Any]) -> list[str]:
        """Names of changed fields; refuses a change that would make it another run."""
        now = plain(self.task)
        before = {**plain(type(self.task)()), **before}  # a recipe that is older than a field had its default
        changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        fixed = [name for name in changed if name not in MAY_CHANGE]
        if fixed:
            raise Refused(self.run.folder, f"the run was begun with another {', '.join(fixed)}", "start a new run")
        return changed

    def note_good(self) -> bool:
        """Copy the weights as those to go back to, if each is a finite number."""
        sound = self.learner.sound()
        if sound:
            self._good = self.learner.snapshot()
        return sound

    def go_back(self) -> None:
        """Return to the last good weights; how a batch is cut (after memory ran out) stays."""
        pieces = self.learner.pieces
        self.learner.load(self._good)
        self.learner.pieces = pieces

    def kept(self, now: Standing, save: bool = False, best: Mapping[str, float] | None = None) -> Work[None]:
        """Write what is due; `best` are the measures of weights that are to be kept as the best.

        While the disk does not take it training waits here, asking again; nothing is lost meanwhile.
        """
        try:
            self._write(now, save, best)
            return
        except OSError as problem:
            text = f"The run cannot be written: {_in_words(problem)}; training waits"
            yield Note(text, "error", f"Make room for {self.run.folder} or bring its disk back; or stop")
        until_s = time.monotonic() + WAIT_LIMIT_S
        while time.monotonic() < until_s:
            time.sleep(WAIT_S)
            try:
                self._write(now, True, best)
            except OSError:
                yield Progress(now.step, self.total, "waiting for the disk")
            else:
                yield Note("The run is written again; training goes on")
                return
        raise Refused(self.run.folder, "it could not be written for half an hour", "make room and resume the run")

    def _write(self, now: Standing, save: bool, best: Mapping[str, float] | None) -> None:
        if best is not None:
            about = {**self.about, "step": now.step, "measures": dict(best)}
            checkpoints.write_weights(self.run.best, self.learner.judged.state_dict(), about)
        if self._stale:
            self.run.describe("model.json", self.about)
            self._stale = False
        due = time.monotonic() - self._saved_s > max(SAVE_EVERY_S, self._saving_s / SAVE_SHARE)
        if save or (due and now != self._saved):
            self.save(now)
        self.run.flush()
        self.run.beat(**self._status(now, self.state))

    def save(self, now: Standing) -> None:
        """Write the checkpoint `last`; the one before becomes `prev`. Raises OSError."""
        start_s = time.monotonic()
        if not self.learner.sound():
            self.go_back()
        self.run.flush(now=True)
        tree = {
            "standing": replace(now, seconds=self.clock.spent_s()).plain(),
            "learner": self.learner.state(),
            "chance": generators(),
            "task": plain(self.task),
            "environment": self.environment,
            "data": self.data_digest,
            "past": self.past.plain(),
        }
        checkpoints.write(self.run.last, tree, before=self.run.prev)
        self._saved, self._saved_s = now, time.monotonic()
        self._saving_s = self._saved_s - start_s

    def _status(self, now: Standing, state: str) -> dict[str, Any]:
        watch = now.watch
        left_s = self.clock.left_s(now.step, self.total)
        about = {"step": now.step, "total": self.total, "left_s": left_s, "answered": self.answered}
        return {"state": state, "task": self.task.NAME, **about, "best": watch.best, "best_step": watch.best_step}

    def end(self, now: Standing, how: str, whole: bool) -> None:
        """Keep all and say how it ended ("ended", "stopped", "failed"); refuses where the disk does not take it.

        Where a step broke off halfway (not `whole`) the checkpoint before it stands.
        """
        if self._saved is None:
            return
        try:
            if whole and now != self._saved:
                self.save(now)
            best, seconds = now.watch.best, self.clock.spent_s()
            self.run.hear({"message": "end", "step": now.step, "how": how, "best": best, "seconds": seconds}, now.step)
            text = card(self.task, self.run, now, self.fingerprint)
            self.run.describe("MODEL_CARD.md", text)
            self.run.flush(now=True)
            self.run.beat(now=True, **self._status(now, how))
        except OSError as problem:
            fault = f"the last steps could not be saved ({_in_words(problem)})"
            raise Refused(self.run.folder, fault, "the checkpoint before stands; make room and resume") from problem


def _in_words(problem: OSError) -> str:
    return problem.strerror or str(problem)
