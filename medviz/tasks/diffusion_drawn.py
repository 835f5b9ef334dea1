"""What is drawn of a diffusion network while it learns: samples from always the same noise, and how one comes about."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medviz.figures import Figure
from medviz.messages import finished
from medviz.tasks.tiled import gallery
from medviz.training.task import Batch
from medviz.training.using.denoiser import Denoiser
from medviz.training.using.denoising import sources
from medviz.training.using.latent import decoded, encoded

STEPS = 20
"""Steps of the samples that are drawn while training: enough to see what will be."""
FRAMES = 6
GUIDANCE = 2.0
_SEED = 20
_AT = (0.1, 0.3, 0.6)
"""Shares of T at which the probes are noised."""


def drawn(denoiser: Denoiser, probes: Sequence[Batch], scan: bool) -> Iterator[Figure]:
    """Draw samples from fixed noise, the way of the first of them, and what the probes are taken for in one step."""
    count = _count(denoiser)
    kinds = [place % len(denoiser.kinds) for place in range(count)] if denoiser.kinds else None
    texts = _texts(probes, count) if denoiser.vocabulary is not None else None
    frames: list[tuple[int, Tensor, Tensor]] = []

    def seen(t: int, x: Tensor, clean: Tensor) -> None:
        frames.append((t, x[:1], clean[:1]))

    chance = sources(torch.Generator().manual_seed(_SEED), count)
    tell = denoiser.telling(kinds, texts, GUIDANCE)
    steps = min(STEPS, denoiser.schedule.steps)
    way = denoiser.way(steps=steps, bounds=True)
    images = finished(denoiser.made(tell, way, chance, seen=seen))
    names = [denoiser.kinds[kind] for kind in kinds] if kinds else texts or ()
    yield gallery("samples", images, f"samples of the same noise ({steps} steps)", scan, titles=tuple(names))
    yield from _trajectory(denoiser, frames, images[:1], scan)
    yield from _guesses(denoiser, probes, scan)


def _count(denoiser: Denoiser) -> int:
    """Sixteen slices, fewer volumes; with classes each at least once, if there are not too many."""
    count = 16 if denoiser.dimensions == 2 else 6
    kinds = len(denoiser.kinds)
    return count if not kinds else min(20, max(kinds, count // kinds * kinds))


def _texts(probes: Sequence[Batch], count: int) -> list[str]:
    found = [str(batch["text"][0]) for batch in probes if "text" in batch]
    return [found[place % len(found)] for place in range(count)] if found else [""] * count


def _trajectory(
    denoiser: Denoiser, frames: Sequence[tuple[int, Tensor, Tensor]], last: Tensor, scan: bool
) -> Iterator[Figure]:
    """Draw x_t in one row and what is told of it, x̂₀, in the next."""
    places = sorted({round(one) for one in np.linspace(0, len(frames) - 1, FRAMES - 1)})
    chosen = [frames[place] for place in places]
    above = [_shown(denoiser, x) for _, x, _ in chosen] + [last[0]]
    below = [_shown(denoiser, clean) for _, _, clean in chosen] + [last[0]]
    titles = [f"{t}" for t, _, _ in chosen] + ["0"]
    yield gallery("trajectory", [*above, *below], "on its way, by t: x_t, x̂₀ below", scan,
                  titles=(*titles, *titles), columns=len(above))  # fmt: skip


def _shown(denoiser: Denoiser, x: Tensor) -> Tensor:
    with torch.no_grad():
        return decoded(denoiser.network, x)[0].float().cpu()


def _guesses(denoiser: Denoiser, probes: Sequence[Batch], scan: bool) -> Iterator[Figure]:
    """Draw the first probe, with noise, and what is told of it in one step, at three times."""
    if len(probes):
        batch = probes[0]
        x0 = encoded(denoiser.network, batch["image"])
        noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(_SEED)).to(x0)
        above: list[Any] = [batch["image"][0].cpu()]
        below: list[Any] = [above[0]]
        titles = ["real"]
        for share in _AT:
            t = max(1, round(share * denoiser.schedule.steps))
            x = denoiser.schedule.noised(x0, t, noise)
            told = denoiser.telling(*_asked(denoiser, batch))(x, torch.full((1,), t, device=x.device)).float()
            _, clean = denoiser.schedule.read(denoiser.prediction, x, t, told)
            above.append(_shown(denoiser, x))
            below.append(_shown(denoiser, clean))
            titles.append(f"{t}")
        yield gallery("guesses", [*above, *below], "held out, noised (t), told below", scan,
                      titles=(*titles, *titles), columns=len(above))  # fmt: skip


def _asked(denoiser: Denoiser, batch: Batch) -> tuple[list[int] | None, list[str] | None]:
    kinds = [int(batch["kind"][0])] if denoiser.kinds else None
    texts = [str(batch["text"][0])] if denoiser.vocabulary is not None else None
    return kinds, texts
