"""How tables and pictures of a run leave the window: written whole or not at all, beside the window."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QBuffer
from PySide6.QtGui import QPixmap

from medviz.gui.desk import Desk
from medviz.gui.training.track import Array
from medviz.imaging.storage import replacing
from medviz.messages import Progress, Work


def keep_rows(desk: Desk, path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as CSV and say so."""
    keep(desk, path, lambda: as_csv(rows))


def keep(desk: Desk, path: Path, made: Callable[[], bytes]) -> None:
    """Write what `made` makes, in a thread, and say so."""
    work = lambda: _written(path, made)  # noqa: E731
    desk.start(f"writing {path.name}", work, "train", lambda _: desk.tell(f"{path.name} is written"), quiet=True)


Points = tuple[str, str, Array, Array, Array]
"""A run, one of its curves, and the steps, seconds and values of its points."""


def keep_points(desk: Desk, path: Path, curves: Sequence[Points]) -> None:
    """Write every point of these curves as CSV; the rows are made in the thread, there may be very many."""
    keep(desk, path, lambda: as_csv(point_rows(curves)))


def point_rows(curves: Sequence[Points]) -> Iterator[tuple[str | float, ...]]:
    """One row a point, under a row of names."""
    yield ("run", "curve", "step", "seconds", "value")
    for run, name, steps, seconds, values in curves:
        for step, at_s, value in zip(steps.tolist(), seconds.tolist(), values.tolist(), strict=True):
            yield (run, name, int(step), round(at_s, 3), value)


def as_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """Make CSV of rows; what is not known is empty."""
    held = io.StringIO()
    csv.writer(held, lineterminator="\n").writerows(rows)
    return held.getvalue().encode("utf-8")


def png_of(picture: QPixmap) -> bytes:
    """Make a PNG of a picture of the window."""
    held = QBuffer()
    held.open(QBuffer.OpenModeFlag.WriteOnly)
    picture.save(held, "PNG")
    return bytes(held.data().data())


def _written(path: Path, made: Callable[[], bytes]) -> Work[None]:
    yield Progress(0, 0, f"writing {path.name}")
    with replacing(path) as file:
        file.write(made())
