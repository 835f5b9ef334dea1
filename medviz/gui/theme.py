"""How the window looks: one set of colours at a time, one accent, 13-pixel text on an 8-pixel grid."""

from functools import cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from medviz.gui.colours import CONTRAST, DARK, LIGHT, LOOKS, PROPERTY, Colours, colours
from medviz.gui.icons import icon
from medviz.gui.sheet import sheet
from medviz.shipped import shipped

__all__ = ["GRID", "TEXT_PX", "Colours", "Look", "Theme", "colours", "icon", "palette", "text_font", "theme"]

GRID = 8
TEXT_PX = 13
Look = Literal["system", "dark", "light", "contrast"]


class Theme(QObject):
    """Dresses the application; `changed` (Colours) tells painted views to draw anew.

    Views that use palette and style sheet alone need not listen: Qt tells them.
    """

    changed = Signal(object)

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._look: Look = "system"
        self._scale = 1.0
        self._colours = DARK
        app.setStyle(QStyleFactory.create("Fusion"))
        app.styleHints().colorSchemeChanged.connect(self._follow)
        app.styleHints().accessibility().contrastPreferenceChanged.connect(self._follow)
        self._dress()

    @property
    def colours(self) -> Colours:
        """The colours now."""
        return self._colours

    @property
    def scale(self) -> float:
        """How much larger than usual text is (1.0 to 2.0)."""
        return self._scale

    def choose(self, look: Look = "system", scale: float = 1.0) -> None:
        """Take a look, or follow the system; `scale` enlarges the text."""
        if (look, scale) != (self._look, self._scale):
            self._look, self._scale = look, scale
            self._dress()

    def _follow(self) -> None:
        if self._look == "system":
            self._dress()

    def _dress(self) -> None:
        self._colours = LOOKS.get(self._look) or system_colours()
        size_px = round(TEXT_PX * self._scale)
        self._app.setProperty(PROPERTY, self._colours)
        self._app.setFont(text_font(size_px))
        self._app.setPalette(palette(self._colours))
        self._app.setStyleSheet(sheet(self._colours, size_px))
        self.changed.emit(self._colours)


def theme() -> Theme | None:
    """Return the theme of the running application, None where none was made (a test of a lone view)."""
    app = QApplication.instance()
    return None if app is None else app.findChild(Theme)


def system_colours() -> Colours:
    """Return dark, light or high contrast as the system is set.

    Dark where it does not say: images are read in dim rooms.
    """
    hints = QGuiApplication.styleHints()
    if hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast:
        return CONTRAST
    return LIGHT if hints.colorScheme() == Qt.ColorScheme.Light else DARK


@cache
def text_family() -> str:
    """Load the type that ships with the program and return its family; the system's where it cannot be loaded."""
    for file in sorted(shipped("fonts").glob("Inter-*.ttf")):
        QFontDatabase.addApplicationFont(str(file))
    system = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
    return "Inter" if "Inter" in QFontDatabase.families() else system


def text_font(size_px: int = TEXT_PX, bold: bool = False) -> QFont:
    """Return the interface's font with figures of one width, so that numbers do not dance."""
    font = QFont(text_family())
    font.setPixelSize(size_px)
    font.setFeature(QFont.Tag("tnum"), 1)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font


def palette(colours: Colours) -> QPalette:
    """Return the palette that Fusion draws with."""
    roles = QPalette.ColorRole
    table = {
        roles.Window: "panel", roles.WindowText: "text", roles.Base: "field", roles.AlternateBase: "panel",
        roles.Text: "text", roles.PlaceholderText: "faint", roles.Button: "raised", roles.ButtonText: "text",
        roles.BrightText: "bad", roles.Highlight: "accent", roles.HighlightedText: "on_accent",
        roles.ToolTipBase: "raised", roles.ToolTipText: "text", roles.Link: "accent", roles.LinkVisited: "accent",
        roles.Light: "hover", roles.Midlight: "hover", roles.Mid: "line", roles.Dark: "line", roles.Shadow: "window",
        roles.Accent: "accent",
    }  # fmt: skip
    made = QPalette()
    for role, name in table.items():
        made.setColor(role, colours.of(name))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, colours.of("faint"))
    made.setColor(QPalette.ColorGroup.Disabled, roles.Highlight, colours.of("line"))
    return made
