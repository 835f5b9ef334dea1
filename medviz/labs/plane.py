"""The plane of a variational autoencoder's code: a small one taught on digits at once, or two axes of a run's."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.imaging.slices import Slice
from medviz.labs.coded import PIXELS, SIDE, digits
from medviz.labs.findings import grey
from medviz.labs.looked_into import Drawn
from medviz.messages import Progress, Work
from medviz.networks.coding import divergence
from medviz.refused import Refused
from medviz.training.using.coding import Coding, coder

Array = NDArray[Any]
REACH = 3.0
"""The plane is drawn from −3 to 3 of each axis: 99.7 % of what the prior draws lies there, axis by axis."""
SHOWN = 12
KINDS = 6
"""The digits 0 to 5: more kinds do not find room in a plane."""
SPREAD = 0.2
"""Standard deviation of a pixel (0..1) about what the decoder tells."""
_LEARNT, _STEPS, _BATCH, _RATE = 800, 600, 128, 0.005
PLANE_PX = 396
"""Side of the plane as it is drawn, whatever the pictures' own."""
DRAWS = 12
_GAP = 4


class Small(nn.Module):
    """Dense layers: pictures of 64 pixels to a cloud in the plane, points of the plane to pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(PIXELS, 128), nn.SiLU(), nn.Linear(128, 64), nn.SiLU(), nn.Linear(64, 4))
        self.decoder = nn.Sequential(nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 128), nn.SiLU(), nn.Linear(128, PIXELS))

    def cloud(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ² (n, 2) of pictures (n, 64)."""
        mean, spread = self.encoder(pixels).chunk(2, 1)
        return mean, spread.clamp(-10.0, 5.0)


@dataclass(frozen=True, eq=False)
class OfDigits:
    """A small variational autoencoder that was taught on 800 digits of 0 to 5; the other 283 are held out."""

    network: Small
    held: Tensor
    kinds: Array | None
    words: str = "digits, held out"
    names: tuple[str, ...] = tuple("012345")
    levels: tuple[float, float] = (0.0, 1.0)
    mm: tuple[float, float] | None = None
    tiles: int = 11

    def decoded(self, points: Array) -> Array:
        """Return the digits (n, 8, 8) of points."""
        with torch.no_grad():
            told: Array = self.network.decoder(torch.from_numpy(points).float()).numpy()
        return told.reshape(-1, SIDE, SIDE)

    def drawn(self, seed: int) -> Array:
        """Return digits of points drawn from the prior."""
        return self.decoded(np.random.default_rng(seed).standard_normal((DRAWS, 2)))

    @property
    def pictures(self) -> Array:
        """The first held-out digits."""
        return self.held[:SHOWN].reshape(-1, SIDE, SIDE).numpy()

    @property
    def clouds(self) -> tuple[Array, Array]:
        """Clouds of all held-out digits."""
        with torch.no_grad():
            mean, spread = self.network.cloud(self.held)
        return mean.numpy(), (0.5 * spread).exp().numpy()

    @property
    def measures(self) -> dict[str, float]:
        """Divergence and error on the held-out digits."""
        with torch.no_grad():
            mean, spread = self.network.cloud(self.held)
            told = self.network.decoder(mean)
        error = float((told - self.held).square().sum(1).mean())
        return {"KL": float(divergence(mean, spread).mean()), "error": error}


_KEPT: dict[tuple[float, int], OfDigits] = {}
"""Networks that were taught already: a point that is dragged must not teach anew."""


def of_digits(beta: float, seed: int) -> Work[OfDigits]:
    """Teach a small variational autoencoder on digits with this weight of its divergence."""
    if (beta, seed) not in _KEPT:
        pixels, kinds = digits()
        few = kinds < KINDS
        flat, kinds = pixels[few].reshape(-1, PIXELS), kinds[few]
        with Drawn(seed):
            network = Small()
        yield from _learning(network, flat[:_LEARNT], beta, seed)
        if len(_KEPT) > 16:
            _KEPT.clear()
        _KEPT[beta, seed] = OfDigits(network.eval(), flat[_LEARNT:], kinds[_LEARNT:])
    return _KEPT[beta, seed]


def _learning(network: Small, flat: Tensor, beta: float, seed: int) -> Iterator[Progress]:
    """Make −ln p(x|z) + β·KL small; β rises over the first third."""
    chance = torch.Generator().manual_seed(seed)
    steps = torch.optim.Adam(network.parameters(), lr=_RATE)
    for step in range(_STEPS):
        steps.param_groups[0]["lr"] = _RATE * (0.52 + 0.48 * np.cos(np.pi * step / _STEPS))
        some = flat[torch.randint(len(flat), (_BATCH,), generator=chance)]
        mean, spread = network.cloud(some)
        point = mean + (0.5 * spread).exp() * torch.randn(mean.shape, generator=chance)
        error = (network.decoder(point) - some).square().sum(1).mean() / (2 * SPREAD**2)
        loss = error + beta * min(1.0, 3 * step / _STEPS) * divergence(mean, spread).mean()
        steps.zero_grad()
        loss.backward()
        steps.step()
        if step % 20 == 0:
            yield Progress(step, _STEPS, f"teaching a variational autoencoder, step {step} of {_STEPS}")


