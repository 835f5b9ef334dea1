"""Tables as CSV (RFC 4180, UTF-8): the table of labels, measurements; every column names its unit."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from medviz.imaging.measure import LabelMeasure, label_table
from medviz.imaging.storage import replacing
from medviz.imaging.volume import Volume
from medviz.imaging.writers.writer import Export, Writer
from medviz.messages import Progress, Work

Cell = str | int | float | None
_ACTS = ("=", "+", "@", "\t", "\r")
"""A spreadsheet runs what begins so; a name of a label comes from a stranger's file."""


def write_table(head: Sequence[str], rows: Iterable[Sequence[Cell]], path: Path) -> None:
    """Write rows under a head, whole or not at all; None becomes an empty cell, numbers keep all their digits."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_harmless(cell) for cell in head])
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    with replacing(path) as file:
        file.write(text.getvalue().encode("utf-8"))


def label_rows(
    labels: Volume, names: dict[int, str], image: Volume | None = None
) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
    """Return head and rows of the table of labels: voxels, volume, mean and SD of the image, box, centroid."""
    unit = f" [{image.unit}]" if image is not None and image.unit else ""
    box = (f"{axis} {end} [voxel]" for axis in "xyz" for end in ("first", "last"))
    centre = (f"centroid {axis} [mm RAS]" for axis in "xyz")
    head = ("label", "name", "voxels", "volume [ml]", f"mean{unit}", f"SD{unit}", *box, *centre)
    onto = image if image is not None and image.kind != "colour" and image.same_grid(labels) else None
    return head, [_row(one, names, labels.calibrated) for one in label_table(labels, onto)]


def write_labels(thing: Export, path: Path) -> Work[tuple[Path, ...]]:
    """Write the table of labels; mean and SD are those of `scan`."""
    yield Progress(0, 1, "measuring labels")
    kept = thing.map_of_labels(path)
    thing.labels_of(kept, path)
    names = {label.value: label.name for label in (*thing.volume.labels, *thing.labels)}
    volume = Volume(
        kept[None], thing.volume.affine, thing.volume.stored, calibrated=thing.volume.calibrated, name=thing.volume.name
    )
    write_table(*label_rows(volume, names, thing.scan if thing.scan is not thing.volume else None), path)
    return (path,)


def _row(one: LabelMeasure, names: dict[int, str], calibrated: bool) -> tuple[Cell, ...]:
    box = tuple(number for pair in one.box for number in pair)
    centre = one.centroid_mm if calibrated else (None, None, None)
    name = names.get(one.value, f"label {one.value}")
    return one.value, name, one.voxels, one.volume_ml, one.mean, one.sd, *box, *centre


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_ACTS) else cell


WRITER = Writer("CSV", write_labels)
