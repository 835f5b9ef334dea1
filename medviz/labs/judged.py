"""A prediction and what is true, pixel by pixel: drawn, of the shipped network, or the viewer's own layers."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from medviz.data import DATASETS
from medviz.imaging.slices import Slice
from medviz.labs.blocks import volume_of
from medviz.refused import Refused
from medviz.training.using.formats import load

Array = NDArray[Any]
MODEL = "mni152_tissue"
TISSUES = ("grey matter", "white matter", "CSF")


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores (rows, cols) in 0..1 and what is true (rows, cols), on a slice; `words` say where both come from."""

    image: Slice
    truth: Array
    scores: Array
    words: str


def drawn(image: Slice, blur: float, noise: float, seed: int) -> Judged:
    """Take the bright part of a slice as true, and a blurred, noisy view of it as the prediction."""
    truth = bright(image)
    soft = ndimage.gaussian_filter(truth.astype(float), blur)
    guess = np.random.default_rng(seed).normal(size=truth.shape) * noise
    return Judged(image, truth, np.clip(soft + guess, 0.0, 1.0), "truth: the bright part; prediction: a blurred view")


def bright(image: Slice) -> Array:
    """Tell which pixels are brighter than Otsu's threshold; refuses a slice without contrast."""
    values = np.asarray(image.values, float)
    if values.ndim != 2 or not np.isfinite(values).all() or values.min() == values.max():
        raise Refused(image.name or "image", "there is no bright part in it", "choose a grey slice with contrast")
    made: Array = values > threshold_otsu(values)
    return made


@lru_cache(maxsize=1)
def _held_out() -> Any:
    return DATASETS["mni152"]().validation(2)


@lru_cache(maxsize=8)
def held_out(number: int, tissue: int) -> Judged:
    """What the shipped network makes of a held-out slice of the MNI152; true is the template's own map."""
    samples = _held_out()
    sample = samples[min(number, len(samples) - 1)]
    made = load(MODEL)
    with torch.inference_mode():
        shares = made.network(torch.as_tensor(sample["image"])[None])[0].softmax(0)
    truth = _facing(np.asarray(sample["label"]) == tissue)
    name = f"MNI152, {sample['name']}"
    image = Slice(_facing(np.asarray(sample["image"][0])), (1.0, 1.0), ("R", "L", "A", "P"), name=name, unit="spreads")
    scores = _facing(shares[tissue].numpy()).astype(float)
    return Judged(image, truth, scores, f"truth: {TISSUES[tissue - 1]} of the template; prediction: {MODEL}, {name}")


def of_model(image: Slice, tissue: int) -> Array:
    """Chance (rows, cols) of a tissue that the shipped network gives to each pixel of an axial slice of a T1."""
    if image.pixels.ndim != 2 or min(image.pixels.shape) < 16:
        raise Refused(image.name or "image", "it is too small for the network", "choose a slice of at least 16 px")
    left, _, top, _ = image.letters
    turned = (slice(None, None, -1 if top.startswith("A") else 1), slice(None, None, -1 if left.startswith("R") else 1))
    high, wide = image.mm or (1.0, 1.0)
    voxels = np.nan_to_num(np.asarray(image.values, float))[turned].T[:, :, None]
    scan = volume_of(voxels, (wide, high, 1.0), image.name)
    made = load(MODEL)
    prepared = made.preparation.prepared(scan)
    with torch.inference_mode():
        shares = made.network(torch.from_numpy(np.ascontiguousarray(prepared[..., 0]))[None])[0].softmax(0)
    share = made.preparation.back(shares[tissue].numpy()[..., None], scan)[..., 0]
    chance: Array = np.clip(np.asarray(share, float).T[turned], 0.0, 1.0)
    return chance


def of_layers(image: Slice, labels: Slice | None, chances: Slice | None, label: int) -> Judged:
    """Hold the viewer's prediction against the viewer's labels; refuses where either is not there."""
    truth, said = of_labels(image, labels, label), chances
    if said is None:
        fault = "there is no prediction on this slice"
        raise Refused("the viewer", fault, "run a model or open a probability map in the viewer")
    scores = np.asarray(said.values, float)
    if scores.shape != truth.shape:
        raise Refused(said.name or "the prediction", "it is not as large as the slice", "choose the slice again")
    if not np.isfinite(scores).all() or scores.min() < 0:
        raise Refused(said.name or "the prediction", "it holds no chances", "choose a map of 0 to 1 or labels")
    if scores.max() > 1:  # labels: 1 for the label that is asked for
        scores = (scores == label if label else scores > 0).astype(float)
    return Judged(image, truth, scores, f"truth: {labels.name if labels else ''}; prediction: {said.name}")


def of_labels(image: Slice, labels: Slice | None, label: int) -> Array:
    """Tell which pixels the viewer's labels give to a label (0: to any)."""
    if labels is None:
        raise Refused("the viewer", "there are no labels on this slice", "open or paint some in the viewer")
    values = np.asarray(labels.values)
    if values.shape != np.shape(image.pixels):
        raise Refused(labels.name or "the labels", "they are not as large as the slice", "choose the slice again")
    truth: Array = values == label if label else values > 0
    return truth


def _facing(values: Array) -> Array:
    """Turn (x, y) of RAS to the screen: patient's right on the left, front up."""
    return np.ascontiguousarray(values.T[::-1, ::-1])


@dataclass(frozen=True)
class Gap:
    """How far two outlines are apart: HD95 and HD, in mm or pixels, and where HD is (row, col) from and to."""

    hd95: float
    hd: float
    start: tuple[int, int]
    end: tuple[int, int]


def outline(mask: Array) -> Array:
    """Tell which pixels of a mask touch, side by side, one that is not of it; the edge of the slice is outside."""
    made: Array = mask & ~ndimage.binary_erosion(mask, border_value=0)
    return made


def gap(said: Array, truth: Array, mm: tuple[float, float]) -> Gap | None:
    """Distances of the outlines of two masks, None where one is empty.

    HD95 is the larger of the two 95th percentiles (Maier-Hein et al., 2024), HD the largest distance of all.
    """
    rims = outline(said), outline(truth)
    if not (rims[0].any() and rims[1].any()):
        return None
    found: list[tuple[float, float, tuple[int, int], tuple[int, int]]] = []
    for one, other in (rims, rims[::-1]):
        distances, nearest = ndimage.distance_transform_edt(~other, sampling=mm, return_indices=True)
        rows, cols = np.nonzero(one)
        away = distances[rows, cols]
        worst = int(away.argmax())
        start = int(rows[worst]), int(cols[worst])
        end = int(nearest[0][start]), int(nearest[1][start])
        found.append((float(np.percentile(away, 95)), float(away[worst]), start, end))
    _, hd, start, end = max(found, key=lambda one: one[1])
    return Gap(max(found[0][0], found[1][0]), hd, start, end)
