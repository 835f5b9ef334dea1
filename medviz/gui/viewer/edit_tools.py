"""The tools that paint labels: brush, eraser, lasso and fill. What they do is the feature's; here is what hands do."""

from typing import ClassVar, Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from medviz.gui.viewer.tool import Pane, Tool
from medviz.imaging.flat import Flat
from medviz.imaging.scene import Point
from medviz.imaging.strokes import Stroke

NOTCH = 120
BIGGER = 1.15
"""One notch of the wheel, or one press of +, makes the tip so much wider."""
APART_PX = 2.0
"""Corners of a lasso closer than that are one."""


class Editor(Protocol):
    """What the tools ask of the feature."""

    def begin(self, pane: Pane, erase: bool) -> Stroke | None:
        """Make the active layer ready for a stroke; None (and a notice) where it cannot be painted on."""

    def painted(self) -> None:
        """Show what a stroke has painted so far."""

    def end(self, stroke: Stroke, name: str) -> None:
        """Put a stroke on the undo stack."""

    def give_up(self, stroke: Stroke) -> None:
        """Take back what a stroke has painted."""

    def enclose(self, pane: Pane, points: tuple[Point, ...], erase: bool) -> None:
        """Fill or erase what lies within a closed line."""

    def flood(self, pane: Pane, mm: Point) -> None:
        """Fill what hangs together with a point and looks like it."""

    def pick(self, mm: Point) -> None:
        """Take up the label at a point."""

    def sample(self, pane: Pane, mm: Point) -> None:
        """Take the range of values that may be painted from around a point."""

    def resize(self, factor: float) -> None:
        """Make the tip larger or smaller."""

    def hover(self, pane: Pane | None, at: QPointF | None) -> None:
        """Show the tip under the mouse; None where it left."""


def flat_of(pane: Pane) -> Flat | None:
    """Return the plane of the slice on a pane."""
    section = pane.section
    return None if section is None else Flat(section.origin, section.across, section.down)


