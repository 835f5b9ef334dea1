"""The data sets that lie in files, listed case by case: label maps, a folder a class, pictures with boxes."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from medviz.data.boxed_files import BoxedPictures, Labelled, Owners
from medviz.data.cases import Cases, Contents, Pair, image_endings, same_place
from medviz.data.checking.entries import Array, Entry, Listing, Seen
from medviz.data.checking.report import Problem, Repair, Severity
from medviz.data.classed import Classed, Found
from medviz.data.gate import Gate, OffGrid, Turned
from medviz.data.image_pairs import ImagePairs
from medviz.data.mending import on_grid, relabelled
from medviz.imaging.readers import read
from medviz.imaging.volume import Volume
from medviz.messages import finished
from medviz.refused import Refused

_PERSON = r"^(.*?(?:patient|person|subject|sub|pat|case)[-_ ]?\d+|p\d+)(?=[-_ ])"
"""What in a file name looks like the name of a patient before what tells pictures apart: "patient012_3", "sub-03_2"."""


def labelled(data: Cases) -> Listing:
    """List scans with label maps, whatever layout they come in."""
    gate = Gate(data.leave_out, lenient=True)
    found = data.listed(gate)
    sides = _sides(data, found)
    vars(data)["contents"] = found  # what reads a case asks for the classes: of this listing, which refuses nothing
    entries = tuple(
        Entry(one.name, partial(_scan, data, one), sides.get(one.name, ""), patient=one.group,
              image=one.images[0], label=one.labels[0] if one.labels else None)
        for one in found.pairs
    )  # fmt: skip
    read_as_it_is = type(data).label_of is Cases.label_of and found.values
    values = found.values if read_as_it_is else tuple(range(1, len(found.names) + 1))
    problems = [*turned_away(gate), *_orphans(found, gate)]
    return Listing(entries, found.names, "voxels", values, found.channels, tuple(problems))


def _sides(data: Cases, found: Contents) -> dict[str, str]:
    """Tell for each case on which side of the split it is; {} where the set cannot be split as it is."""
    turned: Cases = (
        replace(cast("Any", data), leave_out=", ".join([data.leave_out, *_unsound(data)]))
        if _can_leave_out(data)
        else data
    )
    try:
        training, held = turned.sides
    except Refused:
        return {one.name: {"train": "training", "val": "held out"}.get(one.side, "") for one in found.pairs}
    return {**{one.name: "training" for one in training}, **{one.name: "held out" for one in held}}


def _can_leave_out(data: Cases) -> bool:
    return "leave_out" in getattr(data, "__dataclass_fields__", {})


def _unsound(data: Cases) -> list[str]:
    gate = Gate(data.leave_out, lenient=True)
    data.listed(gate)
    return [one.case for one in gate.turned]


def turned_away(gate: Gate) -> Iterator[Problem]:
    """What the gate was told of single cases, as problems."""
    for one in gate.turned:
        yield _problem_of(one)


def _problem_of(one: Turned) -> Problem:
    out = (Repair("leave this case out", "leave_out", one.case),) if not one.harmless else ()
    said = f"{_short(one.refusal.thing)}: {one.refusal.fault}"
    severity: Severity = "warning" if one.harmless else "error"
    return Problem(one.case, one.kind, said, one.refusal.remedy, severity, out, one.refusal.thing)


def _orphans(found: Contents, gate: Gate) -> Iterator[Problem]:
    """Scans beside those that are used to which no label map belongs, and label maps without a scan."""
    turned = {one.case for one in gate.turned}
    used = {path for one in found.pairs for path in (*one.images, *one.labels)}
    for what, of in (("label map", "images"), ("scan", "labels")):
        for folder in _shared(found, of):
            for path in sorted(folder.iterdir()):
                name = path.name.split(".")[0]
                strange = path not in used and path.name.lower().endswith(image_endings())
                alone = not any(name.startswith(one) for one in turned) and gate.lets(name)
                if strange and alone and not path.name.startswith("."):
                    remedy = f"add its {what}; until then it is not used"
                    yield Problem(name, "missing", f"{path.name} has no {what}", remedy, "warning", path=str(path))


def _shared(found: Contents, of: str) -> list[Path]:
    """Folders in which the images (or labels) of several cases lie, and nothing of the other kind.

    Where each case has a folder of its own, or scans and masks share one, what else lies there is no one's fault.
    """
    owners: dict[Path, set[str]] = {}
    others: set[Path] = set()
    for one in found.pairs:
        for path in getattr(one, of):
            owners.setdefault(path.parent, set()).add(one.name)
        others |= {path.parent for path in (one.labels if of == "images" else one.images)}
    return sorted(folder for folder, names in owners.items() if len(names) > 1 and folder not in others)


def _scan(data: Cases, pair: Pair) -> Seen:
    """Read a case as it is: the values that stand in its mask, and what is wrong with its grid."""
    scans = data.scans_of(pair)
    first, problems = scans[0], []
    for scan, path in zip(scans[1:], pair.images[1:], strict=False):
        if (off := _off_grid(first, scan, path, pair)) is not None:
            return seen_of(first, scans[:1], None, (off,))
    label: Array | None = None
    try:
        if isinstance(data, ImagePairs):
            same_place(first, data.target_of(pair), pair.labels[0], pair.images[0])
        label = _label_of(data, pair, first)
    except OffGrid as refusal:
        problems.append(_grid_problem(data, pair, refusal))
    except Refused as refusal:
        kind = "labels" if "label" in refusal.fault else "unreadable"
        said = f"{_short(refusal.thing)}: {refusal.fault}"
        problems.append(Problem(pair.name, kind, said, refusal.remedy, "error", _out(data, pair.name), refusal.thing))
    return seen_of(first, scans, label, tuple(problems))


def _out(data: Cases, name: str) -> tuple[Repair, ...]:
    return (Repair("leave this case out", "leave_out", name),) if _can_leave_out(data) else ()


def _label_of(data: Cases, pair: Pair, scan: Volume) -> Array:
    """Read a label map with the values of the file, where the layout has one file of them."""
    if type(data).label_of is not Cases.label_of:
        return data.label_of(pair, scan)
    label = on_grid(finished(read(pair.labels[0])), scan, data.grids)
    same_place(scan, label, pair.labels[0], pair.images[0])
    found: Array = label.frame()
    if (label.slope, label.intercept) != (1.0, 0.0):
        found = found * label.slope + label.intercept
    return relabelled(found, data.relabel)


def _off_grid(first: Volume, other: Volume, path: Path, pair: Pair) -> Problem | None:
    try:
        same_place(first, other, path, pair.images[0])
    except Refused as refusal:
        said = f"{_short(refusal.thing)}: {refusal.fault}"
        return Problem(pair.name, "grid", said, "bring its channels on one grid, or leave it out", "error",
                       (Repair("leave this case out", "leave_out", pair.name),), str(path))  # fmt: skip
    return None


def _grid_problem(data: Cases, pair: Pair, refusal: OffGrid) -> Problem:
    """A mask on another grid, with the ways in which the two can be brought together."""
    label, scan = finished(read(pair.labels[0])), finished(read(pair.images[0]))
    repairs: list[Repair] = []
    if "grids" in getattr(data, "__dataclass_fields__", {}):
        repairs.append(Repair("resample the mask", "grids", "resample"))
        if label.shape == scan.shape:
            repairs.append(Repair("take the scan's grid", "grids", "of the scan"))
    repairs += _out(data, pair.name)
    return Problem(
        pair.name, "grid", f"{_short(refusal.thing)}: {refusal.fault}",
        "look at both, one over the other; then resample, or leave it out", "error", tuple(repairs), refusal.thing,
    )  # fmt: skip


def seen_of(first: Volume, scans: Sequence[Volume], label: Array | None, problems: tuple[Problem, ...]) -> Seen:
    """Take what was read of a case as the check looks at it."""
    image = np.concatenate([_values(one) for one in scans]) if len(scans) > 1 else _values(first)
    flat = image.shape[-1] == 1
    spacing = first.spacing_mm if first.calibrated else None
    return Seen(
        image[..., 0] if flat else image,
        label[..., 0] if flat and label is not None else label,
        spacing[:2] if flat and spacing else spacing,
        first.stored.axes if first.oriented else "",
        first.stored.dtype.name,
        colour=first.kind == "colour",
        problems=problems,
    )


def _values(volume: Volume) -> Array:
    """What a person reads of a scan, (C, x, y, z)."""
    voxels = volume.voxels
    if (volume.slope, volume.intercept) == (1.0, 0.0):
        return voxels
    scaled: Array = voxels.astype(np.float32) * np.float32(volume.slope) + np.float32(volume.intercept)
    return scaled


def sorted_by_class(data: Classed) -> Listing:
    """List the pictures in files that have a class each, whatever lists them."""
    gate = Gate(data.leave_out, lenient=True)
    classes, files = data.listed(gate)
    try:
        out = data._out if not gate.turned else frozenset()
    except Refused:  # a patient on both sides: the sides are then those that are told
        out = frozenset(index for index, one in enumerate(files) if one.held)
    entries = tuple(
        Entry(one.name, partial(_picture, one), "held out" if index in out else "training", classes[one.kind],
              one.group if one.group != one.name else "", one.path)
        for index, one in enumerate(files)
    )  # fmt: skip
    known = any(one.group != one.name for one in files)
    problems = () if known else tuple(_unsaid_patients(entries, "patient"))
    return Listing(apart(entries), classes, "pictures", problems=(*turned_away(gate), *problems))


def apart(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Give cases with the same name on both sides names that tell them apart."""
    seen: set[str] = set()
    made = []
    for one in entries:
        name = one.name if one.name not in seen else f"{one.name} ({one.part or len(seen)})"
        seen.add(name)
        made.append(replace(one, name=name))
    return tuple(made)


