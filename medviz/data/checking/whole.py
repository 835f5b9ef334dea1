"""What only shows when all cases are seen together: duplicates, leakage, labels, balance, mixed grids."""

from collections import Counter
from collections.abc import Iterator, Sequence

from medviz.data.checking.entries import Listing
from medviz.data.checking.measuring import Measured
from medviz.data.checking.report import CaseFacts, ClassCount, Problem, Repair, Severity

_NOTED, _WARNED = 5.0, 20.0
"""So many times rarer than the commonest a class is noted, and warned of."""
_VOXELS_NOTED = 50.0
_MANY_BOXES = 100
_MIXED, _VERY_MIXED = 1.05, 2.0
"""Largest over smallest spacing along an axis."""


def together(seen: Sequence[Measured], listing: Listing, counts: Sequence[ClassCount]) -> Iterator[Problem]:
    """Judge the set as a whole."""
    cases = [one.facts for one in seen if not one.facts.broken]
    yield from duplicates(seen, listing)
    yield from leakage(cases, listing)
    yield from _gaps(listing)
    yield from _absent(counts, cases, listing)
    yield from _few(cases, listing, counts)
    yield from _imbalance(counts, listing)
    yield from _channels(cases, listing)
    yield from _spacings(cases)
    yield from _orientations(cases)


def duplicates(seen: Sequence[Measured], listing: Listing) -> Iterator[Problem]:
    """One row for each picture that is there more than once."""
    groups: dict[bytes, list[CaseFacts]] = {}
    for one in seen:
        if one.digest and not any(problem.kind == "blank" for problem in one.problems):
            groups.setdefault(one.digest, []).append(one.facts)
    for same in groups.values():
        if len(same) > 1:
            yield _same_picture(same, listing)


def _same_picture(same: Sequence[CaseFacts], listing: Listing) -> Problem:
    """One picture under several names; the copies to leave out are those that are learnt from."""
    kinds = sorted({one.kind for one in same})
    both = {"training", "held out"} <= {one.part for one in same}
    kept = next((one for one in same if one.part == "held out"), same[0]) if both else same[0]
    copies = [one for one in same if one is not kept and not (both and one.part == "held out")]
    first = copies[0]
    others = [one.name for one in same if one is not first]
    said = f"it is the same picture, voxel for voxel, as {', '.join(others[:3])}{' …' if len(others) > 3 else ''}"
    if len(kinds) > 1:
        said += f", once as {' and once as '.join(kinds)}"
        remedy = "find out which is right, and leave the other out"
    elif both:
        said += ", which is held out: the score would be too good"
        remedy = "leave it out of what is learnt from"
    else:
        remedy = "leave it out, or it counts more than others"
    words = f"leave {first.name} out" if len(copies) == 1 else f"leave {len(copies)} copies out"
    out = (Repair(words, "leave_out", ", ".join(one.name for one in copies)),) if "leave_out" in listing.mends else ()
    severity: Severity = "error" if both or len(kinds) > 1 else "warning"
    return Problem(first.name, "duplicate", said, remedy, severity, out, first.image)


def leakage(cases: Sequence[CaseFacts], listing: Listing) -> Iterator[Problem]:
    """One row for each patient on both sides of the split."""
    sides: dict[str, dict[str, list[CaseFacts]]] = {}
    for one in cases:
        if one.patient and one.part:
            sides.setdefault(one.patient, {}).setdefault(one.part, []).append(one)
    for patient, parts in sides.items():
        if len(parts) < 2:
            continue
        held, learnt = parts.get("held out", []), parts.get("training", [])
        said = (
            f"patient {patient} is on both sides: {len(learnt)} to learn from, {len(held)} held out "
            f"({held[0].name}); the score would be too good"
        )
        out = (Repair("leave the held-out ones of this patient out", "leave_out", ", ".join(one.name for one in held)),)
        yield Problem(held[0].name, "leakage", said, "put all of a patient on one side", "error",
                      out if "leave_out" in listing.mends else (), held[0].image)  # fmt: skip


def relabelling(seen: Sequence[Measured], listing: Listing) -> str:
    """Return "255=1" where the values that stand in all masks are the declared ones by their order, else ""."""
    if "relabel" not in listing.mends or not any(one.strange for one in seen):
        return ""
    there = sorted({value for one in seen for value in one.found if value})
    if len(there) != len(listing.values):
        return ""
    return ", ".join(f"{one}={meant}" for one, meant in zip(there, sorted(listing.values), strict=True) if one != meant)


def _gaps(listing: Listing) -> Iterator[Problem]:
    """Note declared values that leave numbers out."""
    values = sorted(listing.values)
    missing = [value for value in range(1, (values or [0])[-1]) if value not in values] if len(values) < 300 else []
    if missing and len(values) > 1:
        shown = ", ".join(map(str, missing[:5])) + (" …" if len(missing) > 5 else "")
        said = f"the declared labels leave out {shown}"
        order = "nothing: they are read in their order as 1, 2, 3 …; other programs may refuse them"
        yield Problem("", "gaps", said, order, "note")


