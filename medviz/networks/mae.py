"""Masked autoencoder: most patches are hidden; the encoder reads the others, a small decoder fills in the rest.

He et al., "Masked autoencoders are scalable vision learners", 2022. The encoder is our ViT, or the transformer of our
UNETR, under the names that these have, so that its weights fit them; the decoder is thrown away afterwards.
"""

from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from medviz.networks.fitting import divided
from medviz.networks.patching import joined, waves
from medviz.networks.tokens import Block
from medviz.networks.unetr import PATCH, UNETR
from medviz.networks.vit import ViT
from medviz.parameters import Choice, Range
from medviz.refused import Refused

Fits = Annotated[
    Literal["vit", "unetr"],
    Choice(("vit", "unetr"), ("ViT, for classification", "UNETR, for segmentation (patches of 16, 12 blocks)")),
    "The network that its encoder is to become part of",
]


class MAE(nn.Module):
    """Fill in what is hidden: (N, channels, size, size[, size]) and `shown` (N, v) → a picture of the same size.

    `shown` are the numbers of the patches that the encoder gets; without them it gets all. What it says of the patches
    it was shown is of no use: no loss ever asked for it.
    """

    def __init__(
        self,
        channels: int = 1,
        dimensions: Annotated[Literal[2, 3], Choice((2, 3), ("2-D", "3-D")), "Slices or volumes"] = 2,
        size: Annotated[int, Range(16, 256, 1, unit="px"), "Side of the picture (classic: 224)"] = 32,
        fits: Fits = "vit",
        patch: Annotated[int, Range(4, 32, 1, unit="px"), "Side of a patch (classic: 16); of UNETR it is 16"] = 8,
        width: Annotated[int, Range(16, 768, 16), "Numbers that stand for a patch (ViT-B: 768)"] = 64,
        depth: Annotated[int, Range(1, 12, 1), "Blocks of the encoder; of UNETR there are 12"] = 4,
        heads: Annotated[int, Range(1, 12, 1), "Questions that a block asks side by side (ViT-B: 12)"] = 4,
        decoder_width: Annotated[int, Range(16, 512, 16), "Numbers a patch in the decoder (paper: 512)"] = 32,
        decoder_depth: Annotated[int, Range(1, 8, 1), "Blocks of the decoder (paper: 8)"] = 2,
    ) -> None:
        super().__init__()
        self.patch = PATCH if fits == "unetr" else patch
        if size % self.patch:
            fault = f"it is not whole patches of {self.patch} pixels"
            raise Refused(f"size={size}", fault, "take another side, or another patch")
        divided("width", width, heads, "heads")
        self.grid = (size // self.patch,) * dimensions
        self.encoder: Any = (
            _of_unetr(channels, dimensions, width, heads, self.grid[0])
            if fits == "unetr"
            else _of_vit(channels, dimensions, size, patch, width, depth, heads)
        )
        places = waves(self.grid, decoder_width)
        self.narrow = nn.Linear(width, decoder_width)
        self.token = nn.Parameter(torch.randn(1, 1, decoder_width) * 0.02)  # stands for a patch that was not seen
        self.places = nn.Parameter(places[None])
        self.decoder = nn.Sequential(*(Block(decoder_width, 4, 0.0) for _ in range(decoder_depth)))
        self.decoder_norm = nn.LayerNorm(decoder_width, eps=1e-6)
        self.pixels = nn.Linear(decoder_width, channels * self.patch**dimensions)

    def forward(self, x: Tensor, shown: Tensor | None = None) -> Tensor:
        """Draw all patches, having seen those `shown`."""
        count = self.places.shape[1]
        if shown is None:
            shown = torch.arange(count, device=x.device).expand(len(x), count)
        seen = self.narrow(self.encoded(x, shown))  # (N, v, decoder_width)
        rows = torch.arange(len(x), device=x.device)[:, None]
        tokens = self.token.to(seen.dtype).expand(len(x), count, -1).clone()  # (N, n, decoder_width)
        tokens[rows, shown] = seen
        tokens = self.decoder_norm(self.decoder(tokens + self.places))
        return joined(self.pixels(tokens), self.patch, self.grid)

    def encoded(self, x: Tensor, shown: Tensor) -> Tensor:
        """Read the patches that are shown, and no other: (N, v, width)."""
        rows = torch.arange(len(x), device=x.device)[:, None]
        encoder = self.encoder
        if isinstance(encoder, ViT):
            tokens = encoder.embedding(x).flatten(2).transpose(1, 2) + encoder.positions[:, 1:]
            answer = (encoder.answer + encoder.positions[:, :1]).expand(len(x), -1, -1)
            tokens = torch.cat([answer.to(tokens.dtype), tokens[rows, shown]], 1)
            read: Tensor = encoder.norm(encoder.blocks(encoder.dropout(tokens)))
            return read[:, 1:]
        vit = encoder["vit"]
        tokens = vit.patch_embedding.patch_embeddings(x).flatten(2).transpose(1, 2)
        tokens = (tokens + vit.patch_embedding.position_embeddings)[rows, shown]
        for block in vit.blocks:
            tokens = block(tokens)
        read = vit.norm(tokens)
        return read


def _of_vit(channels: int, dimensions: Any, size: int, patch: int, width: int, depth: int, heads: int) -> ViT:
    """Build a ViT without a head; each patch knows its place from the start."""
    made = ViT(channels, 1, dimensions, size, patch, width, depth, heads)
    made.head = nn.Identity()  # type: ignore[assignment]
    with torch.no_grad():
        made.positions[:, 1:].copy_(waves((size // patch,) * dimensions, width))
    return made


def _of_unetr(channels: int, dimensions: Any, width: int, heads: int, grid: int) -> nn.ModuleDict:
    """Take the transformer out of a UNETR."""
    if grid < 2:
        raise Refused(f"size={grid * PATCH}", "UNETR needs at least two patches of 16 a side", "take 32 or more")
    vit = UNETR(channels, 1, dimensions, width, heads, 4, grid).vit
    with torch.no_grad():
        vit.patch_embedding.position_embeddings.copy_(waves((grid,) * dimensions, width)[None])
    return nn.ModuleDict({"vit": vit})
