"""A judge of patches: each of its scores is about one piece of a picture, not about all of it.

Isola et al., 2017; MONAI's PatchDiscriminator: three halvings see 70 pixels a side.
"""

from typing import Annotated

from monai.networks.nets.patchgan_discriminator import PatchDiscriminator
from torch import Tensor, nn

from medviz.parameters import Range
from medviz.refused import Refused

_LEAST = 4
"""Side of the map that the judge's last halving must leave: two windows of 4 without a halving follow."""
Judging = Annotated[int, Range(1, 4, 1), "Halvings of the judge; 3 see patches of 70 pixels, 1 of 16"]
JudgeWidth = Annotated[int, Range(4, 128, 4), "Features of the judge's first layer (paper: 64)"]


class Patches(nn.Module):
    """MONAI's PatchDiscriminator without what it keeps of its inner layers: (N, C, ...) → (N, 1, ...)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Score each patch."""
        scores: Tensor = self.inner(x)[-1]
        return scores


def patches(channels: int, dimensions: int, size: int, width: int, depth: int) -> Patches:
    """Build a judge of patches; refuses one that halves a side of `size` too often."""
    if size >> depth < _LEAST:
        fault = f"{depth} halvings of {size} px leave {size >> depth}, and its last windows need {_LEAST}"
        raise Refused(f"judge_depth={depth}", fault, "take fewer halvings or larger pictures")
    # instance normalisation: real and generated pictures come in batches of their own, and a batch mean would tell
    # them apart by itself
    return Patches(PatchDiscriminator(dimensions, width, channels, num_layers_d=depth, norm="INSTANCE", bias=True))
