"""The board: figures laid out by their arrangement, each as large as it needs to be, views kept by name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from medviz.figures import Figure
from medviz.gui.drawing import VIEWS
from medviz.gui.drawing.arrange import (
    GAP,
    LEAST_CELL,
    MOST_CELL,
    TIGHT_GAP,
    Need,
    Plan,
    Scale,
    arranged,
    stacked,
    widened,
    wrapped,
)
from medviz.gui.drawing.arrangement import Nest, parsed
from medviz.gui.drawing.export import exported
from medviz.gui.drawing.grid_view import GridView
from medviz.gui.drawing.look import look_of, type_of
from medviz.gui.drawing.view import TYPE_PX, View

_EDGE = 16
COMFORTABLE_CELL = 34
"""Cells smaller than this are worth the bars beside them: without those they get larger."""


class _Canvas(QWidget):
    """Holds the views and paints the signs between them."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.plan = Plan({}, (), (0, 0), 0)
        self.type_px = TYPE_PX
        self.edge = _EDGE

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(look_of(self).dim)
        painter.setFont(type_of(self, self.type_px * 1.9))
        for text, box in self.plan.signs:
            painter.drawText(
                QRectF(*box).translated(self.edge, self.edge + self.type_px * 0.8), Qt.AlignmentFlag.AlignCenter, text
            )
        painter.end()


