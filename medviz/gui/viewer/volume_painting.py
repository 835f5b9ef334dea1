"""Paints the pane of the whole: the picture, what helps to read it, and what is being prepared."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from medviz.gui.colours import colours
from medviz.gui.viewer.annotations import DIM, EDGE, MADE_UP, PLANE_COLOURS, Lettering, Word, is_made_up
from medviz.gui.viewer.volume_marks import Ground, paint_arms, paint_bar, paint_cross, paint_letters
from medviz.imaging.rendering.view import Shot
from medviz.imaging.scene import Scene
from medviz.messages import Progress

TROUGH = QColor(60, 63, 69)
"""Behind the line that tells how far surfaces are built."""
LINE_PX = 3


class Painting:
    """`written` says what was written where at the last painting, for those who read the screen by program."""

    def __init__(self) -> None:
        self.written: dict[str, str] = {}
        self._lettering = Lettering()

    def paint(
        self,
        painter: QPainter,
        size: tuple[int, int],
        scene: Scene,
        shot: Shot | None,
        image: QImage | None,
        free: float,
    ) -> None:
        """Paint a shot and the scene's cross-hair on a pane of (width, height); the tools begin at `free`."""
        width, height = size
        painter.fillRect(QRectF(0, 0, width, height), Qt.GlobalColor.black)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.written = {"title": "3-D"}
        if image is None or shot is None or scene.scan is None:
            return
        painter.drawImage(QRectF(0, 0, width, height), image)
        ground, letter_px = Ground(width, height, shot), _letter_px(size)
        if scene.crosshair:
            paint_cross(painter, scene, ground)
        if scene.scan.oriented:
            self.written |= paint_letters(painter, self._lettering, ground, letter_px, free)
            paint_arms(painter, self._lettering, shot.wish.view.sight, height, letter_px)
        self.written["bar"] = paint_bar(painter, self._lettering, ground, letter_px, scene.scan.calibrated)
        if is_made_up(scene):
            word = Word("synthetic", "SYNTHETIC", EDGE, EDGE + letter_px * 3.6, MADE_UP, letter_px, True)
            self._lettering.put(painter, word)
            self.written["synthetic"] = word.words

    def say(self, painter: QPainter, size: tuple[int, int], words: str, work: Progress | None) -> None:
        """Write what it is, and at the foot of the pane how far work is."""
        width, height = size
        letter_px = _letter_px(size)
        title = Word("title", "3-D", EDGE, EDGE + letter_px * 0.8, PLANE_COLOURS["volume"], letter_px, True)
        for word in (title, Word("what", words, EDGE, EDGE + letter_px * 2.2, DIM, letter_px)):
            self._lettering.put(painter, word)
        self.written["what"] = words
        if work is not None and work.total > 0:
            share = min(max(work.done / work.total, 0.0), 1.0)
            painter.fillRect(QRectF(0, height - LINE_PX, width, LINE_PX), TROUGH)
            painter.fillRect(QRectF(0, height - LINE_PX, width * share, LINE_PX), colours().of("accent"))


def _letter_px(size: tuple[int, int]) -> int:
    return 13 if min(size) >= 220 else 11
