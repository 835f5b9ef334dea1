"""Figures as they stand on the board, as files: a picture of each, and its numbers."""

import io
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice

from medviz.figures import Curves, Figure, Table, Text, array_of
from medviz.gui.drawing.table import as_csv
from medviz.gui.drawing.view import View
from medviz.refused import Refused


def exported(views: Mapping[str, View], folder: Path, also: Mapping[str, str] | None = None) -> list[Path]:
    """Write each view as .png and its figure's numbers as .npy, .csv or .txt; returns the paths.

    `also` are texts by file name. Every file is whole or not there; a folder that cannot be written is refused.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [path for view in views.values() for path in _files(view, folder)]
        return paths + [written(folder / name, text.encode()) for name, text in (also or {}).items()]
    except OSError as problem:
        raise Refused(folder, problem.strerror or "it cannot be written", "choose another folder") from problem


def _files(view: View, folder: Path) -> list[Path]:
    name = re.sub(r"[^\w.-]", "_", view.figure.name)
    picture = QByteArray()
    buffer = QBuffer(picture)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    view.grab().save(buffer, "PNG")
    buffer.close()
    ending, data = numbers(view.figure)
    paths = [written(folder / f"{name}.png", bytes(picture.data()))]
    return [*paths, written(folder / f"{name}{ending}", data)] if data else paths


def numbers(figure: Figure) -> tuple[str, bytes]:
    """Return the ending and the bytes of the file that holds a figure's numbers or words."""
    array = array_of(figure)
    if array is not None:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        return ".npy", buffer.getvalue()
    if isinstance(figure, Table):
        return ".csv", as_csv(figure).encode()
    if isinstance(figure, Text):
        return ".txt", f"{figure.text}\n".encode()
    if isinstance(figure, Curves):
        columns = "line", figure.x_name or "x", figure.y_name or "y"
        points = ((line.name, x, y) for line in figure.lines for x, y in zip(line.x, line.y, strict=False))
        rows = tuple((name, float(x), float(y)) for name, x, y in points)
        return ".csv", as_csv(Table(figure.name, columns, rows)).encode()
    return "", b""


def written(path: Path, data: bytes) -> Path:
    """Write beside and rename, so that a full disk leaves no half file."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return path
