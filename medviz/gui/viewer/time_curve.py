"""The values at the cross-hair over time: a curve with a line at the frame on the screen; a click goes to a frame."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from medviz.gui.colours import colours
from medviz.gui.viewer.annotations import number_text
from medviz.gui.viewer.cards import label
from medviz.imaging.scene import Point, Scene
from medviz.imaging.volume import Volume

HIGH_PX = 150


def course(volume: Volume, point: Point) -> NDArray[np.float64] | None:
    """Values of all frames at a point in RAS mm, as a person reads them; None outside the volume."""
    index = volume.nearest(point)
    if index is None:
        return None
    stored = volume.voxels[(slice(None), *index)]
    values: NDArray[np.float64] = stored.astype(np.float64) * volume.slope + volume.intercept
    if volume.pending is not None:
        values[list(volume.pending.missing)] = np.nan
    return values


class TimeCurve(QWidget):
    """Shows the course of one scene's series. `wanted` (frame) comes from a click."""

    wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.plot = _Plot()
        self.plot.setFixedHeight(HIGH_PX)
        self.plot.setAccessibleName("values at the cross-hair over time")
        self.plot.setToolTip("Values at the cross-hair in all frames; a click goes to that frame")
        self.line = self.plot.plot([], [])
        self.here = pg.InfiniteLine(angle=90)
        self.plot.addItem(self.here)
        self.plot.pointed.connect(self._pointed)
        self.said = label("", "small", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.plot)
        column.addWidget(self.said)
        self._step, self._frames = 1.0, 1

    def show_scene(self, scene: Scene) -> None:
        """Draw the course at the cross-hair and the line at the frame."""
        scan = scene.scan
        if scan is None or scan.frames < 2:
            return
        self._dress(scan)
        values = course(scan, scene.cursor)
        self._frames = scan.frames
        places = np.arange(scan.frames) * self._step + (0.0 if scan.frame_s else 1.0)
        if values is None:
            self.line.setData([], [])
            self.said.setText("The cross-hair is outside the series.")
            return
        good = np.isfinite(values)
        self.line.setData(places[good], values[good])
        self.here.setValue(float(places[scene.frame]))
        now, spread = values[scene.frame], float(np.ptp(values[good])) if good.any() else 0.0
        unit = f" {scan.unit}" if scan.unit else ""
        self.said.setText(
            f"now {number_text(float(now), spread)}{unit} · "
            f"mean {number_text(float(values[good].mean()), spread)}{unit} · "
            f"SD {number_text(float(values[good].std()), spread)}{unit}"
            if good.any()
            else "No number in any frame."
        )

    def _dress(self, scan: Volume) -> None:
        now = colours()
        self._step = scan.frame_s or 1.0
        self.plot.setBackground(now.of("panel"))
        self.line.setPen(pg.mkPen(now.of("accent"), width=1.5))
        self.here.setPen(pg.mkPen(now.of("text"), width=1, style=Qt.PenStyle.DashLine))
        item = self.plot.getPlotItem()
        for side in ("left", "bottom"):
            axis = item.getAxis(side)
            axis.setTextPen(now.of("dim"))
            axis.setPen(now.of("line"))
        dim = now.of("dim").name()
        item.setLabel("bottom", "time (s)" if scan.frame_s else "frame", color=dim)
        item.setLabel("left", scan.unit or "value", color=dim)

    def _pointed(self, x: float) -> None:
        first = 0.0 if self._step != 1.0 or self._seconds else 1.0
        self.wanted.emit(int(np.clip(round((x - first) / self._step), 0, self._frames - 1)))

    @property
    def _seconds(self) -> bool:
        return str(self.plot.getPlotItem().getAxis("bottom").labelText).startswith("time")


class _Plot(pg.PlotWidget):
    """Says where it was clicked, along the axis of time; neither pans nor zooms."""

    pointed = Signal(float)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.getPlotItem().getAxis("left").setWidth(52)
        self.setFrameShape(QFrame.Shape.NoFrame)
        menu = self.getPlotItem().ctrlMenu  # pyqtgraph makes it without a parent, and it would outlive the view
        menu.setParent(self, menu.windowFlags())
        for inside in menu.findChildren(QWidget):  # never shown, but it has a name
            inside.setAccessibleName(inside.accessibleName() or inside.objectName() or "curve")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go there."""
        self._point(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go along."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._point(event.position())

    def _point(self, at: QPointF) -> None:
        place = self.getPlotItem().vb.mapSceneToView(self.mapToScene(at.toPoint()))
        self.pointed.emit(float(place.x()))
