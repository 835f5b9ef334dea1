"""CLIP: a picture and its text become neighbours in one space, so that typed words find pictures.

Radford et al., "Learning transferable visual models from natural language supervision", 2021. Two encoders, a linear
projection each to vectors of length 1, and one learnt temperature: the logit of picture i and text j is
exp(s)·⟨pictureᵢ, textⱼ⟩, s begins at ln(1/0.07) and never exceeds ln 100.
"""

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.networks.encoders import EncoderName, EncoderWidth, Features, TextEncoder, encoder_of
from medviz.networks.fitting import Dimensions
from medviz.parameters import Range
from medviz.refused import Refused

_LARGEST_SCALE = math.log(100)


class Clip(nn.Module):
    """Compare pictures with texts: (N, channels, size, size), (M, L) ids → (N, M) logits.

    `classes` are the tokens of the vocabulary.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 32,
        dimensions: Dimensions = 2,
        size: Annotated[int, Range(16, 512, 4, unit="px"), "Side of the picture"] = 48,
        longest: Annotated[int, Range(4, 256, unit="words"), "Words of a text that are heard"] = 32,
        encoder: EncoderName = "cnn",
        width: EncoderWidth = 16,
        features: Features = 64,
        text_width: Annotated[int, Range(16, 512, 16), "Numbers that stand for a word"] = 64,
        text_depth: Annotated[
            int, Range(0, 12), "Blocks of the transformer that hears the text; 0: a bag of words, whatever their order"
        ] = 2,
        heads: Annotated[int, Range(1, 16), "Questions that a block asks side by side"] = 4,
    ) -> None:
        super().__init__()
        if text_width % heads:
            remedy = "take another width or heads"
            raise Refused(f"heads={heads}", f"they do not share {text_width} numbers evenly", remedy)
        self.image = encoder_of(encoder, channels, features, dimensions, size, width)
        self.text = TextEncoder(classes, longest, features, text_width, text_depth, heads)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def pictures(self, image: Tensor) -> Tensor:
        """Turn pictures into vectors of length 1, (N, features)."""
        return F.normalize(self.image(image).float(), dim=-1)

    def texts(self, ids: Tensor) -> Tensor:
        """Turn texts into vectors of length 1, (M, features)."""
        return F.normalize(self.text(ids).float(), dim=-1)

    @property
    def scale(self) -> Tensor:
        """What a cosine is multiplied with: one over the temperature."""
        return self.log_scale.clamp(max=_LARGEST_SCALE).exp()

    def forward(self, image: Tensor, ids: Tensor) -> Tensor:
        """Compare each picture with each text; the scores are logits."""
        return self.scale * self.pictures(image) @ self.texts(ids).T
