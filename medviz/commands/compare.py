"""``medviz compare``: agreement of a prediction with a reference, per label, in the reference's space."""

import argparse
import csv
import io
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medviz.commands.command import Command, Said, existing, followed, table
from medviz.imaging.judging.agreement import agreement
from medviz.imaging.judging.results import SURFACE, TOLERANCE_MM, Agreement, Comparison
from medviz.imaging.judging.summary import COLUMNS, cells, sentence
from medviz.imaging.labels import load
from medviz.imaging.readers import READERS, read
from medviz.imaging.storage import replacing
from medviz.refused import Refused

JUDGED = ("dice", "iou", "sensitivity", "precision", "hd95_mm", "hd_mm", "assd_mm", "nsd", "volume_difference_ml")
"""Numbers of which a folder of pairs gets mean, median and the worst case."""
_SMALLER_IS_BETTER = ("hd95_mm", "hd_mm", "assd_mm")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prediction", help="a label map, or a folder of label maps")
    parser.add_argument("reference", help="the label map it is held against, or a folder with files of the same names")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE_MM, metavar="MM", help="of the surface dice (NSD)")
    parser.add_argument("--names", help="names of the labels 1, 2, ..., with commas between")
    parser.add_argument("--labels", metavar="FILE", help="a table of names: ITK-SNAP, FreeSurfer or dataset.json")
    parser.add_argument("--csv", metavar="OUT", help="also write all numbers as a table, one row a label (and case)")


def _run(options: argparse.Namespace) -> Said:
    if not 0 <= options.tolerance < 1000:
        raise Refused(f"--tolerance {options.tolerance:g}", "it is no distance in mm", "take for example 2")
    names = _names(options)
    prediction, reference = existing(options.prediction), existing(options.reference)
    pairs = _pairs(prediction, reference) if prediction.is_dir() and reference.is_dir() else {}
    if options.csv and not Path(options.csv).expanduser().parent.is_dir():
        raise Refused(options.csv, "its folder does not exist", "make the folder first")
    said = _of_folder(pairs, names, options) if pairs else _of_pair(prediction, reference, names, options)
    return said


def _names(options: argparse.Namespace) -> dict[int, str]:
    names = {label.value: label.name for label in load(existing(options.labels))} if options.labels else {}
    listed = options.names.split(",") if options.names else []
    return names | {value: name.strip() for value, name in enumerate(listed, start=1)}


def _compared(prediction: Path, reference: Path, names: Mapping[int, str], options: argparse.Namespace) -> Comparison:
    quiet = options.quiet or options.json
    maps = [followed(read(path), quiet) for path in (prediction, reference)]
    return followed(agreement(maps[0], maps[1], names, options.tolerance), quiet)


# -- one pair ---------------------------------------------------------------------------------------------------


def _of_pair(prediction: Path, reference: Path, names: Mapping[int, str], options: argparse.Namespace) -> Said:
    found = _compared(prediction, reference, names, options)
    document = {"labels": [row.plain() for row in found.rows], **_how(found.tolerance_mm), "note": found.note}
    if options.csv:
        _write_csv(options.csv, [("", row) for row in found.rows])
    head = ("label", "name", "dice", "iou", "HD95 mm", "ASSD mm", f"NSD {options.tolerance:g} mm", "ml", "ml ref.")
    notes = "".join(f"\n  {row.name}: {row.note}" for row in found.rows if row.note)
    return Said(document, table([_row(row) for row in found.rows], head) + notes + f"\n{sentence(found)}")


def _row(row: Agreement) -> tuple[str, ...]:
    distances = (_number(row.hd95_mm, 2), _number(row.assd_mm, 2), _number(row.nsd, 4))
    volumes = (_number(row.volume_ml_prediction, 2), _number(row.volume_ml_reference, 2))
    return (str(row.value), row.name, _number(row.dice, 4), _number(row.iou, 4), *distances, *volumes)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _how(tolerance_mm: float) -> dict[str, Any]:
    return {"tolerance_mm": tolerance_mm, "surface": SURFACE}


# -- folders of pairs -------------------------------------------------------------------------------------------


def _pairs(predictions: Path, references: Path) -> dict[str, tuple[Path, Path]]:
    """Return the label maps that both folders have under one name, whatever their formats; none for DICOM folders."""
    one, other = _cases(predictions), _cases(references)
    if not one and not other:
        return {}
    both = {name: (one[name], other[name]) for name in sorted(one) if name in other}
    if not both:
        raise Refused(predictions, f"no file in it has the name of one in {references}", "name the pairs alike")
    return both


def _cases(folder: Path) -> dict[str, Path]:
    """Return the files of a folder that a reader other than DICOM's takes, by name without ending."""
    readers = (entry for name, entry in READERS.entries.items() if name != "dicom")
    endings = [end for entry in readers for end in getattr(entry, "suffixes", ())]
    endings = sorted((end for end in endings if not end.startswith(".img")), key=len, reverse=True)  # .hdr is it
    cases: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ending = next((end for end in endings if path.name.lower().endswith(end)), None)
        if ending is None or path.name.startswith(".") or not path.is_file():
            continue
        name = path.name[: -len(ending)]
        if name in cases:
            raise Refused(folder, f"{cases[name].name} and {path.name} are one case", "keep one of them")
        cases[name] = path
    return cases


