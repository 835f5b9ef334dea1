"""A step through three planes of a CT-sized scan with labels over it, against the least that could be done.

All three paint the same slices, on panes of 512 by 512 pixels, one after the other in each step, so that a busy moment
hits all alike:

- medviz: the store is told of a new cursor; three SliceViews cut, colour, outline the labels and paint;
- (a) a bare blit: the same slices, copied into a QImage (16-bit grey; labels through Qt's own colour table) and drawn:
  no window and level, no outline, no letters, no cross-hair; enlarged as the view does it (smooth), and without;
- (b) pyqtgraph as one would write it: `ImageItem.setImage` of the int16 slice, another ImageItem for the labels.
"""

from functools import partial

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from medviz.gui.store import Store
from medviz.gui.viewer.sheet import MARGIN_PX
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.labels import colour_table, named
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slices import NORMAL, PLANES, Plane, cut
from medviz.imaging.volume import Stored, Volume
from tests.benchmarks.measuring import Measured, percentiles, worked_ms

SHAPE = (512, 512, 300)
PANE_PX = 512
LABELS = 117


def volume(voxels: NDArray[np.generic], name: str) -> Volume:
    affine = np.diag([-0.7, -0.7, 1.0, 1.0])
    stored = Stored("made", voxels.shape, "LPS", affine, voxels.dtype)
    ras = np.diag([0.7, 0.7, 1.0, 1.0])
    return Volume(voxels[::-1, ::-1][np.newaxis], ras, stored, name=name)


def scan() -> Volume:
    """Noise on a bright ellipsoid, in the order in which nibabel gives it (the first axis runs fastest)."""
    chance = np.random.default_rng(0)
    voxels = np.asfortranarray(chance.integers(-50, 50, SHAPE, np.int16))
    voxels[inside(0.8)] += 400
    return volume(voxels, "scan")


def inside(radius: float) -> NDArray[np.bool_]:
    axes = np.ogrid[tuple(slice(-1, 1, side * 1j) for side in SHAPE)]
    return np.asarray(sum(axis**2 for axis in axes) < radius**2)


def labels() -> Volume:
    """As many organs as TotalSegmentator tells apart: blocks of an ellipsoid."""
    voxels = np.zeros(SHAPE, np.uint8, order="F")
    blocks = sum((np.arange(side) * 5 // side).reshape([-1 if n == axis else 1 for n in range(3)]) * 5**axis
                 for axis, side in enumerate(SHAPE))  # fmt: skip
    voxels[:] = blocks % LABELS + 1
    voxels[~inside(0.8)] = 0
    return volume(voxels, "labels")


class Blit(QWidget):
    """Draws a slice with nothing in between."""

    def __init__(self, smooth: bool = False) -> None:
        super().__init__()
        self.smooth = smooth
        self.scan: NDArray[np.generic] | None = None
        self.over: NDArray[np.generic] | None = None
        self.table = [int(c[3]) << 24 | int(c[0]) << 16 | int(c[1]) << 8 | int(c[2]) for c in colour_table(())]
        self.resize(PANE_PX, PANE_PX)

    def put(self, image: NDArray[np.generic], over: NDArray[np.generic] | None) -> None:
        self.scan = np.ascontiguousarray(image)
        self.over = None if over is None else np.ascontiguousarray(over)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.smooth)
        edge = MARGIN_PX if self.smooth else 0
        target = QRectF(self.rect().adjusted(edge, edge, -edge, -edge))
        if self.scan is not None:
            rows, cols = self.scan.shape
            kind = QImage.Format.Format_Grayscale16
            painter.drawImage(target, QImage(self.scan.data, cols, rows, 2 * cols, kind))
        if self.over is not None:
            rows, cols = self.over.shape
            picture = QImage(self.over.data, cols, rows, cols, QImage.Format.Format_Indexed8)
            picture.setColorTable(self.table)
            painter.setOpacity(0.6)
            painter.drawImage(target, picture)
        painter.end()


class Plot(pg.GraphicsLayoutWidget):  # type: ignore[misc]
    """A slice in pyqtgraph, the plain way."""

    def __init__(self) -> None:
        super().__init__()
        self.resize(PANE_PX, PANE_PX)
        view = self.addViewBox(lockAspect=False, enableMouse=False)
        self.image, self.over = pg.ImageItem(axisOrder="row-major"), pg.ImageItem(axisOrder="row-major")
        self.over.setLookupTable(colour_table(()))
        self.over.setOpacity(0.6)
        view.addItem(self.image)
        view.addItem(self.over)
        self.view = view

    def put(self, image: NDArray[np.generic], over: NDArray[np.generic]) -> None:
        self.image.setImage(image, levels=(-150, 550), autoLevels=False)
        self.over.setImage(over, levels=(0, 255), autoLevels=False)


