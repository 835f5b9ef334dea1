"""What augmentation does: one sample as it is and as training would change it, each change by its name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medviz.data.augment import KINDS, USUAL, Augmentation
from medviz.data.boxes import Framed
from medviz.data.checking.drawing import Levels, drawn, levels_of
from medviz.data.checking.entries import Box, Seen
from medviz.data.classed import Files
from medviz.data.naming import Named
from medviz.data.patches import Patches, Sample, centred, cropped, fullest, sample_of, varied
from medviz.messages import Note, Progress, Work
from medviz.parameters import Group, parameters
from medviz.refused import Refused
from medviz.training.task import Task

SIDE_PX = 256
_MARGIN = 0.2


@dataclass(frozen=True)
class Wish:
    """What is to be seen: a case by name ("" the first), the changes by name, how strong, how many, which seed.

    `always` makes every change in each sample, where training makes changes of light in some of them only.
    """

    case: str = ""
    names: tuple[str, ...] = USUAL
    strength: float = 1.0
    count: int = 8
    seed: int = 0
    always: bool = False


def changes_of(task: Task) -> tuple[tuple[str, bool], ...]:
    """List the changes by name, and whether the task makes each as it stands."""
    made = getattr(task, "changes", None)
    on = set(USUAL if made is None else made) if getattr(task, "augment", 0) else set()
    known = [name for name in KINDS if not hasattr(task, "turning") or KINDS[name] in _light()]
    return tuple((name, name in on) for name in known)


def _light() -> set[str]:
    """Changes of light: pictures with boxes are placed by the task's own parameters."""
    groups = {one.name: one.mark(Group) for one in parameters(Augmentation)}
    return {name for name, group in groups.items() if group is not None and group.name == "change of light"}


def variations(task: Task, wish: Wish) -> Work[None]:
    """Yield Pictures of one training sample: "as it is", then `count` changed ones named "1", "2", ..."""
    yield Progress(0, wish.count + 1, "reading the sample")
    if not hasattr(task, "augment"):
        raise Refused(task.NAME, "it changes no samples", "choose another task")
    data = task.data_set()
    wished: dict[str, Any] = {"augment": wish.strength}
    if hasattr(task, "changes"):
        wished["changes"] = tuple(name for name in wish.names if name in KINDS)
    samples: Any = replace(task, **wished).training(data)
    change = _augmentation(samples, wish)
    place = place_of(samples, wish.case)
    if place is None and wish.case:
        yield Note(f"{wish.case} is held out and never changed: the first case to learn from is shown")
    classes = tuple(data.classes)
    levels: Levels | None = None  # of the sample as it is: a change of light is to be seen as one
    for number, sample in enumerate(_changed(samples, place or 0, change, wish)):
        seen = _seen(sample, samples, classes)
        levels = levels or levels_of(seen)
        name = "as it is" if number == 0 else str(number)
        yield drawn(seen, name, classes, range(1, len(classes) + 1), SIDE_PX, levels)
        yield Progress(number + 1, wish.count + 1, "drawing")


def _augmentation(samples: Any, wish: Wish) -> Augmentation:
    """How far the wished changes go: as the data set makes them, or in every sample."""
    now = samples.draw.light if isinstance(samples, Framed) else getattr(samples, "augmentation", None)
    if not isinstance(now, Augmentation):
        raise Refused("augmentation", "these samples are not changed by chance", "choose another data set")
    change = now.only(wish.names, wish.strength)
    if not wish.always:
        return change
    certain = {field: 1.0 for field in ("flip", "flip_all") if getattr(change, field)}
    return replace(change, often=1.0, **certain)


def place_of(samples: Any, case: str) -> int | None:
    """Number of the first sample that comes from a case; None where it is not among those that are learnt from."""
    if isinstance(samples, Named | Framed):
        names = [str(samples.pile.names[number]) for number in samples.chosen]
        return names.index(case) if case in names else None
    held = getattr(samples, "cases", ())
    names = list(held.names) if hasattr(held, "names") else [one.name for one in held if hasattr(one, "name")]
    return names.index(case) * samples.each if case in names else None


def _changed(samples: Any, place: int, change: Augmentation, wish: Wish) -> Iterator[Sample]:
    """The sample as it is, and then changed, from the same place of the same case."""
    if isinstance(samples, Framed):
        lit = replace(samples, draw=replace(samples.draw, light=change))
        yield samples[place]
        yield from (lit.drawn(place, _chance(wish, number)) for number in range(wish.count))
        return
    whole, size = _with_margin(samples, place)
    yield centred(whole, size) if size else whole
    for number in range(wish.count):
        if isinstance(samples, Named):
            image = change.drawn(_chance(wish, number), tuple(whole["image"].shape[1:])).applied(whole["image"])[0]
            yield {**whole, "image": image}
        else:
            moved = varied(whole, change, _chance(wish, number))
            yield centred(moved, size) if size else moved


def _with_margin(samples: Any, place: int) -> tuple[Sample, Sequence[int]]:
    """A sample cut larger than it will be, so that turning brings in tissue; and the size it will have."""
    if not isinstance(samples, Patches):
        return samples[place], ()
    case = samples.cases[place // samples.each]
    if samples.normal is not None:
        case = case.across(samples.normal, fullest(case.label, samples.normal))
    sample = sample_of(case)
    larger = [side + 2 * round(side * _MARGIN) for side in samples.size]
    there = np.argwhere(case.label) if case.label.any() else np.array([[side // 2 for side in case.label.shape]])
    middle = np.round((there.min(axis=0) + there.max(axis=0)) / 2)
    return cropped(sample, [int(m) - side // 2 for m, side in zip(middle, larger, strict=True)], larger), samples.size


def _chance(wish: Wish, number: int) -> np.random.Generator:
    return np.random.default_rng((wish.seed, number))


def _seen(sample: Sample, samples: Any, classes: tuple[str, ...]) -> Seen:
    """A sample with its labels or boxes, as it is drawn."""
    image = sample["image"].numpy()
    label = sample.get("label")
    over = None if label is None or label.ndim == 0 else label.numpy()
    rightward = isinstance(samples, Named) and not isinstance(samples.pile, Files)
    boxes = _boxes(sample, classes, image.shape) if "boxes" in sample else ()
    return Seen(image, over, boxes=boxes, colour=image.shape[0] == 3, radiological=not rightward)


def _boxes(sample: Sample, classes: tuple[str, ...], shape: tuple[int, ...]) -> tuple[Box, ...]:
    """Boxes from the upper left corner; the arrays grow to the left and up."""
    rows = sample["boxes"].tolist()
    half = len(rows[0]) // 2 if rows else 2
    wide, high = shape[1:3]
    return tuple(
        (classes[kind], wide - row[half], high - row[half + 1], wide - row[0], high - row[1])
        for row, kind in zip(rows, sample["classes"].tolist(), strict=True)
        if kind >= 0
    )
