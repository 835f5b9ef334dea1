"""What is drawn of an autoencoder: pictures told again with their errors, PCA beside them, the codes, new pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medviz.data.pictures import pictures
from medviz.figures import Curves, Figure, Gallery, Line, Points
from medviz.imaging.volume import Array
from medviz.networks.coding import Coder
from medviz.tasks.coding_measured import meant_by
from medviz.tasks.tiled import gallery, tiles
from medviz.training.task import Batch
from medviz.training.using.likeness import psnr
from medviz.training.using.principal import Components, components

CROWD, CROWD_VOXELS = 240, 8_000_000
"""Held-out pictures whose codes are drawn; of volumes fewer."""
SAMPLES = 12
_BINS = 41
_ERROR = 0.5
"""An error this large (of −1..1) has the full colour."""
_NOISE = 0xC0DE


@dataclass(frozen=True, eq=False)
class Crowd:
    """Held-out pictures (N, C, x, y[, z]), and the class of each where there are classes."""

    images: Tensor
    kinds: Array | None
    names: tuple[str, ...]


@lru_cache(maxsize=2)
def crowd(data: Any, dimensions: int, side: int, whole: bool) -> Crowd:
    """Return held-out pictures, evenly chosen, whose codes are drawn."""
    source = pictures(data, dimensions, side, held_out=True, whole=whole)
    count = max(2, min(CROWD, CROWD_VOXELS // (data.channels * side**dimensions), len(source)))
    found = [source[int(at)] for at in np.unique(np.linspace(0, len(source) - 1, count).round().astype(int))]
    kinds = np.array([int(one["kind"]) for one in found]) if all("kind" in one for one in found) else None
    return Crowd(torch.stack([one["image"] for one in found]), kinds, tuple(getattr(data, "classes", ())))


def codes_of(network: Coder, images: Tensor, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Return the codes (N, k) of pictures without chance, and the numbers of the entries where there is a book."""
    codes, numbers = [], []
    for part in torch.split(images, 16):
        coded = network.coded(part.to(device))
        codes.append(coded.mean.flatten(1).float().cpu())
        numbers += [] if coded.index is None else [coded.index.flatten().cpu()]
    return torch.cat(codes), torch.cat(numbers) if numbers else None


def drawn(
    network: Coder, probes: Sequence[Batch], group: Crowd, known: Components, numbers: int, scan: bool
) -> Iterator[Figure]:
    """Draw the probes told again with errors, the codes of the crowd, and what the prior makes of fixed noise."""
    if probes:
        yield from told_again(network, probes, known, numbers, scan)
    device = next(network.parameters()).device
    codes, index = codes_of(network, group.images, device)
    if network.gaussian:
        chance = torch.Generator().manual_seed(_NOISE)
        noise = torch.randn((SAMPLES, *network.latent_shape), generator=chance)
        made = torch.cat([network.decode(one.to(device)).float().clamp(-1, 1).cpu() for one in torch.split(noise, 4)])
        yield gallery("samples", made, "samples of the prior, from fixed noise", scan)
    yield latent_map(codes, group)
    if index is not None:
        yield _book(index, int(getattr(network, "entries", int(index.max()) + 1)))
    else:
        yield _histogram(codes, network.gaussian)


def told_again(
    network: nn.Module, probes: Sequence[Batch], known: Components, numbers: int, scan: bool
) -> Iterator[Gallery]:
    """Draw rows of tiles: the pictures, as they were given where that is another thing, told again, and by PCA."""
    given = torch.cat([one["image"] for one in probes]).float()
    meant = torch.cat([meant_by(one) for one in probes]).float()
    noisy = "target" in probes[0]
    told = torch.cat([network(one["image"]).float() for one in probes])
    linear = known.told(given, numbers).to(meant)
    rows = [("original", meant), *([("given", given)] if noisy else []), ("told again", told), ("PCA", linear)]
    named = [name if images is meant else f"{name} {float(psnr(images, meant).mean()):.1f} dB" for name, images in rows]
    stacked = torch.cat([images.cpu() for _, images in rows])
    yield gallery("reconstructions", stacked, " / ".join(named), scan, columns=len(meant), weight=1.6)
    errors = torch.cat([told - meant, linear - meant]).cpu().mean(1, keepdim=True)
    yield Gallery("errors", tiles(errors, scan), f"errors: told again / PCA of {numbers} numbers", (), "diverging",
                  (-_ERROR, _ERROR), True, columns=len(meant), weight=1.2)  # fmt: skip


def latent_map(codes: Tensor, group: Crowd) -> Points:
    """Draw codes (N, k) in a plane: as they are where k is 2, else along their first two principal components."""
    size = codes.shape[1]
    if size <= 2:
        at, kept, names = codes if size == 2 else torch.cat([codes, 0 * codes], 1), 1.0, ("z1", "z2")
    else:
        known = components(codes, 2)
        at = known.encode(codes, 2)
        at = at if at.shape[1] == 2 else torch.cat([at, 0 * at], 1)
        kept, names = known.explained(2), ("first component", "second component")
    title = "latent map" if size <= 2 else f"latent map: {100 * kept:.0f} % of {size} numbers"
    kinds, classes = group.kinds, group.names
    if kinds is None or not classes:
        return Points("latent map", at.numpy(), title, x_name=names[0], y_name=names[1])
    return Points("latent map", at.numpy(), title, kinds, classes,
                  x_name=names[0], y_name=names[1])  # fmt: skip


def _histogram(codes: Tensor, gaussian: bool) -> Curves:
    values = codes.flatten().numpy()
    reach = max(float(np.abs(values).max(initial=0.0)), 3.5 if gaussian else 1e-3)
    edges = np.linspace(-reach, reach, _BINS + 1)
    share, _ = np.histogram(values, edges, density=True)
    middles = (edges[1:] + edges[:-1]) / 2
    lines = [Line("code", middles, share)]
    if gaussian:
        lines.append(Line("N(0, 1)", middles, np.exp(-0.5 * middles**2) / np.sqrt(2 * np.pi), dashed=True))
    title = "middles of the codes" if gaussian else "numbers of the codes"
    return Curves("code", tuple(lines), title, "number of a code", "density", weight=0.5)


def _book(index: Tensor, entries: int) -> Curves:
    uses = torch.bincount(index, minlength=entries).double().sort(descending=True).values
    shares = (uses / uses.sum()).numpy()
    perplexity = float(np.exp(-(shares[shares > 0] * np.log(shares[shares > 0])).sum()))
    even = np.full(len(shares), 100 / entries)
    at = np.arange(1, len(shares) + 1)
    lines = (Line("share of places", at, 100 * shares), Line("all alike", at, even, dashed=True))
    return Curves("book", lines, f"use of the {entries} entries: perplexity {perplexity:.0f}", "entry, most used first",
                  "share of places (%)")  # fmt: skip
