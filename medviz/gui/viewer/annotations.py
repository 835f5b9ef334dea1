"""What is written over a slice: letters, slice number and place, window, scale bar, cross-hair."""

from math import ceil, floor, log10
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPixmap

from medviz.gui.viewer.sheet import Sheet
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slices import NORMAL, Plane, Slice, letters
from medviz.imaging.volume import Affine, Volume

INK, DIM, SHADOW = QColor(242, 242, 242), QColor(176, 180, 188), QColor(0, 0, 0, 210)
PLANE_COLOURS: dict[str, QColor] = {
    "axial": QColor(236, 122, 104),
    "coronal": QColor(124, 196, 124),
    "sagittal": QColor(238, 200, 92),
    "volume": QColor(150, 156, 166),
}
"""Each plane has a colour: its name is written in it, and its line in the other planes' cross-hair is drawn in it."""

EDGE = 9.0
GAP = 9.0


CROSSING: dict[Plane, tuple[Plane, Plane]] = {
    "axial": ("sagittal", "coronal"),
    "coronal": ("sagittal", "axial"),
    "sagittal": ("coronal", "axial"),
}
"""The planes whose place the upright and the level line of a pane's cross-hair show."""


def place_text(volume: Volume, plane: Plane, index: int) -> str:
    """Where a slice lies along its own normal, as scanners print it: "S 22.0 mm"; empty where uncalibrated."""
    if not volume.calibrated:
        return ""
    axis = NORMAL[plane]
    columns = volume.affine[:3, :3]
    normal = np.cross(columns[:, (axis + 1) % 3], columns[:, (axis + 2) % 3])
    normal = normal / (np.linalg.norm(normal) or 1.0) * (np.sign(normal @ columns[:, axis]) or 1.0)
    place = round(float(normal @ (columns[:, axis] * index + volume.affine[:3, 3])), 1)
    forward, backward = _ends(volume.affine, plane)
    return f"{forward if place >= 0 else backward} {abs(place):.1f} mm"


def _ends(affine: Affine, plane: Plane) -> tuple[str, str]:
    if plane == "sagittal":
        left, right, _, _ = letters(affine, "axial", radiological=False)
        return right, left
    _, _, top, bottom = letters(affine, "coronal" if plane == "axial" else "axial")
    return top, bottom


def number_text(value: float, near: float = 1.0) -> str:
    """A number with as many digits as it is worth beside numbers of the size of `near`."""
    if not np.isfinite(value):
        return "not a number" if np.isnan(value) else ("∞" if value > 0 else "−∞")
    digits = 0 if near >= 50 else 1 if near >= 5 else 2 if near >= 0.5 else 4
    return f"{value:.{digits}f}".replace("-", "−")


def window_text(layer: Layer) -> str:
    """Window and level of a layer with their unit."""
    unit = f" {layer.volume.unit}" if layer.volume.unit else ""
    return f"W {number_text(layer.window, layer.window)}  L {number_text(layer.level, layer.window)}{unit}"


def bar_mm(most_mm: float) -> float:
    """The longest of 1, 2, 5, 10, 20, 50 ... mm that is no longer than `most_mm`."""
    power = 10.0 ** floor(log10(max(most_mm, 1e-6)))
    return max((step * power for step in (1, 2, 5) if step * power <= most_mm * 1.0001), default=power)


class Lettering:
    """Texts as small pictures, made once each: laying out type costs twenty times what copying a picture does."""

    MOST = 1500

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], QPixmap] = {}

    def put(self, painter: QPainter, words: str, size_px: int, colour: QColor, x: float, y: float, **how: bool) -> None:
        """Write `words` with the foot of its first letter at (x, y); `bold` or not, from `right` or `centre`."""
        bold, ratio = how.get("bold", False), painter.device().devicePixelRatioF()
        of = (words, size_px, colour.rgba(), bold, ratio)
        picture = self._made.get(of)
        if picture is None:
            if len(self._made) > self.MOST:
                self._made.clear()
            picture = self._made[of] = _written(words, size_px, colour, bold, ratio)
        wide = picture.width() / ratio - 2
        left = x - wide if how.get("right") else x - wide / 2 if how.get("centre") else x
        painter.drawPixmap(QPointF(round(left), round(y - size_px)), picture)


