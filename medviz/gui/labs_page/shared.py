"""What a shared text tells of an input that was too large to travel in it."""

import json
from dataclasses import dataclass

from medviz.imaging.slices import PLANES, Plane


@dataclass(frozen=True)
class LeftBehind:
    """The scan a state was made on: its name, plane and slice."""

    name: str
    plane: Plane
    index: int


def inputs_left_behind(text: str) -> LeftBehind | None:
    """Return the input whose pixels did not travel, None where all did."""
    try:
        inputs = json.loads(text).get("inputs", {}).values()
        for told in inputs:
            if "pixels" not in told and "voxels" not in told:
                plane: Plane = next((one for one in PLANES if one == told.get("plane")), PLANES[0])
                return LeftBehind(str(told.get("name", "")), plane, int(told.get("index", 0)))
    except (AttributeError, TypeError, ValueError):
        return None
    return None
