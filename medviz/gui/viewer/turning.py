"""Turning the three planes about the cross-hair with the mouse."""

from math import atan2, degrees, pi
from typing import ClassVar

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent

from medviz.gui.viewer.crosshair import REACH_PX, TURN, crossing, grips_of
from medviz.gui.viewer.tool import CURSOR, Pane, Tool
from medviz.imaging.oblique import Turn, acquired
from medviz.imaging.turning import as_acquired, turned

SNAP_DEGREES = 5.0


class TurnTool(Tool):
    """Turns the other two planes about the cross-hair as the mouse goes round it; Shift snaps to 5 degrees."""

    NAME: ClassVar[str] = TURN
    TITLE: ClassVar[str] = "Turn the planes"
    ICON: ClassVar[str] = "ph.arrows-clockwise"
    KEY: ClassVar[str] = "t"
    HELP: ClassVar[str] = "drag round the cross-hair; Shift snaps to 5°, a double click goes back"
    POINTER: ClassVar[Qt.CursorShape] = Qt.CursorShape.OpenHandCursor

    def __init__(self) -> None:
        self._from: tuple[float, Turn] | None = None

    def grips(self, pane: Pane, at: QPointF) -> bool:
        """Take an end of the turned cross-hair, while nothing else is in the hand."""
        scene = pane.scene
        if not scene.crosshair or not pane.is_turned or scene.tool != CURSOR:
            return False
        middle, sheet = pane.screen_of(scene.cursor), pane.sheet
        ends = (end for line in crossing(scene, pane.plane) for end in grips_of(middle, sheet, line))
        return any(abs(at.x() - x) <= REACH_PX and abs(at.y() - y) <= REACH_PX for x, y in ends)

    def press(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Take hold."""
        scene = pane.scene
        if scene.scan is not None:
            self._from = (_angle(pane, at), scene.turn or acquired(scene.scan))
            pane.setCursor(Qt.CursorShape.ClosedHandCursor)

    def drag(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Go round."""
        if self._from is None:
            return
        began, turn = self._from
        by = degrees((_angle(pane, at) - began + pi) % (2 * pi) - pi)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            by = round(by / SNAP_DEGREES) * SNAP_DEGREES
        pane.pace.ask(lambda: pane.store.put(turned(pane.scene, pane.plane, by, turn)))

    def release(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Let go."""
        self._from = None
        pane.setCursor(self.POINTER)

    def double(self, pane: Pane, at: QPointF) -> bool:
        """Back to the voxels' own planes."""
        pane.store.put(as_acquired(pane.scene))
        return True

    def put_down(self) -> None:
        """Another tool is taken up."""
        self._from = None


def _angle(pane: Pane, at: QPointF) -> float:
    x, y = pane.screen_of(pane.scene.cursor)
    return atan2(at.y() - y, at.x() - x)
