"""A scan onto a regular grid, with all that lies over it, as Work. No widget."""

from collections.abc import Callable
from dataclasses import replace

from medviz.gui.services import Services
from medviz.gui.viewer.reading import Opened
from medviz.gui.viewer.rooms import ROOMS
from medviz.imaging.scene import Layer, Scene
from medviz.messages import Progress, Work


def regular(services: Services, found: Opened, layers: tuple[Layer, ...]) -> Work[Callable[[Scene], Scene]]:
    """Return what puts the resampled scan, and its overlays on the new grid, into a scene.

    A series of DICOM with gaps is read anew, so that each slice is taken from its own place.
    """
    volume, card = found.volume, found.card
    if card is None and volume.stored.format == "DICOM":
        card = next(iter((yield from services.files.series(found.path))), None)
    if card is not None and card.gaps_mm:
        volume = yield from services.files.read_series(card, None, True)
    if volume.pending is not None:
        yield from volume.pending.rest()
    volume = yield from services.files.regular(volume)
    moved = [replace(layers[0], volume=volume)]
    for layer in layers[1:]:
        yield Progress(0, 0, f"putting {layer.volume.name} on the new grid")
        placed = ROOMS["onto"](layer.volume, volume, "nearest" if layer.role == "labels" else "linear")
        moved.append(replace(layer, volume=placed))

    def put(scene: Scene) -> Scene:
        return replace(scene, layers=tuple(moved)).at(scene.cursor)

    return put
