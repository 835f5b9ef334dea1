"""What a discriminator and a generator want of each other: the losses of generative adversarial networks.

Goodfellow et al., "Generative adversarial networks", 2014 (minimax and non-saturating); Mao et al., "Least squares
generative adversarial networks", 2017; Lim and Ye, "Geometric GAN", 2017 (hinge). All take scores before a sigmoid, of
any shape, and are computed in float32.
"""

import torch.nn.functional as F
from torch import Tensor

from medviz.parameters import Choice

LOSSES = Choice(
    ("non-saturating", "minimax", "least-squares", "hinge"),
    ("Non-saturating", "Minimax", "Least squares", "Hinge"),
)


def judge_loss(name: str, real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """What the discriminator makes small; `smoothing` takes so much of the certainty from what is real (one-sided).

    For minimax and non-saturating it is −V with D = σ(score): 2 ln 2 where both are told with ½.
    """
    real, fake, sure = real.float(), fake.float(), 1.0 - smoothing
    if name == "least-squares":
        return (real - sure).square().mean() + fake.square().mean()
    if name == "hinge":
        return F.relu(sure - real).mean() + F.relu(1.0 + fake).mean()
    return (sure * F.softplus(-real) + smoothing * F.softplus(real)).mean() + F.softplus(fake).mean()


def forger_loss(name: str, fake: Tensor) -> Tensor:
    """What the generator makes small.

    Minimax is mean ln(1 − D(G(z))), whose slope vanishes where the discriminator is sure; non-saturating is
    −mean ln D(G(z)), which has the same fixed point and a slope of up to 1 there.
    """
    fake = fake.float()
    if name == "least-squares":
        return (fake - 1.0).square().mean()
    if name == "hinge":
        return -fake.mean()
    return -F.softplus(fake).mean() if name == "minimax" else F.softplus(-fake).mean()


def value(real: Tensor, fake: Tensor) -> Tensor:
    """V(D, G) = mean ln D(x) + mean ln(1 − D(G(z))) of scores, in nats; −2 ln 2 where D says ½ to all."""
    return -(F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean())


def sureness(name: str, scores: Tensor) -> Tensor:
    """Read scores as 0 (generated) to 1 (real), ½ where it cannot tell: a probability where the loss makes it one.

    Least squares aim at 0 and 1 themselves, hinge at −1 and 1; both are cut off there.
    """
    scores = scores.float()
    if name == "least-squares":
        return scores.clamp(0, 1)
    return ((scores + 1) / 2).clamp(0, 1) if name == "hinge" else scores.sigmoid()
