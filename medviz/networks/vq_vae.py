"""VQ-VAE: an autoencoder whose code is a small picture of entries out of a learnt book (van den Oord et al., 2017)."""

from medviz.networks.coding import Depth, Side, Width
from medviz.networks.fitting import Dimensions
from medviz.networks.quantising import Blocks, CodeSize, Commitment, Entries, Quantised


class VqVae(Quantised):
    """(N, channels, size ...) → entries of a book at size / 2^depth → (N, channels, size ...)."""

    def __init__(
        self,
        channels: int = 1,
        dimensions: Dimensions = 2,
        size: Side = 32,
        entries: Entries = 128,
        code: CodeSize = 16,
        depth: Depth = 2,
        width: Width = 32,
        blocks: Blocks = 1,
        commitment: Commitment = 0.25,
    ) -> None:
        super().__init__(channels, dimensions, size, entries, code, depth, width, blocks, commitment)