class Board(QScrollArea):
    """Shows a list of figures. The views say `pointed`, `edited`, `dragged`, `painted` and `left` through it.

    `opened` (name): a double click asks for one figure alone.
    """

    pointed = Signal(str, object, object)
    edited = Signal(str, object, float)
    left = Signal()
    opened = Signal(str)
    dragged = Signal(str, object, object)
    painted = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._canvas = _Canvas(self)
        self.setWidget(self._canvas)
        self._views: dict[str, View] = {}
        self._figures: dict[str, Figure] = {}
        self._arrangement = ""
        self._alone: str | None = None
        self._needs: dict[str, Need] = {}
        self._tallest: dict[tuple[str, int], float] = {}
        self._type_px, self._most_cell = TYPE_PX, MOST_CELL

    @property
    def figures(self) -> tuple[Figure, ...]:
        """What is shown now."""
        return tuple(self._figures.values())

    @property
    def cell_px(self) -> float:
        """Size of the cells of small heat maps."""
        return self._canvas.plan.cell

    @property
    def alone(self) -> str | None:
        """Name of the figure that is shown alone, None for all."""
        return self._alone

    def view(self, name: str) -> View | None:
        """Return the view of a figure, None where there is no such figure."""
        return self._views.get(name)

    def arrange(self, arrangement: str) -> None:
        """Lay the figures out row by row: ``image kernel output / formula``."""
        if arrangement != self._arrangement:
            self._arrangement = arrangement
            self._tallest.clear()
            self._place()

    def set_type(self, pixels: int, most_cell: int = MOST_CELL) -> None:
        """Set the height of the type in px and the largest cell (both larger on a stage)."""
        self._type_px, self._most_cell = pixels, most_cell
        self._canvas.type_px = pixels
        for view in self._views.values():
            view.set_type(pixels)
        self._place()

    def show_alone(self, name: str | None) -> None:
        """Show one figure in the whole room, or all (None)."""
        self._tallest.clear()
        self._alone = name if name in self._views else None
        self._place()

    def turn_alone(self, name: str) -> None:
        """Show one figure alone; where it is alone already, show all again."""
        self.show_alone(None if name == self._alone else name)

    def show_figures(self, figures: Sequence[Figure], partial: bool = False) -> None:
        """Show these figures, each in the view of its name; `partial` keeps the others."""
        for figure in figures:
            self._show(figure)
        kept = {figure.name for figure in figures}
        for name in [name for name in self._views if name not in kept and not partial]:
            self._drop(name)
        needs = {name: view.need() for name, view in self._views.items()}
        if not _alike(needs, self._needs):
            self._needs = needs
            self._tallest.clear()
            self._place()
        elif not all(self._has_room(name, need) for name, need in needs.items()):
            self._place()

    def _show(self, figure: Figure) -> None:
        kind = VIEWS[type(figure).__name__]
        view = self._views.get(figure.name)
        if view is None or type(view) is not kind:
            if view is not None:
                self._drop(figure.name)
            view = self._make(kind, figure.name)
        self._figures[figure.name] = figure
        view.show_figure(figure)

    def _make(self, kind: Any, name: str) -> View:
        view: View = kind(self._canvas)
        view.type_px = self._type_px
        view.pointed.connect(self.pointed)
        view.edited.connect(self.edited)
        view.left.connect(self.left)
        view.opened.connect(self.opened)
        view.dragged.connect(self.dragged)
        view.painted.connect(self.painted)
        if isinstance(view, GridView):
            view.zoomed.connect(lambda part, name=name: self._zoom_alike(name, part))
        self._views[name] = view
        self._needs.pop(name, None)
        return view

    def _drop(self, name: str) -> None:
        view = self._views.pop(name)
        self._figures.pop(name, None)
        view.hide()
        view.deleteLater()

    def _zoom_alike(self, name: str, part: Any) -> None:
        """Let grids of nearly the same size look at the same part (a scan and its feature map)."""
        leader = self._views.get(name)
        if not isinstance(leader, GridView):
            return
        for view in self._views.values():
            if view is not leader and isinstance(view, GridView):
                sizes = zip(view.shape(), leader.shape(), strict=True)
                if all(abs(one - other) <= 0.15 * max(one, other) for one, other in sizes):
                    view.see(part)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew."""
        super().resizeEvent(event)
        self._place()

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(760, 560)

    def _place(self) -> None:
        names = list(self._views)
        if self._alone is not None and self._alone not in names:
            self._alone = None
        shown = [self._alone] if self._alone else names
        tree = parsed("" if self._alone else self._arrangement, shown)
        needs = {name: self._views[name].need() for name in shown}
        trees = (tree, widened(tree, needs))
        few = any(need.cells for need in needs.values())
        whole, bar = self.maximumViewportSize(), self.verticalScrollBar().sizeHint().width()
        for tight, shape in product((0, 1, 2), trees):
            edge = _EDGE // 2 if tight else _EDGE
            plan = self._planned(shape, shown, whole, tight, edge)
            if _fits(plan, whole, edge) and (tight or plan.cell >= COMFORTABLE_CELL * self._larger or not few):
                break
        else:
            room = QSize(whole.width() - bar, whole.height())
            plan = self._planned(tree, shown, room, 2, edge, wraps=True)
        self._canvas.plan, self._canvas.edge = plan, edge
        self._canvas.resize(ceil(plan.size[0]) + 2 * edge, ceil(plan.size[1]) + 2 * edge)
        for name, view in self._views.items():
            if name in plan.boxes:
                x, y, width, height = plan.boxes[name]
                view.setGeometry(round(x) + edge, round(y) + edge, max(1, ceil(width)), max(1, ceil(height)))
            view.setVisible(name in plan.boxes)
        self._canvas.update()

    @property
    def _larger(self) -> float:
        """How much larger cells are with larger type; less than the type, for on a stage pictures matter most."""
        return (self._type_px / TYPE_PX) ** 0.6

    def _planned(self, tree: Nest, shown: list[str], size: QSize, tight: int, edge: int, wraps: bool = False) -> Plan:
        """Plan for a size. Before anything has to scroll, 1 takes smaller gaps and no bars beside numbers, 2 lets
        grids of many cells shrink below the size at which each shows its number.
        """  # noqa: D205
        for name in shown:
            self._views[name].set_tight(tight)
        needs = {name: self._steady(name, self._views[name].need()) for name in shown}
        room = float(max(1, size.width() - 2 * edge)), float(max(1, size.height() - 2 * edge))
        scale = Scale(
            least_cell=round(LEAST_CELL * self._larger),
            most_cell=self._most_cell * (3 if self._alone else 1),
            sign=self._type_px * (1.4 if tight else 2.2),
            gap=TIGHT_GAP if tight else GAP,
        )
        rows = wrapped(tree, needs, room[0], scale) if wraps else tree
        return arranged(stacked(rows, needs, room[0], scale.gap), needs, room, scale)

    def _has_room(self, name: str, need: Need) -> bool:
        """Tell whether a text still fits where it stands; then nothing is laid out anew."""
        box = self._canvas.plan.boxes.get(name)
        return need.height_for is None or box is None or need.height_for(box[2]) <= box[3] + 0.5

    def _steady(self, name: str, need: Need) -> Need:
        """Let a text keep the height it once had at a width, so that nothing jumps while the mouse moves."""
        tells = need.height_for
        if tells is None:
            return need

        def tallest(width: float) -> float:
            place = name, round(width)
            self._tallest[place] = max(self._tallest.get(place, 0.0), tells(width))
            return self._tallest[place]

        return replace(need, height_for=tallest)

    def export(self, folder: Path, also: Mapping[str, str] | None = None) -> list[Path]:
        """Write each figure as picture and numbers, and texts by file name; returns the paths."""
        return exported(self._views, folder, also)


def _fits(plan: Plan, size: QSize, edge: int) -> bool:
    return plan.size[0] <= size.width() - 2 * edge + 0.5 and plan.size[1] <= size.height() - 2 * edge + 0.5


def _alike(needs: dict[str, Need], before: dict[str, Need]) -> bool:
    """Tell whether the same figures ask for the same room, but for the heights of texts."""
    return list(needs) == list(before) and all(
        replace(need, height_for=None) == replace(before[name], height_for=None) for name, need in needs.items()
    )
