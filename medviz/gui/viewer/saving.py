"""What leaves the viewer as a file: layers as NIfTI, panes as pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from medviz.gui.desk import Desk
from medviz.gui.viewer.rooms import ROOMS
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work
from medviz.refused import Refused

PICTURES = "Pictures (*.png)"
VOLUMES = "NIfTI (*.nii.gz *.nii)"


class Saving(QObject):
    """Asks for a place, writes beside the window, and says where it is.

    `began` and `saved` (Volume) say of a layer that its voxels go, and have gone, into a file that holds all of them.
    """

    began = Signal(object)
    saved = Signal(object)

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._over = desk, parent

    def save_layer(self, number: int) -> None:
        """Ask where a layer is to be saved, and save it."""
        layer = self._desk.scene.state.layers[number]
        stem = layer.volume.name.removesuffix(".gz").removesuffix(".nii") or "layer"
        place = self._ask("Save layer as NIfTI", f"{stem.replace(' ', '_')}.nii.gz", VOLUMES)
        if place:
            self.write_layer(number, Path(place))

    def write_layer(self, number: int, path: Path) -> None:
        """Save a layer with the scan's own affine and voxel order."""
        scene, services = self._desk.scene.state, self._desk.services
        shown = scene.layers[number].volume
        scan, maker = scene.layers[0].volume, scene.layers[number].maker
        self.began.emit(shown)

        def writing() -> Work[Path]:
            yield Progress(0, 0, f"writing {path.name}")
            volume = shown if number == 0 else replace(shown, voxels=np.array(shown.voxels))  # a brush may go on
            services.write(on_scan(volume, scan) if number and volume.same_grid(scan) else volume, path)
            if maker is not None and path.is_file():  # the card of the model travels with its mask
                ROOMS["write card"](maker.says(shown), (path,))
            return path

        def told(made: Path) -> None:
            self.saved.emit(shown)
            self._desk.tell(f"Saved as {made}")

        self._desk.start(f"save {path.name}", writing, then=told)

    def save_picture(self, view: QWidget) -> None:
        """Ask where the picture of a pane is to be saved, and save it."""
        if self._desk.scene.state.scan is None:
            self._desk.tell("There is nothing to take a picture of", "warning", "Open a scan first")
            return
        name = self._desk.scene.state.layers[0].volume.name.split(".")[0] or "pane"
        place = self._ask("Save picture of the pane", f"{name}.png", PICTURES)
        if place:
            self.write_picture(view, Path(place))

    def write_picture(self, view: QWidget, path: Path) -> None:
        """Save a pane as it is on the screen."""
        if view.grab().save(str(path), "PNG"):
            self._desk.tell(f"Saved as {path}")
        else:
            refusal = Refused(path, "it could not be written", "choose a folder that exists and may be written to")
            self._desk.tell(str(refusal), "error")

    def _ask(self, title: str, name: str, kinds: str) -> str:
        folder = str(self._desk.preferences.value("viewer/saved in", ""))
        place, _ = QFileDialog.getSaveFileName(self._over, title, str(Path(folder) / name), kinds)
        if place:
            self._desk.preferences.setValue("viewer/saved in", str(Path(place).parent))
        return place


def on_scan(volume: Volume, scan: Volume) -> Volume:
    """Make the layer one that is written back in the scan's own order and with its own affine bytes."""
    return like(
        scan,
        volume.voxels,
        volume.name,
        kind=volume.kind,
        slope=volume.slope,
        intercept=volume.intercept,
        unit=volume.unit,
    )
