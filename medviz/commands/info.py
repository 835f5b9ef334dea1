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
    several = document.get("series") or [document]
    for place, one in enumerate(several, start=1):
        if one.get("modality") or len(several) > 1:
            lines.append(f"  #{place} {_title(one)}")
        lines.append(f"  {_size(one)}")
        if segments := one.get("segments"):
            names = ", ".join(str(segment["name"]) for segment in segments)
            lines.append(f"  {len(segments)} label{'s' if len(segments) > 1 else ''}: {names}")
        lines += [f"  warning: {warning}" for warning in one.get("warnings", ())]
    return "\n".join(lines)


def _title(one: Mapping[str, Any]) -> str:
    """Return "4 T2 axial, MR" of a series of DICOM."""
    number = f"{one['number']} " if one.get("number") else ""
    parts = [f"{number}{one.get('description') or 'no description'}", one.get("modality"), one.get("plane")]
    if one.get("content") in ("labels", "contours"):
        parts.append("lies over a scan")
    return ", ".join(part for part in parts if part)


def _size(one: Mapping[str, Any]) -> str:
    if not one["shape"]:
        return "contours, without a grid of their own"
    spacing = one.get("spacing_mm")
    size = "×".join(f"{length:g}" for length in spacing) + " mm" if spacing else "uncalibrated"
    shape = "×".join(map(str, one["shape"]))
    frames = f", {one['frames']} frames" if one.get("frames", 1) > 1 else ""
    axes = f", stored as {one['axes']}" if one["axes"] else ""
    packed = f", {one['transfer_syntax']}" if one.get("transfer_syntax") else ""
    return f"{shape}{frames}, {size}{axes}, {one['dtype']}{packed}"


COMMAND = Command("info", "what a file or folder holds", "medviz info scan.nii.gz --json", _arguments, _run)
