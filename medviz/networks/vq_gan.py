"""VQ-GAN: a VQ-VAE whose pictures a judge must take for real ones, place by place.

Esser, Rombach and Ommer, "Taming transformers for high-resolution image synthesis", 2021. MONAI's VQVAE and
PatchDiscriminator underneath. The paper's perceptual loss is left out: it needs a network trained on photographs.
"""

from typing import Annotated

from monai.networks.nets import PatchDiscriminator
from torch import Tensor

from medviz.networks.coding import Coded, Coder, Depth, Side, Width
from medviz.networks.fitting import Dimensions
from medviz.networks.quantising import Blocks, CodeSize, Commitment, Entries, Quantised
from medviz.parameters import Range
from medviz.refused import Refused


class VqGan(Coder):
    """A `generator` (VQ-VAE) and a `discriminator` that scores overlapping patches of (N, channels, size ...)."""

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
        judge_width: Annotated[int, Range(4, 128, 4), "Features of the judge's first layer"] = 32,
        judge_depth: Annotated[int, Range(1, 4, 1), "Layers of the judge; more see larger patches"] = 2,
    ) -> None:
        super().__init__(channels, dimensions, size, 2**depth, code)
        if size < 2 ** (judge_depth + 2):
            fault = f"pictures of {size} px leave its last layer nothing to see"
            raise Refused(f"judge_depth={judge_depth}", fault, f"take pictures of {2 ** (judge_depth + 2)} px or more")
        self.generator = Quantised(channels, dimensions, size, entries, code, depth, width, blocks, commitment)
        self.discriminator = PatchDiscriminator(
            spatial_dims=dimensions, channels=judge_width, in_channels=channels, num_layers_d=judge_depth,
            norm=("instance", {"affine": True}),
        )  # fmt: skip
        self.entries = entries

    def encode(self, image: Tensor) -> Tensor:
        """Return the entries of each place (N, code, size / 2^depth ...)."""
        return self.generator.encode(image)

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures of codes."""
        return self.generator.decode(code)

    def coded(self, image: Tensor) -> Coded:
        """Tell pictures by entries of the book."""
        self.count(image)
        return self.generator.coded(image)

    def judged(self, image: Tensor) -> Tensor:
        """Score each patch, (N, 1, ...): above 0 it is taken for real."""
        return self.discriminator(image)[-1]  # type: ignore[no-any-return]
