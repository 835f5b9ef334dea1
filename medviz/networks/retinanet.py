"""RetinaNet: boxes told from anchors on every level of a pyramid, and a loss that lets easy background count little.

Lin, Goyal, Girshick, He and Dollár, "Focal loss for dense object detection", 2017; MONAI's, with a small residual
network. Anchors are matched as in ATSS (Zhang et al., 2020).
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from monai.apps.detection.networks import retinanet_detector
from monai.apps.detection.networks.retinanet_network import RetinaNet as Heads
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape
from monai.networks.blocks.feature_pyramid_network import FeaturePyramidNetwork
from monai.networks.nets.resnet import ResNet, ResNetBlock
from torch import Tensor, nn

from medviz.networks.detector import Found, generalised, real, surest, within
from medviz.parameters import Choice, Range

# MONAI asks whether a matcher is torchvision's, which cannot be installed beside this torch; no matcher of ours is.
retinanet_detector.Matcher = type("Matcher", (), {})

_LEVELS = (1, 2, 4)
"""Size of the anchors on the three levels (strides 8, 16, 32), the finest 1."""
_SHAPES = {
    2: ((1.0, 1.0), (0.7, 1.4), (1.4, 0.7)),
    3: ((1.0, 1.0, 1.0), (1.6, 0.8, 0.8), (0.8, 1.6, 0.8), (0.8, 0.8, 1.6)),
}
"""Shapes of the anchors in each cell: equal sides, and longer along each axis."""
_CANDIDATES = 4
"""Anchors a level and a place that ATSS compares for one object."""


class RetinaNet(nn.Module):
    """Find boxes: (N, channels, x, y[, z]) → scores and shifts of all anchors, a list of maps each.

    `losses` and `detect` as `medviz.networks.detector` says. Sides of the image must be multiples of 32.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 3,
        dimensions: Annotated[Literal[2, 3], Choice((2, 3), ("2-D", "3-D")), "Pictures or volumes"] = 2,
        width: Annotated[int, Range(8, 64, 8), "Features of the first stage (paper: 64)"] = 16,
        depth: Annotated[int, Range(1, 4, 1), "Residual blocks in each stage"] = 1,
        anchor: Annotated[
            float | None,
            Range(4, 256, unit="px", log=True),
            "Side of the smallest anchors; the largest are four times as large. Automatic: as the smaller boxes are",
        ] = None,
        gamma: Annotated[float, Range(0.0, 5.0), "How little anchors count that are right already (focal loss)"] = 2.0,
        border: Annotated[
            Literal["smooth-l1", "giou"],
            Choice(("smooth-l1", "giou"), ("Smooth L1 of the shifts", "Generalised IoU")),
            "How borders are compared; generalised IoU needs a low learning rate at first",
        ] = "smooth-l1",
        overlap: Annotated[float, Range(0.1, 0.95), "Boxes of a class that share more: only the surest stays"] = 0.5,
    ) -> None:
        super().__init__()
        self.classes, self.overlap = classes, overlap
        side = anchor or 24.0
        shapes = [[side * share for share in shape] for shape in _SHAPES[dimensions]]
        heads = Heads(dimensions, classes, len(shapes), Pyramid(channels, dimensions, width, depth), 32)
        anchors = AnchorGeneratorWithAnchorShape(_LEVELS, shapes)
        self.detector = retinanet_detector.RetinaNetDetector(heads, anchors)
        self.detector.set_atss_matcher(_CANDIDATES)
        self.detector.set_cls_loss(Focal(gamma))
        if border == "giou":
            self.detector.set_box_regression_loss(Hull(), encode_gt=False, decode_pred=True)
        else:
            self.detector.set_box_regression_loss(nn.SmoothL1Loss(beta=1 / 9), encode_gt=True, decode_pred=False)

    def forward(self, x: Tensor) -> dict[str, list[Tensor]]:
        """Score each anchor (logits) and tell how it is to be shifted, map by map, the finest first."""
        return self.detector.network(x)  # type: ignore[no-any-return]

    def losses(self, image: Tensor, boxes: Tensor, classes: Tensor) -> Mapping[str, Tensor]:
        """Return "class" (focal loss of every anchor) and "box" (of the anchors that have an object)."""
        one = self.detector
        targets = [
            {one.target_box_key: some.float(), one.target_label_key: kinds}
            for some, kinds in real(boxes, classes)
        ]  # fmt: skip
        try:
            flat, anchors, counts = self._told(image)
        except ValueError as problem:  # MONAI's word for a map that is not finite; the trainer goes back by itself
            if "NaN" not in str(problem):
                raise
            return {"class": next(self.parameters()).sum() * torch.nan}
        found = one.compute_loss(flat, targets, anchors, counts)
        return {"class": found[one.cls_key], "box": found[one.box_reg_key]}

    def detect(self, image: Tensor) -> list[Found]:
        """Return what is found in each picture, the surest first."""
        flat, anchors, _ = self._told(image)
        scores, shifts = flat[self.detector.cls_key].sigmoid(), flat[self.detector.box_reg_key]
        found = []
        for score, shift, some in zip(scores, shifts, anchors, strict=True):
            boxes = self.detector.box_coder.decode_single(shift.float(), some)
            found.append(surest(score, within(boxes, tuple(image.shape[2:])), self.overlap))
        return found

    def _told(self, image: Tensor) -> tuple[dict[str, Tensor], list[Tensor], list[int]]:
        """Return scores and shifts (N, anchors, …), the anchors of each picture, and the places of each level."""
        one = self.detector
        maps = self(image)
        one.generate_anchors(image, maps)
        counts = [level[0, 0].numel() for level in maps[one.cls_key]]
        return {name: one._reshape_maps(some).float() for name, some in maps.items()}, one.anchors, counts


