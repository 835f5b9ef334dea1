"""EfficientNet-Lite is the network whose ImageNet weights it takes."""

from pathlib import Path

import numpy as np
import pytest
import skimage
import torch
from skimage import io, transform

from medviz.networks.efficientnet_lite import EfficientNetLite
from medviz.training.beginning import begin_with
from medviz.training.freezing import blocks_of

ESPRESSO, EGYPTIAN_CAT = 967, 285


def test_it_has_the_parameters_of_lite0() -> None:
    with torch.device("meta"):
        network = EfficientNetLite(3, 1000)
    assert sum(one.numel() for one in network.parameters()) == 4_652_008
    assert blocks_of(network) == ("_conv_stem", "_bn0", "_blocks", "_conv_head", "_bn1", "_fc")


@pytest.mark.data
def test_with_its_weights_it_knows_what_photographs_show(data: Path) -> None:
    network = EfficientNetLite(3, 1000).eval()
    begun = begin_with(network, data / "weights" / "efficientnet_lite0" / "efficientnet-lite0-57934424.pth")
    assert begun.taken == begun.wanted == 296
    for name, kind, least in (("coffee.png", ESPRESSO, 0.8), ("chelsea.png", EGYPTIAN_CAT, 0.3)):
        pixels = io.imread(Path(skimage.__file__).parent / "data" / name)
        high, wide = pixels.shape[:2]
        side = min(high, wide)
        middle = pixels[(high - side) // 2 : (high + side) // 2, (wide - side) // 2 : (wide + side) // 2]
        small = (transform.resize(middle, (224, 224), anti_aliasing=True) * 255 - 127) / 128
        picture = torch.from_numpy(np.ascontiguousarray(small[::-1].transpose(2, 1, 0), np.float32))  # x right, y up
        with torch.no_grad():
            shares = network(picture[None]).softmax(1)[0]
        assert int(shares.argmax()) == kind
        assert float(shares[kind]) > least


def test_grey_pictures_are_shown_as_colour_so_that_such_weights_fit() -> None:
    torch.manual_seed(0)
    grey = EfficientNetLite(1, 5).eval()
    colour = EfficientNetLite(3, 5).eval()
    colour.load_state_dict(grey.state_dict())
    picture = torch.randn(1, 1, 40, 33)
    with torch.no_grad():
        assert torch.equal(grey(picture), colour(picture.expand(-1, 3, -1, -1)))
