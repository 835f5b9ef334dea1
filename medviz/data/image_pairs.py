"""Two pictures of the same thing: a low dose and a full one, a CT and a PET, as files of one name in two folders.

What a network is given is scaled scan by scan, as always. What it is to tell is scaled by one mean and one spread for
all, those of the targets that are learnt from: so the way back to their unit is known for a scan that has no target.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from medviz.data.cases import Cases, Contents, Fold, HeldOut, Pair, Patient, enough, grouped, same_place, stem
from medviz.data.gate import Gate
from medviz.data.mending import LeaveOut
from medviz.data.pairing import images_in
from medviz.data.patches import Case
from medviz.data.preparation import Preparation, air, resampled
from medviz.imaging.readers import read
from medviz.imaging.volume import Volume
from medviz.messages import finished
from medviz.parameters import File, Group
from medviz.refused import Refused

TELLING = (
    ("input", "target"), ("inputs", "targets"), ("source", "target"), ("low_dose", "full_dose"),
    ("quarter_dose", "full_dose"), ("noisy", "clean"), ("lr", "hr"), ("traina", "trainb"),
)  # fmt: skip
KNOWN = (*TELLING, ("low", "full"), ("low", "high"), ("a", "b"), ("x", "y"), ("ct", "pet"), ("mr", "ct"), ("t1", "t2"))
"""Names of the two folders, first what the network is given; the first ones could be nothing else."""
_FILES = Group("files", advanced=True)
_LOOKED_AT = 8
"""Targets that decide the scale."""


@dataclass(frozen=True)
class Scale:
    """What the numbers of a target mean: value = offset + gain · what the network tells, in `unit`."""

    offset: float = 0.0
    gain: float = 1.0
    unit: str = ""


@dataclass(frozen=True)
class ImagePairs(Cases):
    """Pictures or scans and what they are to become, as files of one name in two folders."""

    folder: Annotated[str, File(folder=True), "The folder that holds the two folders, as input/ and target/"] = ""
    given: Annotated[str, _FILES, "Folder of what the network is given; empty: found"] = ""
    wanted: Annotated[str, _FILES, "Folder of what it is to become; empty: found"] = ""
    held_out: HeldOut = 0.2
    fold: Fold = 0
    patient: Patient = ""
    leave_out: LeaveOut = ""

    targets: ClassVar[int] = 1
    """The last channel of a case is its target."""

    def listed(self, gate: Gate) -> Contents:
        """Pair the files of both folders by their names."""
        folder = Path(self.folder)
        pairs = tuple(_pairs(*self._folders(folder), gate))
        return Contents((), (), 1, grouped(enough(folder, pairs, gate.lenient), self.patient), folder)

    def label_of(self, pair: Pair, scan: Volume) -> NDArray[np.uint8]:
        """Say where a scan is not air (x, y, z): patches are cut out there."""
        frame = scan.frame().astype(np.float32)
        return (frame > air(frame)).astype(np.uint8)

    def case_of(self, pair: Pair, preparation: Preparation) -> Case:
        """Read and prepare one case, its target as one more channel."""
        case = super().case_of(pair, preparation)
        scan = self.scans_of(pair)[0]
        target = self.target_of(pair)
        same_place(scan, target, pair.labels[0], pair.images[0])
        values = (_values(target)[None] - self.scale.offset) / self.scale.gain
        values = resampled(np.ascontiguousarray(values, np.float32), preparation.shape_of(scan))
        if self.flat:
            values = values[..., 0]
        return replace(case, image=np.ascontiguousarray(np.concatenate([case.image, values])))

    def target_of(self, pair: Pair) -> Volume:
        """Read what a case is to become."""
        return finished(read(pair.labels[0]))

    @cached_property
    def scale(self) -> Scale:
        """Mean and spread of some targets that are learnt from, outside of air, in their own unit."""
        pairs = self.sides[0]
        volumes = [self.target_of(one) for one in pairs[:: max(1, len(pairs) // _LOOKED_AT)][:_LOOKED_AT]]
        some = []
        for volume in volumes:
            values = _values(volume)
            inside = values[values > air(values)]
            some.append((inside if inside.size else values.reshape(-1))[:: max(1, inside.size // 100_000)])
        together = np.concatenate(some)
        spread = float(together.std())
        return Scale(float(together.mean()), spread if spread > 1e-6 else 1.0, volumes[0].unit)

    def _folders(self, folder: Path) -> tuple[Path, Path]:
        if not str(folder) or str(folder) == ".":
            raise Refused("data folder", "none was chosen", "choose the folder that holds input/ and target/")
        if not folder.is_dir():
            raise Refused(folder, "there is no such folder", "choose the folder that holds input/ and target/")
        if bool(self.given) != bool(self.wanted):
            raise Refused("given, wanted", "only one of the two folders is named", "name both, or neither")
        inside = {one.name.lower(): one for one in folder.iterdir() if one.is_dir()}
        choices = ((self.given.lower(), self.wanted.lower()),) if self.given else KNOWN
        for first, second in choices:
            if first in inside and second in inside:
                return inside[first], inside[second]
        raise Refused(folder, "the two folders were not found in it", "call them input/ and target/, or name them")


def two_folders(folder: Path) -> bool:
    """Tell whether a folder can be nothing else: two folders whose names say what they are, with files of one name."""
    if not folder.is_dir():
        return False
    inside = {one.name.lower(): one for one in folder.iterdir() if one.is_dir()}
    for first, second in TELLING:
        if first in inside and second in inside:
            names = [{stem(path.name) for path in images_in(inside[one])} for one in (first, second)]
            return bool(names[0] & names[1])
    return False


def _pairs(given: Path, wanted: Path, gate: Gate) -> list[Pair]:
    first, second = ({stem(path.name): path for path in images_in(one)} for one in (given, wanted))
    found = []
    for name in sorted(set(first) | set(second)):
        if not gate.lets(name):
            continue
        if name in first and name in second:
            found.append(Pair(name, (first[name],), (second[name],)))
        else:
            alone, other = (first[name], wanted) if name in first else (second[name], given)
            fault = f"there is no file of its name in {other.name}/"
            gate.turn_away(name, "missing", Refused(alone, fault, "add it, or take this one away"))
    return found


def _values(volume: Volume) -> NDArray[np.float32]:
    """Voxels (x, y, z) of the first frame, of a colour picture the grey, in the volume's own unit."""
    frame = volume.voxels[:3].mean(0) if volume.kind == "colour" else volume.frame()
    values = np.array(frame, np.float32)
    np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return values * np.float32(volume.slope) + np.float32(volume.intercept)
