"""What the window is handed to look back at a run on its own patients; each line imports its room when called."""

import os
from pathlib import Path

from platformdirs import user_data_path

from medviz.commands.engine import ENGINE
from medviz.gui.storied import Storied
from medviz.tasks import TASKS


def storied() -> Storied:
    """Put it together."""
    return Storied(
        case=lambda run, place: ENGINE["probe_case"](run, place, TASKS),
        seen=lambda run, part, number, changed, epoch: ENGINE["seen"](run, part, number, changed, epoch, TASKS),
        corrections=lambda run: ENGINE["count_corrections"](_corrections(run)),
        correct=lambda run, scan, labels, names: ENGINE["correct"](run, _corrections(run), scan, labels, names, TASKS),
        learn=lambda run, out, steps: ENGINE["learn"](run, _corrections(run), out, TASKS, steps),
        field=lambda run, scan: ENGINE["receptive_field"](run, scan),
    )


def _corrections(run: Path) -> Path:
    """Folder of a run's corrected cases: they hold scans, so they lie with the person and not in the run."""
    where = os.environ.get("MEDVIZ_CORRECTIONS")
    return (Path(where) if where else Path(user_data_path("medviz")) / "corrections") / run.resolve().name
