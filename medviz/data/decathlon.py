"""A folder as the Medical Segmentation Decathlon and nnU-Net lay it out: imagesTr, labelsTr and dataset.json.

Both forms of dataset.json are read: MSD and nnU-Net 1 (a list of pairs, labels "1": "liver") and nnU-Net 2 (no list,
labels "liver": 1, one file a channel named CASE_0000). What is wrong is refused with the file and the remedy.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.patches import Case, Patches, Sample, Wholes
from medviz.data.preparation import Preparation
from medviz.imaging.readers import describe, read
from medviz.imaging.volume import Volume, like
from medviz.messages import finished
from medviz.parameters import File, Group, Range
from medviz.refused import Refused

_KEPT_BYTES = 2 << 30
"""Prepared cases kept in memory; beyond that they are read anew."""


@dataclass(frozen=True)
class Pair:
    """One labelled case: a file a channel (or one file for all), and the label map."""

    name: str
    images: tuple[Path, ...]
    label: Path


@dataclass(frozen=True)
class Contents:
    """What dataset.json declares: names of the labels 1, 2, ..., the values they have in the files, the channels."""

    names: tuple[str, ...]
    values: tuple[int, ...]
    channels: int
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Decathlon:
    """Scans with label maps in the layout of the Medical Segmentation Decathlon or nnU-Net."""

    folder: Annotated[str, File(folder=True), "The folder that holds dataset.json"] = ""
    held_out: Annotated[float, Range(0.05, 0.5), "Share of the cases that training never sees", Group("data")] = 0.2
    fold: Annotated[int, Range(0, 19, 1), "Which cases are held out", Group("data")] = 0

    @cached_property
    def contents(self) -> Contents:
        """What the folder declares; refuses a folder that cannot be trained on."""
        return contents(Path(self.folder))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels."""
        return self.contents.names

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return self.contents.channels

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Slices and volumes."""
        return (2, 3)

    def preparation(self, dimensions: int, patch: int = 0) -> Preparation:
        """Resample to the middle spacing of the cases; slices run across the coarsest axis."""
        spacing = self._spacing_mm
        coarsest = int(np.argmax(spacing))
        normal = coarsest if spacing[coarsest] > 1.5 * min(spacing) else 2
        return Preparation(dimensions, self.channels, spacing, normal, (patch,) * dimensions if patch else ())

    def training(self, dimensions: int, patch: int, augment: float = 1.0) -> Patches:
        """Patches of `patch` pixels or voxels a side, several slices of each case."""
        augmentation = Augmentation().stronger(augment) if augment else NO_AUGMENTATION
        cases = Shelf(self._pairs(False), self.contents, self.preparation(dimensions))
        normal = self.preparation(2).normal if dimensions == 2 else None
        return Patches(cases, (patch,) * dimensions, augmentation, normal, each=4 if dimensions == 2 else 1)

    def validation(self, dimensions: int) -> Wholes:
        """Whole volumes of the held-out cases, or some whole slices of each."""
        cases = Shelf(self._pairs(True), self.contents, self.preparation(dimensions))
        return Wholes(cases, self.preparation(2).normal if dimensions == 2 else None)

    def probes(self, dimensions: int) -> Sequence[Sample]:
        """Return the first three held-out volumes, or a middle slice of each."""
        held = self.validation(dimensions)
        step = held.each if dimensions == 2 else 1
        return [held[index * step + step // 2] for index in range(min(3, len(held) // step))]

    def _pairs(self, held_out: bool) -> tuple[Pair, ...]:
        """One side of the split: cases shuffled once and for all, then every n-th held out; no case on both sides."""
        pairs = sorted(self.contents.pairs, key=lambda pair: pair.name)
        order = np.random.default_rng(0).permutation(len(pairs))
        folds = max(2, min(len(pairs), round(1 / self.held_out)))
        chosen = {int(one) for one in order[self.fold % folds :: folds]}
        return tuple(pair for index, pair in enumerate(pairs) if (index in chosen) == held_out)

    @cached_property
    def _spacing_mm(self) -> tuple[float, float, float]:
        """Middle spacing of up to 20 cases, in RAS+ order; headers only."""
        pairs = self.contents.pairs
        some = pairs[:: max(1, len(pairs) // 20)]
        spacings = [_spacing_ras(describe(pair.images[0])) for pair in some]
        x, y, z = np.median(np.array(spacings), axis=0)
        return float(x), float(y), float(z)


class Shelf(Sequence[Case]):
    """The cases of a folder, read and prepared when first asked for; the last ones are kept within bounds."""

    def __init__(self, pairs: tuple[Pair, ...], declared: Contents, preparation: Preparation) -> None:
        self._pairs = pairs
        self._declared = declared
        self._preparation = preparation
        self._kept: dict[int, Case] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: Any) -> Any:
        """Return a case; reads it where it is not at hand."""
        number = range(len(self._pairs))[int(index)]
        if number not in self._kept:
            self._keep(number, case_of(self._pairs[number], self._declared, self._preparation))
        return self._kept[number]

    def _keep(self, number: int, case: Case) -> None:
        while self._kept and self._bytes + _size(case) > _KEPT_BYTES:
            self._bytes -= _size(self._kept.pop(next(iter(self._kept))))
        self._kept[number] = case
        self._bytes += _size(case)


def case_of(pair: Pair, declared: Contents, preparation: Preparation) -> Case:
    """Read and prepare one case; refuses a mask on another grid and labels that were not declared."""
    scans = [finished(read(path)) for path in pair.images]
    label = finished(read(pair.label))
    for scan in (*scans[1:], label):
        if not scans[0].same_grid(scan):
            fault = f"it lies on another grid than {pair.images[0].name} ({_grid(scan)} against {_grid(scans[0])})"
            thing = pair.label if scan is label else pair.images[scans.index(scan)]
            raise Refused(thing, fault, "resample one to the other, or leave the case out")
    alone = replace(preparation, channels=1) if len(scans) > 1 else preparation
    image = np.concatenate([alone.prepared(scan) for scan in scans])
    numbered = like(label, _numbered(label, pair, declared))
    return Case(pair.name, image, preparation.prepared_label(numbered))


def contents(folder: Path) -> Contents:
    """Read dataset.json and find the pairs; refuses (Refused) what cannot be trained on."""
    if not str(folder) or str(folder) == ".":
        raise Refused("data folder", "none was chosen", "choose the folder that holds dataset.json")
    if not folder.is_dir():
        raise Refused(folder, "there is no such folder", "choose the folder that holds dataset.json")
    path = folder / "dataset.json"
    if not path.is_file():
        raise Refused(folder, "it has no dataset.json", "choose a folder in the layout of MSD or nnU-Net")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise Refused(path, f"it is no JSON ({problem})", "repair it") from problem
    if not isinstance(said, dict) or not isinstance(said.get("labels"), dict):
        raise Refused(path, "it declares no labels", 'add "labels": {"0": "background", "1": "..."}')
    names, values = _labels(said["labels"], path)
    channels = max(1, len(said.get("channel_names") or said.get("modality") or {"0": ""}))
    pairs = tuple(_listed(folder, said) if said.get("training") else _found(folder, said, channels))
    if len(pairs) < 2:
        raise Refused(folder, f"it has {len(pairs)} labelled case(s)", "at least two are needed: train and validate")
    return Contents(names, values, channels, pairs)


def _labels(said: dict[str, Any], path: Path) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names and values but for the background, from {"1": "liver"} (MSD) or {"liver": 1} (nnU-Net 2)."""
    try:
        if all(str(key).isdigit() for key in said):
            pairs = sorted((int(key), str(name)) for key, name in said.items())
        else:
            pairs = sorted((int(value), str(name)) for name, value in said.items() if name != "ignore")
    except (TypeError, ValueError) as problem:
        raise Refused(path, "its labels are no whole numbers (regions?)", 'write {"1": "liver", ...}') from problem
    kept = [(value, name) for value, name in pairs if value != 0]
    if not kept:
        raise Refused(path, "it declares no label but the background", "declare what is to be learnt")
    return tuple(name for _, name in kept), tuple(value for value, _ in kept)


