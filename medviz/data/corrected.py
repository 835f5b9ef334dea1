"""The data set of a run with cases that a person corrected mixed in: half of what is learnt from is old, half new.

The old cases stay, so that nothing is forgotten, and what was held out stays held out. Of the corrected cases every
third is kept apart too: a score on what was learnt from proves nothing.
"""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medviz.data import DATASETS
from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.patches import Case, Patches, Sample
from medviz.data.preparation import Preparation
from medviz.data.whole import WholeCase
from medviz.imaging.readers import read, write
from medviz.imaging.storage import opening, replacing
from medviz.imaging.story import ProbeCase
from medviz.imaging.volume import Stored, Volume, like
from medviz.messages import finished
from medviz.parameters import File, Settings
from medviz.refused import Refused

INDEX = "corrections.json"
APART = 3
"""Every third corrected case is not learnt from."""


@dataclass(frozen=True)
class Corrected:
    """What a run learnt from, and beside it the scans whose labels a person corrected."""

    run: Annotated[str, File(folder=True), "The run whose data set and classes it goes on with"] = ""
    folder: Annotated[str, File(folder=True), "Where the corrected cases lie"] = ""

    @cached_property
    def base(self) -> Any:
        """The run's own data set; refuses a run whose recipe cannot be read."""
        return data_of_run(Path(self.run)).build(DATASETS)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels."""
        names: tuple[str, ...] = self.base.classes
        return names

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return int(self.base.channels)

    @property
    def dimensions(self) -> tuple[int, ...]:
        """What the run's own data set serves."""
        served: tuple[int, ...] = self.base.dimensions
        return served

    def preparation(self, dimensions: int, patch: int = 0) -> Preparation:
        """How a scan is made ready: as for the run."""
        made: Preparation = self.base.preparation(dimensions, patch)
        return made

    def training(self, dimensions: int, patch: int, augment: float = 1.0) -> "Mixed":
        """Old samples and corrected ones, turn and turn about."""
        old = self.base.training(dimensions, patch, augment)
        preparation = self.preparation(dimensions)
        cases = [prepared(one.seen, preparation) for one in self.corrections(dimensions, apart=False)]
        if not cases:
            raise Refused(self.folder, "it holds no corrected case to learn from", "correct a prediction first")
        size = old.size if isinstance(old, Patches) else (patch,) * dimensions
        changes = old.augmentation if isinstance(old, Patches) else _augmentation(augment)
        normal = preparation.normal if dimensions == 2 else None
        return Mixed(old, Patches(cases, size, changes, normal, each=4 if dimensions == 2 else 1))

    def validation(self, dimensions: int) -> Any:
        """What the run held out: the old cases alone tell whether something was forgotten."""
        return self.base.validation(dimensions)

    def probes(self, dimensions: int) -> Sequence[Sample]:
        """Return a few of them."""
        found: Sequence[Sample] = self.base.probes(dimensions)
        return found

    def corrections(self, dimensions: int, apart: bool) -> tuple[WholeCase, ...]:
        """Return the corrected cases that are learnt from, or those kept `apart`; with two or fewer none is."""
        folder, made = Path(self.folder), self.preparation(dimensions)
        listed = list(range(count(folder)))
        chosen = [number for number in listed if (number % APART == APART - 1) == apart]
        return tuple(
            WholeCase(number, lambda number=number: case_of(folder, number), made, prepared=False)  # type: ignore[misc]
            for number in chosen
        )