def _written(words: str, size_px: int, colour: QColor, bold: bool, ratio: float) -> QPixmap:
    type_face = font(size_px, bold)
    wide = ceil(QFontMetricsF(type_face).horizontalAdvance(words)) + 2
    picture = QPixmap(ceil(wide * ratio), ceil(size_px * 1.5 * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setFont(type_face)
    painter.setPen(SHADOW)
    painter.drawText(QPointF(1, size_px + 1), words)
    painter.setPen(colour)
    painter.drawText(QPointF(0, size_px), words)
    painter.end()
    return picture


class Annotations:
    """Paints the writing of one pane; `size_px` is the size of its text.

    `drawn` says what was written where at the last painting, for those who read the screen by program.
    """

    def __init__(self, plane: Plane, size_px: int = 13) -> None:
        self.plane = plane
        self.size_px = size_px
        self.drawn: dict[str, str] = {}
        self._lettering = Lettering()

    def paint(self, painter: QPainter, scene: Scene, seen: Slice, sheet: Sheet) -> None:
        """Paint all of it."""
        if scene.scan is None:
            return
        self.drawn.clear()
        self._corner(painter, scene, seen, scene.scan)
        self._letters(painter, seen, sheet)
        self._bar(painter, seen, sheet)
        bottom = sheet.height - EDGE
        self._write(painter, "window", window_text(scene.layers[0]), EDGE, bottom, DIM)
        if self.plane != "sagittal":
            words = "radiological" if scene.radiological else "neurological"
            self._write(painter, "convention", words, sheet.width - EDGE, EDGE + self.size_px * 0.8, DIM, right=True)

    def _corner(self, painter: QPainter, scene: Scene, seen: Slice, scan: Volume) -> None:
        top = EDGE + self.size_px * 0.8
        title = self.plane.capitalize()
        self._write(painter, "plane", title, EDGE, top, PLANE_COLOURS[self.plane], bold=True)
        past = EDGE + self.size_px * 5.2
        self._write(painter, "number", f"{seen.index + 1} / {scan.shape[NORMAL[self.plane]]}", past, top, INK)
        place = place_text(scan, self.plane, seen.index)
        frame = f"frame {scene.frame + 1} / {scan.frames}" if scan.frames > 1 else ""
        self._write(painter, "place", "   ".join(filter(None, (place, frame))), EDGE, top + self.size_px * 1.4, DIM)

    def _letters(self, painter: QPainter, seen: Slice, sheet: Sheet) -> None:
        left, right, top, bottom = seen.letters
        size = round(self.size_px * 1.25)
        middle, half = sheet.height / 2 + size * 0.36, sheet.width / 2
        for name, letter, x, y, how in (
            ("left", left, EDGE, middle, ""),
            ("right", right, sheet.width - EDGE, middle, "right"),
            ("top", top, half, EDGE + size * 0.73, "centre"),
            ("bottom", bottom, half, sheet.height - EDGE, "centre"),
        ):
            self._write(painter, name, letter, x, y, INK, size, bold=True, **({how: True} if how else {}))

    def _bar(self, painter: QPainter, seen: Slice, sheet: Sheet) -> None:
        right, bottom = sheet.width - EDGE, sheet.height - EDGE
        if seen.mm is None:
            self._write(painter, "bar", "uncalibrated", right, bottom, DIM, right=True)
            return
        length_mm = bar_mm(min(sheet.width * 0.25, 140.0) / sheet.scale)
        left = round(right - length_mm * sheet.scale)
        self._write(painter, "bar", f"{length_mm:g} mm", right, bottom - 8, DIM, right=True)
        for colour, grow in ((SHADOW, 1), (INK, 0)):
            painter.fillRect(QRectF(left - grow, bottom - 2 - grow, right - left + 2 * grow, 2 + 2 * grow), colour)
            for x in (left, right - 2):
                painter.fillRect(QRectF(x - grow, bottom - 5 - grow, 2 + 2 * grow, 5 + 2 * grow), colour)
        painter.fillRect(QRectF(left, bottom - 2, right - left, 2), INK)

    def _write(
        self,
        painter: QPainter,
        name: str,
        words: str,
        x: float,
        y: float,
        colour: QColor,
        size_px: int = 0,
        **how: bool,
    ) -> None:
        if words:
            self.drawn[name] = words
            self._lettering.put(painter, words, size_px or self.size_px, colour, x, y, **how)


def font(size_px: int, bold: bool = False) -> QFont:
    """The interface's type in a size of its own."""
    made = QFont()
    made.setPixelSize(size_px)
    made.setFeature(QFont.Tag("tnum"), 1)
    made.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return made


def paint_crosshair(painter: QPainter, plane: Plane, at: tuple[float, float], sheet: Sheet) -> None:
    """Two thin lines in the colours of the planes they stand for, open where they meet."""
    x, y = (floor(edge) for edge in at)
    upright, level = (QColor(PLANE_COLOURS[name]) for name in CROSSING[plane])
    upright.setAlpha(190)
    level.setAlpha(190)
    painter.fillRect(QRectF(x, 0, 1, y - GAP), upright)
    painter.fillRect(QRectF(x, y + GAP, 1, sheet.height - y - GAP), upright)
    painter.fillRect(QRectF(0, y, x - GAP, 1), level)
    painter.fillRect(QRectF(x + GAP, y, sheet.width - x - GAP, 1), level)


def paint_box(painter: QPainter, corners: tuple[float, float, float, float]) -> None:
    """Paint the box that is being drawn."""
    x, y, other_x, other_y = corners
    box = QRectF(QPointF(x, y), QPointF(other_x, other_y)).normalized()
    painter.setPen(QPen(QColor(255, 255, 255), 1, Qt.PenStyle.DashLine))
    painter.setBrush(QColor(255, 255, 255, 24))
    painter.drawRect(box)
    painter.setBrush(Qt.BrushStyle.NoBrush)
