"""``medviz info``: what a file or folder holds, without decoding more than it must."""

import argparse
from collections.abc import Mapping
from typing import Any

from medviz.commands.command import Command, Said, existing
from medviz.imaging.readers import describe


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a scan or a folder")


def _run(options: argparse.Namespace) -> Said:
    document = describe(existing(options.path))
    return Said(document, _text(document))


def _text(document: Mapping[str, Any]) -> str:
    lines = [f"{document['path']}  {document['format']}"]
    for one in document.get("series") or [document]:
        spacing = one.get("spacing_mm")
        size = "×".join(f"{length:g}" for length in spacing) + " mm" if spacing else "uncalibrated"
        shape = "×".join(map(str, one["shape"]))
        frames = f", {one['frames']} frames" if one.get("frames", 1) > 1 else ""
        lines.append(f"  {shape}{frames}, {size}, stored as {one['axes']}, {one['dtype']}")
        lines += [f"  warning: {warning}" for warning in one.get("warnings", ())]
    return "\n".join(lines)


COMMAND = Command("info", "what a file or folder holds", "medviz info scan.nii.gz --json", _arguments, _run)
