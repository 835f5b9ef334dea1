"""MedMNIST: small pictures and volumes in one .npz file with train, val and test (Yang et al., 2023)."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.gate import Gate
from medviz.data.mending import LeaveOut
from medviz.data.naming import Named, Sample
from medviz.data.obtainable import classes_of
from medviz.imaging.storage import need_room
from medviz.parameters import File, Range
from medviz.refused import Refused


class Rows:
    """Pictures of one part of the file."""

    def __init__(self, part: str, pictures: NDArray[Any], labels: NDArray[Any]) -> None:
        self._pictures = pictures
        self.kinds = tuple(int(one) for one in labels)
        self.names = tuple(f"{part} {number}" for number in range(len(labels)))
        self._colour = pictures.ndim == 4 and pictures.shape[-1] == 3

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Return a picture (channel, x, y) or a volume (1, x, y, z)."""
        one = self._pictures[index].astype(np.float32)
        if self._colour:
            return np.ascontiguousarray(one[::-1].transpose(2, 1, 0))
        return np.ascontiguousarray(one[::-1].T[None]) if one.ndim == 2 else np.ascontiguousarray(one[None])


@dataclass(frozen=True)
class MedMnist:
    """One of the MedMNIST sets, as the .npz file it is given out as."""

    file: Annotated[str, File(wildcard="*.npz"), "The .npz file with train_images, train_labels, val_images …"] = ""
    share: Annotated[float, Range(0.01, 1.0, log=True), "Share of the training pictures that is used"] = 1.0
    leave_out: LeaveOut = ""

    @cached_property
    def _parts(self) -> dict[str, NDArray[Any]]:
        return parts(Path(self.file))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names where the set is known by its file name, else numbers."""
        count = int(max(int(self._parts[f"{part}_labels"].max()) for part in ("train", "val"))) + 1
        known = classes_of(Path(self.file).stem)
        return known if len(known) == count else tuple(f"class {number}" for number in range(count))

    @property
    def channels(self) -> int:
        """3 for colour."""
        pictures = self._parts["train_images"]
        return 3 if pictures.ndim == 4 and pictures.shape[-1] == 3 else 1

    @property
    def dimensions(self) -> tuple[int, ...]:
        """2, or 3 for the sets of volumes."""
        pictures = self._parts["train_images"]
        return (3,) if pictures.ndim == 4 and pictures.shape[-1] != 3 else (2,)

    def training(self, dimensions: int, side: int, augment: float = 1.0) -> Named:
        """Return the training pictures (every n-th where only a share is wanted)."""
        change = Augmentation(flip=0.0).stronger(augment) if augment else NO_AUGMENTATION
        count = len(self._parts["train_labels"])
        chosen = np.unique(np.linspace(0, count - 1, max(2, round(count * self.share))).astype(int)).tolist()
        return Named(self._rows("train"), self._kept("train", chosen), side, self.channels, change)

    def validation(self, dimensions: int, side: int) -> Named:
        """Return the pictures of val; test is left for the end."""
        rows = self._rows("val")
        return Named(rows, self._kept("val", range(len(rows.kinds))), side, self.channels)

    def testing(self, dimensions: int, side: int) -> Named | None:
        """Return the pictures of test, which are measured once at the end; None where the file has none."""
        if "test_labels" not in self._parts:
            return None
        rows = self._rows("test")
        return Named(rows, range(len(rows.kinds)), side, self.channels)

    def probes(self, dimensions: int, side: int) -> Sequence[Sample]:
        """Return up to three of each class out of val."""
        held = self.validation(dimensions, side)
        kinds = held.kinds
        of_kind = [[index for index, one in enumerate(kinds) if one == kind][:3] for kind in sorted(set(kinds))]
        return [held[index] for some in of_kind for index in some][:12]

    def _kept(self, part: str, chosen: Sequence[int]) -> list[int]:
        """Pictures that are not left out; they are called "train 12"."""
        gate = Gate(self.leave_out)
        return [number for number in chosen if gate.lets(f"{part} {number}")]

    def _rows(self, part: str) -> Rows:
        return Rows(part, self._parts[f"{part}_images"], self._parts[f"{part}_labels"].reshape(-1))


def parts(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a MedMNIST file; refuses one that lacks them or has several labels a picture."""
    if not str(path) or str(path) == ".":
        raise Refused("data file", "none was chosen", "choose a MedMNIST .npz file")
    if not path.is_file():
        raise Refused(path, "there is no such file", "choose a MedMNIST .npz file")
    wanted = [f"{part}_{what}" for part in ("train", "val") for what in ("images", "labels")]
    try:
        with zipfile.ZipFile(path) as packed:
            need_room(path, sum(one.file_size for one in packed.infolist()))
        with np.load(path, allow_pickle=False) as held:
            missing = [name for name in wanted if name not in held.files]
            if missing:
                raise Refused(path, f"it has no {missing[0]}", "choose a MedMNIST .npz file")
            tests = [name for name in ("test_images", "test_labels") if name in held.files]
            found = {name: held[name] for name in [*wanted, *(tests if len(tests) == 2 else [])]}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as problem:
        raise Refused(path, f"it cannot be read ({problem})", "fetch it again") from problem
    for part in ("train", "val"):
        labels, pictures = found[f"{part}_labels"], found[f"{part}_images"]
        if labels.reshape(len(labels), -1).shape[1] != 1:
            raise Refused(path, "its pictures have several labels each", "choose a set with one class a picture")
        if pictures.ndim not in (3, 4) or len(pictures) != len(labels) or not len(labels):
            raise Refused(path, f"{part}_images and {part}_labels do not belong together", "fetch it again")
    return found
