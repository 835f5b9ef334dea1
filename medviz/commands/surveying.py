"""What the window is handed for looking at a data set; each line imports its room when it is called."""

from dataclasses import asdict
from typing import Any

from medviz.commands.engine import ENGINE
from medviz.data.checking.report import Repair
from medviz.gui.surveying import Surveying, Varied
from medviz.messages import Work
from medviz.parameters import Settings


def surveying() -> Surveying:
    """Put together the check, the proposal and the browser of data sets."""
    return Surveying(
        check=lambda settings, task, dimensions: ENGINE["check_data"](settings, task, dimensions),
        mended=_mended,
        propose=lambda task, found: ENGINE["proposal"](task, found),
        album=lambda settings, dimensions: ENGINE["album"](settings, dimensions),
        changes=lambda task: tuple(ENGINE["changes_of"](task)),
        varied=_varied,
    )


def _mended(settings: Settings, repair: Repair) -> Settings:
    values: dict[str, Any] = ENGINE["mended"](dict(settings.values), repair.field, repair.value)
    return Settings(settings.name, tuple(values.items()))


def _varied(task: Any, wish: Varied) -> Work[None]:
    work: Work[None] = ENGINE["variations"](task, ENGINE["changes_wished"](**asdict(wish)))
    return work