def measure(steps: int = 150) -> dict[str, list[Measured]]:
    """Step through the middle of the scan along all three axes at once."""
    app = QApplication.instance() or QApplication([])
    image, over = scan(), labels()
    layers = (Layer(image, window=700, level=200), Layer(over, role="labels", labels=named(("organ",) * LABELS)))
    store = Store(Scene(layers=layers))
    views = {plane: SliceView(store, plane) for plane in PLANES}
    blits = {plane: Blit() for plane in PLANES}
    smooth = {plane: Blit(smooth=True) for plane in PLANES}
    plots = {plane: Plot() for plane in PLANES}
    shown: list[QWidget] = [*views.values(), *blits.values(), *smooth.values(), *plots.values()]
    for widget in shown:
        widget.resize(PANE_PX, PANE_PX)
        widget.show()
    app.processEvents()
    times: Times = {name: [] for name in WORDS}
    for number in range(steps):
        at = tuple(int(side * (0.2 + 0.6 * number / steps)) for side in SHAPE)
        way, style = (("outlines", "outline"), ("filled", "fill"))[number % 2]
        store.put(store.state.with_layer(1, style=style))
        for view in views.values():
            view.repaint()
        times[way].append(worked_ms(partial(step, store, views, at)))
        times["smooth"].append(worked_ms(partial(blitted, smooth, image, over, at)))
        times["blit"].append(worked_ms(partial(blitted, blits, image, over, at)))
        times["bare"].append(worked_ms(partial(blitted, blits, image, None, at)))
        times["plot"].append(worked_ms(partial(plotted, plots, image, over, at)))
    for widget in shown:
        widget.close()
    return told(times)


Times = dict[str, list[tuple[float, float]]]
WORDS = {
    "outlines": "medviz, labels as outlines",
    "filled": "medviz, labels filled",
    "smooth": "(a) bare blit, enlarged smoothly",
    "blit": "(a) bare blit, enlarged without smoothing",
    "bare": "(a) bare blit of the scan alone, without smoothing",
    "plot": "(b) pyqtgraph, setImage of int16 and labels",
}


def told(times: Times) -> dict[str, list[Measured]]:
    rows: list[Measured] = []
    for name, words in WORDS.items():
        aims = {95: 16.0} if name in ("outlines", "filled") else None
        rows += percentiles(words, [took for took, _ in times[name]], aims)
    half = {name: float(np.percentile([worked for _, worked in pairs], 50)) for name, pairs in times.items()}
    rows += [Measured(f"{words}, work of the thread p50", half[name]) for name, words in WORDS.items()]
    for name in ("outlines", "filled"):
        rows += [
            Measured(f"work: {name} / smooth blit", half[name] / half["smooth"], "×", at_most=1.5),
            Measured(f"work: {name} / blit without smoothing", half[name] / half["blit"], "×", at_most=1.5),
            Measured(f"work: {name} / pyqtgraph", half[name] / half["plot"], "×"),
        ]
    return {f"Slice step, three planes of {' × '.join(map(str, SHAPE))} int16, {LABELS} labels": rows}


def step(store: Store[Scene], views: dict[Plane, SliceView], at: tuple[int, ...]) -> None:
    store.put(store.state.at_voxel((float(at[0]), float(at[1]), float(at[2]))))
    for view in views.values():
        view.repaint()


def blitted(blits: dict[Plane, Blit], image: Volume, over: Volume | None, at: tuple[int, ...]) -> None:
    for plane, blit in blits.items():
        index = at[NORMAL[plane]]
        blit.put(cut(image, plane, index).pixels, None if over is None else cut(over, plane, index).pixels)
        blit.repaint()


def plotted(plots: dict[Plane, Plot], image: Volume, over: Volume, at: tuple[int, ...]) -> None:
    for plane, plot in plots.items():
        index = at[NORMAL[plane]]
        plot.put(cut(image, plane, index).pixels, cut(over, plane, index).pixels)
        plot.viewport().repaint()
