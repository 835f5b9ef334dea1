"""A model over a whole scan: labels on the scan's own grid, and the probabilities they come from.

The scan is prepared exactly as the model asks (`Prepares`), the network sees tiles of it, the probabilities go back to
the scan's grid linearly, and only then the most likely class is taken. The affine of the result is the scan's.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.needs import Needs
from medviz.figures import Gallery, Table
from medviz.imaging.judging.counts import dice_of
from medviz.imaging.labels import named
from medviz.imaging.prediction import Prediction
from medviz.imaging.storage import in_words
from medviz.imaging.volume import Stored, Volume, like
from medviz.messages import Note, Progress, Work
from medviz.refused import Refused
from medviz.training import device
from medviz.training.using.classifying import classes_predicted, classifies
from medviz.training.using.detecting import boxes_predicted, detects
from medviz.training.using.estimating import free_bytes
from medviz.training.using.formats import load
from medviz.training.using.model import Model
from medviz.training.using.running import probabilities

_SHARE_KEPT = 0.25
"""Probabilities are kept where they take at most this share of the memory that is free."""
SUSPICIOUS = 0.7
"""Below this agreement with the mirrored scan the orientation is called suspicious."""


@dataclass(frozen=True)
class Wishes:
    """What a run is asked for beside the labels.

    `keep` keeps the probabilities in that type, `mirror` also runs on the mirrored scan, `needs` say what input a model
    needs that does not say so itself. `frame` is the one that is labelled where a network looks at one picture.
    """

    device: str = "auto"
    keep: Literal["", "float16", "float32"] = ""
    mirror: bool = False
    needs: Needs | None = None
    frame: int = 0


def predict(where: str, scan: Volume, on: str = "auto") -> Work[Volume]:
    """Label a scan with a model: yields Progress a tile, returns labels on the scan's own grid.

    Before the first tile it says, as a Table "labels", which value has which name.

    `where` is what `load` takes, `on` the device. Closing the work leaves nothing.
    """
    made = yield from prediction(where, scan, Wishes(on))
    return made.labels


def prediction(where: str, scan: Volume, wishes: Wishes) -> Work[Prediction]:
    """Label a scan, see `predict`, and keep what else was wished for; a run that finds boxes tells those instead."""
    yield Progress(0, 0, "loading the model")
    if detects(where):
        return (yield from boxes_predicted(where, scan, device.chosen(wishes.device)))
    if classifies(where):
        return (yield from classes_predicted(where, scan, device.chosen(wishes.device)))
    made = load(where, wishes.needs)
    yield Table("labels", ("value", "name"), tuple(enumerate(made.labels, start=1)))
    found = yield from predicted(made, scan, device.chosen(wishes.device), wishes)
    return found


def label_map(made: Model, scan: Volume, where: torch.device) -> Work[Volume]:
    """Label a scan with a model that is at hand, see `predict`."""
    found = yield from predicted(made, scan, where, Wishes())
    return found.labels


def predicted(made: Model, scan: Volume, where: torch.device, wishes: Wishes) -> Work[Prediction]:
    """Label a scan with a model that is at hand."""
    began_s = time.monotonic()
    yield Progress(0, 0, "preparing the scan")
    yield from doubts(made, scan, wishes.frame)
    scan = yield from _wanted(made, scan, wishes.frame)
    image = made.preparation.prepared(scan)
    shares = yield from _on_grid_of(made, scan, probabilities(made, image, where, growing=True))
    agreement = None
    if wishes.mirror:
        agreement = yield from _mirrored(made, image, shares, where)
    yield Progress(1, 1, "back to the scan's grid")
    labels = most_likely(made, shares, scan)
    volume = replace(
        like(scan, labels, name=f"{made.trust.title or made.name} on {scan.name}"), labels=named(made.labels)
    )
    kept = None
    if wishes.keep:
        kept = yield from _kept(made, scan, shares, np.dtype(wishes.keep))
    return checked(Prediction(volume, kept, agreement, time.monotonic() - began_s), scan)


def _wanted(made: Model, scan: Volume, frame: int) -> Work[Volume]:
    """Take what the network looks at: one frame of a series, or as many as it has channels; they are read first."""
    channels = made.preparation.channels
    one = channels == 1 and scan.kind == "frames"
    numbers = [min(max(frame, 0), scan.frames - 1)] if one else list(range(min(scan.frames, channels)))
    if scan.pending is not None:
        for number in numbers:
            yield from scan.pending.load(number)
    return replace(scan, voxels=scan.voxels[numbers[0] : numbers[0] + 1], pending=None) if one else scan


def checked(found: Prediction, scan: Volume) -> Prediction:
    """Refuse a result that does not lie voxel for voxel on the scan: it would be shown in the wrong place."""
    labels = found.labels
    if labels.shape != scan.shape or not np.array_equal(labels.affine, scan.affine):
        raise Refused(labels.name, "it does not lie on the grid of the scan; nothing is shown", "tell the authors")
    return found


def _kept(made: Model, scan: Volume, shares: Tensor, dtype: np.dtype[Any]) -> Work[Volume | None]:
    """Keep the probabilities on the network's own grid where there is room for them."""
    size = shares.numel() * dtype.itemsize
    if size > _SHARE_KEPT * free_bytes(torch.device("cpu")):
        words = f"The probabilities would take {in_words(size)}; they are not kept"
        yield Note(words, "warning", "Close something and run again to ask single voxels")
        return None
    grid = made.preparation.grid(scan)
    voxels = shares.numpy().astype(dtype, copy=False)
    stored = Stored("network", voxels.shape[1:], "RAS", grid, voxels.dtype)
    return Volume(voxels, grid, stored, f"probabilities of {made.name}", "frames", calibrated=scan.calibrated,
                  oriented=scan.oriented)  # fmt: skip


