"""A scan placed otherwise (on a regular grid, by the other form of its header), with all that lies over it, as Work."""

import re
from collections.abc import Callable
from dataclasses import replace

from medviz.gui.services import Services
from medviz.gui.viewer.rooms import ROOMS
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work

Put = Callable[[Scene], Scene]
_FORMS = re.compile(r"its sform and qform disagree, by (.+) mm at a corner; the (sform|qform) is used")


def two_forms(volume: Volume) -> tuple[str, str] | None:
    """How far apart (mm, in words) the two forms of a header put a scan, and which is used; None where they agree."""
    found = next((match for note in volume.warnings if (match := _FORMS.search(note))), None)
    return None if found is None else (found[1], found[2])


def irregular(volume: Volume) -> str:
    """Say what is irregular about a scan's grid and can be mended by resampling; empty where nothing is."""
    notes = (note for note in volume.warnings if "it was sheared" not in note)
    return next((note for note in notes if "sheared" in note or note.endswith("left blank")), "")


def is_offered(note: str) -> bool:
    """Tell a warning that the banner over the panes says already."""
    return bool(_FORMS.search(note)) or (("sheared" in note and "it was sheared" not in note) or _is_gap(note))


def _is_gap(note: str) -> bool:
    return note.startswith("slices are missing") and note.endswith("left blank")


def regular(services: Services, layers: tuple[Layer, ...]) -> Work[Put]:
    """Put the scan on a regular grid; a series of DICOM with gaps is read anew, each slice from its own place."""
    volume, source = layers[0].volume, layers[0].source
    if source is not None and any(_is_gap(note) for note in volume.warnings):
        cards = yield from services.files.series(source.path)
        card = next((one for one in cards if one.key == source.series), cards[0] if cards else None)
        if card is not None:
            volume = yield from services.files.read_series(card, None, True)
    if volume.pending is not None:
        yield from volume.pending.rest()
    volume = yield from services.files.regular(volume)
    return (yield from _moved(layers, volume))


def by_form(services: Services, layers: tuple[Layer, ...], form: str) -> Work[Put]:
    """Place the scan by the sform or the qform of its header; what lies over it stays where it lies in the patient."""
    source, read = layers[0].source, services.files.read_form
    if source is None or read is None:
        return lambda scene: scene
    volume = yield from read(source.path, form)
    return (yield from _moved(layers, volume))


def _moved(layers: tuple[Layer, ...], volume: Volume) -> Work[Put]:
    """Return what puts the new scan, and its overlays on the new grid, into a scene that still has the old one."""
    made = [replace(layers[0], volume=volume)]
    for layer in layers[1:]:
        yield Progress(0, 0, f"putting {layer.volume.name} on the new grid")
        placed = ROOMS["onto"](layer.volume, volume, "nearest" if layer.role == "labels" else "linear")
        made.append(replace(layer, volume=placed))

    def put(scene: Scene) -> Scene:
        if not scene.layers or scene.layers[0].volume.voxels is not layers[0].volume.voxels:
            return scene
        return replace(scene, layers=tuple(made), active=min(scene.active, len(made) - 1)).at(scene.cursor)

    return put
