"""The network of diffusion: a U-Net that is told the time, and what is to be seen, and tells the noise of a picture.

Ho, Jain and Abbeel, 2020 (a residual U-Net with the time added in every block, attention at its lowest levels);
conditions as in Rombach et al., "High-resolution image synthesis with latent diffusion models", 2022: a class is added
to the time, a text is asked word by word (cross-attention). The layers are MONAI's DiffusionModelUNet.
"""

from typing import Annotated

import torch
from monai.networks.nets.diffusion_model_unet import DiffusionModelUNet
from torch import Tensor, nn

from medviz.networks.fitting import Dimensions, cut, filled, groups_of
from medviz.networks.tokens import Block
from medviz.parameters import Range
from medviz.refused import Refused

_HEADS = 2


class DiffusionUNet(nn.Module):
    """Tell the noise in noisy pictures: (N, channels, x, y[, z]) and t (N,) → (N, channels, x, y[, z]), any size.

    `kinds` is how many classes it can be asked for, one more stands for none; `words` is the size of the vocabulary
    of its texts, which have `length` tokens. 0 is without.
    """

    def __init__(
        self,
        channels: int = 1,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(4, 256, 4), "Features of the first level (DDPM: 128)"] = 32,
        depth: Annotated[int, Range(2, 5, 1), "Levels, the lowest included (DDPM: 4)"] = 3,
        widest: Annotated[int, Range(1, 8, 1, unit="times"), "Most features of a level, in those of the first"] = 2,
        blocks: Annotated[int, Range(1, 3, 1), "Residual blocks of each level (DDPM: 2)"] = 1,
        attention: Annotated[int, Range(0, 5, 1, unit="levels"), "Lowest levels whose places ask each other"] = 1,
        kinds: int = 0,
        words: int = 0,
        length: int = 16,
    ) -> None:
        super().__init__()
        if words and not attention:
            raise Refused("attention=0", "a text is read by attention", "take one level or more")
        features = [width * min(2**level, widest) for level in range(depth)]
        asking = [level >= depth - attention for level in range(depth)]
        self.kinds, self.length, self.channels = kinds, length, channels
        self.multiple = 2 ** (depth - 1)
        self.text = Sentence(words, length, 2 * width) if words else None
        self.unet = DiffusionModelUNet(
            dimensions, channels, channels, num_res_blocks=blocks, channels=features, attention_levels=asking,
            norm_num_groups=groups_of(width), num_head_channels=[one // _HEADS for one in features],
            num_class_embeds=kinds + 1 if kinds else None, with_conditioning=bool(words),
            cross_attention_dim=2 * width if words else None, use_flash_attention=True,
        )  # fmt: skip

    def forward(self, x: Tensor, t: Tensor, kind: Tensor | None = None, text: Tensor | None = None) -> Tensor:
        """Tell the noise at time `t` (N,); `kind` (N,) is a class, `text` (N, length) ids; None is without.

        The class `kinds` is none, a text of nothing but padding (0) is none.
        """
        if self.kinds and kind is None:
            kind = torch.full((len(x),), self.kinds, dtype=torch.long, device=x.device)
        seen = None
        if self.text is not None:
            seen = self.text(x.new_zeros((len(x), self.length), dtype=torch.long) if text is None else text)
        told = self.unet(filled(x, self.multiple), t, seen, kind if self.kinds else None)
        return cut(told, x.shape[2:])


class Sentence(nn.Module):
    """Reads a text: ids (N, length) → one vector a token (N, length, width); learnt with the rest."""

    def __init__(self, words: int, length: int, width: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Parameter(torch.randn(1, length, width) * 0.02)
        self.block = Block(width, _HEADS)
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, ids: Tensor) -> Tensor:
        """Let the words know of each other."""
        return self.norm(self.block(self.words(ids) + self.places))  # type: ignore[no-any-return]
