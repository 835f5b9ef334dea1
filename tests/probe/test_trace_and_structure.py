"""What layers put out is what they put out; what is counted is what torch counts; how far one sees is what moves it."""

import numpy as np
import pytest
import torch
from monai.networks.nets import UNet as MonaiUNet
from torch import nn

from medviz.networks import NETWORKS
from medviz.networks.googlenet import Inception
from medviz.networks.lenet import LeNet
from medviz.networks.unet import UNet
from medviz.networks.vgg import block
from medviz.probe.structure import structure
from medviz.probe.trace import leaves, recording
from medviz.refused import Refused

FITTING = {
    "lenet": (1, 32, 32), "alexnet": (1, 128, 128), "vgg": (1, 64, 64), "googlenet": (1, 64, 64),
    "resnet": (1, 64, 64), "densenet": (1, 64, 64), "efficientnet": (1, 64, 64), "vit": (1, 32, 32),
    "unet": (1, 32, 32), "unet_original": (1, 36, 36),
}  # fmt: skip


def hooks_of(network: nn.Module) -> int:
    return sum(len(one._forward_hooks) + len(one._forward_pre_hooks) for one in network.modules())


@pytest.mark.row("NET-1")
def test_what_a_layer_put_out_is_kept_as_it_was() -> None:
    torch.manual_seed(0)
    first = nn.Conv2d(1, 4, 3)
    network = nn.Sequential(first, nn.ReLU(inplace=True), nn.Conv2d(4, 2, 1))
    x = torch.randn(1, 1, 6, 6)
    with recording(network, ["0", "1"]) as trace:
        network(x)
    wanted = first(x).detach().numpy()
    assert wanted.min() < 0
    np.testing.assert_array_equal(trace["0"], wanted)
    np.testing.assert_array_equal(trace["1"], np.maximum(wanted, 0))
    assert list(trace) == ["0", "1"]


@pytest.mark.row("NET-1")
def test_the_hooks_are_gone_when_the_block_ends_or_fails() -> None:
    network = LeNet()
    with recording(network) as trace:
        assert hooks_of(network) == len(leaves(network))
        network(torch.zeros(1, 1, 32, 32))
    assert set(trace) == set(leaves(network))
    assert hooks_of(network) == 0
    with pytest.raises(RuntimeError), recording(network):
        network(torch.zeros(1, 5, 32, 32))
    assert hooks_of(network) == 0
    with pytest.raises(Refused, match="no such layer"), recording(network, ["nowhere"]):
        pass
    assert hooks_of(network) == 0


@pytest.mark.row("NET-1")
@pytest.mark.parametrize("name", list(FITTING))
def test_the_table_sums_to_the_parameters_and_leaves_the_network_alone(name: str) -> None:
    network = NETWORKS[name]().train()
    before = {key: one.clone() for key, one in network.state_dict().items()}
    rows = structure(network, FITTING[name])
    assert sum(row.parameters for row in rows) == sum(one.numel() for one in network.parameters())
    assert hooks_of(network) == 0
    assert all(module.training for module in network.modules())
    assert all(torch.equal(one, before[key]) for key, one in network.state_dict().items())
    assert len({row.name for row in rows}) == len(rows)


@pytest.mark.row("NET-1")
def test_shapes_are_those_of_a_real_pass() -> None:
    network, shape = UNet(width=4, depth=3), (1, 20, 28)
    with recording(network) as trace:
        network(torch.zeros(1, *shape))
    found = {row.name: row.shape for row in structure(network, shape)}
    assert all(found[name] == array.shape[1:] for name, array in trace.items())
    assert len(trace) > 10


COSTS = {  # multiply-adds of one colour picture of 224 pixels, as published
    "alexnet": ({"size": 224, "width": 64}, 714_188_480),
    "vgg": ({"size": 224, "width": 64, "norm": False}, 15_470_264_320),
    "resnet": ({}, 1_814_073_344),
}


@pytest.mark.parametrize("name", list(COSTS))
def test_multiply_adds_are_the_published_ones(name: str) -> None:
    values, wanted = COSTS[name]
    with torch.device("meta"):
        network = NETWORKS[name](channels=3, classes=1000, **values)
    assert sum(row.multiply_adds for row in structure(network, (3, 224, 224))) == wanted


