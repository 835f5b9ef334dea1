"""From a wish to what the renderer is told: camera, surfaces, volume, pictures on planes, and the cut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.drawn import layer_table
from medviz.imaging.intensity import colour_map
from medviz.imaging.oblique import Section
from medviz.imaging.rendering.looks import Range, maximum_points, points_of, preset_for
from medviz.imaging.rendering.matter import Matter
from medviz.imaging.rendering.sheets import (
    PLANE_RGB,
    Sheet,
    corner_sheets,
    cut_sheet,
    free_section,
    plane_sheets,
    sides,
)
from medviz.imaging.rendering.sight import Framed, mm_per_pixel
from medviz.imaging.rendering.solid import Solid
from medviz.imaging.rendering.view import Wish, cut_of, cut_plane, label_layers, opacity_of, shows_labels
from medviz.imaging.scene import Layer
from medviz.imaging.volume import Volume

Array = NDArray[Any]
Note = dict[str, Any]
IVORY = (232, 218, 202)
SKIN_THROUGH = 0.26
"""Opacity of the scan's own surface when labels are seen through it."""


@dataclass(frozen=True)
class Built:
    """A layer's surfaces in the renderer: their key there and the volume (ml) of each label value."""

    key: str
    ml: NDArray[np.float64]


def order(wish: Wish, solid: Solid, skin: str, built: Sequence[Built], volume: Note | None) -> tuple[Note, list[Array]]:
    """Write the request for a picture, with the pictures that it lays on planes."""
    cut, sheets, lines = _cut(wish, solid)
    note = {
        "do": "draw",
        "size": wish.size,
        "fast": wish.fast,
        **camera(wish, solid),
        "meshes": _meshes(wish, skin, built),
        "volume": volume,
        "planes": [
            {
                "corner": sheet.corner.tolist(),
                "across": sheet.across.tolist(),
                "down": sheet.down.tolist(),
                "smooth": wish.scene.smooth,
            }
            for sheet in sheets
        ],
        "lines": lines,
        "cut": cut,
    }
    return note, [sheet.picture for sheet in sheets]


def camera(wish: Wish, frame: Framed) -> Note:
    """Where the eye is, and how far things reach from the middle."""
    sight = wish.view.sight
    axes = sight.axes
    focus = frame.middle_mm - axes[0] * sight.shift[0] - axes[1] * sight.shift[1]
    return {
        "focus": focus.tolist(),
        "axes": axes.tolist(),
        "mm_per_pixel": mm_per_pixel(frame, sight, wish.size),
        "reach_mm": _reach_mm(wish, frame),
    }


def volume_note(wish: Wish, key: str, matter: Matter, found: Range, radius_mm: float) -> Note:
    """How the scan's values are drawn as a volume."""
    base, view = wish.scene.layers[0], wish.view
    maximum = view.mode == "maximum"
    points, shade = (
        (maximum_points(base), False) if maximum else points_of(preset_of(wish, found), found, base, view.shift)
    )
    stored = sorted(
        ([(value - matter.intercept) / matter.slope, *rest] for value, *rest in points), key=lambda one: one[0]
    )
    scan, note = base.volume, {}
    if cut_of(wish.scene, view) == "corner":
        place = np.linalg.inv(matter.affine) @ np.append(scan.to_mm(wish.scene.voxel), 1.0)
        note = {"voxel": place[:3].tolist(), "side": sides(scan, view.sight.axes[2]).tolist()}
    return {
        "key": key,
        "colours": [one[:4] for one in stored],
        "opacities": [[one[0], one[4]] for one in stored],
        "shade": shade and not maximum,
        "maximum": maximum,
        "unit_mm": radius_mm / 100.0,
        **note,
    }


def preset_of(wish: Wish, found: Range) -> str:
    """Return the preset asked for, or the one that suits the scan."""
    return wish.view.preset or preset_for(found)


