"""Fast R-CNN: one look at the whole picture, and of its map each proposed box takes as many numbers.

Girshick, "Fast R-CNN", 2015. Boxes come from selective search; classes and borders are learnt together.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor, nn

from medviz.networks.detector import Found, real, surest, within
from medviz.networks.regions import (
    STRIDE,
    Backbone,
    RegionHead,
    chosen,
    corrected,
    cut_out,
    lost,
    matched,
    searched,
    with_references,
)
from medviz.parameters import Range

_OUT = 5
_RIGHT = 0.5


class FastRcnn(nn.Module):
    """Find boxes: (N, channels, x, y) → the map (N, 8 width, x/16, y/16) that regions are read of.

    `losses` and `detect` as `medviz.networks.detector` says. Sides of the image must be multiples of 32.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 3,
        width: Annotated[int, Range(4, 64, 4), "Features of the first level"] = 16,
        depth: Annotated[int, Range(1, 4, 1), "Residual blocks on each level"] = 1,
        proposals: Annotated[int, Range(20, 2000, log=True), "Boxes of selective search that are looked at"] = 200,
        sampled: Annotated[int, Range(8, 256), "Boxes a picture that are learnt from in one step"] = 48,
        overlap: Annotated[float, Range(0.1, 0.95), "Boxes of a class that share more: only the surest stays"] = 0.5,
    ) -> None:
        super().__init__()
        self.proposals, self.sampled, self.overlap = proposals, sampled, overlap
        self.backbone = Backbone(channels, width, depth)
        self.head = RegionHead(self.backbone.features, classes, _OUT, 8 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures into maps; done once a picture, however many boxes are asked about."""
        return self.backbone(x)  # type: ignore[no-any-return]

    def losses(self, image: Tensor, boxes: Tensor, classes: Tensor) -> Mapping[str, Tensor]:
        """Return "class" and "box" of some of the proposed boxes, a quarter of them with an object."""
        maps, each = self(image), []
        for picture, features, (some, kinds) in zip(image, maps, real(boxes, classes), strict=True):
            candidates = with_references(searched(picture, self.proposals), some, image.shape[2:])
            meant = matched(candidates, some, _RIGHT, _RIGHT)
            taken = chosen(meant, self.sampled, 0.25)
            scores, shifts = self.head(cut_out(features, candidates[taken], STRIDE, _OUT))
            each.append(lost(scores, shifts, candidates[taken], meant[taken], some.float(), kinds))
        of_class, of_box = (torch.stack(terms).mean() for terms in zip(*each, strict=True))
        return {"class": of_class, "box": of_box}

    def detect(self, image: Tensor) -> list[Found]:
        """Return what is found in each picture, the surest first."""
        found = []
        for picture, features in zip(image, self(image), strict=True):
            candidates = searched(picture, self.proposals)
            scores, shifts = self.head(cut_out(features, candidates, STRIDE, _OUT))
            boxes = within(corrected(candidates, shifts), tuple(image.shape[2:]))
            found.append(surest(scores.softmax(1)[:, 1:], boxes, self.overlap))
        return found
