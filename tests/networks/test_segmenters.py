"""The networks that answer for each pixel: any size goes in and comes out, and each is that of its paper."""

from collections import Counter
from typing import Any

import pytest
import torch
from monai.networks.nets.vnet import VNet as MonaiVNet
from torch import nn

from medviz.networks import NETWORKS, PER_PIXEL
from medviz.networks.dynunet import DynUNet
from medviz.networks.fcn import FCN
from medviz.networks.fitting import cut, filled
from medviz.networks.hipt import HIPT
from medviz.networks.meshnet_trainable import TrainableMeshNet
from medviz.networks.recurrent import Recurrent
from medviz.networks.unetr import UNETR
from medviz.networks.vnet import VNet
from medviz.parameters import Settings
from medviz.probe.structure import structure
from medviz.refused import Refused


def size(network: nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


@pytest.mark.parametrize("name", PER_PIXEL)
@pytest.mark.parametrize("shape", [(19, 33), (5, 1)], ids=str)
def test_a_picture_of_any_size_gets_an_answer_of_its_size(name: str, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network: nn.Module = Settings(name).build(NETWORKS, channels=2, classes=3, dimensions=2).train()
    out = network(torch.randn(1, 2, *shape))
    assert out.shape == (1, 3, *shape)
    out.sum().backward()
    assert bool(torch.isfinite(out).all())


@pytest.mark.parametrize("name", [one for one in PER_PIXEL if one != "unet_original"])
def test_a_volume_of_any_size_gets_an_answer_of_its_size(name: str) -> None:
    network: nn.Module
    with torch.device("meta"):
        network = Settings(name).build(NETWORKS, channels=1, classes=4, dimensions=3)
    out = network(torch.zeros(2, 1, 21, 40, 9, device="meta"))
    assert out.shape == (2, 4, 21, 40, 9)


@pytest.mark.parametrize("name", PER_PIXEL)
def test_the_same_seed_builds_the_same_network(name: str) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(7)
        states.append(Settings(name).build(NETWORKS, classes=2).state_dict())
    assert all(torch.equal(one, states[1][key]) for key, one in states[0].items())


def test_what_is_filled_up_repeats_the_edge_and_is_cut_off_again() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    more = filled(x, 4)
    assert more.shape == (1, 1, 4, 4)
    assert torch.equal(more[0, 0, 3], torch.tensor([3.0, 4.0, 5.0, 5.0]))
    assert torch.equal(cut(more, (2, 3)), x)
    assert filled(x, (2, 1)).shape == (1, 1, 2, 3)
    assert filled(x, 4, 2).shape == (1, 1, 8, 8)


def test_vnet_at_the_papers_size_has_the_convolutions_of_its_table_1() -> None:
    """1, 2, 3, 3, 3 on the way down and 3, 3, 2, 1 on the way up; MONAI's has the same widths and fewer of them."""

    def windows(network: nn.Module) -> Counter[tuple[int, ...]]:
        wide = [one for one in network.modules() if isinstance(one, nn.Conv3d) and one.kernel_size[0] == 5]
        return Counter(tuple(one.weight.shape[:2]) for one in wide if one.out_channels > 2)

    with torch.device("meta"):
        ours, theirs = VNet(1, 2, 3, width=16, depth=5, window=5), MonaiVNet(3, 1, 2)
    assert windows(ours) == {(16, 1): 1, (32, 32): 2 + 1, (64, 64): 3 + 2, (128, 128): 3 + 3, (256, 256): 3 + 3}
    assert set(windows(theirs)) == set(windows(ours))
    assert size(ours) == 65_178_770


def test_dynunet_spares_thick_slices_on_its_first_levels() -> None:
    network = DynUNet(dimensions=3, depth=4, flat=2, width=4)
    assert network.multiple == [8, 8, 2]
    first = next(one for one in network.modules() if isinstance(one, nn.Conv3d))
    assert first.kernel_size == (3, 3, 1)
    assert network.eval()(torch.zeros(1, 1, 9, 10, 3)).shape == (1, 2, 9, 10, 3)


def test_a_finer_fcn_adds_finer_scores() -> None:
    counts = [len(FCN(finest=finest).finer) for finest in (32, 16, 8)]  # type: ignore[arg-type]
    assert counts == [0, 1, 2]


def test_positions_of_unetr_are_those_learnt_and_interpolated_elsewhere() -> None:
    network = UNETR(dimensions=2, grid=4).eval()
    learnt = network.vit.patch_embedding.position_embeddings
    assert network._positions([4, 4]) is learnt
    assert network._positions([6, 2]).shape == (1, 12, 48)
    assert size(network) < 600_000


@pytest.mark.parametrize("widest", [4, 8])
def test_a_trained_meshnet_goes_through_as_a_stream_exactly(widest: Any) -> None:
    torch.manual_seed(0)
    network = TrainableMeshNet(1, 3, 3, width=4, widest=widest)
    x = torch.randn(2, 1, 20, 9, 8)
    network(x)  # running means that are not 0 and 1
    network.eval()
    with torch.no_grad():
        whole = network(x[:1])[0]
        parts = [one for one in network.stream(x[0], torch.device("cpu")) if one is not None]
    streamed = torch.cat([values for _, values in parts], 1)
    torch.testing.assert_close(streamed, whole, atol=1e-5, rtol=1e-4)


class TestHipt:
    def test_regions_do_not_see_each_other_before_the_last_level(self) -> None:
        torch.manual_seed(0)
        network = HIPT(size=32, patch=4, group=2, levels=3).eval()
        seen: list[torch.Tensor] = []
        network.levels[1].register_forward_hook(lambda module, inputs, out: seen.append(out))
        x = torch.randn(1, 1, 32, 32)
        other = x.clone()
        other[..., 16:] += 1.0
        with torch.no_grad():
            network(x), network(other)
        first, second = (one.reshape(2, 2, -1) for one in seen)
        assert torch.allclose(first[:, 0], second[:, 0], atol=1e-6), "the half that stayed"
        assert not torch.allclose(first[:, 1], second[:, 1], atol=1e-3)

    def test_sizes_that_do_not_divide_are_refused(self) -> None:
        for values in ({"size": 33}, {"group": 3}, {"heads": 5}):
            with pytest.raises(Refused, match=r"evenly|groups"):
                HIPT(**values)


@pytest.mark.row("SEQ-12")
def test_a_memory_reads_the_slices_in_order() -> None:
    torch.manual_seed(0)
    network = Recurrent(dimensions=3, both_ways=False, classes=2).eval()
    x = torch.randn(1, 1, 16, 16, 6)
    with torch.no_grad():
        there, back = network(x), network(x.flip(4))
        states: list[torch.Tensor] = []
        network.memory.register_forward_hook(lambda module, inputs, out: states.append(out[0]))
        changed = x.clone()
        changed[..., 4] += 1
        network(x), network(changed)
    assert not torch.allclose(there, back)
    assert torch.equal(states[0][:, :4], states[1][:, :4]), "what came before does not know what comes"
    assert not torch.equal(states[0][:, 4:], states[1][:, 4:])


@pytest.mark.row("NET-1")
@pytest.mark.parametrize("name", ["fcn", "recurrent", "hipt", "swin_unetr"])
def test_the_table_of_layers_knows_them_and_its_sum_is_the_whole(name: str) -> None:
    network: nn.Module = Settings(name).build(NETWORKS, classes=3, dimensions=2)
    layers = structure(network, (1, 32, 32))
    assert sum(one.parameters for one in layers) == size(network)
    assert sum(one.multiply_adds for one in layers) > 0
