"""Slices as pictures on planes in space: the three planes of the scene, and the faces of a cut."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medviz.imaging.drawn import label_values, layer_table, overlay_rgba, value_rgba
from medviz.imaging.intensity import colour_map, levels, painted
from medviz.imaging.oblique import Frame as Axes
from medviz.imaging.oblique import Section, Turn, section
from medviz.imaging.rendering.solid import Solid
from medviz.imaging.sampling import seen
from medviz.imaging.scene import Layer, Point, Scene
from medviz.imaging.slices import NORMAL, Plane
from medviz.imaging.volume import Volume

Array = NDArray[Any]
MOST_PX = 560
FAST_PX = 280
CUT_FILL = 0.45
PLANE_RGB: dict[Plane, tuple[int, int, int]] = {
    "axial": (236, 122, 104),
    "coronal": (124, 196, 124),
    "sagittal": (238, 200, 92),
}
"""The colours that the planes have in the slice views too."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A picture (rows, cols, 4) on a section of the scan; clear outside of the body."""

    section: Section
    picture: NDArray[np.uint8]

    @property
    def corner(self) -> NDArray[np.float64]:
        """Outer corner of the top left pixel in RAS mm."""
        return np.array(self.section.to_mm(-0.5, -0.5))

    @property
    def across(self) -> NDArray[np.float64]:
        """From the top left corner to the top right, in mm."""
        return np.array(self.section.across) * self.section.cols

    @property
    def down(self) -> NDArray[np.float64]:
        """From the top left corner to the bottom left, in mm."""
        return np.array(self.section.down) * self.section.rows

    @property
    def rim(self) -> NDArray[np.float64]:
        """The outer edge, closed (5, 3)."""
        one, across, down = self.corner, self.across, self.down
        return np.stack([one, one + across, one + across + down, one + down, one])


def plane_sheets(scene: Scene, solid: Solid, fast: bool = False) -> list[tuple[Plane, Sheet]]:
    """Return the scene's three planes, turned as the panes are, with their overlays in their own style."""
    made = []
    for plane in NORMAL:
        found = replace(scene, radiological=True).section(plane)
        if found is not None and found.there:
            made.append((plane, trimmed(sheet_of(scene, squared(found, FAST_PX if fast else MOST_PX), solid))))
    return made


