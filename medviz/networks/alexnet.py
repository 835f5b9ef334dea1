"""AlexNet, with which deep learning won ImageNet: large first filters, five convolutions, three dense layers.

Krizhevsky, Sutskever and Hinton, 2012, in the one-tower form of Krizhevsky, 2014 ("One weird trick"), without local
response normalisation: 61,100,840 parameters for colour pictures of 224 pixels, 1000 classes and width 64.
"""

from typing import Annotated

from torch import Tensor, nn

from medviz.parameters import Range


class AlexNet(nn.Module):
    """Name a picture: (N, channels, size, size) → (N, classes) logits. The classic form has size 224 and width 64."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        size: Annotated[int, Range(63, 256, 1, unit="px"), "Side of the picture (classic: 224)"] = 128,
        width: Annotated[int, Range(4, 64, 4), "Features of the first convolution (classic: 64)"] = 16,
        dropout: Annotated[float, Range(0, 0.9), "Share of dense features left out while training"] = 0.5,
    ) -> None:
        super().__init__()
        left = (((size + 4 - 11) // 4 + 1 - 1) // 2 - 1) // 2  # 224 → 55 → 27 → 13
        left = (left - 1) // 2  # → 6
        dense = 64 * width
        self.features = nn.Sequential(
            nn.Conv2d(channels, width, 11, stride=4, padding=2),  # (N, 64, 55, 55)
            nn.ReLU(),
            nn.MaxPool2d(3, 2),  # (N, 64, 27, 27)
            nn.Conv2d(width, 3 * width, 5, padding=2),  # (N, 192, 27, 27)
            nn.ReLU(),
            nn.MaxPool2d(3, 2),  # (N, 192, 13, 13)
            nn.Conv2d(3 * width, 6 * width, 3, padding=1),  # (N, 384, 13, 13)
            nn.ReLU(),
            nn.Conv2d(6 * width, 4 * width, 3, padding=1),  # (N, 256, 13, 13)
            nn.ReLU(),
            nn.Conv2d(4 * width, 4 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),  # (N, 256, 6, 6)
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),  # (N, 9216)
            nn.Dropout(dropout),
            nn.Linear(4 * width * left * left, dense),  # (N, 4096)
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense, dense),
            nn.ReLU(),
            nn.Linear(dense, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        return self.classifier(self.features(x))  # type: ignore[no-any-return]