def _listed(folder: Path, said: dict[str, Any]) -> Iterator[Pair]:
    """Pairs as MSD lists them; a file that is missing is refused."""
    for entry in said["training"]:
        image, label = folder / str(entry["image"]), folder / str(entry["label"])
        for path in (image, label):
            if not path.is_file():
                raise Refused(path, "dataset.json lists it, but it is not there", "restore it or take it off the list")
        yield Pair(_stem(image.name), (image,), label)


def _found(folder: Path, said: dict[str, Any], channels: int) -> Iterator[Pair]:
    """Pairs as nnU-Net 2 finds them: labelsTr/CASE and imagesTr/CASE_0000, CASE_0001, ..."""
    ending = str(said.get("file_ending", ".nii.gz"))
    labels = sorted((folder / "labelsTr").glob(f"*{ending}"))
    if not labels:
        raise Refused(folder, f"labelsTr holds no {ending} file", "put the label maps there")
    for label in labels:
        name = label.name.removesuffix(ending)
        images = tuple(folder / "imagesTr" / f"{name}_{channel:04d}{ending}" for channel in range(channels))
        missing = [path for path in images if not path.is_file()]
        if missing:
            raise Refused(label, f"its scan {missing[0].name} is not in imagesTr", "restore it or remove the label map")
        yield Pair(name, images, label)


def _numbered(label: Volume, pair: Pair, declared: Contents) -> NDArray[np.uint8]:
    """Turn the values in the file into 0, 1, 2, ...; values that were not declared are refused."""
    values = label.frame()
    if (label.slope, label.intercept) != (1.0, 0.0):
        values = values * label.slope + label.intercept
    strange = [float(value) for value in np.unique(values) if value not in (0, *declared.values)]
    if strange:
        shown = ", ".join(f"{value:g}" for value in strange[:5])
        raise Refused(pair.label, f"it holds labels that dataset.json does not declare ({shown})", "declare or mend it")
    if declared.values == tuple(range(1, len(declared.values) + 1)):
        return values.astype(np.uint8)
    order = np.searchsorted(declared.values, values) + 1
    return np.where(values == 0, 0, order).astype(np.uint8)


def _spacing_ras(description: dict[str, Any]) -> tuple[float, float, float]:
    """Spacing of a described file along R, A and S, whatever the order it is stored in."""
    has = description.get("spacing_mm") or [1.0, 1.0, 1.0]
    along = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
    spacing = [1.0, 1.0, 1.0]
    for letter, value in zip(description["axes"], has, strict=False):
        spacing[along[letter]] = float(value)
    return spacing[0], spacing[1], spacing[2]


def _grid(volume: Volume) -> str:
    return "×".join(map(str, volume.shape)) + " voxels of " + "×".join(f"{mm:g}" for mm in volume.spacing_mm) + " mm"


def _stem(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".nii")


def _size(case: Case) -> int:
    return case.image.nbytes + case.label.nbytes
