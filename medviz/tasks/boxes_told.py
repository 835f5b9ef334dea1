"""Boxes over the pictures they were found in: outlines as labels, scores as probabilities, for the viewer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medviz.data.whole import volume_of
from medviz.imaging.labels import named
from medviz.imaging.story import ProbeCase, Snapshot
from medviz.imaging.volume import Volume
from medviz.messages import Work
from medviz.networks.detector import Found, real
from medviz.tasks.boxes_drawn import SHOWN, lit
from medviz.tasks.finding import pictured
from medviz.training.task import Sample
from medviz.training.tellers import coarsened

Array = NDArray[Any]
MOST = 3
"""So many pictures are followed through a training."""


class BoxTeller:
    """Follows pictures: the outlines of the boxes found as labels, and how sure the surest box over a pixel is."""

    kind = "labels"

    def __init__(self, samples: Sequence[Sample], classes: Sequence[str]) -> None:
        self.samples, self.classes = samples[:MOST], tuple(classes)
        self.cases = tuple({"number": number} for number in range(len(self.samples)))

    def case(self, place: int) -> ProbeCase:
        """Return the picture (or volume) and the outlines of its references."""
        sample = self.samples[place]
        return ProbeCase(place, picture_of(sample, f"picture {place + 1}"), references_of(sample, self.classes))

    def snapshot(self, network: nn.Module, place: int, device: torch.device) -> Work[Snapshot]:
        """Find boxes in the picture in a place; its measure is the mean IoU of its references with the best box."""
        yield from ()
        sample, scan = self.samples[place], self.case(place).scan
        found = found_in(network, sample, device)
        boxes, kinds = next(real(sample["boxes"][None], sample["classes"][None]))
        shares = covering(found, scan.shape, len(self.classes))
        kept, grid = coarsened(shares, scan.affine)
        told = pictured(found, boxes, kinds, len(self.classes))
        measures = {"IoU": float(told.shares.mean())} if len(told.shares) else {}
        return Snapshot({"labels": outlined(found, scan.shape), "shares": kept, "grid": grid}, measures)


def found_in(network: Any, sample: Mapping[str, Any], device: torch.device) -> Found:
    """Find boxes in one sample; what was found lies in the processor's memory."""
    with torch.inference_mode():
        found: Found = network.detect(sample["image"][None].to(device))[0]
    return Found(found.boxes.float().cpu(), found.scores.float().cpu(), found.classes.cpu())


def picture_of(sample: Mapping[str, Any], name: str) -> Volume:
    """Take the picture of a sample, without its filling, for a scan that faces the screen as its file does."""
    image = np.asarray(sample["image"], np.float32)[(slice(None), *[slice(0, int(side)) for side in sample["size"]])]
    light = np.rint(lit(image)).astype(np.uint8)
    voxels = light[..., np.newaxis] if image.ndim == 3 else light
    scan = volume_of(voxels if len(voxels) in (1, 3) else voxels[:1], None, name)
    return replace(scan, kind="colour") if len(scan.voxels) == 3 else scan


def references_of(sample: Mapping[str, Any], classes: Sequence[str]) -> Volume:
    """Outline the references of a sample as a label map over its picture."""
    boxes, kinds = next(real(sample["boxes"][None], sample["classes"][None]))
    scan = picture_of(sample, "")
    return labelled(Found(boxes, torch.ones(len(boxes)), kinds), scan, classes, "reference")


def labelled(found: Found, scan: Volume, classes: Sequence[str], name: str) -> Volume:
    """Outline boxes as a label map on the grid of a scan."""
    labels = volume_of(outlined(found, scan.shape)[np.newaxis], None, name)
    return replace(labels, affine=scan.affine, labels=named(tuple(classes)))


def outlined(found: Found, shape: tuple[int, int, int], least: float = SHOWN) -> NDArray[np.uint8]:
    """Draw the outlines of boxes, a pixel wide, as labels (x, y, z): class 0 is label 1; the surest lies on top."""
    labels = np.zeros(shape, np.uint8)
    for score, kind, (x, y, z) in reversed(_placed(found, shape)):
        if score >= least:
            for side in (x.start, x.stop - 1):
                labels[side, y, z] = kind + 1
            for side in (y.start, y.stop - 1):
                labels[x, side, z] = kind + 1
    return labels


def covering(found: Found, shape: tuple[int, int, int], classes: int) -> NDArray[np.float32]:
    """Say of each pixel how sure the surest box of each class over it is, (1 + classes, x, y, z), background first."""
    shares = np.zeros((classes + 1, *shape), np.float32)
    for score, kind, place in _placed(found, shape):
        part = shares[(kind + 1, *place)]
        np.maximum(part, score, out=part)
    shares[0] = 1 - shares[1:].max(axis=0)
    return shares


def _placed(found: Found, shape: tuple[int, int, int]) -> list[tuple[float, int, tuple[slice, slice, slice]]]:
    """Return score, class and whole pixels of each box, the surest first; each is a pixel at least."""
    made = []
    for box, score, kind in zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True):
        half = len(box) // 2
        ends = [*zip(box[:half], box[half:], strict=True), *([(0.0, 1.0)] if half == 2 else [])]
        sides = []
        for (low, high), length in zip(ends, shape, strict=True):
            first = min(max(round(low), 0), length - 1)
            sides.append(slice(first, min(max(round(high), first + 1), length)))
        made.append((score, kind, (sides[0], sides[1], sides[2])))
    return made
