"""How the cases of a data set are listed for the check: one way for each family of sets, and one for all others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medviz.data import DATASETS
from medviz.data.boxed_files import BoxedPictures
from medviz.data.cases import Cases
from medviz.data.checking.entries import Array, Entry, Listing, Seen
from medviz.data.checking.folders import apart, boxed, labelled, sorted_by_class
from medviz.data.checking.texts import with_texts
from medviz.data.classed import Classed
from medviz.data.image_text import ImageText
from medviz.parameters import Settings
from medviz.refused import Refused

_MENDS = frozenset({"leave_out", "relabel", "grids", "patient"})
_FULL = 512
"""Side at which drawn pictures are taken where a task would say another."""


def listed(settings: Settings, dimensions: int = 0) -> Listing:
    """List all cases of a data set; refuses (Refused) one that cannot be read at all.

    `dimensions` (2, 3) is asked for where the set can serve both; 0 takes what it is made for.
    """
    data = settings.build(DATASETS)
    for kind, lister in LISTERS:
        if isinstance(data, kind):
            found = lister(data)
            break
    else:
        found = _of_samples(data, dimensions or data.dimensions[0])
    return replace(found, mends=_mends(data))


def _mends(data: Any) -> frozenset[str]:
    """Return the parameters of a data set by which it can be mended."""
    return _MENDS & {one.name for one in fields(data)} if is_dataclass(data) else frozenset()


LISTERS: tuple[tuple[type[Any], Callable[[Any], Listing]], ...] = (
    (Cases, labelled),
    (Classed, sorted_by_class),
    (ImageText, with_texts),
    (BoxedPictures, boxed),
)
"""Families of data sets that lie in files, and what lists each without refusing single cases."""


def _of_samples(data: Any, dimensions: int) -> Listing:
    """List any other data set by the samples it gives out."""
    classes = tuple(data.classes)
    sides = (("training", _samples(data.training, dimensions)), ("held out", _samples(data.validation, dimensions)))
    entries: list[Entry] = []
    counted: Any = "voxels"
    for part, samples in sides:
        pile, cases = getattr(samples, "pile", None), getattr(samples, "cases", None)
        if pile is not None and hasattr(pile, "kinds"):
            counted = "pictures"
            entries += _of_pile(pile, samples.chosen, classes, part)
        elif pile is not None:
            counted = "boxes"
            entries += _of_framed(pile, samples.chosen, classes, part)
        elif cases is not None:
            entries += [Entry(_case_name(cases, k), partial(_case, cases, k), part) for k in range(len(cases))]
        else:
            entries += [Entry(f"{part} {k + 1}", partial(_sample, samples, k), part) for k in range(len(samples))]
    named = apart(entries)
    return Listing(named, classes, counted, tuple(range(1, len(classes) + 1)) if counted == "voxels" else ())


def _samples(made: Callable[..., Any], dimensions: int) -> Any:
    """Ask a data set for its samples as they are, whatever the parameters of that kind of set are."""
    try:
        return made(dimensions)
    except TypeError:
        return made(dimensions, _FULL)


def _of_pile(pile: Any, chosen: Sequence[int], classes: Sequence[str], part: str) -> Iterator[Entry]:
    for number in chosen:
        look = partial(_picture, pile, number)
        yield Entry(str(pile.names[number]), look, part, kind=classes[pile.kinds[number]])


def _of_framed(pile: Any, chosen: Sequence[int], classes: Sequence[str], part: str) -> Iterator[Entry]:
    for number in chosen:
        yield Entry(str(pile.names[number]), partial(_framed, pile, number, tuple(classes)), part)


def _picture(pile: Any, number: int) -> Seen:
    pixels = pile.pixels(number)
    return Seen(pixels, colour=pixels.shape[0] == 3, radiological=False)


def _framed(pile: Any, number: int, classes: tuple[str, ...]) -> Seen:
    pixels = pile.pixels(number)
    boxes, kinds = pile.boxes(number)
    half = boxes.shape[1] // 2 if len(boxes) else 2
    wide, high = pixels.shape[1:3]
    turned = tuple(  # arrays grow to the left and up, boxes are told from the upper left corner
        (classes[int(kind)], wide - row[half], high - row[half + 1], wide - row[0], high - row[1])
        for row, kind in zip(boxes.tolist(), kinds, strict=True)
    )
    return Seen(pixels, boxes=turned, colour=pixels.shape[0] == 3)


def _case_name(cases: Any, number: int) -> str:
    return str(cases[number].name) if isinstance(cases, list | tuple) else f"case {number + 1}"


def _case(cases: Any, number: int) -> Seen:
    one = cases[number]
    return Seen(one.image, one.label)


def _sample(samples: Any, number: int) -> Seen:
    one = samples[number]
    if "image" not in one or not {"label", "text"} & set(one):
        raise Refused(f"sample {number + 1}", "it has no image with a label", "this data set cannot be checked")
    if "label" not in one:  # a picture with a text
        return Seen(np.asarray(one["image"]), None)
    label: Array = np.asarray(one["label"])
    return Seen(np.asarray(one["image"]), label if label.ndim else None)


def place_of(settings: Settings) -> Path | None:
    """Return the folder or file that a data set lies in, None where it is drawn or shipped."""
    values = dict(settings.values)
    found = next((str(values[name]) for name in ("folder", "file") if values.get(name)), "")
    return Path(found) if found else None
