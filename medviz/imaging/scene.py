"""All that the viewer shows, as one frozen value."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Literal

import numpy as np

from medviz.imaging.intensity import Tone
from medviz.imaging.labels import Label
from medviz.imaging.marks import Mark
from medviz.imaging.mixing import NO_MIX, Mix
from medviz.imaging.oblique import Section, Turn, acquired, added, parallel, scaled, section
from medviz.imaging.slabs import NO_SLAB, Slab
from medviz.imaging.slices import Plane
from medviz.imaging.sources import Maker, Source
from medviz.imaging.volume import Volume
from medviz.parameters import Range

Point = tuple[float, float, float]
Style = Literal["outline", "fill", "off"]
Pane = Plane | Literal["volume"]
Layout = Literal["2x2", "1+3", "compare", "lightbox"]


@dataclass(frozen=True)
class Layer:
    """One volume in the scene and how it is drawn.

    `role`: "image" (grey or a colour map), "labels" (colours by label) or "probability" (0..1, a colour map).
    `window` and `level` are in what a person reads (HU after slope and intercept). Nothing that a hand or a model does
    changes the voxels of a label in `locked_labels`. `source` is the file it was read from, `maker` the model that
    made it; None where there is none.
    """

    volume: Volume
    role: Literal["image", "labels", "probability"] = "image"
    visible: bool = True
    opacity: float = 0.6
    window: float = 1.0
    level: float = 0.5
    colours: str = "grey"
    tone: Tone = field(default=Tone())
    style: Style = "outline"
    labels: tuple[Label, ...] = ()
    hidden_labels: frozenset[int] = frozenset()
    locked_labels: frozenset[int] = frozenset()
    proposal: bool = False
    source: Source | None = None
    maker: Maker | None = None

    @property
    def seen_through(self) -> bool:
        """Whether the scan is seen through its low values (probabilities, unless a hand says otherwise)."""
        return self.role == "probability" if self.tone.fades is None else self.tone.fades


@dataclass(frozen=True)
class Second:
    """Another scan, on its own grid, seen beside the first or mixed into its panes.

    What is at a point of the first lies at that point plus `offset_mm` in the second. While it is not `linked` it has a
    `cursor` of its own. With `window_linked` window and level are those of the first; with `overlaid` the first one's
    overlays are drawn over it too, where they lie.
    """

    layer: Layer
    offset_mm: Point = (0.0, 0.0, 0.0)
    linked: bool = True
    cursor: Point | None = None
    window_linked: bool = False
    overlaid: bool = False
    mix: Mix = NO_MIX


@dataclass(frozen=True)
class Lightbox:
    """Many slices of one plane in rows and columns, `step_mm` apart; 0 shows every slice."""

    plane: Annotated[Plane, "Whose slices are laid out"] = "axial"
    columns: Annotated[int, Range(1, 10), "Slices beside each other"] = 4
    rows: Annotated[int, Range(1, 8), "Slices below each other"] = 3
    step_mm: Annotated[float, Range(0.0, 50.0, unit="mm"), "From slice to slice; 0 lays out every one"] = 0.0


@dataclass(frozen=True)
class Scene:
    """The scan at the bottom (`layers[0]`), overlays above it, and where and how one looks.

    `cursor` is in RAS mm, so that it means the same place for every layer and every linked pane. `maximised` is the one
    pane that fills the viewer, `active` the number of the layer that window and level are turned for, `smooth` whether
    voxels are interpolated on the screen or shown as they are. `tool` is the name of what the left button does,
    `marks` are the measurements drawn. `turn` turns the three planes about the cursor; None shows the voxels' own.
    """

    layers: tuple[Layer, ...] = ()
    cursor: Point = (0.0, 0.0, 0.0)
    frame: int = 0
    radiological: bool = True
    overlays_hidden: bool = False
    crosshair: bool = True
    maximised: Pane | None = None
    layout: Layout = "2x2"
    active: int = 0
    smooth: bool = True
    tool: str = "cursor"
    marks: tuple[Mark, ...] = ()
    turn: Turn | None = None
    slab: Slab = NO_SLAB
    second: Second | None = None
    lightbox: Lightbox = field(default=Lightbox())
    notices: tuple[str, ...] = field(default=())

    @property
    def scan(self) -> Volume | None:
        """The volume at the bottom, None in an empty scene."""
        return self.layers[0].volume if self.layers else None

    def at(self, cursor: Point) -> "Scene":
        """Move the cursor to a point in RAS mm, kept inside the scan."""
        if self.scan is None:
            return self
        limit = np.asarray(self.scan.shape) - 1
        voxel = np.clip(self.scan.to_voxel(cursor), 0, limit)
        x, y, z = self.scan.to_mm(voxel)
        return replace(self, cursor=(float(x), float(y), float(z)))

    def at_voxel(self, voxel: tuple[float, float, float]) -> "Scene":
        """Move the cursor to a voxel of the scan's RAS+ view."""
        if self.scan is None:
            return self
        x, y, z = self.scan.to_mm(voxel)
        return self.at((float(x), float(y), float(z)))

    @cached_property
    def voxel(self) -> tuple[int, int, int]:
        """The scan's voxel under the cursor."""
        if self.scan is None:
            return (0, 0, 0)
        x, y, z = np.floor(self.scan.to_voxel(self.cursor) + 0.5).astype(int)
        return int(x), int(y), int(z)

    def section(self, plane: Plane) -> Section | None:
        """Where the slice of a plane through the cursor lies in the patient, None in an empty scene."""
        if self.scan is None:
            return None
        if plane not in self._sections:
            self._sections[plane] = section(self.scan, plane, self.cursor, self.turn, self.radiological)
        return self._sections[plane]

    @cached_property
    def _sections(self) -> dict[Plane, Section]:
        return {}

    @cached_property
    def beside(self) -> "Scene | None":
        """The second scan as a scene of its own: the same place, planes and sides, its own voxels; None without one.

        Where its voxels lie at another angle, it is cut along the planes of the first.
        """
        if self.second is None or self.scan is None:
            return None
        second, layer = self.second, self.second.layer
        there = added(self.cursor, second.offset_mm) if second.linked or second.cursor is None else second.cursor
        if second.window_linked:
            layer = replace(layer, window=self.layers[0].window, level=self.layers[0].level)
        turn = self.turn or acquired(self.scan)
        return replace(
            self,
            layers=(layer, *(_shifted(one, second.offset_mm) for one in self.layers[1:] if second.overlaid)),
            cursor=there,
            turn=None if parallel(layer.volume, turn) else turn,
            frame=min(self.frame, layer.volume.frames - 1),
            active=0,
            second=None,
            marks=(),
        )

    def from_beside(self, there: "Scene") -> "Scene":
        """Take over what a hand did to the scene beside: place, window and level, and how one looks."""
        was = self.beside
        if was is None or self.second is None or there is was:
            return self
        second, layer = self.second, there.layers[0]
        windowed = (layer.window, layer.level) != (was.layers[0].window, was.layers[0].level)
        shared = ("radiological", "overlays_hidden", "crosshair", "maximised", "layout", "smooth", "tool", "slab")
        made = replace(self, **{name: getattr(there, name) for name in shared})
        if there.turn is not was.turn:
            made = replace(made, turn=there.turn)
        if there.frame != was.frame:
            made = replace(made, frame=there.frame)
        if windowed and second.window_linked:
            made = made.with_layer(0, window=layer.window, level=layer.level)
        elif layer is not was.layers[0]:
            second = replace(second, layer=layer)
        if there.cursor != was.cursor:
            if second.linked:
                made = made.at(added(there.cursor, scaled(second.offset_mm, -1.0)))
            else:
                second = replace(second, cursor=there.cursor)
        return made if second is self.second else replace(made, second=second)

    def with_layer(self, number: int, **fields: object) -> "Scene":
        """Replace fields of one layer."""
        layers = list(self.layers)
        layers[number] = replace(layers[number], **fields)  # type: ignore[arg-type]
        return replace(self, layers=tuple(layers))

    def adding(self, layer: Layer) -> "Scene":
        """Put a layer on top."""
        return replace(self, layers=(*self.layers, layer))

    def without(self, number: int) -> "Scene":
        """Take a layer away; the scan itself cannot be taken away."""
        if number == 0:
            return self
        active = self.active - (self.active >= number)
        return replace(self, layers=self.layers[:number] + self.layers[number + 1 :], active=active)


def _shifted(layer: Layer, by_mm: Point) -> Layer:
    """Return a layer that lies elsewhere in the room."""
    if not any(by_mm):
        return layer
    affine = layer.volume.affine.copy()
    affine[:3, 3] += by_mm
    return replace(layer, volume=replace(layer.volume, affine=affine))
