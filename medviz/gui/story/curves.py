"""Probabilities of one voxel over the epochs, drawn small: a line a class, and where one stands now."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from medviz.gui.colours import colours

LEFT, RIGHT, TOP, BOTTOM = 30, 8, 6, 18
DOTS = 24
"""So few points are marked each."""


class VoxelCurves(QWidget):
    """`chosen` (epoch) tells where a person clicked."""

    chosen = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.epochs: tuple[float, ...] = ()
        self.shares: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self.colours: tuple[QColor, ...] = ()
        self.now = 0.0
        self.last = 1.0
        self.bold: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(56)
        self.setAccessibleName("probabilities over the epochs at the cross-hair")
        self.setToolTip("Probability of each class at this voxel, epoch by epoch; click to go to an epoch")

    def sizeHint(self) -> QSize:
        """Ask for some room."""
        return QSize(200, 100)

    def show_curves(
        self, epochs: Sequence[float], shares: NDArray[np.float32], tones: Sequence[QColor], now: float, last: float,
        bold: int | None = None,
    ) -> None:  # fmt: skip
        """Show probabilities (frames, classes) over epochs; `bold` is the class of the reference."""
        self.epochs, self.shares, self.colours = tuple(epochs), shares, tuple(tones)
        self.now, self.last, self.bold = now, max(last, 1e-6), bold
        self.update()

    def place(self, epoch: float, share: float) -> QPointF:
        """Where a probability at an epoch is drawn."""
        box = self._box()
        return QPointF(box.left() + box.width() * epoch / self.last, box.bottom() - box.height() * share)

    def _box(self) -> QRectF:
        wide, high = self.width() - LEFT - RIGHT, self.height() - TOP - BOTTOM
        return QRectF(LEFT, TOP, max(wide, 1), max(high, 1))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the epoch under the mouse."""
        box = self._box()
        self.chosen.emit(float(np.clip((event.position().x() - box.left()) / box.width(), 0, 1)) * self.last)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frame, the lines and where one stands."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._ground(painter)
        order = [one for one in range(self.shares.shape[1]) if one != self.bold]
        for number in [*order, *([self.bold] if self.bold is not None else [])]:
            if number < self.shares.shape[1] and number < len(self.colours):
                self._line(painter, number)
        painter.end()

    def _ground(self, painter: QPainter) -> None:
        box, tones = self._box(), colours()
        font = painter.font()
        font.setPixelSize(10)
        painter.setFont(font)
        for share in (0.0, 0.5, 1.0):
            y = self.place(0.0, share).y()
            painter.setPen(QPen(tones.of("line"), 1))
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            painter.setPen(tones.of("dim"))
            painter.drawText(
                QRectF(0, y - 7, LEFT - 5, 14),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                f"{share:.1f}",
            )
        low = QRectF(box.left(), box.bottom() + 3, box.width(), BOTTOM - 3)
        painter.drawText(low, Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(low, Qt.AlignmentFlag.AlignHCenter, "epochs")
        painter.drawText(low, Qt.AlignmentFlag.AlignRight, f"{self.last:.4g}")
        x = self.place(self.now, 0.0).x()
        painter.setPen(QPen(tones.of("accent"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))

    def _line(self, painter: QPainter, number: int) -> None:
        points = [self.place(epoch, float(row[number])) for epoch, row in zip(self.epochs, self.shares, strict=True)]
        colour = self.colours[number]
        painter.setPen(QPen(colour, 2.6 if number == self.bold else 1.3))
        painter.drawPolyline(QPolygonF(points))
        if len(points) <= DOTS:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            for point in points:
                painter.drawEllipse(point, 2.2, 2.2)
            painter.setBrush(Qt.BrushStyle.NoBrush)