def _of_folder(pairs: Mapping[str, tuple[Path, Path]], names: Mapping[int, str], options: argparse.Namespace) -> Said:
    cases: list[tuple[str, tuple[Agreement, ...]]] = []
    documents = []
    for name, (prediction, reference) in pairs.items():
        found = _compared(prediction, reference, names, options)
        cases.append((name, found.rows))
        documents.append({"name": name, "labels": [row.plain() for row in found.rows], "note": found.note})
    summary = _summary(cases)
    alone = _alone(Path(options.prediction), Path(options.reference), pairs)
    if options.csv:
        _write_csv(options.csv, [(name, row) for name, rows in cases for row in rows])
    document = {"cases": documents, "summary": summary, "without_partner": alone, **_how(options.tolerance)}
    return Said(document, _told(cases, summary, alone, options.tolerance))


def _alone(predictions: Path, references: Path, pairs: Mapping[str, Any]) -> list[str]:
    both = (_cases(folder.expanduser()) for folder in (predictions, references))
    return sorted(str(path) for cases in both for name, path in cases.items() if name not in pairs)


def _summary(cases: Sequence[tuple[str, tuple[Agreement, ...]]]) -> list[dict[str, Any]]:
    """Mean, median and worst case of each number, label by label; empty cases are counted and left out of the mean."""
    values = sorted({row.value for _, rows in cases for row in rows})
    told = []
    for value in values:
        of_label = [(name, row) for name, rows in cases for row in rows if row.value == value]
        numbers = {key: _spread(key, [(name, getattr(row, key)) for name, row in of_label]) for key in JUDGED}
        told.append({"value": value, "name": of_label[0][1].name, "cases": len(of_label), **numbers})
    return told


def _spread(key: str, found: Iterable[tuple[str, float | None]]) -> dict[str, Any]:
    known = [(name, number) for name, number in found if number is not None]
    if not known:
        return {"n": 0, "mean": None, "median": None, "worst": None, "note": "no case in which it has a meaning"}
    numbers = [number for _, number in known]
    if key == "volume_difference_ml":
        worst = max(known, key=lambda one: abs(one[1]))
    else:
        worst = (max if key in _SMALLER_IS_BETTER else min)(known, key=lambda one: one[1])
    return {
        "n": len(known),
        "mean": statistics.fmean(numbers),
        "median": statistics.median(numbers),
        "worst": {"case": worst[0], "value": worst[1]},
    }


def _told(
    cases: Sequence[tuple[str, tuple[Agreement, ...]]],
    summary: Sequence[Mapping[str, Any]],
    alone: Sequence[str],
    tolerance_mm: float,
) -> str:
    head = (
        "label",
        "name",
        "cases",
        "dice",
        "median",
        "worst",
        "in",
        "HD95 mm",
        "worst",
        "in",
        f"NSD {tolerance_mm:g}",
    )
    rows = []
    for one in summary:
        dice, far = one["dice"], one["hd95_mm"]
        numbers = (_number(dice["mean"], 4), _number(dice["median"], 4), *_worst(dice, 4))
        distances = (_number(far["mean"], 2), *_worst(far, 2), _number(one["nsd"]["mean"], 4))
        rows.append((str(one["value"]), str(one["name"]), str(one["cases"]), *numbers, *distances))
    empty = [f"\n  {name}, {row.name}: {row.note}" for name, found in cases for row in found if row.note]
    more = [f"\n  … and {len(empty) - 20} more"] if len(empty) > 20 else []
    names = ", ".join(alone[:5]) + (" …" if len(alone) > 5 else "")
    lonely = f"\n{len(alone)} without a partner: {names}" if alone else ""
    return f"{len(cases)} pairs; means over the cases\n{table(rows, head)}{''.join(empty[:20] + more)}{lonely}"


def _worst(spread: Mapping[str, Any], digits: int) -> tuple[str, str]:
    worst = spread["worst"]
    return ("–", "–") if worst is None else (_number(worst["value"], digits), str(worst["case"]))


# -- a table ----------------------------------------------------------------------------------------------------


def _write_csv(out: str, rows: Sequence[tuple[str, Agreement]]) -> None:
    """Write one row a label; the first column names the case where there are several."""
    several = any(name for name, _ in rows)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*(["case"] if several else []), *COLUMNS])
    for name, row in rows:
        lines.writerow([*([name] if several else []), *cells(row)])
    with replacing(Path(out).expanduser()) as file:
        file.write(text.getvalue().encode())


COMMAND = Command(
    "compare",
    "agreement of a prediction with a reference, per label",
    "medviz compare tissue.nii.gz reference.nii.gz --names 'grey matter,white matter,CSF'",
    _arguments,
    _run,
)
