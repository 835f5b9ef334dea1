"""Samples that another run makes, to be learnt from beside the real ones: masks with scans, or pictures of classes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.naming import Named
from medviz.data.patches import Case, Patches, Sides, sides_of
from medviz.data.pictures import spacing_of
from medviz.data.preparation import Preparation, normalised
from medviz.imaging.storage import need_room
from medviz.imaging.volume import Array
from medviz.messages import Note, Work
from medviz.parameters import File, Group, Range, parameters
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.training.card import split_of
from medviz.training.checkpoints import weights_digest
from medviz.training.evaluating import best_network
from medviz.training.making import Added, Made, Wishes
from medviz.training.run import load_task, weights
from medviz.training.task import Samples, Task

_GROUP = Group("Synthetic data", advanced=True)
Synthetic = Annotated[
    int,
    Range(0, 4096, unit="samples"),
    _GROUP,
    "Generated samples that are learnt from beside the real ones; 0 is none. Nothing is measured on them. Whether they "
    "help is told only by the same training without them: `medviz train --with-and-without`.",
]
SyntheticFrom = Annotated[
    str,
    File(folder=True),
    _GROUP,
    "The run that makes them: for masks pix2pix or SPADE, for classes a network that is told the class.",
]


def added_masks(task: Any, data: Any, real: Samples, patch: Sides) -> Added | None:
    """Return what makes scans with masks for a segmentation; None where none are asked for."""
    dimensions = int(task.dimensions)
    change = _changes_of(real)
    ready: Preparation = data.preparation(dimensions, patch)

    def samples(made: Sequence[Made]) -> Patches:
        cases = [Case(f"synthetic {at}", normalised(one.image), np.asarray(one.label)) for at, one in enumerate(made)]
        return Patches(cases, sides_of(patch, dimensions), change)

    def fitted(made: Sequence[Made], other: Task, theirs: Any) -> tuple[Made, ...]:
        zoom = _zoom(ready, other, theirs, made[0].image)
        return tuple(_zoomed(one, zoom) for one in made)

    return _added(task, data, "label", samples, fitted)


def added_classes(task: Any, data: Any, real: Samples) -> Added | None:
    """Return what makes pictures of classes for a classification; None where none are asked for."""
    change = _changes_of(real)

    def samples(made: Sequence[Made]) -> Named:
        return Named(_Pile(made), range(len(made)), task.side, data.channels, change)

    def fitted(made: Sequence[Made], other: Task, theirs: Any) -> tuple[Made, ...]:
        names = list(data.classes)
        return tuple(replace(one, kind=names.index(theirs.classes[int(one.kind or 0)])) for one in made)

    return _added(task, data, "kind", samples, fitted)


class _Pile:
    """Made pictures as a pile of pictures with a class each."""

    def __init__(self, made: Sequence[Made]) -> None:
        self._made = made
        self.kinds = tuple(int(one.kind or 0) for one in made)
        self.names = tuple(f"synthetic {at}" for at in range(len(made)))

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Return a picture (channel, x, y[, z])."""
        return np.asarray(self._made[index].image, np.float32)


def _added(
    task: Any,
    data: Any,
    brings: str,
    samples: Callable[[Sequence[Made]], Any],
    fitted: Callable[[Sequence[Made], Task, Any], tuple[Made, ...]],
) -> Added | None:
    count = int(task.synthetic)
    if not count:
        return None
    if not task.synthetic_from:
        remedy = "give synthetic_from the folder of a run that generates"
        raise Refused(f"synthetic={count}", "it is not said which network makes them", remedy)
    folder = Path(task.synthetic_from).expanduser()

    def make() -> Work[tuple[tuple[Made, ...], str]]:
        other, theirs, wishes = _checked(folder, task, data, brings)
        doubt = _doubt(folder, task, other)
        if doubt:
            yield Note(doubt, "warning", "Train the network that generates with the same settings of the data set")
        made = yield from _made(folder, other, theirs, replace(wishes, count=count, seed=task.seed))
        if any(getattr(one, brings) is None for one in made):
            raise _lacking(folder, brings)
        return fitted(made, other, theirs), weights_digest(weights(folder)[0])

    return Added(count, task.seed, folder, lambda: _check(folder, task, data, brings), make, samples)


def _check(folder: Path, task: Any, data: Any, brings: str) -> None:
    _checked(folder, task, data, brings)


