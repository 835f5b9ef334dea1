"""What keys and drags do to the scene, as functions from scene to scene; no widget is needed to try them."""

from collections.abc import Callable
from dataclasses import replace
from math import exp

import numpy as np
from PySide6.QtCore import Qt

from medviz.imaging.oblique import added, reach_mm, scaled
from medviz.imaging.scene import Layer, Scene, Style
from medviz.imaging.slices import NORMAL, Plane, facing

NEXT_STYLE: dict[Style, Style] = {"outline": "fill", "fill": "off", "off": "outline"}
PAGE = 5


def stepped(scene: Scene, plane: Plane, count: int) -> Scene:
    """Move the cursor `count` slices along a plane's normal (towards right, front or top of the head if positive)."""
    if scene.scan is None:
        return scene
    if scene.turn is not None:
        return _along(scene, plane, count)
    voxel = list(scene.voxel)
    axis = NORMAL[plane]
    voxel[axis] = min(max(voxel[axis] + count, 0), scene.scan.shape[axis] - 1)
    return scene if voxel[axis] == scene.voxel[axis] else scene.at_voxel((voxel[0], voxel[1], voxel[2]))


def _along(scene: Scene, plane: Plane, count: int) -> Scene:
    """Move the cursor along the normal of a turned plane, as far as there are voxels."""
    section, scan = scene.section(plane), scene.scan
    assert section is not None and scan is not None
    back, forth = reach_mm(scan, scene.cursor, section.normal)
    far = min(max(count * section.step_mm, back), forth)
    return scene if abs(far) < 1e-6 else scene.at(added(scene.cursor, scaled(section.normal, far)))


def at_end(scene: Scene, plane: Plane, last: bool) -> Scene:
    """Go to the first or the last slice of a plane."""
    section = scene.section(plane)
    if section is None:
        return scene
    return stepped(scene, plane, section.many if last else -section.many)


def nudged(scene: Scene, plane: Plane, down: int, across: int) -> Scene:
    """Move the cursor by voxels within a plane, as it faces the screen; by pixels where it is turned."""
    section = scene.section(plane)
    if scene.scan is None or section is None:
        return scene
    if not section.straight:
        return scene.at(added(scene.cursor, added(scaled(section.down, down), scaled(section.across, across))))
    turned = facing(plane, scene.radiological)
    voxel = list(scene.voxel)
    for axis, step, flipped in ((turned.down, down, turned.flip_down), (turned.across, across, turned.flip_across)):
        voxel[axis] = min(max(voxel[axis] + (-step if flipped else step), 0), scene.scan.shape[axis] - 1)
    return scene.at_voxel((voxel[0], voxel[1], voxel[2]))


def frame_stepped(scene: Scene, count: int) -> Scene:
    """Go to another frame of a series in time."""
    if scene.scan is None:
        return scene
    return replace(scene, frame=min(max(scene.frame + count, 0), scene.scan.frames - 1))


def windowed(scene: Scene, start: Layer, number: int, dx: float, dy: float) -> Scene:
    """Turn window and level of a layer by a drag in pixels since `start`: right widens, up brightens."""
    window = max(start.window * exp(dx / 200.0), 1e-9)
    level = start.level + dy / 200.0 * start.window
    return scene.with_layer(number, window=float(window), level=float(level))


def overlays(scene: Scene, change: Callable[[Layer], Layer]) -> Scene:
    """Change every layer above the scan."""
    return replace(scene, layers=(*scene.layers[:1], *(change(layer) for layer in scene.layers[1:])))


def next_style(scene: Scene) -> Scene:
    """Show overlays as outline, as fill, not at all, and again."""
    styles = [layer.style for layer in scene.layers[1:]]
    if not styles:
        return scene
    style = NEXT_STYLE[styles[-1]]
    return overlays(scene, lambda layer: replace(layer, style=style))


def more_opaque(scene: Scene, tenths: int) -> Scene:
    """Make overlays more or less opaque."""

    def turned(layer: Layer) -> Layer:
        return replace(layer, opacity=float(np.clip(round(layer.opacity * 10) + tenths, 0, 10)) / 10)

    return overlays(scene, turned)


