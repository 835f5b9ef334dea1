"""From a volume to a layer of a scene, as every face of the program shows it at first."""

from dataclasses import replace

import numpy as np

from medviz.imaging.intensity import Role, guess_role, robust_window
from medviz.imaging.labels import named
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Volume


def layer_of(volume: Volume, role: Role | None = None, names: tuple[str, ...] = ()) -> Layer:
    """Make the layer of a volume, with the window its file asks for, else a robust one.

    Without `role` its content decides what it is. `names` are those of the labels 1, 2, ... A probability is drawn
    from 0 to 1.
    """
    kind = role or ("labels" if volume.labels and volume.voxels.dtype.kind in "ui" else guess_role(volume))
    if kind == "labels":
        return Layer(volume, "labels", labels=volume.labels or named(names))
    if kind == "probability":
        return Layer(volume, "probability", window=1.0, level=0.5, colours="magma", style="fill")
    if volume.kind == "colour":
        return Layer(volume, window=255.0, level=127.5)
    width, level = volume.window or robust_window(volume)
    return Layer(volume, window=width, level=level, colours="inverted grey" if volume.inverted else "grey")


def scene_of(scan: Layer) -> Scene:
    """Show a scan with the cursor in its middle."""
    middle = tuple(float(v) for v in (np.asarray(scan.volume.shape) - 1) // 2)
    return replace(Scene(), layers=(scan,)).at_voxel((middle[0], middle[1], middle[2]))
