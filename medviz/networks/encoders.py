"""What turns a whole picture into a few numbers, for networks that compare pictures with texts or with each other."""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.networks import NETWORKS
from medviz.networks.fitting import CONVOLUTION, norm_of
from medviz.parameters import Choice, Range, Settings

EncoderName = Annotated[
    Literal["cnn", "resnet", "vit"],
    Choice(("cnn", "resnet", "vit"), ("Small CNN that keeps places", "ResNet-18", "ViT")),
    "What sees the picture; a ResNet takes the mean over all places, and hardly knows where something lies",
]
EncoderWidth = Annotated[int, Range(4, 256, 4), "Features of its first level, or numbers a patch of a ViT"]
Features = Annotated[int, Range(8, 1024, 8), "Numbers that stand for a picture"]
_SMALLEST = 8
"""The small CNN halves a picture until no side is longer than this."""


class PlacedCnn(nn.Module):
    """Convolutions that halve the picture until it is small; each place is told where it is, and all are summed up.

    What is seen at a place is read by the same weights everywhere, so that a shape learnt in one corner is known in the
    other (Liu et al., "CoordConv", 2018; Zaheer et al., "Deep sets", 2017): (N, channels, size, size[, size]) →
    (N, features).
    """

    where: Tensor

    def __init__(self, channels: int, features: int, dimensions: int, size: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, side, level = channels, size, 0
        while side > _SMALLEST or not layers:
            after = width * 2 ** min(level, 3)
            kind = CONVOLUTION[dimensions]
            layers += [kind(before, after, 3, padding=1), norm_of(dimensions, "group", after), nn.ReLU()]
            layers += [kind(after, after, 3, stride=2, padding=1), norm_of(dimensions, "group", after), nn.ReLU()]
            before, side, level = after, -(-side // 2), level + 1
        self.layers = nn.Sequential(*layers)
        axes = torch.meshgrid(*[torch.linspace(-1, 1, side)] * dimensions, indexing="ij")
        self.register_buffer("where", torch.stack(axes)[None])  # (1, dimensions, side, side[, side])
        one = CONVOLUTION[dimensions]
        self.place = nn.Sequential(one(before + dimensions, 2 * features, 1), nn.ReLU(),
                                   one(2 * features, 2 * features, 1), nn.ReLU())  # fmt: skip
        self.head = nn.Linear(2 * features, features)

    def forward(self, x: Tensor) -> Tensor:
        """See a picture as a few numbers."""
        seen = self.layers(x)
        told = torch.cat([seen, self.where.to(seen.dtype).expand(len(seen), -1, *seen.shape[2:])], 1)
        return self.head(self.place(told).flatten(2).mean(2))  # type: ignore[no-any-return]


def encoder_of(name: str, channels: int, features: int, dimensions: int, size: int, width: int) -> nn.Module:
    """Build an encoder; a ResNet or ViT is the one that names pictures, its classes being the features."""
    if name == "cnn":
        return PlacedCnn(channels, features, dimensions, size, width)
    own = {"resnet": {"width": width, "thumbnails": size <= 64}, "vit": {"width": width, "size": size, "patch": 8}}
    settings = Settings(name, tuple({**own[name], "dimensions": dimensions}.items()))
    made: nn.Module = settings.build(NETWORKS, channels=channels, classes=features)
    return made


class TextEncoder(nn.Module):
    """A transformer over the words of a text: (N, L) ids → (N, features). Ids of 0 are padding and are not heard."""

    def __init__(self, words: int, longest: int, features: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.longest = longest
        self.words = nn.Embedding(words, width)
        self.positions = nn.Parameter(torch.randn(1, longest, width) * 0.02)
        nn.init.normal_(self.words.weight, std=0.5)
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, features)

    def forward(self, ids: Tensor) -> Tensor:
        """Hear a text as a few numbers: the mean over its words, after they asked each other."""
        there = ids != 0  # (N, L)
        x = self.words(ids) + self.positions[:, : ids.shape[1]]
        for block in self.blocks:
            x = block(x, there)
        heard = there[..., None].to(x.dtype)
        mean = (self.norm(x) * heard).sum(1) / heard.sum(1).clamp_min(1)
        return self.head(mean)  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Words ask each other, padding is not asked; then each thinks for itself."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.asked = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """Turn (N, L, width) into the same; `there` (N, L) tells words from padding."""
        count, length, width = x.shape
        parts = self.asked(self.norms[0](x)).reshape(count, length, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # (N, heads, L, d) each
        scores = queries @ keys.transpose(-2, -1) / (width // self.heads) ** 0.5
        # a text without a word would divide by nothing: it hears its padding
        heard = there | ~there.any(1, keepdim=True)
        scores = scores.masked_fill(~heard[:, None, None, :], float("-inf"))
        mixed = scores.softmax(-1) @ values
        x = x + self.out(mixed.transpose(1, 2).reshape(count, length, width))
        return x + self.dense(self.norms[1](x))  # type: ignore[no-any-return]
