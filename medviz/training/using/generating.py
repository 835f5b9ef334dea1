"""New samples out of a run: made as its task makes them, judged beside its training pictures, ready to be kept.

Nothing that a network made is to pass for a scan, and nothing that it remembers for new: with each sample goes the
training picture that is nearest to it, and with all of them how far they lie from these in features with a name.
"""

import datetime
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from medviz.data.pictures import RIGHTWARD, spacing_of
from medviz.imaging.storage import need_room
from medviz.imaging.synthetic import Synthetic, spread_out
from medviz.imaging.volume import Array
from medviz.messages import Progress, Work
from medviz.parameters import File, parameters, plain
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.chance import apart
from medviz.training.device import chosen, considerate
from medviz.training.making import Made, Wishes
from medviz.training.run import load_task, weights
from medviz.training.task import Task
from medviz.training.using.features import TISSUE, features
from medviz.training.using.likened import Keyed, Likened, likened
from medviz.training.using.neighbours import Neighbour
from medviz.training.using.quality import Quality

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Generated:
    """Samples of a run with what is known of each; all arrays are on the processor.

    `neighbours` and `nearest` (the training picture nearest to each, of the samples' shape) are empty where there is
    nothing to compare with, and `doubt` says why. `normal` is the axis that slices lie across.
    """

    run: str
    sha256: str
    task: str
    data: str
    wishes: Wishes
    made: tuple[Made, ...]
    neighbours: tuple[Neighbour, ...] = ()
    nearest: tuple[Array, ...] = ()
    compared: str = ""
    quality: Quality | None = None
    doubt: str = ""
    spacing_mm: tuple[float, float, float] | None = None
    normal: int = 2
    on: str = ""
    seconds: float = 0.0

    @property
    def copies(self) -> int:
        """How many are suspected to be copies."""
        return sum(one.copy for one in self.neighbours)

    def synthetic(self, number: int) -> Synthetic:
        """Return a sample as it is written to a file: its voxels, and all that its sidecar says."""
        one = self.made[number]
        told: dict[str, Any] = {
            "run": {"name": self.run, "task": self.task, "data": self.data, "weights sha256": self.sha256},
            "made": {"sample": number + 1, "of": len(self.made), "seed": self.wishes.seed, "on": self.on},
            "wishes": wished(self.wishes),
        }
        more = {"class": one.kind, "text": one.text or None, **dict(one.said)}
        told["sample"] = {name: value for name, value in more.items() if value is not None}
        if self.quality is not None:
            told["quality of all samples"] = self.quality.plain()
        if self.neighbours:
            near = self.neighbours[number]
            told["nearest training picture"] = {
                "distance RMS (-1..1)": near.far_rms,
                "that picture's own nearest RMS (-1..1)": near.usual_rms,
                "distance in features": near.far_features,
                "suspected copy": near.copy,
                "compared with": self.compared,
            }
        label = None if one.label is None else spread_out(one.label[None], self.normal)[0]
        image, rightward = spread_out(one.image, self.normal), self.data in RIGHTWARD
        return Synthetic(image, label, self.spacing_mm, rightward, told)

    def tiles(self) -> tuple[Array, Array | None]:
        """Return the samples as they face the screen (n, rows, cols[, 3]), and the training picture nearest to each."""
        made = [self.synthetic(number).picture() for number in range(len(self.made))]
        near = [Synthetic(spread_out(one, self.normal), rightward=self.data in RIGHTWARD).picture()
                for one in self.nearest]  # fmt: skip
        return _shades(made), _shades(near) if near else None


def wishes_of(folder: Path, tasks: Mapping[str, type[Task]]) -> Work[Wishes | None]:
    """Tell what may be wished of a run; None where its task makes nothing new."""
    yield Progress(0, 0, "looking at the run")
    task = load_task(folder, tasks)
    return task.wishes(task.data_set())


