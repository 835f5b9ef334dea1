"""What a person drew to measure: rulers, angles and regions, by points in RAS mm."""

from dataclasses import dataclass
from typing import Literal

from medviz.imaging.slices import Plane

MarkKind = Literal["ruler", "angle", "rectangle", "ellipse", "polygon"]


@dataclass(frozen=True)
class Mark:
    """One measurement. `points` are in RAS mm, so that it keeps its place in every plane and on every grid.

    A ruler has two points, an angle three (the corner in the middle), a rectangle and an ellipse two opposite corners
    of their box in `plane`, a polygon three or more. `number` tells marks apart within a scene.
    """

    kind: MarkKind
    points: tuple[tuple[float, float, float], ...]
    plane: Plane = "axial"
    frame: int = 0
    number: int = 0
    name: str = ""
