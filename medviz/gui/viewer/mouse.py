"""The mouse over a pane: slices, zoom, pan, window and level, and whatever tool is in the hand."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PySide6.QtCore import QPointF, Qt, SignalInstance
from PySide6.QtGui import QMouseEvent, QWheelEvent

from medviz.gui.viewer.film import Film
from medviz.gui.viewer.hand import stepped, turned_layer, windowed
from medviz.gui.viewer.sheet import Camera
from medviz.gui.viewer.tool import CURSOR, CursorTool, Pane, Tool
from medviz.imaging.scene import Layer

NOTCH = 120
"""What a wheel reports for one notch."""
STILL_PX = 4
"""A button let go within so many pixels was a click, not a drag."""


@dataclass
class Drag:
    """A button held down: what it does, where it began and where it is, and the layer as it was then."""

    does: str
    start: QPointF
    now: QPointF
    number: int = 0
    layer: Layer | None = None
    tool: Tool | None = None


class Moused(Pane, Protocol):
    """A pane whose mouse this is."""

    tools: dict[str, Tool]
    pointed: SignalInstance
    boxed: SignalInstance
    asked: SignalInstance

    def look(self, camera: Camera) -> None:
        """Look from elsewhere."""

    def film(self, number: int) -> Film:
        """What a layer puts on this pane."""

    def grip(self, at: QPointF) -> Tool | None:
        """What can be taken hold of at a place, whatever tool is in the hand."""


class Mouse:
    """Turns what the mouse does over one pane into scenes; the pane hands its events on."""

    def __init__(self, view: Moused) -> None:
        self._view = view
        self.drag: Drag | None = None
        self._turned = 0.0
        self._cursor = CursorTool(self._point)

    @property
    def tool(self) -> Tool:
        """What the left button does now."""
        return self._view.tools.get(self._view.scene.tool, self._cursor)

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """The box that is being drawn for the window, as two corners on the pane."""
        drag = self.drag
        if drag is None or drag.does != "box":
            return None
        return drag.start.x(), drag.start.y(), drag.now.x(), drag.now.y()

    def wheel(self, event: QWheelEvent) -> None:
        """Turn slices; with Ctrl zoom at the pointer. Many turns within a frame are one step."""
        view = self._view
        event.accept()
        if self.tool.wheel(view, event):
            return
        turn = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            at = event.position()
            view.look(view.sheet.zoomed(1.25 ** (turn / NOTCH), at.x(), at.y()))
            return
        self._turned += turn / NOTCH
        if abs(self._turned) >= 1.0:
            view.pace.ask(self._turn)

    def press(self, event: QMouseEvent) -> None:
        """Begin to do what the button does."""
        view, scene = self._view, self._view.scene
        if scene.scan is None:
            return
        does, at = self._meaning(event), event.position()
        number = turned_layer(scene)
        tool = view.grip(at) or self.tool
        self.drag = Drag(does, at, at, number, scene.layers[number], tool)
        if does == "tool":
            tool.press(view, at, event)
        elif does == "pan":
            view.setCursor(Qt.CursorShape.ClosedHandCursor)

    def move(self, event: QMouseEvent) -> None:
        """Go on with it; without a button, say what is under the mouse."""
        view, drag, at = self._view, self.drag, event.position()
        view.pointed.emit(view.mm_at(at.x(), at.y()))
        if drag is None:
            grip = view.grip(at)
            view.setCursor((grip or self.tool).POINTER)
            self.tool.hover(view, at)
            return
        moved, drag.now = at - drag.now, at
        if drag.does == "pan":
            view.look(view.sheet.panned(moved.x(), moved.y()))
        elif drag.does == "tool" and drag.tool is not None:
            drag.tool.drag(view, at, event)
        elif drag.does == "window":
            if (drag.now - drag.start).manhattanLength() >= STILL_PX:
                view.pace.ask(lambda: self._window(drag))
        else:
            view.update()

    def release(self, event: QMouseEvent) -> None:
        """End it; a right button that did not move asks for the menu."""
        view = self._view
        view.pace.flush()
        drag, self.drag = self.drag, None
        view.setCursor(self.tool.POINTER)
        if drag is None:
            return
        if drag.does == "box":
            view.update()
            self._box(drag)
        elif drag.does == "tool" and drag.tool is not None:
            drag.tool.release(view, event.position(), event)
        elif drag.does == "window" and (event.position() - drag.start).manhattanLength() < STILL_PX:
            view.asked.emit(view.mm_at(drag.start.x(), drag.start.y()), event.globalPosition().toPoint())

    def double(self, event: QMouseEvent) -> None:
        """Fill the viewer with this pane, or show all panes again, unless the tool answers it."""
        view = self._view
        if event.button() == Qt.MouseButton.LeftButton and not self.tool.double(view, event.position()):
            self.drag = None
            view.store.update(maximised=None if view.scene.maximised == view.plane else view.plane)

    def leave(self) -> None:
        """Nothing is under the mouse any more."""
        self.tool.left(self._view)
        self._view.pointed.emit(None)

    def _meaning(self, event: QMouseEvent) -> str:
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() == Qt.MouseButton.MiddleButton:
            return "pan"
        if event.button() == Qt.MouseButton.RightButton:
            return "box" if shift else "window"
        return "pan" if shift and self._view.scene.tool == CURSOR else "tool"

    def _turn(self) -> None:
        count = int(self._turned)
        self._turned -= count
        self._view.store.put(stepped(self._view.scene, self._view.plane, count))

    def _point(self, pane: Pane, at: QPointF) -> None:
        mm = pane.mm_at(at.x(), at.y()) or self._nearest(pane, at)
        if mm is not None:
            pane.store.put(pane.scene.at(mm))

    @staticmethod
    def _nearest(pane: Pane, at: QPointF) -> tuple[float, float, float] | None:
        left, top, wide, high = pane.sheet.place
        inside_x = float(np.clip(at.x(), left + 0.01, left + wide - 0.01))
        inside_y = float(np.clip(at.y(), top + 0.01, top + high - 0.01))
        return pane.mm_at(inside_x, inside_y)

    def _window(self, drag: Drag) -> None:
        assert drag.layer is not None
        moved = drag.now - drag.start
        self._view.store.put(windowed(self._view.scene, drag.layer, drag.number, moved.x(), moved.y()))

    def _box(self, drag: Drag) -> None:
        seen = self._view.film(drag.number).slice
        if seen is None:
            return
        sheet = self._view.sheet
        rows, cols = zip(*(sheet.to_slice(p.x(), p.y()) for p in (drag.start, drag.now)), strict=True)
        top, left = max(0, round(min(rows))), max(0, round(min(cols)))
        pixels = seen.values[top : round(max(rows)) + 1, left : round(max(cols)) + 1]
        if pixels.size >= 4:
            self._view.boxed.emit(drag.number, pixels)
