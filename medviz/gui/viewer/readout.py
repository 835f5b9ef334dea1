"""What is under the cursor, in words: place, voxel, and the value of each layer with unit and stored type."""

from dataclasses import dataclass

from medviz.gui.viewer.annotations import number_text
from medviz.imaging.oblique import added
from medviz.imaging.scene import Layer, Point, Scene

NOWHERE: Point = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Reading:
    """One layer at one point: `value` is "" outside of it; `label` the name of the label there, if it is labels."""

    layer: str
    value: str
    unit: str
    stored: str
    label: str = ""


def label_name(layer: Layer, value: int) -> str:
    """Name of a label value; 0 is background."""
    if value == 0:
        return "background"
    return next((label.name for label in layer.labels if label.value == value), f"label {value}")


def reading(layer: Layer, point: Point, frame: int = 0) -> Reading:
    """Read one layer at a point in RAS mm."""
    volume = layer.volume
    stored = str(volume.stored.dtype)
    index = volume.nearest(point)
    if index is None:
        return Reading(volume.name, "", "", stored)
    if volume.kind == "colour":
        parts = ", ".join(f"{volume.voxels[(part, *index)]:g}" for part in range(min(3, len(volume.voxels))))
        return Reading(volume.name, parts, "", stored)
    value = volume.value_at(point, min(frame, volume.frames - 1)) or 0.0
    if layer.role == "labels":
        return Reading(volume.name, f"{int(value)}", "", stored, label_name(layer, int(value)))
    exact = volume.voxels.dtype.kind in "iub" and float(volume.slope).is_integer()
    words = f"{value:.0f}".replace("-", "−") if exact else number_text(value, layer.window / 20)
    return Reading(volume.name, words, volume.unit, stored)


def readings(scene: Scene, point: Point | None = None) -> tuple[Reading, ...]:
    """Read every layer at a point in RAS mm, the cross-hair's if none is given."""
    at = scene.cursor if point is None else point
    found = tuple(reading(layer, at, scene.frame) for layer in scene.layers)
    beside = scene.beside
    if beside is None:
        return found
    there = beside.cursor if point is None else added(point, scene.second.offset_mm if scene.second else NOWHERE)
    return (*found, reading(beside.layers[0], there, beside.frame))


def place_words(scene: Scene, point: Point | None = None) -> tuple[str, str]:
    """Place in mm (or that there is none) and the scan's voxel index, as two texts."""
    scan = scene.scan
    if scan is None:
        return "", ""
    at = scene.cursor if point is None else point
    index = scan.nearest(at)
    voxel = "outside" if index is None else f"{index[0]}, {index[1]}, {index[2]}"
    if not scan.calibrated:
        return "uncalibrated", voxel
    x, y, z = (f"{part:.1f}".replace("-", "−").replace("−0.0", "0.0") for part in at)
    return f"x {x}  y {y}  z {z} mm", voxel


def status_words(scene: Scene, point: Point | None = None) -> str:
    """One line for the status line: place, voxel, values; empty where there is no scan."""
    if scene.scan is None:
        return ""
    mm, voxel = place_words(scene, point)
    values = []
    for one in readings(scene, point):
        if one.label:
            values.append(one.label)
        elif one.value:
            values.append(f"{one.value} {one.unit}".strip() + f" ({one.stored})")
    return " · ".join([mm, f"voxel {voxel}", *values])
