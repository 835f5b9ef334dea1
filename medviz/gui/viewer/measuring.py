"""Measuring: rulers, angles and regions drawn in the panes, moved by their handles, listed in the tab."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import hypot
from typing import ClassVar

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QAction, QKeyEvent, QPainter
from PySide6.QtWidgets import QWidget

from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.mark_paint import Words, bounds_of, colour_of, paint_mark, paint_words
from medviz.gui.viewer.mark_tools import (
    AngleTool,
    EllipseTool,
    HandleTool,
    MarkTool,
    PolygonTool,
    RectangleTool,
    RulerTool,
)
from medviz.gui.viewer.mark_words import HEAD, Cell, lines, rows
from medviz.gui.viewer.measure_box import MeasureBox
from medviz.gui.viewer.rooms import ROOMS
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.tool import CURSOR, Pane, Tool
from medviz.imaging.marks import Found, Mark
from medviz.imaging.scene import Point, Scene
from medviz.imaging.volume import Volume

REACH_PX = 9.0
"""A handle is taken hold of within so many pixels."""


class Measuring(Feature):
    """The marks are in the scene; what they measure is worked out when it is looked at, and kept until it changes."""

    NAME: ClassVar[str] = "measure"
    TAB: ClassVar[str] = "Measure"
    HINT: ClassVar[str] = "Ruler, angle, regions with mean and SD; the table of labels"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("m a", "ruler, angle"),
        ("s q y", "box, ellipse, polygon: mean, SD, area"),
        ("Return", "with a tool in the hand: do it at the cross-hair"),
        ("Del", "delete the selected measurement"),
    )

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.ruler = RulerTool(self)
        self.drawing: tuple[MarkTool, ...] = (
            self.ruler, AngleTool(self), RectangleTool(self), EllipseTool(self), PolygonTool(self),
        )  # fmt: skip
        self._handle = HandleTool(self)
        self.selected: int | None = None
        self.words: dict[tuple[str, int], Words] = {}
        self.box: MeasureBox | None = None
        self._sketch: tuple[Pane, Mark] | None = None
        self.past: list[tuple[Mark, ...]] = []
        self.undone: list[tuple[Mark, ...]] = []
        self.when_s = 0.0
        self._found: dict[Mark, tuple[tuple[object, ...], Found]] = {}
        self._leave = self.desk.scene.listen(self._told)

    # -- for the page ---------------------------------------------------------------------------------------------

    def tab(self) -> QWidget:
        """Make the tab."""
        self.box = MeasureBox(self, self.viewer)
        return self.box

    def tools(self) -> Sequence[Tool]:
        """List the tools that draw, and the one that moves handles."""
        return (*self.drawing, self._handle)

    def menu(self, view: SliceView, point: Point) -> Sequence[QAction]:
        """Offer to measure from here, and to delete a mark that is near."""
        acts = [QAction("Measure from here\tm", view)]
        acts[0].triggered.connect(partial(self._measure_from, view, point))
        at = QPointF(*view.screen_of(point))
        found = self.near(view, at)
        if found is not None:
            mark = found[0]
            acts.append(QAction(f"Delete {self.title(mark)}\tDel", view))
            acts[1].triggered.connect(partial(self._remove, mark.number))
        return acts

    def paint(self, painter: QPainter, view: SliceView) -> None:
        """Paint the marks that lie in the slice, and the one that is being drawn."""
        scene = self.desk.scene.state
        self.words = {key: words for key, words in self.words.items() if key[0] != view.plane}
        if scene.overlays_hidden or scene.scan is None:
            return
        measures = scene.tool in {tool.NAME for tool in self.drawing}
        seen = [mark for mark in scene.marks if seen_in(view, mark)]
        bounds = {mark.number: bounds_of(view, mark) for mark in seen}
        for mark in seen:
            written = self._written(mark)
            taken = [words.box for (plane, _), words in self.words.items() if plane == view.plane]
            taken += [box for number, box in bounds.items() if number != mark.number]
            self.words[view.plane, mark.number] = paint_mark(
                painter, view, mark, written, mark.number == self.selected, measures, taken
            )
        for mark in seen:  # of many boxes no line may run through the words of another
            if mark.value:
                chosen = mark.number == self.selected
                paint_words(painter, self.words[view.plane, mark.number], colour_of(mark, chosen))
        if self._sketch is not None and self._sketch[0] is view:
            paint_mark(painter, view, self._sketch[1], self.lines(self._sketch[1]), False, True)

    def pressed(self, event: QKeyEvent, view: SliceView) -> bool:
        """Delete the selected mark."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.selected is not None:
            self.remove(self.selected)
            return True
        return False

    def close_feature(self) -> None:
        """Stop listening."""
        self._leave()
        if self.box is not None:
            self.box.leave()

    # -- for the tools --------------------------------------------------------------------------------------------

    def sketch(self, pane: Pane | None, mark: Mark | None) -> None:
        """Show a mark that is being drawn."""
        before = self._sketch
        self._sketch = None if pane is None or mark is None else (pane, mark)
        for one in (before, self._sketch):
            if one is not None:
                one[0].update()

    def add(self, mark: Mark) -> None:
        """Keep a mark that was drawn."""
        scene = self.desk.scene.state
        self.remember()
        number = max((one.number for one in scene.marks), default=0) + 1
        self.selected = number
        self.desk.scene.put(replace(scene, marks=(*scene.marks, replace(mark, number=number))))

    def change(self, mark: Mark) -> None:
        """Put a mark in place of the one of its number."""
        scene = self.desk.scene.state
        marks = tuple(mark if one.number == mark.number else one for one in scene.marks)
        self.desk.scene.put(replace(scene, marks=marks))

    def held(self, pane: Pane, at: QPointF) -> tuple[Mark, int | None] | None:
        """Return the mark and the number of its handle at a place; its words take all of it."""
        tools = {CURSOR, *(tool.NAME for tool in self.drawing)}
        if pane.scene.tool not in tools or pane.scene.overlays_hidden or self._sketch is not None:
            return None
        best: tuple[float, Mark, int] | None = None
        for mark in pane.scene.marks:
            if not seen_in(pane, mark):
                continue
            for number, point in enumerate(mark.points):
                x, y = pane.screen_of(point)
                away = hypot(at.x() - x, at.y() - y)
                if away <= REACH_PX and (best is None or away < best[0]):
                    best = (away, mark, number)
        if best is not None:
            return best[1], best[2]
        return self._worded(pane, at)

    def select(self, number: int | None) -> None:
        """Make one mark the selected one."""
        if number != self.selected:
            self.selected = number
            for view in self.viewer.panes.slices.values():
                view.update()
            if self.box is not None:
                self.box.show_marks()

    def remember(self) -> None:
        """Keep the marks as they are now, to be brought back by undo."""
        self.past.append(self.desk.scene.state.marks)
        self.undone.clear()
        self.when_s = time.monotonic()

    def undo(self) -> None:
        """Bring the marks before the last change back."""
        self._turn(self.past, self.undone)

    def redo(self) -> None:
        """Do it again."""
        self._turn(self.undone, self.past)

    # -- for the tab ----------------------------------------------------------------------------------------------

    def images(self) -> tuple[Volume, ...]:
        """List what is measured under a region: the scan and every image over it."""
        layers = self.desk.scene.state.layers
        return tuple(
            layer.volume
            for number, layer in enumerate(layers)
            if (number == 0 or layer.role != "labels") and layer.volume.kind != "colour"
        )

    def found(self, mark: Mark) -> Found:
        """Return what a mark measures."""
        scene = self.desk.scene.state
        assert scene.scan is not None
        bare, images = replace(mark, name="", number=0), self.images()
        of = (scene.scan, images, scene.frame)
        kept = self._found.get(bare)
        if kept is None or kept[0] != of:
            if len(self._found) > 200:
                self._found.clear()
            kept = self._found[bare] = (of, ROOMS["measured"](mark, scene.scan, images, scene.frame))
        return kept[1]

    def lines(self, mark: Mark) -> tuple[str, ...]:
        """Write what a mark measures."""
        return lines(self.found(mark), [one.name for one in self.images()])

    def title(self, mark: Mark) -> str:
        """Call a mark by its name, else by what it is."""
        kind = "box" if mark.kind == "rectangle" else mark.kind
        return mark.name or f"{kind} {mark.number}"

    def remove(self, number: int) -> None:
        """Delete a mark; a notice offers to put it back."""
        scene = self.desk.scene.state
        gone = next((one for one in scene.marks if one.number == number), None)
        if gone is None:
            return
        self.remember()
        self.desk.scene.put(replace(scene, marks=tuple(one for one in scene.marks if one is not gone)))
        self.select(None)
        self.desk.tell(f"{self.title(gone).capitalize()} deleted", button="Put back", act=partial(self._put_back, gone))

    def rename(self, number: int, name: str) -> None:
        """Give a mark a name."""
        mark = next((one for one in self.desk.scene.state.marks if one.number == number), None)
        if mark is not None and mark.name != name.strip() and name.strip() != self.title(mark):
            self.remember()
            self.change(replace(mark, name=name.strip()))

    def go(self, number: int) -> None:
        """Put the cross-hair into a mark and select it."""
        mark = next((one for one in self.desk.scene.state.marks if one.number == number), None)
        if mark is not None:
            self.select(number)
            self.desk.scene.put(self.desk.scene.state.at(mark.middle))

    def table(self) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
        """Write all marks as a table."""
        names, frame = [one.name for one in self.images()], self.desk.scene.state.frame
        marks = self.desk.scene.state.marks
        return HEAD, [row for mark in marks for row in rows(mark, self.found(mark), names, frame)]

    def near(self, view: SliceView, at: QPointF) -> tuple[Mark, int | None] | None:
        """Return the mark whose handle or words are at a place."""
        return self.held(view, at)

    # -- how ------------------------------------------------------------------------------------------------------

    def _written(self, mark: Mark) -> tuple[str, ...]:
        """Write its name and what it measures; of the many that a model found only the selected one's measures."""
        if mark.value and mark.number != self.selected:
            return (mark.name,)
        return (mark.name, *self.lines(mark)) if mark.name else self.lines(mark)

    def _turn(self, away: list[tuple[Mark, ...]], back: list[tuple[Mark, ...]]) -> None:
        while away and away[-1] == self.desk.scene.state.marks:
            away.pop()  # a handle was touched and not moved
        if away:
            back.append(self.desk.scene.state.marks)
            self.desk.scene.put(replace(self.desk.scene.state, marks=away.pop()))

    def _worded(self, pane: Pane, at: QPointF) -> tuple[Mark, int | None] | None:
        for mark in reversed(pane.scene.marks):
            words = self.words.get((pane.plane, mark.number))
            if words is not None and words.box.contains(at):
                return mark, None
        return None

    def _measure_from(self, view: SliceView, point: Point, checked: bool = False) -> None:
        self.desk.scene.update(tool=RulerTool.NAME)
        self.ruler.start(view, point)

    def _remove(self, number: int, checked: bool = False) -> None:
        self.remove(number)

    def _put_back(self, mark: Mark) -> None:
        scene = self.desk.scene.state
        if scene.scan is not None and all(one.number != mark.number for one in scene.marks):
            self.desk.scene.put(replace(scene, marks=(*scene.marks, mark)))

    def _told(self, old: Scene, new: Scene) -> None:
        if new.tool != old.tool and new.tool in {tool.NAME for tool in self.drawing}:
            self.viewer.show_tab(self.NAME)
        if [layer.volume for layer in old.layers if layer.role != "labels"] != [
            layer.volume for layer in new.layers if layer.role != "labels"
        ]:
            self._found.clear()  # what is measured no more need not be kept alive
        if old.scan is not new.scan:
            self.past.clear()
            self.undone.clear()
        if all(mark.number != self.selected for mark in new.marks):
            self.selected = None


def seen_in(pane: Pane, mark: Mark) -> bool:
    """Whether a mark lies in the slice on a pane: no point of it is further away than half a slice."""
    section = pane.section
    return section is not None and all(pane.off_plane_mm(mm) <= section.step_mm / 2 + 1e-6 for mm in mark.points)
