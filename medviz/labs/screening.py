"""Screening: three models in a row, as in mammography: where, how far, and what; and a gate of attention (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from monai.networks.nets import AttentionUnet
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit

from medviz.figures import Bars, Figure, Gallery, Mark, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades, spots
from medviz.labs.formulas import factor, number
from medviz.labs.lab import Example, Lab
from medviz.labs.looked_into import Drawn, fitted
from medviz.messages import Progress, Work
from medviz.parameters import Group, Input, Range, Step
from medviz.probe.trace import recording
from medviz.refused import Refused

Array = NDArray[Any]
SIDE, TAUGHT = 64, 30
STAGES = ("1 detector: where", "2 localiser: how far", "3 classifier: what")
PROPERTIES = ("roundness", "unevenness", "contrast")
_LAST: "WeakKeyDictionary[Slice, tuple[object, dict[str, Array]]]" = WeakKeyDictionary()


def grown(values: Array, box: tuple[float, float, float, float], share: float) -> Array:
    """Tell the pixels (rows, cols) of the spot in a box: joined to its middle and alike.

    `share` says how near to the middle's value, 0 (all up to what is around) to 1 (only what is as the middle).
    """
    x0, y0, x1, y1 = (int(one) for one in box)
    row, col = (y0 + y1) // 2, (x0 + x1) // 2
    window = np.zeros(values.shape, bool)
    wide, high = (x1 - x0) // 2 + 2, (y1 - y0) // 2 + 2
    window[max(0, y0 - high) : y1 + high, max(0, x0 - wide) : x1 + wide] = True
    middle = float(np.median(values[max(0, row - 1) : row + 2, max(0, col - 1) : col + 2]))
    ring = window.copy()
    ring[y0:y1, x0:x1] = False
    around = float(np.median(values[ring])) if ring.any() else float(values.min())
    limit = around + share * (middle - around)
    alike = (values >= limit) if middle >= around else (values <= limit)
    labels, _ = ndimage.label(alike & window)
    own: Array = labels == labels[row, col] if labels[row, col] else np.zeros(values.shape, bool)
    own[row, col] = True
    return own


def properties(values: Array, mask: Array) -> Array:
    """Describe a spot: roundness (1: a disc), unevenness of its border (0: smooth) and contrast in spreads."""
    area = float(mask.sum())
    padded = np.pad(mask, 1)
    edges = sum(np.count_nonzero(np.diff(padded.astype(np.int8), axis=axis)) for axis in (0, 1)) * np.pi / 4
    roundness = min(1.0, 4 * np.pi * area / max(edges, 1.0) ** 2)
    rows, cols = np.nonzero(mask)
    rim = mask & ~ndimage.binary_erosion(mask)
    y, x = np.nonzero(rim)
    far = np.hypot(y - rows.mean(), x - cols.mean())
    uneven = float(far.std() / max(far.mean(), 1e-9))
    outside = ndimage.binary_dilation(mask, iterations=3) & ~mask
    apart = abs(float(values[mask].mean()) - float(values[outside].mean() if outside.any() else values.mean()))
    return np.array([roundness, uneven, apart / (float(values.std()) or 1.0)])


@lru_cache(maxsize=1)
def classifier() -> Array:
    """Weights (4,), the bias last, of a neuron taught on drawn masses: round and smooth 0, star-shaped 1."""
    chance = np.random.default_rng(4)
    row, col = np.indices((40, 40)) - 19.5
    rows, targets = [], np.arange(160) % 2
    for target in targets:
        turn, size = np.arctan2(row, col), chance.uniform(5, 10)
        spikes = (0.35 if target else 0.05) * size * np.sin(int(chance.integers(5, 10)) * turn + chance.uniform(0, 6))
        mask = np.hypot(row * chance.uniform(0.8, 1.2), col) < size + spikes
        rows.append(properties(mask + 0.2 * chance.normal(size=mask.shape), mask))
    flat = np.column_stack([np.array(rows), np.ones(len(rows))])
    weights = np.zeros(flat.shape[1])
    for _ in range(4000):
        weights -= 0.3 * (flat.T @ (expit(flat @ weights) - targets) / len(flat) + 0.003 * np.append(weights[:-1], 0))
    return weights


def gates(picture: Array, truth: Array, seed: int) -> dict[str, Array]:
    """Teach MONAI's AttentionUnet to mark the spots of one picture; its gates ψ by layer name, and its chances "".

    A gate is a number from 0 to 1 for each place of a skip: what is multiplied with it is let through or held back.
    """
    with Drawn(seed):
        network = AttentionUnet(2, 1, 1, channels=(8, 16, 32), strides=(2, 2))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    x, t = torch.from_numpy(picture).float()[None, None], torch.from_numpy(truth).float()[None, None]
    weight = torch.tensor(max(1.0, float((1 - truth).sum() / max(1.0, truth.sum()))))
    network.train()
    for _ in range(TAUGHT):
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(network(x), t, pos_weight=weight).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    names = [name for name, _ in network.named_modules() if name.endswith("attention.psi")]
    with recording(network, names) as trace, torch.no_grad():
        answer = network(x).sigmoid()[0, 0].numpy()
    return {**{name: one[0, 0] for name, one in trace.items()}, "": answer}


@dataclass(frozen=True)
class Screening(Lab):
    """Detector, localiser and classifier as layers of one slice, and the gates of an attention U-Net on it."""

    TITLE: ClassVar[str] = "Screening"
    ARRANGE: ClassVar[str] = "image:2 (crop / chances) / gates table / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Three models in a row", "NET-9", "D2", {"stage": 2},
                {"formula": "p = σ(", "story": "what the detector misses nobody sees"},
                text="Play: the detector's boxes, the localiser's masks, the classifier's chances."),
        Example("Only the detector", "NET-9", "D2", {"stage": 0, "count": 6}, {"story": "6 spots"},
                text="Each model works on what the one before it gave: errors add up."),
        Example("AUNet: gates of attention", "NET-9", "D2", {"seed": 1}, {"story": "attention.psi"},
                text="Each skip is multiplied with its gate ψ: what the task does not need is held back."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What is screened"] = ABDOMEN
    count: Annotated[int, Range(1, 8), Group("Detector"), "Spots at most"] = 4
    share: Annotated[float, Range(0.1, 0.9, 0.05), Group("Localiser"), "How alike the middle a pixel must be"] = 0.5
    threshold: Annotated[float, Range(0.0, 1.0, 0.05), Group("Classifier"), "From this chance on: suspicious"] = 0.5
    seed: Annotated[int, Range(0, 9), Group("Gates", advanced=True), "Draws the first weights of the AUNet"] = 0
    stage: Annotated[int, Step(), Range(0, 2), Group("Detector", advanced=True), "Models that have run"] = 2
    one: Annotated[int, Range(0, 7), Group("Classifier"), "The spot in focus, from 0"] = 0

    def show(self) -> Work[None]:
        """Yield the slice with what the models said so far, the gates, and the chances."""
        yield Progress(0, 0, "teaching the attention U-Net")
        yield from self._figures()

    def steps(self) -> int:
        """One step a model."""
        return len(STAGES)

    def _figures(self) -> Iterator[Figure]:
        values = grey(self.image, 16)
        boxes = spots(values, self.count)
        if not boxes:
            raise Refused(self.image.name or "image", "nothing stands out in it", "choose a slice with contrast")
        clipped = np.clip(values, *shades(values))
        masks = [grown(clipped, box, self.share) for box in boxes]
        facts = np.array([properties(clipped, mask) for mask in masks])
        weights = classifier()
        chances = expit(np.column_stack([facts, np.ones(len(facts))]) @ weights)
        at = min(self.one, len(boxes) - 1)
        stage = min(self.stage, len(STAGES) - 1)
        yield self._picture(values, boxes, masks, chances, at, stage)
        x0, y0, x1, y1 = (int(v) for v in boxes[at])
        margin = max(2, (x1 - x0) // 3)
        rows, cols = slice(max(0, y0 - margin), y1 + margin), slice(max(0, x0 - margin), x1 + margin)
        yield Picture("crop", values[rows, cols], f"spot {at}", self.image.mm, unit=self.image.unit,
                      labels=masks[at][rows, cols].astype(np.uint8) if stage else None)  # fmt: skip
        psi = self._gates(clipped, np.any(masks, axis=0))
        names = [name for name in psi if name]
        tiles = np.stack([_enlarged(psi[name]) for name in [*names, ""]])
        titles = (*(f"ψ {'×'.join(map(str, psi[name].shape))}" for name in names), "answer")
        yield Gallery("gates", tiles, "AUNet: gates and answer, 0 to 1", titles, "viridis", (0.0, 1.0), columns=3)
        yield Bars("chances", tuple(f"{k}{' ◂' if k == at else ''}" for k in range(len(boxes))), 100 * chances,
                   "chance of a star-shaped mass", "%")  # fmt: skip
        yield self._table(facts, chances, masks)
        x = facts[at]
        terms = " + ".join(f"{factor(w)}·{factor(v)}" for w, v in zip(weights[:-1], x, strict=True))
        yield Text("formula", f"p = σ({terms} + {factor(weights[-1])}) = {number(chances[at])}", f"spot {at}",
                   formula=True)  # fmt: skip
        yield Text("story", self._story(len(boxes), chances, names), "")

    def _picture(
        self, values: Array, boxes: tuple[Any, ...], masks: list[Array], chances: Array, at: int, stage: int
    ) -> Picture:
        kinds = np.zeros(values.shape, np.uint8)
        for mask, chance in zip(masks, chances, strict=True):
            kinds[mask] = 1 if stage < 2 or chance < self.threshold else 6
        words = ("spot",) if stage < 2 else ("round", "", "", "", "", "suspicious")
        marks = []
        for k, (x0, y0, x1, y1) in enumerate(boxes):
            text = f"{100 * chances[k]:.0f} %" if stage == 2 else str(k)
            marks.append(Mark(y0, x0, y1 - y0, x1 - x0, "focus" if k == at else "source", text))
        return Picture("image", values, STAGES[stage], self.image.mm, shades(values), unit=self.image.unit,
                       labels=kinds if stage else None, label_names=words if stage == 1 else (),
                       letters=self.image.letters, marks=tuple(marks), weight=2.0)  # fmt: skip

    def _gates(self, clipped: Array, truth: Array) -> dict[str, Array]:
        key = self.count, self.share, self.seed
        known = _LAST.get(self.image)
        if known is None or known[0] != key:
            x, _, _ = fitted(Slice(clipped), (1, SIDE, SIDE))
            goal, _, _ = fitted(Slice(truth.astype(float)), (1, SIDE, SIDE))
            known = key, gates(x[0], (goal[0] > 0).astype(float), self.seed)
            _LAST[self.image] = known
        return known[1]

    def _table(self, facts: Array, chances: Array, masks: list[Array]) -> Table:
        mm = self.image.mm
        rows: list[tuple[str | float | None, ...]] = []
        for k, (row, chance, mask) in enumerate(zip(facts, chances, masks, strict=True)):
            area = None if mm is None else round(float(mask.sum()) * mm[0] * mm[1], 1)
            rows.append((k, *(round(float(v), 3) for v in row), int(mask.sum()), area, round(float(chance), 3)))
        columns = ("spot", *PROPERTIES, "area", "area", "chance")
        return Table("table", columns, tuple(rows), "what each model hands on", ("", "", "", "spreads", "px", "mm²"))

    def _story(self, count: int, chances: Array, names: list[str]) -> str:
        many = int(np.count_nonzero(chances >= self.threshold))
        return (
            f"{count} spots, {many} of them suspicious; what the detector misses nobody sees, for each model works on "
            f"what the one before it found. The classifier was taught on drawn masses, round against star-shaped. The "
            f"attention U-Net (MONAI's, taught here on this slice) has {len(names)} gates, layers that end in "
            f"attention.psi: what a skip brings is multiplied with them. Not for diagnosis."
        )


def _enlarged(values: Array) -> Array:
    rows, cols = ((np.arange(SIDE) * side // SIDE) for side in values.shape)
    made: Array = values[np.ix_(rows, cols)]
    return made
