"""What the context dock shows beside a lab: what it works on, and its form."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

_MOST_PX = 360
"""A form wider than this is not obeyed; it would take the room of the figures."""


class Panel(QScrollArea):
    """Chooser above, form below, one scroll bar for both. Keys that no control wants go to the page."""

    def __init__(self, chooser: QWidget, press: Callable[[QKeyEvent], bool]) -> None:
        super().__init__()
        self._press = press
        self._form: QWidget | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._inside = QWidget()
        self._column = QVBoxLayout(self._inside)
        self._column.setContentsMargins(12, 12, 12, 12)
        self._column.setSpacing(16)
        self._column.addWidget(chooser)
        self._column.addStretch(1)
        self.setWidget(self._inside)

    def put(self, form: QWidget) -> None:
        """Show the form of another lab."""
        if self._form is not None:
            self._column.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
        self._form = form
        self._column.insertWidget(1, form)
        self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        """Ask for the width of the form, so that nothing is cut off at the right."""
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(min(_MOST_PX, self._inside.minimumSizeHint().width() + bar), 120)

    def sizeHint(self) -> QSize:
        """Return the least width and a comfortable height."""
        return QSize(self.minimumSizeHint().width(), 600)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask anew when the form has changed."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Hand on what no control took (Space, a, b, p, e)."""
        if not self._press(event):
            event.ignore()
