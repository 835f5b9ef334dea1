"""Moving through a scan in every manner: turned planes, slabs, pages of slices, two scans linked; 117 labels outlined.

Panes are 512 by 512 pixels. Times are those a hand waits for: from a new scene to the last pane painted. napari, where
it is installed, steps through the same slices with the same labels in the same run.
"""

import importlib
import os
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
from PySide6.QtWidgets import QApplication, QWidget

from medviz.gui.store import Store
from medviz.gui.viewer.beside import Beside
from medviz.gui.viewer.lightbox_view import LightboxView
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.labels import named
from medviz.imaging.oblique import rotated, section, world
from medviz.imaging.sampling import seen
from medviz.imaging.scene import Layer, Lightbox, Scene, Second
from medviz.imaging.slabs import Slab, finest, quick
from medviz.imaging.slices import PLANES, Plane
from medviz.imaging.turning import turned
from medviz.imaging.volume import Volume
from tests.benchmarks.measuring import Measured, percentiles, timed_ms, worked_ms
from tests.benchmarks.slices import LABELS, PANE_PX, SHAPE, labels, scan

napari = importlib.import_module("napari") if find_spec("napari") else None
STEPS = 60


def measure(steps: int = STEPS) -> dict[str, list[Measured]]:
    """Move through the middle of a scan in each manner."""
    app = QApplication.instance() or QApplication([])
    image, over = scan(), labels()
    layers = (Layer(image, window=700, level=200), Layer(over, role="labels", labels=named(("organ",) * LABELS)))
    store = Store(Scene(layers=layers).at_voxel((256.0, 256.0, 150.0)))
    beside = Beside(store)
    views = {plane: SliceView(store, plane) for plane in PLANES}
    seconds = {plane: SliceView(beside, plane, leader=views[plane]) for plane in PLANES}
    box = LightboxView(store)
    shown: list[QWidget] = [*views.values(), *seconds.values(), box]
    for widget in shown:
        widget.resize(PANE_PX, PANE_PX)
        widget.show()
    box.resize(2 * PANE_PX, round(1.5 * PANE_PX))
    app.processEvents()
    rows = [
        *_stepped(store, views, steps),
        *_thick(store, views, steps),
        *_tilted(store, views, steps),
        *_compared(store, views, seconds, image, steps),
        *_paged(store, box),
        *_alone(image),
    ]
    for widget in shown:
        widget.close()
    title = f"Moving through {' × '.join(map(str, SHAPE))} int16 with {LABELS} labels outlined"
    return {title: rows, **_napari(image, over, steps)}


Times = list[tuple[float, float]]


def _told(words: str, took: Times, aims: dict[int, float] | None = None) -> list[Measured]:
    """Return what a hand waits for, and what of it is this program's own work (others use the machine too)."""
    rows = percentiles(words, [wall for wall, _ in took], aims)[:2]
    work = float(np.percentile([worked for _, worked in took], 95))
    return [*rows, Measured(f"{words}, work of the thread p95", work, at_most=(aims or {}).get(95))]


def _times(moves: list[Scene], store: Store[Scene], panes: list[QWidget]) -> Times:
    def move(scene: Scene) -> None:
        store.put(scene)
        for pane in panes:
            pane.repaint()

    return [worked_ms(lambda scene=scene: move(scene)) for scene in moves]  # type: ignore[misc]


def _at(number: int, steps: int) -> tuple[float, float, float]:
    x, y, z = (float(int(side * (0.2 + 0.6 * number / steps))) for side in SHAPE)
    return x, y, z


def _stepped(store: Store[Scene], views: dict[Plane, SliceView], steps: int) -> list[Measured]:
    moves = [store.state.at_voxel(_at(number, steps)) for number in range(steps)]
    took = _times(moves, store, list(views.values()))
    return _told("slice step, three planes", took, {95: 16.0})