@dataclass(frozen=True, eq=False)
class Mixed:
    """Samples of two sets, turn and turn about; each is drawn from its own chance."""

    old: Any
    new: Patches

    def __len__(self) -> int:
        return 2 * max(len(self.old), len(self.new))

    def __getitem__(self, index: int) -> Sample:
        """Return a sample as it is."""
        samples, number = self._of(index)
        found: Sample = samples[number]
        return found

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a sample with what chance does to it."""
        samples, number = self._of(index)
        found: Sample = samples.drawn(number, chance)
        return found

    def _of(self, index: int) -> tuple[Any, int]:
        samples = self.new if index % 2 else self.old
        return samples, (index // 2) % len(samples)


def data_of_run(run: Path) -> Settings:
    """Read which data set a run was trained on off its recipe."""
    path = run / "task.toml"
    with opening(path):
        text = path.read_text(encoding="utf-8")
    try:
        values = dict(tomllib.loads(text)["data"])
        return Settings(str(values.pop("name")), tuple(values.items()))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as problem:
        raise Refused(
            path, f"it does not say what was learnt from ({problem})", "give the folder of a run"
        ) from problem


def count(folder: Path) -> int:
    """How many corrected cases a folder holds; none where there is no such folder."""
    path = folder / INDEX
    if not path.is_file():
        return 0
    with opening(path):
        text = path.read_text(encoding="utf-8")
    try:
        return int(json.loads(text)["cases"])
    except (ValueError, KeyError, TypeError) as problem:
        raise Refused(path, f"it cannot be read ({problem})", "move the folder away and correct anew") from problem


def add(folder: Path, scan: Volume, labels: NDArray[Any], classes: Sequence[str]) -> int:
    """Put a scan with its corrected labels (x, y, z) behind those that are there; return how many there are now.

    Only voxels and place are written, nothing that a header may tell of a patient. Refuses labels that the run's
    classes do not have.
    """
    highest = int(labels.max(initial=0))
    if highest > len(classes):
        fault = f"it has a label {highest}, and the run knows {len(classes)} ({', '.join(classes)})"
        raise Refused("the corrected labels", fault, "keep only labels that the run was taught")
    if labels.shape != scan.shape:
        raise Refused("the corrected labels", "they do not lie on the scan's grid", "correct them on this scan")
    folder.mkdir(parents=True, exist_ok=True)
    number = count(folder)
    values = np.asarray(scan.voxels)
    if (scan.slope, scan.intercept) != (1.0, 0.0):
        values = values.astype(np.float32) * np.float32(scan.slope) + np.float32(scan.intercept)
    write(_bare(scan, values), folder / f"{number:04d}_scan.nii.gz")
    write(_bare(scan, labels.astype(np.uint8)[None]), folder / f"{number:04d}_labels.nii.gz")
    said = {"version": 1, "cases": number + 1, "classes": list(classes)}
    with replacing(folder / INDEX) as file:
        file.write((json.dumps(said, indent=1) + "\n").encode())
    return number + 1


def case_of(folder: Path, number: int) -> ProbeCase:
    """Read a corrected case."""
    scan, labels = (finished(read(folder / f"{number:04d}_{what}.nii.gz")) for what in ("scan", "labels"))
    return ProbeCase(number, scan, like(scan, labels.frame(), "reference"))


def prepared(one: ProbeCase, preparation: Preparation) -> Case:
    """Make a corrected case ready to be learnt from; of a picture of one slice the slice."""
    assert one.reference is not None
    image, label = preparation.prepared(one.scan), preparation.prepared_label(one.reference)
    if preparation.dimensions == 2 and image.shape[3] == 1:
        return Case(f"corrected {one.number + 1}", image[..., 0], label[..., 0])
    return Case(f"corrected {one.number + 1}", image, label)


def _augmentation(strength: float) -> Augmentation:
    return Augmentation().stronger(strength) if strength else NO_AUGMENTATION


def _bare(scan: Volume, voxels: NDArray[Any]) -> Volume:
    """Voxels where the scan lies, without its header."""
    stored = Stored("corrected", voxels.shape[1:], "RAS", scan.affine, voxels.dtype)
    kind: Any = scan.kind if len(voxels) > 1 else "scalar"
    return replace(
        scan, voxels=voxels, stored=stored, name="", kind=kind, slope=1.0, intercept=0.0, labels=(), warnings=(),
        pending=None,
    )  # fmt: skip
