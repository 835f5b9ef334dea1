"""Pairs of pictures as `medviz.data.pictures` gives single ones: what is given, and what it is to become."""

from dataclasses import dataclass
from typing import Any

from medviz.data.pictures import Pictures, pictures


@dataclass(frozen=True, eq=False)
class PairedPictures(Pictures):
    """Pictures whose last channel is what the others are to become: "given" (C, x, y[, z]) and "image" (1, x, y[, z]).

    Each is scaled to −1..1 by itself: values in their own unit are the translation task's.
    """

    def _ready(self, sample: dict[str, Any]) -> dict[str, Any]:
        given = super()._ready({**sample, "image": sample["image"][:-1]})
        wanted = super()._ready({**sample, "image": sample["image"][-1:]})
        return {"image": wanted["image"], "given": given["image"], "name": sample["name"]}


def paired_pictures(
    data: Any, dimensions: int, side: int, held_out: bool = False, augment: float = 0.0, whole: bool = True
) -> PairedPictures:
    """Return pairs to learn from, or those `held_out`; see `medviz.data.pictures.pictures`."""
    found = pictures(data, dimensions, side, held_out, augment, whole)
    return PairedPictures(found.source, found.side, found.whole)
