"""How far class scores are from a label map: losses for segmentation.

Scores are logits (N, classes, x, y[, z]), labels (N, x, y[, z]) whole numbers, 0 is background. All are computed in
float32. The overlap losses agree with MONAI's where each class occurs (the tests hold them to it); importing
`monai.losses` takes 4 s and stalls a window, and a class that is absent from a batch counts there as a full error.
Here it is left out of the overlap; the cross-entropy still sees its false positives.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from medviz.parameters import Choice

LOSSES = Choice(
    (
        "dice-ce", "dice", "cross-entropy", "focal", "dice-focal", "tversky", "focal-tversky", "generalised-dice",
        "dice-boundary",
    ),
    (
        "Dice + cross-entropy",
        "Dice",
        "Cross-entropy",
        "Focal",
        "Dice + focal",
        "Tversky",
        "Focal Tversky",
        "Generalised Dice",
        "Dice + boundary",
    ),
)  # fmt: skip
_SMOOTH = 1e-5


@dataclass(frozen=True)
class Overlap:
    """Soft counts by class, (classes,) each, over all pixels of the batch: hits, and what was predicted and meant."""

    hits: Tensor
    predicted: Tensor
    meant: Tensor

    @classmethod
    def of(cls, scores: Tensor, label: Tensor) -> "Overlap":
        """Count with softmax probabilities."""
        shares = scores.float().softmax(1)
        there = torch.zeros_like(shares).scatter_(1, label[:, None], 1.0)
        axes = [0, *range(2, scores.ndim)]
        return cls((shares * there).sum(axes), shares.sum(axes), there.sum(axes))

    @property
    def weights(self) -> Tensor:
        """1 for each class but background that occurs, 0 for the others; background alone counts where it is alone."""
        present = (self.meant > 0).float()
        present[0] = 0.0
        alone = F.one_hot(torch.zeros((), dtype=torch.long, device=present.device), len(present)).float()
        return torch.where(present.sum() > 0, present, alone)

    def mean(self, by_class: Tensor) -> Tensor:
        """Mean over the classes that count."""
        return (by_class * self.weights).sum() / self.weights.sum()


def dice(scores: Tensor, label: Tensor) -> Tensor:
    """1 − mean Dice over the classes that occur (Milletari et al., 2016, with plain sums)."""
    one = Overlap.of(scores, label)
    return one.mean(1 - (2 * one.hits + _SMOOTH) / (one.predicted + one.meant + _SMOOTH))


def tversky(scores: Tensor, label: Tensor, false_positives: float = 0.3, false_negatives: float = 0.7) -> Tensor:
    """1 − mean Tversky index (Salehi et al., 2017): misses cost more than false alarms; 0.5 and 0.5 is Dice."""
    one = Overlap.of(scores, label)
    wrong = false_positives * (one.predicted - one.hits) + false_negatives * (one.meant - one.hits)
    return one.mean(1 - (one.hits + _SMOOTH) / (one.hits + wrong + _SMOOTH))


def focal_tversky(scores: Tensor, label: Tensor, misses: float = 0.7, gamma: float = 2.0) -> Tensor:
    """(1 − Tversky index)^(1/γ) by class (Abraham and Khan, 2019; γ = 4/3 there): what is nearly right still pulls."""
    one = Overlap.of(scores, label)
    wrong = (1 - misses) * (one.predicted - one.hits) + misses * (one.meant - one.hits)
    index = (one.hits + _SMOOTH) / (one.hits + wrong + _SMOOTH)
    return one.mean((1 - index).clamp_min(1e-7) ** (1 / max(gamma, 1.0)))


def generalised_dice(scores: Tensor, label: Tensor) -> Tensor:
    """Generalised Dice (Sudre et al., 2017): classes weigh with 1 / size², so that small ones count as much."""
    one = Overlap.of(scores, label)
    weights = one.weights / one.meant.clamp_min(1.0) ** 2
    weights = weights / weights.sum()  # of no effect on the ratio, but far from the smallest float
    hits, both = (2 * one.hits * weights).sum(), ((one.predicted + one.meant) * weights).sum()
    return 1 - hits / both.clamp_min(1e-12)


def focal(scores: Tensor, label: Tensor, gamma: float = 2.0) -> Tensor:
    """Focal loss (Lin et al., 2017): cross-entropy in which pixels that are already right count little."""
    log_shares = scores.float().log_softmax(1).gather(1, label[:, None])[:, 0]
    return (-((1 - log_shares.exp()) ** gamma) * log_shares).mean()


def cross_entropy(scores: Tensor, label: Tensor, smoothing: float = 0.0, balance: float = 0.0) -> Tensor:
    """Mean −log of the right class's probability; see `class_weights` for `balance`.

    `smoothing` is the share of certainty that goes to all classes alike (Szegedy et al., 2016).
    """
    scores = scores.float()
    weights = class_weights(label, scores.shape[1], balance) if balance else None
    if not (torch.are_deterministic_algorithms_enabled() and scores.is_cuda):
        return F.cross_entropy(scores, label, weights, label_smoothing=smoothing)
    surprise = -scores.log_softmax(1)  # torch's own adds in no fixed order there
    there = torch.zeros_like(surprise).scatter_(1, label[:, None], 1.0)
    each = torch.ones(scores.shape[1], device=scores.device) if weights is None else weights
    heavy = each.view(1, -1, *[1] * (scores.ndim - 2))
    total = (1 - smoothing) * (surprise * there * heavy).sum() + smoothing / scores.shape[1] * (surprise * heavy).sum()
    return total / (there * heavy).sum()


def class_weights(label: Tensor, classes: int, balance: float) -> Tensor:
    """Weights of the classes, (classes,): (share of the batch's pixels)^−balance; an absent class weighs nothing.

    0 is none, 1 lets all classes of the batch count alike however small they are.
    """
    counts = torch.zeros(classes, device=label.device).index_add_(
        0, label.reshape(-1), torch.ones(label.numel(), device=label.device)
    )
    shares = counts / label.numel()
    return torch.where(counts > 0, shares.clamp_min(1e-6) ** -balance, torch.zeros(()).to(label.device))


def boundary(scores: Tensor, label: Tensor) -> Tensor:
    """Mean of what is wrong, weighed with its distance to the class's border, in pixels, 0 where all is right.

    Kervadec et al., "Boundary loss for highly unbalanced segmentation", 2019. They add signed distances of what is
    found; that differs by a constant of the reference, so that the gradient is the same. Far mistakes cost most.
    """
    shares = scores.float().softmax(1)
    there = torch.zeros_like(shares).scatter_(1, label[:, None], 1.0)
    wrong = (shares - there).abs()[:, 1:]
    away = torch.from_numpy(distances(label.cpu().numpy(), scores.shape[1])).to(scores.device)
    return (wrong * away).mean()


def distances(label: np.ndarray, classes: int) -> np.ndarray:
    """Distance of each pixel to the border of each class but background, (N, classes − 1, x, y[, z]) float32.

    In pixels; 0 just inside the border and 1 just outside, and 0 everywhere for a class that is absent.
    """
    away = np.zeros((len(label), classes - 1, *label.shape[1:]), np.float32)
    for number, one in enumerate(label):
        for kind in range(1, classes):
            mask = one == kind
            if mask.any() and not mask.all():
                outside, inside = ndimage.distance_transform_edt(~mask), ndimage.distance_transform_edt(mask)
                away[number, kind - 1] = np.where(mask, inside - 1, outside)
    return away


def loss_of(
    name: str,
    gamma: float = 2.0,
    misses: float = 0.7,
    smoothing: float = 0.0,
    balance: float = 0.0,
    border: float = 0.02,
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of this name.

    `gamma` is focal's, `misses` Tversky's weight of false negatives, `border` the weight of the boundary beside Dice,
    `smoothing` and `balance` are for `cross_entropy`.
    """

    def entropy(scores: Tensor, label: Tensor) -> Tensor:
        return cross_entropy(scores, label, smoothing, balance)

    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "dice": dice,
        "cross-entropy": entropy,
        "dice-ce": lambda scores, label: dice(scores, label) + entropy(scores, label),
        "focal": lambda scores, label: focal(scores, label, gamma),
        "dice-focal": lambda scores, label: dice(scores, label) + focal(scores, label, gamma),
        "tversky": lambda scores, label: tversky(scores, label, 1 - misses, misses),
        "focal-tversky": lambda scores, label: focal_tversky(scores, label, misses, gamma),
        "generalised-dice": generalised_dice,
        "dice-boundary": lambda scores, label: dice(scores, label) + border * boundary(scores, label),
    }
    return losses[name]
