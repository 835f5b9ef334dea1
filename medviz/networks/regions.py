"""What R-CNN and its descendants share: boxes that are proposed, matched, sampled, cut out of a map, and corrected.

Girshick, Donahue, Darrell and Malik, 2014 (R-CNN); Girshick, 2015 (Fast R-CNN); Ren, He, Girshick and Sun, 2015 (Faster
R-CNN); He et al., 2017 (RoIAlign). Boxes are (n, 4) x0 y0 x1 y1 in pixels of the image, see `medviz.networks.detector`.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.imaging.merging import distinct, first_regions, grown
from medviz.networks.detector import shared, within
from medviz.networks.fitting import groups_of

SPREADS = (0.1, 0.1, 0.2, 0.2)
"""Usual size of a correction, by which it is divided so that all four are about 1 (Fast R-CNN, section 2.3)."""
STRIDE = 16
"""Pixels of the picture a place of the map stands for."""
_MOST_REGIONS = 220
"""First regions about so many: a picture is searched in some hundredths of a second."""


def corrections(boxes: Tensor, goals: Tensor) -> Tensor:
    """Return what turns boxes (n, 4) into goals (n, 4): shifts in sides and logarithms of sizes, over SPREADS."""
    low, high = boxes.chunk(2, -1)
    goal_low, goal_high = goals.chunk(2, -1)
    size, goal = (high - low).clamp_min(1e-3), (goal_high - goal_low).clamp_min(1e-3)
    shift = ((goal_low + goal_high) - (low + high)) / 2 / size
    return torch.cat([shift, torch.log(goal / size)], -1) / boxes.new_tensor(SPREADS)


def corrected(boxes: Tensor, told: Tensor) -> Tensor:
    """Turn boxes (n, 4) by corrections (n, 4): the inverse of `corrections`. No side grows more than twelvefold."""
    shift, grow = (told * boxes.new_tensor(SPREADS)).chunk(2, -1)
    low, high = boxes.chunk(2, -1)
    size, middle = high - low, (low + high) / 2
    middle, half = middle + shift * size, size * torch.exp(grow.clamp(-2.5, 2.5)) / 2
    return torch.cat([middle - half, middle + half], -1)


def matched(candidates: Tensor, boxes: Tensor, right: float, wrong: float, each: bool = False) -> Tensor:
    """Tell which of the boxes (m, 4) each candidate (n, 4) means: its number, -1 background, -2 neither.

    IoU of `right` or more is a match, below `wrong` is background. With `each` every box has at least the candidate
    that fits best.
    """
    if not len(boxes):
        return torch.full((len(candidates),), -1, device=candidates.device)
    alike = shared(candidates, boxes)
    best, owner = alike.max(1)
    found = torch.where(best >= right, owner, torch.where(best < wrong, -1, -2))
    if each:
        for number, one in enumerate(alike.argmax(0).tolist()):
            found[one] = number
    return found


def chosen(meant: Tensor, count: int, share: float) -> Tensor:
    """Choose at most `count` candidates at random, `share` of them with an object if there are so many."""
    objects, empty = (meant >= 0).nonzero()[:, 0], (meant == -1).nonzero()[:, 0]
    some = objects[torch.randperm(len(objects), device=meant.device)[: round(count * share)]]
    rest = empty[torch.randperm(len(empty), device=meant.device)[: count - len(some)]]
    return torch.cat([some, rest])


def cut_out(features: Tensor, boxes: Tensor, stride: float, out: int) -> Tensor:
    """Cut boxes (n, 4) out of a map (C, h, w), each as (C, out, out): RoIAlign, four points a bin, nothing rounded."""
    if not len(boxes):
        return features.new_zeros((0, len(features), out, out))
    points = (torch.arange(2 * out, device=boxes.device, dtype=torch.float32) + 0.5) / (2 * out)
    low, high = boxes.float().chunk(2, -1)
    at = low[:, None] + points[None, :, None] * (high - low)[:, None]  # (n, 2 out, 2) pixels along x and y
    side = torch.tensor(features.shape[1:], device=boxes.device) * stride
    at = 2 * at / side - 1
    n, steps = at.shape[:2]
    grid = torch.stack([at[:, None, :, 1].expand(n, steps, steps), at[:, :, None, 0].expand(n, steps, steps)], -1)
    flat = grid.reshape(1, n * steps, steps, 2).to(features.dtype)
    read = F.grid_sample(features[None], flat, mode="bilinear", padding_mode="border", align_corners=False)[0]
    parts = read.reshape(len(features), n, steps, steps).transpose(0, 1)
    return F.avg_pool2d(parts, 2)


@torch.no_grad()
def searched(image: Tensor, most: int, least: int = 4) -> Tensor:
    """Propose boxes (n, 4) for a picture (C, x, y) by selective search (Uijlings et al., 2013), at most `most`.

    The mean of the channels is searched; regions that came late in merging (the large ones) come first.
    """
    values = image.detach().float().mean(0).cpu().numpy().astype("float64")
    smallest = max(8, values.size // (4 * _MOST_REGIONS))
    tree = grown(values, first_regions(values, 60.0, 0.8, smallest))
    boxes = distinct(tree.regions, least)[::-1][:most]
    # of rows and columns: the picture's first axis is x
    found = [(y0, x0, y1, x1) for x0, y0, x1, y1 in boxes]
    return image.new_tensor(found).reshape(-1, 4).float()


class Backbone(nn.Module):
    """A small residual network: (N, channels, x, y) → (N, 8 width, x/16, y/16)."""

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        features = [width * 2, width * 4, width * 8]
        self.features = features[-1]
        self.stem = layer(channels, width, 2)  # (N, width, x/2, y/2)
        stages: list[nn.Module] = []
        before = width
        for after in features:
            stages += [layer(before, after, 2), *(Residual(after) for _ in range(depth))]
            before = after
        self.stages = nn.Sequential(*stages)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures into maps."""
        return self.stages(self.stem(x))  # type: ignore[no-any-return]


