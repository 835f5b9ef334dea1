"""The line between two scans in one pane, taken by the mouse."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter

from medviz.gui.viewer.tool import CURSOR, Pane, Tool
from medviz.imaging.scene import Scene

REACH_PX = 6
LINE = QColor(122, 190, 255)


def line_x(pane: Pane) -> float | None:
    """Where the line of a swipe stands on a pane, None where there is none."""
    second, sheet = pane.scene.second, pane.sheet
    if second is None or second.mix.how != "swipe":
        return None
    return sheet.to_screen(0.0, round(second.mix.share * sheet.cols) - 0.5)[0]


def swiped(scene: Scene, share: float) -> Scene:
    """Put the line elsewhere."""
    if scene.second is None:
        return scene
    mix = replace(scene.second.mix, share=float(np.clip(share, 0.0, 1.0)))
    return replace(scene, second=replace(scene.second, mix=mix))


class SwipeTool(Tool):
    """Moves the line; it can be taken whatever else the left button does with no tool in the hand."""

    NAME: ClassVar[str] = "swipe"
    TITLE: ClassVar[str] = "Swipe between two scans"
    POINTER: ClassVar[Qt.CursorShape] = Qt.CursorShape.SplitHCursor

    def grips(self, pane: Pane, at: QPointF) -> bool:
        """Take the line where it is."""
        if pane.scene.tool != CURSOR:
            return False
        x = line_x(pane)
        return x is not None and abs(at.x() - x) <= REACH_PX

    def drag(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Take it along, at most once a frame."""
        _, col = pane.sheet.to_slice(at.x(), at.y())
        share = (col + 0.5) / pane.sheet.cols
        pane.pace.ask(lambda: pane.store.put(swiped(pane.scene, share)))


def paint_line(painter: QPainter, pane: Pane) -> None:
    """Paint the line."""
    x = line_x(pane)
    if x is not None:
        painter.fillRect(round(x), 0, 1, pane.sheet.height, LINE)
