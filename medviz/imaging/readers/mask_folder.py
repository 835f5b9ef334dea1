"""A folder with one mask for each structure (liver.nii.gz, spleen.nii.gz ...), as TotalSegmentator writes it: one map.

It is known by its name beside a scan (``ct.nii.gz`` and ``segmentations/``) or by the names of its files.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from medviz.imaging.labels import KNOWN_TABLES, Label, default_colour, load
from medviz.imaging.readers.reader import Description
from medviz.imaging.series import SeriesCard
from medviz.imaging.storage import need_room, opening
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work, finished
from medviz.refused import Refused
from medviz.shipped import shipped

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")
_NAMES = ("segmentations", "segmentation")
_SCANS = ("ct", "mri", "mr", "image")
_MOST = 1000
_SAID_OTHERWISE = (
    (r"\besophagus\b", "oesophagus"),
    (r"\bvertebrae (?=[CTLS]\d)", "vertebra "),
    (r"\bautochthon\b", "autochthonous muscle"),
)
"""What TotalSegmentator's files are called and its labels, as this program names them, are not."""


def masks_in(folder: Path) -> tuple[Path, ...]:
    """Return the masks of a folder that holds one for each structure; empty where it is none."""
    if not folder.is_dir():
        return ()
    with opening(folder):
        inside = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    files = tuple(one for one in inside if one.name.lower().endswith(ENDINGS))
    if not 0 < len(files) <= _MOST or any(one.is_dir() for one in inside):
        return ()
    known = sum(name_of(one) in _known_names() for one in files)
    beside = folder.name.lower() in _NAMES and any((folder.parent / f"{name}{end}").is_file() for name in _SCANS
                                                   for end in ENDINGS)  # fmt: skip
    return files if beside or (len(files) > 1 and known == len(files)) else ()


def name_of(path: Path) -> str:
    """What the structure of a mask is called: "kidney left" of kidney_left.nii.gz."""
    ending = next((one for one in ENDINGS if path.name.lower().endswith(one)), path.suffix)
    name = path.name.removesuffix(path.name[len(path.name) - len(ending) :]).replace("_", " ").strip()
    for pattern, word in _SAID_OTHERWISE:
        name = re.sub(pattern, word, name)
    return name


def labels_of(names: Sequence[str]) -> tuple[Label, ...]:
    """Labels of these names: with the values and colours of the table that has them all, else 1, 2, ... in order."""
    for table in _tables():
        if all(name in table for name in names):
            return tuple(table[name] for name in names)
    return tuple(Label(value, name, default_colour(value)) for value, name in enumerate(names, start=1))


def read_masks(folder: Path, files: Sequence[Path], read: Callable[[Path], Work[Volume]]) -> Work[Volume]:
    """Make one label map of the masks; where they overlap the later one wins, and a warning says so."""
    labels = labels_of([name_of(path) for path in files])
    first = yield from read(files[0])
    need_room(folder, int(np.prod(first.shape)) * 3)
    whole = np.zeros(first.shape, np.uint16 if max(one.value for one in labels) > 255 else np.uint8)
    overlap = 0
    several: list[str] = []
    for number, (path, label) in enumerate(zip(files, labels, strict=True)):
        yield Progress(number, len(files), f"reading {folder.name}: {label.name}")
        mask = first if number == 0 else finished(read(path))
        if not first.same_grid(mask):
            raise Refused(path, f"it lies on another grid than {files[0].name}", "open the masks one by one")
        inside = mask.frame() != 0
        if len(np.unique(mask.frame()[inside])) > 1:
            several.append(path.name)
        overlap += int(np.count_nonzero(whole[inside]))
        whole[inside] = label.value
    said = [f"{name} holds several values; all but 0 are taken as one" for name in several[:3]]
    if overlap:
        said.append(f"masks overlap in {overlap:,} voxels; the later of two by the alphabet is shown there")
    return replace(like(first, whole, folder.name), labels=labels, warnings=tuple(said))


def describe_masks(folder: Path, files: Sequence[Path], told: Callable[[Path], Description]) -> Description:
    """Say what the map made of the masks will be; the grid is that of the first, the names are of all."""
    labels = labels_of([name_of(path) for path in files])
    first = told(files[0])
    kept = {name: first[name] for name in ("shape", "axes", "spacing_mm", "affine", "frames", "warnings")}
    segments = [{"value": one.value, "name": one.name} for one in labels]
    return {
        "path": str(folder),
        "format": "one mask a structure",
        **kept,
        "dtype": "uint8" if max(one.value for one in labels) < 256 else "uint16",
        "content": "labels",
        "description": folder.name,
        "segments": segments,
    }


def masks_beside(scans: Path) -> Path | None:
    """Return the folder of masks inside a folder of scans, None where there is none."""
    return next((inside for name in _NAMES if masks_in(inside := scans / name)), None)


def mask_card(folder: Path, cards: Sequence[SeriesCard], told: Callable[[Path], Description]) -> tuple[SeriesCard, ...]:
    """Return a card for the masks in a folder beside a scan, none where there are none."""
    inside = masks_beside(folder)
    if inside is None:
        return ()
    files = masks_in(inside)
    first = told(files[0])
    scans = [card for card in cards if card.key.split(".")[0].lower() in _SCANS]
    shape = tuple(first["shape"])
    return (
        SeriesCard(
            key=inside.name,
            path=folder,
            content="labels",
            description=f"{inside.name}, {len(files)} masks",
            modality=first["format"],
            slices=shape[2] if len(shape) > 2 else 1,
            shape=shape,
            axes=first["axes"],
            spacing_mm=tuple(first["spacing_mm"][:3]) if first["spacing_mm"] else None,
            dtype="uint8",
            size=int(np.prod(shape, dtype=object)),
            over=scans[0].key if scans else "",
            names=tuple(name_of(path) for path in files),
            source=inside,
        ),
    )


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, Label], ...]:
    """The tables of TotalSegmentator that ship with the program, the newest first."""
    files = [file for title, file in KNOWN_TABLES.items() if title.startswith("TotalSegmentator")]
    return tuple({one.name: one for one in load(shipped("tables", file))} for file in files)


@lru_cache(maxsize=1)
def _known_names() -> frozenset[str]:
    return frozenset(name for table in _tables() for name in table)
