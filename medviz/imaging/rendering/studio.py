"""Makes the pictures: by VTK in a process of its own, and where that cannot be, by the small ray caster in numpy."""

import os
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Picture
from medviz.imaging.drawn import layer_table
from medviz.imaging.rendering.looks import Range, range_of
from medviz.imaging.rendering.matter import Matter, label_array, label_step, matter_of, within
from medviz.imaging.rendering.orders import Built, order, preset_of, volume_note
from medviz.imaging.rendering.pointing import point_at
from medviz.imaging.rendering.process import Gone, Process
from medviz.imaging.rendering.rays import Look, Mode, rendered
from medviz.imaging.rendering.sight import Frame
from medviz.imaging.rendering.solid import Solid, label_numbers, solid_of
from medviz.imaging.rendering.view import Shot, View, Wish, cut_of, has_whole, label_layers, shows_labels
from medviz.imaging.resample import onto
from medviz.imaging.scene import Layer, Point
from medviz.imaging.volume import Volume
from medviz.messages import Note, Progress, Work
from medviz.refused import Refused

FALLS = 3
"""So often may the renderer die within `WITHIN_S` before the simple view is taken for good."""
WITHIN_S = 120.0
NUMPY = "numpy"


class Superseded(Exception):
    """The picture in hand was given up for a newer one."""


