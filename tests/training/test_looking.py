"""A network from inside: spreads that add up, maps that face the screen, and nothing is left on the network."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medviz.figures import Bars, Gallery, Heatmap
from medviz.training.device import FULL
from medviz.training.learner import Learner
from medviz.training.looking import EDGES, MOST_LAYERS, Look, bin_names, drawn, layers_of, pictured, spread, weights_of
from tests.training.toys import Clouds, Toy


def test_a_spread_says_how_large_the_values_are() -> None:
    shares = spread(torch.tensor([0.0, 0.0, 1.5, -1.5, 1e9, float("nan"), 3e-4, -3e-4, 5e-7, 2.0]))
    assert shares.sum() == pytest.approx(100)
    names = bin_names()
    assert len(names) == len(shares) == len(EDGES) + 1
    there = {names[at]: round(float(shares[at]), 1) for at in np.flatnonzero(shares)}
    assert there == {"0": 33.3, "-2e+00": 11.1, "2e+00": 22.2, "3e+02": 11.1, "2e-04": 11.1, "-2e-04": 11.1}


def test_both_signs_are_mirrored() -> None:
    values = torch.randn(5000) * 0.1
    assert np.allclose(spread(values), spread(-values)[::-1])


def test_a_large_tensor_is_looked_at_in_part_and_says_the_same() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3_000_000, generator=generator)
    assert np.abs(spread(values) - spread(values[:60_000])).max() < 1.0


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.act = nn.ReLU()
        self.last = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.first(x)).mean((2, 3)))


def test_looking_leaves_nothing_on_the_network_and_changes_nothing() -> None:
    network, x = Small(), torch.randn(2, 1, 8, 6)
    plain = network(x)
    look = Look(["act", "of another network"])
    with look.at(network):
        assert torch.equal(network(x), plain)
        network(x * 1000)  # only the first is looked at
    assert all(not module._forward_hooks for module in network.modules())
    heat, gallery = look.figures()
    assert isinstance(heat, Heatmap)
    assert heat.row_names == ("first", "act", "last")
    assert np.allclose(heat.values.sum(axis=1), 100)
    assert isinstance(gallery, Gallery)
    assert gallery.name == "layer act"
    assert gallery.tiles.shape == (3, 6, 8), "x runs across the screen, y up"
    maps = network.act(network.first(x))[0].detach().numpy()
    assert np.allclose(gallery.tiles[0], maps[0].T[::-1])


def test_volumes_tokens_and_numbers_are_drawn_each_in_its_way() -> None:
    maps = np.zeros((2, 4, 5, 6), np.float32)
    maps[:, 1, 1, 3] = 9
    gallery = pictured("enc.0", maps)
    assert isinstance(gallery, Gallery)
    assert gallery.tiles.shape == (2, 5, 4)
    assert "axial slice 4 of 6" in gallery.title
    assert gallery.tiles.max() == 9
    assert isinstance(pictured("tokens", np.zeros((7, 9))), Heatmap)
    assert isinstance(pictured("scores", np.zeros(12)), Bars)


def test_of_many_layers_some_are_drawn_the_first_and_the_last_among_them() -> None:
    network = nn.Sequential(*(nn.Linear(2, 2) for _ in range(200)))
    found = list(weights_of(network))
    assert len(found) == MOST_LAYERS
    assert (found[0], found[-1]) == ("0", "199")
    assert len(layers_of(network)) == 200, "any may be asked for"


def test_gradients_are_looked_at_in_the_step_that_asks_for_it() -> None:
    task, cpu = Toy(), torch.device("cpu")
    learner = Learner(task, task.build(Clouds()), cpu, FULL)
    sample = [Clouds()[index] for index in range(4)]
    batch = {"image": torch.stack([one["image"] for one in sample]), "label": torch.tensor([0, 1, 0, 1])}
    learner.step([batch], 0, 1.0)
    assert learner.gradients == {}
    learner.look = True
    learner.step([batch], 1, 1.0)
    assert list(learner.gradients) == ["0", "1", "4"]
    assert drawn("gradients", learner.gradients).name == "histogram/gradients"
