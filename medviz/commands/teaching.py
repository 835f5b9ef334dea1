"""What the Train page is handed for a run beside starting and following it; each line imports its room when called."""

from pathlib import Path
from typing import Any

from medviz.commands.elsewhere import PLACES, begin, follow, queue, wait
from medviz.commands.engine import ENGINE
from medviz.commands.going import Going
from medviz.gui.teaching import Teaching, Written
from medviz.imaging.storage import opening
from medviz.messages import Progress, Work
from medviz.parameters import Settings
from medviz.tasks import TASKS


def teaching(going: Going) -> Teaching:
    """Put together what can be done about a training before, while and after it goes."""
    return Teaching(
        preflight=lambda task: ENGINE["preflight"](task),
        find_rate=lambda task: ENGINE["find_rate"](task),
        overfit=lambda task: ENGINE["overfit"](task),
        recognised=_recognised,
        order=going.order,
        live=lambda task: ENGINE["live"](task),
        layers=lambda folder: ENGINE["layers"](folder),
        results=lambda folder: ENGINE["results"](folder, TASKS),
        case=lambda folder, name: ENGINE["case"](folder, name, TASKS),
        targets=lambda: tuple((name, ending, words) for name, (ending, words) in ENGINE["targets"].items()),
        export=_export,
        card=_card,
        places=lambda: PLACES,
        begin=begin,
        queue=queue,
        wait=wait,
        leave=lambda folder: ENGINE["leave"](folder),
        follow=follow,
        trash=lambda folder: ENGINE["trash"](folder),
        restore=lambda place: ENGINE["restore"](place),
        recipe=lambda folder: ENGINE["load_task"](folder, TASKS),
    )


def _recognised(folder: Path) -> Work[tuple[str, Settings]]:
    yield Progress(0, 0, f"looking at {folder.name}")
    found: Settings = ENGINE["recognised"](folder)
    return ENGINE["task_for"](found), found


def _export(folder: Path, target: str, out: Path) -> Work[Written]:
    done: Any = yield from ENGINE["export_model"](str(folder), target, out)
    return Written(done.out, done.max_abs_difference)


def _card(folder: Path) -> str:
    path = folder / "MODEL_CARD.md"
    with opening(path):
        return path.read_text(encoding="utf-8")
