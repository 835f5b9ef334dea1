"""Generators and their discriminators: shapes, gradients, what a mask says, and sides that cannot be halved."""

from typing import Any

import pytest
import torch

from medviz.networks import NETWORKS
from medviz.networks.adversaries import ADVERSARIES, Adversaries, halvings
from medviz.networks.spade import Told
from medviz.parameters import Settings
from medviz.refused import Refused

KINDS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "points": ("gan", {"dimensions": 0, "channels": 2}, (2,)),
    "pictures": ("gan", {"size": 8, "dropout": 0.2}, (1, 8, 8)),
    "volumes": ("gan", {"size": 4, "dimensions": 3}, (1, 4, 4, 4)),
    "dcgan": ("dcgan", {"size": 28, "width": 4}, (1, 28, 28)),
    "dcgan, transposed, 3-D": ("dcgan", {"size": 8, "dimensions": 3, "upward": "transposed", "width": 4}, (1, 8, 8, 8)),
    "pix2pix": ("pix2pix", {"size": 24, "given": 3, "width": 4, "depth": 3}, (1, 24, 24)),
    "pix2pix, 3-D": ("pix2pix", {"size": 16, "given": 3, "dimensions": 3, "width": 2, "depth": 2}, (1, 16, 16, 16)),
    "spade": ("spade", {"size": 20, "given": 3, "width": 4, "hidden": 4}, (1, 20, 20)),
    "spade, 3-D": ("spade", {"size": 16, "given": 2, "dimensions": 3, "width": 4, "hidden": 4}, (1, 16, 16, 16)),
}


def built(name: str, **values: Any) -> Adversaries:
    torch.manual_seed(0)
    network: Adversaries = Settings(name).build(NETWORKS, **values)
    return network


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_made_can_be_judged_and_every_weight_learns(kind: str) -> None:
    name, values, shape = KINDS[kind]
    network = built(name, **values)
    like = torch.randn(3, *shape)
    given = torch.rand(3, network.given, *shape[1:]) if network.given else None
    made = network.made(network.noise(3, like), given)
    assert made.shape == like.shape and network.shape == shape
    assert kind == "points" or bool((made.abs() <= 1).all())
    network.judged(made, given).square().sum().backward()
    dead = [key for key, one in network.named_parameters() if one.grad is None or not bool(one.grad.any())]
    assert not dead
    assert network(like).shape == (3, 2)
    parts = {key.split(".")[0] for key, _ in network.named_parameters()}
    assert parts == {"generator", "discriminator"}


def test_each_of_the_catalog_is_one_of_them() -> None:
    assert tuple(name for name, entry in NETWORKS.entries.items() if entry.theme == "adversarial") == ADVERSARIES


def test_noise_of_one_seed_is_always_the_same() -> None:
    network = built("gan", dimensions=0, channels=2)
    one, other = (network.noise(5, torch.zeros(1), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, other) and one.shape == (5, network.latent)


def test_a_mask_of_one_label_says_which_it_is() -> None:
    """MONAI's SPADE normalises γ and β over the picture, and with that takes away what is the same everywhere."""
    torch.manual_seed(0)
    layer, x = Told(2, 4, 3, 8), torch.randn(1, 4, 8, 8)
    first, second = (torch.zeros(1, 3, 8, 8).index_fill_(1, torch.tensor([kind]), 1.0) for kind in (0, 1))
    with torch.no_grad():
        assert float((layer(x, first) - layer(x, second))[..., 2:-2, 2:-2].abs().mean()) > 0.05


def test_a_judge_of_patches_sees_a_patch_and_no_more() -> None:
    network = built("pix2pix", size=64, given=1, width=2, judge_depth=2).eval()
    picture, given = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    with torch.no_grad():
        scores = network.judged(picture, given)
    assert scores.shape[1] == 1 and min(scores.shape[2:]) > 8, "many patches"


@pytest.mark.parametrize(("side", "levels"), [(8, 1), (16, 2), (20, 2), (28, 2), (48, 3), (96, 4), (128, 5)])
def test_a_side_is_halved_down_to_four_to_seven(side: int, levels: int) -> None:
    assert halvings(side) == levels
    assert 4 <= side / 2**levels < 8


def test_what_cannot_be_halved_is_refused_with_sides_that_can() -> None:
    with pytest.raises(Refused, match="take 40 or 48"):
        built("dcgan", size=44)
    with pytest.raises(Refused, match="its last windows need 4"):
        built("pix2pix", size=16, judge_depth=3)
