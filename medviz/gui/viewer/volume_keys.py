"""What keys do to the view of the whole, as a function from view to view."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from medviz.imaging.rendering.sight import STANDARD, Sight
from medviz.imaging.rendering.view import CUTS, MODES, View, cut_of
from medviz.imaging.scene import Scene

DEGREES = 5.0
LEGEND: tuple[tuple[str, str], ...] = (
    ("3-D: left drag", "turn it; with Shift, or the middle button, move it"),
    ("3-D: click", "cross-hair on what is seen there"),
    ("3-D: wheel", "enlarge; with Ctrl (or Ctrl and left drag) move the cut"),
    ("3-D: right drag", "window and level, or the opacity of the volume"),
    ("3-D: arrows", "turn by 5°, with Shift by 1°"),
    ("3-D: 1 to 6", "look from the front, back, left, right, top, bottom"),
    ("3-D: m x l k w r", "what is rendered, the cut, labels, skin, only within labels, reset"),
)
"""For the help."""

TURNS: dict[Qt.Key, tuple[float, float]] = {
    Qt.Key.Key_Left: (1.0, 0.0),
    Qt.Key.Key_Right: (-1.0, 0.0),
    Qt.Key.Key_Up: (0.0, 1.0),
    Qt.Key.Key_Down: (0.0, -1.0),
}


def keyed(view: View, scene: Scene, event: QKeyEvent) -> View | None:
    """Return the view after a key, None where the key means nothing here."""
    key = Qt.Key(event.key())
    held = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
    if held:
        return None
    if key in TURNS:
        step = 1.0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else DEGREES
        across, up = TURNS[key]
        return replace(view, sight=view.sight.turned(across * step, up * step))
    letter = dict(zip("123456", STANDARD, strict=True)).get(event.text())
    if letter is not None:
        return replace(view, sight=replace(STANDARD[letter], zoom=view.sight.zoom))
    if event.text() in ("+", "=", "-"):
        factor = 1 / 1.15 if event.text() == "-" else 1.15
        return replace(view, sight=replace(view.sight, zoom=min(max(view.sight.zoom * factor, 0.3), 30.0)))
    return _switched(view, scene, key)


def _switched(view: View, scene: Scene, key: Qt.Key) -> View | None:
    if key == Qt.Key.Key_R or key == Qt.Key.Key_F:
        return replace(view, sight=Sight())
    if key == Qt.Key.Key_M:
        modes = list(MODES)
        return replace(view, mode=modes[(modes.index(view.mode) + 1) % len(modes)])
    if key == Qt.Key.Key_X and view.mode in ("surfaces", "volume"):
        cuts = list(CUTS)
        return replace(view, cut=cuts[(cuts.index(cut_of(scene, view)) + 1) % len(cuts)])
    if key == Qt.Key.Key_L:
        return replace(view, labels=not view.labels)
    if key == Qt.Key.Key_K:
        return replace(view, skin=not view.skin)
    if key == Qt.Key.Key_W:
        return replace(view, within=not view.within)
    return None
