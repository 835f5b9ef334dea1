"""What the parts of the Train page know of the page they are in, and what the page asks of each of them."""

from typing import ClassVar, Protocol

from PySide6.QtWidgets import QWidget

from medviz.gui.desk import Desk
from medviz.gui.training.draft import Draft
from medviz.gui.training.lineup import Lineup
from medviz.gui.training.watch import Watch


class Bench(Protocol):
    """The page, as its parts see it.

    `draft` is the task that is being set up, `lineup` are the runs that are watched, `watch` is the one in front (None
    while a run is being set up).
    """

    desk: Desk
    draft: Draft
    lineup: Lineup

    @property
    def watch(self) -> Watch | None:
        """The run in front."""
        ...

    def start(self) -> None:
        """Train with the parameters as they are."""
        ...

    def show_view(self, word: str) -> None:
        """Bring a view beside the curves to the front."""
        ...

    def show_side(self, word: str) -> None:
        """Bring a tab of the panel at the side to the front."""
        ...


class RunView(QWidget):
    """Base of what shows one side of a run or of the draft: a tab of its own, beside the curves or at the side.

    `WORD` stands on its tab, `HINT` is the tool tip. What is not seen draws nothing (`live`).
    """

    WORD: ClassVar[str] = ""
    HINT: ClassVar[str] = ""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    def show_run(self, watch: Watch | None) -> None:
        """Show another run from now on; None while a run is being set up."""

    def refresh(self) -> None:
        """Take note that the state of the run or the draft changed."""

    def entered(self) -> None:
        """Come to the front: draw what came while it was not seen."""

    def live(self, on: bool) -> None:
        """Follow the run by a timer, or stand still; on only while it goes and the view is seen."""

    def badge(self) -> str:
        """Say in a sign or two what waits in it ("2"); empty where nothing does."""
        return ""
