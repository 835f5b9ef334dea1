"""A slice of a scene as the window shows it, as an array: for the command line, exports and tests. No Qt."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medviz.imaging.intensity import colour_map, levels, painted
from medviz.imaging.labels import colour_table
from medviz.imaging.lettering import framed, lettered
from medviz.imaging.mixing import difference, difference_rgb, mixed_rgb
from medviz.imaging.oblique import Section
from medviz.imaging.resample import slice_of
from medviz.imaging.sampling import Order
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slabs import NO_SLAB, finest
from medviz.imaging.slices import Plane, Slice
from medviz.refused import Refused

Array = NDArray[Any]
Picture = NDArray[np.uint8]
LARGEST_PX = 16384
_HATCH_PX = 7


@dataclass(frozen=True, eq=False)
class Drawing:
    """Pixels (rows, cols, 3) with what a reader must know of them.

    `letters` stand at the left, right, top and bottom edge. `mm_per_pixel` holds both ways, None where uncalibrated.
    `place` is the row and column of the cursor.
    """

    pixels: Picture
    letters: tuple[str, str, str, str]
    mm_per_pixel: float | None
    slice: Slice
    place: tuple[float, float]


def drawn(
    scene: Scene,
    plane: Plane,
    size: int | tuple[int, int] | None = None,
    *,
    frame: bool = False,
    letters: bool = True,
    crosshair: bool = False,
) -> Picture:
    """Draw the slice through the cursor as the window shows it, (rows, cols, 3) uint8; see `drawing`."""
    return drawing(scene, plane, size, frame=frame, letters=letters, crosshair=crosshair).pixels


def drawing(
    scene: Scene,
    plane: Plane,
    size: int | tuple[int, int] | None = None,
    *,
    frame: bool = False,
    letters: bool = True,
    crosshair: bool = False,
) -> Drawing:
    """Draw the slice through the cursor, window, colours and overlays as in the window; square pixels.

    Parameters
    ----------
    size : the longer side in pixels, or (width, height) to fit into on black; None gives one pixel to the finer side
        of a voxel.
    frame : leave a margin with the letters, the position and the convention, so that nothing covers the picture.
    letters : write the edge letters (into the picture where there is no frame).
    crosshair : draw the cursor.

    Raises Refused for an empty scene or a size that no screen has.
    """
    if scene.scan is None:
        raise Refused("the scene", "there is no scan in it", "open one")
    section = scene.section(plane)
    assert section is not None
    cuts = _channels(scene, scene.layers[0], section)
    base = cuts[0]
    rows, cols, pixel_mm = _raster(base, size)
    picture = _resized(_scan(scene, section, cuts), rows, cols, scene.smooth)
    if not scene.overlays_hidden:
        for layer in scene.layers[1:]:
            if layer.visible and layer.style != "off" and layer.opacity > 0:
                picture = _blended(picture, _overlay(scene, layer, section, rows, cols))
    row, col = _place(scene, section, rows, cols)
    if crosshair:
        _cross(picture, row, col)
    said = base.letters if letters else ("", "", "", "")
    picture, top, left = framed(picture, scene, base, said) if frame else (lettered(picture, said), 0, 0)
    if isinstance(size, tuple) and not frame:
        picture, top, left = _centred(picture, size)
    return Drawing(picture, base.letters, pixel_mm, base, (row + top, col + left))


def outline(labels: Array, width: int = 1) -> NDArray[np.bool_]:
    """Pixels of labels (rows, cols) that lie within `width` of another label or the background, inside the label.

    The edge of the picture is no border. 512² takes half a millisecond, however many labels there are.
    """
    edge = np.zeros(labels.shape, bool)
    for step in range(1, width + 1):
        down = labels[step:] != labels[:-step]
        across = labels[:, step:] != labels[:, :-step]
        edge[step:] |= down
        edge[:-step] |= down
        edge[:, step:] |= across
        edge[:, :-step] |= across
    edge &= labels != 0
    return edge


def label_values(seen: Slice) -> NDArray[np.uint16]:
    """Label of each pixel as uint16, whatever type or scaling it was stored in; below 0 and NaN are background."""
    pixels = seen.pixels
    plain = (seen.slope, seen.intercept) == (1.0, 0.0)
    if plain and pixels.dtype.kind in "bu" and pixels.dtype.itemsize <= 2:
        return pixels.astype(np.uint16)
    values: Array = np.nan_to_num(np.rint(seen.values), nan=0.0)
    return values.clip(0, 65535).astype(np.uint16)


def layer_table(layer: Layer, most: int = 255) -> Picture:
    """Colours (n, 4) by label value of a layer, for labels up to `most` at least; hidden labels and 0 are clear."""
    named = max((label.value for label in layer.labels), default=0)
    table = colour_table(layer.labels, 256 if max(named, most) < 256 else 65536)
    hidden = [value for value in layer.hidden_labels if 0 <= value < len(table)]
    table[hidden] = 0
    return table


def overlay_rgba(
    labels: Array, table: Picture, style: str = "outline", opacity: float = 1.0, width: int = 1, proposal: bool = False
) -> Picture:
    """Colours (rows, cols, 4) of a label picture: filled or as an outline `width` pixels wide; a proposal is hatched.

    An outline is drawn denser than a filling of the same opacity (its square root), since it covers so little.
    """
    clear = table[:, 3] == 0
    if clear.sum() > 1:  # a hidden label is no neighbour to draw a border against
        labels = np.where(clear[labels], 0, labels)
    shown = table.copy()
    shown[:, 3] = (shown[:, 3] * (opacity**0.5 if style == "outline" else opacity)).round()
    if style != "outline":
        return np.take(shown, labels, axis=0)
    edge = outline(labels, width)
    if proposal:
        edge &= _strokes(labels.shape, 8 * width, 5 * width, -1)
        edge |= _strokes(labels.shape, _HATCH_PX, 1, 1) & (labels != 0)
    picture = np.zeros((*labels.shape, 4), np.uint8)
    picture[edge] = shown[labels[edge]]
    return picture


def value_rgba(seen: Slice, layer: Layer) -> Picture:
    """Colours (rows, cols, 4) of an image or probability over a scan; NaN (outside its grid) is clear.

    A probability fades in: at two thirds of its window and above it has the layer's full opacity.
    """
    low, high = levels(layer.window, layer.level, seen.slope, seen.intercept)
    table = colour_map(layer.colours).copy()
    fade = np.clip(np.linspace(0, 1.5, 256), 0, 1) if layer.seen_through else np.ones(256)
    table[:, 3] = (255 * layer.opacity * fade).round()
    picture = painted(seen.pixels, low, high, table, layer.tone, layer.tone.stored(seen.slope, seen.intercept))
    if seen.pixels.dtype.kind == "f":
        picture[np.isnan(seen.pixels), 3] = 0
    return picture


def _raster(base: Slice, size: int | tuple[int, int] | None) -> tuple[int, int, float | None]:
    """Rows and columns of the picture and mm a pixel."""
    mm = base.mm or (1.0, 1.0)
    high, wide = base.pixels.shape[0] * mm[0], base.pixels.shape[1] * mm[1]
    if size is None:
        pixel = min(mm)
    elif isinstance(size, tuple):
        pixel = max(wide / max(size[0], 1), high / max(size[1], 1))
    else:
        pixel = max(wide, high) / max(size, 1)
    rows, cols = max(1, round(high / pixel)), max(1, round(wide / pixel))
    if max(rows, cols) > LARGEST_PX or (size is not None and min(np.atleast_1d(size)) < 1):
        raise Refused(f"a picture of {cols}×{rows} pixels", "it has no sensible size", f"ask for 1 to {LARGEST_PX}")
    return rows, cols, pixel if base.mm else None


def _channels(scene: Scene, layer: Layer, section: Section) -> list[Slice]:
    """What a section shows of a layer, its slab taken together; three slices of a colour picture."""
    volume, slab = layer.volume, scene.slab.of(section.plane)
    order: Order = "linear" if scene.smooth else "nearest"
    if volume.kind == "colour":
        return [finest(volume, section, part, slab, order) for part in range(3)]
    return [finest(volume, section, scene.frame if scene.frame < volume.frames else 0, slab, order)]


def _scan(scene: Scene, section: Section, cuts: list[Slice]) -> Picture:
    """The scan on its section's own raster (rows, cols, 3), with a second scan mixed in where there is one."""
    layer, second = scene.layers[0], scene.second
    if not layer.visible:
        return np.zeros((section.rows, section.cols, 3), np.uint8)
    mixed = second is not None and second.mix.how != "off" and len(cuts) == 1
    if not mixed or second is None or second.layer.volume.kind == "colour" or scene.beside is None:
        return _coloured(cuts, layer)
    other = scene.beside.layers[0]
    there = _channels(scene, other, section.moved(second.offset_mm))
    if second.mix.how == "difference":
        here, beside = (layer.window, layer.level), (other.window, other.level)
        return difference_rgb(difference(cuts[0], there[0], here, beside, second.mix.span))
    return mixed_rgb(_coloured(cuts, layer), _coloured(there, other), section, second.mix)


