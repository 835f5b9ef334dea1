"""Scans whose every side can be told from the other (of tests/imaging), and the hands that use a pane."""

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from tests.imaging.phantoms import NAMES, halves, marked, scene, volume

__all__ = ["NAMES", "brightest", "grabbed", "halves", "marked", "scene", "turn", "volume"]
NO_KEYS = Qt.KeyboardModifier.NoModifier


def grabbed(view: QWidget) -> np.ndarray:
    """The pane's pixels (rows, cols, 3)."""
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)


def brightest(view: QWidget) -> tuple[float, float]:
    """Middle (row, col) of what is white or nearly so away from the writing at the edges."""
    pixels = grabbed(view)
    middle = pixels[40:-60, 40:-40].min(axis=2)
    rows, cols = np.nonzero(middle > 235)
    return float(rows.mean()) + 40, float(cols.mean()) + 40


def turn(view: QWidget, notches: float, at: QPoint | None = None, modifiers: Qt.KeyboardModifier = NO_KEYS) -> None:
    """Turn the wheel over a pane; positive is away from the hand."""
    place = QPointF(at or view.rect().center())
    event = QWheelEvent(
        place, QPointF(view.mapToGlobal(place.toPoint())), QPoint(), QPoint(0, round(120 * notches)),
        Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)
