"""The textbook networks have the parameters their papers have; counted on torch's meta device, without memory."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from medviz.networks.alexnet import AlexNet
from medviz.networks.densenet import DenseBlock, DenseNet
from medviz.networks.efficientnet import EfficientNet
from medviz.networks.googlenet import GoogLeNet, Inception
from medviz.networks.lenet import LeNet
from medviz.networks.resnet import Block, ResNet
from medviz.networks.unet_original import UNetOriginal
from medviz.networks.vgg import VGG, block
from medviz.networks.vit import Attention, ViT
from medviz.refused import Refused

COLOUR = {"channels": 3, "classes": 1000}


def size(network: nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


def on_meta(kind: Callable[..., nn.Module], **values: object) -> nn.Module:
    with torch.device("meta"):
        return kind(**values).eval()


COUNTS = [
    pytest.param(LeNet, {}, 61_706, 32, marks=pytest.mark.row("NET-2")),
    pytest.param(AlexNet, {**COLOUR, "size": 224, "width": 64}, 61_100_840, 224, marks=pytest.mark.row("NET-2")),
    pytest.param(
        VGG, {**COLOUR, "size": 224, "width": 64, "norm": False}, 138_357_544, 224, marks=pytest.mark.row("NET-3")
    ),
    pytest.param(VGG, {**COLOUR, "size": 224, "width": 64, "norm": False, "depth": 11}, 132_863_336, 224),
    pytest.param(VGG, {**COLOUR, "size": 224, "width": 64, "norm": False, "depth": 19}, 143_667_240, 224),
    pytest.param(GoogLeNet, {**COLOUR, "width": 64, "norm": False}, 6_998_552, 224, marks=pytest.mark.row("NET-4")),
    pytest.param(ResNet, COLOUR, 11_689_512, 224, marks=pytest.mark.row("NET-5")),
    pytest.param(ResNet, {**COLOUR, "depth": 34}, 21_797_672, 224, marks=pytest.mark.row("NET-5")),
    pytest.param(ResNet, {**COLOUR, "depth": 50}, 25_557_032, 224),
    pytest.param(ResNet, {**COLOUR, "depth": 152}, 60_192_808, 224),
    pytest.param(DenseNet, COLOUR, 7_978_856, 224, marks=pytest.mark.row("NET-5")),
    pytest.param(DenseNet, {**COLOUR, "depth": 201}, 20_013_928, 224),
    pytest.param(EfficientNet, COLOUR, 5_288_548, 224, marks=pytest.mark.row("NET-6")),
    pytest.param(EfficientNet, {**COLOUR, "variant": 3}, 12_233_232, 300),
    pytest.param(EfficientNet, {**COLOUR, "variant": 7}, 66_347_960, 600),
    pytest.param(
        ViT, {**COLOUR, "size": 224, "patch": 16, "width": 768, "depth": 12, "heads": 12}, 86_567_656, 224,
        marks=pytest.mark.row("SEQ-2"),
    ),
    pytest.param(UNetOriginal, {"width": 64}, 31_030_658, 388, marks=pytest.mark.row("NET-7")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "values", "count", "side"), COUNTS)
def test_it_has_the_parameters_of_its_paper_and_takes_its_pictures(
    kind: Callable[..., nn.Module], values: dict[str, int], count: int, side: int
) -> None:
    network = on_meta(kind, **values)
    assert size(network) == count
    out = network(torch.zeros(1, values.get("channels", 1), side, side, device="meta"))
    classes = {LeNet: 10, UNetOriginal: 2}.get(kind, 1000)  # type: ignore[call-overload]
    assert out.shape == ((1, classes, side, side) if kind is UNetOriginal else (1, classes))


@pytest.mark.row("NET-3")
def test_two_small_windows_see_as_far_as_a_large_one_with_fewer_weights() -> None:
    twice = sum(one.weight.numel() for one in block(64, 64, 2).children() if isinstance(one, nn.Conv2d))
    assert (twice, nn.Conv2d(64, 64, 5).weight.numel()) == (73_728, 102_400)


@pytest.mark.row("NET-4")
def test_inception_3a_puts_four_paths_side_by_side() -> None:
    paths = (64, 96, 128, 16, 32, 32)
    module = Inception(192, paths)
    assert size(module) == 163_696
    assert size(Inception(192, paths, reduce=False)) == 387_296
    x = torch.randn(1, 192, 7, 7)
    out = module(x)
    assert out.shape == (1, 256, 7, 7)
    parts = module.one, module.three, module.five, module.pooled
    for part, path in zip(out.split([64, 128, 32, 32], 1), parts, strict=True):
        assert torch.equal(part, path(x))
    assert Inception(192, paths, reduce=False)(x).shape[1] == 64 + 128 + 32 + 192


@pytest.mark.row("NET-5")
def test_a_residual_block_adds_its_input_exactly() -> None:
    torch.manual_seed(0)
    made, x = Block(2, 8, 8, 8, 1).eval(), torch.randn(2, 8, 9, 9)
    assert torch.equal(made(x), torch.relu(made.branch(x) + x))
    bare = Block(2, 8, 8, 8, 1, skip=False).eval()
    bare.load_state_dict(made.state_dict())
    assert torch.equal(bare(x), torch.relu(made.branch(x)))


@pytest.mark.row("NET-5")
def test_without_skips_the_first_layer_hears_less_of_the_loss() -> None:
    """As initialised, with a normalisation that does not rescale: a block without skip lets less through."""

    def heard(skips: bool) -> float:
        torch.manual_seed(0)
        network = ResNet(width=8, depth=34, skips=skips, thumbnails=True).eval()
        network(torch.randn(4, 1, 16, 16)).sum().backward()
        return float(network.stem[0].weight.grad.norm())  # type: ignore[index, union-attr]

    assert heard(True) > 1000 * heard(False)


@pytest.mark.row("NET-5")
def test_a_dense_block_grows_by_32_a_layer() -> None:
    made = DenseBlock(2, 64, 6, 32).eval()
    seen = [layer[0].num_features for layer in made.layers]  # type: ignore[index]
    assert seen == [64, 96, 128, 160, 192, 224]
    x = torch.randn(1, 64, 5, 5)
    out = made(x)
    assert out.shape[1] == 256
    assert torch.equal(out[:, :64], x)


@pytest.mark.row("NET-7")
def test_572_pixels_give_388() -> None:
    network = on_meta(UNetOriginal, width=64)
    shapes = []
    for module in (*network.down, *network.merge):  # type: ignore[misc]
        module.register_forward_hook(lambda _, inputs, out: shapes.append(out.shape[-1]))
    out = network.valid(torch.zeros(1, 1, 572, 572, device="meta"))  # type: ignore[operator]
    assert out.shape == (1, 2, 388, 388)
    assert shapes == [568, 280, 136, 64, 28, 52, 100, 196, 388]


@pytest.mark.row("NET-7")
@pytest.mark.parametrize("shape", [(20, 36), (7, 90), (1, 3)])
def test_a_mirrored_border_gives_every_pixel_an_answer(shape: tuple[int, int]) -> None:
    """What the paper's network says of the picture mirrored by numpy, at the same pixels."""
    torch.manual_seed(0)
    network = UNetOriginal(width=2).eval()
    picture = torch.randn(1, 1, *shape)
    more = [-(side + 60) % 16 for side in shape]
    padded = np.pad(picture.numpy(), ((0, 0), (0, 0), (92, 92 + more[0]), (92, 92 + more[1])), "reflect")
    with torch.no_grad():
        wanted = network.valid(torch.from_numpy(padded))[..., : shape[0], : shape[1]]
        torch.testing.assert_close(network(picture), wanted)


