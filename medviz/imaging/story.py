"""What a run's network made of a few whole scans, validation by validation: read off the disk while the run grows.

A run's ``media/story`` holds ``story.json`` (which cases, which frames, what was measured) and one .npz a case and
frame. Of the scans themselves nothing is kept but their number in the data set. Nothing is unpickled.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.labels import named
from medviz.imaging.storage import need_room, opening
from medviz.imaging.volume import Array, Stored, Volume, like
from medviz.refused import Refused

FOLDER, INDEX = Path("media") / "story", "story.json"
VERSION = 1
LARGEST_INDEX = 32_000_000
Kind = str
"""What is kept of a case: "labels" (a class a voxel), "classes" (a class a picture) or "boxes"."""


@dataclass(frozen=True, eq=False)
class ProbeCase:
    """A case of the story as a person sees it: the scan on its own grid, and what it should be called.

    `reference` is a label map on that grid, None where there is none; `meant` the class of a whole picture.
    """

    number: int
    scan: Volume
    reference: Volume | None = None
    meant: int | None = None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What the network makes of one case at one moment.

    For "labels": `labels` (x, y, z) on the scan's own grid, `shares` (classes, i, j, k) in 1/255 on the grid whose
    affine is `grid`. For "classes": `shares` (classes,). For "boxes": `boxes` (n, 4) as x0 y0 x1 y1 in pixels,
    `scores` and `classes` (n,).
    """

    arrays: Mapping[str, Array]
    measures: Mapping[str, float] = field(default_factory=dict)

    def labels_on(self, scan: Volume, classes: tuple[str, ...]) -> Volume | None:
        """The label map over the scan it was made of; None where there is none. Refuses a scan on another grid."""
        labels = self.arrays.get("labels")
        if labels is None:
            return None
        if labels.shape != scan.shape:
            raise Refused(scan.name or "the scan", "the run's predictions were made of another one", "choose that")
        return replace(like(scan, labels, "prediction"), labels=named(classes))

    def shares_on(self, scan: Volume) -> Volume | None:
        """Probabilities (classes, i, j, k), 0 to 1 as a person reads them; a coarser grid in the scan's place."""
        shares, grid = self.arrays.get("shares"), self.arrays.get("grid")
        if shares is None or grid is None:
            return None
        stored = Stored("story", shares.shape[1:], "RAS", grid, shares.dtype)
        return Volume(shares, grid, stored, "probabilities", "frames", slope=1 / 255, calibrated=scan.calibrated,
                      oriented=scan.oriented)  # fmt: skip

    def at(self, mm: Any) -> NDArray[np.float32] | None:
        """Probability of each class at a point in RAS mm (classes,), None outside or where none was kept."""
        shares, grid = self.arrays.get("shares"), self.arrays.get("grid")
        if shares is None:
            return None
        if grid is None:
            return shares.astype(np.float32) / np.float32(255)
        place = np.floor(np.linalg.inv(grid)[:3] @ [*mm, 1.0] + 0.5).astype(int)
        if (place < 0).any() or (place >= shares.shape[1:]).any():
            return None
        found: NDArray[np.float32] = shares[(slice(None), *place)].astype(np.float32) / np.float32(255)
        return found


@dataclass(frozen=True)
class Frame:
    """One moment of the run: epochs and steps done, what validation measured, and the measures of each case.

    `tick` counts validations; when the story has grown too large, every second tick is thinned out.
    """

    step: int
    epoch: float
    tick: int
    measures: Mapping[str, float] = field(default_factory=dict)
    cases: tuple[Mapping[str, float], ...] = ()
    bytes: int = 0
    seconds: float = 0.0

    def name(self, place: int) -> str:
        """File that holds the snapshot of the case in this place."""
        return f"{self.step:08d}-{place}.npz"


@dataclass(frozen=True)
class Story:
    """The frames there are now; a frame's snapshots are read when they are asked for.

    `cases` are the numbers of the cases in the data set, `about` all that is known of each.
    """

    folder: Path
    kind: Kind = "labels"
    task: str = ""
    classes: tuple[str, ...] = ()
    cases: tuple[int, ...] = ()
    about: tuple[Mapping[str, Any], ...] = ()
    frames: tuple[Frame, ...] = ()
    interval: int = 1
    best: str = ""

    @classmethod
    def there(cls, run: Path) -> bool:
        """Tell whether a run keeps a story."""
        return (run / FOLDER / INDEX).is_file()

    @classmethod
    def read(cls, run: Path) -> "Story":
        """Read what a run has kept so far; an empty story where it keeps none. Refuses what is damaged."""
        path = run / FOLDER / INDEX
        if not path.is_file():
            return cls(path.parent)
        with opening(path):
            data = path.read_bytes() if path.stat().st_size <= LARGEST_INDEX else b""
        try:
            return cls.of(path.parent, json.loads(data))
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            raise Refused(path, f"it cannot be read ({problem})", "delete the folder; the run goes on") from problem

    @classmethod
    def of(cls, folder: Path, said: Mapping[str, Any]) -> "Story":
        """Make it of plain values."""
        if int(said.get("version", 0)) > VERSION:
            raise ValueError("written by a later version")
        frames = tuple(
            Frame(int(one["step"]), float(one["epoch"]), int(one["tick"]), _numbers(one["measures"]),
                  tuple(_numbers(case) for case in one["cases"]), int(one["bytes"]), float(one["seconds"]))
            for one in said["frames"]
        )  # fmt: skip
        texts = {name: str(said.get(name, "")) for name in ("kind", "task", "best")}
        cases = tuple(int(one["number"]) for one in said["cases"])
        return cls(folder, classes=tuple(map(str, said["classes"])), cases=cases, about=tuple(said["cases"]),
                   frames=frames, interval=int(said["interval"]), **texts)  # fmt: skip

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        frames = [
            {"step": one.step, "epoch": one.epoch, "tick": one.tick, "measures": dict(one.measures),
             "cases": [dict(case) for case in one.cases], "bytes": one.bytes, "seconds": round(one.seconds, 4)}
            for one in self.frames
        ]  # fmt: skip
        return {"version": VERSION, "kind": self.kind, "task": self.task, "classes": list(self.classes),
                "best": self.best, "interval": self.interval, "cases": [dict(one) for one in self.about],
                "frames": frames}  # fmt: skip

    @property
    def size_bytes(self) -> int:
        """What the snapshots take on the disk."""
        return sum(one.bytes for one in self.frames)

    def snapshot(self, frame: int, place: int) -> Snapshot:
        """Read what the network made of the case in a place; refuses a file that is gone or damaged."""
        moment = self.frames[frame]
        path = self.folder / moment.name(place)
        measures = moment.cases[place] if place < len(moment.cases) else {}
        with opening(path):
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                    need_room(path, sum(found.zip.getinfo(f"{name}.npy").file_size for name in found.files))
                    return Snapshot({name: found[name] for name in found.files}, measures)
            except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as problem:
                raise Refused(path, "it cannot be read", "choose another epoch") from problem


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.items() if value is not None}
