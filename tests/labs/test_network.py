"""The network lab counts what there is, shows what a layer puts out, and marks what moves it."""

import argparse
import time

import numpy as np
import pytest
import torch

from medviz.commands.lab import COMMAND
from medviz.figures import Curves, Gallery, Graph, Heatmap, Picture, Table
from medviz.imaging.slices import Slice
from medviz.labs.examples import figures_of, text_of
from medviz.labs.looked_into import Drawn, Wanted, fitted, known, network_of
from medviz.labs.network import NetworkLab
from medviz.labs.network_figures import maps_of
from medviz.networks.lenet import LeNet
from medviz.networks.unet import UNet
from medviz.networks.vit import ViT
from medviz.parameters import Settings, changed
from medviz.refused import Refused


def noise(*shape: int) -> Slice:
    return Slice(np.random.default_rng(0).normal(size=shape), (1.0, 3.0), name="noise")


@pytest.mark.row("NET-1")
def test_the_tiles_are_what_the_layer_puts_out() -> None:
    lab = NetworkLab(image=noise(32, 32), layer=3, unit=5)
    figures = figures_of(lab)
    network = network_of(Wanted(Settings("lenet"), 1, 10, 0))
    x = torch.from_numpy(fitted(lab.image, (1, 32, 32))[0])[None]
    with torch.no_grad():
        out = network.features[:4](x)[0].numpy()  # type: ignore[index, union-attr]
    tiles, unit, taps = figures["tiles"], figures["unit"], figures["filter"]
    assert isinstance(tiles, Gallery)
    assert isinstance(unit, Heatmap)
    assert isinstance(taps, Gallery)
    np.testing.assert_allclose(tiles.tiles, out, atol=1e-6)
    np.testing.assert_allclose(unit.values, out[5], atol=1e-6)
    np.testing.assert_array_equal(taps.tiles, network.features[3].weight[5].detach().numpy())  # type: ignore[index, union-attr]


@pytest.mark.row("NET-1")
@pytest.mark.parametrize("place", [(0, 0), (4, 5), (9, 9)])
def test_the_window_that_is_marked_holds_all_that_moves_the_value(place: tuple[int, int]) -> None:
    """The second convolution of LeNet: a value there moves with all of the window and with nothing else."""
    lab = NetworkLab(image=noise(32, 32), layer=3, unit=2, place=place)
    mark = figures_of(lab)["image"].marks[0]  # type: ignore[union-attr]
    network = network_of(Wanted(Settings("lenet"), 1, 10, 0))
    x = torch.from_numpy(fitted(lab.image, (1, 32, 32))[0])[None].requires_grad_()
    out = network.features[:4](x)[0, 2]  # type: ignore[index, union-attr]
    moved = np.argwhere(torch.autograd.grad(out[place], x)[0][0, 0].numpy() != 0)
    assert tuple(moved.min(0)) == (mark.row, mark.col) == (2 * place[0], 2 * place[1])
    assert tuple(moved.max(0) + 1) == (mark.row + mark.height, mark.col + mark.width)


def test_pointing_chooses_layer_block_channel_and_place() -> None:
    lab = NetworkLab()
    assert lab.pointed("structure", (4, 2), (14, 7)).layer == 4
    last = lab.pointed("blocks", (1, 0), (2, 1))
    graph = figures_of(last)["blocks"]
    assert isinstance(graph, Graph)
    assert graph.marks == (graph.nodes[1][0],)
    assert lab.pointed("tiles", (1, 2), (2, 3)).unit == 5
    assert lab.pointed("unit", (7, 8), (60, 60)).place == (7, 8)


def test_a_u_net_is_drawn_as_a_u() -> None:
    graph = figures_of(NetworkLab(network=Settings("unet")))["blocks"]
    assert isinstance(graph, Graph)
    rows = [node[3] for node in graph.nodes]
    assert rows[0] == 0
    assert rows[-1] == 0
    assert max(rows) == 4
    assert rows[: rows.index(4.0) + 1] == sorted(rows[: rows.index(4.0) + 1])


