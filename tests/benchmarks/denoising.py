"""Sampling of a diffusion network beside a plain loop of the same network, and on pixels beside codes."""

import statistics
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from medviz.messages import finished
from medviz.networks.diffusion_unet import DiffusionUNet
from medviz.networks.kl_autoencoder import KlAutoencoder
from medviz.tasks.diffusion import Diffusion
from medviz.training.using.denoiser import Denoiser
from medviz.training.using.denoising import sources
from medviz.training.using.latent import Latent
from medviz.training.using.noising import Schedule
from tests.benchmarks.measuring import Measured, worked_ms

STEPS, COUNT, ROUNDS = 20, 8, 5
SIDE = 64
SCHEDULE = Schedule.of()


def measure() -> dict[str, list[Measured]]:
    """Time all in turns, so that a busy moment hits all alike; what other processes take is left out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {**beside_a_plain_loop(), **latent_and_pixels()}
    finally:
        torch.set_num_threads(threads)


def beside_a_plain_loop() -> dict[str, list[Measured]]:
    torch.manual_seed(0)
    network = DiffusionUNet(width=16, depth=3).eval()
    denoiser = Denoiser(network, SCHEDULE, "noise", 2, 32)

    def ours(sampler: str) -> Tensor:
        chance = sources(torch.Generator().manual_seed(0), COUNT)
        return finished(denoiser.made(denoiser.telling(), denoiser.way(sampler=sampler, steps=STEPS), chance))

    found = in_turns(
        {
            "plain": lambda: plain(network, eta=0.0),
            "DDIM": lambda: ours("ddim"),
            "plain, fresh noise": lambda: plain(network, eta=1.0),
            "DDPM": lambda: ours("ddpm"),
        }
    )
    each = {name: STEPS * 1000 / took for name, took in found.items()}
    rows = [Measured(f"{name}", value, "steps/s") for name, value in each.items()]
    rows += [
        Measured("medviz / a plain loop, DDIM", each["DDIM"] / each["plain"], "×", at_least=0.95),
        Measured("medviz / a plain loop, DDPM", each["DDPM"] / each["plain, fresh noise"], "×", at_least=0.95),
    ]
    return {f"Denoising {COUNT} pictures of 32², one torch thread, median of {ROUNDS}": rows}


@torch.no_grad()
def plain(network: nn.Module, eta: float) -> Tensor:
    """Sample as one would write it down: no messages, no chance of each sample's own."""
    chance = torch.Generator().manual_seed(0)
    left = torch.from_numpy(SCHEDULE.alpha_bar).float()
    x = torch.randn((COUNT, 1, 32, 32), generator=chance)
    times = [*torch.linspace(1000, 1, STEPS).round().long().tolist(), 0]
    for t, before in pairwise(times):
        noise = network(x, torch.full((COUNT,), t))
        now, then = left[t - 1], left[before - 1] if before else torch.ones(())
        sigma = eta * ((1 - then) / (1 - now)).sqrt() * (1 - now / then).sqrt()
        clean = (x - (1 - now).sqrt() * noise) / now.sqrt()
        x = then.sqrt() * clean + (1 - then - sigma**2).clamp_min(0).sqrt() * noise
        if eta and before:
            x = x + sigma * torch.randn(x.shape, generator=chance)
    return x.clamp(-1, 1)


def latent_and_pixels() -> dict[str, list[Measured]]:
    """Pictures of one size by the same network: on their pixels, and on codes of a sixteenth as many places."""
    torch.manual_seed(0)
    task = Diffusion(side=SIDE)
    pixels = DiffusionUNet(width=16, depth=3)
    latent = Latent(DiffusionUNet(channels=4, width=16, depth=3), KlAutoencoder(size=SIDE, depth=2, width=16))
    batch = {"image": torch.rand((COUNT, 1, SIDE, SIDE)) * 2 - 1}
    ways = {"pixels": pixels, "codes": latent}
    found = in_turns(
        {
            **{f"{name}, a training step": partial(step, task, one, batch) for name, one in ways.items()},
            **{f"{name}, {STEPS} steps of sampling": partial(sampled, one) for name, one in ways.items()},
        }
    )
    rows = [Measured(name, took) for name, took in found.items()]
    for what in ("a training step", f"{STEPS} steps of sampling"):
        times = found[f"pixels, {what}"] / found[f"codes, {what}"]
        rows.append(Measured(f"pixels / codes, {what}", times, "×", at_least=1.5))
    return {f"{COUNT} pictures of {SIDE}² on pixels, and on the code of an autoencoder (16²)": rows}


def step(task: Diffusion, network: nn.Module, batch: dict[str, Any]) -> None:
    network.train()
    for _, loss in task.losses(network, batch):
        torch.autograd.backward(loss)
    network.zero_grad()


def sampled(network: nn.Module) -> Tensor:
    denoiser = Denoiser(network.eval(), SCHEDULE, "noise", 2, SIDE)
    chance = sources(torch.Generator().manual_seed(0), COUNT)
    return finished(denoiser.made(denoiser.telling(), denoiser.way(steps=STEPS), chance))


def in_turns(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return how long each takes (ms of this thread, median), after once without counting."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(ROUNDS + 1):
        for name, call in calls.items():
            spent = worked_ms(call)[1]
            if turn:
                took[name].append(spent)
    return {name: statistics.median(values) for name, values in took.items()}
