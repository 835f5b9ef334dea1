import numpy as np
import pytest
import torch
from torch import nn

from medviz.networks.meshnet import PLANES, Link, MeshNet

CPU = torch.device("cpu")


def chain(channels: int = 3, dilations: tuple[int, ...] = (1, 2, 4, 2, 1), activation: str = "elu") -> MeshNet:
    torch.manual_seed(0)
    links = [
        Link(
            torch.randn(channels, 1 if k == 0 else channels, 3, 3, 3) / 5,
            torch.randn(channels) / 5,
            dilation,
            activation,
        )
        for k, dilation in enumerate(dilations)
    ]
    return MeshNet([*links, Link(torch.randn(4, channels, 1, 1, 1), torch.randn(4), 1, "linear")]).eval()


@pytest.mark.parametrize("length", [1, 5, PLANES, PLANES + 1, 2 * PLANES + 7])
def test_a_stream_gives_exactly_what_is_computed_at_once(length: int) -> None:
    made, image = chain(), torch.randn(1, length, 12, 10)
    with torch.inference_mode():
        whole = made(image[None])[0]
        parts = [one for one in made.stream(image, CPU) if one is not None]
    assert [part.start for part, _ in parts] == [0, *(part.stop for part, _ in parts[:-1])]
    assert torch.allclose(torch.cat([slab for _, slab in parts], 1), whole, atol=1e-5)


def test_it_is_what_torch_makes_of_same_padded_convolutions() -> None:
    made, x = chain(activation="relu"), torch.randn(1, 1, 20, 18, 16)
    y = x
    for layer in made.layers:
        convolution = layer[0]
        padding = convolution.dilation[0] * (convolution.kernel_size[0] // 2)
        y = nn.functional.conv3d(
            y, convolution.weight, convolution.bias, padding=padding, dilation=convolution.dilation
        )
        y = layer[1](y)
    assert torch.allclose(made(x), y, atol=1e-5)


def test_a_stream_holds_few_planes_however_long_the_scan_is() -> None:
    made = chain()
    assert made.stream_bytes((1000, 64, 64)) == made.stream_bytes((10, 64, 64))
    held: list[int] = []
    layer = made.layers[2]
    layer.register_forward_pre_hook(lambda module, given: held.append(given[0].shape[2]))
    with torch.inference_mode():
        for _ in made.stream(torch.randn(1, 200, 8, 8), CPU):
            pass
    assert max(held) <= 2 * 4 + PLANES + 2 * 4
    assert np.sum(held) > 200
