"""Pictures of any size for networks that halve them: sides are filled up, and what was filled is cut off again."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from medviz.parameters import Choice, Range
from medviz.refused import Refused

Dimensions = Annotated[Literal[2, 3], Choice((2, 3), ("2-D", "3-D")), "Slices or volumes"]
Norm = Annotated[Literal["group", "instance", "batch"], "What keeps the features at one scale"]
Dropout = Annotated[float, Range(0, 0.9), "Share of features left out while training"]

CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
UPWARD = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
POOLING = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
DROPOUT = {2: nn.Dropout2d, 3: nn.Dropout3d}
_INSTANCE = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
_BATCH = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
SMOOTH = {2: "bilinear", 3: "trilinear"}


def filled(x: Tensor, multiple: int | Sequence[int], times: int = 1) -> Tensor:
    """Repeat the far edges of (N, C, x, y[, z]) until each side is a multiple, and at least `times` of it.

    At least twice where the lowest level is normalised over its pixels: one alone has no spread.
    """
    sides = x.shape[2:]
    steps = [multiple] * len(sides) if isinstance(multiple, int) else list(multiple)
    more = [
        max(times * step if step > 1 else 1, side + -side % step) - side
        for side, step in zip(sides, steps, strict=True)
    ]
    if not any(more):
        return x
    return F.pad(x, [amount for side in reversed(more) for amount in (0, side)], mode="replicate")


def cut(x: Tensor, sides: Sequence[int]) -> Tensor:
    """Take the first `sides` pixels along each axis of (N, C, ...), without what was filled up."""
    for axis, side in enumerate(sides, start=2):
        x = x.narrow(axis, 0, side)
    return x


def groups_of(features: int) -> int:
    """Groups for a normalisation: eight, or as many of 4, 2, 1 as divide the features."""
    return next(count for count in (8, 4, 2, 1) if features % count == 0)


def norm_of(dimensions: int, norm: str, features: int) -> nn.Module:
    """Make a normalisation of ours."""
    if norm == "instance":
        return _INSTANCE[dimensions](features, affine=True)
    if norm == "batch":
        return _BATCH[dimensions](features)
    return nn.GroupNorm(groups_of(features), features)


def monai_norm(norm: str, features: int) -> tuple[str, dict[str, Any]]:
    """Say a normalisation as MONAI does, for layers whose features are multiples of `features`."""
    named: dict[str, tuple[str, dict[str, Any]]] = {
        "instance": ("instance", {"affine": True}),
        "batch": ("batch", {}),
        "group": ("group", {"num_groups": groups_of(features)}),
    }
    return named[norm]


def divided(name: str, value: int, by: int, what: str) -> int:
    """Return value / by; refuses a rest."""
    if value % by:
        raise Refused(f"{name}={value}", f"it cannot be shared evenly by {by} {what}", f"take a multiple of {by}")
    return value // by
