"""A story made by hand: an oblique, anisotropic scan with a box in it, which is found better and better."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from medviz.imaging.story import FOLDER, INDEX, Frame, ProbeCase, Story
from medviz.imaging.volume import Affine, Stored, Volume

SHAPE = (20, 24, 10)
BOX = (slice(6, 12), slice(8, 18), slice(3, 7))
CLASSES = ("left box", "lid")


def oblique(spacing_mm: tuple[float, float, float] = (0.8, 1.3, 3.1)) -> Affine:
    """Turned by 20° about z and 12° about x, off the origin."""
    a, b = np.deg2rad(20.0), np.deg2rad(12.0)
    z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = z @ x @ np.diag(spacing_mm)
    affine[:3, 3] = (-31.0, 12.0, 47.0)
    return affine


def volume(voxels: np.ndarray, affine: Affine, name: str = "scan") -> Volume:
    layered = voxels[None] if voxels.ndim == 3 else voxels
    return Volume(layered, affine, Stored("test", layered.shape[1:], "RAS", affine, layered.dtype), name)


def case(affine: Affine | None = None) -> ProbeCase:
    where = oblique() if affine is None else affine
    scan = np.random.default_rng(0).normal(100, 5, SHAPE).astype(np.float32)
    reference = np.zeros(SHAPE, np.uint8)
    reference[BOX] = 1
    reference[BOX[0], BOX[1], 7] = 2
    scan[reference > 0] += 60
    return ProbeCase(0, volume(scan, where), volume(reference, where, "reference"))


def shares_at(epoch: int) -> np.ndarray:
    """Probabilities (3, x, y, z) uint8: each epoch one slab more of the box is found, and more surely."""
    shares = np.zeros((3, *SHAPE), np.uint8)
    shares[0] = 255
    found = (slice(6, 6 + 2 * epoch), *BOX[1:])
    shares[:, *found] = np.array([255 - 130 - 20 * epoch, 130 + 20 * epoch, 0], np.uint8)[:, None, None, None]
    return shares


def tell(run: Path, epochs: int, cases: int = 1) -> Story:
    """Write the story of a run up to an epoch; call it again with more and the run has grown."""
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    frames = []
    for epoch in range(epochs + 1):
        frame = Frame(10 * epoch, float(epoch), epoch, {"validation/dice/mean": 0.3 * epoch} if epoch else {},
                      tuple({"dice/left box": 0.25 * epoch, "dice/lid": 0.0} for _ in range(cases)), 100)  # fmt: skip
        frames.append(frame)
        for place in range(cases):
            shares = shares_at(epoch)
            held = io.BytesIO()
            np.savez_compressed(held, labels=shares.argmax(0).astype(np.uint8), shares=shares, grid=oblique())
            (folder / frame.name(place)).write_bytes(held.getvalue())
    numbers = tuple(range(cases))
    story = Story(folder, "labels", "segmentation", CLASSES, numbers, tuple({"number": n} for n in numbers),
                  tuple(frames), best="validation/dice/mean")  # fmt: skip
    (folder / INDEX).write_text(json.dumps(story.plain()))
    return replace(story)