def samples_of(
    folder: Path,
    wishes: Wishes | None,
    tasks: Mapping[str, type[Task]],
    by: str = TISSUE,
    device: str = "auto",
) -> Work[Generated]:
    """Make samples with the best weights of a run, see `Generated`; `by` names the features (see `features`).

    Without wishes the task's own are taken. Closing the work leaves nothing. Refuses a run that makes nothing, and
    numbers that are none.
    """
    yield Progress(0, 0, "looking at the run")
    began_s = time.monotonic()
    task = load_task(folder, tasks)
    data = task.data_set()
    may = task.wishes(data)
    if may is None:
        raise Refused(folder.name, f"a run of {task.NAME} makes nothing new", "choose a run of a task that generates")
    wanted, judge = may if wishes is None else wishes, features(by)
    where = chosen(task.device if device == "auto" else device)
    need_room(f"{wanted.count} samples", _bytes(task, data) * wanted.count)
    found, _ = weights(folder)
    with apart(task.seed):
        network = task.build(data)
    network.load_state_dict(found)
    network = network.to(where).eval()
    made = yield from _quietly(task.made(network, data, wanted), task.deterministic)
    _sound(made, folder)
    seconds = time.monotonic() - began_s
    pictures = Keyed.of(task.training(data), made[0].image.shape)
    told = yield from _quietly(likened(made, pictures, judge, f"{task!r} {by}"), task.deterministic)
    return _generated(folder, task, data, wanted, made, told, checkpoints.weights_digest(found), seconds)


def _generated(
    folder: Path,
    task: Task,
    data: Any,
    wishes: Wishes,
    made: tuple[Made, ...],
    told: Likened,
    sha256: str,
    took_s: float,
) -> Generated:
    first, dimensions = made[0].image, made[0].image.ndim - 1
    spacing = spacing_of(data, dimensions, max(first.shape[1:]), bool(getattr(task, "whole", True)))
    ready = data.preparation(dimensions, max(first.shape[1:])) if hasattr(data, "preparation") else None
    return Generated(
        run=folder.resolve().name,
        sha256=sha256,
        task=task.NAME,
        data=task.data.name,
        wishes=wishes,
        made=made,
        neighbours=told.neighbours,
        nearest=told.nearest,
        compared=told.compared,
        quality=told.quality,
        doubt=told.doubt,
        spacing_mm=spacing,
        normal=2 if ready is None else ready.normal,
        on=datetime.datetime.now(datetime.UTC).date().isoformat(),
        seconds=took_s,
    )


def _shades(pictures: list[Array]) -> Array:
    """Stack pictures in −1..1; colours become 0..1."""
    made: Array = np.stack(pictures)
    return ((made + 1) / 2).clip(0, 1) if made.ndim == 4 else made


def wished(wishes: Wishes) -> dict[str, Any]:
    """Return wishes in plain values; of a file only that there was one: its name may be that of a patient."""
    files = {one.name for one in parameters(wishes) if one.mark(File) is not None}
    values = plain(wishes)
    return {name: "a file" if name in files and value else value for name, value in values.items()}


def _bytes(task: Task, data: Any) -> int:
    """Memory that a sample takes, with what is worked out of it on the way."""
    samples = task.training(data)
    return 0 if not len(samples) else 16 * math.prod(torch.as_tensor(samples[0]["image"]).shape)


def _sound(made: tuple[Made, ...], folder: Path) -> None:
    if not made:
        raise Refused(folder.name, "it made no sample", "wish for at least one")
    for one in made:
        if not np.isfinite(one.image).all():
            fault = "it made numbers that are none (NaN or infinite)"
            raise Refused(folder.name, fault, "train it longer, or with a lower rate")


def _quietly(work: Work[T], deterministic: bool) -> Work[T]:
    """Pull work without gradients; between two pulls the thread is as it was."""
    try:
        while True:
            with torch.no_grad(), considerate(deterministic):
                try:
                    message = next(work)
                except StopIteration as end:
                    made: T = end.value
                    return made
            yield message
    finally:
        work.close()
