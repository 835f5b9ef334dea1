"""How far class scores are from a label map: losses for segmentation.

Scores are logits (N, classes, x, y[, z]), labels (N, x, y[, z]) whole numbers, 0 is background. All are computed in
float32. The overlap losses agree with MONAI's where each class occurs (the tests hold them to it); importing
`monai.losses` takes 4 s and stalls a window, and a class that is absent from a batch counts there as a full error.
Here it is left out of the overlap; the cross-entropy still sees its false positives.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from medviz.parameters import Choice

LOSSES = Choice(
    ("dice-ce", "dice", "cross-entropy", "focal", "dice-focal", "tversky", "generalised-dice"),
    (
        "Dice + cross-entropy",
        "Dice",
        "Cross-entropy",
        "Focal",
        "Dice + focal",
        "Tversky",
        "Generalised Dice",
    ),
)
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


def cross_entropy(scores: Tensor, label: Tensor) -> Tensor:
    """Mean −log of the right class's probability."""
    if torch.are_deterministic_algorithms_enabled() and scores.is_cuda:  # torch's own adds in no fixed order there
        log_shares = scores.float().log_softmax(1)
        there = torch.zeros_like(log_shares).scatter_(1, label[:, None], 1.0)
        return -(log_shares * there).sum(1).mean()
    return F.cross_entropy(scores.float(), label)


def loss_of(name: str, gamma: float = 2.0, misses: float = 0.7) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of this name; `gamma` is focal's, `misses` Tversky's weight of false negatives."""
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "dice": dice,
        "cross-entropy": cross_entropy,
        "dice-ce": lambda scores, label: dice(scores, label) + cross_entropy(scores, label),
        "focal": lambda scores, label: focal(scores, label, gamma),
        "dice-focal": lambda scores, label: dice(scores, label) + focal(scores, label, gamma),
        "tversky": lambda scores, label: tversky(scores, label, 1 - misses, misses),
        "generalised-dice": generalised_dice,
    }
    return losses[name]
