"""The tools that draw measurements, point by point or in one drag, and the one that takes hold of their handles."""

from math import hypot
from typing import ClassVar, Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent

from medviz.gui.viewer.edit_tools import flat_of
from medviz.gui.viewer.tool import Pane, Tool
from medviz.imaging.marks import Mark, MarkKind
from medviz.imaging.scene import Point

STILL_PX = 4.0
"""A button let go within so many pixels was a click."""
CLOSE_PX = 10.0
"""A click this near the first corner closes a polygon."""
APART_PX = 6.0
"""A polygon that is drawn in one drag gets a corner every so many pixels."""


class Measurer(Protocol):
    """What the tools ask of the feature."""

    def sketch(self, pane: Pane | None, mark: Mark | None) -> None:
        """Show a mark that is being drawn; None where there is none any more."""

    def add(self, mark: Mark) -> None:
        """Keep a mark that was drawn."""

    def change(self, mark: Mark) -> None:
        """Put a mark in place of the one of its number."""

    def remember(self) -> None:
        """Keep the marks as they are now, to be brought back by undo."""

    def held(self, pane: Pane, at: QPointF) -> tuple[Mark, int | None] | None:
        """Return the mark and the number of its handle at a place; None for the handle takes the whole mark."""

    def select(self, number: int | None) -> None:
        """Make one mark the selected one."""


