"""What the window is handed to make samples of a run; each line imports its room when called."""

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

from medviz.commands.engine import ENGINE
from medviz.gui.generating import Batch, Generating
from medviz.messages import Progress, Work
from medviz.tasks import TASKS


def generating() -> Generating:
    """Put it together."""
    return Generating(wishes=lambda run: ENGINE["wishes_of"](run, TASKS), make=_make, keep=_keep)


def _make(run: Path, wishes: Any, features: str) -> Work[Batch]:
    made = yield from ENGINE["samples_of"](run, wishes, TASKS, features)
    yield Progress(0, 0, "samples drawn")
    tiles, nearest = made.tiles()
    lines = [f"{len(made.made)} samples in {made.seconds:.1f} s, seed {made.wishes.seed}"]
    if made.spacing_mm is None:
        lines[0] += ", uncalibrated"
    lines += [made.quality.words()] if made.quality is not None else []
    if made.neighbours:
        lines.append(f"{made.copies} suspected copies, compared with {made.compared}")
    return Batch(
        run=made.run,
        tiles=tiles,
        nearest=nearest,
        copies=tuple(one.copy for one in made.neighbours),
        words=tuple(one.words for one in made.neighbours),
        lines=tuple(lines),
        doubt=made.doubt,
        flat=made.made[0].image.ndim == 3 and made.made[0].image.shape[0] in (1, 3),
        source=made,
    )


def _keep(
    source: Any, numbers: tuple[int, ...], folder: Path | None, kind: str, visible: bool
) -> Work[tuple[Path, ...]]:
    yield Progress(0, len(numbers), "writing samples")
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="medviz-samples-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    samples = [source.synthetic(number) for number in numbers]
    files: tuple[Path, ...] = yield from ENGINE["write_samples"](samples, folder, kind, visible)
    return files
