"""A scan for the labs alone, which the viewer does not have open: read beside the window, with a place of its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QFileDialog, QWidget

from medviz.gui.desk import Desk
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slices import NORMAL, Plane
from medviz.imaging.volume import Volume
from medviz.messages import Work

FILES = (
    "Scans and pictures (*.nii *.nii.gz *.hdr *.img *.mgz *.mgh *.nrrd *.nhdr *.mha *.mhd *.dcm *.npy *.npz"
    " *.png *.jpg *.jpeg *.tif *.tiff *.bmp);;All files (*)"
)


class FromFile:
    """Asks for files and reads them; `scenes` holds what was read, by path, each with the place one looks at."""

    def __init__(self, desk: Desk, parent: QWidget, arrived: Callable[[str], object]) -> None:
        self.desk = desk
        self.parent = parent
        self.scenes: dict[str, Scene] = {}
        self._arrived = arrived

    def ask(self) -> bool:
        """Let a person choose a file; False where none was chosen."""
        name, _ = QFileDialog.getOpenFileName(self.parent, "Open a scan for this lab", "", FILES)
        if name:
            self.open(Path(name))
        return bool(name)

    def open(self, path: Path) -> None:
        """Read a file beside the window; the viewer keeps what it shows."""

        def reading() -> Work[Volume]:
            return (yield from self.desk.services.read(path))

        self.desk.start(f"Opening {path.name}", reading, "lab", lambda volume: self._read(str(path), volume))

    def moved(self, path: str, plane: Plane, index: int) -> bool:
        """Look at another slice of a file; True where that is another."""
        scene = self.scenes.get(path)
        if scene is None or scene.voxel[NORMAL[plane]] == index:
            return False
        voxel = list(scene.voxel)
        voxel[NORMAL[plane]] = index
        self.scenes[path] = scene.at_voxel((voxel[0], voxel[1], voxel[2]))
        return True

    def _read(self, path: str, volume: Volume) -> None:
        if volume.kind == "colour":
            grey = volume.voxels[:3].mean(0, dtype=np.float32, keepdims=True)
            volume = replace(volume, voxels=grey, kind="scalar")
            self.desk.tell(f"{volume.name} is in colour; labs see the mean of red, green and blue", "info")
        x, y, z = (length // 2 for length in volume.shape)
        radiological = self.desk.scene.state.radiological
        self.scenes[path] = Scene((Layer(volume),), radiological=radiological).at_voxel((x, y, z))
        for warning in volume.warnings:
            self.desk.tell(f"{volume.name}: {warning}", "warning")
        self._arrived(path)