def label_colours(layer: Layer, ml: NDArray[np.float64]) -> tuple[list[int], list[list[int]]]:
    """Values of a layer that are there and shown, and their colours."""
    there = np.flatnonzero(ml)
    if layer.role == "probability":
        return [int(value) for value in there], [[int(part) for part in colour_map(layer.colours)[200, :3]]] * len(
            there
        )
    table = layer_table(layer, int(there.max(initial=0)))
    shown = there[table[there, 3] > 0]
    return [int(value) for value in shown], [[int(part) for part in table[value, :3]] for value in shown]


def _meshes(wish: Wish, skin: str, built: Sequence[Built]) -> list[Note]:
    view, made = wish.view, []
    if shows_labels(wish):
        for layer, one in zip(label_layers(wish.scene), built, strict=True):
            values, colours = label_colours(layer, one.ml)
            made.append(
                {"key": one.key, "values": values, "colours": colours, "opacity": opacity_of(layer), "veil": False}
            )
    alone = view.mode == "surfaces" and not built
    if skin and wish.scene.layers[0].visible:
        opacity = 1.0 if alone else SKIN_THROUGH
        made.append({"key": skin, "values": [1], "colours": [list(IVORY)], "opacity": opacity, "veil": not alone})
    return made


def _cut(wish: Wish, solid: Solid) -> tuple[Note, list[Sheet], list[Note]]:
    """Planes of the cut, the pictures on them, and lines around the three planes."""
    scene, view = wish.scene, wish.view
    scan, kind = scene.scan, cut_of(scene, view)
    assert scan is not None
    whole: Note = {"planes": [], "corner": False}
    if view.mode == "planes":
        sheets = plane_sheets(scene, solid, wish.fast)
        lines = [{"points": sheet.rim.tolist(), "colour": PLANE_RGB[plane], "width": 1.5} for plane, sheet in sheets]
        return whole, [sheet for _, sheet in sheets], lines
    if kind == "none":
        return whole, [], []
    eye = view.sight.axes[2]
    if kind == "corner":
        planes = []
        for axis, side in enumerate(sides(scan, eye)):
            planes.append((scan.to_mm(scene.voxel).tolist(), (-side * _normal(scan, axis)).tolist()))
        return {"planes": planes, "corner": True}, corner_sheets(scene, eye, solid, wish.fast), []
    found = cut_section(wish)
    normal = np.array(found.normal)
    gone = np.array(view.normal) if kind == "free" else eye
    if normal @ gone < 0:
        normal = -normal
    return (
        {"planes": [(list(found.origin), (-normal).tolist())], "corner": False},
        [cut_sheet(scene, found, solid, wish.fast)],
        [],
    )


def cut_section(wish: Wish) -> Section:
    """Where a flat cut lies."""
    scene, view = wish.scene, wish.view
    scan, plane = scene.scan, cut_plane(cut_of(scene, view))
    assert scan is not None
    if plane is None:
        way = np.asarray(view.normal, float) / np.linalg.norm(view.normal)
        x, y, z = np.asarray(scene.cursor) + way * view.depth_mm
        return free_section(scan, (float(x), float(y), float(z)), view.normal)
    found = replace(scene, radiological=True).section(plane)
    assert found is not None
    return found


def _normal(scan: Volume, axis: int) -> NDArray[np.float64]:
    """Unit vector at right angles to the planes of an axis, along it, right on sheared grids too."""
    row: NDArray[np.float64] = scan.inverse[axis, :3] / np.linalg.norm(scan.inverse[axis, :3])
    return row


def _reach_mm(wish: Wish, frame: Framed) -> float:
    """How far anything that is drawn can be from the middle."""
    shown = (wish.scene.layers[0], *label_layers(wish.scene))
    corners = [
        layer.volume.to_mm(np.array(list(product(*((-1.0, float(side)) for side in layer.volume.shape)))))
        for layer in shown
    ]
    return float(np.linalg.norm(np.concatenate(corners) - frame.middle_mm, axis=1).max()) * 1.05 + 1.0
