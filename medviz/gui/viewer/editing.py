"""Correcting labels by hand: the tab, the tools and the keys; others change labels through it too."""

from collections.abc import Collection
from typing import ClassVar

from PySide6.QtCore import QObject

from medviz.gui.viewer.edits import Edits, Then
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.imaging.history import Change


class Editing(Feature):
    """What changes labels goes through `do` and `accept_proposal`, so that there is one undo stack a label layer."""

    NAME: ClassVar[str] = "edit"
    HINT: ClassVar[str] = "Correct labels by hand"

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.edits = Edits(self.desk, viewer.counting, self)

    def do(self, number: int, change: Change | None) -> None:
        """Put a change of a layer's labels (see `imaging.edit`) on its undo stack and show it."""
        self.edits.do(number, change)

    def accept_proposal(
        self, number: int, values: Collection[int], into: int | None = None, then: Then | None = None
    ) -> None:
        """Take labels of a proposal layer into a label layer as one change; see `Edits.accept_proposal`."""
        self.edits.accept_proposal(number, values, into, then)
