"""Pictures (or scans) in files with a class each, whatever lists them: read, split by patient, given out as samples."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.gate import Gate
from medviz.data.naming import Named, Sample
from medviz.data.splitting import Split, apart, file_of, fixed, hashed, held_out
from medviz.imaging.readers import describe, read
from medviz.messages import finished
from medviz.refused import Refused


@dataclass(frozen=True)
class Found:
    """One file: its class by number, whether the data set itself holds it out, and whose it is."""

    path: Path
    kind: int
    held: bool
    group: str

    @property
    def name(self) -> str:
        """The file and the folder it lies in, as it is called everywhere."""
        return f"{self.path.parent.name}/{self.path.name}"


class Files:
    """Files as a pile of pictures."""

    def __init__(self, found: Sequence[Found]) -> None:
        self._found = found
        self.kinds = tuple(one.kind for one in found)
        self.names = tuple(one.name for one in found)

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Read a picture (channel, x, y[, z]); refuses a file that cannot be read."""
        return pixels_of(self._found[index].path)


def pixels_of(path: Path) -> NDArray[np.float32]:
    """Read a picture (channel, x, y[, z]) as a person reads its values; of a series the first frame."""
    volume = finished(read(path))
    voxels = volume.voxels.astype(np.float32) * np.float32(volume.slope) + np.float32(volume.intercept)
    if volume.kind == "frames":
        voxels = voxels[:1]
    return voxels[..., 0] if voxels.shape[-1] == 1 else voxels


class Classed:
    """What all data sets of files with a class each share; they say what is `listed`."""

    held_out: float
    fold: int
    leave_out: str
    labelled: int | None = None

    @cached_property
    def _contents(self) -> tuple[tuple[str, ...], tuple[Found, ...]]:
        return self.listed(Gate(self.leave_out))

    def listed(self, gate: Gate) -> tuple[tuple[str, ...], tuple[Found, ...]]:
        """Return the names of the classes and the files that the gate lets in, but for those of a test."""
        raise TypeError(f"{type(self).__name__} does not say what it lists")

    @property
    def root(self) -> Path:
        """Where a file of folds may lie."""
        raise TypeError(f"{type(self).__name__} does not say where it lies")

    @property
    def knows_patients(self) -> bool:
        """Tell whether it is known whose a picture is."""
        return any(one.group != one.name for one in self._contents[1])

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self._contents[0]

    @cached_property
    def channels(self) -> int:
        """1 for grey, 3 where the first picture of each class is in colour."""
        firsts = {one.kind: one for one in reversed(self._contents[1])}
        return 3 if all("rgb" in str(describe(one.path)["dtype"]) for one in firsts.values()) else 1

    @cached_property
    def dimensions(self) -> tuple[int, ...]:
        """2 for pictures, 3 for volumes."""
        shape = describe(self._contents[1][0].path)["shape"]
        return (3,) if len(shape) > 2 and shape[2] > 1 else (2,)

    def training(self, dimensions: int, side: int, augment: float = 1.0) -> Named:
        """Return the pictures to learn from."""
        change = Augmentation().stronger(augment) if augment else NO_AUGMENTATION
        return self._some(0, side, change)

    def validation(self, dimensions: int, side: int) -> Named:
        """Return the pictures that training never sees."""
        return self._some(1, side, NO_AUGMENTATION)

    def probes(self, dimensions: int, side: int) -> Sequence[Sample]:
        """Return up to two of each class that training never sees."""
        held = self.validation(dimensions, side)
        kinds = held.kinds
        of_kind = [[index for index, one in enumerate(kinds) if one == kind][:2] for kind in sorted(set(kinds))]
        return [held[index] for some in of_kind for index in some][:12]

    def split(self) -> Split:
        """Tell which pictures are learnt from and which are held out, by hashes of their names, and what decided."""
        found = self._contents[1]
        training, validation = (tuple(sorted(hashed(found[k].name) for k in side)) for side in self._sides)
        return Split(training, validation, self._decided)

    @property
    def _out(self) -> frozenset[int]:
        return frozenset(self._sides[1])

    @cached_property
    def _sides(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Pictures to learn from and those held out; refuses one patient on both sides."""
        found = self._contents[1]
        path = file_of(self.root)
        if path is not None:
            first, second = fixed(path, [one.name for one in found], self.fold)
        else:
            told = frozenset(index for index, one in enumerate(found) if one.held)
            groups = [one.group for one in found]
            second = told or held_out(groups, [one.kind for one in found], self.held_out, self.fold)
            first = frozenset(range(len(found))) - second
        if not first or not second:
            raise Refused(self.root, "all its pictures are on one side of the split", "two patients are needed")
        apart(self._patients(first), self._patients(second), self.root)
        return self._fewer(tuple(sorted(first))), tuple(sorted(second))

    def _fewer(self, learnt: tuple[int, ...]) -> tuple[int, ...]:
        """Take `labelled` of the pictures, the classes in turn, chosen by a hash of their names."""
        if self.labelled is None or self.labelled >= len(learnt):
            return learnt
        found, met = self._contents[1], Counter[int]()
        turns: list[tuple[int, int, int]] = []
        for index in sorted(learnt, key=lambda one: hashed(found[one].name)):
            turns.append((met[found[index].kind], len(turns), index))
            met[found[index].kind] += 1
        return tuple(sorted(index for _, _, index in sorted(turns)[: self.labelled]))

    def _patients(self, side: frozenset[int]) -> list[str]:
        """Patients that are known as such; a file that stands for itself may have a namesake on the other side."""
        found = self._contents[1]
        return [found[index].group for index in side if found[index].group != found[index].name]

    @property
    def _decided(self) -> str:
        path = file_of(self.root)
        if path is not None:
            return f"{path.name}, fold {self.fold}"
        if any(one.held for one in self._contents[1]):
            return "the data set's own folders or column"
        return f"a hash of the patient or picture, fold {self.fold} of {max(2, round(1 / self.held_out))}"

    def _some(self, part: int, side: int, change: Augmentation) -> Named:
        return Named(Files(self._contents[1]), self._sides[part], side, self.channels, change)
