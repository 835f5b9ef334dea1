"""Turning the three planes about the cross-hair: the tool, and what keys and buttons do to the scene."""

from dataclasses import replace
from math import atan2, degrees, pi, radians
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent

from medviz.gui.viewer.crosshair import TURN
from medviz.gui.viewer.tools import Pane, Tool
from medviz.imaging.oblique import Turn, Vector, acquired, parallel, rotated, world
from medviz.imaging.scene import Scene
from medviz.imaging.slices import Plane

SNAP_DEGREES = 5.0


def turned(scene: Scene, plane: Plane, by_degrees: float, start: Turn | None = None) -> Scene:
    """Turn the planes about the cursor within a pane, clockwise on the screen; its own picture stays as it is.

    `start` is from where; None goes on from where they are.
    """
    section = scene.section(plane)
    if scene.scan is None or section is None:
        return scene
    begun = start or scene.turn or acquired(scene.scan)
    across, down = np.array(section.across), np.array(section.down)
    axis = np.cross(across, down)  # from across to down is clockwise, as y goes down the screen
    about: Vector = (float(axis[0]), float(axis[1]), float(axis[2]))
    return replace(scene, turn=rotated(begun, about, radians(by_degrees)))


def as_acquired(scene: Scene) -> Scene:
    """Show the voxels' own planes."""
    return scene if scene.turn is None else replace(scene, turn=None)


def in_the_world(scene: Scene) -> Scene:
    """Show the planes of the room, whatever the scanner's angle was."""
    if scene.scan is None:
        return scene
    return replace(scene, turn=None if parallel(scene.scan, world()) else world())


def tilt_degrees(scene: Scene) -> float:
    """How far the scan's own voxels are turned against the room."""
    if scene.scan is None:
        return 0.0
    return Turn(world().axes, acquired(scene.scan).axes).degrees


class TurnTool(Tool):
    """Turns the other two planes about the cross-hair as the mouse goes round it; Shift snaps to 5 degrees."""

    NAME: ClassVar[str] = TURN
    TITLE: ClassVar[str] = "Turn the planes"
    ICON: ClassVar[str] = "ph.arrows-clockwise"
    KEY: ClassVar[str] = "t"
    POINTER: ClassVar[Qt.CursorShape] = Qt.CursorShape.OpenHandCursor

    def __init__(self) -> None:
        self._from: tuple[float, Turn] | None = None

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
