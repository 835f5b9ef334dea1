"""What a stroke costs: memory of its undo beside a full copy, and the time from hand to screen.

A map of 512 by 512 by 400 with 117 labels is painted on; 3 panes of 512 by 512 pixels show it as outlines. A step of a
stroke is one movement of the mouse: the voxels are painted, and the panes painted anew.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QApplication

from medviz.gui.store import Store
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.corrections import Corrections
from medviz.imaging.flat import Flat
from medviz.imaging.labels import named
from medviz.imaging.measure import labels_measured
from medviz.imaging.recovery import Keeper
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slices import PLANES
from medviz.imaging.strokes import Stroke, Tip
from medviz.imaging.volume import Stored, Volume
from medviz.messages import finished
from tests.benchmarks.measuring import Measured, percentiles, timed_ms, worked_ms

SHAPE = (512, 512, 400)
SPACING = (0.7, 0.7, 1.0)
LABELS = 117
PANE_PX = 512
STEPS = 60
AFFINE = np.diag([*SPACING, 1.0])
MIDDLE = (180.0, 180.0, 200.0)
DISC = Flat(MIDDLE, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
TIPS = {
    "disc of 10 mm": Tip(5.0, DISC),
    "disc of 40 mm": Tip(20.0, DISC),
    "ball of 10 mm": Tip(5.0),
    "ball of 24 mm": Tip(12.0),
    "ball of 40 mm": Tip(20.0),
}


def volume(voxels: NDArray[np.generic], name: str) -> Volume:
    return Volume(voxels[np.newaxis], AFFINE, Stored("made", voxels.shape, "RAS", AFFINE, voxels.dtype), name=name)


def organs() -> NDArray[np.uint8]:
    """Label 1 to 117 in blocks of an ellipsoid."""
    axes = [np.arange(side) for side in SHAPE]
    blocks = (axes[0] // 80)[:, None, None] + (axes[1] // 80 * 7)[None, :, None] + (axes[2] // 120 * 49)[None, None]
    labels = np.asfortranarray((blocks % LABELS + 1).astype(np.uint8))
    square = [((axis - side / 2) / (side * 0.45)) ** 2 for axis, side in zip(axes, SHAPE, strict=True)]
    labels[square[0][:, None, None] + square[1][None, :, None] + square[2][None, None] > 1] = 0
    return labels


def way(step: int) -> tuple[float, float, float]:
    """A wavy line of 17 cm, 3 mm a step."""
    return MIDDLE[0] - 85 + 2.8 * step, MIDDLE[1] + 20 * float(np.sin(step / 6)), MIDDLE[2]


def measure() -> dict[str, list[Measured]]:
    app = QApplication.instance() or QApplication([])
    labels = organs()
    made = Corrections(labels[np.newaxis])
    chance = np.random.default_rng(0)
    scan = volume(np.asfortranarray(chance.integers(-200, 300, SHAPE, np.int16)), "scan")
    over = volume(labels, "labels")
    layers = (Layer(scan, window=700, level=50), Layer(over, role="labels", labels=named(("organ",) * LABELS)))
    store = Store(Scene(layers=layers).at(MIDDLE))
    views = [SliceView(store, plane) for plane in PLANES]
    for view in views:
        view.resize(PANE_PX, PANE_PX)
        view.show()
    app.processEvents()
    rows: list[Measured] = [Measured("full copy of the map", timed_ms(lambda: np.array(labels, order="K")))]
    rows += [Measured("full copy of the map", labels.nbytes / 1e6, "MB")]
    for name, tip in TIPS.items():
        rows += _stroke(name, tip, made, views, labels)
    for view in views:
        view.close()
        view.leave()
    rows += _journal(made)
    began = timed_ms(lambda: finished(labels_measured(over, scan)))
    rows.append(Measured(f"table of {LABELS} labels with mean and SD, one pass", began / 1000, "s"))
    return {f"Editing, {' × '.join(map(str, SHAPE))} uint8, {LABELS} labels": rows}


def _stroke(
    name: str, tip: Tip, made: Corrections, views: list[SliceView], labels: NDArray[np.uint8]
) -> list[Measured]:
    stroke, times = Stroke(labels, AFFINE, 5, tip), []
    for number in range(STEPS):
        times.append(worked_ms(partial(_step, stroke, views, number)))
    found = []
    end = timed_ms(lambda: found.append(stroke.change("paint")))
    change = found[0]
    assert change is not None
    made.do(change, stands=True)
    share = 100 * change.size_bytes / labels.nbytes
    rows = percentiles(f"{name}: a step, painted in three panes", [took for took, _ in times], {95: 16.0})
    worked = [work for _, work in times]
    return [
        *rows,
        Measured(f"{name}: a step, work of the thread p50", float(np.percentile(worked, 50))),
        Measured(f"{name}: a step, work of the thread p95", float(np.percentile(worked, 95)), at_most=16.0),
        Measured(f"{name}: end of the stroke", end, at_most=50.0),
        Measured(f"{name}: undo", change.size_bytes / 1000, "kB"),
        Measured(f"{name}: undo, of a full copy", share, "%", at_most=1.0),
    ]


def _step(stroke: Stroke, views: list[SliceView], number: int) -> None:
    stroke.to(way(number))
    for view in views:
        view.redraw(1)
        view.repaint()


def _journal(made: Corrections) -> list[Measured]:
    """The journal is written beside the window; this is how long a change waits for the disk at most."""
    with tempfile.TemporaryDirectory() as folder:
        keeper = Keeper(Path(folder), "0" * 64)
        first = timed_ms(lambda: keeper.keep(made, ()))
        times = []
        for _ in range(10):
            made.undo()
            made.redo()
            times.append(timed_ms(lambda: keeper.keep(made, ())) / 2)
        keeper.close()
    return [Measured("journal: five strokes", first), *percentiles("journal: a change, with fsync", times)]
