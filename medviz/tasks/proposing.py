"""What a task would choose for itself, seen the data: pure arithmetic from the fingerprint, and two lines that say why.

The rules are those of nnU-Net (Isensee et al., 2021) where it has them: patches as large as the middle case, a network
as deep as the patch can be halved, a batch that fills the memory; cut down to what a processor can do in minutes.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from medviz.data.checking.report import ClassCount, Fingerprint
from medviz.networks import NETWORKS
from medviz.parameters import Range, Settings, parameter, parameters
from medviz.training.task import Task

T = TypeVar("T", bound=Task)
Proposal = tuple[T, tuple[str, ...]]
_STEP = 16
_LONGEST = {2: 320, 3: 64}
"""Longest side of a patch on a processor; a GPU takes twice as much in 3-D, three times in 2-D."""
_VOXELS = {"cpu": 400_000, "cuda": 4_000_000, "mps": 1_500_000}
"""Voxels of a batch together: what one step takes at once."""
_STEPS = {"cpu": 1_500, "cuda": 12_000, "mps": 4_000}
"""Steps that a run wants; what they take is told from a trial."""
_RARE, _VERY_RARE = 0.002, 20.0
_ANISOTROPIC, _FEW_SLICES = 3.0, 24


def for_segmentation(task: T, found: Fingerprint) -> Proposal[T]:
    """Propose dimensions, patch, depth, batch, loss, augmentation and epochs for naming voxels."""
    if not found.shape.middle:
        return task, ()
    dimensions, why_flat = _dimensions(found)
    sides = _patch(found, dimensions)
    network, depth = _deep(task.network, sides)
    batch = _batch(task, sides, found)
    loss, why_loss = _loss(found)
    augment, why_augment = _augment(found)
    each = 1 if dimensions == found.dimensions else 4
    epochs, every = _epochs(max(1, found.learnt * each // batch), found)
    turned = replace(
        task, **_known(task, dimensions=dimensions, sides="×".join(map(str, sides)), network=network, batch=batch,
                       loss=loss, augment=augment, epochs=epochs, validate_every=every),
    )  # fmt: skip
    depth_words = (
        f"; {depth} levels leave {_size([max(2, -(-side // 2 ** (depth - 1))) for side in sides])}" if depth else ""
    )
    first = f"{_what(dimensions)} {_size(sides)} because {why_flat}the middle case is {_grid(found)}{depth_words}"
    turned, why_sides = _unmirrored(turned, found)
    return turned, (first, f"Batch {batch}; {why_augment}{why_sides}; {why_loss}")


def for_classification(task: T, found: Fingerprint) -> Proposal[T]:
    """Propose side, network's first layer, batch, balance, augmentation and epochs for naming pictures."""
    if not found.shape.middle:
        return task, ()
    side, why_side = _side(task, found)
    batch = _fitting(task, "batch", 2 ** round(math.log2(max(4, min(64, found.learnt / 40)))))
    augment, why_augment = _augment(found)
    epochs, every = _epochs(max(1, found.learnt // batch), found)
    rare, common = _ends(found.classes)
    uneven = rare is not None and common is not None and common.count > 1.5 * rare.count
    network = _turned(task.network, thumbnails=side <= 64)
    turned = replace(
        task, **_known(task, dimensions=found.dimensions, side=side, network=network, batch=batch, augment=augment,
                       epochs=epochs, validate_every=every, balance=True),
    )  # fmt: skip
    balance = "classes are about equal"
    if uneven and rare is not None and common is not None:
        balance = (
            f"classes are weighed, since {common.name} is {common.count / max(1, rare.count):.0f} times {rare.name}"
        )
    first = f"Pictures of {_size([side] * found.dimensions)} because {why_side}"
    turned, why_sides = _unmirrored(turned, found)
    return turned, (first, f"Batch {batch}; {why_augment}{why_sides}; {balance}")


def for_detection(task: T, found: Fingerprint) -> Proposal[T]:
    """Propose side, batch, augmentation and epochs for finding objects."""
    if not found.shape.middle:
        return task, ()
    longest = max(found.shape.middle)
    smallest = min(found.boxes.middle) if found.boxes.middle else longest / 4
    limit = 256 if found.hardware.device == "cpu" else 640
    wanted = longest if smallest >= longest / 4 else longest * min(1.0, 24 / max(1.0, smallest))
    side = _fitting(task, "side", 32 * max(2, min(limit // 32, round(max(wanted, 96) / 32))))
    batch = _fitting(task, "batch", max(2, min(16, 2 ** int(math.log2(max(2, found.learnt / 10))))))
    augment, why_augment = _augment(found)
    epochs, every = _epochs(max(1, found.learnt // batch), found)
    turned = replace(
        task, **_known(task, dimensions=found.dimensions, side=side, batch=batch, augment=augment, epochs=epochs,
                       validate_every=every),
    )  # fmt: skip
    first = f"Pictures of {side} px because they are {_size([round(one) for one in found.shape.middle])}"
    if found.boxes.middle:
        then = _size([max(1, round(one * side / longest)) for one in found.boxes.middle])
        first += f": a middle box of {_size([round(one) for one in found.boxes.middle])} is then {then}"
    return turned, (first, f"Batch {batch}; {why_augment}")


def for_pictures(task: T, found: Fingerprint) -> Proposal[T]:
    """Propose side, batch, augmentation and epochs for a task that learns from bare pictures or patches."""
    if not found.shape.middle:
        return task, ()
    dimensions = 2 if found.dimensions == 2 else int(getattr(task, "dimensions", 2))
    longest, grown = max(found.shape.middle), 1 if found.hardware.device == "cpu" else 2
    side = _fitting(task, "side", max(_STEP, min({2: 64, 3: 32}[dimensions] * grown, _sixteens(longest))))
    batch = _batch(task, [side] * dimensions, found)
    augment, why_augment = _augment(found)
    each = 1 if dimensions == found.dimensions else 4
    epochs, every = _epochs(max(1, found.learnt * each // batch), found)
    turned = replace(
        task, **_known(task, dimensions=dimensions, side=side, batch=batch, augment=augment / 2, epochs=epochs,
                       validate_every=every),
    )  # fmt: skip
    turned, why_sides = _unmirrored(turned, found)
    first = f"Pictures of {_size([side] * dimensions)} because the middle one is {_grid(found)}"
    return turned, (first, f"Batch {batch}; {why_augment}, halved{why_sides}")


def _dimensions(found: Fingerprint) -> tuple[int, str]:
    """2-D where the cases are pictures, or thick slices of which there are few; and the words for it."""
    if found.dimensions == 2:
        return 2, ""
    spacing = found.spacing_mm.middle if found.spacing_mm else (1.0, 1.0, 1.0)
    ratio = max(spacing) / max(min(spacing), 1e-6)
    slices = found.shape.middle[spacing.index(max(spacing))]
    if ratio > _ANISOTROPIC and slices <= _FEW_SLICES:
        return 2, f"slices lie {max(spacing):.3g} mm apart and "
    return 3, ""


def _patch(found: Fingerprint, dimensions: int) -> tuple[int, ...]:
    """As large as the middle case, in sixteens, within what the device takes."""
    grown = {"cuda": (3 if dimensions == 2 else 2)}.get(found.hardware.device, 1)
    middle = list(found.shape.middle)
    if dimensions < len(middle):  # slices run across the coarsest axis
        spacing = found.spacing_mm.middle if found.spacing_mm else (1.0,) * len(middle)
        del middle[spacing.index(max(spacing))]
    return tuple(max(_STEP, min(_LONGEST[dimensions] * grown, _sixteens(side))) for side in middle)


def _sixteens(side: float) -> int:
    """The nearest multiple of 16, but never less than 0.85 of the side."""
    near = _STEP * round(side / _STEP)
    return near if near >= 0.85 * side else near + _STEP


def _deep(network: Settings, sides: Sequence[int]) -> tuple[Settings, int]:
    """A network as deep as the smallest side can be halved and keep 4; 0 where it has no such parameter."""
    known = {one.name: one for one in parameters(NETWORKS[network.name])}
    depth = known.get("depth")
    bounds = depth.mark(Range) if depth else None
    if bounds is None:
        return network, 0
    levels = 1 + int(math.log2(max(1, min(sides) / 4)))
    levels = int(min(max(levels, bounds.low), bounds.high, 6))
    return network.turned(depth=levels), levels


def _batch(task: Task, sides: Sequence[int], found: Fingerprint) -> int:
    """As many patches as the device takes at once, but no more than a quarter of the cases."""
    room = _VOXELS[found.hardware.device] / math.prod(sides)
    most = max(2, found.learnt // 4) if len(sides) == found.dimensions else max(2, found.learnt)
    batch: int = _fitting(task, "batch", 2 ** int(math.log2(max(2, min(16, room, most)))))
    return batch


def _loss(found: Fingerprint) -> tuple[str, str]:
    """Dice with cross-entropy, or with focal loss where something is very small; and why."""
    rare, common = _ends(found.classes)
    if rare is None or common is None:
        return "dice-ce", "Dice + cross-entropy"
    share = found.foreground * rare.share
    if share < _RARE and common.count > _VERY_RARE * rare.count:
        return "dice-focal", f"Dice + focal loss because {rare.name} fills {100 * share:.2g} % of a scan"
    return "dice-ce", f"Dice + cross-entropy: the rarest label ({rare.name}) fills {100 * share:.2g} % of a scan"


def _augment(found: Fingerprint) -> tuple[float, str]:
    """The fewer cases, the stronger the changes."""
    cases = found.learnt
    per_class = cases / max(1, len(found.classes)) if found.counted == "pictures" else cases * 4
    strength = 1.0 if per_class < 100 else 0.5 if per_class < 2000 else 0.3
    word = {1.0: "strong", 0.5: "usual", 0.3: "light"}[strength]
    return strength, f"{word} augmentation ({strength:g}) for {cases:,} case{'' if cases == 1 else 's'} to learn from"


def _unmirrored(task: T, found: Fingerprint) -> tuple[T, str]:
    """No mirror images where a class is called left or right; and the words for it."""
    changes: tuple[str, ...] = getattr(task, "changes", ())
    kept = tuple(one for one in changes if not one.startswith("mirror"))
    words = {word for one in found.classes for word in re.split(r"[^a-z]+", one.name.lower())}
    if kept == changes or not words & {"left", "right"}:
        return task, ""
    return replace(task, **_known(task, changes=kept)), ", no mirror images since classes have sides"


def _epochs(steps_an_epoch: int, found: Fingerprint) -> tuple[int, int]:
    """Epochs that make the steps which a run wants, and how many lie between two validations (some 30 a run)."""
    epochs = max(5, min(1000, round(_STEPS[found.hardware.device] / steps_an_epoch)))
    return epochs, max(1, min(100, epochs // 30))


def _side(task: Task, found: Fingerprint) -> tuple[int, str]:
    """Side into which pictures are fitted: their own, but for what a processor can do."""
    longest = max(found.shape.middle)
    limit = {2: 128, 3: 32}[found.dimensions] * (1 if found.hardware.device == "cpu" else 2)
    own = 4 * math.ceil(longest / 4)
    side = _fitting(task, "side", max(16, min(limit, own)))
    size = _size([round(one) for one in found.shape.middle])
    if side < longest:
        device = "the processor" if found.hardware.device == "cpu" else "one GPU"
        times = (own / side) ** found.dimensions
        return side, f"the middle one is {size}, for which {device} would take {times:.0f} times as long"
    return side, f"the middle one is {size}"


def _ends(classes: Sequence[ClassCount]) -> tuple[ClassCount | None, ClassCount | None]:
    """The rarest and the commonest class that occur."""
    there = [one for one in classes if one.count]
    if not there:
        return None, None
    return min(there, key=lambda one: one.count), max(there, key=lambda one: one.count)


def _known(task: Task, **values: Any) -> dict[str, Any]:
    """Keep the fields that a task has, with values it takes."""
    names = {one.name for one in parameters(task)}
    return {name: _fitting(task, name, value) for name, value in values.items() if name in names}


def _fitting(task: Task, name: str, value: Any) -> Any:
    """Bring a number within the range of a field."""
    bounds = parameter(task, name).mark(Range)
    if bounds is None or not isinstance(value, int | float) or isinstance(value, bool):
        return value
    inside = min(max(value, bounds.low), bounds.high)
    return int(inside) if isinstance(value, int) else inside


def _turned(network: Settings, **values: Any) -> Settings:
    """Set parameters of a network that it has."""
    known = {one.name for one in parameters(NETWORKS[network.name])}
    return network.turned(**{name: value for name, value in values.items() if name in known})


def _what(dimensions: int) -> str:
    return "Slices cut to" if dimensions == 2 else "Patches"


def _size(sides: Sequence[float]) -> str:
    return "×".join(f"{side:g}" for side in sides)


def _grid(found: Fingerprint) -> str:
    """The middle case in words: "35×51×35 voxels of 1 mm"."""
    size = _size([round(side) for side in found.shape.middle])
    unit = "pixels" if found.dimensions == 2 else "voxels"
    if found.spacing_mm is None:
        return f"{size} {unit}"
    spacing = found.spacing_mm.middle
    same = max(spacing) < 1.02 * min(spacing)
    return f"{size} {unit} of {f'{spacing[0]:.3g}' if same else _size([float(f'{one:.3g}') for one in spacing])} mm"
