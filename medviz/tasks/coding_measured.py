"""How good an autoencoder is on held-out pictures, and how much of its code it uses; beside it, PCA."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from medviz.networks.coding import Coded
from medviz.training.task import Batch
from medviz.training.using.likeness import psnr, ssim
from medviz.training.using.principal import Components

CHUNK, CHUNK_VOXELS = 32, 2_000_000
"""Pictures that are told at once; of volumes fewer."""
ACTIVE_VARIANCE = 0.01
"""A unit whose middle varies by more than this over pictures is active: Burda, Grosse and Salakhutdinov, 2016."""
ACTIVE_SHARE = 0.1
"""A number of a code counts as active beyond this share of the root mean square of all: no scale is given to it."""
_MOST_KEPT = 4_000_000
"""Numbers of codes that are kept for what needs all pictures at once."""


def chunked(batches: Sequence[Batch]) -> Iterator[tuple[int, Batch]]:
    """Yield (how many are done, some pictures stacked) of batches of one."""
    held: list[Batch] = []
    for number, batch in enumerate(batches, start=1):
        held.append(batch)
        if len(held) >= max(1, min(CHUNK, CHUNK_VOXELS // batch["image"].numel())):
            yield number, _stacked(held)
            held = []
    if held:
        yield len(batches), _stacked(held)


def _stacked(held: Sequence[Batch]) -> Batch:
    names = [name for name in ("image", "target", "kind") if name in held[0]]
    return {name: torch.cat([one[name] for one in held]) for name in names}


def per_picture(coded: Coded, batch: Batch, known: Components | None, numbers: int) -> dict[str, Tensor]:
    """Measure each picture of a batch, (N,) each: how like it is told, by the network and by PCA of `numbers`."""
    given, meant = batch["image"].float(), meant_by(batch).float()
    found = _likeness("", coded.image.float(), meant)
    if "target" in batch:
        found |= {"input/PSNR (dB)": psnr(given, meant)}
    if known is not None:
        found |= _likeness("PCA/", known.told(given, numbers).to(meant), meant)
    if coded.kl is not None:
        found["KL (nats)"] = coded.kl
    return {name: one.detach().float().cpu() for name, one in found.items()}


def _likeness(of: str, told: Tensor, meant: Tensor) -> dict[str, Tensor]:
    return {
        f"{of}MSE": (told - meant).square().flatten(1).mean(1),
        f"{of}PSNR (dB)": psnr(told, meant),
        f"{of}SSIM": ssim(told, meant),
    }


def meant_by(batch: Batch) -> Tensor:
    """Return the pictures that are meant: those given, or what they were before noise was laid over them."""
    meant: Tensor = batch["target"] if "target" in batch else batch["image"]
    return meant


def numbers_of(network: Any) -> int:
    """How many numbers stand for a picture; of a code out of a book one a place, the entry's."""
    if hasattr(network, "entries"):
        return math.prod(network.latent_shape[1:])
    return int(network.numbers)


class Sums:
    """Sums over pictures, and the codes of all of them."""

    def __init__(self, entries: int = 0, gaussian: bool = False) -> None:
        self.count = 0
        self.gaussian = gaussian
        self._sums: dict[str, float] = {}
        self._codes: list[Tensor] = []
        self._kept = 0
        self._uses = torch.zeros(entries)

    def add(self, found: dict[str, Tensor], coded: Coded, terms: dict[str, float]) -> None:
        """Take a batch in; `terms` are means over it."""
        size = len(coded.image)
        self.count += size
        for name, each in found.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(each.sum())
        for name, mean in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + mean * size
        if coded.index is not None:
            self._uses += torch.bincount(coded.index.flatten().cpu(), minlength=len(self._uses))
        elif self._kept < _MOST_KEPT:
            self._codes.append(coded.mean.detach().flatten(1).float().cpu())
            self._kept += self._codes[-1].numel()

    def told(self) -> dict[str, float]:
        """Return the means, and what is said of the code."""
        means = {f"validation/{name}": total / max(1, self.count) for name, total in self._sums.items()}
        if len(self._uses):
            return {**means, **used(self._uses)}
        return {**means, **_activity(torch.cat(self._codes), self.gaussian)} if self._codes else means


def used(uses: Tensor) -> dict[str, float]:
    """Tell how evenly the entries of a book are used: perplexity, e to the entropy of their shares; all alike K."""
    shares = uses / uses.sum().clamp_min(1)
    entropy = -(shares * shares.clamp_min(1e-12).log()).sum()
    return {
        "validation/perplexity (entries)": math.exp(float(entropy)),
        "validation/entries used (%)": 100 * float((uses > 0).float().mean()),
    }


def active_units(codes: Tensor) -> float:
    """Share of the units (N, k) whose mean code varies over pictures by more than `ACTIVE_VARIANCE`."""
    return float((codes.var(0, correction=0) > ACTIVE_VARIANCE).float().mean())


def active_fraction(codes: Tensor) -> float:
    """Share of the numbers of codes (N, k) that are more than `ACTIVE_SHARE` of the root mean square of all."""
    scale = codes.square().mean().sqrt()
    return float((codes.abs() > ACTIVE_SHARE * scale).float().mean()) if scale > 0 else 0.0


def _activity(codes: Tensor, gaussian: bool) -> dict[str, Any]:
    if gaussian:
        return {"validation/active units (%)": 100 * active_units(codes)} if len(codes) > 1 else {}
    return {"validation/active fraction (%)": 100 * active_fraction(codes)}


def rarity(code: Tensor, target: float) -> Tensor:
    """Σ KL(ρ ‖ ρ̂) / k: how far the means of units in 0..1 over a batch (N, k, ...) are from ρ, in nats a unit.

    Ng, "Sparse autoencoder", lecture notes, 2011.
    """
    axes = [axis for axis in range(code.ndim) if axis != 1]
    mean = code.float().mean(axes).clamp(1e-6, 1 - 1e-6)
    return (target * (target / mean).log() + (1 - target) * ((1 - target) / (1 - mean)).log()).mean()