class Studio:
    """Holds the renderer and what it was given. One thread at a time draws; `hurry` and `close` are for any.

    Everything is kept by the identity of the volume it was made of, for as long as that is in the scene.
    """

    def __init__(self, start: Callable[[], Process] = Process, simple: bool = False) -> None:
        self._start = start
        self._process: Process | None = None
        self._numbers = count(1)
        self._drawing = self._asked = 0
        self._given: dict[tuple[Any, ...], tuple[Volume, Built]] = {}
        self._latest: dict[int, tuple[Any, ...]] = {}
        self._solids: dict[tuple[int, int], tuple[Volume, Solid]] = {}
        self._matters: dict[tuple[int, int], tuple[Volume, Matter, Range]] = {}
        self._within: tuple[tuple[Any, ...], Matter] | None = None
        self._plain: tuple[tuple[Any, ...], Solid, tuple[tuple[int, int, int], ...]] | None = None
        self._matter: Matter | None = None
        self._falls: list[float] = []
        self._simple = simple or os.environ.get("MEDVIZ_3D") == NUMPY
        self._closed = False

    @property
    def simple(self) -> bool:
        """Whether VTK was given up and the ray caster draws."""
        return self._simple

    @property
    def process(self) -> Process | None:
        """The process that renders, None before the first picture or without VTK."""
        return self._process

    def draw(self, wish: Wish) -> Work[Shot | None]:
        """Make a picture; says Progress while surfaces are built, and a Note where the renderer had to be replaced.

        Returns None where `hurry` asked for it to be given up.
        """
        if not has_whole(wish.scene):
            raise Refused("the 3-D view", "there is nothing to render", "open a scan with several slices")
        self._forget(wish)
        while not self._simple:
            if self._closed:
                raise Refused("the 3-D view", "it was closed", "open it again")
            try:
                return (yield from self._by_vtk(wish))
            except Gone as gone:
                yield Progress(0, 0, "3-D")  # a job whose window closes ends here
                if not self._closed:
                    yield from self._mourn(gone)
            except Refused as refusal:
                self._give_up()
                yield Note(f"{refusal.thing}: {refusal.fault}", "warning", refusal.remedy)
            except Superseded:
                return None
        return (yield from self._by_rays(wish))

    def hurry(self, building: bool = False) -> None:
        """Give up the picture in hand, something newer is wanted.

        Surfaces that are being built are finished, unless they are wanted no more (`building`).
        """
        process = self._process
        if process is not None:
            process.hurry(self._asked if building else self._drawing)

    def close(self) -> None:
        """End the process; what is being drawn ends with it."""
        self._closed = True
        self._give_up(simple=False)

    def point_at(self, shot: Shot, row: float, col: float) -> Point | None:
        """Return the point in RAS mm that is seen at a place in a picture; None where there is nothing."""
        return point_at(
            shot, row, col, self.matter(shot.wish) if shot.wish.view.mode in ("volume", "maximum") else None
        )

    def volumes_ml(self, layer: Layer) -> NDArray[np.float64]:
        """Volume that the surface of each label value encloses, in ml; empty where none was built of the layer."""
        return next((one.ml for of, (volume, one) in self._given.items() if volume is layer.volume), np.zeros(0))

    def matter(self, wish: Wish) -> tuple[Matter, Range]:
        """Return the field that is rendered as a volume, and between which values it lies."""
        volume, key = wish.scene.layers[0].volume, (id(wish.scene.layers[0].volume), _frame(wish))
        if key not in self._matters:
            self._matters[key] = (volume, matter_of(volume, key[1]), range_of(volume, key[1]))
        _, matter, found = self._matters[key]
        of = _within_key(wish)
        if of and (self._within is None or self._within[0] != of):
            self._within = (of, within(matter, label_layers(wish.scene), wish.scene.frame))
        return (self._within[1] if of and self._within is not None else matter), found

    # -- by VTK -------------------------------------------------------------------------------------------------

    def _by_vtk(self, wish: Wish) -> Work[Shot]:
        yield Progress(0, 0, "3-D")
        process = self._running()
        solid = self._solid(wish)
        built: list[Built] = []
        if shows_labels(wish):
            for place, layer in enumerate(label_layers(wish.scene)):
                built.append((yield from self._built(process, layer, wish, place)))
        skin = ""
        if (wish.view.mode == "surfaces" and not built) or (wish.view.skin and wish.view.mode != "maximum"):
            skin = (yield from self._skin(process, solid, wish)).key
        volume, preset = None, ""
        if wish.view.mode in ("volume", "maximum"):
            yield Progress(0, 0, "3-D")
            matter, found = self.matter(wish)
            key = (yield from self._field(process, matter, wish)).key
            volume, preset = volume_note(wish, key, matter, found, solid.radius_mm), preset_of(wish, found)
        note, arrays = order(wish, solid, skin, built, volume)
        yield Progress(0, 0, "3-D")
        began = time.monotonic()
        _, made = yield from self._ask(process, note, arrays)
        grid = self.matter(wish)[0].grid_mm if volume is not None else self._grid(wish, solid, bool(built))
        frame = frame_of(solid)
        return Shot(wish, made[0], made[1], frame, grid, process.driver, time.monotonic() - began, preset)

    def _running(self) -> Process:
        if self._process is None or not self._process.alive:
            self._given.clear()
            if self._process is not None:
                self._process.end()
                self._process = None
                raise Gone("it had ended")
            process = self._process = self._start()
            if self._closed:  # meanwhile, by another thread
                process.end()
            process.greet()
        return self._process

    def _built(self, process: Process, layer: Layer, wish: Wish, place: int) -> Work[Built]:
        """Have the surfaces of a layer built, once for each volume (and level of a probability).

        While it moves those that were last built at its place do, so that a hand need not wait for a stroke's.
        """
        frame = min(wish.scene.frame, layer.volume.frames - 1)
        of = (id(layer.volume), frame, layer.role, layer.level if layer.role == "probability" else 0.0)
        before = self._latest.get(place)
        if of not in self._given and wish.fast and before in self._given and before is not None and before[2] == of[2]:
            return self._given[before][1]
        if of not in self._given:
            yield Progress(0.0, 1.0, "surfaces")
            labels, affine, _ = label_array(layer, frame)
            request = {"do": "labels", "key": f"labels {next(self._numbers)}"}
            _, made = yield from self._ask(process, request, [labels, affine])
            self._given[of] = (layer.volume, Built(str(request["key"]), made[0]))
        self._latest[place] = of
        return self._given[of][1]

    def _skin(self, process: Process, solid: Solid, wish: Wish) -> Work[Built]:
        volume = wish.scene.layers[0].volume
        of = (id(volume), _frame(wish), "skin")
        if of not in self._given:
            request = {"do": "skin", "key": f"skin {next(self._numbers)}", "level": solid.level}
            _, made = yield from self._ask(process, request, [solid.body, solid.affine])
            self._given[of] = (volume, Built(str(request["key"]), made[0]))
        return self._given[of][1]

    def _field(self, process: Process, matter: Matter, wish: Wish) -> Work[Built]:
        volume = wish.scene.layers[0].volume
        of = (id(volume), _frame(wish), "field", id(matter))
        for old in [one for one in self._given if one[2] == "field" and one != of]:
            self._drop(self._given.pop(old)[1].key)
        if of not in self._given:
            request = {"do": "field", "key": f"field {next(self._numbers)}"}
            yield from self._ask(process, request, [matter.field, matter.affine])
            self._given[of] = (volume, Built(str(request["key"]), np.zeros(0)))
            self._matter = matter  # as long as it is there no other has its identity
        return self._given[of][1]

    def _ask(self, process: Process, note: dict[str, Any], arrays: list[Any]) -> Work[tuple[dict[str, Any], list[Any]]]:
        """Send a request and wait for its answer; the answers to older ones, that nobody waited for, are dropped."""
        number = self._asked = next(self._numbers)
        if note["do"] == "draw":
            self._drawing = number
        process.tell({**note, "number": number}, tuple(arrays))
        while True:
            said, made = process.hear()
            if said["number"] != number:
                continue
            if "share" in said:
                yield Progress(float(said["share"]), 1.0, "surfaces")
            elif said.get("stopped"):
                raise Superseded
            else:
                return said, made

    # -- kept ---------------------------------------------------------------------------------------------------

    def _solid(self, wish: Wish) -> Solid:
        volume, key = wish.scene.layers[0].volume, (id(wish.scene.layers[0].volume), _frame(wish))
        if key not in self._solids:
            base = wish.scene.layers[0]
            self._solids[key] = (volume, solid_of(volume, base.window, base.level, None, False, key[1]))
        return self._solids[key][1]

    @staticmethod
    def _grid(wish: Wish, solid: Solid, labels: bool) -> float:
        return min(label_grid_mm(layer) for layer in label_layers(wish.scene)) if labels else solid.grid_mm

    def _forget(self, wish: Wish) -> None:
        """Let go of what was made of volumes that are in the scene no more, and of other frames."""
        there = {id(layer.volume): min(wish.scene.frame, layer.volume.frames - 1) for layer in wish.scene.layers}
        waits = set(self._latest.values()) if wish.fast else set()
        for kept in (self._solids, self._matters, self._given):
            for of in [one for one in kept if there.get(one[0]) != one[1] and one not in waits]:
                if kept is self._given and self._process is not None:
                    self._drop(self._given[of][1].key)
                del kept[of]
        if self._within is not None and self._within[0] != _within_key(wish):
            self._within = None

    def _drop(self, key: str) -> None:
        assert self._process is not None
        try:
            self._process.tell({"do": "drop", "key": key, "number": next(self._numbers)})
        except Gone:
            return

    # -- without VTK --------------------------------------------------------------------------------------------

    def _mourn(self, gone: Gone) -> Work[None]:
        self._give_up(simple=False)
        now = time.monotonic()
        self._falls = [one for one in self._falls if one > now - WITHIN_S] + [now]
        if len(self._falls) >= FALLS:
            self._simple = True
            yield Note(f"The 3-D renderer stopped {FALLS} times ({gone}); a simpler view is drawn", "warning")
        else:
            yield Note(f"The 3-D renderer stopped ({gone}) and was started again", "warning")

    def _give_up(self, simple: bool = True) -> None:
        self._simple = self._simple or simple
        process, self._process = self._process, None
        self._given.clear()
        if process is not None:
            process.end()

    def _by_rays(self, wish: Wish) -> Work[Shot]:
        """Draw by the ray caster, as near to the wish as it can."""
        began = time.monotonic()
        yield Progress(0, 0, "3-D")
        over = next(iter(label_layers(wish.scene)), None) if shows_labels(wish) else None
        of = (*_solid_key(wish), () if over is None else (over.volume, over.labels, over.hidden_labels, over.level))
        if self._plain is None or self._plain[0] != of:
            self._plain = (of, *_plain_solid(wish, over))
        _, solid, paint = self._plain
        mode: Mode = "maximum" if wish.view.mode == "maximum" else "labels" if over is not None else "surface"
        cut = mode != "maximum" and cut_of(wish.scene, View(cut=wish.view.cut)) != "none"
        look = Look(mode, wish.scene.cursor if cut else None, paint)
        picture: Picture = yield from rendered(solid, wish.view.sight, look, wish.size, wish.fast)
        took = time.monotonic() - began
        return Shot(wish, np.asarray(picture.pixels), None, frame_of(solid), solid.grid_mm, NUMPY, took)


