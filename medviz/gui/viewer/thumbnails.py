"""Small pictures of the scans open lately: a slice each, kept with the preferences under a hash of the path."""

from hashlib import sha256
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSettings, Qt
from PySide6.QtGui import QImage, QImageWriter, QPixmap

from medviz.figures import Picture
from medviz.gui.viewer.raster import Shades, colour_picture
from medviz.gui.viewer.tints import tint
from medviz.imaging.intensity import levels
from medviz.imaging.scene import Scene
from medviz.imaging.slices import NORMAL, cut

SIDE_PX = 96
FOLDER = "viewer/thumbnails"


def thumbnail(scene: Scene) -> QImage:
    """Draw the axial slice through the cursor with its window, as large as fits into a square."""
    layer, scan = scene.layers[0], scene.layers[0].volume
    index = scene.voxel[NORMAL["axial"]]
    parts = [cut(scan, "axial", index, n).pixels for n in range(3 if scan.kind == "colour" else 1)]
    if len(parts) == 3:
        picture = colour_picture(tuple(parts))
    else:
        low, high = levels(layer.window, layer.level, scan.slope, scan.intercept)
        picture = Shades().picture(parts[0], low, high, tint(layer.colours))
    picture = np.ascontiguousarray(picture)
    rows, cols = picture.shape
    whole = QImage(picture.data, cols, rows, 4 * cols, QImage.Format.Format_RGB32)
    down, across = scan.spacing_mm[1], scan.spacing_mm[0]
    share = SIDE_PX / max(rows * down, cols * across)
    return whole.scaled(
        max(1, round(cols * across * share)),
        max(1, round(rows * down * share)),
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


def keep(settings: QSettings, path: Path, picture: QImage, recent: tuple[Path, ...]) -> None:
    """Keep the picture of a scan, and forget those of scans that are no longer in the list."""
    packed = QByteArray()
    buffer = QBuffer(packed)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"PNG")).write(picture)
    buffer.close()
    settings.beginGroup(FOLDER)
    settings.setValue(_key(path), packed)
    for key in set(settings.childKeys()) - {_key(one) for one in (path, *recent)}:
        settings.remove(key)
    settings.endGroup()


def kept(settings: QSettings, path: Path) -> QPixmap:
    """Return the picture of a scan; empty where there is none."""
    packed = settings.value(f"{FOLDER}/{_key(path)}")
    picture = QPixmap()
    if isinstance(packed, QByteArray):
        picture.loadFromData(packed, "PNG")
    return picture


def _key(path: Path) -> str:
    return sha256(str(path.absolute()).encode()).hexdigest()[:24]


def grey_image(picture: Picture) -> QImage:
    """Return a grey picture as the screen wants it, its levels from black to white."""
    pixels = np.asarray(picture.pixels)
    low, high = picture.levels or (float(pixels.min()), float(pixels.max()))
    grey = np.clip((pixels - low) * (255.0 / ((high - low) or 1.0)), 0, 255).astype(np.uint8)
    rows, cols = grey.shape
    return QImage(grey.tobytes(), cols, rows, cols, QImage.Format.Format_Grayscale8).copy()
