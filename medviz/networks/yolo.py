"""YOLO: one look; each cell of three grids says what lies there and how far its borders are.

Redmon, Divvala, Girshick and Farhadi, "You only look once", 2016, in the form it has taken since: three grids (Lin et
al., 2017), no anchors (Ge et al., YOLOX, 2021), cells chosen for an object by how well they already do (Feng et al.,
TOOD, 2021), and borders learnt by generalised IoU (Rezatofighi et al., 2019).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.networks.detector import Found, generalised, shared, surest, within
from medviz.parameters import Choice, Range

_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
STRIDES = (8, 16, 32)
"""Pixels of the picture a cell of each grid stands for."""
_CLAIMS = 10
"""Cells at most that learn one object."""
_PRIOR = 0.01
"""What every cell is taken to find before it has learnt anything; more would drown the first steps in false alarms."""
_FARTHEST = 6.0
"""Largest logarithm of a distance in strides: exp of more is no border of any picture."""


class Yolo(nn.Module):
    """Find boxes in one look: (N, channels, x, y[, z]) → scores (N, cells, classes) and boxes (N, cells, 4 or 6).

    `losses` and `detect` as `medviz.networks.detector` says. Sides of the image must be multiples of 32.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 3,
        dimensions: Annotated[Literal[2, 3], Choice((2, 3), ("2-D", "3-D")), "Pictures or volumes"] = 2,
        width: Annotated[int, Range(4, 64, 4), "Features of the first level; each level below has twice as many"] = 16,
        depth: Annotated[int, Range(1, 4, 1), "Blocks on each level"] = 1,
        box_weight: Annotated[float, Range(0.1, 20.0), "How much borders count beside classes in the loss"] = 2.0,
        overlap: Annotated[float, Range(0.1, 0.95), "Boxes of a class that share more: only the surest stays"] = 0.6,
    ) -> None:
        super().__init__()
        self.dimensions, self.classes, self.box_weight, self.overlap = dimensions, classes, box_weight, overlap
        features = [width * 2, width * 4, width * 8, width * 8]
        self.stem = _layer(dimensions, channels, width, 2)  # (N, width, x/2, y/2)
        before = [width, *features[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(_layer(dimensions, i, o, 2), *(Block(dimensions, o) for _ in range(depth)))
            for i, o in zip(before, features, strict=True)
        )
        neck = width * 4
        self.across = nn.ModuleList(_CONVOLUTION[dimensions](one, neck, 1) for one in features[1:])
        self.smooth = nn.ModuleList(_layer(dimensions, neck, neck) for _ in STRIDES)
        self.heads = nn.ModuleList(Head(dimensions, neck, classes) for _ in STRIDES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Score each class in each cell (logits) and tell the cell's box in pixels."""
        x = self.stem(x)
        levels: list[Tensor] = []
        for down in self.down:
            x = down(x)
            levels.append(x)
        maps = self._pyramid(levels[1:])
        scores, boxes = [], []
        for grid, stride, head in zip(maps, STRIDES, self.heads, strict=True):
            score, away = head(grid)  # (N, classes, x/stride, ...), (N, 2 dimensions, x/stride, ...)
            scores.append(score.flatten(2).movedim(1, 2))
            boxes.append(
                _boxes(away.flatten(2).movedim(1, 2).float(), middles(grid.shape[2:], stride, x.device), stride)
            )
        return torch.cat(scores, 1).float(), torch.cat(boxes, 1)

    def _pyramid(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Let what the coarse maps know reach the fine ones: (N, neck, x/8), (…, x/16), (…, x/32)."""
        maps = [across(level) for across, level in zip(self.across, levels, strict=True)]
        for fine in range(len(maps) - 2, -1, -1):
            maps[fine] = maps[fine] + F.interpolate(maps[fine + 1], size=maps[fine].shape[2:])
        return [smooth(one) for smooth, one in zip(self.smooth, maps, strict=True)]

    def losses(self, image: Tensor, boxes: Tensor, classes: Tensor) -> Mapping[str, Tensor]:
        """Return "class" (cross-entropy of every cell) and "box" (1 - generalised IoU of the cells that have one)."""
        scores, told = self(image)
        at, strides = self._cells(image)
        with torch.no_grad():
            wanted, owner, target = claimed(scores.sigmoid(), told, boxes.float(), classes, at, strides)
        total = wanted.sum().clamp_min(1.0)
        aims = F.one_hot(target, self.classes) * wanted[..., None]
        kind = F.binary_cross_entropy_with_logits(scores, aims, reduction="sum") / total
        goals = boxes.float().gather(1, owner[..., None].expand(*owner.shape, boxes.shape[-1]))
        off = (1 - generalised(told, goals)) * wanted
        return {"class": kind, "box": self.box_weight * off.sum() / total}

    def detect(self, image: Tensor) -> list[Found]:
        """Return what is found in each picture, the surest first."""
        scores, boxes = self(image)
        return [
            surest(score, within(box, tuple(image.shape[2:])), self.overlap)
            for score, box in zip(scores.sigmoid(), boxes, strict=True)
        ]

    def _cells(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Middle (cells, dimensions) and stride (cells,) of each cell."""
        at, strides = [], []
        for stride in STRIDES:
            shape = [-(-side // stride) for side in image.shape[2:]]
            at.append(middles(shape, stride, image.device))
            strides.append(torch.full((len(at[-1]),), float(stride), device=image.device))
        return torch.cat(at), torch.cat(strides)


class Block(nn.Module):
    """x + F(x): F is two 3×3 convolutions, the first to half the features."""

    def __init__(self, dimensions: int, features: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            _layer(dimensions, features, features // 2), _layer(dimensions, features // 2, features)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add what the branch makes of it."""
        return x + self.branch(x)  # type: ignore[no-any-return]


class Head(nn.Module):
    """What a cell says: one score a class, and the distances to the low and the high borders, as logarithms."""

    def __init__(self, dimensions: int, features: int, classes: int) -> None:
        super().__init__()
        self.kind, self.place = _layer(dimensions, features, features), _layer(dimensions, features, features)
        self.scores = _CONVOLUTION[dimensions](features, classes, 1)
        self.away = _CONVOLUTION[dimensions](features, 2 * dimensions, 1)
        nn.init.constant_(self.scores.get_parameter("bias"), -math.log((1 - _PRIOR) / _PRIOR))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Turn features into scores and distances, map by map."""
        return self.scores(self.kind(x)), self.away(self.place(x))


def claimed(
    shares: Tensor, told: Tensor, boxes: Tensor, classes: Tensor, at: Tensor, strides: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Choose the cells that learn each object: those in it that score and place it best already.

    A cell's merit for an object is √score · IoU⁶; each object takes its best `_CLAIMS` cells, and a cell that two
    want goes to the one it shares more with. Returns, a cell each (N, cells): how sure it shall be (the IoU of the
    object's best cell, less as its own merit is less; 0 where it has no object), its object's row, its class.
    """
    real = classes >= 0  # (N, M)
    both = shared(boxes, told)  # (N, M, cells)
    kinds = classes.clamp_min(0)
    sure = shares.transpose(1, 2).gather(1, kinds[..., None].expand(-1, -1, shares.shape[1]))  # (N, M, cells)
    inside = _inside(boxes, at, strides) & real[..., None]
    merit = torch.where(inside, sure.sqrt() * both**6, 0.0)
    best = merit.topk(min(_CLAIMS, merit.shape[-1]), -1)
    mine = torch.zeros_like(inside).scatter_(-1, best.indices, True) & inside
    rivals = torch.where(mine, both + 1e-6, 0.0)
    most, owner = rivals.max(1)  # (N, cells)
    mine = (
        mine
        & (owner[:, None] == torch.arange(boxes.shape[1], device=boxes.device)[None, :, None])
        & (most > 0)[:, None]
    )
    merit, both = merit * mine, both * mine
    height = merit.amax(-1, keepdim=True).clamp_min(1e-9)
    wanted = (merit / height * both.amax(-1, keepdim=True)).amax(1)
    return wanted, owner, kinds.gather(1, owner)


def _inside(boxes: Tensor, at: Tensor, strides: Tensor) -> Tensor:
    """Which cells (N, M, cells) have their middle in a box; a box thinner than two cells takes those within one."""
    low, high = boxes[:, :, None].chunk(2, -1)
    reach = torch.maximum((high - low) / 2, strides[None, None, :, None])
    return ((at - (low + high) / 2).abs() < reach).all(-1)


def middles(shape: Sequence[int], stride: int, device: torch.device) -> Tensor:
    """Middle of each cell (cells, dimensions) of a grid, in pixels."""
    axes = [(torch.arange(side, dtype=torch.float32, device=device) + 0.5) * stride for side in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)


def _boxes(away: Tensor, at: Tensor, stride: int) -> Tensor:
    low, high = (away.clamp(max=_FARTHEST).exp() * stride).chunk(2, -1)
    return torch.cat([at - low, at + high], -1)


def _layer(dimensions: int, before: int, after: int, stride: int = 1) -> nn.Sequential:
    """3×3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        _CONVOLUTION[dimensions](before, after, 3, stride, 1, bias=False), _NORM[dimensions](after), nn.ReLU()
    )
