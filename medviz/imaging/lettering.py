"""Words burnt into a picture: edge letters, position, convention, a scale bar."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from medviz.imaging.scene import Scene
from medviz.imaging.slices import NORMAL, Plane, Slice

Picture = NDArray[np.uint8]
Letters = tuple[str, str, str, str]
INK, DIM = (238, 238, 238), (150, 150, 150)
_AXIS: dict[Plane, str] = {"axial": "z", "coronal": "y", "sagittal": "x"}
_BARS_MM = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)


def lettered(picture: Picture, letters: Letters) -> Picture:
    """Write the left, right, top and bottom letter into a picture (rows, cols, 3), outlined to be read on any grey."""
    if not any(letters):
        return picture
    rows, cols = picture.shape[:2]
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    font = _font(min(28, max(10, min(rows, cols) // 18)))
    off = max(2, font.size // 3)
    for letter, at, anchor in zip(
        letters,
        ((off, rows / 2), (cols - off, rows / 2), (cols / 2, off), (cols / 2, rows - off)),
        ("lm", "rm", "mt", "mb"),
        strict=True,
    ):
        draw.text(at, letter, INK, font, anchor, stroke_width=max(1, font.size // 10), stroke_fill=(0, 0, 0))
    return np.asarray(image).copy()


def framed(picture: Picture, scene: Scene, seen: Slice, letters: Letters) -> tuple[Picture, int, int]:
    """Put a margin around a picture for the letters and what a reader must know; returns where the picture lies."""
    rows, cols = picture.shape[:2]
    font, small = _font(18), _font(12)
    margin = 30
    said = _said(scene, seen)
    width = max(cols + 2 * margin, max(int(small.getlength(line)) for line in said) + 24)
    left = (width - cols) // 2
    foot = 16 * len(said) + 12
    image = Image.new("RGB", (width, margin * 2 + rows + foot))
    image.paste(Image.fromarray(picture), (left, margin))
    draw = ImageDraw.Draw(image)
    middle = margin + rows / 2
    places = ((left - 8, middle), (left + cols + 8, middle), (width / 2, margin - 6), (width / 2, margin + rows + 6))
    for letter, at, anchor in zip(letters, places, ("rm", "lm", "mb", "mt"), strict=True):
        draw.text(at, letter, INK, font, anchor)
    if seen.mm is not None:
        _bar(draw, seen.mm[0] * seen.pixels.shape[0] / rows, left + cols, margin * 2 + rows, cols, small)
    for number, line in enumerate(said):
        draw.text((12, margin * 2 + rows + 6 + 16 * number), line, INK if number == 0 else DIM, small)
    return np.asarray(image).copy(), margin, left


def _said(scene: Scene, seen: Slice) -> tuple[str, ...]:
    assert scene.scan is not None
    at = scene.cursor[NORMAL[seen.plane]]
    section = scene.section(seen.plane)
    assert section is not None
    where = f"{_AXIS[seen.plane]} = {at:.1f} mm" if scene.scan.calibrated else "uncalibrated"
    first = f"{seen.plane} {seen.index + 1} of {section.many}, {where}"
    if scene.turn is not None:
        first += f", turned {scene.turn.degrees:.0f}°"
    if slab := scene.slab.of(seen.plane).words(section):
        first += f", {slab}"
    if scene.second is not None and scene.second.mix.how != "off":
        first += f", second scan: {scene.second.mix.how}"
    if scene.scan.frames > 1:
        first += f", frame {scene.frame + 1} of {scene.scan.frames}"
    if not scene.scan.oriented:
        way = "orientation not known"
    elif seen.plane == "sagittal":
        way = "anterior on the left of the picture"
    else:
        side = "left" if scene.radiological else "right"
        way = f"{'radiological' if scene.radiological else 'neurological'}: patient's right on the {side}"
    purpose = "research and teaching, not for diagnosis"
    made_up = any(layer.volume.synthetic and layer.visible for layer in scene.layers)
    return first, way, f"SYNTHETIC: a network made it; {purpose}" if made_up else purpose


def _bar(draw: ImageDraw.ImageDraw, pixel_mm: float, right: int, top: int, cols: int, font: Any) -> None:
    """Draw the longest round length that takes no more than a third of the picture."""
    fitting = [length for length in _BARS_MM if length / pixel_mm <= cols / 3]
    if fitting:
        length = fitting[-1]
        start = right - length / pixel_mm
        draw.line((start, top - 8, right, top - 8), INK, 2)
        draw.text((right, top - 12), f"{length:g} mm", DIM, font, "rb")


def _font(size: int) -> Any:
    return ImageFont.load_default(size)
