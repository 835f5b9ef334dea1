"""A solid seen from a side: rays through a grid, in numpy. Shaded surface, maximum and mean along the ray.

An honest small ray caster, for where VTK cannot start. It never mirrors: the patient's left is the patient's left from
wherever one looks.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Picture
from medviz.imaging.rendering.sight import Sight, mm_per_pixel
from medviz.imaging.rendering.solid import Solid
from medviz.imaging.scene import Point
from medviz.messages import Progress, Work

Array = NDArray[Any]
Mode = Literal["surface", "labels", "maximum", "mean"]
IVORY = np.array([226, 214, 198], np.float32)
LIGHT = np.array([-0.45, 0.55, 0.71], np.float32)
"""From where light comes, in right, up and towards the eye."""


@dataclass(frozen=True)
class Look:
    """How it is shown: `cut` (RAS mm) takes the corner nearest the eye away; `paint` (n, 3) colours of the labels."""

    mode: Mode = "surface"
    cut: Point | None = None
    paint: tuple[tuple[int, int, int], ...] = ()


def rendered(solid: Solid, sight: Sight, look: Look, size: tuple[int, int], coarse: bool = False) -> Work[Picture]:
    """Render (rows, cols) pixels; says Progress as it goes, so that a newer wish can end it."""
    rays = Rays(solid, sight, size, stride=1.8 if coarse else 0.9)
    if look.mode in ("surface", "labels"):
        pixels = yield from _surface(solid, rays, sight, look)
    else:
        pixels = yield from _along(solid, rays, look.mode)
    return Picture("3-D", pixels)


class Rays:
    """One ray a pixel, in voxels of the solid: where it enters the grid, how far it goes, what one step is."""

    def __init__(self, solid: Solid, sight: Sight, size: tuple[int, int], stride: float) -> None:
        rows, cols = size
        self.size = size
        scale = mm_per_pixel(solid, sight, size)
        right, up, eye = sight.axes
        inverse = np.linalg.inv(solid.affine[:3, :3])
        across = (np.arange(cols) - (cols - 1) / 2) * scale - sight.shift[0]
        down = ((rows - 1) / 2 - np.arange(rows)) * scale - sight.shift[1]
        middle = np.add(solid.first, solid.last) / 2
        plane = middle + across[None, :, None] * (inverse @ right) + down[:, None, None] * (inverse @ up)
        self.step = (-(inverse @ eye) * solid.step_mm * stride).astype(np.float32)
        start = plane.reshape(-1, 3)
        first, last = _span(start, self.step, np.subtract(solid.first, 1), np.add(solid.last, 1))
        self.pixel = np.flatnonzero(last > first)
        first = np.ceil(first[self.pixel])
        self.count = (last[self.pixel] - first).astype(np.int32)
        self.at = (start[self.pixel] + first[:, None] * self.step).astype(np.float32).T.copy()
        self.strides = np.array([s // solid.field.itemsize for s in np.ascontiguousarray(solid.field).strides])

    def index(self, at: Array) -> NDArray[np.int32]:
        """Flat index of the voxel nearest to each place."""
        x, y, z = (at + np.float32(0.5)).astype(np.int32)
        found: NDArray[np.int32] = x * self.strides[0] + y * self.strides[1] + z
        return found.astype(np.int32, copy=False)


def _span(start: Array, step: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """First and last number of steps at which each line is between two corners of the grid."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one = (low - start) / step
        other = (high - start) / step
    near, far = np.minimum(one, other), np.maximum(one, other)
    still = step == 0
    outside = ((start < low) | (start > high))[:, still]
    near[:, still] = np.where(outside, np.inf, -np.inf)
    far[:, still] = np.where(outside, -np.inf, np.inf)
    return near.max(axis=1), far.min(axis=1)


def _along(solid: Solid, rays: Rays, mode: Mode) -> Work[Array]:
    values = np.ascontiguousarray(solid.values).reshape(-1)
    most = np.zeros(len(rays.pixel), np.float32)
    at, count = rays.at, rays.count
    for number in range(int(count.max(initial=0))):
        here = np.flatnonzero(count > number)
        seen = np.take(values, rays.index(at[:, here] + number * rays.step[:, None]), mode="clip")
        if mode == "maximum":
            most[here] = np.maximum(most[here], seen)
        else:
            most[here] += seen
        if number % 16 == 0:
            yield Progress(number, int(count.max()))
    if mode == "mean":
        most /= np.maximum(count, 1)
        most *= 255.0 / max(float(most.max(initial=1.0)), 1.0)
    picture = np.zeros(rays.size[0] * rays.size[1], np.uint8)
    picture[rays.pixel] = most
    grey = picture.reshape(rays.size)
    return np.repeat(grey[..., None], 3, axis=2)


def _surface(solid: Solid, rays: Rays, sight: Sight, look: Look) -> Work[Array]:
    field = np.ascontiguousarray(solid.field).reshape(-1)
    corner = _corner(solid, sight, look.cut)
    left = np.arange(len(rays.pixel))
    at = rays.at.copy()
    hit = np.zeros(len(rays.pixel), bool)
    for number in range(int(rays.count.max(initial=0)) + 1):
        inside = np.take(field, rays.index(at[:, left]), mode="clip") > solid.level
        if corner is not None and inside.any():
            met = np.flatnonzero(inside)
            inside[met[_removed(at[:, left[met]], corner)]] = False
        hit[left[inside]] = True
        left = left[~inside & (rays.count[left] > number)]
        at[:, left] += rays.step[:, None]
        if number % 16 == 0:
            yield Progress(number, int(rays.count.max()))
    found = np.flatnonzero(hit)
    place = _refined(solid, at[:, found], rays.step, corner)
    pixels = np.zeros((rays.size[0] * rays.size[1], 3), np.uint8)
    pixels[rays.pixel[found]] = _shaded(solid, place, rays, sight, look, corner)
    return pixels.reshape(*rays.size, 3)


