"""A scroll through a scene as pictures: through the slices of a plane, or through the frames of a series."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from medviz.imaging.drawn import Picture, drawn
from medviz.imaging.scene import Scene
from medviz.imaging.slices import NORMAL, Plane
from medviz.refused import Refused


@dataclass(frozen=True)
class Scroll:
    """What a film shows. `first` and `last` count slices (or frames) from 0, in the order of RAS+; both are shown.

    `there_and_back` plays to the end and back again, so that a loop has no jump. `size` is the longer side in pixels.
    """

    plane: Plane = "axial"
    through: Literal["slices", "frames"] = "slices"
    first: int = 0
    last: int = 0
    step: int = 1
    size: int = 512
    there_and_back: bool = False
    letters: bool = True
    crosshair: bool = False

    @property
    def numbers(self) -> tuple[int, ...]:
        """Slices or frames in the order of the film; backwards where `last` is before `first`."""
        step = self.step if self.last >= self.first else -self.step
        there = tuple(range(self.first, self.last + (1 if step > 0 else -1), step))
        return there + there[-2:0:-1] if self.there_and_back else there


def most(scene: Scene, plane: Plane, through: str = "slices") -> int:
    """How many slices or frames there are to go through."""
    if scene.scan is None:
        return 0
    return scene.scan.frames if through == "frames" else scene.scan.shape[NORMAL[plane]]


def scrolled(scene: Scene, wanted: Scroll) -> Iterator[Picture]:
    """Draw the pictures of a film one by one, each (rows, cols, 3) and of one size (Refused for an empty scene)."""
    count = most(scene, wanted.plane, wanted.through)
    if scene.scan is None or not count:
        raise Refused("the film", "there is no scan in the scene", "open one")
    if wanted.step < 1 or not (0 <= wanted.first < count and 0 <= wanted.last < count):
        raise Refused(
            f"{wanted.through} {wanted.first + 1} to {wanted.last + 1}",
            f"there are {count} {wanted.through}",
            f"take 1 to {count}",
        )
    for number in wanted.numbers:
        yield drawn(
            _at(scene, wanted, number),
            wanted.plane,
            wanted.size,
            letters=wanted.letters,
            crosshair=wanted.crosshair,
        )


def _at(scene: Scene, wanted: Scroll, number: int) -> Scene:
    if wanted.through == "frames":
        return replace(scene, frame=number)
    assert scene.scan is not None
    voxel = list(scene.scan.to_voxel(scene.cursor))
    voxel[NORMAL[wanted.plane]] = number
    return scene.at_voxel((float(voxel[0]), float(voxel[1]), float(voxel[2])))
