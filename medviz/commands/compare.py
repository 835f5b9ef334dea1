"""``medviz compare``: agreement of a prediction with a reference, per label, in the reference's space."""

import argparse

from medviz.commands.command import Command, Said, existing, followed, table
from medviz.imaging.readers import read
from medviz.refused import Refused
from medviz.training.metrics import TOLERANCE_MM, Agreement, agreement


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prediction", help="a label map")
    parser.add_argument("reference", help="the label map it is held against")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE_MM, metavar="MM", help="of the surface dice (NSD)")
    parser.add_argument("--names", help="names of the labels 1, 2, ..., with commas between")


def _run(options: argparse.Namespace) -> Said:
    if not 0 < options.tolerance < 1000:
        raise Refused(f"--tolerance {options.tolerance:g}", "it is no distance in mm", "take for example 2")
    quiet = options.quiet or options.json
    prediction = followed(read(existing(options.prediction)), quiet)
    reference = followed(read(existing(options.reference)), quiet)
    names = tuple(options.names.split(",")) if options.names else ()
    rows = followed(agreement(prediction, reference, names, options.tolerance), quiet)
    document = {"labels": [row.plain() for row in rows], "tolerance_mm": options.tolerance}
    head = ("label", "name", "dice", "iou", "HD95 mm", "ASSD mm", f"NSD {options.tolerance:g} mm", "ml", "ml ref.")
    text = table([_row(row) for row in rows], head)
    notes = "".join(f"\n  {row.name}: {row.note}" for row in rows if row.note)
    return Said(document, text + notes)


def _row(row: Agreement) -> tuple[str, ...]:
    distances = (_number(row.hd95_mm, 2), _number(row.assd_mm, 2), _number(row.nsd, 4))
    volumes = (_number(row.volume_ml_prediction, 2), _number(row.volume_ml_reference, 2))
    return (str(row.value), row.name, _number(row.dice, 4), _number(row.iou, 4), *distances, *volumes)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


COMMAND = Command(
    "compare",
    "agreement of a prediction with a reference, per label",
    "medviz compare tissue.nii.gz reference.nii.gz --names 'grey matter,white matter,CSF'",
    _arguments,
    _run,
)