def _corner(solid: Solid, sight: Sight, cut: Point | None) -> tuple[Array, Array] | None:
    """Return the cut's place in voxels and, for each axis, on which side of it the eye is."""
    if cut is None:
        return None
    inverse = np.linalg.inv(solid.affine[:3, :3])
    place = inverse @ (np.asarray(cut) - solid.affine[:3, 3])
    side = np.sign(inverse @ sight.axes[2])
    side[side == 0] = 1
    return place.astype(np.float32)[:, None], side.astype(np.float32)[:, None]


def _removed(at: Array, corner: tuple[Array, Array]) -> Array:
    place, side = corner
    gone: Array = np.all((at - place) * side > 0, axis=0)
    return gone


def _refined(solid: Solid, at: Array, step: Array, corner: tuple[Array, Array] | None) -> Array:
    """Halve the last step five times: the place where the ray really meets the surface."""
    back, forth = at - step[:, None], at
    for _ in range(5):
        middle = (back + forth) / 2
        inside = _between(solid.field, middle) > solid.level
        if corner is not None:
            inside &= ~_removed(middle, corner)
        forth = np.where(inside, middle, forth)
        back = np.where(inside, back, middle)
    refined: Array = forth
    return refined


def _between(field: Array, at: Array) -> Array:
    """Trilinear value of a field at places (3, n); outside, the nearest voxel's."""
    shape = np.array(field.shape)[:, None]
    kept = np.clip(at, 0, shape - 1.001)
    low = kept.astype(np.int32)
    part = (kept - low).astype(np.float32)
    total = np.zeros(at.shape[1], np.float32)
    for corner in range(8):
        offset = np.array([corner >> 2 & 1, corner >> 1 & 1, corner & 1])[:, None]
        weight = np.where(offset == 1, part, 1 - part).prod(axis=0)
        x, y, z = low + offset
        total += weight * field[x, y, z]
    return total


def _shaded(
    solid: Solid, at: Array, rays: Rays, sight: Sight, look: Look, corner: tuple[Array, Array] | None
) -> NDArray[np.uint8]:
    slope = np.stack([_between(solid.field, at + e) - _between(solid.field, at - e) for e in np.eye(3)[:, :, None]])
    normal = -np.linalg.inv(solid.affine[:3, :3]).T @ slope
    normal /= np.maximum(np.linalg.norm(normal, axis=0), 1e-6)
    facing = sight.axes @ normal
    lit = np.clip(LIGHT @ facing, 0, 1)
    glance = np.clip(facing[2], 0, 1)
    light = 0.16 + 0.64 * lit + 0.24 * glance
    shine = 40.0 * np.clip(facing[2] * 0.9 + lit * 0.25, 0, 1) ** 24
    inward = slope / np.maximum(np.linalg.norm(slope, axis=0), 1e-6)
    colour = _colours(solid, at, inward, look) * light[:, None] + shine[:, None]
    if corner is not None:
        _cut_faces(solid, at, colour, look, corner, rays.step)
    shown: NDArray[np.uint8] = np.clip(colour, 0, 255).astype(np.uint8)
    return shown


def _colours(solid: Solid, at: Array, inward: Array, look: Look) -> Array:
    """Colour of the surface: ivory, or that of the first label below it, which smoothing may have taken some way."""
    colour = np.repeat(IVORY[None], at.shape[1], axis=0)
    if solid.labels is None or not look.paint or look.mode != "labels":
        return colour
    paint = np.asarray((tuple(IVORY), *look.paint), np.float32)
    shape = np.array(solid.labels.shape)[:, None]
    label = np.zeros(at.shape[1], np.uint8)
    for deep in (0.0, 0.5, 1.0, 1.5, 2.2, 3.0):
        x, y, z = np.clip(at + deep * (solid.grid_mm / solid.step_mm) * inward + 0.5, 0, shape - 1).astype(np.int32)
        label = np.where(label == 0, solid.labels[x, y, z], label)
    painted: Array = paint[np.minimum(label, len(paint) - 1)]
    return painted


def _cut_faces(solid: Solid, at: Array, colour: Array, look: Look, corner: tuple[Array, Array], step: Array) -> None:
    """Show the scan's grey, tinted by the labels, where the corner was taken away."""
    place, side = corner
    near = ((at - place) * side > -0.6).all(axis=0)
    face = near & _removed(at - step[:, None] * 0.7, corner)
    if not face.any():
        return
    here = at[:, face]
    grey = np.repeat(_between(solid.values, here)[:, None], 3, axis=1)
    if solid.labels is not None and look.paint:
        x, y, z = (here + 0.5).astype(np.int32)
        label = solid.labels[x, y, z]
        paint = np.asarray(((0, 0, 0), *look.paint), np.float32)[np.minimum(label, len(look.paint))]
        grey = np.where((label > 0)[:, None], grey * 0.62 + paint * 0.38, grey)
    colour[face] = grey