@pytest.mark.row("SEQ-2")
def test_a_picture_becomes_196_tokens_and_a_volume_64_and_one_more() -> None:
    flat = on_meta(ViT, **COLOUR, size=224, patch=16, width=768)
    assert flat.positions.shape == (1, 196 + 1, 768)  # type: ignore[union-attr]
    assert flat.embedding.weight.shape == (768, 3, 16, 16)  # type: ignore[union-attr]
    assert flat.embedding.weight[0].numel() == 768  # type: ignore[index, union-attr]
    solid = ViT(dimensions=3, size=32, patch=8, heads=4)
    seen: list[torch.Tensor] = []
    solid.blocks[0].attention.softmax.register_forward_hook(lambda _, inputs, out: seen.append(out))  # type: ignore[union-attr]
    solid(torch.randn(1, 1, 32, 32, 32))
    assert seen[0].shape == (1, 4, 65, 65)
    torch.testing.assert_close(seen[0].sum(-1), torch.ones(1, 4, 65))


def test_attention_equals_torchs() -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(24, 3), nn.MultiheadAttention(24, 3, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.asked.weight)
        theirs.in_proj_bias.copy_(ours.asked.bias)
        theirs.out_proj.load_state_dict(ours.out.state_dict())
        x = torch.randn(2, 7, 24)
        torch.testing.assert_close(ours(x), theirs(x, x, x)[0])


@pytest.mark.parametrize("values", [{"patch": 5}, {"heads": 3}])
def test_patches_and_heads_that_do_not_fit_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(Refused, match="evenly"):
        ViT(**values)


def test_dropped_blocks_leave_the_input_as_it_is() -> None:
    torch.manual_seed(0)
    network = EfficientNet(drop_blocks=0.5).train()
    last = next(one for one in reversed(network.blocks) if one.adds)  # type: ignore[union-attr]
    x = torch.randn(64, last.branch[0][0].in_channels, 2, 2)  # type: ignore[union-attr, index]
    same = (last(x) == x).flatten(1).all(1)
    assert 0.2 < same.float().mean() < 0.7
    assert not (last.eval()(x) == x).flatten(1).all(1).any()
