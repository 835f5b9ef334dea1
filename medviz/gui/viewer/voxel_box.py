"""Ask this voxel: how probable each class is at the cross-hair, and a class as a layer of its own."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from medviz.gui.colours import colours
from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.viewer.cards import label
from medviz.imaging.prediction import Prediction
from medviz.imaging.scene import Point

MOST, ROW_PX = 6, 20
"""So many classes are shown, the most probable first."""


class Bars(QWidget):
    """Names, bars and numbers of probabilities; drawn, since the cross-hair moves sixty times a second."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[tuple[str, float, QColor], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("probabilities at the cross-hair")

    def sizeHint(self) -> QSize:
        """A line a class."""
        return QSize(200, max(1, len(self.rows)) * ROW_PX)

    def show_rows(self, rows: tuple[tuple[str, float, QColor], ...]) -> None:
        """Show other probabilities."""
        taller = len(rows) != len(self.rows)
        self.rows = rows
        self.setAccessibleDescription(", ".join(f"{name} {share:.2f}" for name, share, _ in rows))
        if taller:
            self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw name, bar and number in each line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics, wide = self.fontMetrics(), self.width()
        name_px, number_px = round(wide * 0.45), metrics.horizontalAdvance("0.000") + 6
        for row, (name, share, colour) in enumerate(self.rows):
            line = QRectF(0, row * ROW_PX, wide, ROW_PX)
            painter.setPen(colours().of("text"))
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, name_px - 8)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, f"{share:.3f}")
            track = QRectF(name_px, line.center().y() - 3, max(8, wide - name_px - number_px), 6)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours().of("line"))
            painter.drawRoundedRect(track, 3, 3)
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(track.x(), track.y(), track.width() * min(1.0, share), 6), 3, 3)
        painter.end()


class VoxelBox(QWidget):
    """`wanted` (number of a class) asks for its probabilities as a layer."""

    wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.title = label("Probabilities at the cross-hair", "heading")
        self.bars = Bars()
        self.note = label("", "small", wrap=True)
        self.classes = QComboBox()
        self.classes.setAccessibleName("class whose probabilities to show")
        calm(self.classes)
        self.button = QPushButton(icon("ph.stack", "dim"), "Show as layer")
        self.button.setToolTip("Lay the probabilities of this class over the scan, from 0 to 1")
        self.button.clicked.connect(lambda: self.wanted.emit(int(self.classes.currentData() or 0)))
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.classes, 1)
        row.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for part in (self.title, self.bars, self.note):
            column.addWidget(part)
        column.addLayout(row)
        self._of: Prediction | None = None
        self.hide()

    def show_voxel(self, found: Prediction | None, cursor: Point) -> None:
        """Show what a model thinks of a place; hidden where no probabilities were kept."""
        if found is not self._of:
            self._take(found)
        if found is not None and found.classes is not None:
            return
        if found is None or found.probabilities is None:
            return
        shares = found.at(cursor)
        tones = {one.name: QColor(*one.colour) for one in found.labels.labels}
        ranked = sorted(shares, key=lambda one: -one[1])
        self.bars.show_rows(
            tuple((name, share, tones.get(name, colours().of("faint"))) for name, share in ranked[:MOST])
        )
        more = len(ranked) - MOST
        rest = sum(share for _, share in ranked[MOST:])
        words = f"{more} more classes together {rest:.3f}" if more > 0 else ""
        self.note.setText(words if shares else "The model did not see this place")
        self.note.setVisible(bool(self.note.text()))

    def _take(self, found: Prediction | None) -> None:
        self._of = found
        whole = found is not None and found.classes is not None
        self.setVisible(whole or (found is not None and found.probabilities is not None))
        self.title.setText("What the picture shows" if whole else "Probabilities at the cross-hair")
        for part in (self.classes, self.button):
            part.setVisible(not whole)
        if found is not None and found.classes is not None:
            accent = colours().of("accent")
            self.bars.show_rows(tuple((name, share, accent) for name, share in found.classes[:MOST]))
            rest = sum(share for _, share in found.classes[MOST:])
            self.note.setText(f"{len(found.classes) - MOST} more classes together {rest:.3f}" if rest else "")
            self.note.setVisible(bool(rest))
        self.classes.clear()
        if found is None or found.probabilities is None:
            return
        names = {one.value: one.name for one in found.labels.labels}
        for value in range(1, found.probabilities.voxels.shape[0]):
            self.classes.addItem(names.get(value, f"label {value}"), value)
        self.classes.addItem("background", 0)