@pytest.mark.row("NET-5")
def test_without_skips_less_of_the_gradient_arrives() -> None:
    settings = Settings("resnet", (("depth", 34), ("width", 8)))
    curves = figures_of(NetworkLab(network=settings, ask="gradients"))["why"]
    assert isinstance(curves, Curves)
    with_skips, without = curves.lines
    assert (with_skips.name, without.name) == ("with skips", "without")
    assert with_skips.y[0] > 1000 * without.y[0]
    turned_off = figures_of(NetworkLab(network=settings.turned(skips=False), ask="gradients"))["why"]
    np.testing.assert_array_equal(turned_off.lines[0].y, without.y)  # type: ignore[union-attr]
    assert turned_off.lines[0].name == "without"  # type: ignore[union-attr]


@pytest.mark.row("NET-10")
@pytest.mark.parametrize("ask", ["saliency", "grad_cam", "occlusion", "integrated"])
@pytest.mark.parametrize("name", ["lenet", "vit", "unet"])
def test_each_question_is_answered_as_large_as_the_input(ask: str, name: str) -> None:
    lab = NetworkLab(network=Settings(name), ask=ask, classes=3, target=1, side=32)
    why = figures_of(lab)["why"]
    assert isinstance(why, Picture)
    assert why.pixels.shape == (32, 32)
    if ask in ("saliency", "grad_cam"):
        assert why.pixels.min() >= 0


def test_a_trained_model_is_looked_into_by_its_name() -> None:
    figures = figures_of(NetworkLab(model="mni152_tissue", side=32))
    assert "untrained" not in text_of(figures["story"])
    structure = figures["structure"]
    assert isinstance(structure, Table)
    assert structure.rows[-1][1] == "together"
    assert structure.rows[-1][4] == sum(int(row[4] or 0) for row in structure.rows[:-1])
    with pytest.raises(Refused, match="no such model"):
        figures_of(NetworkLab(model="nothing of the kind"))


def test_a_network_for_volumes_is_handed_the_slice_many_deep() -> None:
    lab = NetworkLab(network=Settings("unet", (("dimensions", 3), ("width", 4))), side=32, classes=2)
    assert known(Wanted(lab.network, 1, 2, 0), 32).shape == (1, 32, 32, 16)
    assert figures_of(lab)["tiles"].tiles.shape[1:] == (32, 32)  # type: ignore[union-attr]


def test_a_slice_keeps_its_proportions_and_its_millimetres() -> None:
    image = Slice(np.arange(24.0 * 30).reshape(24, 30), (2.0, 1.0), name="ramp")
    x, picture, mm = fitted(image, (3, 15, 15))
    assert x.shape == (3, 15, 15)
    assert picture.shape == (15, 15)
    assert mm == (4.0, 2.0)
    assert x.mean() == pytest.approx(0, abs=1e-5)
    assert x.std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_array_equal(x[0], x[2])


def test_weights_come_from_their_own_seed_and_disturb_no_other_chance() -> None:
    def made(kind: type, seed: int) -> list[torch.Tensor]:
        with Drawn(seed):
            return [one.detach() for one in kind().parameters()]

    before = torch.random.get_rng_state()
    for kind in (LeNet, ViT):
        one, same, other = made(kind, 3), made(kind, 3), made(kind, 4)
        assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
        assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_tokens_lie_where_their_patches_lay() -> None:
    tokens = np.arange(17 * 3).reshape(17, 3)
    maps = maps_of(tokens)
    assert maps.shape == (3, 4, 4)
    assert maps[1, 2, 3] == tokens[1 + 2 * 4 + 3, 1]


def test_the_command_line_reaches_into_the_network() -> None:
    parser = argparse.ArgumentParser()
    COMMAND.arguments(parser)
    given = ["network", "--set", "network=unet", "--set", "network.width=4", "--set", "network.depth=3"]
    said = COMMAND.run(parser.parse_args(given))
    wanted = sum(one.numel() for one in UNet(classes=10, width=4, depth=3).parameters())
    assert f"{wanted:,} parameters" in said.document["text"]["story"]


def test_turning_a_control_is_answered_at_once() -> None:
    """Own work of a second look at another layer of a network that is known; generous, for a busy machine."""
    lab = NetworkLab(network=Settings("resnet"))
    figures_of(lab)
    start_s = time.process_time()
    figures_of(changed(lab, layer=9))
    assert time.process_time() - start_s < 0.5


def test_what_is_too_large_to_run_is_counted_and_says_so() -> None:
    figures = figures_of(NetworkLab(network=Settings("vgg", (("size", 224), ("width", 64))), channels=3, classes=1000))
    assert "tiles" not in figures
    assert "counted only" in text_of(figures["story"])
