"""What is done to single layers of the scene: another role, names, a window that suits, a place to look at."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from medviz.gui.desk import Desk
from medviz.gui.viewer.reading import Opened, overlay_layer
from medviz.imaging.intensity import Role, robust_window, window_of
from medviz.imaging.labels import KNOWN_TABLES, load
from medviz.refused import Refused
from medviz.shipped import shipped

TABLES = "Label tables (*.txt *.label *.lut *.json)"


class Layers(QObject):
    """Changes layers by their number in the scene; what takes long runs beside the window.

    `went` (layer number, label value) says which label somebody wants to look at.
    """

    went = Signal(int, int)

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._over = desk, parent

    def window_to(self, number: int, values: Any) -> None:
        """Give a layer the window that suits these values (of a box that was drawn)."""
        finite = values[np.isfinite(values)]
        window, level = window_of(finite, 1.0, 99.0)
        self._desk.scene.put(self._desk.scene.state.with_layer(number, window=window, level=level))

    def recast(self, number: int, role: Role) -> None:
        """Take a layer for something else: labels, a probability, an image."""
        scene = self._desk.scene.state
        layer, scan = scene.layers[number], scene.layers[0].volume
        window, level = robust_window(layer.volume)
        found = Opened(Path(layer.volume.name), layer.volume, role, window, level)

        def take(made: Any) -> None:
            now = self._desk.scene.state
            if number < len(now.layers) and now.layers[number].volume is layer.volume:
                layers = list(now.layers)
                layers[number] = made[0]
                self._desk.scene.put(replace(now, layers=tuple(layers)))

        taken = sum(one.role == "labels" for one in scene.layers[1:])
        self._desk.start(f"{layer.volume.name} as {role}", lambda: overlay_layer(found, role, scan, taken), then=take)

    def ask_names(self, number: int) -> None:
        """Ask for a table of names (ITK-SNAP, FreeSurfer, dataset.json) and give them to the labels of a layer."""
        place, _ = QFileDialog.getOpenFileName(
            self._over, "Names of labels", "", "Label tables (*.txt *.label *.lut *.json)"
        )
        if place:
            self.name_labels(number, Path(place))

    def name_by_table(self, number: int, title: str) -> None:
        """Give the names of a table that ships with the program to the labels of a layer."""
        self.name_labels(number, shipped("tables", KNOWN_TABLES[title]))

    def name_labels(self, number: int, path: Path) -> None:
        """Give the names and colours of a table to the labels of a layer; what the table lacks keeps its name."""
        try:
            known = {label.value: label for label in load(path)}
        except Refused as refusal:
            self._desk.tell(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy)
            return
        scene = self._desk.scene.state
        labels = tuple(known.get(label.value, label) for label in scene.layers[number].labels)
        self._desk.scene.put(scene.with_layer(number, labels=labels))

    def go(self, number: int, value: int) -> None:
        """Put the cross-hair into a label: to its voxel nearest to the label's middle."""
        self.went.emit(number, value)
        layer = self._desk.scene.state.layers[number]
        voxels = np.argwhere(layer.volume.frame() == value)
        if len(voxels):
            middle = voxels.mean(axis=0)
            x, y, z = voxels[np.abs(voxels - middle).sum(axis=1).argmin()]
            self._desk.scene.put(self._desk.scene.state.at_voxel((float(x), float(y), float(z))))
