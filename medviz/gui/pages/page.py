"""What the window asks of a page."""

from typing import ClassVar

from PySide6.QtWidgets import QWidget

from medviz.gui.desk import Desk


class Page(QWidget):
    """A page of the window. `panel()` is what the context dock at the right shows while the page is in front.

    The window builds a page when it is first shown, then calls `entered()` each time it comes to the front. The page's
    own QActions (``self.addAction``) stand in a menu of its name, or in the File menu where their property ``menu`` is
    "file". `KEYS` are (key, what it does) of the keys that are no QAction; the help lists both.
    """

    NAME: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""
    ICON: ClassVar[str] = ""
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def panel(self) -> QWidget | None:
        """Return the widget for the context dock, None where the page needs none."""
        return None

    def entered(self) -> None:
        """Come to the front."""

    def unsaved(self) -> str:
        """Say in a sentence what no file has yet; empty where there is nothing. The window asks before it closes."""
        return ""

    def goes_on(self) -> str:
        """Say on a button what could go on without the window ("Train on without the window"); empty where nothing."""
        return ""

    def let_go_on(self) -> None:
        """Let that go on; called where it was wanted, once all work of this window has stopped and is kept."""

    def close_page(self) -> None:
        """Let go of what runs and listens; the window closes."""
