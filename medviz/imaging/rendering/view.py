"""What of a scene is shown in 3-D and how, and the picture that comes of it, as values."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.rendering.sight import Frame, Sight
from medviz.imaging.scene import Layer, Point, Scene
from medviz.imaging.slices import Plane
from medviz.messages import Work

Mode = Literal["surfaces", "volume", "maximum", "planes"]
MODES: dict[Mode, str] = {
    "surfaces": "Surfaces",
    "volume": "Volume",
    "maximum": "Maximum",
    "planes": "Planes",
}
Cut = Literal["none", "corner", "axial", "coronal", "sagittal", "free"]
CUTS: dict[Cut, str] = {
    "none": "Whole",
    "corner": "Corner at the cross-hair",
    "axial": "Axial cut",
    "coronal": "Coronal cut",
    "sagittal": "Sagittal cut",
    "free": "Free cut",
}
SOLID_FROM = 0.6
"""A layer this opaque on slices (a layer's opacity at first) is solid in 3-D; below it one sees through."""


@dataclass(frozen=True)
class View:
    """How the whole is looked at.

    `preset` names how values become colours and opacity in volume rendering ("" for what suits the scan), moved by
    `shift` (share of the scan's range). `cut` None takes what suits: the corner at the cross-hair for a scan, nothing
    for labels. A free cut has its `normal` (RAS, towards what is taken away) and lies `depth_mm` from the cross-hair.
    `skin` shows the scan's own surface around labels, `labels` the surfaces of labels in a volume or among planes;
    `within` renders of a volume only what lies in the labels that are shown.
    """

    sight: Sight = field(default_factory=Sight)
    mode: Mode = "surfaces"
    preset: str = ""
    shift: float = 0.0
    cut: Cut | None = None
    normal: Point = (0.0, 1.0, 0.0)
    depth_mm: float = 0.0
    skin: bool = False
    labels: bool = False
    within: bool = False

    @property
    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a session on disk."""
        sight = {"turn": self.sight.turn, "lift": self.sight.lift, "zoom": self.sight.zoom}
        plain = {name: getattr(self, name) for name in _KEPT}
        return {**plain, "normal": list(self.normal), "sight": {**sight, "shift": list(self.sight.shift)}}

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> "View":
        """Read what `as_dict` wrote; what is not understood is left at its default."""
        made = cls()
        if kept.get("mode") in MODES:
            made = replace(made, mode=kept["mode"])
        if kept.get("cut") in CUTS:
            made = replace(made, cut=kept["cut"])
        for name in ("preset", "shift", "depth_mm", "skin", "labels", "within"):
            if type(kept.get(name)) is type(getattr(made, name)):
                made = replace(made, **{name: kept[name]})
        normal = kept.get("normal")
        if isinstance(normal, list) and len(normal) == 3 and all(map(_is_number, normal)) and any(normal):
            made = replace(made, normal=(float(normal[0]), float(normal[1]), float(normal[2])))
        sight = kept.get("sight")
        if isinstance(sight, dict):
            turn, lift, zoom = (
                float(sight[name]) if _is_number(sight.get(name)) else getattr(Sight(), name)
                for name in ("turn", "lift", "zoom")
            )
            made = replace(made, sight=Sight(turn, min(max(lift, -90.0), 90.0), min(max(zoom, 0.3), 30.0)))
        return made


_KEPT = ("mode", "preset", "shift", "cut", "depth_mm", "skin", "labels", "within")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


@dataclass(frozen=True)
class Wish:
    """A picture of `size` (rows, cols) of a view of a scene; `fast` while it moves."""

    scene: Scene
    view: View
    size: tuple[int, int]
    fast: bool = False


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture (rows, cols, 3), the wish it answers, and what must be known to point into it.

    `height_mm` (rows, cols) is how far what is seen stands out towards the eye from the plane through the middle of
    `frame`; NaN where nothing, or only a volume, is seen. `by` names who drew it, `grid_mm` the grid of what is shown,
    `preset` how values became colours in a volume.
    """

    wish: Wish
    picture: NDArray[np.uint8]
    height_mm: NDArray[np.float32] | None
    frame: Frame
    grid_mm: float
    by: str
    took_s: float
    preset: str = ""


class Renderer(Protocol):
    """Makes pictures. One thread at a time draws; the others may be called by any."""

    @property
    def simple(self) -> bool:
        """Whether only the simple view is drawn."""
        ...

    def draw(self, wish: Wish) -> Work[Shot | None]:
        """Make a picture; None where `hurry` was called meanwhile."""
        ...

    def point_at(self, shot: Shot, row: float, col: float) -> Point | None:
        """Return the point in RAS mm that is seen at a place in a picture; None where there is nothing."""
        ...

    def hurry(self, building: bool = False) -> None:
        """Give up the picture that is being made: something newer is wanted; also the surfaces, if `building`."""
        ...

    def close(self) -> None:
        """End, and free what was taken."""
        ...


def has_whole(scene: Scene) -> bool:
    """Whether there is anything to render: a scan of several slices, not in colour."""
    scan = scene.scan
    return scan is not None and min(scan.shape) >= 2 and scan.kind != "colour"


def label_layers(scene: Scene) -> tuple[Layer, ...]:
    """Layers whose labels (or probabilities, above their level) are shown as surfaces, the bottom one first."""
    if scene.overlays_hidden and scene.layers[0].role != "labels":
        return ()
    return tuple(
        layer
        for number, layer in enumerate(scene.layers)
        if layer.role in (("labels", "probability") if number else ("labels",))
        and layer.visible
        and layer.style != "off"
        and layer.opacity > 0
    )


def opacity_of(layer: Layer) -> float:
    """Opacity of a layer's surfaces: solid from the opacity on that layers have at first."""
    return min(1.0, layer.opacity / SOLID_FROM)


def solid(wish: Wish) -> Wish | None:
    """Return the wish for the same picture with nothing seen through, to point into; None where it is so already.

    What is seen through has no depth of its own: a click on it is answered by this picture, coarse is enough.
    """
    if not shows_labels(wish) or all(opacity_of(layer) >= 1.0 for layer in label_layers(wish.scene)):
        return None
    layers = tuple(replace(layer, opacity=1.0) if layer.opacity > 0 else layer for layer in wish.scene.layers)
    return replace(wish, scene=replace(wish.scene, layers=layers), view=replace(wish.view, skin=False), fast=True)


def shows_labels(wish: Wish) -> bool:
    """Whether surfaces of labels are in the picture."""
    view = wish.view
    return (view.mode == "surfaces" or (view.labels and view.mode != "maximum")) and bool(label_layers(wish.scene))


def cut_of(scene: Scene, view: View) -> Cut:
    """Return the cut that is shown: the one asked for, else what suits what there is."""
    if view.mode in ("planes", "maximum"):
        return "none"
    if view.cut is not None:
        return view.cut
    return "none" if label_layers(scene) or view.mode == "volume" else "corner"


def cut_plane(cut: Cut) -> Plane | None:
    """Return the plane of a cut along a plane of slices."""
    return cut if cut in ("axial", "coronal", "sagittal") else None
