"""A session back into a scene, as Work: each file read, placed, and made to look as it did. No widget."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medviz.gui.services import Services
from medviz.gui.viewer.reading import Opened, overlay_layer, scan_layer, seen
from medviz.imaging.intensity import Role
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.series import SeriesCard
from medviz.imaging.session import Kept, Session, layer_again, load, looked_up, scene_again, sidecar, unsaved
from medviz.imaging.session import save as save_session
from medviz.imaging.sources import on_grid, series_key
from medviz.imaging.volume import Volume, like
from medviz.messages import Progress, Work
from medviz.refused import Refused

ROLES: tuple[Role, ...] = ("image", "labels", "probability")


@dataclass(frozen=True)
class Restored:
    """The layers of a session and what a person should know; `put` makes the scene of them."""

    session: Session
    layers: tuple[Layer, ...]
    second: Layer | None
    notes: tuple[str, ...] = ()

    def unsaved(self) -> "Restored":
        """Take the layers that lay beside a session for ones that no file has: after a crash that file goes away."""
        aside = [kept.path for kept in self.session.layers if kept.sidecar]
        layers = tuple(
            replace(layer, source=None) if layer.source is not None and layer.source.path in aside else layer
            for layer in self.layers
        )
        return replace(self, layers=layers)

    def put(self, old: Scene) -> Scene:
        """Show the session in place of what was open."""
        return scene_again(self.session, self.layers, self.second, old)


def loaded(services: Services, path: Path, places: Mapping[str, Path]) -> Work[Session]:
    """Read a session; what is not where it says is looked for where this person had it last, and in what ships.

    `places` are paths by the hash of what they hold.
    """
    session = yield from load(path)
    gone = [kept for kept in session.troubles if kept.state == "missing"]
    told = {kept.path: places[hash_of(kept)] for kept in gone if hash_of(kept) in places}
    if len(told) < len(gone):
        with suppress(Refused):
            sample = services.sample()
            told |= {kept.path: sample for kept in gone if kept.path.name == sample.name and kept.path not in told}
    return (yield from looked_up(session.moved(told))) if told else session


def hash_of(kept: Kept) -> str:
    """What a file of a session is known by."""
    return str(kept.known_by.get("sha256", ""))


def restored(services: Services, session: Session) -> Work[Restored]:
    """Open the files of a session; one that cannot be read is left out with a note, but not the scan itself."""
    notes: list[str] = []
    first = yield from _scan(services, session.layers[0])
    layers = [first]
    for kept in session.layers[1:]:
        try:
            layer, said = yield from _overlay(services, kept, first.volume)
        except Refused as refusal:
            said, layer = (str(refusal),), None
        notes += said
        if layer is not None:
            layers.append(layer)
    second = None
    if session.second is not None:
        try:
            second = yield from _scan(services, session.second)
        except Refused as refusal:
            notes.append(str(refusal))
    for kept, layer in zip(session.layers[:1], layers[:1], strict=True):
        if kept.grid is not None and not on_grid(layer.volume, kept.grid):
            notes.append(f"{kept.path.name} lies elsewhere than when the session was saved")
    return Restored(session, tuple(layers), second, tuple(notes))


def saved(
    services: Services,
    scene: Scene,
    path: Path,
    more: dict[str, object],
    aside: Callable[[Layer], bool] = lambda layer: True,
    known: dict[int, Path] | None = None,
    hashed: dict[Path, dict[str, Any]] | None = None,
) -> Work[Path]:
    """Save a session with its unsaved layers beside it; `known` are sidecars that are on disk already."""
    sidecars = dict(known or {})
    for number in unsaved(scene):
        layer = scene.layers[number]
        if number not in sidecars and aside(layer):
            yield Progress(0, 0, f"writing {layer.volume.name}")
            sidecars[number] = free_sidecar(path, number, scene)
            services.write(_on_scan(layer.volume, scene.layers[0].volume), sidecars[number])
    return (yield from save_session(scene, path, more, sidecars, hashed))


def free_sidecar(path: Path, number: int, scene: Scene) -> Path:
    """Where an unsaved layer is kept; never the file that another layer of the scene was read from."""
    taken = {
        layer.source.path for layer in scene.layers if layer.source is not None and layer.source.holds(layer.volume)
    }
    free = (sidecar(path, n) for n in (number, *range(len(scene.layers), 10**6)))
    return next(place for place in free if Path(os.path.abspath(place)) not in taken)


def _on_scan(volume: Volume, scan: Volume) -> Volume:
    """A copy that a brush does not change while it is written, in the scan's own order."""
    voxels = np.array(volume.voxels)
    if not volume.same_grid(scan):
        return replace(volume, voxels=voxels)
    return like(scan, voxels, kind=volume.kind, slope=volume.slope, intercept=volume.intercept, unit=volume.unit)


def _scan(services: Services, kept: Kept) -> Work[Layer]:
    volume, card = yield from _read(services, kept, None)
    if kept.grid is not None and not on_grid(volume, kept.grid):
        volume = yield from _placed_as_before(services, kept, volume, card)
    found: Opened = yield from seen(volume, kept.path, card)
    return layer_again(kept, scan_layer(found))


def _placed_as_before(services: Services, kept: Kept, volume: Volume, card: SeriesCard | None) -> Work[Volume]:
    """A scan was put on a regular grid, or its header's other form was chosen: find what was done to it."""
    read, form = volume, services.files.read_form
    if card is not None and card.gaps_mm:
        read = yield from services.files.read_series(card, None, True)
    regular = yield from services.files.regular(read)
    if on_grid(regular, kept.grid):
        return regular
    if form is not None and volume.stored.format == "NIfTI":
        for name in ("qform", "sform"):
            try:
                other = yield from form(kept.path, name)
            except Refused:
                continue
            if on_grid(other, kept.grid):
                return other
    return volume


def _overlay(services: Services, kept: Kept, scan: Volume) -> Work[tuple[Layer, tuple[str, ...]]]:
    volume, card = yield from _read(services, kept, scan)
    found: Opened = yield from seen(volume, kept.path, card)
    told = kept.look.get("role")
    role: Role = next((one for one in ROLES if one == told), found.role)
    layer, notes = yield from overlay_layer(found, role, scan)
    return layer_again(kept, layer), notes


def _read(services: Services, kept: Kept, scan: Volume | None) -> Work[tuple[Volume, SeriesCard | None]]:
    files = services.files
    if kept.series or kept.path.is_dir():
        cards = yield from files.series(kept.path)
        named = [card for card in cards if not kept.series or series_key(card.key) == kept.series]
        if named:
            return (yield from files.read_series(named[0], scan, False)), named[0]
        if kept.series:
            raise Refused(kept.path, "the series of the session is not in it any more", "open its folder anew")
    if scan is not None and files.read_over is not None:
        return (yield from files.read_over(kept.path, scan)), None
    return (yield from services.read(kept.path)), None
