"""From a file to a layer, as Work: read, looked at, and put on the scan's grid. No widget."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medviz.gui.services import Services
from medviz.gui.viewer.rooms import ROOMS
from medviz.imaging.intensity import Role, distinct_note, guess_role, robust_window, samples
from medviz.imaging.labels import Label, default_colour, load
from medviz.imaging.scene import Layer
from medviz.imaging.series import SeriesCard
from medviz.imaging.sources import Source, source_of
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

MOST_LABELS = 65535
FRACTIONS = re.compile(r"prob|uncert|entropy|softmax|confiden|heat.?map|saliency", re.IGNORECASE)
"""Names of files whose values should be fractions."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A file that was read, what it seems to be, a window that suits it, and what a person should know of it.

    `sure` where the file itself says that it is labels, so that nobody need be asked; `card` is its series, `more` how
    many further files lie beside a single slice.
    """

    path: Path
    volume: Volume
    role: Role
    window: float
    level: float
    notes: tuple[str, ...] = ()
    sure: bool = False
    card: SeriesCard | None = None
    more: int = 0

    def source_of(self, layer: Layer) -> Source:
        """Note which file, and which series of it, a layer was made of."""
        return source_of(self.path, layer.volume, "" if self.card is None else self.card.key)


def looked(
    services: Services, path: Path, card: SeriesCard | None, scan: Volume | None, asks: bool
) -> Work[Opened | tuple[SeriesCard, ...]]:
    """Read a file, the series of a card, or a folder; of a folder with several series only their cards, if one `asks`.

    Where a scan is open, contours are drawn on its grid.
    """
    files = services.files
    if card is None and (path.is_dir() or path.name.upper() == "DICOMDIR"):
        cards = yield from files.series(path)
        if len(cards) > 1 and asks:
            return cards
        card = cards[0] if cards else None
    if card is not None and isinstance(card.source, Path):  # a file of its own, not a series of DICOM
        path, card = card.source, None
    if card is not None:
        volume = yield from files.read_series(card, scan, False)
        path = card.path
    elif scan is not None and files.read_over is not None:
        volume = yield from files.read_over(path, scan)
    else:
        volume = yield from services.read(path)
    return (yield from seen(volume, path, card))


def opened(services: Services, path: Path) -> Work[Opened]:
    """Read a file and look at it."""
    volume = yield from services.read(path)
    return (yield from seen(volume, path))


def seen(volume: Volume, path: Path, card: SeriesCard | None = None) -> Work[Opened]:
    """Look at a volume that was read: what it is, and which window suits it."""
    yield Progress(0, 0, "looking at it")
    window, level = first_window(volume)
    whole = volume.voxels.dtype.kind in "biu"
    sure = bool(volume.labels)
    role: Role = ("labels" if whole else "probability") if sure else guess_role(volume)
    if role == "labels" and not sure:
        volume = replace(volume, labels=names_beside(path))
    notes = (*volume.warnings, *_lost_fractions(volume, path))
    return Opened(path, volume, role, window, level, notes, sure, card, _beside(volume, path))


def _lost_fractions(volume: Volume, path: Path) -> tuple[str, ...]:
    """Say it of a file that is called a probability and holds whole numbers: its fractions were lost on saving."""
    whole = volume.voxels.dtype.kind in "biu" and (volume.slope, volume.intercept) == (1.0, 0.0)
    if not whole or not FRACTIONS.search(path.name) or (few := distinct_note(volume)) is None:
        return ()
    return (f"its name speaks of probabilities and {few}: its fractions were lost when it was saved",)


def _beside(volume: Volume, path: Path) -> int:
    """Count the files beside a single slice of a series, which a person may have meant all together."""
    alone = volume.stored.format == "DICOM" and volume.stored.shape[2:] == (1,) and volume.oriented and path.is_file()
    if not alone:
        return 0
    try:
        return sum(one.suffix == path.suffix and one.is_file() for one in path.parent.iterdir()) - 1
    except OSError:
        return 0


def names_beside(path: Path) -> tuple[Label, ...]:
    """Read what the dataset.json of a data set calls the labels of one of its files; nothing where there is none."""
    for folder in (path.parent, path.parent.parent):
        table = folder / "dataset.json"
        if table.is_file():
            try:
                return load(table)
            except Refused:
                return ()
    return ()


def first_window(volume: Volume, frame: int = 0) -> tuple[float, float]:
    """Window and level that the file asks for, else those that suit its values."""
    return volume.window or robust_window(volume, frame)


def scan_layer(found: Opened) -> Layer:
    """Make the layer at the bottom of a scene."""
    colours = "inverted grey" if found.volume.inverted else "grey"
    layer = Layer(
        found.volume, "image", window=found.window, level=found.level, colours=colours, opacity=1.0, style="fill"
    )
    return replace(layer, source=found.source_of(layer))


def overlay_layer(found: Opened, role: Role, scan: Volume, taken: int = 0) -> Work[tuple[Layer, tuple[str, ...]]]:
    """Make a layer above `scan` on its grid; returns it with the sentences a person should read.

    `taken` label layers are there already: a mask of one label without a name takes its file's, and the next colour.
    """
    volume = found.volume
    if volume.kind == "colour" and role != "image":
        raise Refused(volume.name, f"a colour picture cannot be shown as {role}", "open it as an image")
    notes: tuple[str, ...] = ()
    if volume.pending is not None:
        yield from volume.pending.rest()
    if not volume.same_grid(scan):
        yield Progress(0, 0, "putting it on the scan's grid")
        note = ROOMS["grid note"](volume, scan)
        notes = (note,) if note else ()
        placed = ROOMS["onto"](volume, scan, "nearest" if role == "labels" else "linear")
        volume = replace(placed, stored=replace(placed.stored, dtype=volume.stored.dtype))
    if role != "labels" and (few := distinct_note(volume)):
        notes = (*notes, f"{volume.name}: {few}")
    yield Progress(0, 0, "counting its labels" if role == "labels" else "choosing its window")
    layer = layer_of(volume, role, found.window, found.level)
    if len(layer.labels) == 1 and not volume.labels:
        stem = found.path.name.split(".")[0]
        only = Label(layer.labels[0].value, stem, default_colour(taken + layer.labels[0].value))
        layer = replace(layer, labels=(only,))
    return replace(layer, source=found.source_of(layer)), notes


def layer_of(volume: Volume, role: Role, window: float, level: float) -> Layer:
    """Make a layer above the scan out of a volume that is on the scan's grid."""
    if role == "labels":
        whole = whole_numbers(volume)
        return Layer(whole, "labels", labels=labels_in(whole), style="outline", opacity=0.6)
    if role == "probability":
        values = samples(volume, most=200_000)
        top = 1.0 if not values.size or values.max() <= 1.0 + 1e-6 else float(values.max())
        return Layer(volume, "probability", window=top, level=top / 2, colours="magma", style="fill", opacity=0.7)
    return Layer(volume, "image", window=window, level=level, colours="hot", style="fill", opacity=0.5)


