"""Messages as lines of JSON, and back: what a run says is kept so that a window anywhere may listen.

A line has "message" ("scalar", "progress", "note", "figure", "begin", "end"), "time" (s since 1970) and "step". The
arrays of a figure lie beside in an .npz (nothing is pickled), a Picture in a .png too.
"""

import dataclasses
import io
import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medviz import figures
from medviz.figures import Figure, Mark, Picture
from medviz.imaging.labels import colour_table
from medviz.messages import Message, Note, Progress, Scalar

Line = dict[str, Any]
_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        figures.Picture, figures.Gallery, figures.Heatmap, figures.Curves, figures.Points, figures.Bars,
        figures.Graph, figures.Table, figures.Text, figures.Line, figures.Mark,
    )
}  # fmt: skip


def line_of(message: Message, media: Path, step: int) -> Line:
    """Turn a message into a line; the arrays of a figure are written into `media`. Raises OSError."""
    if isinstance(message, Scalar):
        return {"message": "scalar", "name": message.name, "step": message.step, "value": _number(message.value)}
    if isinstance(message, Progress):
        return {"message": "progress", "step": step, **dataclasses.asdict(message)}
    if isinstance(message, Note):
        return {"message": "note", "step": step, **dataclasses.asdict(message)}
    arrays: dict[str, NDArray[Any]] = {}
    fields = _packed(message, arrays)
    name = f"{step:07d}-{re.sub(r'[^A-Za-z0-9]+', '-', message.name).strip('-')}.npz"
    held = io.BytesIO()
    np.savez_compressed(held, **arrays)  # type: ignore[arg-type]
    (media / name).write_bytes(held.getvalue())
    if isinstance(message, Picture):
        (media / name).with_suffix(".png").write_bytes(png(message))
    return {"message": "figure", "step": step, "name": message.name, "file": f"{media.name}/{name}", "figure": fields}


def message_of(line: Line, folder: Path) -> Message | None:
    """Turn a line back into its message; None for "begin", "end" and kinds that a later version writes."""
    kind = line.get("message")
    if kind == "scalar":
        return Scalar(line["name"], line["step"], float(line["value"]), line.get("time"))
    if kind == "progress":
        return Progress(line["done"], line["total"], line["what"], line["left_s"])
    if kind == "note":
        return Note(line["text"], line["level"], line["remedy"])
    if kind != "figure" or line["figure"].get("kind") not in _KINDS:
        return None
    file = folder / "media" / Path(line["file"]).name  # never out of the run's own folder
    try:
        with np.load(file, allow_pickle=False) as arrays:
            figure: Figure = _unpacked(line["figure"], dict(arrays))
    except (OSError, ValueError, KeyError) as problem:
        return Note(f"A figure of the run is missing: {file.name} ({problem})", "warning")
    return figure


def text_of(line: Line) -> str:
    """One line of events.jsonl."""
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def parsed(text: str) -> Line | None:
    """Read one line; None where it is damaged (a power cut leaves half lines)."""
    try:
        line = json.loads(text)
    except json.JSONDecodeError:
        return None
    return line if isinstance(line, dict) else None


def png(picture: Picture) -> bytes:
    """Draw a picture with its labels as PNG, for a person, TensorBoard and the model card."""
    held = io.BytesIO()
    Image.fromarray(painted(picture)).save(held, "PNG", compress_level=1)
    return held.getvalue()


def painted(picture: Picture, opacity: float = 0.5) -> NDArray[np.uint8]:
    """Pixels (rows, cols, 3) of a picture, its labels over them in the label colours."""
    pixels = np.asarray(picture.pixels)
    if pixels.dtype != np.uint8 or (pixels.ndim == 2 and picture.levels not in (None, (0.0, 255.0))):
        finite = np.nan_to_num(pixels.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = picture.levels or (float(finite.min()), float(finite.max()))
        pixels = np.rint(((finite - low) / ((high - low) or 1.0)).clip(0, 1) * 255).astype(np.uint8)
    colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    if picture.labels is None:
        return _framed(colour, picture.marks)
    over = _colours()[np.asarray(picture.labels).astype(np.intp).clip(0, 255)]
    share = over[..., 3:] / 255 * opacity
    mixed: NDArray[np.uint8] = np.rint(colour[..., :3] * (1 - share) + over[..., :3] * share).astype(np.uint8)
    return _framed(mixed, picture.marks)


def _framed(colour: NDArray[np.uint8], marks: tuple[Mark, ...]) -> NDArray[np.uint8]:
    """Draw the boxes found and meant, a pixel wide; their words need more room than a small picture has."""
    boxes = [one for one in marks if one.colour is not None or one.style == "reference"]
    made = colour.copy() if boxes else colour
    for one in boxes:
        rows, cols = (np.array([at, at + side - 1]).round().astype(int) for at, side in
                      ((one.row, one.height), (one.col, one.width)))  # fmt: skip
        (top, bottom), (left, right) = rows.clip(0, made.shape[0] - 1), cols.clip(0, made.shape[1] - 1)
        ink = one.colour or (255, 255, 255)
        made[[top, bottom], left : right + 1, :3] = ink
        made[top : bottom + 1, [left, right], :3] = ink
    return made


@cache
def _colours() -> NDArray[np.uint8]:
    return colour_table(())


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)  # "nan" and "inf" are not JSON


def _packed(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, np.generic):
        return value.item()
    if dataclasses.is_dataclass(value):
        kept = {one.name: _packed(getattr(value, one.name), arrays) for one in dataclasses.fields(value)}
        return {"kind": type(value).__name__, "fields": kept}
    if isinstance(value, tuple | list):
        return [_packed(inner, arrays) for inner in value]
    return {"number": str(value)} if isinstance(value, float) and not math.isfinite(value) else value


def _unpacked(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    if isinstance(value, list):
        return tuple(_unpacked(inner, arrays) for inner in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "number" in value:
        return float(value["number"])
    known = {one.name for one in dataclasses.fields(_KINDS[value["kind"]])}
    fields = {name: _unpacked(inner, arrays) for name, inner in value["fields"].items() if name in known}
    return _KINDS[value["kind"]](**fields)
