"""What all layers put on one pane: cut where it changed, painted into one picture, worked out finer when hands rest."""

import time
from collections.abc import Iterator
from typing import Any

from PySide6.QtGui import QImage

from medviz.gui.viewer.canvas import Canvas
from medviz.gui.viewer.film import Film, thinning
from medviz.gui.viewer.mixture import Mixture
from medviz.gui.viewer.raster import Grid
from medviz.gui.viewer.sheet import Sheet
from medviz.imaging.oblique import Section, grid_of
from medviz.imaging.sampling import Places
from medviz.imaging.scene import Layer, Scene, Second
from medviz.imaging.slices import Plane, Slice
from medviz.imaging.volume import Volume


class Plate:
    """One picture of a scene; `drawings` counts how often it was made anew."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.films: list[Film] = []
        self.second = Film(plane)
        self.mixture = Mixture()
        self.drawings = 0
        self.canvas: Canvas | None = None
        self._grid: tuple[Any, Grid | None] = ((), None)
        self._drawn_of: tuple[Any, ...] = ()
        self._finer: Iterator[None] | None = None
        self._places: tuple[Any, Places] | None = None

    def film(self, number: int) -> Film:
        """What one layer puts on it."""
        while len(self.films) <= number:
            self.films.append(Film(self.plane))
        return self.films[number]

    def forget(self, layers: int) -> None:
        """Drop the films of layers that are no more."""
        del self.films[layers:]

    def redraw(self, number: int) -> None:
        """Cut and paint a layer anew: its voxels were written to."""
        if number < len(self.films):
            self.films[number].slice = None
        self._drawn_of = ()

    def load(self, scene: Scene, section: Section, number: int = 0) -> Slice:
        """Bring one layer's slice up to date and return it."""
        slab = scene.slab.of(self.plane)
        return self.film(number).load(scene.layers[number], section, scene.frame, slab, scene.smooth, self._placed)

    def would_draw(self, scene: Scene, section: Section, sheet: Sheet, size: tuple[int, int], ratio: float) -> bool:
        """Whether the picture would have to be made anew."""
        return self.canvas is None or self._of(scene, section, sheet, size, ratio) != self._drawn_of

    def _of(self, scene: Scene, section: Section, sheet: Sheet, size: tuple[int, int], ratio: float) -> tuple[Any, ...]:
        """All that the picture depends on."""
        manner = (scene.frame, scene.overlays_hidden, scene.smooth, scene.slab.of(self.plane))
        return (section, *manner, sheet, size, ratio, _mixed_in(scene), scene.layers)

    def drawn(self, scene: Scene, section: Section, sheet: Sheet, size: tuple[int, int], ratio: float) -> QImage:
        """Return the picture of all layers; it is made anew only if it would differ."""
        of, second = self._of(scene, section, sheet, size, ratio), _mixed_in(scene)
        if self.canvas is not None and of == self._drawn_of:
            return self.canvas.image
        if self.canvas is None or (self.canvas.width, self.canvas.height, self.canvas.ratio) != (*size, ratio):
            self.canvas = Canvas(*size, ratio)
        canvas, grid = self.canvas, self._grid_of(sheet, ratio)
        canvas.smooth = scene.smooth
        with canvas:
            for number, layer in enumerate(scene.layers):
                over = number > 0
                if not layer.visible or (over and (scene.overlays_hidden or layer.style == "off")):
                    continue
                self.load(scene, section, number)
                if over or second is None or layer.volume.kind == "colour":
                    self.film(number).paint(canvas, layer, sheet, grid, below=not over)
                else:
                    self._paint_mixed(canvas, scene, section, sheet, second)
        if of != self._drawn_of:
            self._finer = None
        self._drawn_of = of
        self.drawings += 1
        return canvas.image

    @property
    def coarse(self) -> bool:
        """Whether something on it is still to be worked out."""
        return any(film.coarse for film in (*self.films, self.second))

    def develop(self, budget_s: float) -> bool:
        """Work out what is coarse for so long; returns True when something is new to be painted."""
        until = time.perf_counter() + budget_s
        if self._finer is None:
            waiting = next((film for film in (*self.films, self.second) if film.coarse), None)
            if waiting is None:
                return False
            self._finer = waiting.finer()
        for _ in self._finer:
            if time.perf_counter() > until:
                return False
        self._finer = None
        self._drawn_of = ()
        return True

    def _paint_mixed(self, canvas: Canvas, scene: Scene, section: Section, sheet: Sheet, second: Second) -> None:
        layer = mixed_layer(scene, second)
        there = section.moved(second.offset_mm)
        self.second.load(layer, there, scene.frame, scene.slab.of(self.plane), scene.smooth)
        factor = thinning(sheet, canvas.ratio)
        image = self.mixture.image((self.film(0), scene.layers[0]), (self.second, layer), section, second.mix, factor)
        canvas.stretched(image, sheet.place)

    def _placed(self, volume: Volume, section: Section) -> Places:
        """Where a section lies in a volume's voxels: worked out once for all layers on one grid."""
        of = (section, grid_of(volume))
        if self._places is None or self._places[0] != of:
            self._places = (of, Places(section, volume.inverse, volume.shape))
        return self._places[1]

    def _grid_of(self, sheet: Sheet, ratio: float) -> Grid:
        if self._grid[1] is None or self._grid[0] != (sheet, ratio):
            self._grid = ((sheet, ratio), Grid(sheet, ratio))
        grid = self._grid[1]
        assert grid is not None
        return grid


def _mixed_in(scene: Scene) -> Second | None:
    """Return the second scan where it is mixed into the first one's panes."""
    second = scene.second
    if second is None or second.mix.how == "off" or second.layer.volume.kind == "colour":
        return None
    return second


def mixed_layer(scene: Scene, second: Second) -> Layer:
    """Return the layer of the second scan with the window it is drawn with."""
    beside = scene.beside
    return second.layer if beside is None else beside.layers[0]
