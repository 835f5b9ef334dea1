"""R-CNN: each proposed box is cut out, warped to one size, looked at alone, and judged by support vector machines.

Girshick, Donahue, Darrell and Malik, "Rich feature hierarchies for accurate object detection and semantic
segmentation", 2014. Its three trainings go side by side here: the network learns to name the crops; a linear
machine a class (hinge loss) and the correction of the boxes learn on its features, and the features not from them.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.networks.detector import Found, real, surest, within
from medviz.networks.regions import (
    Residual,
    chosen,
    corrected,
    corrections,
    cut_out,
    layer,
    matched,
    searched,
    with_references,
)
from medviz.parameters import Range

_SIDE = 32
_RIGHT, _MACHINE_WRONG = 0.5, 0.3
"""Crops that share less with an object are the machines' background; what lies between is left out (paper, 2.3)."""


class Rcnn(nn.Module):
    """Find boxes: crops (n, channels, 32, 32) → what the network names them (n, classes + 1), background first.

    `losses` and `detect` as `medviz.networks.detector` says. Slow: the network looks at every box anew.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 3,
        width: Annotated[int, Range(4, 64, 4), "Features of the first level"] = 16,
        proposals: Annotated[int, Range(20, 2000, log=True), "Boxes of selective search that are looked at"] = 150,
        sampled: Annotated[int, Range(8, 256), "Boxes a picture that are learnt from in one step"] = 32,
        penalty: Annotated[float, Range(0.0, 1.0), "Pull of the machines' weights to zero: a wider margin"] = 1e-3,
        overlap: Annotated[float, Range(0.1, 0.95), "Boxes of a class that share more: only the surest stays"] = 0.4,
    ) -> None:
        super().__init__()
        self.proposals, self.sampled, self.penalty, self.overlap = proposals, sampled, penalty, overlap
        hidden = 8 * width
        self.look = nn.Sequential(
            layer(channels, width, 2),  # (n, width, 16, 16)
            layer(width, 2 * width, 2),
            Residual(2 * width),
            layer(2 * width, 4 * width, 2),  # (n, 4 width, 4, 4)
            nn.Flatten(),
            nn.Linear(64 * width, hidden),
            nn.ReLU(),
        )
        self.name = nn.Linear(hidden, classes + 1)
        self.machines = nn.Linear(hidden, classes)
        self.moves = nn.Linear(hidden, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Name crops: logits, background first."""
        return self.name(self.look(x))  # type: ignore[no-any-return]

    def losses(self, image: Tensor, boxes: Tensor, classes: Tensor) -> Mapping[str, Tensor]:
        """Return "class" (the network's cross-entropy), "machine" (hinge) and "box" (smooth L1), of sampled crops."""
        crops, names, wanted, goals = [], [], [], []
        for picture, (some, kinds) in zip(image, real(boxes, classes), strict=True):
            some = some.float()
            candidates = with_references(searched(picture, self.proposals), some, image.shape[2:])
            meant = matched(candidates, some, _RIGHT, _MACHINE_WRONG)
            meant = torch.where(meant == -2, matched(candidates, some, _RIGHT, _RIGHT), meant)
            taken = chosen(meant, self.sampled, 0.25)
            alike = matched(candidates[taken], some, _RIGHT, _MACHINE_WRONG)
            there = meant[taken] >= 0
            kind = torch.zeros_like(taken)
            goal = candidates.new_zeros((len(taken), 4))
            if there.any():
                kind[there] = kinds[meant[taken][there]] + 1
                goal[there] = corrections(candidates[taken][there], some[meant[taken][there]])
            crops.append(cut_out(picture, candidates[taken], 1.0, _SIDE))
            names.append(kind)
            wanted.append(torch.where(alike == -2, -1, kind))
            goals.append(goal)
        seen, kind = self.look(torch.cat(crops)), torch.cat(names)
        return self._terms(seen, kind, torch.cat(wanted), torch.cat(goals))

    def _terms(self, seen: Tensor, kind: Tensor, wanted: Tensor, goals: Tensor) -> Mapping[str, Tensor]:
        still = seen.detach().float()  # the machines and the corrections learn from features, not the other way round
        known = wanted >= 0
        signs = 2.0 * F.one_hot(wanted[known], self.machines.out_features + 1)[:, 1:] - 1.0
        margins = (1.0 - signs * self.machines(still[known])).clamp_min(0.0)
        machine = margins.mean() if known.any() else margins.sum()
        there = kind > 0
        off = F.smooth_l1_loss(self.moves(still[there]), goals[there], beta=1.0, reduction="sum")
        return {
            "class": F.cross_entropy(self.name(seen).float(), kind),
            "machine": machine + self.penalty * self.machines.weight.square().sum(),
            "box": off / max(1, len(kind)),
        }

    def detect(self, image: Tensor) -> list[Found]:
        """Return what is found in each picture, the surest first: a machine's margin, as a share between 0 and 1."""
        found = []
        for picture in image:
            candidates = searched(picture, self.proposals)
            seen = self.look(cut_out(picture, candidates, 1.0, _SIDE)).float()
            boxes = within(corrected(candidates, self.moves(seen)), tuple(image.shape[2:]))
            found.append(surest(torch.sigmoid(2.0 * self.machines(seen)), boxes, self.overlap))
        return found
