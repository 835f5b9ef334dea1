"""How near what a generator makes comes to held-out pictures, and what the discriminator thinks of both."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist
from torch import Tensor

from medviz.data.points import covered
from medviz.messages import Progress, Work
from medviz.networks.adversaries import Adversaries
from medviz.training.contest import sureness
from medviz.training.task import Batch
from medviz.training.using.features import PIXELS, features
from medviz.training.using.likeness import psnr, ssim
from medviz.training.using.quality import Reference, mmd

Array = NDArray[Any]
MOST = 512
"""Held-out pictures that are looked at, and samples that are made to compare with them."""
_TOGETHER = {2: 512, 4: 32, 5: 4}
"""Pictures a network takes at once, by the axes of a batch."""
_SPREAD_OVER = 256
_LEAST_MMD = 4


@dataclass(frozen=True, eq=False)
class Forged:
    """Held-out pictures (n, C, ...) and what was made to stand beside them; sureness of both, (n,) in 0..1 each.

    `maps` (n, given, ...) are what it was made to fit, None where there are none.
    """

    real: Tensor
    fake: Tensor
    real_sure: Tensor
    fake_sure: Tensor
    maps: Tensor | None = None

    def told(self) -> Mapping[str, float]:
        """Mean sureness of both: "D(x)" and "D(G(z))"."""
        return {"D(x)": float(self.real_sure.mean()), "D(G(z))": float(self.fake_sure.mean())}


def forged(
    network: Adversaries,
    batches: Sequence[Batch],
    loss: str,
    seed: int,
    given_of: Callable[[Batch], Tensor | None],
    most: int = MOST,
) -> Work[Forged]:
    """Make a sample for each of the held-out pictures (at most so many), always of the same noise, and judge both."""
    parts: list[Forged] = []
    chance, done, total = torch.Generator().manual_seed(seed), 0, min(most, len(batches))
    for batch in _together(batches, most):
        real, given = batch["image"], given_of(batch)
        fake = network.made(network.noise(len(real), real, chance), given).float()
        sure = [sureness(loss, network.judged(one, given)).flatten(1).mean(1) for one in (real, fake)]
        parts.append(
            Forged(real.cpu(), fake.cpu(), sure[0].cpu(), sure[1].cpu(), None if given is None else given.cpu())
        )
        done += len(real)
        yield Progress(done, total, "samples made and judged")
    return _joined(parts)


def _together(batches: Sequence[Batch], most: int) -> Iterator[Batch]:
    """Put batches of one together, as many as a network takes at once."""
    held: list[Batch] = []
    for number, batch in enumerate(batches):
        if number >= most:
            break
        held.append({name: value for name, value in batch.items() if isinstance(value, Tensor)})
        if len(held) >= _TOGETHER[batch["image"].ndim]:
            yield _stacked(held)
            held = []
    if held:
        yield _stacked(held)


def _stacked(held: list[Batch]) -> Batch:
    return {name: torch.cat([one[name] for one in held]) for name in held[0]}


def _joined(parts: list[Forged]) -> Forged:
    maps = [one.maps for one in parts if one.maps is not None]
    return Forged(
        torch.cat([one.real for one in parts]),
        torch.cat([one.fake for one in parts]),
        torch.cat([one.real_sure for one in parts]),
        torch.cat([one.fake_sure for one in parts]),
        torch.cat(maps) if maps else None,
    )


def diversity(fake: Tensor, real: Tensor) -> float:
    """Mean distance between two samples over that between two held-out pictures: 1 is as varied, 0 all the same."""
    ours, theirs = (one[:_SPREAD_OVER].flatten(1).double().numpy() for one in (fake, real))
    if len(theirs) < 2:
        return 1.0
    usual = float(pdist(theirs).mean())
    return float(pdist(ours).mean()) / usual if usual > 1e-9 else 1.0


def energy(made: Array, meant: Array) -> float:
    """Energy distance of two piles (n, d), (m, d), 0 where they are alike: 2 E|x−y| − E|x−x'| − E|y−y'| over √d.

    Székely and Rizzo, 2013; an MMD whose kernel is −|x−y|, which sees every difference between two distributions.
    """
    apart = 2 * cdist(made, meant).mean() - cdist(made, made).mean() - cdist(meant, meant).mean()
    return float(apart / np.sqrt(made.shape[1]))


def measured_points(found: Forged, data: Any) -> Mapping[str, float]:
    """Measure made points: energy distance, how many modes are covered (in %), and how many points lie near one."""
    made, meant = found.fake.numpy(), found.real.numpy()
    modes, near = covered(made, data.centres, data.spread)
    share = 100 * modes / len(data.centres)
    return {"distance": energy(made, meant), "modes covered (%)": share, "points near a mode (%)": 100 * near}


def measured_pictures(found: Forged) -> Mapping[str, float]:
    """Measure made pictures beside held-out ones by their mean brightnesses: energy distance and MMD²."""
    told = features(PIXELS)
    made, meant = told.of(found.fake), told.of(found.real)
    measured = {"distance": energy(made, meant)}
    if len(meant) >= _LEAST_MMD:
        known = Reference(told, told.name, meant)
        measured["MMD squared"] = mmd(known.scaled(made), known.scaled(meant)).value
    return measured


def likeness(found: Forged) -> list[dict[str, float]]:
    """Compare each made picture with the true one: L1 in the range −1..1, PSNR, SSIM."""
    rows = []
    for fake, real in zip(found.fake, found.real, strict=True):
        one, true = fake[None], real[None]
        off = float((one - true).abs().mean())
        rows.append({"distance": off, "L1": off, "PSNR (dB)": float(psnr(one, true)), "SSIM": float(ssim(one, true))})
    return rows


def nearest(found: Forged) -> Array:
    """Root mean square distance (n,) of each held-out picture to the sample nearest to it."""
    real, fake = (one.flatten(1).double().numpy() for one in (found.real, found.fake))
    made: Array = cdist(real, fake).min(1) / np.sqrt(real.shape[1])
    return made
