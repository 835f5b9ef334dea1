"""Attention as loop, as matrices and as torch has it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medviz.figures import array_of
from medviz.imaging.slices import Slice
from medviz.labs.attention import Attention, attended, in_a_loop
from medviz.labs.examples import figures_of
from medviz.parameters import changed
from medviz.refused import Refused


@pytest.mark.row("SEQ-3", "SEQ-4")
@given(st.integers(0, 10_000), st.booleans())
def test_loop_matrices_and_torch_agree(seed: int, scale: bool) -> None:
    rng = np.random.default_rng(seed)
    n, d = rng.integers(1, 8), rng.integers(1, 6)
    q, k, v = rng.normal(size=(3, n, d))
    wanted = F.scaled_dot_product_attention(
        *(torch.from_numpy(x)[None] for x in (q, k, v)), scale=None if scale else 1.0
    )[0].numpy()
    np.testing.assert_allclose(attended(q, k, v, scale).outputs, wanted, atol=1e-9)
    np.testing.assert_allclose(in_a_loop(q, k, v, scale), wanted, atol=1e-9)


@pytest.mark.row("SEQ-6")
def test_heads_side_by_side_are_multi_head_attention() -> None:
    tokens = np.random.default_rng(1).normal(size=(5, 8))
    lab = changed(Attention(), heads=2, seed=3)
    both = np.concatenate([changed(lab, head=head).attended(tokens).outputs for head in (0, 1)], axis=1)
    module = nn.MultiheadAttention(8, 2, bias=False, batch_first=True).double().eval()
    weights = [torch.from_numpy(weight.T.copy()) for weight in lab._weights(8)]
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.cat(weights))
        module.out_proj.weight.copy_(torch.eye(8))
        x = torch.from_numpy(tokens)[None]
        wanted = module(x, x, x)[0][0].numpy()
    np.testing.assert_allclose(both, wanted, atol=1e-9)


@pytest.mark.row("SEQ-5")
def test_the_decks_sum_makes_the_matrix_one_and_not_its_rows() -> None:
    shares = array_of(figures_of(changed(Attention(), normalise="matrix"))["shares"])
    assert shares is not None
    assert shares.sum() == pytest.approx(1.0) and (shares.sum(axis=1) < 0.9).all()


@pytest.mark.row("SEQ-7")
def test_rows_of_the_decks_table_sum_to_one() -> None:
    shares = array_of(figures_of(changed(Attention(), source="table"))["shares"])
    assert shares is not None
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert not np.allclose(shares, shares.T)


@pytest.mark.row("SEQ-4")
def test_a_slice_becomes_patches() -> None:
    image = Slice(np.random.default_rng(0).normal(size=(97, 113)), name="slice")
    figures = figures_of(changed(Attention(), image=image))
    tokens, shares = array_of(figures["tokens"]), array_of(figures["shares"])
    assert tokens is not None and tokens.shape == (16, 16)
    assert shares is not None
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_features_that_do_not_split_are_refused() -> None:
    with pytest.raises(Refused, match="whole heads"):
        list(changed(Attention(), heads=3).show())
