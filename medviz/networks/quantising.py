"""Codes out of a book: each place of a picture is told by the number of one entry, and the entries are learnt.

Van den Oord, Vinyals and Kavukcuoglu, "Neural discrete representation learning", 2017. MONAI's VQVAE underneath, whose
book follows running means of the codes (no gradient). Entries that nobody uses are put where codes are: Dhariwal et
al., "Jukebox", 2020; without that most of a book is never used.
"""

from typing import Annotated

import torch
from monai.networks.nets import VQVAE
from torch import Tensor

from medviz.networks.coding import Coded, Coder, features, halved
from medviz.parameters import Range

Entries = Annotated[int, Range(2, 8192, 1, log=True), "Entries of the book"]
CodeSize = Annotated[int, Range(1, 256, 1, log=True), "Numbers of an entry"]
Blocks = Annotated[int, Range(1, 4, 1), "Residual blocks of each level"]
Commitment = Annotated[float, Range(0.0, 4.0), "How strongly codes are drawn to their entry (β of the paper)"]
_UNUSED = 0.03
"""An entry whose running count of uses is below this is put elsewhere: some 350 batches without one use."""


class Quantised(Coder):
    """(N, channels, size ...) → (N, code, size / 2^depth ...), each place an entry of the book → (N, channels, ...)."""

    def __init__(
        self, channels: int, dimensions: int, size: int, entries: int, code: int, depth: int, width: int, blocks: int,
        commitment: float,
    ) -> None:  # fmt: skip
        super().__init__(channels, dimensions, size, 2**depth, code)
        halved(size, depth, 2)
        sizes = features(width, depth)[:-1]
        self.entries = entries
        self.network = VQVAE(
            spatial_dims=dimensions,
            in_channels=channels,
            out_channels=channels,
            channels=sizes,
            num_res_channels=sizes,
            num_res_layers=blocks,
            downsample_parameters=[(2, 4, 1, 1)] * depth,
            upsample_parameters=[(2, 4, 1, 1, 0)] * depth,
            num_embeddings=entries,
            embedding_dim=code,
            commitment_cost=commitment,
            decay=0.99,
        )
        self.book = self.network.quantizer.quantizer

    def encode(self, image: Tensor) -> Tensor:
        """Return the entries of each place (N, code, size / 2^depth ...)."""
        entry: Tensor = self.book.embed(self.numbered(self.network.encode(image)))
        return entry

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures of codes; each is first put on the nearest entry."""
        image: Tensor = self.network.decode(self.book.embed(self.numbered(code)))
        return image

    def numbered(self, code: Tensor) -> Tensor:
        """Return the number of the nearest entry of each place, (N, x, y[, z])."""
        index: Tensor = self.book.quantize(code)[2]
        return index

    def coded(self, image: Tensor) -> Coded:
        """Tell pictures by entries. The gradient goes straight through to the code: what is decoded moves with it."""
        self.count(image)
        code = self.network.encode(image)
        if self.training:
            self._renewed(code)
        entry, pull, index = self.book(code)
        return Coded(self.network.decode(entry), entry, entry, pull=pull, index=index)

    @torch.no_grad()
    def _renewed(self, code: Tensor) -> None:
        """Put entries without use where codes of this batch are; at the start that is all of them."""
        book = self.book
        flat = code.detach().float().movedim(1, -1).reshape(-1, self.latent_channels)
        there = flat[torch.randint(len(flat), (self.entries,), device=flat.device)]
        unused = book.ema_cluster_size < _UNUSED
        book.ema_w.copy_(torch.where(unused[:, None], there, book.ema_w))
        book.ema_cluster_size.masked_fill_(unused, 1.0)
        book.embedding.weight.copy_(book.ema_w / book.ema_cluster_size[:, None])
