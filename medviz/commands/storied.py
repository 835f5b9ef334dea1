"""What the window is handed to look back at a run on its own patients; each line imports its room when called."""

from medviz.commands.engine import ENGINE
from medviz.gui.storied import Storied
from medviz.tasks import TASKS


def storied() -> Storied:
    """Put it together."""
    return Storied(
        case=lambda run, place: ENGINE["probe_case"](run, place, TASKS),
        seen=lambda run, part, number, changed, epoch: ENGINE["seen"](run, part, number, changed, epoch, TASKS),
        field=lambda run, scan: ENGINE["receptive_field"](run, scan),
    )
