"""How a layer is drawn: window, level and colours; outline, fill and opacity."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QSlider, QToolButton, QVBoxLayout, QWidget

from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.viewer.cards import label
from medviz.imaging.colours import COLOUR_MAPS
from medviz.imaging.intensity import PRESETS, Preset
from medviz.imaging.scene import Layer, Style

Change = Callable[[Layer], Layer]
STYLES: dict[Style, tuple[str, str]] = {
    "outline": ("ph.circle", "Outline (o)"),
    "fill": ("ph.circle-fill", "Filled (o)"),
    "off": ("ph.circle-dashed", "Not drawn (o)"),
}


class Tuning(QWidget):
    """Window and level with presets, and the colour map.

    `changed` (a function from layer to layer) and `automatic` come from a hand only: a number that merely is the
    rounded value of now is no wish.
    """

    changed = Signal(object)
    automatic = Signal()

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        self.window_box = self._number("window", "W", "Window: the range of values from black to white.")
        self.level_box = self._number("level", "L", "Level: the value in the middle of the window.")
        self.preset = self._presets()
        self.colours = QComboBox()
        self.colours.setAccessibleName("colour map")
        self.colours.addItems(COLOUR_MAPS)
        shrink(self.colours)
        calm(self.colours)
        self.colours.textActivated.connect(lambda name: self.changed.emit(lambda one: replace(one, colours=name)))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for pair in ((self.window_box, self.level_box), (self.preset, self.colours)):
            row = QHBoxLayout()
            row.setSpacing(6)
            for box in pair:
                row.addWidget(box, 1)
            column.addLayout(row)

    def _number(self, name: str, letter: str, words: str) -> "Number":
        box = Number()
        box.setAccessibleName(name)
        box.setToolTip(f"{words} Right drag in a pane.")
        box.setPrefix(f"{letter} ")
        box.setRange(-1e9 if name == "level" else 1e-4, 1e9)
        box.setKeyboardTracking(False)
        box.setMinimumWidth(60)
        calm(box)
        box.valueChanged.connect(lambda value: self._turn(name, box, value))
        return box

    def _presets(self) -> QComboBox:
        made = QComboBox()
        made.setAccessibleName("window preset")
        made.setToolTip("Windows for CT in Hounsfield units, or one that suits this image")
        made.addItem("preset")
        made.addItem("automatic")
        for one in PRESETS:
            made.addItem(f"{one.name}  {one.window:g} / {one.level:g}".replace("-", "−"), one)
        shrink(made)
        calm(made)
        made.activated.connect(self._preset)
        return made

    def show_layer(self, layer: Layer) -> None:
        """Show a layer as it is now."""
        self.layer = layer
        digits = 0 if layer.window >= 50 else 1 if layer.window >= 5 else 2 if layer.window >= 0.5 else 4
        unit = f" {layer.volume.unit}" if layer.volume.unit else ""
        for box, value in ((self.window_box, layer.window), (self.level_box, layer.level)):
            with QSignalBlocker(box):  # another suffix makes Qt read its own rounded text as if a hand had typed it
                box.digits = digits
                box.setSingleStep(max(10.0**-digits, float(f"{layer.window / 50:.0g}")))
                box.setSuffix(unit)
                box.setValue(value)
        self.colours.setCurrentText(layer.colours)

    def _turn(self, name: str, box: "Number", value: float) -> None:
        if round(getattr(self.layer, name), box.decimals()) != round(value, box.decimals()):
            self.changed.emit(lambda one: replace(one, **{name: value}))

    def _preset(self, number: int) -> None:
        self.preset.setCurrentIndex(0)
        one = cast("Preset | None", self.preset.itemData(number))
        if one is not None:
            self.changed.emit(lambda layer: replace(layer, window=float(one.window), level=float(one.level)))
        elif number == 1:
            self.automatic.emit()


class Number(QDoubleSpinBox):
    """A number that is kept exactly and written with `digits` behind the point, so that showing it changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.digits = 0
        self.setDecimals(9)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)

    def textFromValue(self, value: float) -> str:
        """Write it."""
        return f"{value:.{self.digits}f}"


class Fading(QWidget):
    """Outline, filled or not drawn, and the opacity. `changed` (a function from layer to layer) comes from a hand."""

    changed = Signal(object)

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        self.styles = QWidget()
        line = QHBoxLayout(self.styles)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(2)
        self.buttons: dict[Style, QToolButton] = {}
        for style, (sign, words) in STYLES.items():
            button = quiet(sign, words)
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, style=style: self._style(style))
            self.buttons[style] = button
            line.addWidget(button)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setAccessibleName("opacity")
        self.opacity.setToolTip("Opacity ([ and ])")
        calm(self.opacity)
        self.opacity.valueChanged.connect(self._fade)
        self.percent = label("", "dim")
        self.percent.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.percent.setMinimumWidth(self.percent.fontMetrics().horizontalAdvance("100 %"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.opacity, 1)
        row.addWidget(self.percent)

    def show_layer(self, layer: Layer) -> None:
        """Show a layer as it is now."""
        self.layer = layer
        self.opacity.setValue(round(layer.opacity * 100))
        self.percent.setText(f"{round(layer.opacity * 100)} %")
        for style, button in self.buttons.items():
            button.setChecked(style == layer.style)
        self.styles.setVisible(layer.role != "image")

    def _fade(self, percent: int) -> None:
        if round(self.layer.opacity * 100) != percent:
            self.changed.emit(lambda one: replace(one, opacity=percent / 100))

    def _style(self, style: Style) -> None:
        for one, button in self.buttons.items():
            button.setChecked(one == style)
        if style != self.layer.style:
            self.changed.emit(lambda one: replace(one, style=style))


def shrink(box: QComboBox) -> None:
    """Let a box be narrower than the longest of its choices."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(5)


def quiet(sign: str, words: str) -> QToolButton:
    """A flat button with an icon; `words` say what it does."""
    button = QToolButton()
    button.setProperty("look", "quiet")
    button.setIcon(icon(sign))
    button.setIconSize(QSize(16, 16))
    button.setToolTip(words)
    button.setAccessibleName(words)
    return button
