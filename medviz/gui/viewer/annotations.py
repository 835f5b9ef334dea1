"""What is written over a slice: letters, slice number and place, window, scale bar, cross-hair."""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, log10
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPixmap

from medviz.gui.viewer.sheet import Sheet
from medviz.imaging.oblique import WORLD, Section, Turn
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slices import NORMAL, OPPOSITE, Plane, letters, toward
from medviz.imaging.volume import Volume

INK, DIM, SHADOW = QColor(242, 242, 242), QColor(176, 180, 188), QColor(0, 0, 0, 150)
MANNER = QColor(122, 190, 255)
"""What makes a slice no plain slice is written in a colour of its own."""
MADE_UP = QColor(255, 196, 77)
"""What a network made up must not pass for a scan."""
HALO = ((-1, 0), (1, 0), (0, -1), (0, 1), (1, 1))
"""Dark all around a letter, so that it is read on bright tissue too."""
PLANE_COLOURS: dict[str, QColor] = {
    "axial": QColor(236, 122, 104),
    "coronal": QColor(124, 196, 124),
    "sagittal": QColor(238, 200, 92),
    "volume": QColor(150, 156, 166),
}
"""Each plane has a colour: its name is written in it, and its line in the other planes' cross-hair is drawn in it."""

EDGE = 9


def place_text(volume: Volume, plane: Plane, index: int) -> str:
    """Where a slice lies along its own normal, as scanners print it: "S 22.0 mm"; empty where uncalibrated."""
    if not volume.calibrated:
        return ""
    first_mm, step_mm, forward, backward = _ladder(volume.affine.tobytes(), plane)
    place = round(first_mm + step_mm * index, 1)
    return f"{forward if place >= 0 else backward} {abs(place):.1f} mm".strip()


def section_place(volume: Volume, section: Section) -> str:
    """Where a section lies along its own normal: "S 22.0 mm", "AS 22.0 mm" where it is turned."""
    if section.straight:
        return place_text(volume, section.plane, section.index)
    if not volume.calibrated:
        return ""
    place = round(float(np.dot(section.normal, section.origin)), 1)
    forward = toward(np.array(section.normal)) if volume.oriented else ""
    backward = "".join(OPPOSITE[letter] for letter in forward)
    return f"{forward if place >= 0 else backward} {abs(place):.1f} mm".strip()


@lru_cache(maxsize=64)
def _ladder(affine_bytes: bytes, plane: Plane) -> tuple[float, float, str, str]:
    """Place of slice 0 along a plane's normal, mm from slice to slice, and the letters of both ways.

    Kept by the bytes of the affine: it is asked for at every slice, and stays as long as the scan does.
    """
    affine = np.frombuffer(affine_bytes).reshape(4, 4)
    axis = NORMAL[plane]
    columns = affine[:3, :3]
    normal = np.cross(columns[:, (axis + 1) % 3], columns[:, (axis + 2) % 3])
    normal = normal / (np.linalg.norm(normal) or 1.0) * (np.sign(normal @ columns[:, axis]) or 1.0)
    if plane == "sagittal":
        backward, forward, _, _ = letters(affine, "axial", radiological=False)
    else:
        _, _, forward, backward = letters(affine, "coronal" if plane == "axial" else "axial")
    return float(normal @ affine[:3, 3]), float(normal @ columns[:, axis]), forward, backward


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


def turn_text(turn: Turn) -> str:
    """How the planes lie: "turned 20°", "straight in the world", or as another scan was acquired."""
    if turn.axes == WORLD:
        return "straight in the world"
    return f"turned {turn.degrees:.0f}°" if turn.degrees >= 0.5 else "cut as the first scan"


def mix_text(scene: Scene) -> str:
    """How a second scan is mixed into the panes: "tiles 20 mm"; empty where it is not."""
    if scene.second is None:
        return ""
    mix = scene.second.mix
    words = {
        "off": "",
        "blend": f"{mix.share:.0%} second scan".replace("%", " %"),
        "tiles": f"second scan in tiles of {mix.tile_mm:g} mm",
        "swipe": "second scan on the right",
        "difference": "second minus first",
    }
    return words[mix.how]


def bar_mm(most_mm: float) -> float:
    """The longest of 1, 2, 5, 10, 20, 50 ... mm that is no longer than `most_mm`."""
    power = 10.0 ** floor(log10(max(most_mm, 1e-6)))
    return max((step * power for step in (1, 2, 5) if step * power <= most_mm * 1.0001), default=power)


@dataclass(frozen=True)
class Word:
    """A text and where the foot of its first (or, `how` "right" or "centre", last or middle) letter stands."""

    name: str
    words: str
    x: float
    y: float
    colour: QColor
    size_px: int
    bold: bool = False
    how: str = ""