def _absent(counts: Sequence[ClassCount], cases: Sequence[CaseFacts], listing: Listing) -> Iterator[Problem]:
    """Warn of classes that are declared and never occur, or never to learn from."""
    for one in counts:
        if not cases:
            return
        if not one.count:
            said = f"{one.name} is declared and occurs in no case"
            remedy = "check the masks, or take it off the declaration"
        elif not any(one.name in case.classes for case in cases if case.part != "held out"):
            said = f"{one.name} occurs only in what is held out: it cannot be learnt"
            remedy = "take another fold, or add cases that show it"
        else:
            continue
        yield Problem("", "class", said, remedy, "warning")


def _few(cases: Sequence[CaseFacts], listing: Listing, counts: Sequence[ClassCount]) -> Iterator[Problem]:
    """Warn of sets and classes of which there is too little to learn and to validate."""
    if len(cases) < 2:
        said = f"there {'is 1 case' if cases else 'are no cases'} that can be read"
        yield Problem("", "few", said, "at least two are needed: one to learn from, one to validate", "error")
        return
    for one in counts if listing.counted == "pictures" else ():
        if one.count == 1:
            said = f"{one.name} has one picture only: it cannot be learnt and validated"
            yield Problem("", "few", said, f"add pictures of {one.name}, or leave the class out", "warning")
    total = sum(one.count for one in counts)
    for one in counts if listing.counted == "boxes" and total >= _MANY_BOXES else ():
        if 0 < one.count <= 2:
            said = f"{one.name} has {one.count} of {total:,} boxes: a slip of the pen, or too few to be learnt"
            yield Problem("", "few", said, "mend its name where it is one, or add pictures that show it", "warning")


def _imbalance(counts: Sequence[ClassCount], listing: Listing) -> Iterator[Problem]:
    """One row for the rarest class, where it is much rarer than the commonest."""
    there = [one for one in counts if one.count]
    if len(there) < 2:
        return
    rare, common = min(there, key=lambda one: one.count), max(there, key=lambda one: one.count)
    ratio = common.count / rare.count
    if ratio < (_VOXELS_NOTED if listing.counted == "voxels" else _NOTED):
        return
    said = (
        f"{common.name} has {common.count:,} {listing.counted}, {rare.name} {rare.count:,}: {ratio:.0f} times as many"
    )
    remedies = {
        "pictures": "leave balance on, and judge by balanced accuracy or AUC",
        "boxes": "judge each class by its own average precision; a focal loss helps",
        "voxels": "take a loss with Dice in it, and judge each class by its own Dice",
    }
    severity: Severity = "note" if ratio < _WARNED or listing.counted == "voxels" else "warning"
    yield Problem("", "imbalance", said, remedies[listing.counted], severity)


def _channels(cases: Sequence[CaseFacts], listing: Listing) -> Iterator[Problem]:
    """Note sets in which some pictures are grey and some in colour."""
    counts = Counter(one.channels for one in cases)
    if listing.channels is None and len(counts) > 1:
        words = ", ".join(f"{number} with {channels}" for channels, number in counts.most_common(4))
        said = f"pictures have different numbers of channels: {words}"
        yield Problem("", "channels", said, "nothing: grey and colour are turned into each other", "note")


def _spacings(cases: Sequence[CaseFacts]) -> Iterator[Problem]:
    """One row where voxels are of different sizes."""
    known = [(one.spacing_mm, one.name) for one in cases if one.spacing_mm is not None]
    if len(known) < 2:
        return
    ratios = [max(column) / max(min(column), 1e-6) for column in zip(*(mm for mm, _ in known), strict=False)]
    if max(ratios) < _MIXED:
        return
    axis = ratios.index(max(ratios))
    finest, coarsest = min(known, key=lambda one: one[0][axis]), max(known, key=lambda one: one[0][axis])
    said = (
        f"along {'RAS'[axis]} voxels are {finest[0][axis]:.3g} mm ({finest[1]}) to {coarsest[0][axis]:.3g} mm "
        f"({coarsest[1]})"
    )
    severity: Severity = "warning" if max(ratios) > _VERY_MIXED else "note"
    look = "; look whether the coarsest show enough" if severity == "warning" else ""
    yield Problem("", "spacing", said, f"nothing: all are resampled to the middle spacing{look}", severity)


def _orientations(cases: Sequence[CaseFacts]) -> Iterator[Problem]:
    """One row where scans are stored in different orders."""
    counts = Counter(one.axes for one in cases if one.axes)
    if len(counts) > 1:
        words = ", ".join(f"{number} {axes}" for axes, number in counts.most_common(5))
        said = f"scans are stored in different orders: {words}"
        yield Problem("", "orientation", said, "nothing: all are turned to R, A, S before they are learnt from", "note")
