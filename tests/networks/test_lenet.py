import pytest
import torch

from medviz.networks.lenet import LeNet


def test_the_classic_form_has_61706_parameters() -> None:
    """LeCun et al., 1998, with a full third layer: 156 + 2,416 + 48,120 + 10,164 + 850."""
    network = LeNet()
    assert sum(one.numel() for one in network.parameters()) == 61706
    layers = [sum(one.numel() for one in part.parameters()) for part in (*network.features, *network.classifier)]
    assert [count for count in layers if count] == [156, 2416, 48120, 10164, 850]


@pytest.mark.parametrize("size", [16, 28, 32, 57])
def test_any_size_of_picture_can_be_asked_for(size: int) -> None:
    assert LeNet(channels=3, classes=4, size=size)(torch.zeros(2, 3, size, size)).shape == (2, 4)


def test_the_feature_maps_shrink_as_in_the_paper() -> None:
    shapes, x = [], torch.zeros(1, 1, 32, 32)
    for layer in LeNet().features:
        x = layer(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes[0] == (6, 28, 28)
    assert shapes[2] == (6, 14, 14)
    assert shapes[3] == (16, 10, 10)
    assert shapes[5] == (16, 5, 5)
