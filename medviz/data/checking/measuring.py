"""One case: read once, judged, and measured; what is kept of it is small."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medviz.data.checking.entries import Array, Box, Entry, Listing, Seen, whole_values
from medviz.data.checking.report import CaseFacts, Problem, Severity
from medviz.refused import Refused

_KEPT_VALUES = 1500
"""Values of a case's foreground that are kept for the percentiles of the whole set."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What is kept of a case: its facts, its problems, and what the whole set is judged by.

    `digest` is a hash of the voxels; `values` are some intensities of the foreground; `labelled` are the sides of the
    box round what is labelled, in voxels; `strange` are values of the mask that were not declared.
    """

    facts: CaseFacts
    problems: tuple[Problem, ...] = ()
    digest: bytes = b""
    values: NDArray[np.float32] | None = None
    labelled: tuple[int, ...] = ()
    box_sides: tuple[tuple[float, float], ...] = ()
    strange: tuple[int, ...] = ()
    found: tuple[int, ...] = ()


def measured(entry: Entry, listing: Listing) -> Measured:
    """Read a case and judge it; a file that cannot be read is a problem like any other."""
    try:
        seen = entry.look()
    except Refused as refusal:
        return _unreadable(entry, listing, refusal.thing, refusal.fault, refusal.remedy)
    except (OSError, ValueError, EOFError, MemoryError, RuntimeError) as problem:
        return _unreadable(entry, listing, entry.name, str(problem) or type(problem).__name__, "")
    counts, strange, problems = _labels(entry, seen, listing)
    problems = [*seen.problems, *problems, *_voxels(entry, seen, listing), *_boxes(entry, seen, listing)]
    facts = CaseFacts(
        name=entry.name, part=entry.part, kind=entry.kind, patient=entry.patient, shape=seen.shape,
        spacing_mm=seen.spacing_mm, axes=seen.axes, dtype=seen.dtype or seen.image.dtype.name,
        channels=seen.image.shape[0], counts=_named(counts, seen, listing), image=_text(entry.image),
        label=_text(entry.label),
    )  # fmt: skip
    return Measured(
        facts,
        tuple(problems),
        _digest(seen.image),
        _foreground(seen),
        _labelled_sides(seen.label),
        tuple((box[3] - box[1], box[4] - box[2]) for box in seen.boxes),
        strange,
        tuple(counts),
    )


def _digest(image: Array) -> bytes:
    """Hash of the voxels and their arrangement."""
    made = hashlib.blake2b(f"{image.shape} {image.dtype}".encode(), digest_size=16)
    made.update(np.ascontiguousarray(image).data)
    return made.digest()


def _text(path: object) -> str:
    return "" if path is None else str(path)


def _unreadable(entry: Entry, listing: Listing, thing: str, fault: str, remedy: str) -> Measured:
    facts = CaseFacts(
        entry.name, entry.part, entry.kind, entry.patient, image=_text(entry.image), label=_text(entry.label),
        broken=True,
    )  # fmt: skip
    sentence = f"{Path(thing).name or thing}: {fault}"
    problem = Problem(
        entry.name, "unreadable", sentence, remedy or "copy it again from where it came", "error",
        listing.leave_out(entry.name), _text(entry.image),
    )  # fmt: skip
    return Measured(facts, (problem,))


def _voxels(entry: Entry, seen: Seen, listing: Listing) -> list[Problem]:
    """Judge the picture itself: numbers, channels, whether anything is on it."""
    found: list[Problem] = []
    path, out = _text(entry.image), listing.leave_out(entry.name)
    image = seen.image
    bad = int(np.count_nonzero(~np.isfinite(image))) if image.dtype.kind in "fc" else 0
    if bad:
        share = bad / image.size
        found.append(
            Problem(entry.name, "nan", f"{bad:,} voxels ({share:.2g} of all) are NaN or infinite",
                    "nothing: they are read as 0; leave the case out if they hide what matters",
                    "warning", out, path)
        )  # fmt: skip
    channels = 1 if seen.colour else image.shape[0]
    if listing.channels is not None and channels != listing.channels and not (seen.colour and listing.channels == 3):
        less = channels < listing.channels
        said = f"it has {channels} channel(s) and {listing.channels} are declared"
        remedy = "add the channels that are missing" if less else "the first ones are taken; remove the others if not"
        found.append(Problem(entry.name, "channels", said, remedy, "error" if less else "warning", out, path))
    finite = image[np.isfinite(image)] if bad else image
    if not finite.size or finite.min() == finite.max():
        value = f"{float(finite.flat[0]):g}" if finite.size else "nothing that is a number"
        found.append(
            Problem(
                entry.name, "blank", f"all its voxels are {value}", "look at it; leave it out", "warning", out, path
            )
        )
    return found


def _labels(entry: Entry, seen: Seen, listing: Listing) -> tuple[dict[int, int], tuple[int, ...], list[Problem]]:
    """Count the values of the mask; return also those that were not declared, and what is wrong."""
    if seen.label is None or not listing.values:
        return {}, (), []
    path, out = _text(entry.label), listing.leave_out(entry.name)
    counts, odd = whole_values(seen.label)
    if odd is not None:
        said = f"its mask holds values between whole numbers ({odd:g}): it was resampled like a picture"
        return (
            {},
            (),
            [Problem(entry.name, "labels", said, "resample the mask with nearest neighbour", "error", out, path)],
        )
    strange = tuple(value for value in counts if value not in (0, *listing.values))
    problems: list[Problem] = []
    if strange:
        there = ", ".join(map(str, strange[:6])) + (" …" if len(strange) > 6 else "")
        declared = ", ".join(map(str, (0, *listing.values)))
        said = f"its mask holds {there}; declared are {declared}"
        problems.append(Problem(entry.name, "labels", said, "declare the label, or say what it is", "error", out, path))
    elif not any(counts.get(value) for value in listing.values):
        said = "nothing is labelled in it"
        remedy = "right where it shows nothing of what is learnt; else label it, or leave it out"
        problems.append(Problem(entry.name, "empty", said, remedy, "warning", out, path))
    return counts, strange, problems


def _boxes(entry: Entry, seen: Seen, listing: Listing) -> list[Problem]:
    """Judge the boxes: inside the picture, of some size, of a class that is declared."""
    path, out = _text(entry.label or entry.image), listing.leave_out(entry.name)
    found: list[Problem] = []
    for number, box in enumerate(seen.boxes, start=1):
        if (fault := _box_fault(box, seen.shape, listing.classes)) is not None:
            name, x0, y0, x1, y1 = box
            said = f"box {number} ({name}, {x0:g} {y0:g} to {x1:g} {y1:g}) {fault[0]}"
            severity: Severity = "error" if name not in listing.classes else "warning"
            found.append(Problem(entry.name, "box", said, fault[1], severity, out, path))
    if listing.counted == "boxes" and not seen.boxes and not seen.problems:
        remedy = "right where nothing is to be found in it; else draw its boxes"
        found.append(Problem(entry.name, "empty", "it has no boxes", remedy, "note", out, path))
    return found


def _box_fault(box: Box, shape: tuple[int, ...], classes: tuple[str, ...]) -> tuple[str, str] | None:
    """What is wrong with a box, and what to do about it; None where it is sound (a pixel over the edge is)."""
    name, x0, y0, x1, y1 = box
    if name not in classes:
        return "is of a class that is not declared", "declare the class, or mend its name"
    if x1 <= x0 or y1 <= y0:
        return "is empty", "it is not learnt from; draw it again, or remove it"
    if x0 < -1 or y0 < -1 or x1 > shape[0] + 1 or y1 > shape[1] + 1:
        return (
            f"reaches beyond the picture of {shape[0]}×{shape[1]} pixels",
            "draw it again, or check the picture's size",
        )
    return None


def _named(counts: dict[int, int], seen: Seen, listing: Listing) -> tuple[tuple[str, int], ...]:
    """Counts by the name of the class."""
    if listing.counted == "boxes":
        names = [box[0] for box in seen.boxes]
        return tuple((name, names.count(name)) for name in listing.classes)
    if seen.label is None:
        return ()
    return tuple((name, counts.get(value, 0)) for name, value in zip(listing.classes, listing.values, strict=False))


def _foreground(seen: Seen) -> NDArray[np.float32]:
    """Some intensities of what is labelled; of what is not air where nothing is."""
    channel = seen.image[0]
    if seen.label is not None and seen.label.shape == channel.shape and seen.label.any():
        some = channel[seen.label > 0]
    else:
        flat = channel.reshape(-1)[:: max(1, channel.size // (20 * _KEPT_VALUES))].astype(np.float32)
        flat = flat[np.isfinite(flat)]
        low = float(flat.min()) if flat.size else 0.0
        limit = low + 0.1 * (float(np.percentile(flat, 99.5)) - low) if flat.size else 0.0
        some = flat[flat > limit] if (flat > limit).any() else flat
    some = some.reshape(-1)[:: max(1, some.size // _KEPT_VALUES)].astype(np.float32)
    kept: NDArray[np.float32] = some[np.isfinite(some)]
    return kept


def _labelled_sides(label: Array | None) -> tuple[int, ...]:
    """Sides of the box round all that is labelled, in voxels."""
    if label is None or not label.any():
        return ()
    sides = []
    for axis in range(label.ndim):
        others = tuple(one for one in range(label.ndim) if one != axis)
        there = np.flatnonzero(label.any(axis=others))
        sides.append(int(there[-1] - there[0] + 1))
    return tuple(sides)