@dataclass(frozen=True, eq=False)
class OfRun:
    """Two axes of a run's code; the others are those of the slice, or 0 where there is none."""

    coding: Coding
    base: Tensor
    axes: tuple[int, int]
    seen: Array
    cloud: tuple[Array, Array]
    words: str
    mm: tuple[float, float] | None = None
    kinds: Array | None = None
    names: tuple[str, ...] = ()
    levels: tuple[float, float] = (-1.0, 1.0)
    tiles: int = 11

    def decoded(self, points: Array) -> Array:
        """Return the pictures of points, of volumes the middle axial slice."""
        codes = self.base.repeat(len(points), 1)
        codes[:, list(self.axes)] = torch.from_numpy(points).float()
        return self._told(codes)

    def drawn(self, seed: int) -> Array:
        """Return pictures of codes whose every axis is drawn from the prior."""
        chance = np.random.default_rng(seed)
        return self._told(torch.from_numpy(chance.standard_normal((DRAWS, self.base.shape[1]))).float())

    def _told(self, codes: Tensor) -> Array:
        with torch.no_grad():
            return np.stack([_faced(self.coding.network.decode(code[None])[0]) for code in codes])

    @property
    def pictures(self) -> Array:
        """The slice as the network gets it."""
        return self.seen

    @property
    def clouds(self) -> tuple[Array, Array]:
        """The cloud of the slice."""
        return self.cloud

    @property
    def measures(self) -> dict[str, float]:
        """What the run measured on its held-out pictures."""
        told = self.coding.taught.measures
        return {"KL": told["KL (nats)"]} if "KL (nats)" in told else {}


@lru_cache(maxsize=2)
def _loaded(where: str) -> Coding:
    return coder(where)


_RUNS: "WeakKeyDictionary[Slice, dict[object, OfRun]]" = WeakKeyDictionary()
"""Planes laid through slices already: a point that is dragged must not lay one anew."""


def of_run(where: str, image: Slice, axes: tuple[int, int]) -> OfRun:
    """Lay the plane through the code of a slice, along two axes of it; refuses a run whose code has no cloud."""
    kept = _RUNS.setdefault(image, {})
    if (where, axes) not in kept:
        kept.clear()
        kept[where, axes] = _laid_through(where, image, axes)
    return kept[where, axes]


def _laid_through(where: str, image: Slice, axes: tuple[int, int]) -> OfRun:
    coding = _loaded(where)
    network = coding.network
    if not network.gaussian or network.spatial:
        raise Refused(where, "its code is no cloud in few axes", "choose a run with the network VAE")
    if max(axes) >= network.latent_channels or axes[0] == axes[1]:
        fault = f"the code has {network.latent_channels} axes"
        raise Refused(f"axes {axes[0] + 1} and {axes[1] + 1}", fault, "choose two different ones of them")
    values = np.asarray(grey(image).T[:, ::-1], np.float32)  # (x, y): as cut() lays it, backwards
    values = values[::-1] if image.letters[0].startswith("R") else values
    given = coding.prepared(np.ascontiguousarray(values if coding.dimensions == 2 else values[..., None]))
    with torch.no_grad():
        mean, spread = network.cloud(given)  # type: ignore[operator]
    sigma = (0.5 * spread).exp().numpy()[:, list(axes)]
    return OfRun(coding, mean, axes, _faced(given[0])[None], (mean.numpy()[:, list(axes)], sigma),
                 image.name or "the slice")  # fmt: skip


def _faced(image: Tensor) -> Array:
    """Turn (C, x, y[, z]) to the screen as cut() does: patient's right on the left, front up."""
    flat = image[0].numpy()
    flat = flat if flat.ndim == 2 else flat[..., flat.shape[2] // 2]
    return np.ascontiguousarray(flat.T[::-1, ::-1])


Plane = OfDigits | OfRun
"""Two axes of a code: any point becomes a picture, and held-out pictures have a cloud there."""
_MAPS: "WeakKeyDictionary[Plane, Array]" = WeakKeyDictionary()


def laid_out(plane: Plane) -> Work[Array]:
    """Decode an even grid of points from −3 to 3, as one picture of 396 px a side: z1 to the right, z2 up."""
    if plane not in _MAPS:
        at = (np.arange(plane.tiles) + 0.5) / plane.tiles * 2 * REACH - REACH
        rows = []
        for number, y in enumerate(at[::-1], start=1):
            rows.append(plane.decoded(np.array([(x, y) for x in at])))
            yield Progress(number, plane.tiles, "decoding the plane")
        tiles, size = np.stack(rows), PLANE_PX // plane.tiles
        inner = size - _GAP
        down, across = (np.arange(inner) * side // inner for side in tiles.shape[2:])
        small = np.full((plane.tiles, plane.tiles, size, size), plane.levels[0], np.float32)
        small[:, :, :inner, :inner] = tiles[:, :, down][:, :, :, across]
        small = small.transpose(0, 2, 1, 3)
        _MAPS[plane] = np.ascontiguousarray(small.reshape(PLANE_PX, PLANE_PX))
    return _MAPS[plane]


def samples(plane: Plane, seed: int) -> Array:
    """Return pictures drawn from the prior; a point that is dragged must not draw them anew."""
    kept = _DRAWN.setdefault(plane, {})
    if seed not in kept:
        kept.clear()
        kept[seed] = plane.drawn(seed)
    return kept[seed]


_DRAWN: "WeakKeyDictionary[Plane, dict[int, Array]]" = WeakKeyDictionary()
