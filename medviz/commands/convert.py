"""``medviz convert``: from any format that is read to any that is written."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from medviz.commands.command import Command, Said, existing, followed, table
from medviz.imaging.findings import KINDS, Report
from medviz.imaging.labels import load
from medviz.imaging.privacy import check
from medviz.imaging.readers import read
from medviz.imaging.volume import Volume
from medviz.imaging.writers import WRITERS, WriterEntry, endings, export
from medviz.imaging.writers.card import card_path
from medviz.imaging.writers.clean import bare, share
from medviz.imaging.writers.writer import Export
from medviz.refused import Refused

_FROM_FILE = ("medviz", "purpose", "geometry", "files")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", help="a scan, a mask or a folder of DICOM files")
    parser.add_argument("target", metavar="OUT", nargs="?", help="where to write; the ending names the format")
    parser.add_argument("--as", dest="kind", choices=list(WRITERS), help=f"the format: {_formats()}")
    parser.add_argument(
        "--reference", metavar="SERIES", help="the DICOM series of the scan, which a SEG or RTSTRUCT refers to"
    )
    parser.add_argument("--names", metavar="TABLE", help="label names: ITK-SNAP, FreeSurfer, dataset.json")
    parser.add_argument("--labels", metavar="1,5", help="only these label values")
    parser.add_argument("--scan", metavar="SCAN", help="scan of the mask: its grid is checked, its affine bytes taken")
    parser.add_argument("--series", default="", metavar="S", help="which of a folder: its UID, number or place as #2")
    parser.add_argument(
        "--regular", action="store_true", help="resample uneven, gapped or tilted slices to a regular grid"
    )
    parser.add_argument("--frame", type=int, metavar="N", help="only this frame of a series, counted from 1")
    parser.add_argument(
        "--smooth", type=int, default=12, metavar="N", help="rounds of smoothing of an STL (12; 0 none)"
    )
    parser.add_argument("--separate", action="store_true", help="an STL file for each label")
    parser.add_argument(
        "--clean",
        action="store_true",
        help="without patient data: a file of voxels and their place alone, or (OUT a new folder) copies of all files "
        "with blanked tags; says what it found",
    )
    parser.add_argument("--check", action="store_true", help="only say what tells who the patient is; no OUT")
    parser.add_argument("--show-values", action="store_true", help="write what was found out in full, not as Do…")


def _formats() -> str:
    return ", ".join(f"{name} ({entry.title})" for name, entry in WRITERS.entries.items())


def _run(options: argparse.Namespace) -> Said:
    quiet = options.quiet or options.json
    source = existing(options.source)
    if options.check:
        if options.target is not None:
            raise Refused(f"--check with {options.target}", "a check writes nothing", "leave OUT away, or take --clean")
        return _privacy(followed(check([source]), quiet), options)
    if options.target is None:
        raise Refused(options.source, "it is not said where to write", "give OUT, for example scan.nii.gz")
    target = Path(options.target).expanduser()
    if options.clean and _is_folder(target, options):
        return _privacy(followed(share((source,), target), quiet), options)
    return _converted(options, source, target, quiet)


def _converted(options: argparse.Namespace, source: Path, target: Path, quiet: bool) -> Said:
    if not 0 <= options.smooth <= 200:
        raise Refused(f"--smooth {options.smooth}", "no surface is smoothed so often", "take 0 to 200")
    kind = _kind(options, target)
    volume = one_frame(followed(read(source, options.series, options.regular), quiet), options.frame)
    thing = Export(
        bare(volume) if options.clean else volume,
        labels=load(existing(options.names)) if options.names else (),
        scan=followed(read(existing(options.scan)), quiet) if options.scan else None,
        reference=existing(options.reference) if options.reference else None,
        card=card_of(source),
        chosen=_values(options.labels),
        smooth=options.smooth,
        one_file=not options.separate,
    )
    report = followed(check([source]), quiet) if options.clean else None
    files = followed(export(thing, target, kind), quiet)
    stored = (thing.scan or volume).stored
    document = {
        "out": options.target,
        "shape": volume.stored.shape if thing.scan is None else stored.shape,
        "affine": stored.affine,
        "files": [str(file) for file in files],
        "warnings": volume.warnings,
    }
    size = "×".join(map(str, document["shape"]))
    beside = "".join(f"\n  with {file.name}" for file in files[1:])
    warnings = "".join(f"\n  warning: {warning}" for warning in volume.warnings)
    text = f"{files[0]}: {size}{beside}{warnings}"
    if report is None:
        return Said(document, text)
    found = _privacy(report, options)
    return Said({**document, **found.document, "files": document["files"]}, f"{text}\n{found.text}")


def _privacy(report: Report, options: argparse.Namespace) -> Said:
    """Say what tells who the patient is; values are masked, so that the report does not give the patient away."""
    rows = [
        (one.level, KINDS[one.kind], one.where, one.what, one.value if options.show_values else one.masked, one.cleaned)
        for one in report.findings
    ]
    keys = ("level", "kind", "where", "what", "value", "cleaned")
    document = {
        "patient_data": [dict(zip(keys, row, strict=True)) for row in rows],
        "checked": report.files,
        "out": options.target,
        "files": [str(file) for file in report.made],
        "left_out": report.left_out,
    }
    head = (*keys[:5], "in a clean copy")
    listed = f"\n{table([(*row[:2], row[2][-40:], *row[3:]) for row in rows], head)}" if rows else ""
    copied = f"{options.target}: {len(report.made)} files; " if report.made else ""
    left = "".join(f"\n  {one}" for one in report.left_out)
    return Said(document, f"{copied}{report.in_words}.{left}{listed}")


def _is_folder(target: Path, options: argparse.Namespace) -> bool:
    """Tell whether OUT names a folder: it has no ending that a format has."""
    if options.kind:
        return False
    return target.is_dir() or not target.name.lower().endswith(endings(WRITERS))


def _kind(options: argparse.Namespace, target: Path) -> str:
    """Return the format asked for; without --as a .dcm is a SEG, which needs a reference."""
    named = options.kind or ("seg" if target.name.lower().endswith(".dcm") else "")
    if options.clean and named in ("seg", "rtstruct"):
        fault = "it takes the patient's name from the series it refers to"
        raise Refused(target, fault, "make a clean copy of the series first and refer to that, without --clean")
    if options.kind:
        return str(options.kind)
    entries = [entry for entry in WRITERS.entries.values() if isinstance(entry, WriterEntry)]
    if options.reference and not any(
        entry.reference and target.name.lower().endswith(entry.suffixes) for entry in entries
    ):
        raise Refused(
            target, "only a SEG or RTSTRUCT refers to a series", "end the name with .dcm, or drop --reference"
        )
    return ""


def _values(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError as problem:
        raise Refused(f"--labels {text}", "these are no label values", "write for example --labels 1,5") from problem
    if any(not 0 < value <= 65535 for value in values):
        raise Refused(f"--labels {text}", "a label is 1 to 65535", "write for example --labels 1,5")
    return values


def one_frame(volume: Volume, number: int | None) -> Volume:
    """Take one frame of a series, counted from 1; the whole volume where none is named."""
    if number is None:
        return volume
    if not 1 <= number <= volume.frames:
        raise Refused(f"--frame {number}", f"{volume.name} has {volume.frames}", "frames are counted from 1")
    if volume.kind != "frames":
        return volume
    stored = replace(volume.stored, shape=volume.stored.shape[:3])
    return replace(volume, voxels=volume.voxels[number - 1 : number], kind="scalar", stored=stored, frame_s=None)


def card_of(path: Path) -> Mapping[str, Any] | None:
    """Read the trust card that lies beside a mask, so that it travels on; None where there is none."""
    beside = card_path(path)
    if not path.is_file() or not beside.is_file():
        return None
    try:
        card = json.loads(beside.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(card, dict) or not isinstance(card.get("model", {}), dict):
        return None
    return {key: value for key, value in card.items() if key not in _FROM_FILE}


COMMAND = Command(
    "convert",
    "from any format that is read to any that is written",
    "medviz convert mask.nii.gz mask.dcm --reference series-folder --names labels.txt",
    _arguments,
    _run,
)