def _picture(one: Found) -> Seen:
    volume = finished(read(one.path))
    return seen_of(volume, (volume,), None, ())


def _unsaid_patients(entries: Sequence[Entry], field: str) -> Iterator[Problem]:
    """Warn where file names seem to tell patients apart, several pictures each, and the split does not know."""
    telling = re.compile(f"(?i){_PERSON}")
    names = [telling.match(Path(one.name).name) for one in entries]
    told = Counter(match.group(1) for match in names if match is not None)
    if sum(told.values()) < 0.9 * len(entries) or len(told) > 0.8 * len(entries) or len(told) < 2:
        return
    most, number = told.most_common(1)[0]
    said = f"file names seem to tell patients apart ({most} has {number} pictures), and the split does not look at them"
    yield Problem("", "leakage", said, "split by patient", "warning",
                  (Repair("split by patient", field, f"(?i){_PERSON}"),))  # fmt: skip


def boxed(data: BoxedPictures) -> Listing:
    """List pictures with boxes."""
    gate = Gate(data.leave_out, lenient=True)
    classes, files = data.listed(gate)
    held = _held_boxes(data, gate)
    owners = Owners(Path(data.folder), data.patient)
    entries = tuple(
        Entry(one.path.name, partial(_boxed_picture, one, classes), "held out" if one.path in held else "training",
              patient=owner if (owner := owners(one.path)) != one.path.name else "", image=one.path)
        for one in files
    )  # fmt: skip
    return Listing(apart(entries), classes, "boxes", problems=tuple(turned_away(gate)))


def _held_boxes(data: BoxedPictures, gate: Gate) -> frozenset[Path]:
    """What is held out, as the set is split without what was turned away; as its lists say where that is refused."""
    bad = ", ".join([data.leave_out, *(one.case for one in gate.turned)])
    sound = replace(data, leave_out=bad)
    try:
        return frozenset(sound._read[1][index].path for index in sound._out)
    except Refused:
        return frozenset(one.path for one in data.listed(Gate(bad, lenient=True))[1] if one.held)


def _boxed_picture(one: Labelled, classes: tuple[str, ...]) -> Seen:
    volume = finished(read(one.path))
    seen = seen_of(volume, (volume,), None, ())
    rows = one.boxes.reshape(-1, 4).tolist()
    names = [classes[int(kind)] if 0 <= int(kind) < len(classes) else f"class {int(kind)}" for kind in one.classes]
    return replace(seen, boxes=tuple((name, *row) for name, row in zip(names, rows, strict=True)))


def _short(thing: str) -> str:
    """The file's name alone: the whole path stands in the tool tip."""
    return Path(thing).name or thing
