"""What all detectors are: networks that find boxes; and the arithmetic of boxes that they share.

**The interface stands here and nowhere else.** A detector is an ``nn.Module`` with annotated keyword arguments, as any
network, that takes `channels`, `classes` (kinds of object, background not among them) and, where it knows volumes,
`dimensions`. An argument `anchor` (pixels) that no person set is given the side of the smaller boxes of the data. It
has the two methods of `Detector`; both may be asked in train and in eval mode, and go through ``self(image)``:

- ``losses(image, boxes, classes)`` → the terms that are made small by name; their sum is learnt, each is a curve.
- ``detect(image)`` → one `Found` a picture, the surest box first, at most `MOST` of them, those that mean the same
  object removed (`suppressed`).

Shapes: `image` (N, channels, x, y[, z]) float32; `boxes` (N, M, 4) x0 y0 x1 y1 or (N, M, 6) x0 y0 z0 x1 y1 z1 float32,
in pixels of the image, where pixel i reaches from i to i + 1; `classes` (N, M) int64, -1 where a row is only padding.
Sides of images are multiples of 32 (`medviz.data.boxes.STEP`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

MOST = 100
"""Boxes at most that a detector finds in one picture (COCO's number)."""
AGREE = 0.8
"""Boxes that share as much mean the same borders."""
LEAST = 0.01
"""Boxes less sure than this are never told: they cost time and say nothing."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in one picture, the surest first: boxes (n, 4 or 6), scores (n,) in 0..1, classes (n,) int64."""

    boxes: Tensor
    scores: Tensor
    classes: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, chosen: Tensor) -> "Found":
        """Return those of a mask or of indices."""
        return Found(self.boxes[chosen], self.scores[chosen], self.classes[chosen])


@runtime_checkable
class Detector(Protocol):
    """A network that finds boxes; see the head of this file for shapes."""

    def losses(self, image: Tensor, boxes: Tensor, classes: Tensor) -> Mapping[str, Tensor]:
        """Return the terms of the loss by name ("class", "box" ...), a number each."""
        ...

    def detect(self, image: Tensor) -> list[Found]:
        """Return what is found in each picture."""
        ...


def real(boxes: Tensor, classes: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield boxes (m, 4 or 6) and classes (m,) of each picture without the rows that are only padding."""
    for some, kinds in zip(boxes, classes, strict=True):
        there = kinds >= 0
        yield some[there], kinds[there]


def sizes(boxes: Tensor) -> Tensor:
    """Area or volume (...,) of boxes (..., 4 or 6); 0 where one ends before it begins."""
    low, high = boxes.chunk(2, -1)
    return (high - low).clamp_min(0).prod(-1)


def shared(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of each with each: (..., n, d) and (..., m, d) → (..., n, m)."""
    low, high = boxes[..., :, None, :].chunk(2, -1)
    other_low, other_high = others[..., None, :, :].chunk(2, -1)
    both = (torch.minimum(high, other_high) - torch.maximum(low, other_low)).clamp_min(0).prod(-1)
    union = sizes(boxes)[..., :, None] + sizes(others)[..., None, :] - both
    return both / union.clamp_min(1e-9)


def generalised(boxes: Tensor, others: Tensor) -> Tensor:
    """Generalised IoU (n,) of boxes (n, d) with their partners (n, d), -1..1.

    Rezatofighi et al., 2019: IoU less the share of the hull that neither covers, so that boxes far apart still learn
    which way to go.
    """
    (low, high), (other_low, other_high) = boxes.chunk(2, -1), others.chunk(2, -1)
    both = (torch.minimum(high, other_high) - torch.maximum(low, other_low)).clamp_min(0).prod(-1)
    hull = (torch.maximum(high, other_high) - torch.minimum(low, other_low)).clamp_min(0).prod(-1).clamp_min(1e-9)
    union = (sizes(boxes) + sizes(others) - both).clamp_min(1e-9)
    return both / union - (hull - union) / hull


def suppressed(found: Found, overlap: float, most: int = MOST) -> Found:
    """Remove boxes that share more than `overlap` with a surer one of their class; return at most `most`, surest first.

    Greedy non-maximum suppression. Of equal scores the first wins.
    """
    order = found.scores.argsort(descending=True, stable=True)
    ordered = found.only(order)
    rivals = shared(ordered.boxes, ordered.boxes) > overlap
    rivals = (rivals & (ordered.classes[:, None] == ordered.classes[None])).triu(1)
    kept = [True] * len(ordered)
    for index, row in enumerate(rivals.cpu().numpy()):  # whether a box removes others hangs on those before it
        if kept[index]:
            for other in row.nonzero()[0]:
                kept[other] = False
    chosen = torch.tensor(kept, dtype=torch.bool, device=found.scores.device).nonzero()[:most, 0]
    return ordered.only(chosen)


def surest(scores: Tensor, boxes: Tensor, overlap: float) -> Found:
    """Choose what to tell of many candidates: scores (n, classes) in 0..1 and boxes (n, 4 or 6), see `suppressed`.

    A candidate may be told as two classes; at most 4 `MOST` are compared with each other.
    """
    flat = scores.flatten()
    best = flat.topk(min(4 * MOST, len(flat)))
    chosen = best.indices[best.values >= LEAST]
    rows = torch.div(chosen, scores.shape[1], rounding_mode="floor")
    candidates = Found(boxes[rows], flat[chosen], chosen % scores.shape[1])
    return voted(suppressed(candidates, overlap), candidates)


def voted(kept: Found, candidates: Found) -> Found:
    """Let candidates of a class that nearly agree with a box that was kept settle its borders, each by its score.

    Box voting (Gidaris and Komodakis, 2015): several cells see an object, and their mean errs less than the surest.
    """
    same = kept.classes[:, None] == candidates.classes[None]
    agree = (shared(kept.boxes, candidates.boxes) >= AGREE) & same
    weights = agree * candidates.scores[None]
    total = weights.sum(1, keepdim=True)  # 0 where a box has no extent: it does not even share with itself
    middle = weights @ candidates.boxes / total.clamp_min(1e-9)
    return Found(torch.where(total > 0, middle, kept.boxes), kept.scores, kept.classes)


def within(boxes: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Cut boxes (..., 4 or 6) at the borders of a picture of this shape (x, y[, z])."""
    limit = torch.tensor(shape, dtype=boxes.dtype, device=boxes.device)
    return torch.cat([torch.minimum(one.clamp_min(0), limit) for one in boxes.chunk(2, -1)], -1)
