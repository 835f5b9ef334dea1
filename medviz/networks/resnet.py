"""ResNet: each block adds to what came in, y = F(x) + x, so that a hundred layers still learn.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016. For colour pictures, 1000 classes and
width 64: ResNet-18 has 11,689,512 parameters, ResNet-34 21,797,672, ResNet-50 25,557,032.
"""

from typing import Annotated, Literal

from torch import Tensor, nn

from medviz.networks.fitting import norm_of
from medviz.parameters import Choice, Range

_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
_POOL = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
_MEAN = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_BOTTLENECK_FROM = 50


class ResNet(nn.Module):
    """Name a picture or a volume: (N, channels, x, y[, z]) → (N, classes) logits, any size.

    `skips=False` takes the additions out and leaves all else: a plain deep network, to see what they are worth.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        dimensions: Annotated[Literal[2, 3], Choice((2, 3), ("2-D", "3-D")), "Slices or volumes"] = 2,
        depth: Annotated[Literal[18, 34, 50, 101, 152], Choice((18, 34, 50, 101, 152)), "Layers with weights"] = 18,
        width: Annotated[int, Range(4, 64, 4), "Features of the first stage (paper: 64)"] = 64,
        skips: Annotated[bool, "Add each block's input to its output"] = True,
        thumbnails: Annotated[bool, "For small pictures: a first layer of 3×3 that keeps their size"] = False,
        norm: Annotated[
            Literal["batch", "group"], "What keeps the features at one scale; group for small batches (paper: batch)"
        ] = "batch",
        dropout: Annotated[float, Range(0, 0.9), "Share of the last features left out while training"] = 0.0,
    ) -> None:
        super().__init__()
        stem = (3, 1, 1) if thumbnails else (7, 2, 3)
        first: list[nn.Module] = [_CONVOLUTION[dimensions](channels, width, *stem, bias=False)]  # (N, 64, 112, 112)
        first += [norm_of(dimensions, norm, width), nn.ReLU()]
        if not thumbnails:
            first.append(_POOL[dimensions](3, 2, 1))  # (N, 64, 56, 56)
        self.stem = nn.Sequential(*first)
        bottleneck, before = depth >= _BOTTLENECK_FROM, width
        stages = []
        for stage, count in enumerate(_BLOCKS[depth]):  # sides 56, 28, 14, 7
            inner = width * 2**stage
            after = 4 * inner if bottleneck else inner
            strides = [2 if stage else 1] + [1] * (count - 1)
            inputs = [before] + [after] * (count - 1)
            stages.append(
                nn.Sequential(
                    *(Block(dimensions, i, inner, after, s, skips, norm) for i, s in zip(inputs, strides, strict=True))
                )
            )
            before = after
        self.stages = nn.Sequential(*stages)  # (N, 512 or 2048, 7, 7)
        flat = nn.Sequential(nn.Flatten(), nn.Dropout(dropout)) if dropout else nn.Flatten()
        self.head = nn.Sequential(_MEAN[dimensions](1), flat, nn.Linear(before, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        return self.head(self.stages(self.stem(x)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """ReLU(F(x) + x): F is two 3×3, or 1×1, 3×3, 1×1 where `after` exceeds `inner`; x is fitted by a 1×1."""

    def __init__(
        self, dimensions: int, before: int, inner: int, after: int, stride: int, skip: bool = True, norm: str = "batch"
    ) -> None:
        super().__init__()
        kind = _CONVOLUTION[dimensions]

        def layer(i: int, o: int, side: int, step: int = 1) -> list[nn.Module]:
            return [kind(i, o, side, step, side // 2, bias=False), norm_of(dimensions, norm, o)]

        if after > inner:
            layers = [*layer(before, inner, 1), nn.ReLU(), *layer(inner, inner, 3, stride), nn.ReLU()]
            layers += layer(inner, after, 1)
        else:
            layers = [*layer(before, inner, 3, stride), nn.ReLU(), *layer(inner, after, 3)]
        self.branch = nn.Sequential(*layers)
        fits = stride == 1 and before == after
        shortcut = nn.Identity() if fits else nn.Sequential(*layer(before, after, 1, stride))
        self.shortcut = shortcut if skip else None
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Add what comes in to what the branch makes of it."""
        y = self.branch(x)
        return self.relu(y if self.shortcut is None else y + self.shortcut(x))  # type: ignore[no-any-return]
