"""What the network sees: a case of a run as it is in the file, beside the tensor that is made of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.data.augment import Change
from medviz.data.patches import Patches, Placed
from medviz.data.preparation import Preparation
from medviz.data.whole import NativeCases, volume_of, whole_case
from medviz.imaging.seen import Seen, fitted
from medviz.imaging.volume import Affine, Stored, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.run import load_task
from medviz.training.task import Task

Part = Literal["held out", "training"]


def seen(
    folder: Path, part: Part, number: int, augmented: bool, epoch: int, tasks: Mapping[str, type[Task]]
) -> Work[Seen]:
    """Make what the network is given of a case: a held-out one whole, or a patch of one that it learns from.

    With `augmented` the patch is the very one that the run learns from in that epoch (its chance comes from seed, epoch
    and number); without, the middle of the case as it is. Refuses tasks that are given no voxels.
    """
    yield Progress(0, 0, "making what the network sees")
    task = load_task(folder, tasks)
    dimensions = int(getattr(task, "dimensions", 0))
    data = task.data_set()
    if not hasattr(data, "preparation") or dimensions not in (2, 3):
        raise Refused(folder, "its samples are whole pictures as they are", "look at a run of segmentation")
    if part == "held out":
        return _whole(data, dimensions, number)
    samples = task.training(data)
    if not isinstance(samples, Patches):
        raise Refused(folder, "its samples cannot be traced back to their scans", "look at the held-out cases")
    number = number % len(samples)
    chance = np.random.default_rng((task.seed, epoch, number)) if augmented else None
    return _patch(data, samples, dimensions, number, samples.placed(number, chance))


def _whole(data: Any, dimensions: int, number: int) -> Seen:
    """A held-out case: the network is given all of it, prepared, and looks at it in tiles or slices."""
    whole = whole_case(data, dimensions, number)
    preparation: Preparation = data.preparation(dimensions)
    scan, reference, image = whole.seen.scan, whole.seen.reference, whole.image()
    native = isinstance(data, NativeCases)
    grid = preparation.grid(scan) if native else scan.affine
    places = _grid_mm(grid, image.shape[1:])
    label = None
    if reference is not None:
        label = preparation.prepared_label(reference) if native else np.asarray(reference.frame(), np.uint8)
    given = _volume(image, grid, scan, "what the network is given")
    facts = (*_prepared(scan, image, grid, native), *_patches_of(preparation, image.shape[1:]))
    inside = np.ones(image.shape[1:], bool)
    return Seen(scan, given, places, inside, reference, _labels(label, given), facts)


def _patch(data: Any, samples: Patches, dimensions: int, number: int, placed: Placed) -> Seen:
    """A patch: each of its voxels comes from somewhere in the case, by way of the case's prepared grid."""
    preparation: Preparation = data.preparation(dimensions)
    case = samples.cases[number // samples.each]
    thick = case.image if case.image.ndim == 4 else case.image[..., None]
    if hasattr(data, "learnt"):
        scan, reference = data.learnt(number // samples.each)
        grid = preparation.grid(scan)
    else:
        scan = volume_of(thick, preparation.spacing_mm, f"case {number // samples.each + 1}")
        reference = volume_of(case.label.reshape(1, *thick.shape[1:]), preparation.spacing_mm, "reference")
        grid = scan.affine
    image, label = placed.sample["image"].numpy(), placed.sample["label"].numpy().astype(np.uint8)
    places, inside = placed.places.numpy().astype(np.float64), placed.inside.numpy()
    if image.ndim == 3:
        axis = 2 if samples.normal is None else samples.normal
        at = np.full(places.shape[1:], 0 if placed.at is None else placed.at, np.float64)
        places = np.insert(places, axis, at, axis=0)
        image, label = np.expand_dims(image, axis + 1), np.expand_dims(label, axis)
        places, inside = np.expand_dims(places, axis + 1), np.expand_dims(inside, axis)
    mm = np.einsum("ij,jxyz->ixyz", grid[:3, :3], places) + grid[:3, 3][:, None, None, None]
    mm = mm.astype(np.float32)
    given = _volume(image, fitted(mm, grid), scan, "what the network is given")
    facts = (
        *_prepared(scan, thick, grid, hasattr(data, "learnt")),
        ("patch", f"{_times(label.shape)} voxels; {1 - inside.mean():.0%} of it padding with the darkest value"),
        ("augmentation", in_words(placed.change)),
    )
    return Seen(scan, given, mm, inside, reference, _labels(label, given), facts)


def _prepared(scan: Volume, image: NDArray[np.float32], grid: Affine, native: bool) -> tuple[tuple[str, str], ...]:
    """Say what was done to the scan's size and values."""
    unit = "mm" if scan.calibrated else "voxels, uncalibrated"
    spacing = np.linalg.norm(grid[:3, :3], axis=0)
    now, was = _times(image.shape[1:]), _times(scan.shape)
    if not native:
        return (("scan", f"{was} voxels, as the data set made them ready"),)
    had = f"{was} voxels of {_times(scan.spacing_mm)} {unit}, {scan.voxels.dtype}, stored as {scan.stored.axes or '?'}"
    same = tuple(image.shape[1:]) == scan.shape
    size = "kept as it is" if same else f"to {now} voxels of {_times(spacing)} {unit}"
    return (("scan", had), ("resampled", size), ("normalised", _scale(scan, image)))


def _scale(scan: Volume, image: NDArray[np.float32]) -> str:
    """Find what value became 0 and how much is 1, by the values themselves (the middle slice, not what was cut off)."""
    first = np.asarray(scan.frame(), np.float32) * np.float32(scan.slope) + np.float32(scan.intercept)
    percents = np.linspace(30, 90, 13)
    raw, made = np.percentile(first, percents), np.percentile(image[0], percents)
    there = np.abs(made) < 5.9
    if there.sum() < 2 or np.ptp(made[there]) < 1e-6:
        return "left as it is"
    one, nought = np.polyfit(made[there], raw[there], 1)
    unit = f" {scan.unit}" if scan.unit else ""
    return f"(value − {nought:.4g}{unit}) ÷ {one:.4g}{unit}, cut off beyond ±6"


def _patches_of(preparation: Preparation, shape: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
    if preparation.dimensions == 2:
        plane = ("sagittal", "coronal", "axial")[preparation.normal]
        return (("looked at", f"slice by slice, {shape[preparation.normal]} {plane} slices"),)
    patch = preparation.patch
    words = f"in overlapping tiles of {_times(patch)} voxels" if patch else "in overlapping tiles"
    return (("looked at", words),)


def in_words(change: Change | None) -> str:
    """Say what augmentation did to a sample."""
    if change is None:
        return "none: the middle of the case as it is"
    axes = ("left to right", "front to back", "head to foot")
    said = [f"mirrored {axes[axis]}" for axis, over in enumerate((change.flip, *change.flips)) if over]
    if any(change.turns_deg):
        said.append("turned " + ", ".join(f"{angle:.1f}°" for angle in change.turns_deg))
    if abs(change.zoom - 1) > 1e-3:
        said.append(f"{change.zoom:.2f} × as large")
    if any(abs(one) > 0.05 for one in change.shift_px):
        said.append("moved " + ", ".join(f"{one:.1f}" for one in change.shift_px) + " voxels")
    said += [words for words, there in (
        (f"bent by {change.warp_px:.1f} voxels", change.warp_px > 0.05),
        (f"gamma {change.gamma:.2f}", change.gamma != 1.0),
        (f"contrast × {change.contrast:.2f}", change.contrast != 1.0),
        (f"brightness {change.brightness:+.2f} SD", change.brightness != 0.0),
        (f"shading {change.bias:.2f}", change.bias > 0),
        (f"noise {change.noise:.2f} SD", change.noise > 0.005),
        (f"blurred by {change.blur_px:.1f} voxels", change.blur_px > 0),
        (f"coarsened by {change.coarse:.0%}", change.coarse > 0),
        ("a box painted over", bool(change.erased)),
    ) if there]  # fmt: skip
    return ", ".join(said).replace("-", "−") or "drawn, and nothing was changed"


def _grid_mm(grid: Affine, shape: tuple[int, ...]) -> NDArray[np.float32]:
    index = np.indices(shape).reshape(3, -1)
    mm = (grid[:3, :3] @ index + grid[:3, 3:]).reshape(3, *shape)
    return mm.astype(np.float32)


def _volume(image: NDArray[np.float32], affine: Affine, scan: Volume, name: str) -> Volume:
    stored = Stored("tensor", image.shape[1:], "RAS", affine, image.dtype)
    kind: Any = "frames" if len(image) > 1 else "scalar"
    return Volume(np.ascontiguousarray(image), affine, stored, name, kind, unit="SD", calibrated=scan.calibrated,
                  oriented=scan.oriented)  # fmt: skip


def _labels(label: NDArray[np.uint8] | None, given: Volume) -> Volume | None:
    if label is None:
        return None
    stored = Stored("tensor", label.shape, "RAS", given.affine, label.dtype)
    return Volume(np.ascontiguousarray(label[None]), given.affine, stored, "label", calibrated=given.calibrated,
                  oriented=given.oriented)  # fmt: skip


def _times(values: Any) -> str:
    return "×".join(f"{value:.3g}" for value in values)
