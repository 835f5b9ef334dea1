"""The scans of a folder: which there are, where the label map of each goes, and which of them are this process's."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medviz.imaging.readers import READERS, ReaderEntry
from medviz.refused import Refused

_DICOM = "dicom"
_LABELS = ".nii.gz"


@dataclass(frozen=True)
class Case:
    """One scan, the label map that is made of it, and (where wanted) the map of probabilities."""

    scan: Path
    out: Path
    probabilities: Path | None = None


def cases(source: Path, out: Path, probabilities: Path | None) -> tuple[Case, ...] | None:
    """List the scans of a folder by name, with the files made of them; None where `source` is one scan.

    A folder is one scan where OUT names a file ("labels.nii.gz"). Files are found by their endings, folders of DICOM
    by what they hold. Refuses a folder without scans, and one that is to be written into itself.
    """
    if not source.is_dir() or out.name.lower().endswith(_endings()):
        return None
    if out.resolve() == source.resolve() or (probabilities is not None and probabilities.resolve() == source.resolve()):
        raise Refused(out, "the results would lie among the scans", "give another folder")
    scans = sorted(_scans(source))
    if not scans:
        raise Refused(source, "it holds no scan", "give a folder of scans, or a file name for --out")
    names = [_stem(path) for path in scans]
    unique = [name if names.count(name) == 1 else path.name for name, path in zip(names, scans, strict=True)]
    return tuple(
        Case(path, out / f"{name}{_LABELS}", probabilities / f"{name}{_LABELS}" if probabilities else None)
        for name, path in zip(unique, scans, strict=True)
    )


def shard(found: tuple[Case, ...]) -> tuple[Case, ...]:
    """Take this process's share of them, as torchrun numbers processes (RANK of WORLD_SIZE)."""
    try:
        rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    except ValueError as problem:
        raise Refused("RANK, WORLD_SIZE", "these are no numbers", "start it with torchrun") from problem
    if not 0 <= rank < size:
        raise Refused(f"RANK={rank}, WORLD_SIZE={size}", "there is no such process", "start it with torchrun")
    return found[rank::size]


def _scans(folder: Path) -> Iterator[Path]:
    """Find scans; a label map made here before (it has a card beside it) is none."""
    endings = _endings(with_dicom=False)
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if any(_is_dicom(one) for one in path.iterdir()):
                yield path
        elif path.name.lower().endswith(endings) and not path.name.lower().endswith((".img", ".img.gz")):
            yield path


def _is_dicom(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _endings(with_dicom: bool = True) -> tuple[str, ...]:
    listed = {name: entry for name, entry in READERS.entries.items() if isinstance(entry, ReaderEntry)}
    return tuple(suffix for name, entry in listed.items() if with_dicom or name != _DICOM for suffix in entry.suffixes)


def _stem(path: Path) -> str:
    ending = max((one for one in _endings() if path.name.lower().endswith(one)), key=len, default="")
    return path.name[: len(path.name) - len(ending)] if ending and path.is_file() else path.name