class TipTool(Tool):
    """What brush and eraser share: a tip of some mm that follows the mouse."""

    POINTER: ClassVar[Qt.CursorShape] = Qt.CursorShape.BlankCursor
    ERASES: ClassVar[bool] = False

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._stroke: Stroke | None = None
        self._erases = False
        self._waiting: list[Point] = []

    def press(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Begin a stroke; with Ctrl take up the label that lies there, with Shift erase."""
        mm = pane.mm_of(at.x(), at.y())
        if mm is None:
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._editor.pick(mm)
            return
        self._erases = self.ERASES or bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._stroke = self._editor.begin(pane, self._erases)
        self._waiting = [mm]
        self._paint()

    def drag(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Go on; every place the mouse was at is painted, once a frame."""
        self._editor.hover(pane, at)
        mm = pane.mm_of(at.x(), at.y())
        if self._stroke is not None and mm is not None:
            self._waiting.append(mm)
            pane.pace.ask(self._paint)

    def release(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """End the stroke."""
        self._finish()

    def hover(self, pane: Pane, at: QPointF) -> None:
        """Show the tip."""
        self._editor.hover(pane, at)

    def left(self, pane: Pane) -> None:
        """Show no tip."""
        if self._stroke is None:
            self._editor.hover(None, None)

    def double(self, pane: Pane, at: QPointF) -> bool:
        """Two quick dabs are two dabs."""
        return True

    def wheel(self, pane: Pane, event: QWheelEvent) -> bool:
        """With Ctrl or Shift make the tip larger or smaller."""
        held = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        if not event.modifiers() & held:
            return False
        turn = event.angleDelta().y() or event.angleDelta().x()
        self._editor.resize(BIGGER ** (turn / NOTCH))
        return True

    def key(self, pane: Pane, event: QKeyEvent) -> bool:
        """Resize the tip with + and −; Return paints at the cross-hair; Esc gives the stroke up."""
        if event.key() == Qt.Key.Key_Escape and self._stroke is not None:
            stroke, self._stroke = self._stroke, None
            self._editor.give_up(stroke)
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._stroke is None:
            self._erases = self.ERASES or bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._stroke, self._waiting = self._editor.begin(pane, self._erases), [pane.scene.cursor]
            self._finish()
            return True
        if event.text() in ("+", "=", "-"):
            self._editor.resize(1 / BIGGER if event.text() == "-" else BIGGER)
            return True
        return False

    def put_down(self) -> None:
        """End what was begun."""
        stroke, self._stroke = self._stroke, None
        if stroke is not None:
            self._editor.end(stroke, "erase" if self._erases else "paint")
        self._editor.hover(None, None)

    def _finish(self) -> None:
        self._paint()
        stroke, self._stroke = self._stroke, None
        if stroke is not None:
            self._editor.end(stroke, "erase" if self._erases else "paint")

    def _paint(self) -> None:
        waiting, self._waiting = self._waiting, []
        if self._stroke is None:
            return
        painted = [self._stroke.to(mm) for mm in waiting]
        if any(painted):
            self._editor.painted()


class BrushTool(TipTool):
    """Paints with the active label."""

    NAME: ClassVar[str] = "brush"
    TITLE: ClassVar[str] = "Brush"
    ICON: ClassVar[str] = "ph.paint-brush"
    KEY: ClassVar[str] = "b"
    HELP: ClassVar[str] = "paint with the label; Shift erases, Ctrl+click takes up a label"


class EraserTool(TipTool):
    """Takes labels away."""

    NAME: ClassVar[str] = "eraser"
    TITLE: ClassVar[str] = "Eraser"
    ICON: ClassVar[str] = "ph.eraser"
    KEY: ClassVar[str] = "x"
    HELP: ClassVar[str] = "take labels away that are not locked"
    ERASES: ClassVar[bool] = True


class LassoTool(Tool):
    """Draws a line around what is to be filled, or with Shift erased."""

    NAME: ClassVar[str] = "lasso"
    TITLE: ClassVar[str] = "Lasso"
    ICON: ClassVar[str] = "mdi6.lasso"
    KEY: ClassVar[str] = "l"
    HELP: ClassVar[str] = "fill what you draw around; Shift erases it"

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._erases = False
        self._at = QPointF()
        self.pane: Pane | None = None
        self.points: list[Point] = []

    def press(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Begin the line."""
        self._erases = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self.pane, self.points, self._at = pane, [], QPointF(-9, -9)
        self.drag(pane, at, event)

    def drag(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Go on with it."""
        mm = pane.mm_of(at.x(), at.y())
        if self.pane is pane and mm is not None and (at - self._at).manhattanLength() >= APART_PX:
            self.points.append(mm)
            self._at = at
            pane.update()

    def release(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Close the line."""
        points = tuple(self.points)
        self.put_down()
        if len(points) >= 3:
            self._editor.enclose(pane, points, self._erases)

    def double(self, pane: Pane, at: QPointF) -> bool:
        """It is no wish for a larger pane."""
        return True

    def key(self, pane: Pane, event: QKeyEvent) -> bool:
        """Esc gives the line up."""
        if event.key() == Qt.Key.Key_Escape and self.points:
            self.put_down()
            return True
        return False

    def put_down(self) -> None:
        """Forget the line."""
        pane, self.pane, self.points = self.pane, None, []
        if pane is not None:
            pane.update()


class FillTool(Tool):
    """Fills what hangs together with a place and looks like it."""

    NAME: ClassVar[str] = "fill"
    TITLE: ClassVar[str] = "Fill"
    ICON: ClassVar[str] = "ph.paint-bucket"
    KEY: ClassVar[str] = "w"
    HELP: ClassVar[str] = "fill what looks like where you click"

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    def press(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Fill from here; with Ctrl take up the label that lies there."""
        mm = pane.mm_at(at.x(), at.y())
        if mm is None:
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._editor.pick(mm)
        else:
            self._editor.flood(pane, mm)

    def key(self, pane: Pane, event: QKeyEvent) -> bool:
        """Return fills from the cross-hair."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._editor.flood(pane, pane.scene.cursor)
            return True
        return False

    def double(self, pane: Pane, at: QPointF) -> bool:
        """It is no wish for a larger pane."""
        return True


class RangeTool(TipTool):
    """Takes the range of values that may be painted from the tissue under the tip."""

    NAME: ClassVar[str] = "range"
    TITLE: ClassVar[str] = "Range"
    ICON: ClassVar[str] = "ph.eyedropper"
    KEY: ClassVar[str] = "h"
    HELP: ClassVar[str] = "click into tissue; the brush then paints only what has its values"

    def press(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Look what is under the tip."""
        mm = pane.mm_of(at.x(), at.y())
        if mm is not None:
            self._editor.sample(pane, mm)

    def release(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """It was done when the button went down."""

    def key(self, pane: Pane, event: QKeyEvent) -> bool:
        """Return looks under the cross-hair."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._editor.sample(pane, pane.scene.cursor)
            return True
        return super().key(pane, event)
