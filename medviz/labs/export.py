"""Figures as files: arrays as .npy, pictures as .png, tables as .csv, sentences as .txt. Needs no window."""

import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from medviz.figures import Curves, Figure, Gallery, Heatmap, Mark, Picture, Table, Text, array_of
from medviz.labs.formulas import number
from medviz.refused import Refused

Array = NDArray[Any]
CELL_PX = 44
"""Side of a cell that shows its number."""
NUMBERED = 24
"""Cells along a side up to which a heatmap is drawn with its numbers."""
LONG_PX = 512
"""Length to which a small picture is enlarged."""

_STOPS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "grey": ((0, 0, 0), (255, 255, 255)),
    "diverging": ((33, 102, 172), (146, 197, 222), (247, 247, 247), (244, 165, 130), (178, 24, 43)),
    "viridis": (
        (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
        (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
    ),
}  # fmt: skip
_MARK_COLOURS = {"focus": (230, 159, 0), "source": (0, 158, 115), "target": (86, 180, 233), "box": (140, 140, 140)}
_RING_TINT = np.array((86, 180, 233), float)


def export(figures: Iterable[Figure], folder: Path) -> tuple[Path, ...]:
    """Write each figure into `folder` under its name; returns the paths. A file is never seen half-written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(path for figure in figures for path in _files(figure, folder))
    except OSError as problem:
        raise Refused(folder, f"it cannot be written ({problem.strerror})", "choose another folder") from problem


def _files(figure: Figure, folder: Path) -> list[Path]:
    paths = []
    array = array_of(figure)
    if array is not None:
        paths.append(_put(folder / f"{figure.name}.npy", lambda file: np.save(file, array, allow_pickle=False)))
    if isinstance(figure, Picture | Heatmap | Gallery):
        picture = painted(figure)
        paths.append(_put(folder / f"{figure.name}.png", lambda file: picture.save(file, "PNG")))
    if isinstance(figure, Text):
        paths.append(_put(folder / f"{figure.name}.txt", lambda file: file.write(f"{figure.text}\n".encode())))
    if isinstance(figure, Table | Curves):
        rows = _rows(figure)
        paths.append(_put(folder / f"{figure.name}.csv", lambda file: file.write(_csv(rows))))
    return paths


def _put(path: Path, write: Callable[[BinaryIO], object]) -> Path:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _rows(figure: Table | Curves) -> list[tuple[object, ...]]:
    if isinstance(figure, Table):
        units = figure.units or ("",) * len(figure.columns)
        heads = (f"{name} ({unit})" if unit else name for name, unit in zip(figure.columns, units, strict=True))
        return [tuple(heads), *figure.rows]
    head = ("line", figure.x_name or "x", figure.y_name or "y")
    return [head, *((line.name, x, y) for line in figure.lines for x, y in zip(line.x, line.y, strict=True))]


def _csv(rows: list[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def painted(figure: Picture | Heatmap | Gallery) -> Image.Image:
    """Draw a figure: whole cells enlarged, numbers where there is room, marks as frames."""
    if isinstance(figure, Gallery):
        return _gallery(figure)
    values = figure.pixels if isinstance(figure, Picture) else figure.values
    colour = values if values.ndim == 3 else _coloured(values, figure.colours, figure.levels)
    colour = colour if colour.dtype == np.uint8 else (np.clip(colour, 0, 1) * 255).astype(np.uint8)
    if isinstance(figure, Heatmap) and any(figure.ring):
        colour = _tinted(colour, figure.ring)
    numbered = isinstance(figure, Heatmap) and max(values.shape) <= NUMBERED
    side = CELL_PX if numbered else max(1, LONG_PX // max(values.shape[:2]))
    height, width = figure.mm or (1.0, 1.0)
    down = side if numbered else max(1, round(side * height / min(height, width)))
    across = side if numbered else max(1, round(side * width / min(height, width)))
    picture = Image.fromarray(colour).resize((colour.shape[1] * across, colour.shape[0] * down), Image.Resampling.BOX)
    pen = ImageDraw.Draw(picture)
    if numbered:
        _write_numbers(pen, values, colour)
    for mark in figure.marks:
        _frame(pen, mark, down, across)
    return picture


def _gallery(figure: Gallery) -> Image.Image:
    count, rows, cols = figure.tiles.shape[:3]
    columns = figure.columns or max(1, int(np.ceil(np.sqrt(count))))
    sheet = np.zeros((-(-count // columns) * (rows + 1), columns * (cols + 1), 3), np.uint8)
    levels = figure.levels or (_levels(figure.tiles, figure.colours) if figure.shared_scale else None)
    for place, tile in enumerate(figure.tiles):
        top, left = place // columns * (rows + 1), place % columns * (cols + 1)
        sheet[top : top + rows, left : left + cols] = _shaded(tile, figure.colours, levels)
    return Image.fromarray(sheet)


def _shaded(tile: Array, colours: str, levels: tuple[float, float] | None) -> NDArray[np.uint8]:
    """Paint a tile; one in colour stays as it is."""
    if tile.ndim == 2:
        return _coloured(tile, colours, levels)
    return tile if tile.dtype == np.uint8 else (np.clip(tile, 0, 1) * 255).astype(np.uint8)


def _levels(values: Array, colours: str) -> tuple[float, float]:
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if colours == "diverging":
        reach = max(-low, high) or 1.0
        return -reach, reach
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _coloured(values: Array, colours: str, levels: tuple[float, float] | None) -> NDArray[np.uint8]:
    low, high = levels or _levels(values, colours)
    stops = np.array(_STOPS.get(colours, _STOPS["grey"]), float)
    scaled = np.clip(np.nan_to_num((values - low) / ((high - low) or 1.0)), 0.0, 1.0)
    at = np.linspace(0.0, 1.0, len(stops))
    parts = [np.interp(scaled, at, stops[:, part]) for part in range(3)]
    return np.stack(parts, -1).round().astype(np.uint8)


def _tinted(colour: NDArray[np.uint8], ring: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    top, bottom, left, right = ring
    outside = np.ones(colour.shape[:2], bool)
    outside[top : colour.shape[0] - bottom, left : colour.shape[1] - right] = False
    tinted = colour.astype(float)
    tinted[outside] = 0.6 * tinted[outside] + 0.4 * _RING_TINT
    return tinted.round().astype(np.uint8)


def _write_numbers(pen: ImageDraw.ImageDraw, values: Array, colour: NDArray[np.uint8]) -> None:
    font = ImageFont.load_default(14)
    for (row, col), value in np.ndenumerate(values):
        bright = float(colour[row, col] @ np.array((0.299, 0.587, 0.114))) > 128
        middle = (col * CELL_PX + CELL_PX / 2, row * CELL_PX + CELL_PX / 2)
        text = number(float(value)).replace("−", "-")
        pen.text(middle, text, fill=(0, 0, 0) if bright else (255, 255, 255), font=font, anchor="mm")


def _frame(pen: ImageDraw.ImageDraw, mark: Mark, down: int, across: int) -> None:
    left, top = mark.col * across, mark.row * down
    right, bottom = left + mark.width * across - 1, top + mark.height * down - 1
    colour = _MARK_COLOURS.get(mark.style, _MARK_COLOURS["focus"])
    pen.rectangle((left, top, max(right, left), max(bottom, top)), outline=colour, width=2)
