"""What the labs of autoencoders learn from, digits or pieces of a slice, and how a small network is taught on it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Tensor, nn

from medviz.imaging.slices import Slice
from medviz.labs.findings import grey, shades
from medviz.labs.looked_into import Drawn
from medviz.messages import Progress, Work
from medviz.networks.autoencoder import Autoencoder
from medviz.refused import Refused
from medviz.training.using.principal import Components, components

Array = NDArray[Any]
SIDE = 8
"""Pixels of a picture a side: a digit of scikit-learn, or a piece of a slice."""
PIXELS = SIDE * SIDE
HIDDEN = {"linear": 0, "hidden": 1, "deep": 2}
_WIDTH, _BATCH = 96, 256
_STEPS, _NEWTON_STEPS, _TURNS, _RATE = 500, 150, 100, 0.006
_MOST_PIECES = 1500
_GAP = 2


@dataclass(frozen=True, eq=False)
class Lesson:
    """Pictures (n, 8, 8) in 0..1 that are learnt from and others (m, 8, 8); `shown` (k, 8, 8) lie in `rows` rows."""

    learnt: Tensor
    others: Tensor
    shown: Tensor
    rows: int
    image: Slice | None = None

    @property
    def columns(self) -> int:
        """Pictures in a row of what is shown."""
        return len(self.shown) // self.rows

    def laid(self, pictures: Tensor) -> Array:
        """Lay pictures (k, 8, 8) out with a gap between them, or as they lie in the slice (rows, cols)."""
        size = SIDE if self.image is not None else SIDE + _GAP
        room = (0, size - SIDE) * 2
        tiled = F.pad(pictures, room).reshape(self.rows, self.columns, size, size).permute(0, 2, 1, 3)
        whole = tiled.reshape(self.rows * size, self.columns * size).numpy()
        if self.image is None:
            return np.ascontiguousarray(whole[:-_GAP, :-_GAP])
        rows, cols = self.image.pixels.shape[:2]
        return np.ascontiguousarray(whole[:rows, :cols])


@lru_cache(maxsize=1)
def digits() -> tuple[Tensor, Array]:
    """All digits (1797, 8, 8) in 0..1 as they face the screen, and what each is."""
    found = load_digits()
    return torch.from_numpy(found.images / 16).float(), np.array(found.target)


@lru_cache(maxsize=1)
def of_digits() -> Lesson:
    """The first 1,200 digits to learn from; the others are held out, two dozen of them are shown."""
    pixels, _ = digits()
    return Lesson(pixels[:1200], pixels[1200:], pixels[1200:1224], 4)


def of_slice(image: Slice) -> Lesson:
    """Cut a slice into pieces of 8×8; every third row of pieces is held out, and what overlaps it is not learnt from.

    Refuses a slice without contrast, or too small to leave anything to learn from.
    """
    values = grey(image, 2 * SIDE)
    low, high = shades(values)
    scaled = np.clip((values - low) / (high - low), 0, 1)
    if float(scaled.std()) < 1e-6:
        raise Refused(image.name or "image", "it is the same everywhere", "choose a slice with contrast")
    more = [-side % SIDE for side in scaled.shape]
    scaled = np.pad(scaled, [(0, one) for one in more], mode="edge").astype(np.float32)
    rows, columns = (side // SIDE for side in scaled.shape)
    tiles = torch.from_numpy(scaled).reshape(rows, SIDE, columns, SIDE).permute(0, 2, 1, 3)
    held = np.arange(rows) % 3 == 1
    learnt = _windows(scaled, held)
    return Lesson(learnt, tiles[held].reshape(-1, SIDE, SIDE), tiles.reshape(-1, SIDE, SIDE), rows, image)


def _windows(scaled: Array, held: Array) -> Tensor:
    """All windows that lie in rows which are not held out, evenly thinned."""
    step = max(1, int(np.sqrt(scaled.size / _MOST_PIECES)))
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (SIDE, SIDE))
    free = np.repeat(~held, SIDE)
    tops = [top for top in range(windows.shape[0]) if free[top : top + SIDE].all()][::step]
    return torch.from_numpy(windows[tops][:, ::step].reshape(-1, SIDE, SIDE).copy())


@dataclass(frozen=True)
class How:
    """How a small autoencoder is built and taught; `noise` is laid over what it is given, `sparsity` pulls its code."""

    kind: str = "linear"
    code: int = 8
    noise: float = 0.0
    sparsity: float = 0.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Taught:
    """A network that was taught, and its loss at each step (mean of ‖x − x̂‖² over the pictures learnt from)."""

    network: Autoencoder
    course: Array

    def told(self, given: Tensor) -> Tensor:
        """Tell pictures (n, 8, 8) again."""
        with torch.no_grad():
            return self.network(given[:, None])[:, 0]  # type: ignore[no-any-return]

    def code(self, given: Tensor) -> Tensor:
        """Return the codes (n, k) of pictures (n, 8, 8)."""
        with torch.no_grad():
            return self.network.encode(given[:, None])


def noisy(pictures: Tensor, noise: float, seed: int) -> Tensor:
    """Lay noise over pictures, the same for the same seed."""
    chance = torch.Generator().manual_seed(seed + 77)
    return pictures + noise * torch.randn(pictures.shape, generator=chance) if noise else pictures


def loss_of(told: Tensor, meant: Tensor) -> float:
    """Mean over pictures of ‖x − x̂‖²: the sum of squares of the differences of its 64 pixels."""
    return float((told.double() - meant.double()).square().flatten(1).sum(1).mean())


def taught(learnt: Tensor, how: How) -> Work[Taught]:
    """Teach an autoencoder; what is linear by L-BFGS and least squares, others by Adam."""
    with Drawn(how.seed):
        network = Autoencoder(
            size=SIDE, code=how.code, depth=HIDDEN[how.kind], width=_WIDTH, linear=how.kind == "linear",
            bound="relu" if how.sparsity and how.kind != "linear" else "none",
        )  # fmt: skip
    _centre(network, learnt.mean(0).flatten())
    teach = _by_newton if how.kind == "linear" and not how.noise else _by_adam
    course = yield from teach(network.train(), learnt[:, None], how)
    return Taught(network.eval(), np.array(course))


@torch.no_grad()
def _centre(network: Autoencoder, mean: Tensor) -> None:
    """Begin with what PCA begins with: the mean picture is taken off before, and laid on again behind."""
    first, last = network.encoder[0], network.decoder[-1]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    first.bias.copy_(-first.weight @ mean)
    last.bias.copy_(mean)


def _losses(network: Autoencoder, given: Tensor, meant: Tensor, how: How) -> tuple[Tensor, Tensor]:
    """Return what is made small, and the part of it that is the error."""
    code = network.encode(given)
    error = (network.decode(code) - meant).square().flatten(1).sum(1).mean()
    return error + how.sparsity * code.abs().sum(1).mean(), error


def _by_adam(network: Autoencoder, meant: Tensor, how: How) -> Work[list[float]]:
    chance = torch.Generator().manual_seed(how.seed)
    steps = torch.optim.Adam(network.parameters(), lr=_RATE)
    course = []
    for step in range(_STEPS):
        steps.param_groups[0]["lr"] = _RATE * (0.51 + 0.49 * np.cos(np.pi * step / _STEPS))
        some = meant[torch.randint(len(meant), (_BATCH,), generator=chance)]
        given = some + how.noise * torch.randn(some.shape, generator=chance) if how.noise else some
        loss, error = _losses(network, given, some, how)
        course.append(error.item())
        steps.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        steps.step()
        if step % 20 == 0:
            yield Progress(step, _STEPS, f"teaching the autoencoder, step {step} of {_STEPS}")
    return course


def _by_newton(network: Autoencoder, meant: Tensor, how: How) -> Work[list[float]]:
    yield Progress(0, 0, "teaching the autoencoder")
    steps = torch.optim.LBFGS(
        network.parameters(), max_iter=_NEWTON_STEPS, history_size=20, line_search_fn="strong_wolfe",
        tolerance_grad=1e-9, tolerance_change=1e-12,
    )  # fmt: skip
    course: list[float] = []

    def loss() -> Tensor:
        steps.zero_grad()
        all_of_it, error = _losses(network, meant, meant, how)
        all_of_it.backward()  # type: ignore[no-untyped-call]
        course.append(error.item())
        return all_of_it

    step: Callable[..., Any] = steps.step
    step(loss)
    return course + _by_turns(network, meant.flatten(1).double())


@torch.no_grad()
def _by_turns(network: Autoencoder, pixels: Tensor) -> list[float]:
    """Take the best decoder for the encoder, then the best encoder for that decoder, and so on (least squares).

    Gradients crawl along the flat valley in which a linear autoencoder ends; this does not.
    """
    first, last = network.encoder[0], network.decoder[-1]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    mean = pixels.mean(0)
    spread = (pixels - mean).T @ (pixels - mean) / len(pixels)
    encoder, course = first.weight.double(), []
    for _ in range(_TURNS):
        decoder = spread @ encoder.T @ torch.linalg.pinv(encoder @ spread @ encoder.T, hermitian=True)
        encoder = torch.linalg.pinv(decoder)
        left = torch.eye(len(mean), dtype=torch.float64) - decoder @ encoder
        course.append(float(torch.trace(left @ spread @ left.T)))
    first.weight.copy_(encoder)
    last.weight.copy_(decoder)
    _centre(network, mean.float())
    return course


def principal(learnt: Tensor) -> Components:
    """Principal components of pictures (n, 8, 8)."""
    return components(learnt.double().flatten(1).float())
