"""How like one picture is to another: structural similarity, signal against error, and the losses made of them.

Pictures are (N, C, x, y[, z]); what is told is judged against `meant`.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from medviz.parameters import Choice

LOSSES = Choice(
    ("l1", "l2", "ssim", "l1-ssim"),
    ("L1 (mean error)", "L2 (mean square)", "Structural similarity", "L1 + structural similarity"),
)
_SIDE, _SIGMA = 11, 1.5
_CONVOLUTIONS = {2: F.conv2d, 3: F.conv3d}


def ssim(told: Tensor, meant: Tensor) -> Tensor:
    """Structural similarity of each picture, (N,), 1 for the same.

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    2004: a Gaussian window of 11 and 1.5, K1 0.01 and K2 0.03, the range that of `meant`; borders are left out.
    """
    told, meant = told.float(), meant.float()
    reach = _reach(meant)
    one, two = (0.01 * reach) ** 2, (0.03 * reach) ** 2
    mean_a, mean_b = _blurred(told), _blurred(meant)
    spread_a = _blurred(told * told) - mean_a**2
    spread_b = _blurred(meant * meant) - mean_b**2
    both = _blurred(told * meant) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + one) * (2 * both + two)
    found = likeness / ((mean_a**2 + mean_b**2 + one) * (spread_a + spread_b + two))
    return found.flatten(1).mean(1)


def psnr(told: Tensor, meant: Tensor) -> Tensor:
    """Range of `meant` against the root of the mean square error, of each picture (N,), in dB."""
    square = (told.float() - meant.float()).square().flatten(1).mean(1).clamp_min(1e-12)
    return 20 * _reach(meant.float()).flatten().log10() - 10 * square.log10()


def loss_of(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of this name."""
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "l1": lambda told, meant: F.l1_loss(told.float(), meant),
        "l2": lambda told, meant: F.mse_loss(told.float(), meant),
        "ssim": lambda told, meant: 1 - ssim(told, meant).mean(),
        "l1-ssim": lambda told, meant: F.l1_loss(told.float(), meant) + 1 - ssim(told, meant).mean(),
    }
    return losses[name]


def _reach(meant: Tensor) -> Tensor:
    flat = meant.flatten(1)
    reach = (flat.amax(1) - flat.amin(1)).clamp_min(1e-6)
    return reach.view(-1, *[1] * (meant.ndim - 1))


def _blurred(x: Tensor) -> Tensor:
    """Mean over a Gaussian window, axis by axis, where the window fits (a smaller one where a side is too short)."""
    dimensions, channels = x.ndim - 2, x.shape[1]
    for axis in range(2, x.ndim):
        side = min(_SIDE, x.shape[axis] - (x.shape[axis] + 1) % 2)
        at = torch.arange(side, device=x.device, dtype=x.dtype) - side // 2
        kernel = torch.exp(-0.5 * (at / _SIGMA) ** 2)
        shape = [1] * dimensions
        shape[axis - 2] = side
        window = (kernel / kernel.sum()).view(1, 1, *shape).expand(channels, 1, *shape)
        x = _CONVOLUTIONS[dimensions](x, window, groups=channels)
    return x