def _mirrored(made: Model, image: NDArray[np.float32], shares: Tensor, where: torch.device) -> Work[float | None]:
    """Run on the mirrored scan too (left and right changed) and say how well both agree, as the mean Dice.

    Labels that name a side are changed too. A model that answers something else of the mirror image does not know
    what it sees: the scan may lie otherwise than its file says.
    """
    yield Note("Once more on the mirrored scan")
    other = yield from _quiet(probabilities(made, np.ascontiguousarray(image[:, ::-1]), where))
    here = shares.argmax(0).numpy()
    there = _changed_sides(other.argmax(0).numpy()[::-1], made.labels)
    dice = [one for value, one in dice_of(there, here).items() if value and np.isfinite(one)]
    if not dice:
        yield Note("Nothing was found, in the scan and in its mirror image; the orientation was not checked", "warning")
        return None
    agreement = float(np.mean(dice))
    if agreement < SUSPICIOUS:
        words = f"Orientation suspicious: the mirrored scan is labelled otherwise (agreement {agreement:.2f})"
        yield Note(words, "warning", "Check left and right, head and feet against the letters at the edges")
    return agreement


def _quiet(work: Work[Tensor]) -> Work[Tensor]:
    try:
        while True:
            message = next(work)
            if isinstance(message, Progress):
                message = replace(message, what=f"mirrored, {message.what}")
            yield message
    except StopIteration as end:
        made: Tensor = end.value
        return made
    finally:
        work.close()


def _changed_sides(labels: NDArray[np.int_], names: tuple[str, ...]) -> NDArray[np.int_]:
    """Let "left kidney" and "right kidney" change their values."""
    values = np.arange(len(names) + 1)
    for number, name in enumerate(names, start=1):
        other = re.sub(r"left|right", lambda side: {"left": "right", "right": "left"}[side[0].lower()], name.lower())
        partner = next((k for k, one in enumerate(names, start=1) if one.lower() == other), number)
        values[number] = partner
    changed: NDArray[np.int_] = values[labels]
    return changed


def _on_grid_of(made: Model, scan: Volume, work: Work[Tensor]) -> Work[Tensor]:
    """Pass messages on; labels found so far are fetched onto the scan's grid, nearest neighbour."""
    try:
        while True:
            message = next(work)
            if isinstance(message, Gallery):
                message = replace(message, tiles=made.preparation.back(message.tiles, scan, smooth=False))
            yield message
    except StopIteration as end:
        found: Tensor = end.value
        return found
    finally:
        work.close()


def most_likely(made: Model, shares: Tensor, scan: Volume) -> NDArray[np.uint8 | np.uint16]:
    """Take the most likely class on the scan's grid, (x, y, z); outside of what the network saw is background.

    Probabilities are brought there class by class, so that a large scan needs room for two of them and not for all.
    """
    dtype = np.uint8 if len(shares) <= 256 else np.uint16
    back = made.preparation.back
    if tuple(shares.shape[1:]) == scan.shape and np.allclose(made.preparation.grid(scan), scan.affine, atol=1e-6):
        same: NDArray[np.uint8] = shares.argmax(0).numpy().astype(dtype)
        return same
    winner = np.zeros(scan.shape, dtype)
    best = back(shares[0].numpy(), scan)
    for number in range(1, len(shares)):
        fine = back(shares[number].numpy(), scan)
        won = fine > best
        np.copyto(best, fine, where=won)
        winner[won] = number
    return winner


def doubts(made: Model, scan: Volume, frame: int = 0) -> Iterator[Note]:
    """Say where a scan differs from what the network was trained on."""
    wants = made.preparation.spacing_mm
    if wants is not None and not scan.calibrated:
        yield Note("The scan has no spacing; it is taken as if it had that of the training data", "warning")
    elif wants is not None and made.preparation.shape_of(scan) != scan.shape:
        has = "×".join(f"{mm:.3g}" for mm in scan.spacing_mm)
        yield Note(f"The scan ({has} mm) is resampled to {'×'.join(f'{mm:.3g}' for mm in wants)} mm for the network")
    if scan.kind == "frames" and made.preparation.channels == 1 and scan.frames > 1:
        yield Note(f"The scan has {scan.frames} frames; frame {frame + 1} is labelled", "warning")
