"""Asks what is to be exported, how and where to."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.form import Form
from medviz.gui.icons import icon
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.export_kinds import Kind, Settings, about, in_words, layers_for, refitted
from medviz.gui.viewer.label_choice import LabelChoice
from medviz.imaging.scene import Scene
from medviz.refused import Refused

ICONS = {
    "nifti": "ph.stack",
    "nrrd": "ph.stack",
    "seg": "ph.circles-three",
    "rtstruct": "ph.polygon",
    "stl": "ph.cube",
    "csv": "ph.table",
    "png": "ph.image",
    "gif": "ph.play",
    "mp4": "ph.play",
}


@dataclass(frozen=True)
class Order:
    """What a person asked for: a kind with its settings, which layer, where to, and the series it refers to.

    `values` are the labels that are wanted, empty for all.
    """

    kind: Kind
    path: Path
    layer: int | None = None
    reference: Path | None = None
    values: tuple[int, ...] = ()


class ExportDialog(QDialog):
    """`ordered` (Order) when a person has said all that is needed."""

    ordered = Signal(object)

    def __init__(
        self, parent: QWidget, scene: Scene, kinds: tuple[Kind, ...], folder: Path, first: str = "nifti"
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("export")
        self._scene, self._folder = scene, folder
        self._kinds = {kind.name: kind for kind in kinds}
        self._settings: dict[str, Settings] = {kind.name: kind.settings for kind in kinds}
        self._form: Form | None = None
        self._typed = False
        self._replacing: Path | None = None
        self.list = QListWidget()
        self.list.setAccessibleName("What is exported")
        self.list.setIconSize(QSize(18, 18))
        self.list.setFixedWidth(188)
        for kind in kinds:
            item = QListWidgetItem(kind.title)
            item.setData(Qt.ItemDataRole.UserRole, kind.name)
            self.list.addItem(item)
        self.offer(kinds)
        self._make_parts()
        self._lay_out()
        self.list.currentRowChanged.connect(lambda row: self._show())
        may = [kind.name for kind in kinds if not kind.why_not]
        self.choose(first if first in may or not may else may[0])
        self.resize(680, 560)

    def _make_parts(self) -> None:
        self.title, self.words = label("", "title"), label("", "dim", wrap=True)
        self.layers = QComboBox()
        self.layers.setAccessibleName("Layer")
        self.layers.setToolTip("Which layer is exported")
        self.choice = LabelChoice()
        self.choice.changed.connect(self._say)
        self.layers.currentIndexChanged.connect(lambda row: self._show_labels())
        self.layers.currentIndexChanged.connect(lambda row: self._say())
        self.layers.currentIndexChanged.connect(lambda row: self._suggest())
        self.layers_name = label("Layer", "dim")
        self.series = QLineEdit()
        self.series.setAccessibleName("DICOM series")
        self.series.setToolTip("Folder of the DICOM series that the labels were made on")
        self.series_name = label("Series", "dim")
        self.series_button = self._browse("Choose the folder of the series", self._choose_series)
        self.said = label("", "dim", wrap=True)
        self.place = QLineEdit()
        self.place.setAccessibleName("File")
        self.place.setToolTip("Where it is written to")
        self.place.textEdited.connect(lambda text: self._type())
        self.place_button = self._browse("Choose where it is written to", self._choose_place)
        self.warning = label("", "bad", wrap=True)
        self.go = QPushButton("Export")
        self.go.setProperty("look", "primary")
        self.go.setToolTip("Write it, beside the window  (Enter)")
        self.go.setDefault(True)
        self.go.clicked.connect(self._order)
        self.leave = QPushButton("Cancel")
        self.leave.setProperty("look", "quiet")
        self.leave.setToolTip("Write nothing  (Esc)")
        self.leave.clicked.connect(self.reject)

    def _browse(self, tip: str, act: object) -> QToolButton:
        made = QToolButton()
        made.setIcon(icon("ph.folder-open"))
        made.setToolTip(tip)
        made.setAccessibleName(tip)
        made.clicked.connect(act)
        return made

    def _lay_out(self) -> None:
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self.title)
        right.addWidget(self.words)
        right.addSpacing(4)
        right.addLayout(_row(self.layers_name, self.layers))
        right.addLayout(_row(self.series_name, self.series, self.series_button))
        self.room = QVBoxLayout()
        self.room.setContentsMargins(0, 0, 0, 0)
        right.addLayout(self.room)
        right.addWidget(self.choice, 1)
        self.gap = QWidget()
        right.addWidget(self.gap, 1)
        right.addWidget(self.said)
        right.addWidget(self.warning)
        right.addLayout(_row(label("File", "dim"), self.place, self.place_button))
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addStretch(1)
        foot.addWidget(self.leave)
        foot.addWidget(self.go)
        right.addSpacing(4)
        right.addLayout(foot)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(20)
        whole.addWidget(self.list)
        whole.addLayout(right, 1)

    # -- what is chosen -------------------------------------------------------------------------------------------

    @property
    def kind(self) -> Kind:
        """What is chosen, with the settings a hand made."""
        item = self.list.currentItem()
        name = str(item.data(Qt.ItemDataRole.UserRole)) if item is not None else next(iter(self._kinds))
        return replace(self._kinds[name], settings=self._settings[name])

    def offer(self, kinds: tuple[Kind, ...]) -> None:
        """Take over what may be exported and what may not; settings that a hand made stay."""
        self._kinds = {kind.name: kind for kind in kinds}
        for row, kind in enumerate(kinds):
            item = self.list.item(row)
            item.setIcon(icon(ICONS[kind.name], "faint" if kind.why_not else "text"))
            item.setToolTip(kind.why_not or kind.words)
            look = self.palette()
            item.setForeground(look.placeholderText() if kind.why_not else look.text())
        if self.list.currentItem() is not None and self.isVisible():
            self._show()

    def choose(self, name: str) -> None:
        """Choose a kind by its name."""
        self.list.setCurrentRow(list(self._kinds).index(name))

    def set(self, **values: Any) -> None:
        """Change settings of the kind that is chosen."""
        settings: Any = self.kind.settings
        self._take(replace(settings, **values))

    def _take(self, settings: Settings) -> None:
        kind = self.kind
        made = refitted(settings, kind.settings, self._scene)
        self._settings[kind.name] = made
        if self._form is not None and self._form.value != made:
            self._form.show_value(made)
        self._say()
        self._suggest()

    def _say(self) -> None:
        """Say how long a film will be, or what goes along with labels."""
        kind = self.kind
        words = in_words(kind.settings)
        number = self.layers.currentData()
        if kind.of_a_layer and number is not None and not kind.why_not:
            words = about(self._scene.layers[number], len(self.choice.values))
        self.said.setText(words)
        self.said.setVisible(bool(words))

    def _show(self) -> None:
        kind = self.kind
        refers = kind.name in ("seg", "rtstruct")
        self.title.setText(kind.title)
        self.words.setText(kind.words)
        self._list_layers(kind)
        for widget in (self.series, self.series_name, self.series_button):
            widget.setVisible(refers)
        scan = self._scene.scan
        from_dicom = scan is not None and scan.stored.format == "DICOM"
        self.series.setPlaceholderText("the series the scan was read from" if from_dicom else "folder of the series")
        self._show_labels()
        self._show_form(kind)
        self._say()
        self.warning.setText(kind.why_not)
        self.warning.setVisible(bool(kind.why_not))
        self.go.setEnabled(not kind.why_not)
        self.place.setEnabled(not kind.why_not)
        self._suggest()

    def _list_layers(self, kind: Kind) -> None:
        """List the layers that may be exported so; the one that was chosen stays."""
        chosen, numbers = self.layers.currentData(), layers_for(kind, self._scene)
        self.layers.blockSignals(True)
        self.layers.clear()
        for number in numbers:
            self.layers.addItem(self._scene.layers[number].volume.name or f"layer {number}", number)
        self.layers.setCurrentIndex(numbers.index(chosen) if chosen in numbers else 0 if numbers else -1)
        self.layers.blockSignals(False)
        for part in (self.layers, self.layers_name):
            part.setVisible(bool(numbers))

    def _show_labels(self) -> None:
        """List the labels of the layer that is chosen."""
        kind, number = self.kind, self.layers.currentData()
        layer = self._scene.layers[number] if kind.of_a_layer and number is not None else None
        shown = layer is not None and layer.role == "labels" and not kind.why_not
        if layer is not None and shown:
            self.choice.show_labels(layer.labels)
        self.choice.setVisible(shown)
        self.gap.setVisible(not shown)

    def _show_form(self, kind: Kind) -> None:
        while (item := self.room.takeAt(0)) is not None:
            if (gone := item.widget()) is not None:
                gone.hide()
                gone.deleteLater()
        self._form = None
        if kind.settings.__dataclass_fields__ and not kind.why_not:
            self._form = Form(kind.settings, scrolls=False)
            self._form.changed.connect(self._take)
            self.room.addWidget(self._form)

    # -- where to -------------------------------------------------------------------------------------------------

    def _suggest(self) -> None:
        """Suggest a name, unless a person typed one; the ending always follows the kind."""
        self._replacing = None
        self.go.setText("Export")
        kind = self.kind
        if self._typed and self.place.text().strip():
            typed = Path(self.place.text().strip())
            stem = typed.name
            for other in sorted((one.ending for one in self._kinds.values()), key=len, reverse=True):
                stem = stem.removesuffix(other)
            self.place.setText(str(typed.with_name(f"{stem}{kind.ending}")))
            return
        number = self.layers.currentData() if kind.of_a_layer else 0
        layer = self._scene.layers[number] if number is not None and self._scene.layers else None
        stem = (layer.volume.name if layer is not None else "") or "export"
        for ending in (".gz", ".nii", ".nrrd", ".mha", ".dcm"):
            stem = stem.removesuffix(ending)
        stem = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in stem).strip("._")[:80] or "export"
        more = {"seg": "_seg", "rtstruct": "_contours"}.get(kind.name, "")
        names = (f"{stem}{more}{'' if n == 1 else f'-{n}'}{kind.ending}" for n in range(1, 10000))
        free = next((name for name in names if not (self._folder / name).exists()), f"{stem}{more}{kind.ending}")
        self.place.setText(str(self._folder / free))  # never a file that is there: it may be the mask itself

    def _type(self) -> None:
        self._typed, self._replacing = True, None
        self.go.setText("Export")

    def _choose_place(self) -> None:
        kind = self.kind
        place, _ = QFileDialog.getSaveFileName(
            self, f"Export as {kind.title}", self.place.text(), f"{kind.title} (*{kind.ending})"
        )
        if place:
            self.place.setText(place if place.lower().endswith(kind.ending) else f"{place}{kind.ending}")
            self._typed = True

    def _choose_series(self) -> None:
        place = QFileDialog.getExistingDirectory(self, "Folder of the DICOM series", self.series.text())
        if place:
            self.series.setText(place)

    def _order(self) -> None:
        kind = self.kind
        text = self.place.text().strip()
        path = Path(text).expanduser()
        try:
            self._check(kind, text, path)
        except Refused as refusal:
            self.warning.setText(f"{refusal.fault[:1].upper()}{refusal.fault[1:]}; {refusal.remedy}")
            self.warning.show()
            return
        if path.exists() and self._replacing != path:
            self._replacing = path
            self.warning.setText(f"There is a file {path.name} already. Press “Replace” to write over it.")
            self.warning.show()
            self.go.setText("Replace")
            return
        layer = self.layers.currentData() if kind.of_a_layer else None
        series = self.series.text().strip()
        reference = Path(series).expanduser() if series and kind.name in ("seg", "rtstruct") else None
        values = () if self.choice.isHidden() or self.choice.is_all else self.choice.values
        self.ordered.emit(Order(kind, path, layer, reference, values))
        self.accept()

    def _check(self, kind: Kind, text: str, path: Path) -> None:
        if not text:
            raise Refused("file", "there is no name", "say where it is written to")
        if not path.name.lower().endswith(kind.ending):
            raise Refused(text, "the name has another ending", f"end it with {kind.ending}")
        if not path.parent.is_dir():
            raise Refused(text, "its folder does not exist", "choose another")
        if not self.choice.isHidden() and not self.choice.values:
            raise Refused(text, "no label is ticked", "tick one")
        from_dicom = self._scene.scan is not None and self._scene.scan.stored.format == "DICOM"
        if kind.name in ("seg", "rtstruct") and not self.series.text().strip() and not from_dicom:
            raise Refused(text, "it must refer to a DICOM series", "choose the folder the labels were made on")


def _row(name: QWidget, *parts: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    name.setFixedWidth(64)
    row.addWidget(name)
    for number, part in enumerate(parts):
        row.addWidget(part, 1 if number == 0 else 0)
    return row