def _coloured(cuts: list[Slice], layer: Layer) -> Picture:
    if len(cuts) == 3:
        picture = np.stack([one.pixels for one in cuts], axis=-1)
    else:
        base = cuts[0]
        low, high = levels(layer.window, layer.level, base.slope, base.intercept)
        kept = layer.tone.stored(base.slope, base.intercept)
        picture = painted(base.pixels, low, high, layer.colours, layer.tone, kept)[..., :3]
    if cuts[0].inside is not None:
        picture[~cuts[0].inside] = 0
    return picture


def _overlay(scene: Scene, layer: Layer, section: Section, rows: int, cols: int) -> Picture:
    width = max(1, round(max(rows, cols) / 400))
    if layer.role == "labels":
        found = label_values(_seen_over(scene, layer, section))
        labels = _enlarged(found, rows, cols)
        table = layer_table(layer, int(labels.max(initial=0)))
        return overlay_rgba(labels, table, layer.style, layer.opacity, width, layer.proposal)
    made = _seen_over(scene, layer, section)
    if layer.role == "probability" and layer.style == "outline":
        above = _enlarged((made.values >= layer.level).astype(np.uint8), rows, cols)
        table = np.stack([np.zeros(4, np.uint8), colour_map(layer.colours)[200]])
        return overlay_rgba(above, table, "outline", layer.opacity, width, layer.proposal)
    return _resized(value_rgba(made, layer), rows, cols, scene.smooth)


