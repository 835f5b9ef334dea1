"""The control that chooses what a lab works on."""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QPushButton, QSlider, QSpinBox, QVBoxLayout, QWidget

from medviz.gui.controls import calm
from medviz.gui.labs_page.inputs import LEAST_SIDE, MOST_SIDE, PHANTOMS
from medviz.gui.labs_page.play import On
from medviz.imaging.scene import Scene
from medviz.imaging.slices import NORMAL, PLANES

_WORDS = {
    "example": "the deck's example",
    "slice": "the viewer's slice",
    "region": "a region around the cursor",
    "volume": "the viewer's scan",
    "phantom": "a phantom",
    "file": "a file",
}
_KINDS = {
    "slice": ("example", "slice", "region", "phantom", "file"),
    "volume": ("example", "volume", "region", "file"),
    "": ("example",),
}


class Chooser(QWidget):
    """Says `chosen` (On) when a person chooses, `moved` (plane, index) when the slice is to change.

    `file_wanted` says that a file is to be asked for: none was read yet, or another is wished.
    """

    chosen = Signal(object)
    moved = Signal(str, int)
    file_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._on = On()
        self._kinds: tuple[str, ...] = ()
        self.source, self.plane, self.phantom = QComboBox(), QComboBox(), QComboBox()
        self.side, self.index = QSpinBox(), QSlider(Qt.Orientation.Horizontal)
        self.another, self.note = QPushButton("Another file …"), QLabel()
        self.note.setProperty("look", "dim")
        self.note.setWordWrap(True)
        self.plane.addItems(PLANES)
        for name, (words, _) in PHANTOMS.items():
            self.phantom.addItem(words, name)
        self.side.setRange(LEAST_SIDE, MOST_SIDE)
        self.side.setSuffix(" px")
        for box in (self.source, self.plane, self.phantom, self.side):
            calm(box)
        self._lay_out()
        self._listen()
        self.show_on(On(), "slice", Scene())

    def _lay_out(self) -> None:
        heading = QLabel("Works on")
        heading.setProperty("look", "heading")
        self.rows = QFormLayout()
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setHorizontalSpacing(12)
        self.rows.setVerticalSpacing(8)
        self.rows.addRow(self.source)
        self.rows.addRow("Plane", self.plane)
        self.rows.addRow("Slice", self.index)
        self.rows.addRow("Side", self.side)
        self.rows.addRow(self.phantom)
        self.rows.addRow(self.another)
        self.rows.addRow(self.note)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addLayout(self.rows)
        self.source.setAccessibleName("what the lab works on")
        self.source.setToolTip("The deck's numbers, the scan that is open in the viewer, a drawn phantom, or a file")
        for box, name in (
            (self.plane, "plane"),
            (self.index, "slice"),
            (self.side, "side of the region"),
            (self.phantom, "phantom"),
            (self.another, "another file"),
        ):
            box.setAccessibleName(name)
        self.another.setToolTip("Opens a scan or picture for the labs alone; the viewer keeps what it shows")

    def _listen(self) -> None:
        self.source.activated.connect(self._source_chosen)
        self.another.clicked.connect(self.file_wanted)
        self.plane.activated.connect(lambda number: self._say(plane=PLANES[number]))
        self.phantom.activated.connect(lambda number: self._say(phantom=self.phantom.itemData(number)))
        self.side.valueChanged.connect(lambda side: self._say(side_px=side))
        self.index.valueChanged.connect(lambda index: self.moved.emit(self._on.plane, index))

    def show_on(self, on: On, kind: str, scene: Scene) -> None:
        """Show what is chosen; says nothing."""
        self._on = on
        kinds = _KINDS.get(kind, ("example",))
        if kinds != self._kinds:
            self._kinds = kinds
            self.source.clear()
            self.source.addItems([_WORDS[one] for one in kinds])
        self.source.setCurrentIndex(kinds.index(on.kind) if on.kind in kinds else 0)
        self.plane.setCurrentIndex(PLANES.index(on.plane))
        self.phantom.setCurrentIndex(max(0, self.phantom.findData(on.phantom)))
        self._put(self.side, on.side_px)
        self._show_index(on, scene)
        on_scan = on.kind in ("slice", "region", "file")
        self.index.setToolTip(
            "Another slice of the file" if on.kind == "file" else "Moves the viewer's cursor to another slice"
        )
        for widget, wanted in (
            (self.plane, on_scan and kind == "slice"),
            (self.index, on_scan and kind == "slice" and scene.scan is not None),
            (self.side, on.kind == "region"),
            (self.phantom, on.kind == "phantom"),
            (self.another, on.kind == "file"),
            (self.note, on_scan and (kind == "slice" or on.kind == "file" or scene.scan is None)),
        ):
            self.rows.setRowVisible(widget, wanted)

    def _show_index(self, on: On, scene: Scene) -> None:
        if scene.scan is None:
            self.note.setText("No scan is open.")
            return
        self.index.blockSignals(True)
        self.index.setRange(0, scene.scan.shape[NORMAL[on.plane]] - 1)
        self.index.setValue(scene.voxel[NORMAL[on.plane]])
        self.index.blockSignals(False)
        number, count = self.index.value() + 1, self.index.maximum() + 1
        place = f"{on.plane} slice {number} of {count}"
        self.note.setText(f"{scene.scan.name}, {place}" if on.kind == "file" else place)
        self.note.setToolTip(scene.scan.name)

    def _source_chosen(self, number: int) -> None:
        """Choose; a file must first be asked for where none was read."""
        kind = self._kinds[number]
        if kind == "file" and not self._on.file:
            self.source.setCurrentIndex(self._kinds.index(self._on.kind))
            self.file_wanted.emit()
            return
        self._say(kind=kind)

    def _put(self, box: QSpinBox, value: int) -> None:
        if box.value() != value:
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)

    def _say(self, **fields: object) -> None:
        on = replace(self._on, **fields)  # type: ignore[arg-type]
        if on != self._on:
            self.chosen.emit(on)
