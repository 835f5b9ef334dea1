"""Faster R-CNN: the network proposes its boxes itself, from anchors on its own map.

Ren, He, Girshick and Sun, "Faster R-CNN: towards real-time object detection with region proposal networks", 2015, with
RoIAlign (He et al., 2017) in place of pooling.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.networks.detector import Found, real, suppressed, surest, within
from medviz.networks.regions import (
    STRIDE,
    Backbone,
    RegionHead,
    chosen,
    corrected,
    corrections,
    cut_out,
    layer,
    lost,
    matched,
    with_references,
)
from medviz.parameters import Range

_OUT = 5
_RIGHT = 0.5
_ANCHOR_RIGHT, _ANCHOR_WRONG, _ANCHORS_LEARNT = 0.6, 0.3, 128
_SIZES = (1.0, 1.6, 2.6, 4.2)
_SHAPES = ((1.0, 1.0), (0.7, 1.4), (1.4, 0.7))
_ALIKE = 0.7
"""Proposals that share more are one."""


class FasterRcnn(nn.Module):
    """Find boxes: (N, channels, x, y) → map, and a score and a correction for each anchor of each place.

    `losses` and `detect` as `medviz.networks.detector` says. Sides of the image must be multiples of 32.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 3,
        width: Annotated[int, Range(4, 64, 4), "Features of the first level"] = 16,
        depth: Annotated[int, Range(1, 4, 1), "Residual blocks on each level"] = 1,
        anchor: Annotated[
            float | None,
            Range(4, 256, unit="px", log=True),
            "Side of the smallest anchors; the largest are four times as large. Automatic: as the smaller boxes are",
        ] = None,
        proposals: Annotated[int, Range(10, 1000, log=True), "Boxes that the first stage hands to the second"] = 100,
        sampled: Annotated[int, Range(8, 256), "Boxes a picture that the second stage learns from in one step"] = 48,
        overlap: Annotated[float, Range(0.1, 0.95), "Boxes of a class that share more: only the surest stays"] = 0.5,
    ) -> None:
        super().__init__()
        self.proposals, self.sampled, self.overlap = proposals, sampled, overlap
        side = anchor or 24.0
        shapes = [(side * size * wide, side * size * high) for size in _SIZES for wide, high in _SHAPES]
        self.register_buffer("shapes", torch.tensor(shapes), persistent=False)
        self.backbone = Backbone(channels, width, depth)
        features = self.backbone.features
        self.look = layer(features, features)
        self.holds, self.moves = nn.Conv2d(features, len(shapes), 1), nn.Conv2d(features, 4 * len(shapes), 1)
        for one in (self.holds, self.moves):
            nn.init.normal_(one.weight, std=0.01)
            nn.init.constant_(one.get_parameter("bias"), 0.0)
        self.head = RegionHead(features, classes, _OUT, 8 * width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the map, and of each anchor a score (N, anchors) and a correction (N, anchors, 4)."""
        features = self.backbone(x)
        looked = self.look(features)
        holds = self.holds(looked).flatten(2).movedim(1, 2).flatten(1)  # place by place, shape by shape
        moves = self.moves(looked).flatten(2).movedim(1, 2)
        return features, holds.float(), moves.reshape(len(x), -1, 4).float()

    def anchors(self, shape: tuple[int, ...]) -> Tensor:
        """Boxes (anchors, 4) of all places of a map of this shape, in the order in which `forward` tells them."""
        shapes = self.get_buffer("shapes")
        at = [(torch.arange(side, device=shapes.device) + 0.5) * STRIDE for side in shape]
        middle = torch.stack(torch.meshgrid(*at, indexing="ij"), -1).reshape(-1, 1, 2)
        return torch.cat([middle - shapes / 2, middle + shapes / 2], -1).reshape(-1, 4)

    def losses(self, image: Tensor, boxes: Tensor, classes: Tensor) -> Mapping[str, Tensor]:
        """Return "proposal" and "place" of the first stage, "class" and "box" of the second."""
        features, holds, moves = self(image)
        anchors = self.anchors(tuple(features.shape[2:]))
        each = []
        for one, hold, move, (some, kinds) in zip(features, holds, moves, real(boxes, classes), strict=True):
            some = some.float()
            first = _first_stage(anchors, hold, move, some)
            with torch.no_grad():
                candidates = self._proposed(anchors, hold, move, tuple(image.shape[2:]))
                candidates = with_references(candidates, some, image.shape[2:])
            meant = matched(candidates, some, _RIGHT, _RIGHT)
            taken = chosen(meant, self.sampled, 0.25)
            scores, shifts = self.head(cut_out(one, candidates[taken], STRIDE, _OUT))
            each.append((*first, *lost(scores, shifts, candidates[taken], meant[taken], some, kinds)))
        names = ("proposal", "place", "class", "box")
        means = (torch.stack(terms).mean() for terms in zip(*each, strict=True))
        return dict(zip(names, means, strict=True))

    def detect(self, image: Tensor) -> list[Found]:
        """Return what is found in each picture, the surest first."""
        features, holds, moves = self(image)
        anchors, shape = self.anchors(tuple(features.shape[2:])), tuple(image.shape[2:])
        found = []
        for one, hold, move in zip(features, holds, moves, strict=True):
            candidates = self._proposed(anchors, hold, move, shape)
            scores, shifts = self.head(cut_out(one, candidates, STRIDE, _OUT))
            boxes = within(corrected(candidates, shifts), shape)
            found.append(surest(scores.softmax(1)[:, 1:], boxes, self.overlap))
        return found

    def _proposed(self, anchors: Tensor, hold: Tensor, move: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Choose the boxes that the second stage looks at: the surest, those that mean the same removed."""
        best = hold.topk(min(4 * self.proposals, len(hold)))
        boxes = within(corrected(anchors[best.indices], move[best.indices]), shape)
        alone = torch.zeros(len(boxes), dtype=torch.long, device=boxes.device)
        return suppressed(Found(boxes, best.values, alone), _ALIKE, self.proposals).boxes


def _first_stage(anchors: Tensor, hold: Tensor, move: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of the proposals of one picture: whether an anchor holds something, and what moves it there."""
    meant = matched(anchors, boxes, _ANCHOR_RIGHT, _ANCHOR_WRONG, each=True)
    taken = chosen(meant, _ANCHORS_LEARNT, 0.5)
    there = taken[meant[taken] >= 0]
    of_kind = F.binary_cross_entropy_with_logits(hold[taken], (meant[taken] >= 0).float())
    if not len(there):
        return of_kind, move.sum() * 0.0
    goals = corrections(anchors[there], boxes[meant[there]])
    return of_kind, F.smooth_l1_loss(move[there], goals, beta=1.0, reduction="sum") / len(taken)
