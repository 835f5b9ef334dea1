"""LeNet-5, the convolutional network with which it began.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998. Its sparse third
layer is a full one here, as in most courses: 61,706 parameters for 32×32 pixels and ten classes.
"""

from typing import Annotated, Literal

from torch import Tensor, nn

from medviz.parameters import Range

Activation = Literal["tanh", "relu", "sigmoid"]
_ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}


class LeNet(nn.Module):
    """Name a picture: (N, channels, size, size) → (N, classes) logits.

    The classic form takes 32×32 pixels; another `size` changes the first dense layer only.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        size: Annotated[int, Range(16, 256, 1, unit="px"), "Side of the picture"] = 32,
        width: Annotated[int, Range(1, 64, 1), "Features of the first convolution (LeCun: 6)"] = 6,
        activation: Annotated[Activation, "LeCun: tanh"] = "tanh",
        dropout: Annotated[float, Range(0, 0.9), "Share of dense features left out while training"] = 0.0,
    ) -> None:
        super().__init__()
        bent = _ACTIVATIONS[activation]
        wider = max(1, round(width * 16 / 6))
        left = ((size - 4) // 2 - 4) // 2  # 32 → 28 → 14 → 10 → 5
        self.features = nn.Sequential(
            nn.Conv2d(channels, width, 5),  # (N, 6, 28, 28)
            bent(),
            nn.AvgPool2d(2),  # (N, 6, 14, 14)
            nn.Conv2d(width, wider, 5),  # (N, 16, 10, 10)
            bent(),
            nn.AvgPool2d(2),  # (N, 16, 5, 5)
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),  # (N, 400)
            nn.Linear(wider * left * left, 120),
            bent(),
            nn.Dropout(dropout),
            nn.Linear(120, 84),
            bent(),
            nn.Linear(84, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Score each class; the scores are logits."""
        return self.classifier(self.features(x))  # type: ignore[no-any-return]
