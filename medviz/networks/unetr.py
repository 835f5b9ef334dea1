"""UNETR: a transformer reads patches of 16, and a decoder of convolutions tells where.

Hatamizadeh et al., "UNETR: transformers for 3D medical image segmentation", 2022; layers and names are MONAI's.
Positions are learnt on a grid of patches and interpolated for scans of another size.
"""

from typing import Annotated

import torch.nn.functional as F
from monai.networks.nets.unetr import UNETR as Monai
from torch import Tensor, nn

from medviz.networks.fitting import SMOOTH, Dimensions, Dropout, Norm, cut, divided, filled, monai_norm
from medviz.parameters import Range

PATCH = 16


class UNETR(Monai):  # type: ignore[misc]
    """Give each pixel or voxel one score a class: (N, channels, x, y[, z]) → (N, classes, x, y[, z]), any size."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        dimensions: Dimensions = 2,
        width: Annotated[int, Range(16, 768, 16), "Numbers that stand for a patch (paper: 768)"] = 48,
        heads: Annotated[int, Range(1, 12, 1), "Questions that a block asks side by side (paper: 12)"] = 4,
        features: Annotated[int, Range(4, 32, 4), "Features of the decoder's last level (paper: 16)"] = 8,
        grid: Annotated[int, Range(2, 16, 1, unit="patches"), "Patches a side for which positions are learnt"] = 6,
        norm: Norm = "instance",
        dropout: Dropout = 0.0,
    ) -> None:
        divided("width", width, heads, "heads")
        super().__init__(
            channels, classes, grid * PATCH, features, width, 4 * width, heads, norm_name=monai_norm(norm, features),
            dropout_rate=dropout, spatial_dims=dimensions,
        )  # fmt: skip
        for block in self.vit.blocks:
            block.norm_cross_attn = nn.Identity()  # there is no second sequence to look at
        self.dimensions, self.grid = dimensions, grid

    def forward(self, x: Tensor) -> Tensor:
        """Score each class at each pixel; the scores are logits."""
        sides, x = x.shape[2:], filled(x, PATCH)
        grid = [side // PATCH for side in x.shape[2:]]
        last, seen = self._read(x, grid)
        states = [self._placed(one, grid) for one in (last, seen[9], seen[6], seen[3])]  # (N, width, x/16, ...)
        y = self.decoder5(states[0], self.encoder4(states[1]))  # (N, 8 features, x/8, ...)
        y = self.decoder4(y, self.encoder3(states[2]))  # (N, 4 features, x/4, ...)
        y = self.decoder3(y, self.encoder2(states[3]))  # (N, 2 features, x/2, ...)
        return cut(self.out(self.decoder2(y, self.encoder1(x))), sides)

    def _read(self, x: Tensor, grid: list[int]) -> tuple[Tensor, list[Tensor]]:
        """Run the transformer: its answer and what each block put out, (N, patches, width) each."""
        embedding = self.vit.patch_embedding
        tokens = embedding.patch_embeddings(x).flatten(2).transpose(1, 2)
        tokens = embedding.dropout(tokens + self._positions(grid))
        seen: list[Tensor] = []
        for block in self.vit.blocks:
            tokens = block(tokens)
            seen.append(tokens)
        return self.vit.norm(tokens), seen

    def _positions(self, grid: list[int]) -> Tensor:
        learnt: Tensor = self.vit.patch_embedding.position_embeddings  # (1, grid^d, width)
        if grid == [self.grid] * self.dimensions:
            return learnt
        spread = learnt.transpose(1, 2).reshape(1, -1, *[self.grid] * self.dimensions)
        fitted = F.interpolate(spread, size=grid, mode=SMOOTH[self.dimensions], align_corners=False)
        return fitted.flatten(2).transpose(1, 2)

    def _placed(self, tokens: Tensor, grid: list[int]) -> Tensor:
        return tokens.transpose(1, 2).reshape(len(tokens), -1, *grid)