class MarkTool(Tool):
    """Places points: pressed, drawn and let go, or clicked one after the other."""

    KIND: ClassVar[MarkKind] = "ruler"
    COUNT: ClassVar[int] = 2

    def __init__(self, measurer: Measurer) -> None:
        self._measurer = measurer
        self._pane: Pane | None = None
        self._points: list[Point] = []
        self._down = QPointF()
        self._last = QPointF()
        self._drawn = False

    def start(self, pane: Pane, mm: Point) -> None:
        """Begin at a point, as if it had been clicked."""
        self._pane, self._points, self._drawn = pane, [mm], False
        self._down = self._last = QPointF(-99, -99)

    def press(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Begin, or place the next point."""
        mm = pane.mm_of(at.x(), at.y())
        if mm is None:
            return
        if pane is not self._pane or not self._lies_in(pane):
            self._pane, self._points = pane, []
        self._drawn = not self._points
        if not self._points:
            self._points = [mm]
            self._measurer.select(None)
        self._down = self._last = at
        self._show(pane, mm)

    def drag(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Draw the next point along."""
        self.hover(pane, at)

    def release(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Place it, unless it was the first click."""
        mm = pane.mm_of(at.x(), at.y())
        if mm is None or not self._points or pane is not self._pane:
            return
        moved = hypot(at.x() - self._down.x(), at.y() - self._down.y())
        if self._drawn and moved < STILL_PX:
            return  # the first of several clicks
        self._place(pane, mm, at)

    def hover(self, pane: Pane, at: QPointF) -> None:
        """Draw the next point along, once a frame."""
        if self._points and pane is self._pane:
            pane.pace.ask(lambda: self._follow(pane, at))

    def double(self, pane: Pane, at: QPointF) -> bool:
        """Finish here; it is never a wish for a larger pane."""
        mm = pane.mm_of(at.x(), at.y())
        if self._points and pane is self._pane and mm is not None:
            self._place(pane, mm, at)
        return True

    def key(self, pane: Pane, event: QKeyEvent) -> bool:
        """Esc drops what is begun; Return places a point at the cross-hair, for hands without a mouse."""
        if event.key() == Qt.Key.Key_Escape and self._points:
            self.put_down()
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            x, y = pane.screen_of(pane.scene.cursor)
            if self._points and pane is self._pane and self._lies_in(pane):
                self._place(pane, pane.scene.cursor, QPointF(x, y))
            else:
                self.start(pane, pane.scene.cursor)
            return True
        return False

    def put_down(self) -> None:
        """Drop what is begun."""
        self._pane, self._points = None, []
        self._measurer.sketch(None, None)

    def made(self, pane: Pane, points: list[Point]) -> Mark | None:
        """Make the mark of these points; None where they are too few."""
        return Mark(self.KIND, tuple(points), pane.plane, pane.scene.frame) if len(points) >= 2 else None

    def _place(self, pane: Pane, mm: Point, at: QPointF) -> None:
        self._points.append(mm)
        if len(self._points) < self.COUNT:
            self._show(pane, mm)
            return
        self._finish(pane)

    def _finish(self, pane: Pane) -> None:
        mark = self.made(pane, self._points)
        self.put_down()
        if mark is not None:
            self._measurer.add(mark)

    def _follow(self, pane: Pane, at: QPointF) -> None:
        mm = pane.mm_of(at.x(), at.y())
        if mm is not None and self._points:
            self._show(pane, mm)

    def _show(self, pane: Pane, mm: Point) -> None:
        self._measurer.sketch(pane, self.made(pane, [*self._points, mm]))

    def _lies_in(self, pane: Pane) -> bool:
        """Whether what is begun lies in the slice; turning slices begins anew."""
        section = pane.section
        return section is not None and all(pane.off_plane_mm(mm) <= section.step_mm / 2 for mm in self._points)


class RulerTool(MarkTool):
    """Measures a length."""

    NAME: ClassVar[str] = "ruler"
    TITLE: ClassVar[str] = "Ruler"
    ICON: ClassVar[str] = "ph.ruler"
    KEY: ClassVar[str] = "m"
    HELP: ClassVar[str] = "a length in mm, from here to there"


class AngleTool(MarkTool):
    """Measures an angle: an end, the corner, the other end."""

    NAME: ClassVar[str] = "angle"
    TITLE: ClassVar[str] = "Angle"
    ICON: ClassVar[str] = "mdi6.angle-acute"
    KEY: ClassVar[str] = "a"
    HELP: ClassVar[str] = "an angle: one end, the corner, the other end"
    KIND: ClassVar[MarkKind] = "angle"
    COUNT: ClassVar[int] = 3


class RectangleTool(MarkTool):
    """Measures what lies in a rectangle."""

    NAME: ClassVar[str] = "rectangle"
    TITLE: ClassVar[str] = "Box"
    ICON: ClassVar[str] = "ph.rectangle"
    KEY: ClassVar[str] = "s"
    HELP: ClassVar[str] = "mean and SD of the values in a box"
    KIND: ClassVar[MarkKind] = "rectangle"

    def made(self, pane: Pane, points: list[Point]) -> Mark | None:
        """Make the box between two corners."""
        flat = flat_of(pane)
        if len(points) < 2 or flat is None:
            return None
        begun = Mark(self.KIND, (points[0],) * 4, pane.plane, pane.scene.frame)
        return begun.stretched(2, points[-1], flat)


class EllipseTool(RectangleTool):
    """Measures what lies in an ellipse."""

    NAME: ClassVar[str] = "ellipse"
    TITLE: ClassVar[str] = "Ellipse"
    ICON: ClassVar[str] = "mdi6.ellipse-outline"
    KEY: ClassVar[str] = "q"
    HELP: ClassVar[str] = "mean and SD of the values in an ellipse"
    KIND: ClassVar[MarkKind] = "ellipse"


class PolygonTool(MarkTool):
    """Measures what lies in a polygon: corner by corner, or drawn around it in one go."""

    NAME: ClassVar[str] = "polygon"
    TITLE: ClassVar[str] = "Polygon"
    ICON: ClassVar[str] = "ph.polygon"
    KEY: ClassVar[str] = "y"
    HELP: ClassVar[str] = "mean and SD of the values within your line; corner by corner or in one go"
    KIND: ClassVar[MarkKind] = "polygon"
    COUNT: ClassVar[int] = 10**6

    def drag(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Draw a line around what is to be measured."""
        mm = pane.mm_of(at.x(), at.y())
        if mm is None or not self._points or pane is not self._pane:
            return
        if hypot(at.x() - self._last.x(), at.y() - self._last.y()) >= APART_PX:
            self._points.append(mm)
            self._last = at
        self._show(pane, mm)

    def release(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Close it where it was drawn in one go, or where the first corner is; else place a corner."""
        if not self._points or pane is not self._pane:
            return
        one_go = self._drawn and len(self._points) > 3
        x, y = pane.screen_of(self._points[0])
        home = len(self._points) >= 3 and hypot(at.x() - x, at.y() - y) <= CLOSE_PX
        if one_go or home:
            self._finish(pane)
        elif not self._drawn:
            super().release(pane, at, event)

    def double(self, pane: Pane, at: QPointF) -> bool:
        """Close it."""
        if self._points and pane is self._pane:
            self._finish(pane)
        return True

    def key(self, pane: Pane, event: QKeyEvent) -> bool:
        """Return closes it, Backspace takes the last corner back."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._points:
            self._finish(pane)
            return True
        if event.key() == Qt.Key.Key_Backspace and self._points:
            self._points.pop()
            self._measurer.sketch(pane, self.made(pane, self._points))
            return True
        return super().key(pane, event)

    def made(self, pane: Pane, points: list[Point]) -> Mark | None:
        """Make the polygon; a corner that was clicked twice is one."""
        kept = [one for n, one in enumerate(points) if n == 0 or one != points[n - 1]]
        return Mark(self.KIND, tuple(kept), pane.plane, pane.scene.frame) if len(kept) >= 3 else self._line(pane, kept)

    def _line(self, pane: Pane, points: list[Point]) -> Mark | None:
        """Show the first side while there is no more of it."""
        if len(points) < 2 or not self._points:
            return None
        return Mark("ruler", tuple(points), pane.plane, pane.scene.frame)

    def _finish(self, pane: Pane) -> None:
        mark = self.made(pane, self._points)
        self.put_down()
        if mark is not None and mark.kind == self.KIND:
            self._measurer.add(mark)


class HandleTool(Tool):
    """Takes hold of a mark's handle, or of its words to move all of it, whatever tool is in the hand."""

    NAME: ClassVar[str] = "handle"
    POINTER: ClassVar[Qt.CursorShape] = Qt.CursorShape.SizeAllCursor

    def __init__(self, measurer: Measurer) -> None:
        self._measurer = measurer
        self._mark: Mark | None = None
        self._handle: int | None = None
        self._from: Point = (0.0, 0.0, 0.0)

    def grips(self, pane: Pane, at: QPointF) -> bool:
        """Whether a handle is there."""
        return self._measurer.held(pane, at) is not None

    def press(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Take hold."""
        found, mm = self._measurer.held(pane, at), pane.mm_of(at.x(), at.y())
        if found is not None and mm is not None:
            (self._mark, self._handle), self._from = found, mm
            self._measurer.select(self._mark.number)
            self._measurer.remember()

    def drag(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Draw it along, once a frame."""
        if self._mark is not None:
            pane.pace.ask(lambda: self._pull(pane, at))

    def release(self, pane: Pane, at: QPointF, event: QMouseEvent) -> None:
        """Let go."""
        self._pull(pane, at)
        self._mark = None

    def _pull(self, pane: Pane, at: QPointF) -> None:
        mark, mm, flat = self._mark, pane.mm_of(at.x(), at.y()), flat_of(pane)
        if mark is None or mm is None or flat is None or mm == self._from:
            return
        if self._handle is None:
            by = tuple(now - was for now, was in zip(mm, self._from, strict=True))
            self._measurer.change(mark.moved(by))
        else:
            self._measurer.change(mark.stretched(self._handle, mm, flat))
