"""Icons out of the fonts that QtAwesome ships, drawn in the colours of the moment.

QtAwesome itself is not imported: it loads twelve fonts in 0.17 s, one of them is wanted, and its icons keep the colour
they were made with. Names are QtAwesome's ("ph.play", "ph.play-fill", "mdi6.brain").
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontDatabase, QIcon, QIconEngine, QPainter, QPixmap

from medviz.gui.colours import colours

_FONTS = {"ph": "phosphor", "mdi6": "materialdesignicons6-webfont"}


def icon(name: str, colour: str = "text") -> QIcon:
    """Return an icon that follows the theme; `colour` names a field of Colours. Checked, it takes the accent.

    An icon that is not known is empty: the word beside it still says what the button does.
    """
    family, character = _glyph(name)
    return QIcon(_Glyph(family, character, colour)) if character else QIcon()


@cache
def _font(prefix: str) -> tuple[str, dict[str, str]]:
    """Load a font once: its family and the code point of each name; empty where it is not there."""
    spec = find_spec("qtawesome")
    if spec is None or spec.origin is None or prefix not in _FONTS:
        return "", {}
    folder = Path(spec.origin).parent / "fonts"
    files = sorted(folder.glob(f"{_FONTS[prefix]}-[0-9]*.ttf"))
    maps = sorted(folder.glob(f"{_FONTS[prefix]}-charmap-*.json"))
    if not files or not maps:
        return "", {}
    families = QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(files[-1])))
    return (families[0], json.loads(maps[-1].read_text())) if families else ("", {})


def _glyph(name: str) -> tuple[str, str]:
    prefix, _, rest = name.partition(".")
    family, characters = _font(prefix)
    return family, chr(int(characters[rest], 16)) if rest in characters else ""


class _Glyph(QIconEngine):
    """One character of an icon font; asks for its colour when it is drawn, so that a new theme needs no new icon."""

    def __init__(self, family: str, character: str, colour: str) -> None:
        super().__init__()
        self._family, self._character, self._colour = family, character, colour

    def clone(self) -> QIconEngine:
        """Return another of the same."""
        return _Glyph(self._family, self._character, self._colour)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw the character as high as the icon."""
        colour = "accent" if state == QIcon.State.On else self._colour
        if mode == QIcon.Mode.Disabled:
            colour = "faint"
        font = QFont(self._family)
        font.setPixelSize(max(1, min(rect.width(), rect.height())))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        painter.setFont(font)
        painter.setPen(colours().of(colour))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self._character)
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Draw it on a clear ground."""
        made = QPixmap(size)
        if size.isEmpty():  # a button that has no room yet
            return made
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return made
