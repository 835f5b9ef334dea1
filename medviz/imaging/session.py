"""A session: what was open and how it was looked at, as JSON without any patient data.

Layers are named by relative paths and hashes; no tag, no header, no voxel, no absolute path is in it. Label maps that
no file has lie beside it as NIfTI ("sidecars").
"""

import json
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medviz import __version__
from medviz.imaging.plain import Unfit, plain, restored
from medviz.imaging.scene import Layer, Scene, Second
from medviz.imaging.sources import Maker, fingerprint, found, grid, relative, series_key
from medviz.imaging.storage import opening, replacing
from medviz.messages import Progress, Work
from medviz.refused import Refused

ENDING = ".medviz.json"
FORMAT = "medviz-session-1"
_MOST_BYTES = 32 << 20
_NOT_KEPT = frozenset(("volume", "source", "maker", "layers", "second", "layer", "notices", "overlays_hidden"))


@dataclass(frozen=True)
class Kept:
    """A layer as a session has it: where its file should be, what that is known by, and how the layer looked.

    `path` is where the file was looked for, `state` what became of it: "there", "changed", "missing".
    """

    path: Path
    known_by: Mapping[str, Any]
    look: Mapping[str, Any]
    series: str = ""
    grid: Mapping[str, Any] | None = None
    sidecar: bool = False
    state: str = "there"
    card: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Session:
    """What was read from a session file. `looks` is the scene without its layers, `more` what a face keeps beside."""

    path: Path
    layers: tuple[Kept, ...]
    second: Kept | None
    looks: Mapping[str, Any]
    second_looks: Mapping[str, Any]
    more: Mapping[str, Any]

    @property
    def all_layers(self) -> tuple[Kept, ...]:
        """The layers, and that of the second scan."""
        return (*self.layers, *([self.second] if self.second is not None else []))

    @property
    def troubles(self) -> tuple[Kept, ...]:
        """The layers whose file is missing or has changed."""
        return tuple(kept for kept in self.all_layers if kept.state != "there")

    def moved(self, places: Mapping[Path, Path]) -> "Session":
        """Look for files in other places: old path to new."""
        layers = tuple(replace(kept, path=places.get(kept.path, kept.path)) for kept in self.layers)
        second = self.second and replace(self.second, path=places.get(self.second.path, self.second.path))
        return replace(self, layers=layers, second=second)

    def without(self, gone: tuple[Kept, ...]) -> "Session":
        """Leave layers away."""
        second = None if self.second in gone else self.second
        return replace(self, layers=tuple(kept for kept in self.layers if kept not in gone), second=second)


def is_session(path: Path) -> bool:
    """Tell by its name."""
    return path.name.lower().endswith(ENDING)


def unsaved(scene: Scene) -> tuple[int, ...]:
    """Numbers of the layers above the scan that no file has as they are: drawn, corrected, predicted."""
    return tuple(
        number
        for number, layer in enumerate(scene.layers)
        if number and (layer.source is None or not layer.source.holds(layer.volume))
    )


def sidecar(session: Path, number: int) -> Path:
    """Where a layer that no file has is kept: case.medviz.json → case.layer-2.nii.gz."""
    return session.with_name(f"{session.name[: -len(ENDING)]}.layer-{number}.nii.gz")