class Pyramid(nn.Module):
    """Features at strides 8, 16 and 32, each with what the coarser ones know: MONAI's ResNet and pyramid."""

    def __init__(self, channels: int, dimensions: int, width: int, depth: int) -> None:
        super().__init__()
        planes = [width, width * 2, width * 4, width * 8]
        self.out_channels = width * 4
        self.body = ResNet(ResNetBlock, [depth] * 4, planes, dimensions, channels, 7, 2, feed_forward=False)
        self.pyramid = FeaturePyramidNetwork(dimensions, planes[1:], self.out_channels)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Turn pictures into a map a level, the finest first."""
        body = self.body
        x = body.layer1(body.maxpool(body.act(body.bn1(body.conv1(x)))))  # (N, width, x/4, ...)
        levels = OrderedDict()
        for name, stage in (("8", body.layer2), ("16", body.layer3), ("32", body.layer4)):
            x = stage(x)
            levels[name] = x
        return self.pyramid(levels)  # type: ignore[no-any-return]


class Focal(nn.Module):
    """Focal loss of logits (n, classes) against ones and zeros, summed, for each anchor that has an object."""

    def __init__(self, gamma: float, share: float = 0.25) -> None:
        super().__init__()
        self.gamma, self.share = gamma, share

    def forward(self, scores: Tensor, meant: Tensor) -> Tensor:
        """Cross-entropy, less where it is right already; objects weigh `share`, background the rest."""
        each = F.binary_cross_entropy_with_logits(scores, meant, reduction="none")
        right = torch.exp(-each)
        weight = self.share * meant + (1 - self.share) * (1 - meant)
        return (weight * (1 - right) ** self.gamma * each).sum() / meant.sum().clamp_min(1.0)


class Hull(nn.Module):
    """1 less generalised IoU, the mean over boxes (n, 4 or 6) and their references."""

    def forward(self, told: Tensor, meant: Tensor) -> Tensor:
        """Compare boxes with references one by one."""
        return (1 - generalised(told, meant)).mean()
