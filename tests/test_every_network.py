"""Every network learns in each of its parameters, and works at both ends of what may be turned."""

from typing import Any

import pytest
import torch
from torch import nn

from medviz.networks import NETWORKS
from medviz.parameters import Settings, parameters
from medviz.refused import Refused
from tests.standard import a_sentence, ends

MODEST = 3_000_000
"""At their ends networks of more parameters are only shaped (torch's meta device), not computed; so are all in 3-D."""


SIDES = {"efficientnet_lite": 64}
"""Where 32 pixels leave one at the lowest level, and batch statistics of two numbers have no gradient."""


def input_of(settings: Settings, dimensions: int, channels: int = 1) -> torch.Tensor:
    names = {one.name: one for one in parameters(NETWORKS[settings.name])}
    side = dict(settings.values).get("size", names["size"].default if "size" in names else SIDES.get(settings.name, 32))
    generator = torch.Generator().manual_seed(1)
    return torch.randn((2, channels, *[int(side)] * dimensions), generator=generator)


def dimensions_of(name: str) -> list[int]:
    names = {one.name: one for one in parameters(NETWORKS[name])}
    return list(names["dimensions"].options) if "dimensions" in names else [2]


def network(settings: Settings, dimensions: int, device: str = "cpu") -> nn.Module:
    torch.manual_seed(0)
    with torch.device(device):
        made: nn.Module = settings.build(NETWORKS, channels=1, classes=3, dimensions=dimensions)
    return made


SCORERS = [name for name, entry in NETWORKS.entries.items() if not entry.theme]
EACH_NETWORK = [(name, dimensions) for name in SCORERS for dimensions in dimensions_of(name)]


@pytest.mark.parametrize(("name", "dimensions"), EACH_NETWORK)
class TestEachNetwork:
    def test_every_parameter_gets_a_gradient(self, name: str, dimensions: int) -> None:
        settings = Settings(name)
        made = network(settings, dimensions)
        out = made(input_of(settings, dimensions))
        (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
        dead = [key for key, one in made.named_parameters() if one.grad is None or not bool(one.grad.any())]
        assert not dead, f"no gradient: {dead}"
        assert all(bool(torch.isfinite(one.grad).all()) for one in made.parameters() if one.grad is not None)

    def test_in_eval_mode_it_gives_one_score_a_class_and_the_same_twice(self, name: str, dimensions: int) -> None:
        settings = Settings(name)
        made, image = network(settings, dimensions).eval(), input_of(settings, dimensions)
        with torch.no_grad():
            out = made(image)
            assert torch.equal(out, made(image))
        assert out.shape[:2] == (2, 3)
        assert out.shape[2:] in ((), image.shape[2:])
        assert bool(torch.isfinite(out).all())

    def test_its_weights_travel(self, name: str, dimensions: int) -> None:
        settings = Settings(name)
        image = input_of(settings, dimensions)
        one = network(settings, dimensions).eval()
        other = NETWORKS[name](**{"classes": 3, **({"dimensions": dimensions} if dimensions == 3 else {})}).eval()
        other.load_state_dict(one.state_dict())
        with torch.no_grad():
            assert torch.equal(one(image), other(image))


SHAPING = (
    "depth",
    "variant",
    "size",
    "patch",
    "group",
    "levels",
    "grid",
    "flat",
    "window",
    "finest",
    "widest",
    "skips",
)
"""In 3-D the ends of these alone are tried: what else a network has does the same there as in 2-D."""


def networks_at_their_ends() -> list[Any]:
    found = []
    for name, dimensions in EACH_NETWORK:
        for one in parameters(NETWORKS[name]):
            if dimensions == 3 and one.name not in SHAPING:
                continue
            for value in ends(one):
                if one.name != "dimensions":
                    found.append(
                        pytest.param(name, dimensions, one.name, value, id=f"{name}-{dimensions}d-{one.name}-{value}")
                    )
    return found


@pytest.mark.parametrize(("name", "dimensions", "field", "value"), networks_at_their_ends())
def test_a_network_at_an_end_of_a_parameter_scores_or_refuses(
    name: str, dimensions: int, field: str, value: Any
) -> None:
    settings = Settings(name, ((field, value),))
    try:
        shape = network(settings, dimensions, "meta")
    except Refused as refusal:
        a_sentence(refusal)
        return
    large = dimensions == 3 or value == 256 or sum(one.numel() for one in shape.parameters()) > MODEST
    made = shape if large else network(settings, dimensions)
    image = input_of(settings, dimensions)
    with torch.no_grad():
        out = made.eval()(image.to("meta") if large else image)
    assert out.shape[:2] == (2, 3)
    assert large or bool(torch.isfinite(out).all())