def save(
    scene: Scene,
    path: Path,
    more: Mapping[str, Any],
    sidecars: Mapping[int, Path],
    hashed: dict[Path, dict[str, Any]] | None = None,
) -> Work[Path]:
    """Write a session, whole or not at all; yields Progress while files are hashed.

    `sidecars` are the files that hold the unsaved layers, by number; a layer that has neither is left out. `hashed`
    keeps what files are known by from one time to the next, for one who saves every few seconds. Refused where the
    scan itself has no file.
    """
    if not is_session(path):
        raise Refused(path, "a session has another ending", f"end its name with {ENDING}")
    if scene.scan is None or scene.layers[0].source is None:
        raise Refused(path, "there is no scan from a file in it", "open a scan first")
    layers = []
    for number, layer in enumerate(scene.layers):
        yield Progress(number, len(scene.layers), "noting files")
        file = sidecars.get(number) or (layer.source.path if layer.source is not None else None)
        if file is not None and (number == 0 or number in sidecars or number not in unsaved(scene)):
            layers.append(_noted(layer, file, path.parent, number in sidecars, hashed))
    document: dict[str, Any] = {
        "format": FORMAT,
        "medviz": __version__,
        "layers": layers,
        "scene": plain(scene, _NOT_KEPT.__contains__),
        **({"window": dict(more)} if more else {}),
    }
    if scene.second is not None and scene.second.layer.source is not None:
        noted = _noted(scene.second.layer, scene.second.layer.source.path, path.parent, False, hashed)
        document["second"] = {"layer": noted, "scene": plain(scene.second, _NOT_KEPT.__contains__)}
    with replacing(path) as file_out:
        file_out.write((json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
    return path


def load(path: Path) -> Work[Session]:
    """Read a session and look its files up; opens none of them. Refused for a file that is no session."""
    with opening(path):
        if path.stat().st_size > _MOST_BYTES:
            raise Refused(path, "it is too large for a session", "choose another file")
        text = path.read_bytes().decode("utf-8", errors="replace")
    try:
        told = json.loads(text)
        if told["format"] != FORMAT:
            raise Refused(path, f"it is a session of another kind ({told['format']})", "open it with a newer medviz")
        layers = [_kept(one, path.parent) for one in told["layers"]]
        apart = told.get("second")
        second = _kept(apart["layer"], path.parent) if apart else None
        looks, more = dict(told.get("scene", {})), dict(told.get("window", {}))
        second_looks = dict(apart["scene"]) if apart else {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise Refused(path, "it is no session of medviz, or damaged", "choose another file") from problem
    if not layers:
        raise Refused(path, "there is no layer in it", "choose another file")
    made = Session(path, tuple(layers), second, looks, second_looks, more)
    return (yield from looked_up(made))


def looked_up(session: Session) -> Work[Session]:
    """Look which files of a session are there, and are still what they were."""
    layers = []
    for number, kept in enumerate(session.all_layers):
        yield Progress(number, len(session.all_layers), f"looking for {kept.path.name}")
        layers.append(replace(kept, state=_state(kept)))
    second = layers.pop() if session.second is not None else None
    return replace(session, layers=tuple(layers), second=second)


def layer_again(kept: Kept, layer: Layer) -> Layer:
    """Make a layer look as it did."""
    try:
        made = restored(Layer, dict(kept.look), layer)
    except Unfit:
        return layer
    maker = (
        None
        if kept.card is None
        else Maker(kept.card, None if kept.card.get("edited_by_hand") else weakref.ref(layer.volume.voxels))
    )
    return replace(made, volume=layer.volume, source=layer.source, maker=maker)


def scene_again(session: Session, layers: tuple[Layer, ...], second: Layer | None, old: Scene) -> Scene:
    """Put a scene together; what a session does not say stays as in `old`."""
    base = replace(old, layers=layers, second=None, marks=())
    try:
        made = restored(Scene, dict(session.looks), base)
    except Unfit:
        made = base
    made = replace(made, layers=layers, second=None, active=min(made.active, len(layers) - 1))
    scan = layers[0].volume
    made = replace(made, frame=min(max(made.frame, 0), scan.frames - 1)).at(made.cursor)
    if second is None:
        return replace(made, layout="2x2") if made.layout == "compare" else made
    beside = Second(second)
    try:
        beside = replace(restored(Second, dict(session.second_looks), beside), layer=second)
    except Unfit:
        beside = Second(second)
    return replace(made, second=beside)


def _noted(
    layer: Layer, file: Path, folder: Path, aside: bool, hashed: dict[Path, dict[str, Any]] | None
) -> dict[str, Any]:
    known_by = None if hashed is None or aside else hashed.get(file)
    if known_by is None:
        with opening(file):
            known_by = fingerprint(file)
    if hashed is not None:
        hashed[file] = known_by
    made: dict[str, Any] = {"file": relative(file, folder), "known_by": known_by}
    if layer.source is not None and layer.source.series and not aside:
        made["series"] = series_key(layer.source.series)
    made["grid"] = grid(layer.volume)
    if aside:
        made["sidecar"] = True
    made["look"] = plain(layer, _NOT_KEPT.__contains__)
    made["look"]["role"] = layer.role
    if layer.maker is not None:
        made["card"] = layer.maker.says(layer.volume)
    return made


def _kept(told: Mapping[str, Any], folder: Path) -> Kept:
    name = str(told["file"])
    if Path(name).is_absolute() or ":" in name:
        raise ValueError("a session has no absolute paths")
    return Kept(
        path=found(name, folder),
        known_by=dict(told["known_by"]),
        look=dict(told["look"]),
        series=str(told.get("series", "")),
        grid=told.get("grid"),
        sidecar=bool(told.get("sidecar", False)),
        card=told.get("card") if isinstance(told.get("card"), dict) else None,
    )


def _state(kept: Kept) -> str:
    try:
        now = fingerprint(kept.path)
    except OSError:
        return "missing"
    return "there" if all(now.get(key) == kept.known_by.get(key) for key in ("size", "sha256")) else "changed"