def trimmed(sheet: Sheet) -> Sheet:
    """Cut off what is clear at the edges but for a small margin; all of it is kept where nothing is seen."""
    rows, cols = (np.flatnonzero(sheet.picture[..., 3].any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return sheet
    found, margin = sheet.section, round(max(sheet.picture.shape) * 0.02)
    top, left = max(0, int(rows[0]) - margin), max(0, int(cols[0]) - margin)
    bottom, right = min(found.rows, int(rows[-1]) + 1 + margin), min(found.cols, int(cols[-1]) + 1 + margin)
    section = replace(found, origin=found.to_mm(top, left), rows=bottom - top, cols=right - left, straight=False)
    return Sheet(section, sheet.picture[top:bottom, left:right])


def cut_sheet(scene: Scene, found: Section, solid: Solid, fast: bool = False) -> Sheet:
    """Return a face of a cut: the scan's grey, labels filled."""
    return sheet_of(_filled(scene), squared(found, FAST_PX if fast else MOST_PX), solid)


def corner_sheets(scene: Scene, eye: Array, solid: Solid, fast: bool = False) -> list[Sheet]:
    """Return the three faces that are seen when the corner at the cross-hair, the one nearest the eye, is gone."""
    scan = scene.scan
    assert scan is not None
    side = sides(scan, eye)
    made = []
    for plane in NORMAL:
        found = replace(scene, radiological=True, turn=None).section(plane)
        assert found is not None
        sheet = cut_sheet(scene, found, solid, fast)
        rows, cols = np.indices(sheet.picture.shape[:2], np.float32)
        mm = np.stack([rows, cols, np.zeros_like(rows), np.ones_like(rows)], axis=-1) @ sheet.section.matrix[:3].T
        voxel = scan.to_voxel(mm)
        hole = np.ones(rows.shape, bool)
        for axis in range(3):
            if axis != NORMAL[plane]:  # a pixel more lies behind the neighbouring face and closes the seam
                pixel = float(np.abs(scan.inverse[axis, :3] @ sheet.section.matrix[:3, :2]).max())
                hole &= (voxel[..., axis] - scene.voxel[axis]) * side[axis] >= -1.5 * pixel
        picture = sheet.picture.copy()
        picture[~hole, 3] = 0
        made.append(Sheet(sheet.section, picture))
    return made


def sides(scan: Volume, eye: Array) -> NDArray[np.float64]:
    """On which side of a voxel the eye is, along each axis of the scan: 1 or -1."""
    side: NDArray[np.float64] = np.sign(scan.inverse[:3, :3] @ eye)
    side[side == 0] = 1.0
    return side


def free_section(scan: Volume, at: Point, normal: Point) -> Section:
    """Return the section through a point at right angles to a direction; what is up in the patient is up on it."""
    way = np.asarray(normal, float) / np.linalg.norm(normal)
    helper = np.eye(3)[2] if abs(way[2]) < 0.9 else np.eye(3)[1]
    right = np.cross(helper, way)
    right /= np.linalg.norm(right)
    axes: Axes = (_tuple(right), _tuple(np.cross(way, right)), _tuple(way))
    return section(scan, "axial", at, Turn(axes, axes))


def squared(found: Section, most: int) -> Section:
    """Lay square pixels, at most `most` a side, over the same part of the plane."""
    down, across = np.array(found.down), np.array(found.across)
    sizes = float(np.linalg.norm(down)), float(np.linalg.norm(across))
    high, wide = found.rows * sizes[0], found.cols * sizes[1]
    pixel = max(min(sizes), max(high, wide) / most)
    rows, cols = max(1, round(high / pixel)), max(1, round(wide / pixel))
    new_down, new_across = down * (found.rows / rows), across * (found.cols / cols)
    origin = np.array(found.origin) + (new_down - down + new_across - across) / 2
    return replace(
        found,
        origin=_tuple(origin),
        down=_tuple(new_down),
        across=_tuple(new_across),
        rows=rows,
        cols=cols,
        straight=found.straight and (rows, cols) == (found.rows, found.cols),
    )


def sheet_of(scene: Scene, found: Section, solid: Solid) -> Sheet:
    """Draw what a section shows of the scene: the scan by window and level, the overlays above it."""
    base = scene.layers[0]
    frame = min(scene.frame, base.volume.frames - 1)
    shown = seen(base.volume, found, frame, "linear" if scene.smooth else "nearest")
    low, high = levels(base.window, base.level, shown.slope, shown.intercept)
    kept = base.tone.stored(shown.slope, shown.intercept)
    picture = painted(shown.pixels, low, high, base.colours, base.tone, kept)[..., :3]
    for layer in () if scene.overlays_hidden else scene.layers[1:]:
        if layer.visible and layer.style != "off" and layer.opacity > 0:
            over = _overlay(layer, found, scene.frame)
            alpha = over[..., 3:].astype(np.float32) / 255.0
            picture = (picture + (over[..., :3] - picture.astype(np.float32)) * alpha + 0.5).astype(np.uint8)
    inside = _body(solid, found)
    if shown.inside is not None:
        inside &= shown.inside
    return Sheet(found, np.dstack([picture, np.where(inside, 255, 0).astype(np.uint8)]))


def _overlay(layer: Layer, found: Section, number: int) -> NDArray[np.uint8]:
    frame = min(number, layer.volume.frames - 1)
    if layer.role == "labels":
        shown = seen(layer.volume, found, frame)
        labels = label_values(shown)
        if shown.inside is not None:
            labels = np.where(shown.inside, labels, 0)
        table = layer_table(layer, int(labels.max(initial=0)))
        return overlay_rgba(labels, table, layer.style, layer.opacity, 1, layer.proposal)
    shown = seen(layer.volume, found, frame, "linear")
    if layer.role == "probability" and layer.style == "outline":
        above = (shown.values >= layer.level).astype(np.uint8)
        table = np.stack([np.zeros(4, np.uint8), colour_map(layer.colours)[200]])
        made = overlay_rgba(above, table, "outline", layer.opacity)
    else:
        made = value_rgba(shown, layer)
    if shown.inside is not None:
        made[~shown.inside, 3] = 0
    return made


def _filled(scene: Scene) -> Scene:
    """Draw labels filled: on the face of a cut they are cut too."""
    layers = tuple(
        replace(layer, style="fill", opacity=min(layer.opacity, CUT_FILL))
        if layer.role == "labels" and layer.style != "off"
        else layer
        for layer in scene.layers
    )
    return replace(scene, layers=layers)


def _body(solid: Solid, found: Section) -> NDArray[np.bool_]:
    """Which pixels are body: all but the air that is open to the edge of the picture."""
    inverse = np.linalg.inv(solid.affine) @ found.matrix
    rows, cols = np.indices((found.rows, found.cols), np.float32)
    places = [inverse[axis, 0] * rows + inverse[axis, 1] * cols + inverse[axis, 3] for axis in range(3)]
    field = ndimage.map_coordinates(solid.body, places, order=1, mode="nearest", prefilter=False, output=np.float32)
    air, _ = ndimage.label(field <= solid.level)
    outside = np.unique(np.concatenate([air[0], air[-1], air[:, 0], air[:, -1]]))
    body: NDArray[np.bool_] = ~np.isin(air, outside[outside > 0])
    return body


def _tuple(vector: Any) -> Point:
    return float(vector[0]), float(vector[1]), float(vector[2])