def _thick(store: Store[Scene], views: dict[Plane, SliceView], steps: int) -> list[Measured]:
    rows = []
    for how in ("max", "mean"):
        thick = replace(store.state, slab=Slab(how, 20.0))  # type: ignore[arg-type]
        for plane in PLANES:
            axis = {"axial": 2, "coronal": 1, "sagittal": 0}[plane]
            moves = []
            for number in range(steps // 2):
                voxel = [float(part) for part in thick.voxel]
                voxel[axis] = float(int(SHAPE[axis] * 0.3) + number)
                moves.append(thick.at_voxel((voxel[0], voxel[1], voxel[2])))
            took = _times(moves, store, [views[plane]])[2:]
            rows += _told(f"{how} of 20 mm, {plane} step", took, {95: 16.0})[1:]
    store.put(replace(store.state, slab=Slab()))
    return rows


def _tilted(store: Store[Scene], views: dict[Plane, SliceView], steps: int) -> list[Measured]:
    start = replace(store.state.at_voxel((256.0, 256.0, 150.0)), turn=None)
    drag = [turned(start, "axial", 1.0 + number / 2) for number in range(steps)]
    rows = _told("planes turned by a drag, three panes", _times(drag, store, list(views.values())), {95: 33.0})
    thick = [replace(one, slab=Slab("max", 20.0)) for one in drag[: steps // 3]]
    rows += _told("the same with 20 mm taken together", _times(thick, store, list(views.values())))
    store.put(start)
    return rows


def _compared(
    store: Store[Scene], views: dict[Plane, SliceView], seconds: dict[Plane, SliceView], image: Volume, steps: int
) -> list[Measured]:
    other = replace(image, affine=image.affine @ np.diag([1.1, 0.9, 1.3, 1.0]))
    two = replace(store.state, second=Second(Layer(other, window=700, level=200)))
    moves = [two.at_voxel(_at(number, steps)) for number in range(steps // 2)]
    rows = _told("two scans linked, six panes", _times(moves, store, [*views.values(), *seconds.values()]))
    store.put(replace(store.state, second=None))
    return rows


def _paged(store: Store[Scene], box: LightboxView) -> list[Measured]:
    took, halts = [], []
    for number in range(5):
        store.put(replace(store.state, lightbox=Lightbox("axial", columns=4, rows=3, step_mm=float(number))))
        whole: list[float] = [timed_ms(box.repaint)]
        while not box.done:
            whole.append(timed_ms(box.repaint))
        took.append(sum(whole))
        halts.append(max(whole))
    return [
        Measured("a page of 12 slices, all of it", float(np.median(took))),
        Measured("a page of 12 slices, the longest halt", float(max(halts)), at_most=30.0),
    ]


def _alone(image: Volume) -> list[Measured]:
    """Measure the sampling without any painting."""
    tilt = rotated(rotated(world(), (1.0, 0.0, 0.0), 0.3), (0.0, 1.0, 0.0), 0.2)
    rows: list[Measured] = []
    middle = image.to_mm((256, 256, 150))
    for plane in PLANES:
        lying = section(image, plane, middle, tilt)
        share = 512 * 512 / (lying.rows * lying.cols)
        for words, call, aim in _samplings(image, lying):
            half = float(np.median([worked_ms(call)[1] for _ in range(9)])) * share
            rows.append(Measured(f"{words}, {plane}, work per 512²", half, at_most=aim))
    return rows


def _samplings(image: Volume, lying: object) -> tuple[tuple[str, Callable[[], object], float | None], ...]:
    return (
        ("turned slice, nearest", lambda: seen(image, lying), 4.0),  # type: ignore[arg-type]
        ("turned slice, linear", lambda: finest(image, lying), None),  # type: ignore[arg-type]
        ("turned 20 mm MIP, at once", lambda: quick(image, lying, 0, Slab("max", 20.0)), None),  # type: ignore[arg-type]
    )


def _napari(image: Volume, over: Volume, steps: int) -> dict[str, list[Measured]]:
    """Step through the same slices in napari, one plane (it shows one), where it is installed.

    It needs OpenGL and so a screen: ``QT_QPA_PLATFORM=xcb``, on a machine without one under Xvfb.
    """
    if napari is None or os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        return {}
    viewer = napari.Viewer(show=True)
    viewer.add_image(np.asarray(image.frame()).T, contrast_limits=(-150, 550))
    layer = viewer.add_labels(np.asarray(over.frame()).T)
    layer.contour = 1
    canvas = viewer.window.qt_viewer.canvas.native

    def step(number: int) -> None:
        viewer.dims.set_current_step(0, number)
        canvas.repaint()

    first = int(SHAPE[2] * 0.3)
    took = [timed_ms(lambda number=number: step(first + number)) for number in range(steps)]  # type: ignore[misc]
    viewer.close()
    return {"The same in napari": percentiles("slice step, one plane", took)}
