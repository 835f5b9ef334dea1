"""Figures in rows and columns that share all the room there is, without scrolling."""

from collections import deque
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from medviz.figures import Figure
from medviz.gui.drawing import VIEWS
from medviz.gui.drawing.grid_view import GridView
from medviz.gui.drawing.view import View
from medviz.gui.theme import TEXT_PX, theme

Rows = Sequence[Sequence[Figure]]
LEAST_PX = (88, 72)
APART_MS = 12
"""Between two figures of one round."""
BAR_PX = 44
"""Height of the line with the heading above panes, so that neighbours begin level."""


class Panes(QWidget):
    """Keeps one view a name, shown anew with each value. A double click shows one alone, another or Esc all again."""

    alone_changed = Signal(object)

    def __init__(self, margins: bool = True) -> None:
        super().__init__()
        self.views: dict[str, View] = {}
        self.alone: str | None = None
        self._places: dict[str, tuple[int, int]] = {}
        self._spans: dict[str, int] = {}
        self._due: deque[Figure] = deque()
        self._next = QTimer(self)
        self._next.setInterval(APART_MS)
        self._next.timeout.connect(self._show_next)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(*((16, 8, 16, 8) if margins else (0, 0, 0, 0)))
        self._grid.setSpacing(8)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def show_rows(self, rows: Rows, heights: Sequence[int] = (), calmly: bool = False) -> None:
        """Show these figures; `heights` are the shares of the rows, equal where there are none.

        `calmly` draws those that are there already one after the other, so that the window answers in between.
        """
        self._due.clear()
        across = _common([len(row) for row in rows if row])
        places, spans = {}, {}
        for number, row in enumerate(rows):
            for place, figure in enumerate(row):
                span = across // len(row)
                places[figure.name], spans[figure.name] = (number, place * span), span
                if calmly and figure.name in self.views:
                    self._due.append(figure)
                else:
                    self._show(figure)
        if self._due:
            self._next.start()
        for name in [name for name in self.views if name not in places]:
            self._drop(name)
        if (places, spans) != (self._places, self._spans):
            self._places, self._spans = places, spans
            self._place()
        for number in range(self._grid.rowCount()):
            share = heights[number] if number < len(heights) else 1
            self._grid.setRowStretch(number, share if number < len(rows) and self.alone is None else 0)

    def _show_next(self) -> None:
        if self._due:
            self._show(self._due.popleft())
        if not self._due:
            self._next.stop()

    def show_alone(self, name: str | None) -> None:
        """Show one figure in all the room, or all (None)."""
        self.alone = name if name in self.views else None
        self._place()
        self.alone_changed.emit(self.alone)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the size of the window's text."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            for view in self.views.values():
                view.set_type(self._type_px())

    def _type_px(self) -> int:
        now = theme()
        return round(TEXT_PX * (now.scale if now else 1.0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Show all again on Esc."""
        if event.key() == Qt.Key.Key_Escape and self.alone is not None:
            self.show_alone(None)
            return
        super().keyPressEvent(event)

    def _show(self, figure: Figure) -> None:
        kind = VIEWS[type(figure).__name__]
        view = self.views.get(figure.name)
        if view is None or type(view) is not kind:
            if view is not None:
                self._drop(figure.name)
            view = self._make(kind, figure.name)
        view.show_figure(figure)

    def _make(self, kind: Callable[[QWidget], View], name: str) -> View:
        view = kind(self)
        view.setMinimumSize(*LEAST_PX)
        view.set_type(self._type_px())
        view.opened.connect(lambda name: self.show_alone(None if self.alone else name))
        if isinstance(view, GridView):
            view.zoomed.connect(lambda part, one=view: self._zoom_alike(one, part))
        self.views[name] = view
        self._places.pop(name, None)
        return view

    def _drop(self, name: str) -> None:
        view = self.views.pop(name)
        self._grid.removeWidget(view)
        view.hide()
        view.deleteLater()
        if self.alone == name:
            self.alone = None

    def _place(self) -> None:
        for view in self.views.values():
            self._grid.removeWidget(view)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 0)
        for name, view in self.views.items():
            shown = self.alone in (None, name)
            view.setVisible(shown)
            if shown:
                row, column = (0, 0) if self.alone else self._places[name]
                self._grid.addWidget(view, row, column, 1, 1 if self.alone else self._spans[name])
        used = 1 if self.alone else max((c + self._spans[n] for n, (_, c) in self._places.items()), default=0)
        for column in range(used):
            self._grid.setColumnStretch(column, 1)

    def _zoom_alike(self, leader: GridView, part: object) -> None:
        for view in self.views.values():
            if view is not leader and isinstance(view, GridView) and view.shape() == leader.shape():
                view.see(part)  # type: ignore[arg-type]


def _common(counts: Sequence[int]) -> int:
    """Return a number of columns that each of the rows divides."""
    columns = 1
    for count in counts:
        if columns % count:
            columns *= count
    return columns
