"""What a lab may work on: the viewer's slice, a region around the cursor, or a phantom drawn here."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.gui.labs_page.play import On
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slices import NORMAL, Plane, Slice, cut, to_screen
from medviz.imaging.volume import Volume
from medviz.refused import Refused

Array = NDArray[Any]
PHANTOM_PX = 64
LEAST_SIDE, MOST_SIDE = 8, 64


def _place() -> tuple[Array, Array]:
    row, col = np.mgrid[0:PHANTOM_PX, 0:PHANTOM_PX].astype(float)
    return row, col


def _disc() -> Array:
    row, col = _place()
    middle = (PHANTOM_PX - 1) / 2
    far = np.hypot(row - middle, col - middle)
    image = np.where(far < 26, 100.0, 0.0)
    image[far < 20] = 160.0
    image[np.hypot(row - middle + 7, col - middle - 6) < 5] = 240.0
    return image


def _step() -> Array:
    _, col = _place()
    return np.where(col < PHANTOM_PX / 2, 40.0, 200.0)


def _stripes() -> Array:
    _, col = _place()
    return np.where((col // 8) % 2 == 0, 40.0, 200.0)


def _squares() -> Array:
    row, col = _place()
    return np.where((row // 8 + col // 8) % 2 == 0, 40.0, 200.0)


def _ramp() -> Array:
    _, col = _place()
    return col * 4.0


def _point() -> Array:
    image = np.zeros((PHANTOM_PX, PHANTOM_PX))
    image[PHANTOM_PX // 2, PHANTOM_PX // 2] = 255.0
    return image


def _noise() -> Array:
    return np.clip(np.random.default_rng(7).normal(100.0, 30.0, (PHANTOM_PX, PHANTOM_PX)), 0, None).round()


PHANTOMS: dict[str, tuple[str, Callable[[], Array]]] = {
    "disc": ("disc with a bright spot", _disc),
    "step": ("step edge", _step),
    "stripes": ("stripes", _stripes),
    "squares": ("checkerboard", _squares),
    "ramp": ("ramp", _ramp),
    "point": ("one bright point", _point),
    "noise": ("noise", _noise),
}


def phantom(name: str) -> Slice:
    """Return a phantom of 64×64 px; it has no mm and no patient, hence neither spacing nor letters."""
    pixels = PHANTOMS.get(name, PHANTOMS["disc"])[1]()
    pixels.setflags(write=False)
    return Slice(pixels, name=f"phantom: {PHANTOMS.get(name, PHANTOMS['disc'])[0]}")


def current_slice(scene: Scene, plane: Plane) -> Slice:
    """Cut the viewer's scan through its cursor."""
    scan = scene.scan
    if scan is None:
        raise Refused("current slice", "no scan is open", "open one in the viewer, or take an example or a phantom")
    if scan.kind == "colour":
        raise Refused(scan.name or "scan", "it holds colours, a lab needs one value a pixel", "open a grey scan")
    frame = min(scene.frame, scan.frames - 1)
    return cut(scan, plane, scene.voxel[NORMAL[plane]], frame, scene.radiological)


def region(scene: Scene, plane: Plane, side_px: int) -> Slice:
    """Cut a square of `side_px` around the cursor out of the slice through it; at the edge it is moved inside."""
    whole = current_slice(scene, plane)
    scan = scene.scan
    assert scan is not None
    row, col = to_screen(scan.shape, plane, scene.voxel, scene.radiological)
    rows, cols = whole.pixels.shape
    top = int(min(max(round(row) - side_px // 2, 0), max(0, rows - side_px)))
    left = int(min(max(round(col) - side_px // 2, 0), max(0, cols - side_px)))
    pixels = whole.pixels[top : top + side_px, left : left + side_px]
    return Slice(
        pixels,
        whole.mm,
        whole.letters,
        whole.plane,
        whole.index,
        f"{whole.name}, region",
        whole.slope,
        whole.intercept,
        whole.unit,
    )


def beside(on: On, kind: str, scene: Scene) -> Slice | None:
    """Cut the viewer's labels or prediction at the slice that is worked on, None where there are none on its grid.

    Labels are the topmost that no model proposed; a prediction is the topmost map of probabilities, else the topmost
    labels that a model proposed or that lie above the labels.
    """
    layer = _layer(kind, scene)
    if layer is None or on.kind not in ("slice", "region"):
        return None
    alone = replace(scene, layers=(layer,), frame=0)
    return region(alone, on.plane, on.side_px) if on.kind == "region" else current_slice(alone, on.plane)


def _layer(kind: str, scene: Scene) -> Layer | None:
    scan = scene.scan
    others = [one for one in scene.layers[1:] if scan is not None and one.volume.same_grid(scan)]
    maps = [one for one in others if one.role == "labels"]
    by_hand = [one for one in maps if not one.proposal]
    labels = (by_hand or maps)[-1:]
    if kind == "labels":
        return labels[0] if labels else None
    chances = [one for one in others if one.role == "probability"]
    proposed = [one for one in maps if one not in labels]
    found = chances or [one for one in proposed if one.proposal] or proposed
    return found[-1] if found else None


def cube(scan: Volume, voxel: tuple[int, int, int], side: int, frame: int = 0) -> Volume:
    """Cut `side` voxels along each axis around a voxel out of a scan, at its place in the patient."""
    starts = [
        int(min(max(at - side // 2, 0), max(0, whole - side))) for at, whole in zip(voxel, scan.shape, strict=True)
    ]
    x, y, z = (slice(start, start + side) for start in starts)
    frames = slice(frame, frame + 1) if scan.kind == "frames" else slice(None)
    voxels = scan.voxels[frames, x, y, z]
    affine = scan.affine.copy()
    affine[:3, 3] = scan.to_mm(starts)
    stored = replace(scan.stored, shape=voxels.shape[1:], borrowed=True)
    kind: Any = "scalar" if scan.kind == "frames" else scan.kind
    return replace(scan, voxels=voxels, affine=affine, stored=stored, kind=kind, name=f"{scan.name}, region")


def chosen(on: On, kind: str, scene: Scene, own: Any) -> Any:
    """Return what a lab is to work on; `own` is the example's. Refuses what there is not."""
    if on.kind == "example":
        return own
    if kind == "volume":
        if scene.scan is None:
            raise Refused("current scan", "no scan is open", "open one in the viewer, or take an example")
        return cube(scene.scan, scene.voxel, on.side_px, scene.frame) if on.kind == "region" else scene.scan
    if on.kind == "phantom":
        return phantom(on.phantom)
    return region(scene, on.plane, on.side_px) if on.kind == "region" else current_slice(scene, on.plane)


def looked_at(on: On, kind: str, scene: Scene) -> tuple[Any, ...]:
    """Return what decides whether the slice must be cut anew when the scene changes."""
    if on.kind in ("example", "phantom") or scene.scan is None:
        return (on,)
    if kind == "volume":
        return (on, id(scene.scan), scene.voxel, scene.frame) if on.kind == "region" else (on, id(scene.scan))
    place = scene.voxel if on.kind == "region" else scene.voxel[NORMAL[on.plane]]
    return on, id(scene.scan), place, scene.frame, scene.radiological
