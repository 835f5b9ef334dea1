"""Attention within windows, brought back to the picture: against a search by changing single tokens."""

import numpy as np
import pytest
import torch
from monai.networks.nets.swin_unetr import SwinTransformerBlock, compute_mask

from medviz.networks.swin_unetr import SwinUNETR
from medviz.probe.windows import windowed

SIDE, WINDOW = 6, 4


def block(shift, dimensions=2):
    torch.manual_seed(0)
    sides, by = (WINDOW,) * dimensions, (shift,) * dimensions
    made = SwinTransformerBlock(8, 2, sides, by, mlp_ratio=1.0, qkv_bias=True).eval()
    padded = [8] * dimensions
    return made, compute_mask(padded, sides, by, "cpu") if shift else None


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_token_is_changed_by_exactly_those_it_looks_at(shift, dimensions):
    network, mask = block(shift, dimensions)
    x = torch.randn(1, *[SIDE] * dimensions, 8)
    with torch.no_grad(), windowed(torch.nn.ModuleList([network])) as found:
        before = network(x, mask)
    for place in [(0,) * dimensions, (3,) * dimensions, (5, *[1] * (dimensions - 1))]:
        looks = found[0].looks(place)
        for other in [(1,) * dimensions, (4,) * dimensions, (5,) * dimensions, (0,) * dimensions]:
            if other == place:
                continue
            changed = x.clone()
            changed[(0, *other)] += torch.randn(8)
            with torch.no_grad():
                after = network(changed, mask)
            moved = not torch.equal(before[(0, *place)], after[(0, *place)])
            assert moved == (looks[other] > 1e-30), (place, other)


def test_rows_sum_to_one_where_nothing_is_padding_and_never_to_more():
    network = SwinUNETR(1, 2, 2, 12, 2, 4).eval()
    with torch.no_grad(), windowed(network) as found:
        network(torch.randn(1, 1, 64, 64))
    assert [one.grid for one in found] == [(32, 32)] * 2 + [(16, 16)] * 2 + [(8, 8)] * 2 + [(4, 4)] * 2
    assert [one.shift for one in found] == [(0, 0), (2, 2)] * 3 + [(0, 0)] * 2
    for one in found:
        for place in [(0, 0), tuple(has - 1 for has in one.grid)]:
            looks = one.looks(place)
            assert looks.sum() == pytest.approx(1, abs=1e-5)
            assert (looks[~one.window_of(place)] == 0).all()
            assert one.looks(place, 0).sum() == pytest.approx(1, abs=1e-5)


def test_the_hooks_are_gone_at_the_end():
    network = SwinUNETR(1, 2, 2, 12, 1, 4).eval()
    with windowed(network) as found:
        pass
    network(torch.zeros(1, 1, 32, 32))
    assert found == []
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    assert np.isfinite(network(torch.zeros(1, 1, 32, 32)).detach().numpy()).all()