def _seen_over(scene: Scene, layer: Layer, section: Section) -> Slice:
    """What a section shows of a layer over the scan; outside its grid labels are 0 and values NaN."""
    assert scene.scan is not None
    volume, labels = layer.volume, layer.role == "labels"
    number = scene.frame if scene.frame < volume.frames else 0
    slab = NO_SLAB if labels else scene.slab.of(section.plane)
    if section.straight and slab.how == "off":
        where = (volume, scene.scan, section.plane, section.index, number, scene.radiological)
        return slice_of(*where) if labels else slice_of(*where, order="linear", outside=np.nan)
    made = finest(volume, section, number, slab, "nearest" if labels else "linear")
    if made.inside is None:
        return made
    if labels:
        return replace(made, pixels=np.where(made.inside, made.pixels, 0))
    return replace(made, pixels=np.where(made.inside, made.pixels.astype(np.float32), np.nan))


def _enlarged(pixels: Array, rows: int, cols: int) -> Array:
    """Take the nearest pixel for each of the picture's; so outlines are thin lines whatever the shape of a voxel."""
    down = ((np.arange(rows) + 0.5) * (pixels.shape[0] / rows)).astype(np.intp)
    across = ((np.arange(cols) + 0.5) * (pixels.shape[1] / cols)).astype(np.intp)
    taken: Array = np.take(np.take(pixels, down, axis=0), across, axis=1)
    return taken


def _resized(pixels: Picture, rows: int, cols: int, smooth: bool) -> Picture:
    if pixels.shape[:2] == (rows, cols):
        return np.ascontiguousarray(pixels)
    if not smooth and rows >= pixels.shape[0] and cols >= pixels.shape[1]:
        return _enlarged(pixels, rows, cols)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((cols, rows), Image.Resampling.BILINEAR)).copy()


def _blended(below: Picture, above: Picture) -> Picture:
    alpha = above[..., 3:].astype(np.float32) / 255
    return (below + (above[..., :3] - below.astype(np.float32)) * alpha + 0.5).astype(np.uint8)


def _strokes(shape: tuple[int, ...], every: int, width: int, slope: int) -> NDArray[np.bool_]:
    diagonal = np.arange(shape[0])[:, None] + slope * np.arange(shape[1])[None]
    stroke: NDArray[np.bool_] = diagonal % every < width
    return stroke


def _place(scene: Scene, section: Section, rows: int, cols: int) -> tuple[float, float]:
    """Row and column of the cursor in the picture."""
    row, col, _ = section.to_place(scene.cursor)
    return (row + 0.5) * rows / section.rows - 0.5, (col + 0.5) * cols / section.cols - 0.5


def _cross(picture: Picture, row: float, col: float) -> None:
    """Draw the cursor, open in the middle so that what it points at is seen."""
    down, across = round(row), round(col)
    rows, cols = picture.shape[:2]
    gap = max(3, min(rows, cols) // 40)
    if 0 <= down < rows:
        picture[down, : max(0, across - gap)] = picture[down, across + gap + 1 :] = (90, 200, 250)
    if 0 <= across < cols:
        picture[: max(0, down - gap), across] = picture[down + gap + 1 :, across] = (90, 200, 250)


def _centred(picture: Picture, size: tuple[int, int]) -> tuple[Picture, int, int]:
    """Put a picture into the middle of a black one of (width, height)."""
    width, height = size
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    whole = np.zeros((height, width, 3), np.uint8)
    whole[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return whole, top, left