def _within_key(wish: Wish) -> tuple[Any, ...]:
    """What a volume that is rendered only within labels depends on; empty where all of it is rendered."""
    layers = label_layers(wish.scene) if wish.view.within and wish.view.mode in ("volume", "maximum") else ()
    if not layers:
        return ()
    return (
        wish.scene.layers[0].volume,
        wish.scene.frame,
        *((one.volume, one.hidden_labels, one.level) for one in layers),
    )


def _solid_key(wish: Wish) -> tuple[Any, ...]:
    base = wish.scene.layers[0]
    return base.volume, base.window, base.level, _frame(wish), wish.view.mode == "surfaces"


def _plain_solid(wish: Wish, over: Layer | None) -> tuple[Solid, tuple[tuple[int, int, int], ...]]:
    """Return what the ray caster draws, and the colours of its labels."""
    base = wish.scene.layers[0]
    if over is None:
        return solid_of(base.volume, base.window, base.level, None, False, _frame(wish)), ()
    labels = onto(over.volume, base.volume)
    array, _, _ = label_array(Layer(labels, over.role, level=over.level), wish.scene.frame, thin=False)
    values = [int(one) for one in np.unique(array) if one]
    table = layer_table(over, max(values, default=0))
    shown = tuple(value for value in values if table[value, 3] > 0)
    solid = solid_of(base.volume, base.window, base.level, label_numbers(array, shown), True, _frame(wish))
    return solid, tuple((int(table[one, 0]), int(table[one, 1]), int(table[one, 2])) for one in shown)


def frame_of(solid: Solid) -> Frame:
    """Return what of a solid must fit into the picture."""
    return Frame(solid.middle_mm, solid.radius_mm, solid.girth_mm, solid.half_mm)


def label_grid_mm(layer: Layer) -> float:
    """Finest side of the grid on which a layer's surfaces are made."""
    return min(layer.volume.spacing_mm) * label_step(layer.volume)


def _frame(wish: Wish) -> int:
    return min(wish.scene.frame, wish.scene.layers[0].volume.frames - 1)