def _checked(folder: Path, task: Any, data: Any, brings: str) -> tuple[Task, Any, Wishes]:
    """Load the task of a run that generates, its data and its wishes; refuses what cannot serve."""
    other = load_task(folder, TASKS)
    theirs = other.data_set()
    wishes = other.wishes(theirs)
    if wishes is None:
        raise Refused(folder, f"a run of {other.NAME} makes no samples", "choose a run of a task that generates")
    if "of" in {one.name for one in parameters(wishes)}:  # masks of pictures that are learnt from, never held-out ones
        wishes = replace(wishes, of="training")  # type: ignore[call-arg]
    if set(getattr(theirs, "classes", ())) != set(data.classes):
        raise Refused(folder, "it knows other classes", f"choose one that was taught {', '.join(data.classes)}")
    if int(theirs.channels) != int(data.channels):
        raise Refused(folder, f"its pictures have {theirs.channels} channel(s), not {data.channels}", "choose another")
    if int(getattr(other, "dimensions", 2)) != int(task.dimensions):
        raise Refused(folder, f"it makes no samples in {task.dimensions}-D", "choose another run")
    seen = _seen(folder, data)
    if seen:
        fault = f"it has learnt from {seen} of the cases that are held out here"
        raise Refused(folder, fault, "train it on the same split: what it makes would give them away")
    return other, theirs, wishes


def _made(folder: Path, other: Task, theirs: Any, wishes: Wishes) -> Work[tuple[Made, ...]]:
    """Make what is wished for, without gradients; refuses numbers that are none."""
    network = best_network(folder, other, theirs)
    need_room(f"{wishes.count} synthetic samples", wishes.count * 8 * int(np.prod(_shape(other, theirs))))
    work = other.made(network, theirs, wishes)
    while True:
        with torch.no_grad():
            try:
                message = next(work)
            except StopIteration as end:
                made: tuple[Made, ...] = end.value
                break
        yield message
    if not made or not all(np.isfinite(one.image).all() for one in made):
        raise Refused(folder, "it made numbers that are none (NaN or infinite)", "train it longer, or at a lower rate")
    return made


def _shape(other: Task, theirs: Any) -> tuple[int, ...]:
    """Shape of the pictures that a run has learnt from."""
    samples = other.training(theirs)
    return tuple(samples[0]["image"].shape) if len(samples) else (1,)


def _lacking(folder: Path, brings: str) -> Refused:
    if brings == "label":
        remedy = "take a network that makes scans of masks: pix2pix or SPADE on a data set with masks"
        return Refused(folder, "what it makes has no masks to learn from", remedy)
    return Refused(folder, "what it makes has no class", "take a network that is told the class it makes")


def _seen(folder: Path, data: Any) -> int:
    """Count the held-out cases here that the run has learnt from, by hashes of their names."""
    ours = set(split_of(data).get("validation", ()))
    try:
        theirs = json.loads((folder / "split.json").read_text(encoding="utf-8")).get("training", ())
    except (OSError, ValueError, AttributeError):
        return 0
    return len(ours & set(theirs))


def _doubt(folder: Path, task: Any, other: Task) -> str:
    """Say where it cannot be told whether the run has learnt from what is held out here."""
    if other.data.name != task.data.name or other.data == task.data or split_of(task.data_set()):
        return ""
    return f"Whether {folder.resolve().name} has learnt from pictures that are held out here cannot be told"


def _changes_of(real: Samples) -> Augmentation:
    found = getattr(real, "augmentation", NO_AUGMENTATION)
    return found if isinstance(found, Augmentation) else NO_AUGMENTATION


def _zoom(ready: Preparation, other: Task, theirs: Any, image: Array) -> tuple[float, ...]:
    """How much larger, along each axis of its pictures, what was made must be to lie on the grid of the real ones."""
    dimensions, whole = ready.dimensions, bool(getattr(other, "whole", True))
    side = max(image.shape[1:])
    theirs_mm = spacing_of(theirs, dimensions, side, whole)
    axes = [axis for axis in range(3) if dimensions == 3 or axis != ready.normal]
    if theirs_mm is not None and ready.spacing_mm is not None:
        return tuple(theirs_mm[axis] / ready.spacing_mm[axis] for axis in axes)
    if not whole or not hasattr(theirs, "preparation"):
        return (1.0,) * dimensions
    return (max(theirs.validation(dimensions)[0]["image"].shape[1:]) / side,) * dimensions


def _zoomed(one: Made, zoom: Sequence[float]) -> Made:
    """Bring a sample and its mask to the grid of the real ones."""
    size = tuple(max(1, round(side * gain)) for side, gain in zip(one.image.shape[1:], zoom, strict=True))
    if size == tuple(one.image.shape[1:]) or one.label is None:
        return one
    image = torch.from_numpy(np.asarray(one.image, np.float32))[None]
    label = torch.from_numpy(np.asarray(one.label, np.float32))[None, None]
    mode = "bilinear" if len(size) == 2 else "trilinear"
    wide = F.interpolate(image, size=size, mode=mode, align_corners=False)[0].numpy()
    mask = F.interpolate(label, size=size, mode="nearest-exact")[0, 0].numpy().astype(np.int64)
    return replace(one, image=wide, label=mask)
