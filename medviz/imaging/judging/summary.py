"""A comparison in words and as a table, the same on every face of the program."""

import csv
import io

from medviz.imaging.judging.results import NO_PREDICTION, NO_REFERENCE, Agreement, Comparison

COLUMNS = (
    "value", "name", "dice", "iou", "sensitivity", "precision", "hd95_mm", "hd_mm", "assd_mm", "nsd",
    "voxels_prediction", "voxels_reference", "volume_ml_prediction", "volume_ml_reference", "volume_difference_ml",
    "volume_difference_percent", "mistakes", "missed", "invented", "note",
)  # fmt: skip
"""Columns of the table in a file, by the names of the fields; empty where a number has no meaning."""


def sentence(found: Comparison) -> str:
    """Say what matters most: how many labels, how well in the middle, which is worst, what is missing."""
    if not found.rows:
        return "Neither map has a label: there is nothing to compare."
    known = sorted((row.dice, row.name) for row in found.rows if row.dice is not None)
    parts = [f"{len(found.rows)} label{'s' if len(found.rows) != 1 else ''}"]
    if known:
        middle = (known[(len(known) - 1) // 2][0] + known[len(known) // 2][0]) / 2
        parts.append(f"median Dice {middle:.3f}" if len(known) > 1 else f"Dice {middle:.3f}")
        if len(known) > 1:
            parts.append(f"worst {known[0][1]} {known[0][0]:.3f}")
    far = [(row.hd95_mm, row.name) for row in found.rows if row.hd95_mm is not None]
    if far:
        mm, name = max(far)
        parts.append(f"largest HD95 {mm:.1f} mm ({name})" if len(far) > 1 else f"HD95 {mm:.1f} mm")
    for fault, words in ((NO_PREDICTION, "not predicted at all"), (NO_REFERENCE, "not in the reference")):
        names = [row.name for row in found.rows if row.note == fault]
        if names:
            parts.append(f"{words}: {_listed(names)}")
    return "; ".join(parts) + "."


def as_csv(rows: tuple[Agreement, ...]) -> str:
    """Write one row a label."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    lines.writerows(cells(row) for row in rows)
    return text.getvalue()


def cells(row: Agreement) -> list[object]:
    """Return the cells of a label; empty where there is no number."""
    return ["" if value is None else value for value in (getattr(row, column) for column in COLUMNS)]


def _listed(names: list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