class Residual(nn.Module):
    """x + F(x), F two 3×3 convolutions."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(layer(features, features), layer(features, features))

    def forward(self, x: Tensor) -> Tensor:
        """Add what the branch makes of it."""
        return x + self.branch(x)  # type: ignore[no-any-return]


class RegionHead(nn.Module):
    """What is said of a region (n, C, out, out): a score a class, background first, and one correction of its box."""

    def __init__(self, features: int, classes: int, out: int, hidden: int) -> None:
        super().__init__()
        self.dense = nn.Sequential(
            nn.Flatten(), nn.Linear(features * out * out, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.scores, self.shifts = nn.Linear(hidden, classes + 1), nn.Linear(hidden, 4)
        for one in (self.scores, self.shifts):
            nn.init.normal_(one.weight, std=0.01)
            nn.init.zeros_(one.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Score the classes (logits) and tell how the box is to be moved."""
        hidden = self.dense(x)
        return self.scores(hidden).float(), self.shifts(hidden).float()


def layer(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """3×3 convolution, group normalisation, SiLU: batches of detection are small."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.GroupNorm(groups_of(after), after), nn.SiLU()
    )


def lost(
    scores: Tensor, shifts: Tensor, candidates: Tensor, meant: Tensor, boxes: Tensor, classes: Tensor
) -> tuple[Tensor, Tensor]:
    """Return cross-entropy of scores (n, classes + 1), and smooth L1 of shifts (n, 4) where there is an object."""
    there = meant >= 0
    kinds = torch.zeros_like(meant)
    if there.any():
        kinds[there] = classes[meant[there]] + 1
    of_class = F.cross_entropy(scores, kinds) if len(scores) else scores.sum()
    if not there.any():
        return of_class, shifts.sum() * 0.0
    goals = corrections(candidates[there], boxes[meant[there]])
    return of_class, F.smooth_l1_loss(shifts[there], goals, beta=1.0, reduction="sum") / max(1, len(scores))


def with_references(proposals: Tensor, boxes: Tensor, shape: Sequence[int]) -> Tensor:
    """Add the references to the proposals while training, so that there is something right to learn from at first."""
    return torch.cat([within(proposals, tuple(shape)), boxes.float()])
