"""Runs that go in this process, and how they are told something: at once; any other run hears it through its folder."""

from pathlib import Path
from typing import Any

from medviz.commands.elsewhere import folder_of
from medviz.commands.engine import ENGINE
from medviz.messages import Work
from medviz.tasks import TASKS


class Going:
    """The runs of this window. All may be called from any thread."""

    def __init__(self) -> None:
        self._orders: dict[Path, Any] = {}

    def train(self, task: Any, folder: Path) -> Work[Path]:
        """Train here; `order` reaches the run as long as the work is pulled."""
        return self._pulled(task, folder, resume=False)

    def resume(self, folder: Path) -> Work[Path]:
        """Go on with a run here."""
        return self._pulled(ENGINE["load_task"](folder, TASKS), folder, resume=True)

    def order(self, folder: Path, name: str, value: Any = None) -> None:
        """Tell a run something; refuses a folder in which no run goes."""
        here = self._orders.get(folder)
        if here is not None:
            here.put(name, value)
        else:
            ENGINE["order"](folder_of(folder), name, value)

    def _pulled(self, task: Any, folder: Path, resume: bool) -> Work[Path]:
        orders = self._orders[folder] = ENGINE["orders"](folder)
        try:
            made: Path = yield from ENGINE["train"](task, folder, resume=resume, orders=orders)
        finally:
            self._orders.pop(folder, None)
        return made
