"""A neuron, its activation and its loss, against torch on random numbers."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from monai.losses import FocalLoss

from medviz.figures import array_of
from medviz.labs.activations import ACTIVATIONS
from medviz.labs.examples import figures_of
from medviz.labs.loss import Loss, bce, focal, hinge, squared
from medviz.labs.neuron import Neuron
from medviz.parameters import changed
from medviz.refused import Refused

TORCH = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky": F.leaky_relu,
    "prelu": lambda z: F.prelu(z, torch.tensor(0.25, dtype=z.dtype)),
    "elu": lambda z: F.elu(z, 0.25),
    "gelu": F.gelu,
}


@pytest.mark.row("TRAIN-4")
@pytest.mark.parametrize("name", list(TORCH))
def test_an_activation_and_its_slope_equal_torch(name: str) -> None:
    z = torch.linspace(-5, 5, 100, dtype=torch.float64, requires_grad=True)
    out = TORCH[name](z)
    (slope,) = torch.autograd.grad(out.sum(), z)
    values = z.detach().numpy()
    np.testing.assert_allclose(ACTIVATIONS[name].value(values, 0.25), out.detach().numpy(), atol=1e-9)
    np.testing.assert_allclose(ACTIVATIONS[name].slope(values, 0.25), slope.numpy(), atol=1e-9)


@pytest.mark.row("TRAIN-1", "TRAIN-2")
@given(st.integers(0, 10_000), st.sampled_from(("first", "last")))
def test_a_layer_equals_torch_and_rows_of_the_batch_are_single_results(seed: int, bias: str) -> None:
    rng = np.random.default_rng(seed)
    batch, table = rng.normal(size=(4, 3)), rng.normal(size=(2, 4))
    lab = changed(Neuron(), inputs=batch.tolist(), weights=table.tolist(), bias=bias, activation="tanh")
    weights, offset = (table[:, 1:], table[:, 0]) if bias == "first" else (table[:, :-1], table[:, -1])
    wanted = torch.tanh(F.linear(*(torch.from_numpy(np.ascontiguousarray(x)) for x in (batch, weights, offset))))
    found = array_of(figures_of(lab)["outputs"])
    assert found is not None
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-9)
    single = array_of(figures_of(changed(lab, inputs=batch[2:3].tolist()))["outputs"])
    assert single is not None
    np.testing.assert_allclose(single[0], found[2])


@pytest.mark.row("TRAIN-6")
@given(st.floats(-30, 30), st.sampled_from((0, 1)), st.floats(0, 5))
def test_losses_equal_torch_and_monai(z: float, t: int, gamma: float) -> None:
    logit, answer = torch.tensor([[z]], dtype=torch.float64), torch.tensor([[float(t)]], dtype=torch.float64)
    at = np.array(z)
    assert bce(at, t) == pytest.approx(F.binary_cross_entropy_with_logits(logit, answer).item(), abs=1e-9)
    assert squared(at, t) == pytest.approx(F.mse_loss(torch.sigmoid(logit), answer).item(), abs=1e-9)
    assert hinge(at, t) == pytest.approx(max(0.0, 1 - z * (2 * t - 1)))
    wanted = FocalLoss(gamma=gamma)(logit.float(), answer.float()).item()
    assert focal(at, t, gamma) == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@pytest.mark.row("TRAIN-6")
def test_focal_loss_divides_what_is_right_by_a_hundred() -> None:
    for p, share in ((0.9, 100.0), (0.5, 4.0)):
        z = np.log(p / (1 - p))
        assert bce(z, 1.0) / focal(z, 1.0, 2.0) == pytest.approx(share)


def test_what_does_not_fit_is_refused() -> None:
    for lab in (changed(Neuron(), weights=((1.0, 2.0),)), changed(Loss(), target=7)):
        with pytest.raises(Refused):
            list(lab.show())
