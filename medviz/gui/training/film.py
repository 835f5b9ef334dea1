"""How a gallery of a run grew: its moments from the first to the newest as small pictures; a click goes to one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from medviz.figures import Gallery
from medviz.gui.colours import colours
from medviz.gui.drawing.colours import coloured, image_of, levels_of
from medviz.gui.drawing.picture import painted_pixels
from medviz.gui.training.history import History
from medviz.gui.training.strip import spread
from medviz.imaging.story import Frame

HIGH, LEAST_WIDE, GAP, WORDS_PX = 104, 76, 4, 15
FINEST_PX = 64
"""A tile of more pixels is thinned out before it is coloured."""
TILES = 4
"""So many tiles of a gallery are seen in a small picture."""


@dataclass(frozen=True, eq=False)
class Moment:
    """A gallery as it was at a step, and the epoch (in parts) it was drawn in."""

    step: int
    epoch: float
    gallery: Gallery

    @property
    def frame(self) -> Frame:
        """The moment as a slider over epochs knows it."""
        return Frame(self.step, self.epoch, 0)


def galleries(history: History) -> tuple[str, ...]:
    """Return the names of the galleries of a run, what it made up first."""
    found = dict.fromkeys(
        figure.name for one in history.rounds for figure in one.figures.values() if isinstance(figure, Gallery)
    )
    return tuple(sorted(found, key=lambda name: (not name.startswith("samples"), tuple(found).index(name))))


def moments(history: History, name: str) -> tuple[Moment, ...]:
    """Return each moment at which a gallery was drawn anew."""
    made: list[Moment] = []
    epochs = history.tracks.get("train/epoch")
    for one in history.rounds:
        figure = one.figures.get(name)
        if not isinstance(figure, Gallery) or (made and made[-1].gallery is figure):
            continue
        epoch = 0.0
        if epochs is not None and epochs.length:
            epoch = float(np.interp(one.step, epochs.steps, epochs.values))
        made.append(Moment(one.step, epoch, figure))
    return tuple(made)


class FilmStrip(QWidget):
    """`chosen` (number of a moment) tells which was clicked. `tile` is the one followed, None for the first few."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.moments: tuple[Moment, ...] = ()
        self.number = 0
        self.tile: int | None = None
        self.shown: tuple[int, ...] = ()
        self.drawn = 0
        self._pictures: dict[tuple[int, int | None], QImage] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._draw_one)
        self.setFixedHeight(HIGH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("film strip")
        self.setToolTip("The same pictures from the first epoch to the newest; click to go to one (← → go one back "
                        "and on, Space plays)")  # fmt: skip
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        """One row."""
        return QSize(300, HIGH)

    def show_moments(self, moments: Sequence[Moment], number: int, tile: int | None = None) -> None:
        """There are these moments, and one of them is seen."""
        kept = {id(one.gallery) for one in moments}
        self._pictures = {key: image for key, image in self._pictures.items() if key[0] in kept}
        self.moments, self.number, self.tile = tuple(moments), number, tile
        self._lay_out()

    def _lay_out(self) -> None:
        self.shown = spread(len(self.moments), max(1, (self.width() + GAP) // (LEAST_WIDE + GAP)))
        if any(self._key(number) not in self._pictures for number in self.shown) and self.isVisible():
            self._timer.start()
        self.update()

    def _key(self, number: int) -> tuple[int, int | None]:
        return id(self.moments[number].gallery), self.tile

    def _draw_one(self) -> None:
        """Draw one small picture, so that the window answers between two."""
        for number in self.shown:
            if self._key(number) not in self._pictures:
                self._pictures[self._key(number)] = mosaic(self.moments[number].gallery, self.tile)
                self.drawn += 1
                self.update()
                return
        self._timer.stop()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came while it was not seen."""
        super().showEvent(event)
        self._lay_out()

    def hideEvent(self, event: QHideEvent) -> None:
        """Draw nothing that is not seen."""
        super().hideEvent(event)
        self._timer.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many as there is room for."""
        super().resizeEvent(event)
        self._lay_out()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the moment under the mouse."""
        for place, number in enumerate(self.shown):
            if self.cell(place).contains(event.position()):
                self.chosen.emit(number)

    def cell(self, place: int) -> QRectF:
        """Return where a small picture lies with its words."""
        count = max(1, len(self.shown))
        wide = min((self.width() - GAP * (count - 1)) / count, 1.4 * (HIGH - WORDS_PX))
        return QRectF(place * (wide + GAP), 0, wide, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the small pictures, each with its epoch; a frame is round the one that is seen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        nearest = min(self.shown, key=lambda k: abs(k - self.number), default=0)
        for place, number in enumerate(self.shown):
            cell, seen = self.cell(place), number == nearest
            box = cell.adjusted(0, 0, 0, -WORDS_PX)
            painter.fillRect(box, Qt.GlobalColor.black)
            image = self._pictures.get(self._key(number))
            if image is not None and not image.isNull():
                share = min(box.width() / image.width(), box.height() / image.height())
                wide, high = image.width() * share, image.height() * share
                painter.drawImage(QRectF(box.center().x() - wide / 2, box.center().y() - high / 2, wide, high), image)
            painter.setPen(colours().of("accent" if seen else "dim"))
            painter.drawText(cell.adjusted(0, box.height(), 0, 0), Qt.AlignmentFlag.AlignCenter, self._words(number))
            if seen:
                painter.setPen(QPen(colours().of("accent"), 2))
                painter.drawRect(box.adjusted(1, 1, -1, -1))
        painter.end()

    def _words(self, number: int) -> str:
        one = self.moments[number]
        if not one.epoch or one.step == 0:
            return "start" if one.step == 0 else f"step {one.step:,}"
        return f"epoch {one.epoch:.0f}" if one.epoch >= 1 else f"epoch {one.epoch:.1g}"


def mosaic(gallery: Gallery, tile: int | None = None) -> QImage:
    """Paint one tile of a gallery small, or its first few in a square."""
    tiles = gallery.tiles
    if tile is not None and tile < len(tiles):
        chosen = [tile]
    else:
        chosen = list(range(min(TILES, len(tiles))))
    if not chosen or 0 in tiles.shape:
        return QImage()
    shared = levels_of(tiles, gallery.colours, gallery.levels) if gallery.shared_scale or gallery.levels else None
    step = max(1, -(-max(tiles.shape[1:3]) // FINEST_PX))
    painted = [_painted(tiles[number, ::step, ::step], gallery, shared) for number in chosen]
    across = 2 if len(painted) > 2 else len(painted)
    black = np.zeros_like(painted[0])
    painted += [black] * (-len(painted) % across)
    rows = [np.concatenate(painted[first : first + across], 1) for first in range(0, len(painted), across)]
    return image_of(np.ascontiguousarray(np.concatenate(rows, 0)))


def _painted(tile: Any, gallery: Gallery, shared: tuple[float, float] | None) -> Any:
    if tile.ndim == 3:
        return painted_pixels(tile, gallery.colours, None)[..., :3]
    return coloured(tile, gallery.colours, shared or levels_of(tile, gallery.colours, None))
