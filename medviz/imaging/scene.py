"""All that the viewer shows, as one frozen value."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np

from medviz.imaging.intensity import Tone
from medviz.imaging.labels import Label
from medviz.imaging.marks import Mark
from medviz.imaging.slices import Plane
from medviz.imaging.volume import Volume

Point = tuple[float, float, float]
Style = Literal["outline", "fill", "off"]
Pane = Plane | Literal["volume"]
Layout = Literal["2x2", "1+3"]


@dataclass(frozen=True)
class Layer:
    """One volume in the scene and how it is drawn.

    `role`: "image" (grey or a colour map), "labels" (colours by label) or "probability" (0..1, a colour map).
    `window` and `level` are in what a person reads (HU after slope and intercept). Nothing that a hand or a model does
    changes the voxels of a label in `locked_labels`.
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

    @property
    def seen_through(self) -> bool:
        """Whether the scan is seen through its low values (probabilities, unless a hand says otherwise)."""
        return self.role == "probability" if self.tone.fades is None else self.tone.fades


@dataclass(frozen=True)
class Scene:
    """The scan at the bottom (`layers[0]`), overlays above it, and where and how one looks.

    `cursor` is in RAS mm, so that it means the same place for every layer and every linked pane. `maximised` is the one
    pane that fills the viewer, `active` the number of the layer that window and level are turned for, `smooth` whether
    voxels are interpolated on the screen or shown as they are. `tool` is the name of what the left button does,
    `marks` are the measurements drawn.
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
