"""Names and colours of labels, the same everywhere in the program."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.storage import opening, replacing
from medviz.refused import Refused

# Okabe and Ito's eight without black and grey, then Paul Tol's muted set: distinct for colour-blind eyes.
_COLOURS = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
    (136, 204, 238), (204, 102, 119), (221, 204, 119), (17, 119, 51), (51, 34, 136), (170, 68, 153), (68, 170, 153),
    (153, 153, 51), (136, 34, 85), (102, 153, 204),
)  # fmt: skip
_DARKEST = 75.0


@dataclass(frozen=True)
class Label:
    """One label: the value in the map, its name and its colour (red, green, blue in 0..255)."""

    value: int
    name: str
    colour: tuple[int, int, int]


def default_colour(value: int) -> tuple[int, int, int]:
    """Colour of a label value that has none of its own; past the table the colours come again, darker or lighter.

    None is so dark that a thin outline of it would be lost on a black scan.
    """
    turn, place = divmod(value - 1, len(_COLOURS))
    factor = (1.0, 0.7, 1.25, 0.5, 0.85)[turn % 5]
    parts = [min(255.0, part * factor) for part in _COLOURS[place]]
    least = _DARKEST + 12.0 * (turn % 5)  # not the same each turn, so that no two are one colour
    brighter = max(1.0, min(255.0 / max(parts), least / _lightness(parts)))  # first stronger, then paler
    parts = [part * brighter for part in parts]
    white = max(0.0, (least - _lightness(parts)) / (255.0 - _lightness(parts)))
    red, green, blue = (round(part + (255.0 - part) * white) for part in parts)
    return red, green, blue


def _lightness(parts: list[float]) -> float:
    """How light red, green and blue are to the eye, 0 to 255."""
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def named(names: tuple[str, ...]) -> tuple[Label, ...]:
    """Labels 1, 2, ... of these names in the default colours."""
    return tuple(Label(value, name, default_colour(value)) for value, name in enumerate(names, start=1))


def colour_table(labels: tuple[Label, ...], size: int = 256) -> NDArray[np.uint8]:
    """Return (size, 4) red, green, blue and alpha by label value; 0 is clear, unnamed values take defaults."""
    table = np.zeros((size, 4), np.uint8)
    for value in range(1, size):
        table[value] = (*default_colour(value), 255)
    for label in labels:
        if 0 < label.value < size:
            table[label.value] = (*label.colour, 255)
    return table


TISSUES = named(("grey matter", "white matter", "cerebrospinal fluid"))
"""The tissues of a brain, as the data set of the MNI152 and the shipped model number them."""

KNOWN_TABLES: dict[str, str] = {
    "TotalSegmentator 2, CT (117 labels)": "totalsegmentator_2.label",
    "TotalSegmentator 1, CT (104 labels)": "totalsegmentator_1.label",
    "TotalSegmentator, MR (50 labels)": "totalsegmentator_mr.label",
    "FreeSurfer aseg (45 labels)": "freesurfer_aseg.label",
}
"""Tables that ship with the program, by title: files in `resources/tables`."""

_SNAP_HEADER = """################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    MSH:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################
"""
_SNAP = re.compile(r'(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+([\d.]+)\s+([01])\s+([01])\s+"([^"]*)"\s*')
_FREESURFER = re.compile(r"(\d+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*")
_MOST_BYTES = 8 << 20


def load(path: Path) -> tuple[Label, ...]:
    """Read label names from an ITK-SNAP description, a FreeSurfer table or a dataset.json (MSD or nnU-Net).

    Lines may end in any way (Unix, Windows, old Mac). Label 0, the background, is left out.
    """
    with opening(path):
        if path.stat().st_size > _MOST_BYTES:
            raise Refused(path, "it is too large for a table of labels", "give a label description or a dataset.json")
        content = path.read_bytes()
    if b"\0" in content:
        raise Refused(path, "it is no text", "give a label description or a dataset.json")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    found = _from_json(text, path) if text.lstrip().startswith("{") else _from_lines(text, path)
    return tuple(sorted((label for label in found if label.value), key=lambda label: label.value))


def save(labels: tuple[Label, ...], path: Path) -> None:
    """Write an ITK-SNAP label description, which ITK-SNAP, 3D Slicer and medviz read."""
    rows = [
        (0, 0, 0, 0, 0, 0, 0, "Clear Label"),
        *((label.value, *label.colour, 1, 1, 1, label.name) for label in labels),
    ]
    lines = [
        f'{value:5d} {red:5d} {green:4d} {blue:4d} {alpha:8g} {seen:2d} {mesh:2d}    "{_unquoted(str(name))}"'
        for value, red, green, blue, alpha, seen, mesh, name in rows
    ]
    with replacing(path) as file:
        file.write((_SNAP_HEADER + "\n".join(lines) + "\n").encode())


def load_names(path: Path) -> dict[int, str]:
    """Read what a dataset.json calls its labels, background included, by value."""
    with opening(path):
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    return {label.value: label.name for label in _from_json(text, path)}


def save_names(names: dict[int, str], path: Path, style: str = "nnunet") -> None:
    """Set "labels" of a dataset.json and leave its other keys as they are; the file need not exist.

    nnU-Net writes name to value ({"background": 0}), `style` "msd" (the decathlon) value to name ({"0": "background"}).
    """
    whole: dict[str, Any] = {}
    if path.exists():
        whole = _parsed(path.read_text("utf-8-sig"), path)
    if style == "msd":
        whole["labels"] = {str(value): name for value, name in sorted(names.items())}
    else:
        if len(set(names.values())) < len(names):
            raise Refused(path, "two labels have one name, which nnU-Net cannot tell apart", "rename one")
        whole["labels"] = {name: value for value, name in sorted(names.items())}
    with replacing(path) as file:
        file.write((json.dumps(whole, indent=4, ensure_ascii=False) + "\n").encode())


def _from_lines(text: str, path: Path) -> list[Label]:
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if snap := _SNAP.fullmatch(line.strip()):
            value, red, green, blue, name = (snap[place] for place in (1, 2, 3, 4, 8))
        elif surfer := _FREESURFER.fullmatch(line.strip()):
            value, name, red, green, blue = (surfer[place] for place in (1, 2, 3, 4, 5))
        else:
            fault = f"line {number} is not a label ({line.strip()[:40]!r})"
            raise Refused(path, fault, 'write: number red green blue 1 1 1 "name"')
        parts = [int(part) for part in (red, green, blue)]
        if int(value) > 65535 or max(parts) > 255:
            raise Refused(path, f"line {number} has a number out of range", "labels to 65535, colours to 255")
        found.append(Label(int(value), name, (parts[0], parts[1], parts[2])))
    _check_once(found, path)
    return found


def _from_json(text: str, path: Path) -> list[Label]:
    listed = _parsed(text, path).get("labels")
    if not isinstance(listed, dict) or not listed:
        raise Refused(path, 'it has no "labels"', "give the dataset.json of nnU-Net or of the decathlon")
    pairs: list[tuple[int, str]] = []
    for key, value in listed.items():
        if isinstance(value, str) and key.strip().isdecimal():
            pairs.append((int(key), value))
        elif isinstance(value, int | str) and str(value).strip().isdecimal():
            pairs.append((int(value), key))
        elif isinstance(value, list) and value and all(isinstance(one, int) for one in value):
            pairs.append((value[-1], key))  # a region of nnU-Net: the last of its labels is the one it adds
        else:
            raise Refused(path, f"label {key!r} has no number", 'write "name": 1 or "1": "name"')
    found = [Label(value, name, default_colour(value) if value else (0, 0, 0)) for value, name in pairs]
    _check_once(found, path)
    return found


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        whole = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as problem:
        raise Refused(path, f"it is not valid JSON ({problem})", "mend it in a text editor") from problem
    if not isinstance(whole, dict):
        raise Refused(path, "it is a list and not a data set's description", "give a dataset.json")
    return whole


def _check_once(found: list[Label], path: Path) -> None:
    values = [label.value for label in found]
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise Refused(path, f"label {twice} stands in it twice", "keep one of them")
    if not found:
        raise Refused(path, "it names no label", 'write: number red green blue 1 1 1 "name"')


def _unquoted(name: str) -> str:
    return " ".join(name.replace('"', "'").split())
