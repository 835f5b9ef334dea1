"""VGG: nothing but 3×3 convolutions, in blocks that halve the side and double the features.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015. Two 3×3 see as far
as one 5×5 with fewer weights. VGG-16 has 138,357,544 parameters for colour pictures of 224 pixels, 1000 classes and
width 64; most of them stand in its first dense layer.
"""

from typing import Annotated, Literal

from torch import Tensor, nn

from medviz.parameters import Choice, Range

_BLOCKS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions of each block; with the three dense layers they make the depth."""


class VGG(nn.Module):
    """Name a picture: (N, channels, size, size) → (N, classes) logits. The classic form has size 224 and width 64."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        size: Annotated[int, Range(32, 256, 1, unit="px"), "Side of the picture (classic: 224)"] = 64,
        depth: Annotated[Literal[11, 13, 16, 19], Choice((11, 13, 16, 19)), "Layers with weights"] = 16,
        width: Annotated[int, Range(4, 64, 4), "Features of the first block (classic: 64)"] = 16,
        norm: Annotated[bool, "Normalise each convolution over the batch (not in the paper; trains far easier)"] = True,
        dropout: Annotated[float, Range(0, 0.9), "Share of dense features left out while training"] = 0.5,
    ) -> None:
        super().__init__()
        features = [min(width * 2**block, width * 8) for block in range(5)]  # 64, 128, 256, 512, 512
        before = [channels, *features[:-1]]
        self.features = nn.Sequential(
            *(block(i, o, count, norm) for i, o, count in zip(before, features, _BLOCKS[depth], strict=True))
        )  # (N, 512, 7, 7)
        left, dense = size // 32, 64 * width
        self.classifier = nn.Sequential(
            nn.Flatten(),  # (N, 25088)
            nn.Linear(features[-1] * left * left, dense),  # (N, 4096)
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense, dense),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        return self.classifier(self.features(x))  # type: ignore[no-any-return]


def block(before: int, after: int, count: int, norm: bool = False) -> nn.Sequential:
    """So many 3×3 convolutions, each with its ReLU, then the side is halved."""
    layers: list[nn.Module] = []
    for number in range(count):
        layers.append(nn.Conv2d(after if number else before, after, 3, padding=1, bias=not norm))
        layers += [nn.BatchNorm2d(after), nn.ReLU()] if norm else [nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2))
