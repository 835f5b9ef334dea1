"""How a data set is mended without touching its files: cases left out, values read as others, masks put on the grid.

What is wrong is found by the check (`medviz.data.checking`); a repair sets one of these parameters, so that the recipe
of a run tells what was left out and what was read otherwise.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.resample import onto
from medviz.imaging.volume import Volume, like
from medviz.parameters import Choice, Group
from medviz.refused import Refused

Array = NDArray[Any]
_MENDING = Group("Repairs", advanced=True)

# A data set says `leave_out: LeaveOut = ""`; group and help stand here.
LeaveOut = Annotated[str, _MENDING, "Cases that are left out: their names with commas between"]
Relabel = Annotated[str, _MENDING, 'Values in the masks that are read as others: "255=1, 7=0"']
Grids = Annotated[
    str,
    Choice(("refuse", "resample", "of the scan"), ("Refuse", "Resample the mask", "Take it as on the scan's grid")),
    _MENDING,
    "What is done with a mask that lies on another grid than its scan",
]


def with_names(text: str, more: str) -> str:
    """Add names to those that are left out already."""
    return ", ".join(dict.fromkeys([*_ordered(text), *_ordered(more)]))


def _ordered(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def relabelling(text: str) -> dict[int, int]:
    """Read "255=1, 7=0"; refuses what is none."""
    found: dict[int, int] = {}
    for part in _ordered(text):
        stands, _, meant = part.partition("=")
        try:
            found[int(stands)] = int(meant)
        except ValueError as problem:
            fault = "it does not say which value is read as which"
            raise Refused(f"relabel={part}", fault, "write 255=1, and commas between several") from problem
    return found


def relabelled(values: Array, text: str) -> Array:
    """Read values of a mask as others, all at once ("1=2, 2=1" swaps two); what is not named stays."""
    turned = relabelling(text)
    if not turned:
        return values
    made = values.copy()
    for stands, meant in turned.items():
        if meant < 0 or (made.dtype.kind == "u" and meant > np.iinfo(made.dtype).max):
            made = made.astype(np.int64)
        made[values == stands] = meant
    return made


def on_grid(label: Volume, scan: Volume, grids: str) -> Volume:
    """Return a mask on the grid of its scan as `grids` says; where it says "refuse" the mask comes back as it is."""
    if scan.same_grid(label):
        return label
    if grids == "resample":
        return onto(label, scan)
    if grids == "of the scan" and label.shape == scan.shape:
        return like(scan, label.voxels, label.name, slope=label.slope, intercept=label.intercept)
    return label


def mended(values: Mapping[str, Any], field: str, value: str) -> dict[str, Any]:
    """Return the parameters of a data set with one repair more; names and relabellings are added to those there."""
    before = str(values.get(field, ""))
    if field == "leave_out":
        value = with_names(before, value)
    elif field == "relabel":
        pairs = {**relabelling(before), **relabelling(value)}
        value = ", ".join(f"{stands}={meant}" for stands, meant in pairs.items())
    return {**values, field: value}
