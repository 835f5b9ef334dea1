"""A number in a form: a slider where a hand can aim, and a box."""

import math
from typing import Any

from PySide6.QtCore import QEvent, QLocale, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent, QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QLabel, QSlider

from medviz.gui.controls import Control, calm
from medviz.parameters import Parameter, Range
from medviz.refused import Refused

WIDEST = 2.0**53
POSITIONS = 1000


class NumberBox(QDoubleSpinBox):
    """A box for a whole or broken number, shown as short as it is exact; steps by 1-2-5 where it is logarithmic."""

    def __init__(self, bounds: Range, whole: bool) -> None:
        super().__init__()
        self.bounds, self.whole = bounds, whole
        self.setLocale(QLocale.c())
        self.setDecimals(0 if whole else 15)
        self.setRange(bounds.low, bounds.high)
        self.setSingleStep(bounds.step or (1 if whole else neat((bounds.high - bounds.low) / 50)))
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.unit = QLabel(bounds.unit, self)
        self.unit.setProperty("look", "dim")
        self.unit.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._set_apart()
        calm(self)

    def _set_apart(self) -> None:
        """Keep room for the unit, which stands in lighter writing right of the number."""
        room = self.unit.fontMetrics().horizontalAdvance(self.unit.text()) + 4 if self.unit.text() else 0
        self.lineEdit().setTextMargins(0, 0, room, 0)
        edit = self.lineEdit().geometry()
        tall = self.unit.fontMetrics().height()  # on one line with the number: a QLineEdit rounds up
        self.unit.setGeometry(edit.right() - room + 2, edit.top() + (edit.height() - tall + 1) // 2, room, tall)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Move the unit along."""
        super().resizeEvent(event)
        self._set_apart()

    def changeEvent(self, event: QEvent) -> None:
        """Grow with the text."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._set_apart()
            self.updateGeometry()

    def textFromValue(self, value: float) -> str:
        """Write the number."""
        return f"{value:.0f}" if self.whole else f"{value:.6g}"

    def valueFromText(self, text: str) -> float:
        """Read the number."""
        return float(text) if _is_number(text) else self.value()

    def validate(self, text: str, position: int) -> Any:
        """Let anything be typed that a number begins with; only a number in range is taken."""
        begun = text.strip().lower().replace(",", ".")
        if _is_number(begun):
            number = float(begun)
            fits = self.minimum() <= number <= self.maximum() and not (self.whole and number != int(number))
            state = QValidator.State.Acceptable if fits else QValidator.State.Intermediate
            return state, text.replace(",", "."), position
        possible = all(sign in "0123456789+-.,e " for sign in begun)
        return (QValidator.State.Intermediate if possible else QValidator.State.Invalid), text, position

    def stepBy(self, steps: int) -> None:
        """Go up or down; from 0.001 to 0.002 to 0.005 where it is logarithmic."""
        if not self.bounds.log or self.value() <= 0:
            super().stepBy(steps)
            return
        value = self.value()
        for _ in range(abs(steps)):
            value = next_neat(value, up=steps > 0)
        self.setValue(round(value) if self.whole else value)
        self.selectAll()

    def sizeHint(self) -> QSize:
        """One width for all, room for six figures and a unit, so that boxes stand in a column."""
        return QSize(self.fontMetrics().horizontalAdvance("0.0000 mm") + 36, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()


class Number(Control):
    """A number: a slider where the range is near enough to slide over, and a box."""

    def __init__(self, one: Parameter) -> None:
        super().__init__(one)
        self.whole = one.kind == "int"
        self.bounds = one.mark(Range) or Range(-WIDEST if self.whole else -1e9, WIDEST if self.whole else 1e9)
        self.box = NumberBox(self.bounds, self.whole)
        self.slider = Slider() if slides(self.bounds, self.whole) else None
        self._value: float = 0.0
        if self.slider:
            self.slider.setRange(0, positions(self.bounds, self.whole))
            self.slider.setPageStep(max(1, self.slider.maximum() // 10))
            self.row.addWidget(self.slider, 1)
            self.named(self.slider, self.box)
            self.slider.valueChanged.connect(self._slid)
            self.slider.reset_wanted.connect(self.reset_wanted)
            calm(self.slider)
        self.row.addWidget(self.box, 0 if self.slider else 1)
        self.named(self.box)
        self.box.valueChanged.connect(self._typed)
        self.box.lineEdit().textEdited.connect(self._doubt)
        self.box.editingFinished.connect(lambda: self.doubted.emit(""))

    def put(self, value: Any) -> None:
        """Show a number; None leaves what is there."""
        if value is None:
            return
        self._value = value
        if self.box.textFromValue(self.box.value()) != self.box.textFromValue(value):
            self.box.setValue(value)
        if self.slider:
            self.slider.setValue(position_of(value, self.bounds, self.slider.maximum()))

    def _slid(self, position: int) -> None:
        top = self.slider.maximum() if self.slider else 1
        if position == position_of(self._value, self.bounds, top):
            return  # it follows the value, no hand moved it
        self._take(value_at(position, self.bounds, top, self.whole))

    def _typed(self, value: float) -> None:
        if self.box.textFromValue(value) != self.box.textFromValue(self._value):
            self._take(int(value) if self.whole else value)

    def _take(self, value: float) -> None:
        self.put(value)
        self.doubted.emit("")
        self.edited.emit(value)

    def _doubt(self, text: str) -> None:
        try:
            self.one.checked(text.replace(",", "."))
        except Refused as refusal:
            self.doubted.emit(f"{text or 'nothing'}: {refusal.fault}; {refusal.remedy}")
            return
        self.doubted.emit("")


class Slider(QSlider):
    """A slider that jumps to where it is pressed; a double click asks for the default."""

    reset_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setMinimumWidth(32)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Jump to the place pressed."""
        if event.button() == Qt.MouseButton.LeftButton:
            share = (event.position().x() - 7) / max(1, self.width() - 14)
            self.setValue(round(self.minimum() + min(1.0, max(0.0, share)) * (self.maximum() - self.minimum())))
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ask for the default."""
        self.reset_wanted.emit()


def slides(bounds: Range, whole: bool) -> bool:
    """Tell whether a slider is of use: a range that a hand can aim in."""
    span = bounds.high - bounds.low
    return span > 0 and (bounds.log or span / (bounds.step or (1 if whole else span / POSITIONS)) <= 2 * POSITIONS)


def positions(bounds: Range, whole: bool) -> int:
    """Return how many steps the slider has."""
    if bounds.log:
        return POSITIONS
    step = bounds.step or (1.0 if whole else (bounds.high - bounds.low) / POSITIONS)
    return max(1, round((bounds.high - bounds.low) / step))


def position_of(value: float, bounds: Range, top: int) -> int:
    """Return where the slider stands for a value."""
    if not bounds.log:
        return round((value - bounds.low) / (bounds.high - bounds.low) * top)
    low = _log_low(bounds)
    return round(math.log(max(value, low) / low) / math.log(bounds.high / low) * top)


def value_at(position: int, bounds: Range, top: int, whole: bool) -> float:
    """Return the value for a place of the slider, in round numbers; both ends are exact."""
    if position <= 0 or position >= top:
        end = bounds.low if position <= 0 else bounds.high
        return int(end) if whole else float(end)
    if bounds.log:
        low = _log_low(bounds)
        value = float(f"{low * (bounds.high / low) ** (position / top):.2g}")
    else:
        value = round(bounds.low + (bounds.high - bounds.low) * position / top, 9)
        if not bounds.step and not whole:
            value = round(value, max(0, 3 - math.ceil(math.log10(bounds.high - bounds.low))))
    value = min(max(value, bounds.low), bounds.high)
    return round(value) if whole else value


def neat(value: float) -> float:
    """Return the nearest of 1, 2, 5 times a power of ten below or at a value."""
    power = 10.0 ** math.floor(math.log10(value))
    lead = value / power
    return power * (5 if lead >= 5 else 2 if lead >= 2 else 1)


def next_neat(value: float, up: bool) -> float:
    """Return the next of 1, 2, 5 times a power of ten above or below a value."""
    power = 10.0 ** math.floor(math.log10(value) + 1e-9)
    ladder = [power * step for step in (0.5, 1, 2, 5, 10)]
    slack = value * 1e-6
    found = (
        next(step for step in ladder if step > value + slack)
        if up
        else next(step for step in reversed(ladder) if step < value - slack)
    )
    return float(f"{found:.6g}")


def _log_low(bounds: Range) -> float:
    return bounds.low if bounds.low > 0 else bounds.high * 1e-6


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
