"""Pictures with a text each, listed row by row for the check."""

from functools import partial
from pathlib import Path

from medviz.data.checking.entries import Entry, Listing, Seen
from medviz.data.checking.folders import seen_of, turned_away
from medviz.data.gate import Gate
from medviz.data.image_text import ImageText
from medviz.imaging.readers import read
from medviz.messages import finished
from medviz.refused import Refused


def with_texts(data: ImageText) -> Listing:
    """List pictures with their texts; a row whose picture is gone is a problem of its own."""
    gate = Gate(data.leave_out, lenient=True)
    rows, _ = data.listed(gate)
    try:
        held = data.held_out_names
    except Refused:
        held = frozenset(row.name for row in rows if row.side == "val")
    entries = tuple(
        Entry(row.name, partial(_picture, row.image), "held out" if row.name in held else "training",
              patient=row.patient, image=row.image)
        for row in rows
    )  # fmt: skip
    return Listing(entries, (), "voxels", problems=tuple(turned_away(gate)))


def _picture(path: Path) -> Seen:
    volume = finished(read(path))
    return seen_of(volume, (volume,), None, ())
