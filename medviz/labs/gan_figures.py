"""How the game of a generator and a discriminator is drawn: a field, a manifold, a film, curves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.figures import Curves, Gallery, Heatmap, Line, Picture
from medviz.labs.game import Game, Standing, slopes, values
from medviz.training.contest import sureness

Array = NDArray[Any]
REACH = 1.6
"""Half the side of the square of the plane that is drawn, and of that of the noise."""
FIELD, MANIFOLD, GRID, FILM, STRIP = 144, 144, 9, 6, 10
HALF = np.log(0.5)


@torch.no_grad()
def field_of_plane(game: Game, now: Standing, half: bool) -> Picture:
    """What D says of each place of the plane, with real and made points over it."""
    axis = torch.linspace(-REACH, REACH, FIELD)
    across, up = torch.meshgrid(axis, axis.flip(0), indexing="xy")
    places = torch.stack([across.flatten(), up.flatten()], 1)
    sure = sureness(game.rules.loss, now.network.judged(places)).view(FIELD, FIELD).numpy()
    labels = np.zeros((FIELD, FIELD), np.uint8)
    labels[_pixels(game.pictures[:400], FIELD)] = 1
    labels[_pixels(now.network.made(game.noise(400)).numpy(), FIELD)] = 2
    sure = np.full_like(sure, 0.5) if half else sure
    return Picture("field", sure, "D: white real, black made", levels=(0.0, 1.0), labels=labels,
                    label_names=("real", "made"), weight=1.6)  # fmt: skip


@torch.no_grad()
def field_of_slice(game: Game, now: Standing, values_: Array, piece: int, half: bool, mm: Any, letters: Any) -> Picture:
    """What D says of the piece of a slice round each place, (rows, cols) of the middles of pieces."""
    step = max(1, int(np.ceil(max(values_.shape) / 96)))
    windows = np.lib.stride_tricks.sliding_window_view(values_, (piece, piece))[::step, ::step]
    flat = torch.from_numpy(np.ascontiguousarray(windows.reshape(-1, 1, piece, piece), np.float32))
    sure = torch.cat([sureness(game.rules.loss, now.network.judged(one)) for one in torch.split(flat, 4096)])
    shown = sure.view(windows.shape[:2]).numpy()
    return Picture("field", np.full_like(shown, 0.5) if half else shown, "D of the piece round each place",
                   mm=None if mm is None else (mm[0] * step, mm[1] * step), levels=(0.0, 1.0), colours="viridis",
                   letters=letters, weight=1.6)  # fmt: skip


@torch.no_grad()
def field_of_noise(game: Game, now: Standing, half: bool) -> Picture:
    """What D says of what G makes of each place of the noise (its first two numbers)."""
    side = 48
    sure = sureness(game.rules.loss, now.network.judged(now.network.made(_grid(game, side)))).view(side, side).numpy()
    return Picture("field", np.full_like(sure, 0.5) if half else sure, "D of G(z): z₁ to the right, z₂ up",
                   levels=(0.0, 1.0), colours="viridis", weight=1.6)  # fmt: skip


@torch.no_grad()
def manifold_of_points(game: Game, now: Standing) -> Picture:
    """Where G puts a grid of noise: each line of the grid as a line of points, coloured by its place in the noise."""
    lines, along = 17, 240
    short, long = torch.linspace(-2.2, 2.2, lines), torch.linspace(-2.2, 2.2, along)
    first = torch.stack(torch.meshgrid(short, long, indexing="ij"), -1).reshape(-1, 2)
    both = torch.cat([first, first.flip(1)])
    noise = torch.zeros(len(both), game.rules.latent)
    noise[:, :2] = both[:, : game.rules.latent]
    at = now.network.made(noise).numpy()
    colours = np.concatenate([np.hypot(*first.numpy().T)] * 2)
    pixels = np.full((MANIFOLD, MANIFOLD), np.nan)
    rows, cols, inside = _places(at, MANIFOLD)
    pixels[rows, cols] = colours[inside]
    drawn = np.where(np.isfinite(pixels), 3.2 - np.nan_to_num(pixels), 0.0)
    return Picture("manifold", drawn, "G of a grid of noise (bright: near 0)",
                   levels=(0.0, 3.2), colours="inferno")  # fmt: skip


@torch.no_grad()
def manifold_of_pictures(game: Game, now: Standing) -> Gallery:
    """What G makes of a grid of noise, z₁ to the right and z₂ up."""
    tiles = now.network.made(_grid(game, GRID))[:, 0].numpy()
    return Gallery("manifold", tiles, "G of a grid of noise", levels=(-1.0, 1.0),
                   shared_scale=True, columns=GRID, weight=1.4)  # fmt: skip


@torch.no_grad()
def film(game: Game, course: str) -> Gallery:
    """What the same noise became, a tile a moment: a strip of pictures, or where points lie."""
    rounds = sorted({round(one) for one in np.linspace(0, len(course), FILM)})
    flat = game.pictures.ndim == 2
    tiles = []
    for number in rounds:
        made = game.reached[course[:number]].network.made(game.noise(800 if flat else STRIP)).numpy()
        tiles.append(_density(made) if flat else _strip(made[:, 0]))
    levels = (0.0, 4.0) if flat else (-1.0, 1.0)
    return Gallery("film", np.stack(tiles), "film: the same noise, round by round",
                   tuple(f"round {number}" for number in rounds), levels=levels, shared_scale=True)  # fmt: skip


def judgements(real: Array, fake: Array) -> Curves:
    """How many are thought how real."""
    edges = np.linspace(0, 1, 21)
    middles = (edges[1:] + edges[:-1]) / 2
    shares = [100 * np.histogram(one, edges)[0] / len(one) for one in (real, fake)]
    lines = (Line("D(x)", middles, shares[0]), Line("D(G(z))", middles, shares[1]))
    return Curves("judgements", lines, "what D thinks", "D: 0 made, 1 real", "share (%)", at=0.5)


def course_of_value(told: Sequence[Sequence[float]], half: bool) -> Curves:
    """V after each round, and where it ends if nobody can tell."""
    rounds = np.arange(len(told))
    found = np.full(len(told), 2 * HALF) if half else np.array([one[0] + one[1] for one in told])
    even = Line("−2 ln 2", rounds, np.full(len(told), 2 * HALF), dashed=True)
    return Curves("values", (Line("V(D, G)", rounds, found), even), "D makes V large, G makes it small", "round",
                  "V (nats)")  # fmt: skip


def value(real: Array, fake: Array) -> Heatmap:
    """The two terms of V and their sum."""
    first, second = values(real, fake)
    return Heatmap("value", np.array([[first, second, first + second]]), "V(D, G), nats", "diverging", (-2.0, 2.0),
                   digits=4, column_names=("ln D(x)", "ln(1 − D(G))", "V"), weight=0.6)  # fmt: skip


def pushes() -> Heatmap:
    """How hard G is pushed, by what D says of a sample."""
    sure = np.array([0.01, 0.1, 0.5, 0.9])
    return Heatmap("pushes", slopes(sure), "slope of G's loss on D's score", "viridis", (0.0, 1.0), digits=2,
                   row_names=("minimax", "non-saturating"), column_names=tuple(f"D {one:g}" for one in sure),
                   weight=0.6)  # fmt: skip


def _grid(game: Game, side: int) -> torch.Tensor:
    """Noise (side², latent) on a grid, rows from above; what lies beyond the first two numbers is 0."""
    axis = torch.linspace(-REACH, REACH, side)
    across, up = torch.meshgrid(axis, axis.flip(0), indexing="xy")
    noise = torch.zeros(side * side, max(2, game.rules.latent))
    noise[:, 0], noise[:, 1] = across.flatten(), up.flatten()
    return noise[:, : game.rules.latent]


def _strip(tiles: Array) -> Array:
    """Put tiles (n, rows, cols) beside each other with a dark column between them."""
    return np.concatenate([np.pad(one, ((0, 0), (0, 1)), constant_values=-1.0) for one in tiles], 1)[:, :-1]


def _density(at: Array, side: int = 48) -> Array:
    edges = np.linspace(-REACH, REACH, side + 1)
    return np.minimum(np.histogram2d(-at[:, 1], at[:, 0], (edges, edges))[0], 4.0)


def _pixels(at: Array, side: int) -> tuple[Array, Array]:
    """Squares of two pixels round points (n, 2)."""
    shifted = [at + REACH / side * np.array([dx, dy]) for dx in (-1, 1) for dy in (-1, 1)]
    rows, cols, _ = _places(np.concatenate(shifted), side)
    return rows, cols


def _places(at: Array, side: int) -> tuple[Array, Array, Array]:
    """Rows and columns of points (n, 2) that lie inside, and which they are."""
    scale = side / (2 * REACH)
    cols, rows = np.floor((at[:, 0] + REACH) * scale).astype(int), np.floor((REACH - at[:, 1]) * scale).astype(int)
    inside = (rows >= 0) & (rows < side) & (cols >= 0) & (cols < side)
    return rows[inside], cols[inside], inside
