"""Small multiples: the same slice at epochs from the first to the newest, side by side; a click goes there."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from medviz.gui.colours import colours
from medviz.gui.story.look import Look, scene_with
from medviz.gui.story.reel import Moment
from medviz.gui.viewer.content import Content
from medviz.imaging.colours import colour_map
from medviz.imaging.intensity import levels
from medviz.imaging.labels import colour_table
from medviz.imaging.resample import slice_of
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slices import NORMAL, Plane, cut
from medviz.imaging.story import Frame, ProbeCase

HIGH, LEAST_WIDE, GAP, WORDS_PX = 88, 58, 4, 15
FINEST_PX = 128
"""A slice of more pixels is thinned out before it is coloured."""


class EpochStrip(QWidget):
    """`chosen` (number of a frame) tells which was clicked."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.frames: tuple[Frame, ...] = ()
        self.number = 0
        self.shown: tuple[int, ...] = ()
        self._next: Callable[[], bool] = lambda: False
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._draw_one)
        self._pictures: dict[int, QImage] = {}
        self._of: object = None
        self._content = Content()
        self.setFixedHeight(HIGH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("epochs side by side")
        self.setToolTip("The slice at the cross-hair at epochs from the first to the newest; click to go to one")
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        """One row."""
        return QSize(300, HIGH)

    def show_frames(self, frames: Sequence[Frame], number: int) -> None:
        """There are these frames, and one of them is seen."""
        self.frames, self.number = tuple(frames), number
        self.shown = spread(len(self.frames), self._room())
        self.update()

    def draw(
        self, scene: Scene, case: ProbeCase, plane: Plane, look: Look, classes: tuple[str, ...],
        moment: Callable[[int], Moment | None],
    ) -> None:  # fmt: skip
        """Draw what is at hand of the slice at the cross-hair, one picture after the other, none for long."""
        layer = scene.layers[0]
        of = (id(case), plane, scene.voxel[NORMAL[plane]], look, scene.radiological, layer.window, layer.level)
        if of != self._of:
            self._pictures, self._of = {}, of

        def next_one() -> bool:
            for number in self.shown:
                step = self.frames[number].step
                held = None if step in self._pictures else moment(step)
                if held is not None:
                    made = scene_with(scene, case, held, look, classes)
                    self._pictures[step] = picture(made, plane, self._content)
                    return True
            return False

        self._next = next_one
        self._timer.start()
        self.update()

    def _draw_one(self) -> None:
        if self._next():
            self.update()
        else:
            self._timer.stop()

    def hideEvent(self, event: QHideEvent) -> None:
        """Draw nothing that is not seen."""
        super().hideEvent(event)
        self._timer.stop()

    def picture_of(self, number: int) -> QImage | None:
        """Return what is drawn of a frame."""
        return self._pictures.get(self.frames[number].step)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many as there is room for."""
        self.shown = spread(len(self.frames), self._room())
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the epoch under the mouse."""
        for place, number in enumerate(self.shown):
            if self._cell(place).contains(event.position()):
                self.chosen.emit(number)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pictures there are, and which one is seen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        nearest = min(self.shown, key=lambda k: abs(k - self.number), default=0)
        for place, number in enumerate(self.shown):
            cell = self._cell(place)
            box = cell.adjusted(0, 0, 0, -WORDS_PX)
            painter.fillRect(box, Qt.GlobalColor.black)
            drawn = self._pictures.get(self.frames[number].step)
            if drawn is not None:
                share = min(box.width() / drawn.width(), box.height() / drawn.height())
                wide, high = drawn.width() * share, drawn.height() * share
                painter.drawImage(QRectF(box.center().x() - wide / 2, box.center().y() - high / 2, wide, high), drawn)
            seen = number == nearest
            painter.setPen(colours().of("accent" if seen else "dim"))
            words = "start" if self.frames[number].step == 0 else f"{self.frames[number].epoch:.3g}"
            painter.drawText(cell.adjusted(0, box.height(), 0, 0), Qt.AlignmentFlag.AlignCenter, words)
            if seen:
                painter.setPen(QPen(colours().of("accent"), 2))
                painter.drawRect(box.adjusted(1, 1, -1, -1))
        painter.end()

    def _room(self) -> int:
        return max(1, (self.width() + GAP) // (LEAST_WIDE + GAP))

    def _cell(self, place: int) -> QRectF:
        count = max(1, len(self.shown))
        wide = min((self.width() - GAP * (count - 1)) / count, 1.6 * (HIGH - WORDS_PX))
        return QRectF(place * (wide + GAP), 0, wide, self.height())


def spread(count: int, room: int) -> tuple[int, ...]:
    """Choose up to `room` of `count` frames, the first and the last among them, evenly between."""
    if count <= room:
        return tuple(range(count))
    return tuple(sorted({round(one) for one in np.linspace(0, count - 1, max(room, 1))}))


def picture(scene: Scene, plane: Plane, content: Content) -> QImage:
    """Draw a slice of a scene small: the scan in its window, what lies over it in colour."""
    scan, index = scene.layers[0].volume, scene.voxel[NORMAL[plane]]
    seen = cut(scan, plane, index, 0, scene.radiological)
    top, bottom, left, right = (round(one) for one in content.box(scan, plane, scene.radiological))
    step = max(1, (max(bottom - top, right - left) - 1) // FINEST_PX + 1)
    part = (slice(top, bottom, step), slice(left, right, step))
    low, high = levels(scene.layers[0].window, scene.layers[0].level, scan.slope, scan.intercept)
    grey = ((seen.pixels[part].astype(np.float32) - low) / max(high - low, 1e-9)).clip(0, 1) * 255
    colour = np.repeat(grey[..., None], 3, axis=2)
    for layer in scene.layers[1:2]:  # the reference would hide the little there is to see
        colour = _over(colour, layer, slice_of(layer.volume, scan, plane, index, 0, scene.radiological).pixels[part])
    pixels = np.ascontiguousarray(colour.round().astype(np.uint8))
    rows, cols = pixels.shape[:2]
    made = QImage(pixels.data, cols, rows, 3 * cols, QImage.Format.Format_RGB888).copy()
    mm = seen.mm or (1.0, 1.0)
    return made if mm[0] == mm[1] else made.scaled(max(1, round(cols * mm[1] / min(mm))),
                                                   max(1, round(rows * mm[0] / min(mm))))  # fmt: skip


def _over(colour: NDArray[Any], layer: Layer, values: NDArray[Any]) -> NDArray[Any]:
    """Mix an overlay into a coloured slice; probabilities fade in."""
    if layer.role == "labels":
        table = colour_table(layer.labels, max(256, int(values.max(initial=0)) + 1))
        share = table[values][..., 3:] / 255 * 0.65
    else:
        table = colour_map(layer.colours)
        share = np.clip(values[..., None] / 170, 0, 1) * 0.9
    mixed: NDArray[Any] = colour * (1 - share) + table[values][..., :3] * share
    return mixed
