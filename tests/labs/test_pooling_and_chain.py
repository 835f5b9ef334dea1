"""Pooling against torch, the chain rule against autograd, activations on a slice."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from medviz.figures import Text, array_of
from medviz.labs.activation import ActivationLab
from medviz.labs.chain import Chain
from medviz.labs.examples import figures_of
from medviz.labs.pooling import Pooling, pooled
from medviz.parameters import changed
from medviz.refused import Refused


@pytest.mark.row("CONV-13")
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4))
def test_pooling_equals_torch(seed: int, size: int, stride: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rng.integers(4, 12), rng.integers(4, 12)))
    x = torch.from_numpy(values)[None, None]
    wanted = {
        "max": F.max_pool2d(x, size, stride),
        "min": -F.max_pool2d(-x, size, stride),
        "average": F.avg_pool2d(x, size, stride),
        "l2": F.lp_pool2d(x, 2.0, size, stride),
    }
    for kind, map_ in wanted.items():
        np.testing.assert_allclose(pooled(values, kind, size, stride), map_[0, 0].numpy(), atol=1e-9)


@pytest.mark.row("TRAIN-3", "TRAIN-5")
@given(st.floats(0.1, 10), st.sampled_from((-1, 1)), st.floats(-5, 5))
def test_the_product_of_factors_is_autograds(x: float, sign: int, scale: float) -> None:
    lab = changed(Chain(), x=sign * x, scale=scale)
    at = torch.tensor(lab.x, dtype=torch.float64, requires_grad=True)
    ((lab.scale / at) ** 2).backward()  # type: ignore[no-untyped-call]
    formula = figures_of(lab)["formula"]
    assert isinstance(formula, Text) and at.grad is not None
    found = float(formula.text.rsplit("= ", 1)[1].replace("−", "-"))
    assert found == pytest.approx(at.grad.item(), rel=1e-3, abs=1e-6)


def test_one_over_nothing_is_refused() -> None:
    with pytest.raises(Refused, match="no value"):
        list(changed(Chain(), x=0.0).show())


@pytest.mark.row("TRAIN-4")
def test_the_map_is_put_through_the_function() -> None:
    figures = figures_of(changed(ActivationLab(), function="relu", gain=2.0, shift=0.5))
    before, after = array_of(figures["before"]), array_of(figures["after"])
    assert before is not None and after is not None
    np.testing.assert_allclose(after, np.maximum(before, 0))
    assert before.mean() == pytest.approx(0.5) and before.std() == pytest.approx(2.0)


@pytest.mark.row("CONV-13")
def test_a_window_larger_than_the_map_is_refused() -> None:
    with pytest.raises(Refused, match="larger than"):
        list(changed(Pooling(), size=5).show())
