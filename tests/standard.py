"""What the tests of the catalogs share.

The conventions that make them possible stand in CONTRIBUTING.md: a network's constructor calls its input's channels
`channels`, what it tells apart `classes`, 2 or 3 axes `dimensions`, and a fixed side of its input `size`.
"""

from typing import Any

from medviz.catalog import Catalog
from medviz.data import DATASETS
from medviz.imaging.readers import READERS
from medviz.labs import LABS
from medviz.networks import NETWORKS
from medviz.parameters import Range, Size, Ticks
from medviz.refused import Refused
from medviz.tasks import TASKS

CATALOGS: dict[str, Catalog[Any]] = {
    "labs": LABS,
    "tasks": TASKS,
    "networks": NETWORKS,
    "datasets": DATASETS,
    "readers": READERS,
}


def ends(one: Any) -> list[Any]:
    """Return the outermost values of a parameter: both ends, every choice, the smallest and the largest matrix."""
    bounds, size = one.mark(Range), one.mark(Size)
    if one.options:
        return list(one.options)
    if one.kind == "bool":
        return [False, True]
    if one.kind == "matrix":
        return [((1.0,),), tuple(tuple(float(r - c) for c in range(size.columns)) for r in range(size.rows))]
    if one.kind == "ticks":
        ticks = one.mark(Ticks)
        return [(), ticks.options or ("stem", 'a "b"\\c')]
    return [bounds.low, bounds.high] if bounds else []


def a_sentence(refusal: Refused) -> None:
    text = str(refusal)
    assert text.endswith(".")
    assert "\n" not in text
    assert 15 < len(text) < 300, text
    assert "Error" not in text, "no name of an exception"
