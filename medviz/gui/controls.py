"""Widgets that hold one value each: choice, switch, text, file. A form is made of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QToolButton,
    QWidget,
)

from medviz.gui.colours import colours
from medviz.gui.icons import icon
from medviz.parameters import Choice, File, Parameter


class Control(QWidget):
    """Holds one value of one parameter.

    `edited` (value) comes from a person's hand only, never from `put`. `doubted` (sentence) says what is wrong with
    what was typed, and comes empty when it is right again; meanwhile the last good value stands.
    """

    edited = Signal(object)
    doubted = Signal(str)
    reset_wanted = Signal()
    WIDE = False

    def __init__(self, one: Parameter) -> None:
        super().__init__()
        self.one = one
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(8)

    def put(self, value: Any) -> None:
        """Show a value."""
        raise TypeError(f"{type(self).__name__} has no put()")

    def named(self, *widgets: QWidget) -> None:
        """Give the widgets the parameter's name and help, for screen readers and the mouse."""
        for widget in widgets:
            widget.setAccessibleName(self.one.label)
            widget.setAccessibleDescription(self.one.help)


class _Calm(QObject):
    """Lets the wheel pass to the page unless the widget has the focus, so that scrolling a form changes nothing."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


def calm(widget: QWidget) -> None:
    """Let the widget take the wheel only while it has the focus."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_Calm(widget))


class Select(Control):
    """One of some options."""

    def __init__(self, one: Parameter) -> None:
        super().__init__(one)
        self.box = QComboBox()
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(6)
        choice = one.mark(Choice)
        words = choice.words if choice else ()
        self.options = one.options
        for number, option in enumerate(self.options):
            self.box.addItem(words[number] if number < len(words) else str(option).replace("_", " "))
        calm(self.box)
        self.row.addWidget(self.box)
        self.named(self.box)
        self.box.activated.connect(lambda number: self.edited.emit(self.options[number]))

    def put(self, value: Any) -> None:
        """Show an option."""
        if value in self.options:
            self.box.setCurrentIndex(self.options.index(value))


def chain(anchor: QWidget, inside: QWidget) -> None:
    """Let Tab go from `anchor` through what was put `inside` later, in the order it was made in."""
    for widget in inside.findChildren(QWidget):
        inner = isinstance(widget.parent(), QAbstractSpinBox) or widget.window() is not inside.window()
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not inner:  # a box's own line, a list that pops up
            QWidget.setTabOrder(anchor, widget)
            anchor = widget


class Toggle(QCheckBox):
    """A check box drawn as a switch."""

    @property
    def _high(self) -> int:
        """Height of the groove, which grows with the text."""
        return max(18, round(self.fontMetrics().height() * 1.1))

    def sizeHint(self) -> QSize:
        """Return the switch's size, and the words' if there are any."""
        words = self.fontMetrics().horizontalAdvance(self.text()) + 10 if self.text() else 0
        return QSize(2 * self._high + 2 + words, self._high + 6)

    def hitButton(self, place: QPoint) -> bool:
        """Take clicks on the switch and its words."""
        return self.rect().contains(place)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the groove, the knob and the words."""
        now, painter, high = colours(), QPainter(self), self._high
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        groove = QRectF(1, (self.height() - high) / 2, 2 * high - 2, high)
        ground = "accent" if self.isChecked() else "hover"
        painter.setBrush(now.of(ground if self.isEnabled() else "line"))
        painter.setPen(now.of("text" if self.hasFocus() else "line" if not self.isChecked() else ground))
        painter.drawRoundedRect(groove, high / 2, high / 2)
        knob = "faint" if not self.isEnabled() else "on_accent" if self.isChecked() else "text"
        painter.setBrush(now.of(knob))
        painter.setPen(Qt.PenStyle.NoPen)
        left = groove.right() - high + 3 if self.isChecked() else groove.left() + 3
        painter.drawEllipse(QRectF(left, groove.top() + 3, high - 6, high - 6))
        if self.text():
            painter.setPen(now.of("text" if self.isEnabled() else "faint"))
            painter.drawText(self.rect().adjusted(2 * high + 8, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.text())


class Switch(Control):
    """True or false."""

    def __init__(self, one: Parameter) -> None:
        super().__init__(one)
        self.box = Toggle()
        self.row.addWidget(self.box)
        self.row.addStretch(1)
        self.named(self.box)
        self.box.clicked.connect(lambda on: self.edited.emit(bool(on)))

    def put(self, value: Any) -> None:
        """Show on or off."""
        self.box.setChecked(bool(value))


class Line(Control):
    """A text."""

    def __init__(self, one: Parameter) -> None:
        super().__init__(one)
        self.box = QLineEdit()
        self.row.addWidget(self.box)
        self.named(self.box)
        self.box.textEdited.connect(self.edited.emit)

    def put(self, value: Any) -> None:
        """Show a text; where it stands already the place of the cursor is kept."""
        if self.box.text() != str(value):
            self.box.setText(str(value))


class Place(Control):
    """A path to a file or folder: typed, browsed for, or dropped."""

    def __init__(self, one: Parameter, choose: Callable[[], str] | None = None) -> None:
        super().__init__(one)
        self.mark = one.mark(File) or File()
        self.choose = choose or self._dialog
        self.box = QLineEdit()
        kinds = "a folder or a file" if self.mark.either else "a folder" if self.mark.folder else "a file"
        self.box.setPlaceholderText(kinds)
        self.browse = QToolButton()
        self.browse.setIcon(icon("ph.folder-open"))
        self.browse.setToolTip("Browse")
        self.row.addWidget(self.box, 1)
        self.row.addWidget(self.browse)
        self.named(self.box)
        self.browse.setAccessibleName(f"browse for {one.label}")
        if self.mark.either:
            self.row.addWidget(self._file_button())
        self.box.textEdited.connect(self._take)
        self.browse.clicked.connect(lambda: self._chosen(self.choose()))
        self.setAcceptDrops(True)
        self.box.setAcceptDrops(False)

    def put(self, value: Any) -> None:
        """Show a path."""
        text = "" if value is None else str(value)
        if self.box.text() != text:
            self.box.setText(text)

    def dragEnterEvent(self, event: Any) -> None:
        """Take files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        """Take the first file dropped."""
        path = next(url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile())
        self.put(path)
        self._take(path)

    def _chosen(self, path: str) -> None:
        if path:
            self.put(path)
            self._take(path)

    def _take(self, text: str) -> None:
        path = Path(text).expanduser()
        folder = self.mark.folder and not self.mark.either
        there = not text or (path.is_dir() if folder else path.exists())
        self.doubted.emit("" if there else f"{text}: there is no such {'folder' if self.mark.folder else 'file'}")
        self.edited.emit(text)

    def _file_button(self) -> QToolButton:
        """Browse for a file where the other button browses for a folder."""
        button = QToolButton()
        button.setIcon(icon("ph.file"))
        button.setToolTip("Browse for a file")
        button.setAccessibleName(f"browse for a file for {self.one.label}")
        self.browse.setToolTip("Browse for a folder")
        button.clicked.connect(
            lambda: self._chosen(QFileDialog.getOpenFileName(self, self.one.label, self.box.text())[0])
        )
        return button

    def _dialog(self) -> str:
        if self.mark.folder:
            return QFileDialog.getExistingDirectory(self, self.one.label, self.box.text())
        return QFileDialog.getOpenFileName(self, self.one.label, self.box.text(), self.mark.wildcard)[0]
