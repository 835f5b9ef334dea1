"""Colours and type of the views: the theme's, or those of the stage the view stands on."""

from dataclasses import dataclass

from PySide6.QtGui import QColor, QFont, QFontDatabase
from PySide6.QtWidgets import QWidget

from medviz.gui.colours import PROPERTY, Colours, colours

MARKS = {
    "focus": QColor(255, 170, 30),
    "source": QColor(86, 190, 245),
    "target": QColor(240, 130, 200),
    "box": QColor(240, 228, 66),
    "reference": QColor(255, 255, 255),
}
"""Okabe and Ito's orange, sky, purple and yellow, a little lighter: apart for colour-blind eyes, and on any grey."""


@dataclass(frozen=True)
class Look:
    """What a view paints with."""

    back: QColor
    base: QColor
    text: QColor
    dim: QColor
    line: QColor
    accent: QColor
    good: QColor
    warning: QColor
    bad: QColor
    dark: bool


def colours_of(widget: QWidget) -> Colours:
    """Return the colours a widget stands in: those its window was given (a stage is always dark) or the theme's."""
    given = widget.window().property(PROPERTY)
    return given if isinstance(given, Colours) else colours()


def look_of(widget: QWidget) -> Look:
    """Return the colours as painters take them."""
    now = colours_of(widget)
    return Look(
        back=now.of("window"),
        base=now.of("field"),
        text=now.of("text"),
        dim=now.of("dim"),
        line=now.of("line"),
        accent=now.of("accent"),
        good=now.of("good"),
        warning=now.of("warning"),
        bad=now.of("bad"),
        dark=now.dark,
    )


def mixed(one: QColor, other: QColor, share: float) -> QColor:
    """Mix two colours; `share` is how much of the other."""
    red, green, blue = (round(a * (1 - share) + b * share) for a, b in zip(rgb(one), rgb(other), strict=True))
    return QColor(red, green, blue)


def rgb(colour: QColor) -> tuple[int, int, int]:
    """Return red, green and blue in 0..255."""
    return colour.red(), colour.green(), colour.blue()


def type_of(widget: QWidget, pixels: float, bold: bool = False, fixed: bool = False) -> QFont:
    """Type of this height in px, in the widget's family or the system's fixed-width one."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont) if fixed else QFont(widget.font())
    font.setPixelSize(max(6, round(pixels)))
    font.setBold(bold)
    return font


def dressed(widget: QWidget, pixels: float, colour: QColor, fixed: bool = False) -> None:
    """Give a widget type and colour by its own style sheet; the theme's sheet would win over setFont."""
    family = type_of(widget, pixels, fixed=fixed).family()
    face = f' font-family: "{family}";' if fixed else ""
    words = f"font-size: {max(6, round(pixels))}px; color: {colour.name()};{face}"
    if widget.styleSheet() != words:
        widget.setStyleSheet(words)
