"""The story of a run: what its network makes of a few whole scans, kept at each validation, small and for ever.

Kept are predictions, never scans: a case is its number in the data set. The story may take `BUDGET_BYTES`; when it has
grown beyond, every second frame goes, and from then on every second validation is kept. It may take `SHARE` of the
time of a training; what would take more is left out, but for the last validation. What cannot be read or written
costs a note and never the training.
"""

import io
import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from medviz.imaging.story import FOLDER, INDEX, Frame, Snapshot, Story
from medviz.messages import Note, Progress, Work
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.task import Task, Teller

BUDGET_BYTES = 192_000_000
SHARE, FREE_S = 0.05, 30.0
"""Of the time of the training so much may go into the story, and the first seconds in any case."""
SPEAK_S = 0.4
"""Between two words while a frame is made: whoever pulls may stop then."""
_FRAME = re.compile(r"(\d{8})-\d+\.npz")
T = TypeVar("T")


class Telling:
    """Keeps the story of one run; `kept` is Work that stands among the work of the training.

    `spent_s` is what the frames there are have cost. Once `silent`, nothing more is kept in this session.
    """

    def __init__(self, run: Path, task: Task, data: Any, device: torch.device) -> None:
        self.run, self.task, self.data, self.device = run, task, data, device
        self.story = Story(run / FOLDER)
        self.spent_s = 0.0
        self.silent = False
        self._teller: Teller | None = None
        self._slowest_s = 0.0

    def take_up(self, step: int) -> None:
        """Go on with the story of a run that goes on at a step; what was kept after it will be kept again."""
        with suppress(Refused):
            self.story = Story.read(self.run)
        kept = tuple(one for one in self.story.frames if one.step <= step)
        self.spent_s = sum(one.seconds for one in kept)
        with suppress(OSError):
            if kept != self.story.frames:
                self._put(replace(self.story, frames=kept))
            self._sweep()

    def due(self, training_s: float) -> bool:
        """Tell whether there is time for a frame after so many seconds of training."""
        return self.spent_s + self._slowest_s <= max(FREE_S, SHARE * training_s)

    def kept(
        self, network: nn.Module, step: int, epoch: float, measures: Mapping[str, float], training_s: float = math.inf
    ) -> Work[None]:
        """Keep a frame if there is time for it; at a step that has one, only what was measured is put down."""
        if self.silent:
            return
        there = next((number for number, one in enumerate(self.story.frames) if one.step == step), None)
        try:
            if there is not None:
                self._measured(there, measures)
            elif self.due(training_s):
                yield from self._told(network, step, epoch, measures)
        except Refused as refusal:
            self.silent = True
            words = f"The epochs cannot be looked back at: {refusal.thing}: {refusal.fault}"
            yield Note(words, "warning", refusal.remedy)
        except OSError as problem:
            self.silent = True
            words = f"The epochs are no longer kept to be looked back at ({problem.strerror or problem})"
            yield Note(words, "warning", f"Make room for {self.run}")

    def _told(self, network: nn.Module, step: int, epoch: float, measures: Mapping[str, float]) -> Work[None]:
        start_s = time.monotonic()
        teller = self._teller or self.task.told(self.data)
        if teller is None or not teller.cases:
            self.silent = True
            return
        self._teller = teller
        found: list[Snapshot] = []
        for place in range(len(teller.cases)):
            snapshot = yield from _seldom(teller.snapshot(network, place, self.device))
            found.append(snapshot)
        network.to(self.device)  # where memory ran out the prediction moved it
        self._keep(step, epoch, measures, found, start_s)

    def _keep(
        self, step: int, epoch: float, measures: Mapping[str, float], found: Sequence[Snapshot], start_s: float
    ) -> None:
        folder = self.story.folder
        folder.mkdir(parents=True, exist_ok=True)
        frames = self.story.frames
        made = Frame(step, epoch, frames[-1].tick + 1 if frames else 0, _finite(measures),
                     tuple(_finite(one.measures) for one in found))  # fmt: skip
        size = 0
        for place, one in enumerate(found):
            data = packed(one)
            size += len(data)
            checkpoints.put(folder / made.name(place), data, durable=False)
        seconds = time.monotonic() - start_s
        made = replace(made, bytes=size, seconds=seconds)
        self._put(thinned(replace(self._begun(), frames=(*frames, made)), BUDGET_BYTES))
        self._sweep()
        self.spent_s += seconds
        self._slowest_s = max(self._slowest_s * 0.9, seconds)

    def _begun(self) -> Story:
        """The story so far, with what the task says of it."""
        assert self._teller is not None
        about = tuple(self._teller.cases)
        cases = tuple(int(one["number"]) for one in about)
        return replace(
            self.story, kind=self._teller.kind, task=self.task.NAME, best=self.task.BEST, about=about, cases=cases,
            classes=tuple(self._teller.classes),
        )  # fmt: skip

    def _measured(self, there: int, measures: Mapping[str, float]) -> None:
        frames = list(self.story.frames)
        if measures and not frames[there].measures:
            frames[there] = replace(frames[there], measures=_finite(measures))
            self._put(replace(self.story, frames=tuple(frames)))

    def _put(self, story: Story) -> None:
        text = json.dumps(story.plain(), separators=(",", ":"))
        checkpoints.put(story.folder / INDEX, text.encode(), durable=False)
        self.story = story

    def _sweep(self) -> None:
        """Delete the files of frames that are no longer in the story."""
        if not self.story.folder.is_dir():
            return
        kept = {one.step for one in self.story.frames}
        for path in self.story.folder.iterdir():
            name = _FRAME.fullmatch(path.name)
            if (name and int(name[1]) not in kept) or path.name.endswith(".part"):
                path.unlink(missing_ok=True)


def thinned(story: Story, budget_bytes: int) -> Story:
    """Take every second frame out until the story fits; the first and the newest frame stay."""
    while True:
        frames = story.frames
        last = len(frames) - 1
        kept = tuple(one for n, one in enumerate(frames) if n in (0, last) or one.tick % story.interval == 0)
        story = replace(story, frames=kept)
        if story.size_bytes <= budget_bytes or len(kept) <= 2:
            return story
        story = replace(story, interval=story.interval * 2)


def packed(snapshot: Snapshot) -> bytes:
    """Make the .npz of a snapshot."""
    held = io.BytesIO()
    np.savez_compressed(held, **dict(snapshot.arrays))  # type: ignore[arg-type]
    return held.getvalue()


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def _seldom(work: Work[T]) -> Work[T]:
    """Pass on a word now and then: a small scan is done before anybody could ask."""
    spoken_s = time.monotonic()
    while True:
        try:
            message = next(work)
        except StopIteration as end:
            made: T = end.value
            return made
        now_s = time.monotonic()
        if isinstance(message, Note) or (isinstance(message, Progress) and now_s - spoken_s > SPEAK_S):
            spoken_s = now_s
            yield replace(message, what=f"probe case, {message.what}") if isinstance(message, Progress) else message
