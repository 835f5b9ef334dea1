"""A captioner: an encoder sees a picture as a grid of places, a decoder says word after word and looks at them.

Xu et al., "Show, attend and tell", 2015 (LSTM); Vaswani et al., "Attention is all you need", 2017 (transformer). What
each word was looked at for can be read from outside (`read`), in either decoder.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from medviz.networks.captioner_decoders import LstmDecoder, TransformerDecoder
from medviz.networks.fitting import Dropout, groups_of
from medviz.networks.tokens import Block
from medviz.parameters import Choice, Range
from medviz.refused import Refused


@dataclass(frozen=True, eq=False)
class Read:
    """What a decoder makes of words that begin a caption: (N, L, ...) for each the scores of the word after it.

    `attention` (N, L, places) is where it looked for that; the places of a word sum to 1.
    """

    scores: Tensor
    attention: Tensor


class Captioner(nn.Module):
    """Score the next word after each of some words: (N, channels, size, size), (N, L) ids → (N, L, classes) logits.

    `classes` are the tokens of the vocabulary. `grid` is into how many places a side the picture is cut.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 32,
        size: Annotated[int, Range(16, 256, 8, unit="px"), "Side of the picture"] = 48,
        longest: Annotated[int, Range(4, 128, unit="words"), "Words of the longest caption, its ends included"] = 40,
        encoder: Annotated[
            Literal["cnn", "vit"], Choice(("cnn", "vit"), ("CNN", "ViT")), "What sees the picture"
        ] = "cnn",
        decoder: Annotated[
            Literal["lstm", "transformer"],
            Choice(("lstm", "transformer"), ("LSTM that looks (Xu et al.)", "Transformer")),
            "What says the words",
        ] = "lstm",
        width: Annotated[int, Range(16, 512, 16), "Numbers that stand for a place, and for a word"] = 64,
        halvings: Annotated[int, Range(2, 5), "How often the picture is halved; 3 makes a place of 8 × 8 pixels"] = 3,
        depth: Annotated[int, Range(1, 8), "Blocks of a ViT, and of a transformer that says words"] = 2,
        heads: Annotated[int, Range(1, 8), "Questions that a block asks side by side"] = 4,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__()
        if size % 2**halvings:
            fault = f"{2**halvings} px a place do not divide it evenly"
            raise Refused(f"size={size}", fault, "take another size or fewer halvings")
        if width % heads or width % 2 ** (halvings - 1):
            raise Refused(f"width={width}", "heads or layers do not share it evenly", "take a multiple of 16")
        self.grid = size // 2**halvings
        self.longest = longest
        first = nn.Conv2d(channels, width, 2**halvings, stride=2**halvings)  # a patch becomes a place
        self.see = _layers(channels, width, halvings) if encoder == "cnn" else first
        self.positions = nn.Parameter(torch.randn(1, self.grid**2, width) * 0.1)
        self.dropout = nn.Dropout(dropout)
        blocks = [Block(width, heads, dropout) for _ in range(depth)] if encoder == "vit" else []
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(width)
        self.say = (
            LstmDecoder(classes, width, dropout)
            if decoder == "lstm"
            else TransformerDecoder(classes, width, longest, depth, heads, dropout)
        )

    def places(self, image: Tensor) -> Tensor:
        """See a picture as its places, row by row of (x, y): (N, grid², width)."""
        x = self.see(image).flatten(2).transpose(1, 2)  # (N, places, width)
        return self.norm(self.blocks(self.dropout(x + self.positions)))  # type: ignore[no-any-return]

    def read(self, places: Tensor, words: Tensor) -> Read:
        """Score the word after each of `words` (N, L), and tell where it looked for it."""
        if words.shape[1] > self.longest:
            fault = f"it has {words.shape[1]} words, the network takes {self.longest}"
            raise Refused("the caption", fault, "say less, or train with a larger `longest`")
        return Read(*self.say(places, words))

    def forward(self, image: Tensor, words: Tensor) -> Tensor:
        """Score the word after each of `words`; the scores are logits."""
        return self.read(self.places(image), words).scores


def _layers(channels: int, width: int, halvings: int) -> nn.Sequential:
    """Convolutions, each of which halves the picture and sees more of it."""
    layers: list[nn.Module] = []
    before = channels
    for level in range(halvings):
        after = width // 2 ** (halvings - 1 - level)
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), _norm(after), nn.ReLU()]
        layers += [nn.Conv2d(after, after, 3, padding=1, bias=False), _norm(after), nn.ReLU()]
        before = after
    return nn.Sequential(*layers)


def _norm(features: int) -> nn.Module:
    return nn.GroupNorm(groups_of(features), features)
