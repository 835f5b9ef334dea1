"""``medviz convert``: from any format that is read to any that is written."""

import argparse
from pathlib import Path

from medviz.commands.command import Command, Said, existing, followed
from medviz.imaging.readers import read, write


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", help="a scan or a folder")
    parser.add_argument("target", metavar="OUT", help="where to write; the ending names the format")


def _run(options: argparse.Namespace) -> Said:
    volume = followed(read(existing(options.source)), options.quiet or options.json)
    write(volume, Path(options.target).expanduser())
    document = {"out": options.target, "shape": volume.stored.shape, "affine": volume.stored.affine}
    size = "×".join(map(str, volume.stored.shape))
    warnings = "".join(f"\n  warning: {warning}" for warning in volume.warnings)
    return Said({**document, "warnings": volume.warnings}, f"{options.target}: {size}{warnings}")


COMMAND = Command(
    "convert",
    "from any format that is read to any that is written",
    "medviz convert dicom-folder scan.nii.gz",
    _arguments,
    _run,
)
