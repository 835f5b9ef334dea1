"""``medviz [FILE ...]``: hands the catalogs and callables to the window and opens it."""

import argparse
import sys
from pathlib import Path

from medviz.commands.command import Command, Said
from medviz.commands.services import services

if sys.platform == "win32":
    import torch  # noqa: F401  # before Qt: WinError 1114 otherwise since torch 2.9 (pytorch#166628)

from medviz.gui.app import run


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", help="scans, overlays or folders")
    parser.add_argument("--page", choices=["viewer", "train", "lab"], default=None)


def _run(options: argparse.Namespace) -> Said:
    page = {} if options.page is None else {"page": options.page}
    return Said(code=run(services(), [Path(file).expanduser() for file in options.files], **page))


COMMAND = Command("", "open the window", "medviz scan.nii.gz mask.nii.gz", _arguments, _run)
