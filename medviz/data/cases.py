"""Cases with label maps, whatever folder they come out of: read, put on one grid, split by patient, cut to patches.

A layout is a data set that says what its cases are (`Contents`) and, where that is special, how a scan or a label map
of one is read. All else is here, and is the same for each of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.gate import Gate
from medviz.data.label_maps import numbered as numbered
from medviz.data.label_maps import same_place as same_place
from medviz.data.mending import on_grid
from medviz.data.patches import Case, Patches, Sample, Sides, Wholes, sides_of
from medviz.data.preparation import Preparation
from medviz.data.shelf import Shelf
from medviz.data.splitting import Split, apart, file_of, fixed, hashed, held_out
from medviz.imaging.readers import READERS, describe, read
from medviz.imaging.volume import Volume, like
from medviz.messages import finished
from medviz.parameters import Group, Range
from medviz.refused import Refused

_LOOKED_AT = 20
"""Cases whose headers are read for the spacing and the colours of a set."""
MOST_CLASSES = 255

HeldOut = Annotated[float, Range(0.05, 0.5), "Share of the cases that training never sees", Group("data")]
Fold = Annotated[int, Range(0, 19, 1), "Which cases are held out", Group("data")]
Labelled = Annotated[
    int | None,
    Range(1, 100_000, 1, log=True),
    "Learn from so many of the labelled cases only, always the same ones: what few labels do; automatic: from all",
    Group("data", advanced=True),
]
Patient = Annotated[
    str,
    "Regular expression for the part of a case's name that tells patients apart; empty: each case alone",
    Group("data", advanced=True),
]


@dataclass(frozen=True)
class Pair:
    """One labelled case: a file a channel (or one for all), and its label map or the masks that make one up.

    `group` is whose it is (empty: its own); `side` is "train", "val" or "test" where the folder itself says so.
    """

    name: str
    images: tuple[Path, ...]
    labels: tuple[Path, ...]
    group: str = ""
    side: str = ""

    @property
    def whose(self) -> str:
        """Whose the case is, which goes to one side of the split as a whole."""
        return self.group or self.name


@dataclass(frozen=True)
class Contents:
    """What a folder holds: names of the labels 1, 2, ..., the values they have in the files, the channels, the cases.

    Without values the data set itself turns what it reads into 0, 1, 2, ... `root` is where a file of folds may lie.
    """

    names: tuple[str, ...]
    values: tuple[int, ...]
    channels: int
    pairs: tuple[Pair, ...]
    root: Path | None = None


class Cases:
    """What all data sets of labelled cases share; they give the fields `held_out` and `fold`, and say what is `listed`.

    Those that can be mended have the fields `leave_out`, `relabel` and `grids` too, see `medviz.data.mending`.
    """

    held_out: float
    fold: int
    leave_out: str = ""
    relabel: str = ""
    grids: str = "refuse"
    labelled: int | None = None

    @cached_property
    def contents(self) -> Contents:
        """What the folder holds; refuses (Refused) what cannot be learnt from."""
        return self.listed(Gate(self.leave_out))

    def listed(self, gate: Gate) -> Contents:
        """List the cases that the gate lets in, and hand it the refusals that concern one case only."""
        raise TypeError(f"{type(self).__name__} does not say what it lists")

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels 1, 2, ..."""
        return self.contents.names

    @cached_property
    def channels(self) -> int:
        """Channels of an image: those declared, or 3 where some of the pictures are in colour."""
        declared = self.contents.channels
        return 3 if declared == 1 and self._pictures and any(_in_colour(one) for one in self._some) else declared

    @cached_property
    def dimensions(self) -> tuple[int, ...]:
        """2 for pictures, else slices and volumes."""
        return (2,) if self.flat else (2, 3)

    @cached_property
    def flat(self) -> bool:
        """Tell whether the cases are pictures of one slice."""
        shape = self._some[0]["shape"]
        return len(shape) < 3 or int(shape[2]) == 1

    def preparation(self, dimensions: int, patch: Sides = 0) -> Preparation:
        """Resample to the middle spacing of the cases; slices run across the coarsest axis; pictures stay."""
        sides = sides_of(patch, dimensions)
        if self._pictures:
            return Preparation(dimensions, self.channels, None, 2, sides, picture=True)
        spacing = self._spacing_mm
        coarsest = int(np.argmax(spacing))
        normal = coarsest if spacing[coarsest] > 1.5 * min(spacing) and not self.flat else 2
        known = spacing if any(one["spacing_mm"] for one in self._some) else None
        return Preparation(dimensions, self.channels, known, normal, sides)

    def training(self, dimensions: int, patch: Sides, augment: float = 1.0) -> Patches:
        """Patches of `patch` pixels or voxels a side, several slices of each case."""
        augmentation = Augmentation().stronger(augment) if augment else NO_AUGMENTATION
        normal = self._across(dimensions)
        each = 1 if normal is None else 4
        return Patches(self._shelf(0, dimensions), sides_of(patch, dimensions), augmentation, normal, each)

    def validation(self, dimensions: int) -> Wholes:
        """Whole volumes (or pictures) of the held-out cases, or some whole slices of each."""
        return Wholes(self._shelf(1, dimensions), self._across(dimensions))

    def probes(self, dimensions: int) -> Sequence[Sample]:
        """Return the first three held-out volumes or pictures, or a middle slice of each volume."""
        held = self.validation(dimensions)
        step = held.each if held.normal is not None else 1
        return [held[index * step + step // 2] for index in range(min(3, len(held) // step))]

    def split(self) -> Split:
        """Tell which cases are learnt from and which are held out, by hashes of their names, and what decided."""
        training, validation = (tuple(sorted(hashed(one.name) for one in side)) for side in self.sides)
        return Split(training, validation, self._decided)

    @cached_property
    def sides(self) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
        """The cases to learn from and those held out; no patient is on both sides, and those for a test on neither."""
        pairs = tuple(sorted((one for one in self.contents.pairs if one.side != "test"), key=lambda one: one.name))
        training, validation = self._chosen(pairs)
        if not training or not validation:
            side = "to learn from" if not training else "to measure on"
            remedy = "at least two labelled cases of two patients are needed: train and validate"
            raise Refused(self._place, f"it has no case {side}", remedy)
        apart([one.whose for one in training], [one.whose for one in validation], self._place)
        return fewer(training, self.labelled), validation

    def _chosen(self, pairs: tuple[Pair, ...]) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
        path = file_of(self.contents.root) if self.contents.root is not None else None
        if path is not None:
            first, second = fixed(path, [one.name for one in pairs], self.fold)
        elif any(one.side == "val" for one in pairs):
            second = frozenset(index for index, one in enumerate(pairs) if one.side == "val")
            first = frozenset(range(len(pairs))) - second
        else:
            second = held_out([one.whose for one in pairs], [0] * len(pairs), self.held_out, self.fold)
            first = frozenset(range(len(pairs))) - second
        return tuple(pairs[k] for k in sorted(first)), tuple(pairs[k] for k in sorted(second))

    @property
    def _decided(self) -> str:
        path = file_of(self.contents.root) if self.contents.root is not None else None
        if path is not None:
            return f"{path.name}, fold {self.fold}"
        if any(one.side == "val" for one in self.contents.pairs):
            return "the data set's own folders or column"
        return f"a hash of the patient or case, fold {self.fold} of {max(2, round(1 / self.held_out))}"

    @property
    def _place(self) -> object:
        return self.contents.root or type(self).__name__

    def header_of(self, pair: Pair) -> dict[str, Any]:
        """Grid and colours of the first scan of a case (shape, axes, spacing_mm, dtype), without decoding it."""
        return describe(pair.images[0])

    def scans_of(self, pair: Pair) -> list[Volume]:
        """Read the scans of a case, one a channel or one for all."""
        return [finished(read(path)) for path in pair.images]

    def label_of(self, pair: Pair, scan: Volume) -> NDArray[np.uint8]:
        """Read the label map of a case as 0, 1, 2, ... (x, y, z) on the grid of its scan."""
        path = pair.labels[0]
        label = on_grid(finished(read(path)), scan, self.grids)
        same_place(scan, label, path, pair.images[0])
        return numbered(label, path, self.contents.values, self.relabel)

    @property
    def held_out_cases(self) -> int:
        """How many cases are held out."""
        return len(self.sides[1])

    def native(self, number: int) -> tuple[Volume, Volume]:
        """Scan (all channels) and reference (labels 0, 1, 2, ...) of a held-out case on the scan's own grid."""
        return self.native_of(self.sides[1][number])

    def learnt(self, number: int) -> tuple[Volume, Volume]:
        """Return the same of a case that is learnt from."""
        return self.native_of(self.sides[0][number])

    def native_of(self, pair: Pair) -> tuple[Volume, Volume]:
        """Scan and reference of any case."""
        scans = self.scans_of(pair)
        scan = scans[0]
        if len(scans) > 1:
            scan = like(scan, np.concatenate([one.voxels for one in scans]), scan.name, kind="frames")
        return scan, like(scan, self.label_of(pair, scans[0]), "reference")

    def case_of(self, pair: Pair, preparation: Preparation) -> Case:
        """Read and prepare one case; refuses a mask on another grid and labels that were not declared."""
        scans = self.scans_of(pair)
        for scan, path in zip(scans[1:], pair.images[1:], strict=False):
            same_place(scans[0], scan, path, pair.images[0])
        alone = replace(preparation, channels=1) if len(scans) > 1 else preparation
        image = np.concatenate([alone.prepared(scan) for scan in scans])
        label = preparation.prepared_label(like(scans[0], self.label_of(pair, scans[0])))
        if self.flat and label.shape[2] != 1:
            fault = f"it has {label.shape[2]} slices and the other cases one"
            raise Refused(pair.images[0], fault, "leave it out, or put volumes into a set of their own")
        if self.flat:
            return Case(pair.name, np.ascontiguousarray(image[..., 0]), np.ascontiguousarray(label[..., 0]))
        return Case(pair.name, image, label)

    def _shelf(self, side: int, dimensions: int) -> Shelf:
        return Shelf(self.sides[side], partial(self.case_of, preparation=self.preparation(dimensions)))

    def _across(self, dimensions: int) -> int | None:
        return self.preparation(2).normal if dimensions == 2 and not self.flat else None

    @cached_property
    def _some(self) -> list[dict[str, Any]]:
        """Headers of up to 20 cases, spread over the set."""
        pairs = self.contents.pairs
        return [self.header_of(pair) for pair in pairs[:: max(1, len(pairs) // _LOOKED_AT)]]

    @property
    def _pictures(self) -> bool:
        """Tell whether the cases are pictures that do not say how they lie in a patient."""
        return self.flat and not self._some[0]["axes"]

    @cached_property
    def _spacing_mm(self) -> tuple[float, float, float]:
        """Middle spacing of some cases, in RAS+ order."""
        x, y, z = np.median(np.array([spacing_ras(one) for one in self._some]), axis=0)
        return float(x), float(y), float(z)


def fewer(pairs: tuple[Pair, ...], count: int | None) -> tuple[Pair, ...]:
    """Take `count` of the cases, chosen by a hash of their names: the first five are among the first ten."""
    if count is None or count >= len(pairs):
        return pairs
    kept = {one.name for one in sorted(pairs, key=lambda one: hashed(one.name))[:count]}
    return tuple(one for one in pairs if one.name in kept)


def image_endings() -> tuple[str, ...]:
    """Endings of all the files that can be read as an image."""
    return tuple(end for entry in READERS.entries.values() for end in getattr(entry, "suffixes", ()))


def stem(name: str) -> str:
    """Name of a file without its ending, ".nii.gz" taken as one."""
    for ending in sorted(image_endings(), key=len, reverse=True):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def grouped(pairs: Sequence[Pair], patient: str) -> tuple[Pair, ...]:
    """Say whose each case is: what the expression finds in its name (its first bracket, if it has one)."""
    if not patient:
        return tuple(pairs)
    telling = expression(patient)
    return tuple(replace(one, group=found_in(one.name, telling) or one.group) for one in pairs)


def expression(patient: str) -> re.Pattern[str]:
    """Compile what a person wrote; refuses what is no regular expression."""
    try:
        return re.compile(patient)
    except re.error as problem:
        fault = f"it is no regular expression ({problem})"
        raise Refused(f"patient={patient}", fault, "mend it, or leave it empty") from problem


def found_in(name: str, telling: re.Pattern[str]) -> str:
    """Return the part of a name that tells patients apart, empty where there is none."""
    match = telling.search(name)
    if match is None:
        return ""
    return (match.group(1) if match.groups() else match.group(0)) or ""


def enough(place: object, pairs: Sequence[Pair], lenient: bool = False) -> tuple[Pair, ...]:
    """Return the cases; refuses names that occur twice and, unless `lenient`, fewer than two to learn from."""
    used = [one for one in pairs if one.side != "test"]
    if len(used) < 2 and not lenient:
        raise Refused(place, f"it has {len(used)} labelled case(s)", "at least two are needed: train and validate")
    seen: set[str] = set()
    for one in pairs:
        if one.name in seen:
            raise Refused(place, f"two cases are called {one.name}", "rename one of them")
        seen.add(one.name)
    return tuple(pairs)


def spacing_ras(description: dict[str, Any]) -> tuple[float, float, float]:
    """Spacing of a described file along R, A and S, whatever the order it is stored in."""
    has = description.get("spacing_mm") or [1.0, 1.0, 1.0]
    along = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
    spacing = [1.0, 1.0, 1.0]
    for letter, value in zip(description["axes"], has, strict=False):
        spacing[along[letter]] = float(value)
    return spacing[0], spacing[1], spacing[2]


def _in_colour(description: dict[str, Any]) -> bool:
    return str(description["dtype"]).startswith("rgb")
