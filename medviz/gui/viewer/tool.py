"""What the left button does in a pane: one tool at a time, named by the scene."""

from collections.abc import Callable
from typing import ClassVar, Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QCursor, QKeyEvent, QMouseEvent, QWheelEvent

from medviz.gui.store import Store
from medviz.gui.viewer.pace import Pace
from medviz.gui.viewer.sheet import Sheet
from medviz.imaging.oblique import Section
from medviz.imaging.scene import Point, Scene
from medviz.imaging.slices import Plane, Slice

CURSOR = "cursor"
"""Name of the tool that moves the cross-hair; it is there when no other is."""


class Pane(Protocol):
    """What a tool knows of the pane it works in. Places on the pane are pixels, places in the scan RAS mm."""

    plane: Plane
    store: Store[Scene]
    pace: Pace

    @property
    def scene(self) -> Scene:
        """The scene now."""

    @property
    def is_turned(self) -> bool:
        """Whether a hand turned the planes."""

    @property
    def slice(self) -> Slice | None:
        """The scan's slice on the screen."""

    @property
    def section(self) -> Section | None:
        """Where the slice lies in the patient, None where there is no scan."""

    @property
    def sheet(self) -> Sheet:
        """Where the slice lies on the pane."""

    def mm_of(self, x: float, y: float) -> Point | None:
        """Place in RAS mm under a place on the pane, not rounded to a voxel; None in an empty scene."""

    def mm_at(self, x: float, y: float) -> Point | None:
        """Centre of the voxel under a place on the pane, None beside the slice."""

    def screen_of(self, mm: Point) -> tuple[float, float]:
        """Place on the pane of a point, seen along the plane's normal."""

    def off_plane_mm(self, mm: Point) -> float:
        """Distance of a point from the plane on the screen."""

    def update(self) -> None:
        """Paint soon."""

    def setCursor(self, cursor: QCursor | Qt.CursorShape) -> None:
        """Show another pointer."""


class Tool:
    """Base of all tools: does nothing.

    `NAME` stands in `Scene.tool`, `KEY` takes the tool up (shown in the help), `HELP` says what it does.
    """

    NAME: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""
    ICON: ClassVar[str] = ""
    KEY: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    POINTER: ClassVar[Qt.CursorShape] = Qt.CursorShape.CrossCursor

    def press(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """The left button went down."""

    def drag(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """The mouse moved with the left button down."""

    def release(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """The left button was let go."""

    def hover(self, pane: Pane, at: QPointF) -> None:
        """The mouse moved with no button down."""

    def left(self, pane: Pane) -> None:
        """The mouse left the pane."""

    def grips(self, pane: Pane, at: QPointF) -> bool:
        """Whether there is something of its own to take hold of here, although another tool is in the hand."""
        return False

    def double(self, pane: Pane, at: QPointF) -> bool:
        """Answer a double click; False lets the pane be maximised."""
        return False

    def wheel(self, pane: Pane, event: QWheelEvent) -> bool:
        """Answer the wheel; False turns slices."""
        return False

    def key(self, pane: Pane, event: QKeyEvent) -> bool:
        """Answer a key while the tool is in the hand; False leaves it to the viewer."""
        return False

    def put_down(self) -> None:
        """Another tool is taken up: end what was begun."""


class CursorTool(Tool):
    """Moves the cross-hair."""

    NAME = CURSOR
    TITLE = "Cross-hair"
    ICON = "ph.crosshair-simple"
    KEY = "Esc"

    def __init__(self, point: Callable[[Pane, QPointF], None]) -> None:
        self._point = point

    def press(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Put it there."""
        self._point(pane, at)

    def drag(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Take it along, at most once a frame."""
        pane.pace.ask(lambda: self._point(pane, at))
