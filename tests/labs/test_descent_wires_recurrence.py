"""Optimisers against torch.optim, counts against torch's own layers, the fading gradient against autograd."""

import numpy as np
import pytest
import torch
from torch import nn

from medviz.labs.descent import RUNNERS, SURFACES, walked
from medviz.labs.examples import figures_of
from medviz.labs.recurrence import Recurrence, unfolded
from medviz.labs.wires import counted
from medviz.parameters import changed

OPTIMISERS = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "Nesterov": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True),
    "Adagrad": lambda p, lr: torch.optim.Adagrad(p, lr),
    "RMSprop": lambda p, lr: torch.optim.RMSprop(p, lr),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr),
}


@pytest.mark.row("TRAIN-12")
@pytest.mark.parametrize("surface", list(SURFACES))
@pytest.mark.parametrize("runner", RUNNERS)
def test_each_step_equals_torch(surface: str, runner: str) -> None:
    hill, rate = SURFACES[surface], 0.005
    at = torch.tensor(hill.start, dtype=torch.float64, requires_grad=True)
    optimiser = OPTIMISERS[runner]([at], rate)
    wanted = [at.detach().numpy().copy()]
    for _ in range(15):
        optimiser.zero_grad()
        hill.value(at[0], at[1]).backward()
        optimiser.step()
        wanted.append(at.detach().numpy().copy())
    np.testing.assert_allclose(walked(hill, runner, rate, 15), np.array(wanted), atol=1e-6)


@pytest.mark.row("TRAIN-12")
def test_adams_first_step_is_the_rate() -> None:
    path = walked(SURFACES["valley"], "Adam", 0.1, 1)
    np.testing.assert_allclose(np.abs(path[1] - path[0]), 0.1, atol=1e-6)


@pytest.mark.row("CONV-12", "CONV-15", "CONV-16")
@pytest.mark.parametrize("bias", [True, False])
def test_counts_equal_torchs_layers(bias: bool) -> None:
    def size(module: nn.Module) -> int:
        return sum(one.numel() for one in module.parameters())

    assert counted("dense", 28, 2, 10, 3, 1, bias).total == size(nn.Linear(28 * 28, 10, bias=bias))
    assert counted("shared", 28, 2, 32, 3, 228, bias).total == size(nn.Conv2d(228, 32, 3, bias=bias))
    assert counted("shared", 28, 3, 32, 3, 2, bias).total == size(nn.Conv3d(2, 32, 3, bias=bias))
    assert counted("local", 150, 1, 1, 3, 1, bias).total == (600 if bias else 450)


@pytest.mark.row("SEQ-12")
def test_the_fading_gradient_is_autograds() -> None:
    rng = np.random.default_rng(0)
    inputs, weights, into = rng.normal(size=(8, 3)), rng.normal(size=(4, 4)) * 0.4, rng.normal(size=(4, 3)) * 0.3
    made = unfolded(inputs, weights, into)
    w, i = torch.from_numpy(weights), torch.from_numpy(into)

    def last(h: torch.Tensor) -> torch.Tensor:
        for x in torch.from_numpy(inputs[2:]):
            h = torch.tanh(w @ h + i @ x)
        return h

    jacobian = torch.autograd.functional.jacobian(last, torch.from_numpy(made.states[2]))
    assert made.gradients[2] == pytest.approx(torch.linalg.matrix_norm(jacobian, 2).item())
    np.testing.assert_allclose(last(torch.from_numpy(made.states[2])).numpy(), made.states[-1])


@pytest.mark.row("SEQ-12")
def test_a_small_norm_lets_less_than_a_hundred_thousandth_through() -> None:
    story = figures_of(changed(Recurrence(), norm=0.5))["story"]
    ratio = float(story.text.split("state, ")[1].split(" arrives")[0])  # type: ignore[union-attr]
    assert ratio < 1e-5
