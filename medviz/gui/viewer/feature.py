"""One thing the viewer can do, whole in itself: its tab, its tools, its menu entries, what it paints, its keys."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeyEvent, QPainter
from PySide6.QtWidgets import QWidget

from medviz.gui.desk import Desk
from medviz.gui.viewer.counting import Counting
from medviz.gui.viewer.layers import Layers
from medviz.gui.viewer.opening import Opening
from medviz.gui.viewer.panes import Panes
from medviz.gui.viewer.saving import Saving
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.strip import Strip
from medviz.gui.viewer.tool import Tool
from medviz.imaging.scene import Point


class Viewer(Protocol):
    """What a feature knows of the viewer it is in; the page is one."""

    desk: Desk
    panes: Panes
    strip: Strip
    opening: Opening
    saving: Saving
    layers: Layers
    counting: Counting

    def feature(self, name: str) -> "Feature":
        """Return another feature by its name."""

    def show_tab(self, name: str) -> None:
        """Bring a feature's tab to the front of the panel."""

    def widget(self) -> QWidget:
        """Return the widget that dialogs stand over."""


class Feature(QObject):
    """Base of all features. The state is the scene in `desk.scene`; a feature listens to it and puts a new one.

    `NAME` is what others call it, `TAB` the word on its tab (empty where it has none), `HINT` the tool tip of the tab,
    `KEYS` what its keys do, for the help. A feature is made with the page; its tab only when the panel is.
    """

    NAME: ClassVar[str] = ""
    TAB: ClassVar[str] = ""
    HINT: ClassVar[str] = ""
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.desk = viewer.desk

    def tab(self) -> QWidget | None:
        """Make the widget that stands in the tab; asked for once."""
        return None

    def tools(self) -> Sequence[Tool]:
        """List the tools it brings."""
        return ()

    def actions(self) -> Sequence[QAction]:
        """List its entries in the page's menu (or in the File menu: property ``menu`` = "file")."""
        return ()

    def menu(self, view: SliceView, point: Point) -> Sequence[QAction]:
        """List what may be done at a point (RAS mm), for the right button's menu; make the actions' parent `view`."""
        return ()

    def paint(self, painter: QPainter, view: SliceView) -> None:
        """Paint over a slice that is drawn already; quick, it is called at each painting."""

    def pressed(self, event: QKeyEvent, view: SliceView) -> bool:
        """Answer a key over the pane in front; False leaves it to others."""
        return False

    def entered(self) -> None:
        """The viewer came to the front."""

    def unsaved(self) -> str:
        """Say in a sentence what no file has yet; empty where there is nothing. The window asks before it closes."""
        return ""

    def close_feature(self) -> None:
        """Stop listening and working, before the page is deleted."""
