"""A network with weights that is ready to be used, and what else must be known to use it."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.imaging.volume import Affine, Array, Volume
from medviz.refused import Refused
from medviz.training.using.trust import Trust

Output = Literal["scores", "shares", "chances", "logits", "values"]
"""What the channels of an answer are: a score a class (softmax is taken), a probability a class, a probability for
each label by itself, a score for each label by itself (sigmoid is taken); these two have no background. Values are a
picture, and as many as there are labels and one."""


class Prepares(Protocol):
    """How a scan is made ready for a network, and how its answer comes back (Preparation, Needs)."""

    @property
    def dimensions(self) -> int:
        """2 for slices, 3 for volumes."""

    @property
    def channels(self) -> int:
        """Pictures the network takes at once."""

    @property
    def normal(self) -> int:
        """Axis that a 2-D network does not see."""

    @property
    def axes(self) -> str:
        """Directions in which the network's axes grow ("RAS")."""

    @property
    def patch(self) -> tuple[int, ...]:
        """Tile of the training, empty where it named none."""

    @property
    def multiple(self) -> int:
        """Sides of a tile must be a multiple of it."""

    @property
    def whole(self) -> bool:
        """True where the network sees all at once and no tile will do."""

    @property
    def size_of_all(self) -> tuple[int, int, int]:
        """Voxels that it takes where it sees all at once, (0, 0, 0) where any will do."""

    @property
    def skips_air(self) -> bool:
        """True where air is background without asking."""

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Voxel size of the training, None for any."""

    def shape_of(self, scan: Volume, /) -> tuple[int, int, int]:
        """Voxels along x, y, z that the network sees."""

    def grid(self, scan: Volume, /) -> Affine:
        """Affine of what the network sees, to RAS mm."""

    def prepared(self, scan: Volume, /) -> NDArray[np.float32]:
        """Make (channel, x, y, z) float32 in RAS+ order."""

    def back(self, share: Array, scan: Volume, /, smooth: bool = True) -> Array:
        """Bring (x, y, z) to the scan's grid."""


@dataclass(frozen=True, eq=False)
class Model:
    """A network with weights, ready to be used, and how a scan must be prepared for it."""

    name: str
    network: nn.Module
    preparation: Prepares
    labels: tuple[str, ...]
    sha256: str = ""
    output: Output = "scores"
    trust: Trust = field(default_factory=Trust)


def shares_of(made: Model, answer: Tensor, axis: int) -> Tensor:
    """Turn what a network answered into probabilities, background first; `axis` is that of the classes.

    Refuses another number of channels than the card says, and numbers that are none.
    """
    if not bool(answer.isfinite().all()):
        fault = "it answered with numbers that are none (NaN or infinite)"
        raise Refused(made.name, fault, "check what input it needs, or run it on the processor")
    found, classes = answer.float(), len(made.labels) + 1
    if made.output == "values":
        pass
    elif made.output in ("chances", "logits"):
        found = found.sigmoid() if made.output == "logits" else found
        none = 1 - found.amax(axis, keepdim=True)
        found = _joined(none, found, axis)
    elif made.output == "scores":
        found = found.softmax(axis)
    if found.shape[axis] != classes:
        fault = f"it tells {found.shape[axis]} classes apart and its card names {classes} with the background"
        raise Refused(made.name, fault, "name as many labels as it knows")
    return found


def _joined(first: Tensor, rest: Tensor, axis: int) -> Tensor:
    made = first.new_empty([size + (number == axis) for number, size in enumerate(rest.shape)])
    made.narrow(axis, 0, 1).copy_(first)
    made.narrow(axis, 1, rest.shape[axis]).copy_(rest)
    return made
