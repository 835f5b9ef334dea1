"""The look: readable in every set of colours, live, and with icons that follow."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPalette
from PySide6.QtWidgets import QLabel

import medviz
from medviz.gui import theme
from medviz.gui.colours import CONTRAST, DARK, LIGHT, LOOKS, colours
from medviz.gui.sheet import sheet


def luminance(colour):
    parts = [QColor(colour).redF(), QColor(colour).greenF(), QColor(colour).blueF()]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    """WCAG 2.1's ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("ground", ["window", "panel", "raised", "field"])
def test_writing_can_be_read_on_every_ground(look, ground):
    least = 7.0 if look is CONTRAST else 4.5
    for pen in ("text", "dim", "good", "warning", "bad", "accent"):
        assert contrast(getattr(look, pen), getattr(look, ground)) >= least, pen
    assert contrast(look.on_accent, look.accent) >= 4.5
    assert contrast(look.faint, getattr(look, ground)) >= 2.0


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_image_panes_are_pure_black(look):
    assert look.image == "#000000"
    assert contrast(look.on_image, look.image) > 15


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_there_is_one_accent(look):
    """All else is nearly grey, but for what is good, warned of or bad."""
    for name in ("window", "panel", "raised", "field", "hover", "line", "text", "dim", "faint"):
        parts = QColor(getattr(look, name)).getRgb()[:3]
        assert max(parts) - min(parts) <= 16, name


def test_without_a_theme_a_lone_view_gets_dark_colours(qapp):
    assert theme.theme() is None
    assert colours() is DARK


def test_a_look_chosen_is_told_once_and_asked_for_everywhere(dressed, qtbot):
    told = []
    dressed.choose("dark")
    dressed.changed.connect(told.append)
    dressed.choose("light")
    dressed.choose("light")
    assert told == [LIGHT]
    assert theme.colours() is LIGHT
    assert theme.theme() is dressed


def test_palette_and_sheet_change_with_the_look(dressed, qapp, qtbot):
    label = QLabel("x")
    qtbot.addWidget(label)
    dressed.choose("light")
    assert label.palette().color(QPalette.ColorRole.WindowText) == QColor(LIGHT.text)
    dressed.choose("contrast")
    assert label.palette().color(QPalette.ColorRole.WindowText) == QColor(CONTRAST.text)
    assert CONTRAST.accent in qapp.styleSheet()


def test_it_follows_the_system_while_it_runs(dressed, qapp, qtbot, monkeypatch):
    system = {"scheme": Qt.ColorScheme.Dark}
    monkeypatch.setattr(theme, "system_colours", lambda: LIGHT if system["scheme"] == Qt.ColorScheme.Light else DARK)
    dressed.choose("light")
    dressed.choose("system")
    assert colours() is DARK
    system["scheme"] = Qt.ColorScheme.Light
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert colours() is LIGHT
    dressed.choose("contrast")
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert colours() is CONTRAST, "what a person chose stands"


@pytest.mark.parametrize(
    ("scheme", "contrasted", "look"),
    [
        (Qt.ColorScheme.Unknown, False, DARK),
        (Qt.ColorScheme.Dark, False, DARK),
        (Qt.ColorScheme.Light, False, LIGHT),
        (Qt.ColorScheme.Light, True, CONTRAST),
    ],
)
def test_what_the_system_asks_for(monkeypatch, scheme, contrasted, look):
    wish = Qt.ContrastPreference.HighContrast if contrasted else Qt.ContrastPreference.NoPreference
    hints = SimpleNamespace(
        colorScheme=lambda: scheme, accessibility=lambda: SimpleNamespace(contrastPreference=lambda: wish)
    )
    monkeypatch.setattr(theme, "QGuiApplication", SimpleNamespace(styleHints=lambda: hints))
    assert theme.system_colours() is look


@pytest.mark.parametrize("scale", [1.0, 1.25, 1.5, 2.0])
def test_text_grows_with_the_scale(dressed, qapp, qtbot, scale):
    dressed.choose("dark", scale)
    assert qapp.font().pixelSize() == round(13 * scale)
    label = QLabel("Wg")
    qtbot.addWidget(label)
    label.ensurePolished()
    assert label.fontInfo().pixelSize() == round(13 * scale)


def test_figures_are_of_one_width(dressed, qapp):
    from PySide6.QtGui import QFontMetricsF

    font = theme.text_font(13)
    widths = {round(QFontMetricsF(font).horizontalAdvance(str(figure)), 2) for figure in range(10)}
    assert len(widths) == 1


def test_an_icon_takes_the_colours_of_the_moment(dressed, qtbot):
    made = theme.icon("ph.play-fill")
    dressed.choose("dark")
    assert strongest(made) == QColor(DARK.text)
    dressed.choose("light")
    assert strongest(made) == QColor(LIGHT.text)
    assert strongest(made, QIcon.Mode.Disabled) == QColor(LIGHT.faint)
    assert strongest(made, state=QIcon.State.On) == QColor(LIGHT.accent)


def test_an_icon_that_is_not_known_is_empty(qapp):
    assert theme.icon("ph.no-such-thing").isNull()
    assert theme.icon("nowhere.play").isNull()


def test_an_icon_fills_its_place_and_stays_inside(qapp):
    picture = theme.icon("ph.square").pixmap(QSize(32, 32)).toImage()
    drawn = [(x, y) for x in range(32) for y in range(32) if picture.pixelColor(x, y).alpha() > 40]
    assert 20 <= max(x for x, _ in drawn) - min(x for x, _ in drawn) <= 31
    assert not any(0 in place or 31 in place for place in drawn)


def test_icons_do_not_cost_the_import_of_qtawesome():
    code = "import sys, medviz.gui.app; sys.exit('qtawesome' in sys.modules or 'qtpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=environment(), check=False).returncode == 0


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_the_sheet_is_whole(look):
    text = sheet(look, 13)
    assert text.count("{") == text.count("}")
    pictures = re.findall(r"url\((.*?)\)", text)
    assert pictures
    assert all(Path(picture).is_file() for picture in pictures)


def test_the_sheet_is_one_that_qt_can_read(dressed, qtbot, caplog):
    """Qt says "Could not parse" for a broken sheet; pytest-qt records what Qt says."""
    for look in LOOKS:
        dressed.choose(look)
        label = QLabel("x")
        qtbot.addWidget(label)
        label.ensurePolished()


def strongest(icon, mode=QIcon.Mode.Normal, state=QIcon.State.Off):
    """Colour of the icon's most opaque pixel."""
    picture = icon.pixmap(QSize(64, 64), 1.0, mode, state).toImage()
    pixels = [picture.pixelColor(x, y) for x in range(0, 64, 2) for y in range(0, 64, 2)]
    best = max(pixels, key=lambda pixel: pixel.alpha())
    assert best.alpha() == 255
    return QColor(best.rgb())


def environment():
    import os

    return {**os.environ, "PYTHONPATH": str(Path(medviz.__file__).parents[1]), "QT_QPA_PLATFORM": "offscreen"}