def whole_numbers(volume: Volume) -> Volume:
    """Labels as uint8 or uint16, whatever type or scaling they were stored in; below 0 and NaN are background."""
    voxels = volume.voxels[:1]
    plain = volume.slope == 1.0 and volume.intercept == 0.0
    if plain and voxels.dtype in (np.dtype(np.uint8), np.dtype(np.uint16)):
        return replace(volume, voxels=voxels, kind="scalar") if volume.kind != "scalar" else volume
    if plain and voxels.dtype.kind in "biu":
        values = voxels
    else:
        values = np.nan_to_num(np.rint(voxels.astype(np.float32) * volume.slope + volume.intercept))
    most = int(min(values.max(initial=0), MOST_LABELS))
    kind = np.uint8 if most < 256 else np.uint16
    labels = np.clip(values, 0, most).astype(kind, order="K")
    return replace(volume, voxels=labels, slope=1.0, intercept=0.0, unit="", kind="scalar")


def labels_in(volume: Volume) -> tuple[Label, ...]:
    """List the labels that a map of whole numbers holds, by the names its file gives, else as "label 7"."""
    counts = np.zeros(MOST_LABELS + 1, np.int64)
    for k in range(volume.shape[2]):
        found = np.bincount(volume.voxels[0, :, :, k].ravel(order="K"))
        counts[: len(found)] += found
    present = np.flatnonzero(counts[1:]) + 1
    known = {label.value: label for label in volume.labels}
    return tuple(known.get(int(v)) or Label(int(v), f"label {v}", default_colour(int(v))) for v in present)


def named_labels(volume: Volume, names: tuple[str, ...]) -> tuple[Label, ...]:
    """Labels 1, 2, ... of a model's names (else those the volume knows); what else the map holds is listed too."""
    known = tuple(Label(value, name, default_colour(value)) for value, name in enumerate(names, start=1))
    known = known or volume.labels
    if known and int(volume.voxels.max(initial=0)) <= max(label.value for label in known):
        return known
    listed = {label.value for label in known}
    return (*known, *(label for label in labels_in(volume) if label.value not in listed))
