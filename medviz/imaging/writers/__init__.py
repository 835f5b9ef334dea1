"""What leaves the program as a file: one format a file, found by name or ending, imported when it is needed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from medviz.catalog import Catalog, Entry
from medviz.imaging.writers.card import write_card
from medviz.imaging.writers.writer import Export, Writer
from medviz.messages import Progress, Work
from medviz.refused import Refused


@dataclass(frozen=True)
class WriterEntry(Entry):
    """An entry that also says which endings its files have; `reference` where a DICOM series must be given."""

    suffixes: tuple[str, ...] = ()
    reference: bool = False
    labels: bool = False


_HERE = "medviz.imaging.writers"
WRITERS: Catalog[Writer] = Catalog(
    "format to write",
    "medviz.writers",
    {
        "nifti": WriterEntry(
            f"{_HERE}.image:NIFTI", "NIfTI", "with the affine bytes of its scan", suffixes=(".nii.gz", ".nii")
        ),
        "nrrd": WriterEntry(f"{_HERE}.image:NRRD", "NRRD", "as 3D Slicer keeps volumes", suffixes=(".nrrd",)),
        "mha": WriterEntry(f"{_HERE}.image:MHA", "MetaImage", "as ITK keeps volumes", suffixes=(".mha",)),
        "npy": WriterEntry(f"{_HERE}.image:NUMPY", "NumPy", "voxels alone; their place is lost", suffixes=(".npy",)),
        "seg": WriterEntry(
            f"{_HERE}.segmentation:WRITER",
            "DICOM SEG",
            "segments with names, colours and the model, beside their series in an archive",
            suffixes=(".dcm",),
            reference=True,
            labels=True,
        ),
        "rtstruct": WriterEntry(
            f"{_HERE}.structures:WRITER",
            "DICOM RTSTRUCT",
            "contours in mm for radiotherapy planning",
            suffixes=(".dcm",),
            reference=True,
            labels=True,
        ),
        "stl": WriterEntry(
            f"{_HERE}.surface:WRITER", "STL", "surfaces in mm (LPS) for printing", suffixes=(".stl",), labels=True
        ),
        "csv": WriterEntry(
            f"{_HERE}.table:WRITER", "CSV", "the table of labels: volume, mean, place", suffixes=(".csv",), labels=True
        ),
        "png": WriterEntry(f"{_HERE}.image:PNG", "PNG", "a picture of one slice", suffixes=(".png",)),
    },
)


def writer_named(path: Path, kind: str = "", reference: bool = False) -> str:
    """Return the name of the format that `kind` or the ending of a file says (Refused where none does).

    An ending that several formats share (.dcm) means the first of them; only with a reference series is it one at all.
    """
    entries = {name: entry for name, entry in WRITERS.entries.items() if isinstance(entry, WriterEntry)}
    if kind:
        if kind not in WRITERS:
            raise Refused(kind, "there is no such format to write", f"there are {', '.join(WRITERS)}")
        endings = entries[kind].suffixes if kind in entries else ()
        if endings and not path.name.lower().endswith(endings):
            raise Refused(path, f"{entries[kind].title} does not end so", f"end the name with {' or '.join(endings)}")
        return kind
    fitting = [name for name, entry in entries.items() if path.name.lower().endswith(entry.suffixes)]
    if not fitting:
        endings = tuple(dict.fromkeys(ending for entry in entries.values() for ending in entry.suffixes))
        raise Refused(path, "no format that can be written has this ending", f"end its name with {', '.join(endings)}")
    return fitting[0]


def export(thing: Export, path: Path, kind: str = "") -> Work[tuple[Path, ...]]:
    """Write a volume or a label map with what belongs beside it, whole or not at all; returns the files.

    Refused where a mask does not lie voxel for voxel on the scan it is said to belong to, where the folder is missing,
    or where the format cannot hold it. `kind` names the format where the ending does not (a SEG and an RTSTRUCT both
    end with .dcm).
    """
    name = writer_named(path, kind)
    if not path.parent.is_dir():
        raise Refused(path, "its folder does not exist", "make the folder first")
    if path.is_dir():
        raise Refused(path, "it is a folder", "give the name of a file")
    check_grid(thing, path)
    if thing.volume.pending is not None:
        yield from thing.volume.pending.rest()
    yield Progress(0, 0, f"writing {path.name}")
    files = yield from WRITERS[name].write(thing, path)
    if thing.card is None:
        return files
    checked = thing.scan is not None or getattr(WRITERS.entries[name], "reference", False)
    return (*files, write_card(thing.card, files, checked))


def check_grid(thing: Export, path: Path) -> None:
    """Refuse a mask that does not lie on the grid of its scan: voxel for voxel it would mean another place."""
    if thing.scan is None or thing.volume is thing.scan or thing.volume.same_grid(thing.scan):
        return
    sizes = ["×".join(map(str, volume.shape)) for volume in (thing.volume, thing.scan)]
    how = f"{sizes[0]} against {sizes[1]} voxels" if sizes[0] != sizes[1] else "its affine is another"
    named = thing.volume.name or "the mask"
    raise Refused(path, f"{named} does not lie on the grid of {thing.scan.name} ({how})", "resample it first")


def endings(names: Iterable[str]) -> tuple[str, ...]:
    """Return the endings of formats, in their order."""
    return tuple(ending for name in names for ending in getattr(WRITERS.entries[name], "suffixes", ()))
