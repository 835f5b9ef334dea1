"""Filling more than a stroke does: what a line encloses in all slices, what hangs together and looks alike."""

from dataclasses import replace

import numpy as np

from medviz.gui.viewer.edit_tools import flat_of
from medviz.gui.viewer.rooms import ROOMS
from medviz.gui.viewer.target import Target
from medviz.gui.viewer.tool import Pane
from medviz.imaging.corrections import Corrections
from medviz.imaging.history import Change
from medviz.imaging.scene import Point


class Filling:
    """Each is one change; what goes through all slices is worked out beside the window."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def enclose_all(self, pane: Pane, points: tuple[Point, ...], erase: bool) -> None:
        """Fill or erase what lies within a closed line in all slices, beside the window."""
        kit, flat = self._target.kit.state, flat_of(pane)
        number = self._target.made(erase)
        if number is None or flat is None:
            return
        layer, value = self._target.desk.scene.state.layers[number], 0 if erase else kit.value
        axis = flat.across_axis(layer.volume.affine)
        if axis is None or not flat.is_straight(layer.volume.affine, axis):
            self._target.desk.tell(
                "A lasso through all slices needs the scan's own slices", "warning", "Turn the planes back"
            )
            return
        if not self._target.may(layer, value):
            return
        self._target.reveal(number, value)
        name = "erase in all slices" if erase else f"lasso {self._target.name(layer, value)} in all slices"

        def describe(made: Corrections) -> Change | None:
            cells = ROOMS["enclosed"](made.map.shape, layer.volume.affine, flat, points)
            if cells is None:
                return None
            sides = list(cells.box)
            sides[axis] = slice(0, made.map.shape[axis])
            box = (sides[0], sides[1], sides[2])
            mask = np.broadcast_to(cells.meant, made.map[box].shape)
            change = ROOMS["carve"](made.map, box, mask, value, layer.locked_labels, kit.only_free)
            return None if change is None else replace(change, name=name)

        self._target.edits.run(number, name, describe)

    def flood(self, pane: Pane, mm: Point) -> None:
        """Fill what hangs together with a point and looks like it; beside the window where it is 3-D."""
        scene, kit, flat = self._target.desk.scene.state, self._target.kit.state, flat_of(pane)
        scan = scene.scan
        number = self._target.made()
        if number is None or scan is None or flat is None:
            return
        layer = self._target.desk.scene.state.layers[number]
        seed, axis = layer.volume.nearest(mm), flat.across_axis(layer.volume.affine)
        if seed is None or not self._target.may(layer, kit.value):
            return
        if not layer.volume.same_grid(scan) or (axis is None and not kit.all_slices):
            self._target.desk.tell(
                "Fill needs the scan's own slices", "warning", "Turn the planes back, or fill in 3-D"
            )
            return
        self._target.reveal(number, kit.value)
        frame = scan.frame(min(scene.frame, scan.frames - 1))
        tolerance = kit.tolerance / abs(scan.slope or 1.0)
        name = f"fill {self._target.name(layer, kit.value)}"
        normal = None if kit.all_slices else axis

        def describe(made: Corrections) -> Change | None:
            change = ROOMS["flood"](made.map, frame, seed, kit.value, tolerance, normal, layer.locked_labels)
            return None if change is None else replace(change, name=name)

        if normal is None:
            self._target.edits.run(number, name, describe)
        elif (made := self._target.ready(number)) is not None:
            self._target.edits.do(number, describe(made))
