"""The network of diffusion: any size, told the time and what is asked for, of which nothing is one answer."""

from typing import Any

import pytest
import torch

from medviz.networks.diffusion_unet import DiffusionUNet
from medviz.refused import Refused


def network(**values: Any) -> DiffusionUNet:
    torch.manual_seed(0)
    made = DiffusionUNet(**{"width": 8, "depth": 2, **values})
    for one in made.parameters():  # the last layers begin at zero, and would tell nothing of those before
        if not bool(one.any()):
            torch.nn.init.normal_(one, std=0.1)
    return made


@pytest.mark.parametrize(
    "values",
    [{}, {"dimensions": 3}, {"kinds": 3}, {"words": 9, "length": 4}, {"channels": 3, "attention": 0}],
    ids=["2-D", "3-D", "class", "text", "colour, no attention"],
)
def test_it_tells_as_much_as_it_sees_and_learns_in_each_weight(values: dict[str, Any]) -> None:
    made = network(**values)
    x = torch.randn((2, values.get("channels", 1), *[9] * values.get("dimensions", 2)))
    asked: dict[str, Any] = {}
    if made.kinds:
        asked["kind"] = torch.arange(2)
    if made.text is not None:
        asked["text"] = torch.tensor([[5, 6, 0, 0], [7, 8, 5, 0]])
    told = made(x, torch.tensor([1, 900]), **asked)
    assert told.shape == x.shape
    told.square().sum().backward()
    assert not [name for name, one in made.named_parameters() if one.grad is None or not bool(one.grad.any())]


def test_it_begins_by_telling_no_noise_at_all() -> None:
    made = DiffusionUNet(width=8, depth=2)
    assert not bool(made(torch.randn((1, 1, 8, 8)), torch.ones(1)).any())


@torch.no_grad()
def test_the_time_and_what_is_asked_for_count_and_nothing_asked_is_an_answer_too() -> None:
    x, t = torch.randn((1, 1, 8, 8)), torch.tensor([5])
    classed, worded = network(kinds=3).eval(), network(words=9, length=4).eval()
    assert not torch.allclose(classed(x, t), classed(x, t + 400))
    assert torch.equal(classed(x, t), classed(x, t, torch.tensor([3])))
    assert not torch.allclose(classed(x, t), classed(x, t, torch.tensor([1])))
    text = torch.tensor([[5, 6, 7, 0]])
    assert torch.equal(worded(x, t), worded(x, t, None, torch.zeros_like(text)))
    assert not torch.allclose(worded(x, t), worded(x, t, None, text))
    assert not torch.allclose(worded(x, t, None, text), worded(x, t, None, text.flip(1))), "the order of words counts"


def test_who_reads_must_attend() -> None:
    with pytest.raises(Refused, match="read by attention"):
        DiffusionUNet(words=9, attention=0)