def all_layers(scene: Scene) -> Scene:
    """Hide all overlays; show all if all are hidden."""
    seen = any(layer.visible for layer in scene.layers[1:])
    return overlays(scene, lambda layer: replace(layer, visible=not seen))


def turned_layer(scene: Scene) -> int:
    """Return the number of the layer that a window drag turns: the active one if it has a window, else the scan."""
    active = scene.active if 0 <= scene.active < len(scene.layers) else 0
    return 0 if scene.layers[active].role == "labels" else active


LEGEND: tuple[tuple[str, str], ...] = (
    ("Wheel", "slices; with Ctrl zoom at the pointer"),
    ("Left drag", "cross-hair"),
    ("Right drag", "window and level; with Shift a box whose values fill the window"),
    ("Middle drag", "move the picture (or Shift and left drag)"),
    ("Double click", "fill the viewer with a pane, and back"),
    ("↑ ↓ PgUp PgDn", "one or five slices"),
    ("← →", "one slice, or one frame of a series"),
    ("Shift+arrows", "cross-hair by one voxel"),
    ("Home End", "first and last slice"),
    ("Space held", "hide all overlays"),
    ("o", "overlays as outline, filled, not at all"),
    ("[ ]", "overlays less or more opaque"),
    ("g", "hide or show all overlays"),
    ("n", "radiological or neurological"),
    ("c", "cross-hair on or off"),
    ("i", "smooth or crisp voxels"),
    ("f", "fit the pane"),
    ("r", "reset view and window"),
    ("Esc", "the cross-hair in the hand again"),
    ("Right click", "what may be done here"),
)
"""What mouse and keys do in a pane, for the help."""

Change = Callable[[Scene, Plane], Scene]
KEYS: dict[Qt.Key, Change] = {
    Qt.Key.Key_Up: lambda scene, plane: stepped(scene, plane, 1),
    Qt.Key.Key_Down: lambda scene, plane: stepped(scene, plane, -1),
    Qt.Key.Key_PageUp: lambda scene, plane: stepped(scene, plane, PAGE),
    Qt.Key.Key_PageDown: lambda scene, plane: stepped(scene, plane, -PAGE),
    Qt.Key.Key_Home: lambda scene, plane: at_end(scene, plane, last=False),
    Qt.Key.Key_End: lambda scene, plane: at_end(scene, plane, last=True),
    Qt.Key.Key_Right: lambda scene, plane: _sideways(scene, plane, 1),
    Qt.Key.Key_Left: lambda scene, plane: _sideways(scene, plane, -1),
    Qt.Key.Key_N: lambda scene, plane: replace(scene, radiological=not scene.radiological),
    Qt.Key.Key_C: lambda scene, plane: replace(scene, crosshair=not scene.crosshair),
    Qt.Key.Key_O: lambda scene, plane: next_style(scene),
    Qt.Key.Key_G: lambda scene, plane: all_layers(scene),
    Qt.Key.Key_I: lambda scene, plane: replace(scene, smooth=not scene.smooth),
    Qt.Key.Key_BracketLeft: lambda scene, plane: more_opaque(scene, -1),
    Qt.Key.Key_BracketRight: lambda scene, plane: more_opaque(scene, 1),
}
"""What a key does to the scene. Space, `f` and `r` are the page's: they act on the hand and on all panes."""

NUDGES: dict[Qt.Key, tuple[int, int]] = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}
"""Shift and an arrow move the cross-hair by one voxel down and across the screen."""


def keyed(scene: Scene, plane: Plane, key: Qt.Key, shift: bool = False) -> Scene | None:
    """Return the scene after a key, None where the key means nothing here."""
    if shift and key in NUDGES:
        return nudged(scene, plane, *NUDGES[key])
    return KEYS[key](scene, plane) if key in KEYS else None


def _sideways(scene: Scene, plane: Plane, count: int) -> Scene:
    if scene.scan is not None and scene.scan.frames > 1:
        return frame_stepped(scene, count)
    return stepped(scene, plane, count)
