"""How tables and pictures of a run leave the window: written whole or not at all, beside the window."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from medviz.gui.desk import Desk
from medviz.imaging.storage import replacing
from medviz.messages import Progress, Work


def keep_rows(desk: Desk, path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as CSV and say so."""
    keep(desk, path, lambda: as_csv(rows))


def keep(desk: Desk, path: Path, made: Callable[[], bytes]) -> None:
    """Write what `made` makes, in a thread, and say so."""
    work = lambda: _written(path, made)  # noqa: E731
    desk.start(f"writing {path.name}", work, "train", lambda _: desk.tell(f"{path.name} is written"), quiet=True)


def as_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """Make CSV of rows; what is not known is empty."""
    held = io.StringIO()
    csv.writer(held, lineterminator="\n").writerows(rows)
    return held.getvalue().encode("utf-8")


def _written(path: Path, made: Callable[[], bytes]) -> Work[None]:
    yield Progress(0, 0, f"writing {path.name}")
    with replacing(path) as file:
        file.write(made())
