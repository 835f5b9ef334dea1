"""BIDS: scans of subjects (``sub-01/anat/sub-01_T1w.nii.gz``) with segmentations as derivatives of them.

Three kinds of derivative are read: ``_dseg`` (a label map, named by a .tsv beside it or above), ``_mask`` (one a
structure, named by label-, desc- or res-) and ``_probseg`` (a probability a structure). The scan of a segmentation is
the one of the same subject and session in the same space.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from medviz.data.cases import MOST_CLASSES, Cases, Contents, Fold, HeldOut, Pair, enough, numbered, same_place
from medviz.data.gate import Gate
from medviz.data.mending import Grids, LeaveOut, Relabel, on_grid
from medviz.data.paired import split
from medviz.imaging.readers import read
from medviz.imaging.volume import Volume
from medviz.messages import finished
from medviz.parameters import Choice, File, Group
from medviz.refused import Refused

_ENDINGS = (".nii.gz", ".nii")
_KINDS = ("dseg", "mask", "probseg")
_OWN_SPACES = ("", "orig", "individual", "native", "T1w", "T2w", "FLAIR", "bold", "dwi")
"""Spaces that are those of the raw scan itself."""
_ENTITIES = re.compile(r"([a-zA-Z0-9]+)-([^_]+)")
_FILES = Group("files", advanced=True)
_HALF = 0.5


@dataclass(frozen=True)
class Named:
    """A file by what its name says: entities (sub, ses, space, label ...) and the suffix (T1w, dseg)."""

    path: Path
    entities: Mapping[str, str]
    suffix: str

    @property
    def space(self) -> str:
        """The space it lies in, empty for that of the raw scan."""
        space = self.entities.get("space", "")
        return "" if space in _OWN_SPACES else space


@dataclass(frozen=True)
class Bids(Cases):
    """Subjects in the Brain Imaging Data Structure with segmentations below derivatives/."""

    folder: Annotated[str, File(folder=True), "The folder that holds sub-… and derivatives/"] = ""
    scans: Annotated[
        str, _FILES, "Suffix of the scans, as T1w; several with commas are the channels (T1w, FLAIR); empty: found"
    ] = ""
    labels: Annotated[
        str,
        Choice(("auto", *_KINDS), ("What there is", "dseg: a label map", "mask: one a class", "probseg: a share each")),
        _FILES,
        "Which derivatives are learnt.",
    ] = "auto"
    pipeline: Annotated[str, _FILES, "Folder below derivatives/ that is taken; empty: the first that has labels"] = ""
    held_out: HeldOut = 0.2
    fold: Fold = 0
    leave_out: LeaveOut = ""
    relabel: Relabel = ""
    grids: Grids = "refuse"

    def listed(self, gate: Gate) -> Contents:
        """List the labelled subjects; refuses a folder that has none."""
        folder = _existing(self.folder)
        drawn = self._drawn
        suffixes = split(self.scans) or (_likeliest(folder, drawn),)
        pairs = enough(folder, tuple(_pairs(folder, drawn, suffixes, gate)), gate.lenient)
        names, values = self._classes
        if len(names) > MOST_CLASSES:
            raise Refused(
                folder, f"its segmentations have {len(names)} labels", f"at most {MOST_CLASSES} can be learnt"
            )
        return Contents(names, values, len(suffixes), pairs, folder)

    @cached_property
    def _drawn(self) -> tuple[Named, ...]:
        """The segmentations of one pipeline, all of one kind."""
        folder = _existing(self.folder)
        above = folder / "derivatives"
        pipelines = [above / self.pipeline] if self.pipeline else [*_folders(above), above]
        for place in pipelines:
            found = tuple(_files(place))
            for kind in _KINDS if self.labels == "auto" else (self.labels,):
                of_kind = tuple(one for one in found if one.suffix == kind)
                if of_kind and kind == "dseg":  # aseg and aparcaseg are two maps of one brain: the first is learnt
                    first = of_kind[0].entities.get("desc")
                    return tuple(one for one in of_kind if one.entities.get("desc") == first)
                if of_kind:
                    return of_kind
        wanted = "segmentation" if self.labels == "auto" else f"_{self.labels} file"
        raise Refused(above, f"no {wanted} lies below it", "put sub-…_dseg.nii.gz, _mask or _probseg there")

    @cached_property
    def _classes(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Names of the classes, and for label maps their values in the files."""
        drawn = self._drawn
        if drawn[0].suffix != "dseg":
            return tuple(sorted({_structure(one) for one in drawn})), ()
        named = _table_of(drawn[0].path, Path(self.folder))
        if not named:
            found: set[int] = set()
            for one in drawn[:: max(1, len(drawn) // 10)]:
                found |= {int(value) for value in np.unique(finished(read(one.path)).frame()) if value > 0}
            named = {value: f"label {value}" for value in found}
        values = tuple(sorted(value for value in named if value > 0))
        return tuple(named[value] for value in values), values

    def label_of(self, pair: Pair, scan: Volume) -> NDArray[np.uint8]:
        """Read the label map of a case, or put it together of masks or shares."""
        drawn = {one.path: one for one in self._drawn}
        maps = [(drawn[path], on_grid(finished(read(path)), scan, self.grids)) for path in pair.labels]
        for one, volume in maps:
            same_place(scan, volume, one.path, pair.images[0])
        if maps[0][0].suffix == "dseg":
            return numbered(maps[0][1], maps[0][0].path, self.contents.values, self.relabel)
        label, best = np.zeros(scan.shape, np.uint8), np.full(scan.shape, _HALF, np.float32)
        for one, volume in maps:
            number = self.classes.index(_structure(one)) + 1
            share = volume.frame() * volume.slope + volume.intercept
            inside = share != 0 if one.suffix == "mask" else share >= best
            label[inside] = number
            best[inside] = share[inside]
        return label


def _pairs(folder: Path, drawn: Sequence[Named], suffixes: Sequence[str], gate: Gate) -> Iterator[Pair]:
    """A case for each subject and session that has segmentations, in the space of the first of them."""
    scans = [one for one in (*_raw(folder), *_files(folder / "derivatives")) if one.suffix in suffixes]
    groups: dict[tuple[str, ...], list[Named]] = {}
    for one in drawn:
        key = tuple(f"{name}-{one.entities[name]}" for name in ("sub", "ses", "run") if name in one.entities)
        groups.setdefault((*key, one.space), []).append(one)
    spaces: dict[tuple[str, ...], str] = {}
    for key, labels in groups.items():
        who, space = key[:-1], key[-1]
        if spaces.setdefault(who, space) != space:
            continue  # the same brain in a second space is no second case
        name = "_".join(who)
        if not gate.lets(name):
            continue
        try:
            images = tuple(_scan_of(labels[0], scans, suffix) for suffix in suffixes)
        except Refused as refusal:
            gate.turn_away(name, "missing", refusal)
        else:
            yield Pair(name, images, tuple(one.path for one in labels), f"sub-{labels[0].entities['sub']}")


def _scan_of(label: Named, scans: Sequence[Named], suffix: str) -> Path:
    """Find the scan of a segmentation: same subject, session, space; that beside it, or whose name agrees most."""
    same = [
        one
        for one in scans
        if one.suffix == suffix
        and one.space == label.space
        and all(one.entities.get(name) == label.entities.get(name) for name in ("sub", "ses"))
    ]
    if not same:
        where = f"in space {label.space}" if label.space else "of the same subject"
        raise Refused(label.path, f"there is no {suffix} {where}", "add the scan, or take the segmentation away")

    def nearness(one: Named) -> tuple[bool, int]:
        shared = len(set(one.entities.items()) & set(label.entities.items()))
        return one.path.parent == label.path.parent, shared

    return max(same, key=nearness).path


def _likeliest(folder: Path, drawn: Sequence[Named]) -> str:
    """The suffix that most subjects with segmentations have in their own space; T1w where several do."""
    who = {one.entities["sub"] for one in drawn}
    counts = Counter(one.suffix for one in _raw(folder) if one.entities["sub"] in who)
    if not counts:
        counts = Counter(one.suffix for one in _files(folder / "derivatives") if one.suffix not in _KINDS)
    if not counts:
        raise Refused(folder, "no scan of its subjects was found", "put sub-…/anat/sub-…_T1w.nii.gz there")
    most = max(counts.values())
    return min((one for one, count in counts.items() if count == most), key=lambda one: (one != "T1w", one))


def _structure(one: Named) -> str:
    """What a mask or a share is of."""
    return next((one.entities[name] for name in ("label", "desc", "res") if name in one.entities), "mask")


def _table_of(path: Path, root: Path) -> dict[int, str]:
    """Read the names of a label map: the .tsv of the same name, else the nearest …dseg.tsv above; empty for none."""
    beside = path.parent / f"{path.name.split('.')[0]}.tsv"
    folders = [folder for folder in path.parents if folder == root or root in folder.parents]
    tables = [beside, *(one for folder in folders for one in sorted(folder.glob("*dseg.tsv")))]
    for table in (one for one in tables if one.is_file()):
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        try:
            return {int(row["index"]): str(row.get("name") or row["index"]) for row in rows}
        except (KeyError, TypeError, ValueError) as problem:
            raise Refused(table, "it has no columns index and name", "mend it as BIDS has it") from problem
    return {}


def _raw(folder: Path) -> Iterator[Named]:
    for subject in _folders(folder):
        if subject.name.startswith("sub-"):
            yield from _files(subject)


def _files(folder: Path) -> Iterator[Named]:
    """Files of subjects below a folder, by what their names say."""
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("sub-*_*")):
        ending = next((one for one in _ENDINGS if path.name.endswith(one)), None)
        if ending is not None and path.is_file():
            *parts, suffix = path.name.removesuffix(ending).split("_")
            yield Named(path, dict(pair for part in parts for pair in _ENTITIES.findall(part)), suffix)


def _folders(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []


def _existing(folder: str) -> Path:
    if not folder or folder == ".":
        raise Refused("data folder", "none was chosen", "choose the folder that holds sub-… and derivatives/")
    if not Path(folder).is_dir():
        raise Refused(folder, "there is no such folder", "choose the folder that holds sub-… and derivatives/")
    return Path(folder)
