"""Autoencoder with a spatial code that is kept near N(0, 1): the first stage of latent diffusion.

Rombach et al., "High-resolution image synthesis with latent diffusion models", 2022; Pinaya et al., "Brain imaging
generation with latent diffusion models", 2022. MONAI's AutoencoderKL underneath.
"""

from typing import Annotated

from monai.networks.nets import AutoencoderKL
from torch import Tensor

from medviz.networks.coding import Coded, Coder, Depth, Side, bounded, divergence, drawn, features, halved
from medviz.networks.fitting import Dimensions, groups_of
from medviz.parameters import Range


class KlAutoencoder(Coder):
    """(N, channels, size ...) → μ, ln σ² (N, code, size / 2^depth ...) each → (N, channels, size ...)."""

    gaussian = True

    def __init__(
        self,
        channels: int = 1,
        dimensions: Dimensions = 2,
        size: Side = 32,
        code: Annotated[int, Range(1, 64, 1), "Channels of the code at each place"] = 4,
        depth: Depth = 2,
        width: Annotated[int, Range(8, 128, 8), "Features of the first level; each level below has twice as many"] = 16,
        blocks: Annotated[int, Range(1, 4, 1), "Residual blocks of each level"] = 1,
        attention: Annotated[bool, "Places at the lowest level ask each other"] = False,
    ) -> None:
        super().__init__(channels, dimensions, size, 2**depth, code)
        halved(size, depth, 2)
        sizes = features(width, depth)
        self.network = AutoencoderKL(
            spatial_dims=dimensions,
            in_channels=channels,
            out_channels=channels,
            num_res_blocks=[blocks] * len(sizes),
            channels=sizes,
            attention_levels=[False] * len(sizes),
            latent_channels=code,
            norm_num_groups=groups_of(width),
            with_encoder_nonlocal_attn=attention,
            with_decoder_nonlocal_attn=attention,
        )

    def cloud(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ² of each place."""
        inner = self.network.encoder(image)
        return self.network.quant_conv_mu(inner), bounded(self.network.quant_conv_log_sigma(inner))

    def encode(self, image: Tensor) -> Tensor:
        """Return the middles of the clouds (N, code, size / 2^depth ...)."""
        return self.cloud(image)[0]

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures of codes."""
        image: Tensor = self.network.decode(code)
        return image

    def coded(self, image: Tensor) -> Coded:
        """Draw a point of each cloud while training, take its middle otherwise."""
        self.count(image)
        mean, spread = self.cloud(image)
        code = drawn(mean, spread) if self.training else mean
        return Coded(self.decode(code), code, mean, kl=divergence(mean, spread))
