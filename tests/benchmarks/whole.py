"""The 3-D pane by VTK against the ray caster in numpy that it replaces, and against the speed of a hand.

One scan of 256³ with 117 labels, a pane of 700 × 450 pixels, from the wish to the picture in the window's hands. Both
draw the same wishes, one after the other, so that a busy moment hits both alike.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.rendering.sight import Sight
from medviz.imaging.rendering.studio import Studio
from medviz.imaging.rendering.view import Mode, View, Wish
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Stored, Volume
from medviz.messages import finished
from tests.benchmarks.measuring import Measured, timed_ms

SIDE, LABELS = 256, 117
SIZE = (450, 700)
COARSE = 0.5
TURNS = 8
HAND_MS = 100.0
MODES: tuple[Mode, ...] = ("surfaces", "volume", "maximum", "planes")


def measure() -> dict[str, list[Measured]]:
    vtk, numpy = Studio(), Studio(simple=True)
    try:
        rows = built(vtk, numpy)
        if vtk.simple:
            return {"3-D": [Measured("VTK cannot draw here", 0.0, "")]}
        for mode in MODES:
            rows += turned(mode, vtk, numpy)
        process = vtk.process
        driver = process.driver if process is not None else ""
    finally:
        vtk.close()
        numpy.close()
    return {f"3-D pane {SIZE[1]} × {SIZE[0]}, {SIDE}³ with {LABELS} labels, by {driver}": rows}


def built(vtk: Studio, numpy: Studio) -> list[Measured]:
    """Surfaces of all labels from nothing to the first picture."""
    plain, whole = scene(labels=False), scene()
    started = timed_ms(lambda: drawn(vtk, plain, View(), 1.0))
    first = timed_ms(lambda: drawn(vtk, whole, View(), 1.0))
    before = timed_ms(lambda: drawn(numpy, whole, View(), 1.0))
    return [
        Measured("VTK: start of the process, surface of the scan, first picture", started),
        Measured(f"VTK: {LABELS} surfaces and the first picture of them", first, at_most=5000.0),
        Measured(f"numpy: one surface around {LABELS} labels, on a grid of 150³", before),
    ]


def turned(mode: Mode, vtk: Studio, numpy: Studio) -> list[Measured]:
    """Pictures from side to side: fine, and coarse as while the mouse moves."""
    one = scene()
    times: dict[str, list[float]] = {}
    for number in range(TURNS):
        view = View(Sight(turn=20.0 + 9.0 * number), mode, "mr_head", cut="none")
        for name, studio, share in (
            ("VTK", vtk, 1.0),
            ("VTK moving", vtk, COARSE),
            ("numpy", numpy, 1.0),
            ("numpy moving", numpy, 0.29),
        ):
            if mode == "planes" and studio is numpy:
                continue
            took = timed_ms(lambda studio=studio, view=view, share=share: drawn(studio, one, view, share))
            if number:  # the first makes what the others use
                times.setdefault(name, []).append(took)
    half = {name: float(np.percentile(taken, 50)) for name, taken in times.items()}
    rows = [Measured(f"{mode}: {name} p50", taken) for name, taken in half.items()]
    rows[1] = replace(rows[1], at_most=HAND_MS)
    if "numpy" in half:
        rows.append(Measured(f"{mode}: fine picture, numpy / VTK", half["numpy"] / half["VTK"], "×"))
    return rows


def drawn(studio: Studio, one: Scene, view: View, share: float) -> None:
    size = (round(SIZE[0] * share), round(SIZE[1] * share))
    assert finished(studio.draw(Wish(one, view, size, share < 1.0))) is not None


_MADE: dict[bool, Scene] = {}


def scene(labels: bool = True) -> Scene:
    """A bumpy ball of tissue; blocks of it are the labels, each touching its neighbours."""
    if not _MADE:
        x, y, z = np.ogrid[tuple(slice(-1, 1, SIDE * 1j) for _ in range(3))]
        rim = 0.75 + 0.05 * np.sin(x * 20) * np.sin(y * 20) * np.sin(z * 17)
        inside = x**2 + y**2 + z**2 < rim
        grain = np.random.default_rng(0).integers(0, 30, (SIDE,) * 3, np.int16)
        tissue = 400 + 150 * np.sin(x * 25) * np.cos(y * 19) * np.sin(z * 23)
        scan = volume(np.where(inside, tissue + grain, grain).astype(np.int16), "scan")
        blocks = sum(
            (np.arange(SIDE) * 5 // SIDE).reshape([-1 if n == axis else 1 for n in range(3)]) * 5**axis
            for axis in range(3)
        )
        over = volume(np.where(inside, np.asarray(blocks) % LABELS + 1, 0).astype(np.uint8), "labels")
        base = Layer(scan, window=600.0, level=300.0)
        _MADE[False] = Scene(layers=(base,)).at((0.0, 0.0, 0.0))
        _MADE[True] = _MADE[False].adding(Layer(over, "labels"))
    return _MADE[labels]


def volume(voxels: NDArray[np.generic], name: str) -> Volume:
    affine = np.eye(4)
    affine[:3, 3] = -(SIDE - 1) / 2
    return Volume(voxels[np.newaxis], affine, Stored("made", voxels.shape, "RAS", affine, voxels.dtype), name=name)