def test_multiply_adds_of_attention_stand_with_it() -> None:
    rows = {row.name: row for row in structure(NETWORKS["vit"](), (1, 32, 32))}
    assert rows["blocks.0.attention"].multiply_adds == 2 * 17 * 17 * 64  # QKᵀ and the mixture, all heads
    assert rows["embedding"].multiply_adds == 16 * 64 * 64
    assert rows[""].parameters == 64 + 17 * 64  # the token for the answer, and the positions


@pytest.mark.row("NET-3")
def test_two_windows_of_three_see_as_far_as_one_of_five() -> None:
    twice, once = block(1, 4, 2)[:-1], nn.Sequential(nn.Conv2d(1, 4, 5, padding=2))
    assert structure(twice, (1, 9, 9))[-1].sees == structure(once, (1, 9, 9))[-1].sees == (5, 5)


def seen(network: nn.Module, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Side and start of what moves the value in the middle of the output, by autograd in double precision."""
    x = torch.randn(1, *shape, dtype=torch.float64, requires_grad=True)
    out = network.double().eval()(x)
    middle = [slice(None), slice(None)] + [side // 2 for side in out.shape[2:]]
    moved = torch.autograd.grad(network(x)[tuple(middle)].pow(2).sum(), x)[0][0].abs().sum(0) > 0
    places = [one.numpy() for one in torch.nonzero(moved, as_tuple=True)]
    return tuple(int(np.ptp(one)) + 1 for one in places), tuple(int(one.min()) for one in places)


SEEING = [
    (nn.Sequential(nn.Conv2d(1, 2, 3), nn.AvgPool2d(2), nn.Conv2d(2, 2, 3, dilation=2)), (1, 40, 40)),
    (nn.Sequential(nn.Conv2d(1, 2, (1, 5), stride=(1, 2)), nn.Conv2d(2, 2, 3)), (1, 40, 40)),
    (nn.Sequential(nn.Conv3d(1, 2, (3, 1, 5)), nn.Conv3d(2, 1, 3, stride=2)), (1, 20, 20, 20)),
    (nn.Sequential(Inception(3, (4, 4, 4, 4, 4, 4)), nn.Identity()), (3, 21, 21)),
    (nn.Sequential(nn.Conv2d(1, 2, 4, 4), nn.ConvTranspose2d(2, 2, 2, 2), nn.Conv2d(2, 1, 3)), (1, 64, 64)),
]


class Cropped(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad(x[:, :, 3:, 1:-2].narrow(2, 2, 20), (4, 0, 1, 1))


SEEING.append((nn.Sequential(nn.Conv2d(1, 1, 3, 2), Cropped(), nn.Conv2d(1, 1, 3, padding=1)), (1, 60, 60)))


@pytest.mark.parametrize(("network", "shape"), SEEING, ids=range(len(SEEING)))
def test_how_far_it_sees_is_how_far_a_gradient_reaches(network: nn.Module, shape: tuple[int, ...]) -> None:
    torch.manual_seed(3)
    for one in network.parameters():
        nn.init.normal_(one)
    last = structure(network, shape)[-1]
    assert last.step is not None
    assert last.start is not None
    middle = [side // 2 for side in last.shape[1:]]
    starts = tuple(at + step * i for at, step, i in zip(last.start, last.step, middle, strict=True))
    sides, wanted = seen(network, shape)
    assert last.sees == sides
    if not any(isinstance(one, nn.ConvTranspose2d) for one in network):  # two neighbours share a window there
        assert starts == wanted


def test_a_network_of_monai_is_read_too() -> None:
    network = MonaiUNet(2, 1, 2, (4, 8), (2,))
    rows = structure(network, (1, 16, 16))
    assert sum(row.parameters for row in rows) == sum(one.numel() for one in network.parameters())


def test_torchs_own_attention_has_all_its_parameters() -> None:
    network = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    rows = structure(network, (5, 16))
    assert sum(row.parameters for row in rows) == sum(one.numel() for one in network.parameters())


def test_what_sees_everything_says_so() -> None:
    rows = {row.name: row for row in structure(LeNet(), (1, 32, 32))}
    assert rows["features.5"].sees == (16, 16)
    assert rows["classifier.1"].sees is None
    assert {row.name: row for row in structure(NETWORKS["vit"](), (1, 32, 32))}["blocks.0.attention"].sees is None


def test_an_input_that_does_not_fit_is_refused() -> None:
    with pytest.raises(Refused, match="1 × 9 × 9"):
        structure(LeNet(), (1, 9, 9))
