"""The viewer's side of the window: layers, labels, models, and what is under the cursor."""

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.status import Elided
from medviz.gui.store import Store
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.counting import Counting
from medviz.gui.viewer.label_list import LabelList
from medviz.gui.viewer.layer_box import LayerBox
from medviz.gui.viewer.reading import first_window
from medviz.gui.viewer.readout import place_words, readings
from medviz.gui.viewer.tabs import Tabs
from medviz.imaging.scene import Layer, Point, Scene

NAME_PX, VALUE_PX = 96, 200
"""Longer names and values at the cursor are cut, so that the panel never asks for more room than it has."""

NARROWEST_PX = 328
SHARES = (4, 5)
"""How the scene (at most) and the tabs under it divide the panel's height, until a hand divides it otherwise."""


def labels_shown(scene: Scene) -> int | None:
    """Return the number of the label layer whose labels are listed: the active one, else the topmost."""
    of_labels = [number for number, layer in enumerate(scene.layers) if number and layer.role == "labels"]
    return scene.active if scene.active in of_labels else of_labels[-1] if of_labels else None


class Panel(QWidget):
    """Shows the scene, and under it a tab a feature; what a hand does here goes into the store.

    For the page: `recast` (layer number, role), `saved` and `named` (layer number), `tabled` (layer
    number, title of a known table), `went` (layer number, label value).
    """

    recast = Signal(int, str)
    saved = Signal(int)
    named = Signal(int)
    tabled = Signal(int, str)
    went = Signal(int, int)

    def __init__(self, store: Store[Scene], counting: Counting) -> None:
        super().__init__()
        self._store, self._counting = store, counting
        self.setMinimumWidth(NARROWEST_PX)
        self.boxes: list[LayerBox] = []
        self.layers = QVBoxLayout()
        self.layers.setSpacing(2)
        self.labels_title = Elided("labels")
        self.labels_title.setProperty("look", "heading")
        self.labels = LabelList()
        self.labels.hidden.connect(self._hide)
        self.labels.wanted.connect(self._go)
        self.labels.locked.connect(self._lock)
        self.readout = CursorBox()
        self.tabs = Tabs()
        self.tabs.turned.connect(self._divide)
        self.tabs.hide()
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self._inside = self._column()
        self._inside.installEventFilter(self)
        self._divided = False
        self.split.splitterMoved.connect(self._divided_by_hand)
        self.split.addWidget(scrolled(self._inside))
        self.split.addWidget(self.tabs)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.split)
        counting.counted.connect(self._show_labels)
        self.leave = store.listen(self.heard)
        self.heard(store.state, store.state)

    def _column(self) -> QWidget:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 8, 0, 12)
        column.setSpacing(6)
        self.layers_title = label("Layers", "heading")
        self.hint = label("Open a scan to see its layers, labels and values here.", "dim", wrap=True)
        column.addWidget(self.hint)
        column.addWidget(self.layers_title)
        column.addLayout(self.layers)
        column.addSpacing(8)
        column.addWidget(self.labels_title)
        column.addWidget(self.labels)
        column.addSpacing(8)
        column.addWidget(self.readout)
        column.addStretch(1)
        return inside

    def minimumSizeHint(self) -> QSize:
        """Ask for the width below which controls would be cut off."""
        return QSize(NARROWEST_PX, super().minimumSizeHint().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Divide the height anew when the scene's part asks for more or less."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._divide()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Divide the height anew."""
        super().resizeEvent(event)
        self._divide()

    def _divide(self) -> None:
        """Give the scene what it needs but no more than its share, or than the tab in front leaves; tabs the rest."""
        if not self._divided:
            whole = self.split.height()
            needs = self._inside.sizeHint().height() + 4
            left = whole - self.tabs.wished_height() - self.split.handleWidth()
            top = min(needs, max(whole * SHARES[0] // sum(SHARES), left))
            self.split.setSizes([top, whole - top])

    def _divided_by_hand(self) -> None:
        self._divided = True

    def add_tab(self, made: QWidget, word: str, hint: str) -> None:
        """Put a feature's tab behind those that are there."""
        column = made.layout()
        if column is not None:
            margins = column.contentsMargins()
            column.setContentsMargins(0, margins.top(), 4, margins.bottom())
        self.tabs.add(scrolled(made), word, hint)

    def show_tab(self, word: str) -> None:
        """Bring a tab to the front by its word."""
        self.tabs.show_word(word)

    def heard(self, old: Scene, new: Scene) -> None:
        """Show what changed."""
        self.tabs.setVisible(new.scan is not None and bool(self.tabs.buttons))
        if old is new or len(self.boxes) != len(new.layers):
            self._rebuild(new)
        if old is new or old.layers != new.layers or old.active != new.active:
            for number, (box, layer) in enumerate(zip(self.boxes, new.layers, strict=True)):
                box.show_layer(layer, number == new.active)
            self._show_labels()
        read = (new.layers, new.cursor, new.frame, new.second)
        if old is new or (old.layers, old.cursor, old.frame, old.second) != read:
            self.readout.show_point(new, None)

    def show_point(self, point: Point | None) -> None:
        """Show what is under the mouse; None shows the cross-hair again."""
        self.readout.show_point(self._store.state, point)

    def counts(self, layer: Layer) -> Mapping[int, int] | None:
        """Voxels by label of a layer, None while they are counted."""
        return self._counting.of(layer.volume)

    def _rebuild(self, scene: Scene) -> None:
        while (item := self.layers.takeAt(0)) is not None:
            if (gone := item.widget()) is not None:
                gone.deleteLater()
        self.boxes = []
        for number, layer in enumerate(scene.layers):
            box = LayerBox(layer, base=number == 0)
            box.changed.connect(lambda change, number=number: self._change(number, change))
            box.automatic.connect(lambda number=number: self._automatic(number))
            box.chosen.connect(lambda number=number: self._choose(number))
            box.recast.connect(lambda role, number=number: self.recast.emit(number, role))
            box.removed.connect(lambda number=number: self._store.put(self._store.state.without(number)))
            box.named.connect(lambda number=number: self.named.emit(number))
            box.saved.connect(lambda number=number: self.saved.emit(number))
            box.tabled.connect(lambda title, number=number: self.tabled.emit(number, title))
            self.boxes.append(box)
        for box in reversed(self.boxes):  # the topmost layer stands at the top
            self.layers.addWidget(box)
        self.layers_title.setVisible(bool(self.boxes))
        self.hint.setVisible(not self.boxes)

    def _show_labels(self) -> None:
        scene = self._store.state
        number = labels_shown(scene)
        self.labels.setVisible(number is not None)
        self.labels_title.setVisible(number is not None)
        if number is None:
            return
        layer = scene.layers[number]
        self.labels_title.write(f"Labels of {layer.volume.name}" if len(scene.layers) > 2 else "Labels")
        self.labels.show_layer(layer, self.counts(layer))

    def _change(self, number: int, change: object) -> None:
        scene = self._store.state
        layers = list(scene.layers)
        layers[number] = change(layers[number])  # type: ignore[operator]
        self._store.put(replace(scene, layers=tuple(layers)))

    def _automatic(self, number: int) -> None:
        scene = self._store.state
        volume = scene.layers[number].volume
        window, level = first_window(volume, min(scene.frame, volume.frames - 1))
        self._store.put(scene.with_layer(number, window=window, level=level))

    def _choose(self, number: int) -> None:
        if self._store.state.active != number:
            self._store.update(active=number)

    def _hide(self, hidden: frozenset[int]) -> None:
        number = labels_shown(self._store.state)
        if number is not None:
            self._store.put(self._store.state.with_layer(number, hidden_labels=hidden))

    def _lock(self, locked: frozenset[int]) -> None:
        number = labels_shown(self._store.state)
        if number is not None:
            self._store.put(self._store.state.with_layer(number, locked_labels=locked))

    def _go(self, value: int) -> None:
        number = labels_shown(self._store.state)
        if number is not None:
            self.went.emit(number, value)


def scrolled(inside: QWidget) -> QScrollArea:
    """Let a part of the panel scroll up and down."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    return area


class CursorBox(QWidget):
    """Place, voxel and the value of each layer, with unit and stored type."""

    def __init__(self) -> None:
        super().__init__()
        self.title = label("At the cross-hair", "heading")
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(8)
        self.grid.setVerticalSpacing(3)
        self.grid.setColumnStretch(1, 1)
        self._cells: list[tuple[QLabel, QLabel, QLabel]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.title)
        column.addLayout(self.grid)

    def rows(self) -> tuple[tuple[str, str, str], ...]:
        """What is written, row by row."""
        return tuple((a.text(), b.text(), c.text()) for a, b, c in self._cells if not a.isHidden())

    def show_point(self, scene: Scene, point: Point | None) -> None:
        """Read a point in RAS mm, the cross-hair's where none is given."""
        self.setVisible(scene.scan is not None)
        if scene.scan is None:
            return
        self.title.setText("At the cross-hair" if point is None else "Under the mouse")
        place, voxel = place_words(scene, point)
        rows = [("place", place, ""), ("voxel", voxel, "")]
        for one in readings(scene, point):
            value = one.label or f"{one.value} {one.unit}".strip() or "outside"
            rows.append((one.layer, value, one.stored))
        while len(self._cells) < len(rows):
            self._add()
        for number, cells in enumerate(self._cells):
            texts = rows[number] if number < len(rows) else ("", "", "")
            for cell, text in zip(cells, texts, strict=True):
                wide = NAME_PX if cell is cells[0] else VALUE_PX
                shown = cell.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, wide)
                if cell.text() != shown:
                    cell.setText(shown)
                cell.setVisible(number < len(rows))

    def _add(self) -> None:
        row = len(self._cells)
        name, value, stored = label("", "dim"), label(""), label("", "small")
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.grid.addWidget(name, row, 0)
        self.grid.addWidget(value, row, 1, 1, 2 if row < 2 else 1)
        self.grid.addWidget(stored, row, 2)
        self._cells.append((name, value, stored))
