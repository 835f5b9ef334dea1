"""R-CNN: cut out each proposal, run a network over it, ask a support vector machine what it is (deck D2)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from medviz.figures import Bars, Figure, Gallery, Mark, Picture, Text
from medviz.imaging.merging import distinct, first_regions, grown
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades, spots
from medviz.labs.formulas import factor, number
from medviz.labs.lab import Example, Lab
from medviz.labs.looked_into import Drawn
from medviz.labs.overlaps import box_dragged, iou, rounds
from medviz.messages import Work
from medviz.networks.lenet import LeNet
from medviz.parameters import Group, Input, Matrix, Range, Size, Step
from medviz.refused import Refused

Array = NDArray[Any]
SIDE = 32
"""Every crop is warped to so many pixels a side, whatever its shape (the paper: 227)."""
MOST_PIXELS, MOST = 1 << 18, 600
_PROPOSED: "WeakKeyDictionary[Slice, Array]" = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Machine:
    """A linear support vector machine: the sign of weights·x + bias."""

    weights: Array
    bias: float

    def score(self, features: Array) -> Array:
        """Score rows of features (n, d); positive says object."""
        made: Array = features @ self.weights + self.bias
        return made


def machine(features: Array, signs: Array, penalty: float, steps: int = 300) -> Machine:
    """Teach on penalty/2·‖w‖² + mean of squared hinge losses max(0, 1 − t·score)², objects and others weighed alike.

    `signs` (n,) are +1 and −1. Nesterov's descent on a convex function: no chance in it.
    """
    flat = np.column_stack([features, np.ones(len(features))])
    weigh = np.where(signs > 0, 0.5 / max(1, (signs > 0).sum()), 0.5 / max(1, (signs < 0).sum()))
    shrink = np.append(np.full(features.shape[1], penalty), 0.0)
    rate = 1.0 / (2 * float(np.linalg.norm(flat * np.sqrt(weigh)[:, None], 2)) ** 2 + penalty)
    now = ahead = np.zeros(flat.shape[1])
    for step in range(steps):
        lack = np.maximum(0.0, 1 - signs * (flat @ ahead))
        following = ahead - rate * (shrink * ahead - flat.T @ (2 * weigh * signs * lack))
        now, ahead = following, following + step / (step + 3) * (following - now)
    return Machine(now[:-1], float(now[-1]))


def warped(values: Array, boxes: Array) -> Array:
    """Cut boxes (n, 4) out of a slice and warp each to SIDE × SIDE, between pixels, (n, SIDE, SIDE) float32."""
    rows, cols = values.shape
    share = (np.arange(SIDE) + 0.5) / SIDE
    x = boxes[:, 0, None] + share * (boxes[:, 2] - boxes[:, 0])[:, None]
    y = boxes[:, 1, None] + share * (boxes[:, 3] - boxes[:, 1])[:, None]
    x, y = x / cols * 2 - 1, y / rows * 2 - 1
    place = np.stack([np.broadcast_to(x[:, None], (len(boxes), SIDE, SIDE)),
                      np.broadcast_to(y[:, :, None], (len(boxes), SIDE, SIDE))], axis=-1)  # fmt: skip
    image = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None].expand(len(boxes), -1, -1, -1)
    grid = torch.from_numpy(np.ascontiguousarray(place, np.float32))
    made: Array = F.grid_sample(image, grid, align_corners=False, padding_mode="border")[:, 0].numpy()
    return made


@lru_cache(maxsize=4)
def _network(seed: int) -> LeNet:
    with Drawn(seed):
        return LeNet().eval()


def maps(crops: Array, seed: int) -> Array:
    """Last feature maps of an untrained LeNet, (n, 16, 5, 5); random filters already tell textures apart."""
    with torch.no_grad():
        made: Array = _network(seed).features(torch.from_numpy(crops)[:, None]).numpy()
    return made


@lru_cache(maxsize=1)
def seconds_a_crop() -> float:
    """Measure once how long one crop takes by itself, as R-CNN runs them, on this machine."""
    one = np.zeros((1, SIDE, SIDE), np.float32)
    maps(one, 0)
    began_s = time.perf_counter()
    for _ in range(10):
        maps(one, 0)
    return (time.perf_counter() - began_s) / 10


def proposals(image: Slice, values: Array) -> Array:
    """Boxes (n, 4) of a selective search, those that are too small or nearly all of the slice left out."""
    known = _PROPOSED.get(image)
    if known is not None:
        return known
    tree = grown(values, first_regions(values, 6.0, 0.8, max(8, values.size // 2000)))
    boxes = np.array(list(distinct(tree.regions, 4)), float).reshape(-1, 4)
    large = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) > 0.7 * values.size
    _PROPOSED[image] = boxes[~large][:MOST]
    return _PROPOSED[image]


@dataclass(frozen=True)
class Rcnn(Lab):
    """Regions with CNN features, in four panes: proposals, crop, features, support vector machine."""

    TITLE: ClassVar[str] = "R-CNN"
    ARRANGE: ClassVar[str] = "image crop / features scores / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Kidneys: the four steps", "DET-2", "D2", {}, {"crop.shape": (32, 32), "features.shape": (16, 5, 5),
                "story": "2,000 crops", "formula": "> 0: object"},
                text="Proposal, crop warped to 32 × 32, features, machine. Play: the next best box goes through."),
        Example("A box that holds nothing", "DET-2", "D2", {"at": 150}, {"formula": "< 0: background"},
                text="Most proposals are background."),
        Example("One kidney is taught, is the other found?", "DET-2", "D2",
                {"truth": ((82.0, 50.0, 104.0, 76.0),)}, {"story": "suppression 1 box is left"},
                text="No: one box and its neighbours are too little to learn what a kidney is."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Where objects are looked for"] = ABDOMEN
    truth: Annotated[
        Matrix, Size(6, 4), Group("Teaching"), "Objects: x0 y0 x1 y1 in pixels; drag them; all 0: the clearest spots"
    ] = ((24.0, 50.0, 46.0, 74.0), (82.0, 50.0, 104.0, 76.0))  # fmt: skip
    positive: Annotated[float, Range(0.3, 0.9, 0.05), Group("Teaching"), "A proposal that shares this is an object"] = (
        0.5
    )
    penalty: Annotated[float, Range(1e-4, 10.0, log=True), Group("Teaching"), "Of ‖w‖²/2: keeps weights small"] = 0.01
    seed: Annotated[int, Range(0, 999), Group("Teaching", advanced=True), "Draws the network's weights"] = 0
    threshold: Annotated[
        float, Range(0.0, 1.0, 0.05), Group("Boxes"), "A box goes where it shares more with a better one"
    ] = 0.3  # fmt: skip
    at: Annotated[int, Step(), Range(0, MOST), Group("Boxes"), "The proposal in focus, the best score first"] = 0

    def show(self) -> Work[None]:
        """Yield the slice with proposals, the crop in focus, its features, and the scores."""
        yield from self._figures()

    def steps(self) -> int:
        """One step a proposal."""
        return len(proposals(self.image, self._accepted()))

    def dragged(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> Self:
        """Drag an object on the slice."""
        shape = self.image.pixels.shape[0], self.image.pixels.shape[1]
        made = box_dragged(self._truth(), start, here, shape) if figure == "image" else None
        if made is None or start == here:
            return self
        return replace(self, truth=tuple(map(tuple, made.tolist())))

    def _accepted(self) -> Array:
        values = grey(self.image, 12)
        if values.size > MOST_PIXELS:
            size = "×".join(map(str, values.shape))
            raise Refused(self.image.name or "image", f"{size} px take too long to merge", "choose a region of it")
        if float(values.std()) < 1e-9:
            raise Refused(self.image.name or "image", "it is the same everywhere", "choose a slice with contrast")
        return values

    def _figures(self) -> Iterator[Figure]:
        values, truth = self._accepted(), self._truth()
        boxes = proposals(self.image, values)
        if not len(boxes) or not len(truth):
            raise Refused(self.image.name or "image", "nothing in it stands out", "choose a slice with contrast")
        scaled = (values - values.mean()) / values.std()
        crops = warped(scaled, np.concatenate([boxes, truth]))
        features = maps(crops, self.seed)
        rows = _standard(features.reshape(len(features), -1))
        made = machine(*self._lessons(rows, boxes, truth), self.penalty)
        scores = made.score(rows[: len(boxes)])
        order = np.argsort(-scores, kind="stable")
        at = int(order[min(self.at, len(order) - 1)])
        good = order[scores[order] > 0]
        left = [int(good[one.kept]) for one in rounds(boxes[good], scores[good], self.threshold)]
        yield self._picture(values, boxes, truth, at, left)
        x0, y0, x1, y1 = boxes[at]
        yield Picture(
            "crop", crops[at], f"2 crop: {x1 - x0:g} × {y1 - y0:g} px warped to {SIDE} × {SIDE}", unit="spreads"
        )
        yield Gallery("features", features[at], "3 features: 16 maps of 5 × 5", (), "diverging", columns=8)
        yield self._scores(scores, order, at)
        yield Text(
            "formula", self._formula(made, rows[at], float(scores[at])), "4 support vector machine", formula=True
        )
        yield Text("story", self._story(boxes, left, seconds_a_crop()), "")

    def _lessons(self, rows: Array, boxes: Array, truth: Array) -> tuple[Array, Array]:
        """Return features and signs: the truths and what shares enough with one are objects, far ones are not."""
        best = iou(boxes, truth).max(axis=1)
        objects, others = best >= self.positive, best < 0.3
        lessons = np.concatenate([rows[: len(boxes)][objects], rows[len(boxes) :], rows[: len(boxes)][others]])
        signs = np.concatenate([np.ones(int(objects.sum()) + len(truth)), -np.ones(int(others.sum()))])
        return lessons, signs

    def _truth(self) -> Array:
        table = np.asarray(self.truth, float)
        rows, cols = self.image.pixels.shape[:2]
        if table.shape[1] != 4:
            raise Refused("truth", f"a row holds {table.shape[1]} numbers", "give x0 y0 x1 y1")
        if not table.any() or (table[:, 0] >= cols).any() or (table[:, 1] >= rows).any():  # boxes of another slice
            return np.asarray(spots(self._accepted(), 2), float).reshape(-1, 4)
        if (table[:, 2:] <= table[:, :2]).any():
            raise Refused("truth", "a box ends before it begins", "give the lower corner first")
        return table

    def _picture(self, values: Array, boxes: Array, truth: Array, at: int, left: list[int]) -> Picture:
        def mark(box: Array, style: str, text: str = "") -> Mark:
            return Mark(box[1], box[0], box[3] - box[1], box[2] - box[0], style, text)

        marks = [mark(box, "box") for box in boxes[:120]]
        marks += [mark(box, "source", "taught") for box in truth] + [
            mark(boxes[k], "target", "found") for k in left[:8]
        ]
        return Picture("image", values, f"1 slice: {len(boxes)} proposals; drag what is taught", self.image.mm,
                       shades(values), unit=self.image.unit, letters=self.image.letters,
                       marks=(*marks, mark(boxes[at], "focus")), drags=True, weight=2.0)  # fmt: skip

    def _scores(self, scores: Array, order: Array, at: int) -> Bars:
        some = list(dict.fromkeys([*order[:6].tolist(), at, *order[-2:].tolist()]))
        names = tuple(f"{k}{' ◂' if k == at else ''}" for k in some)
        return Bars("scores", names, scores[some], "4 scores, best and worst; above 0: object")

    def _formula(self, made: Machine, row: Array, score: float) -> str:
        terms = row * made.weights
        first = np.argsort(-np.abs(terms))[:4]
        said = " + ".join(f"{factor(round(row[k], 3))}·{factor(round(made.weights[k], 3))}" for k in first)
        verdict = "> 0: object" if score > 0 else "< 0: background"
        return (
            f"w·f + b = {said} + … {len(row) - 4} more + {factor(round(made.bias, 3))} = {number(score, 4)} {verdict}"
        )

    def _story(self, boxes: Array, left: list[int], one_s: float) -> str:
        each = one_s * 1000
        plural = "box is" if len(left) == 1 else "boxes are"
        return (
            f"{len(boxes)} proposals, each with a run of the network of its own: {each:.2f} ms here, "
            f"{2000 * one_s:.1f} s for 2,000 crops; with the large network of the paper nearly a minute. After "
            f"suppression {len(left)} {plural} left. The filters are drawn by chance, "
            "the machine is taught on this slice alone."
        )


def _standard(rows: Array) -> Array:
    """Scale every feature to mean 0 and spread 1 over all crops."""
    spread = rows.std(axis=0)
    made: Array = (rows - rows.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    return made.astype(float)