class Lettering:
    """Texts as small pictures, made once each: laying out type costs twenty times what copying a picture does."""

    MOST = 1500

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], QPixmap] = {}

    def placed(self, word: Word, ratio: float) -> tuple[QPointF, QPixmap]:
        """Return the picture of a word and where its upper left corner belongs."""
        of = (word.words, word.size_px, word.colour.rgba(), word.bold, ratio)
        picture = self._made.get(of)
        if picture is None:
            if len(self._made) > self.MOST:
                self._made.clear()
            picture = self._made[of] = _written(word, ratio)
        wide = picture.width() / ratio - 3
        left = word.x - wide if word.how == "right" else word.x - wide / 2 if word.how == "centre" else word.x
        return QPointF(round(left) - 1, round(word.y - word.size_px) - 1), picture

    def put(self, painter: QPainter, word: Word) -> None:
        """Write it."""
        painter.drawPixmap(*self.placed(word, painter.device().devicePixelRatioF()))


def _written(word: Word, ratio: float) -> QPixmap:
    type_face = font(word.size_px, word.bold)
    wide = ceil(QFontMetricsF(type_face).horizontalAdvance(word.words)) + 3
    picture = QPixmap(ceil(wide * ratio), ceil(word.size_px * 1.5 * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setFont(type_face)
    painter.setPen(SHADOW)
    for across, down in HALO:
        painter.drawText(QPointF(1 + across, word.size_px + 1 + down), word.words)
    painter.setPen(word.colour)
    painter.drawText(QPointF(1, word.size_px + 1), word.words)
    painter.end()
    return picture


class Annotations:
    """Paints the writing of one pane; `size_px` is the size of its text.

    `drawn` says what was written where at the last painting, for those who read the screen by program. What stays
    from slice to slice is laid out once.
    """

    def __init__(self, plane: Plane, size_px: int = 13) -> None:
        self.plane = plane
        self.size_px = size_px
        self.drawn: dict[str, str] = {}
        self._lettering = Lettering()
        self._still: tuple[tuple[Any, ...], dict[str, str], list[tuple[QPointF, QPixmap]]] = ((), {}, [])

    def forget(self) -> None:
        """Write everything anew (the type has changed)."""
        self._lettering = Lettering()
        self._still = ((), {}, [])

    def paint(self, painter: QPainter, scene: Scene, seen: Section, sheet: Sheet) -> None:
        """Paint all of it."""
        if scene.scan is None:
            return
        ratio = painter.device().devicePixelRatioF()
        made_up = is_made_up(scene)
        of = (scene.layers[0], scene.radiological, seen.letters, sheet, self.size_px, ratio, made_up)
        if self._still[0] != of:
            lasting = self._lasting(scene, seen, sheet)
            pictures = [self._lettering.placed(word, ratio) for word in lasting]
            if seen.mm is not None:
                pictures.append(self._bar(sheet, ratio))
            self._still = (of, {word.name: word.words for word in lasting}, pictures)
        passing = self._passing(scene, seen, scene.scan, sheet)
        self.drawn = {**self._still[1], **{word.name: word.words for word in passing}}
        for at, picture in self._still[2]:
            painter.drawPixmap(at, picture)
        for word in passing:
            painter.drawPixmap(*self._lettering.placed(word, ratio))

    def add(self, painter: QPainter, name: str, words: str, sheet: Sheet) -> None:
        """Write one more thing at the foot, over the window."""
        low = sheet.height - EDGE - self.size_px * 1.4
        room = max(8, int(sheet.width * 0.5 / (self.size_px * 0.55)))
        shown = words if len(words) <= room else f"{words[: room - 1]}…"
        self._lettering.put(painter, Word(name, shown, EDGE, low, DIM, self.size_px))
        self.drawn[name] = words

    def _lasting(self, scene: Scene, seen: Section, sheet: Sheet) -> tuple[Word, ...]:
        """Plane, edge letters, window, convention, and the length of the bar."""
        size, small = round(self.size_px * 1.25), self.size_px
        left, right, top, bottom = seen.letters
        far, low = sheet.width - EDGE, sheet.height - EDGE
        middle, half = sheet.height / 2 + size * 0.36, sheet.width / 2
        length = f"{self._bar_mm(sheet):g} mm" if seen.mm is not None else "uncalibrated"
        words = [
            Word("plane", self.plane.capitalize(), EDGE, self._top, PLANE_COLOURS[self.plane], small, True),
            Word("left", left, EDGE, middle, INK, size, True),
            Word("right", right, far, middle, INK, size, True, "right"),
            Word("top", top, half, EDGE + size * 0.73, INK, size, True, "centre"),
            Word("bottom", bottom, half, low, INK, size, True, "centre"),
            Word("window", window_text(scene.layers[0]), EDGE, low, DIM, small),
            Word("bar", length, far, low - (8 if seen.mm is not None else 0), DIM, small, False, "right"),
        ]
        if self.plane != "sagittal" and not self._is_narrow(sheet):
            convention = "radiological" if scene.radiological else "neurological"
            words.append(Word("convention", convention, far, self._top, DIM, small, False, "right"))
        if is_made_up(scene):
            words.append(Word("synthetic", "SYNTHETIC", far, self._top + small * 1.4, MADE_UP, small, True, "right"))
        return tuple(word for word in words if word.words)

    def _passing(self, scene: Scene, seen: Section, scan: Volume, sheet: Sheet) -> tuple[Word, ...]:
        """Slice number, its place, the frame of a series, and what else makes it no plain slice."""
        number = f"{seen.index + 1} / {seen.many}" if seen.there else "no slice here"
        narrow = self._is_narrow(sheet)
        frame = frame_words(scene.frame, scan) if scan.frames > 1 else ""
        place = "   ".join(filter(None, (section_place(scan, seen), frame)))
        line = self.size_px * 1.4
        past, second = (EDGE, self._top + line) if narrow else (EDGE + self.size_px * 5.2, self._top)
        words = [Word("number", number, past, second, INK, self.size_px)]
        low = second + line
        for name, said, colour in (("place", place, DIM), *self._manners(scene, seen)):
            if said:
                words.append(Word(name, said, EDGE, low, colour, self.size_px))
                low += line
        return tuple(words)

    def _manners(self, scene: Scene, seen: Section) -> tuple[tuple[str, str, QColor], ...]:
        """What a reader must know of how this slice was made."""
        turned = "" if scene.turn is None else turn_text(scene.turn)
        slab = scene.slab.of(self.plane).words(seen)
        labels = any(layer.role == "labels" and layer.visible and layer.style != "off" for layer in scene.layers[1:])
        if slab and labels and not scene.overlays_hidden:
            slab += ", labels of its middle"
        mixed = mix_text(scene) if scene.second is not None else ""
        return ("turned", turned, MANNER), ("slab", slab, MANNER), ("mixed", mixed, MANNER)

    def _is_narrow(self, sheet: Sheet) -> bool:
        return sheet.width < self.size_px * 26

    @property
    def _top(self) -> float:
        return EDGE + self.size_px * 0.8

    @staticmethod
    def _bar_mm(sheet: Sheet) -> float:
        return bar_mm(min(sheet.width * 0.28, 140.0) / sheet.scale)

    def _bar(self, sheet: Sheet, ratio: float) -> tuple[QPointF, QPixmap]:
        """Paint the scale bar; return it and where its upper left corner belongs."""
        long = round(self._bar_mm(sheet) * sheet.scale)
        picture = QPixmap(ceil((long + 2) * ratio), ceil(8 * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.fillRect(0, 0, long + 2, 8, SHADOW)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.fillRect(3, 0, long - 4, 3, Qt.GlobalColor.transparent)
        for x, y, wide, high in ((1, 5, long, 2), (1, 1, 2, 6), (long - 1, 1, 2, 6)):
            painter.fillRect(x, y, wide, high, INK)
        painter.end()
        return QPointF(sheet.width - EDGE - long - 1, sheet.height - EDGE - 7), picture


def is_made_up(scene: Scene) -> bool:
    """Tell whether a network made up any of what is seen."""
    return any(layer.volume.synthetic and layer.visible for layer in scene.layers)


def font(size_px: int, bold: bool = False) -> QFont:
    """The interface's type in a size of its own."""
    made = QFont()
    made.setPixelSize(size_px)
    made.setFeature(QFont.Tag("tnum"), 1)
    made.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return made


def paint_box(painter: QPainter, corners: tuple[float, float, float, float]) -> None:
    """Paint the box that is being drawn."""
    x, y, other_x, other_y = corners
    box = QRectF(QPointF(x, y), QPointF(other_x, other_y)).normalized()
    painter.setPen(QPen(QColor(255, 255, 255), 1, Qt.PenStyle.DashLine))
    painter.setBrush(QColor(255, 255, 255, 24))
    painter.drawRect(box)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def frame_words(frame: int, scan: Volume) -> str:
    """Say which frame of a series is seen, and what tells it from the others: "frame 2 / 3 · b 500 s/mm²"."""
    name = f" · {scan.frame_names[frame]}" if frame < len(scan.frame_names) else ""
    return f"frame {frame + 1} / {scan.frames}{name}"
