"""Maps of what a network uses, against what can be worked out by hand; attention against torch's and MONAI's own."""

import numpy as np
import pytest
import torch
from monai.networks.blocks.selfattention import SABlock
from monai.networks.nets.swin_unetr import WindowAttention
from torch import nn

from medviz.networks.lenet import LeNet
from medviz.networks.unet import UNet
from medviz.networks.vit import ViT
from medviz.probe.attention import attending, rollout
from medviz.probe.saliency import grad_cam, integrated_gradients, occlusion, saliency
from medviz.refused import Refused


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def lenet(activation: str = "tanh") -> nn.Module:
    torch.manual_seed(0)
    return LeNet(activation=activation).train()  # type: ignore[arg-type]


def linear(weights: np.ndarray) -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.Linear(weights.size, 1, bias=False))
    network[1].weight.data = torch.from_numpy(weights.reshape(1, -1))
    return network


def score(network: nn.Module, image: np.ndarray, target: int) -> float:
    with torch.no_grad():
        return float(network.eval()(torch.from_numpy(image)[None])[0, target])


@pytest.mark.row("NET-10")
def test_of_a_linear_network_every_map_is_known() -> None:
    weights, image = picture(1, 6, 7), picture(1, 6, 7) + 1
    network = linear(weights)
    np.testing.assert_allclose(saliency(network, image, 0), np.abs(weights), rtol=1e-5)
    np.testing.assert_allclose(
        integrated_gradients(network, image, 0, 0.5), weights * (image - 0.5), rtol=1e-4, atol=1e-6
    )
    falls = occlusion(network, image, 0, side=1, step=1, fill=0.0)
    np.testing.assert_allclose(falls, (weights * image)[0], atol=1e-5)


@pytest.mark.row("NET-10")
def test_integrated_gradients_sum_to_the_difference_of_scores() -> None:
    network, image = lenet(), picture(1, 32, 32)
    total = integrated_gradients(network, image, 3, steps=200).sum()
    assert total == pytest.approx(score(network, image, 3) - score(network, np.zeros_like(image), 3), rel=1e-2)


@pytest.mark.row("NET-10")
@pytest.mark.parametrize("layer", ["features.0", "features.1", "features.4"])
def test_grad_cam_is_never_negative_and_as_large_as_the_image(layer: str) -> None:
    mapped = grad_cam(lenet("relu"), picture(1, 32, 32), layer, 2)
    assert mapped.shape == (32, 32)
    assert mapped.min() >= 0
    assert mapped.max() > 0


@pytest.mark.row("NET-10")
def test_grad_cam_is_the_weighted_sum_of_the_maps() -> None:
    """A mean over places and a dense layer: the mean gradient of a map is its weight over the number of places."""
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(1, 5, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2))
    image = picture(1, 8, 8)
    with torch.no_grad():
        maps = network[0](torch.from_numpy(image)[None])[0]
        wanted = torch.relu((network[3].weight[1, :, None, None] / 64 * maps).sum(0))
    np.testing.assert_allclose(grad_cam(network, image, "0", 1), wanted.numpy(), atol=1e-6)


@pytest.mark.row("NET-10")
def test_an_in_place_relu_does_not_spoil_grad_cam() -> None:
    torch.manual_seed(1)
    layers = [nn.Conv2d(1, 5, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2)]
    apart = nn.Sequential(layers[0], nn.ReLU(), *layers[1:])
    within = nn.Sequential(layers[0], nn.ReLU(inplace=True), *layers[1:])
    image = picture(1, 8, 8)
    np.testing.assert_allclose(grad_cam(within, image, "0", 1), grad_cam(apart, image, "0", 1))


@pytest.mark.row("NET-10")
def test_covering_with_its_own_values_changes_nothing() -> None:
    image = picture(1, 32, 32)
    assert not occlusion(lenet(), image, 1, side=8, fill=image).any()
    assert occlusion(lenet(), image, 1, side=8).any()


@pytest.mark.row("NET-10")
def test_a_segmentation_is_asked_about_a_place() -> None:
    torch.manual_seed(0)
    network = UNet(width=2, depth=2, norm="none")
    image, mask = picture(1, 24, 24), np.zeros((24, 24), bool)
    mask[4, 4] = True
    mapped = saliency(network, image, 1, mask)[0]
    assert mapped[:10, :10].any()
    assert not mapped[18:, 18:].any(), "it cannot see so far"
    solid = UNet(dimensions=3, width=2, depth=2)
    assert grad_cam(solid, picture(1, 8, 9, 10), "down.0.second", 1).shape == (8, 9, 10)


def test_the_network_is_left_as_it_was() -> None:
    network, image = lenet(), picture(1, 32, 32)
    saliency(network, image, 0)
    grad_cam(network, image, "features.0", 0)
    occlusion(network, image, 0, side=16)
    assert all(one.training for one in network.modules())
    assert all(one.requires_grad and one.grad is None for one in network.parameters())
    assert not any(one._forward_hooks for one in network.modules())


def test_classes_layers_and_masks_that_are_not_there_are_refused() -> None:
    network, image = lenet(), picture(1, 32, 32)
    for ask in (
        lambda: saliency(network, image, 10),
        lambda: grad_cam(network, image, "nowhere", 0),
        lambda: grad_cam(network, image, "classifier.1", 0),
        lambda: occlusion(network, image, 0, side=0),
        lambda: saliency(UNet(width=2, depth=2), image, 0, np.zeros((32, 32), bool)),
    ):
        with pytest.raises(Refused):
            ask()
    assert not any(one._forward_hooks for one in network.modules())


@pytest.mark.row("SEQ-6")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("needed", [True, False])
def test_torchs_attention_is_recorded_and_its_caller_notices_nothing(training: bool, needed: bool) -> None:
    torch.manual_seed(0)
    network, x = nn.MultiheadAttention(12, 3, batch_first=True).train(training), torch.randn(2, 5, 12)
    wanted, means = network(x, x, x, need_weights=needed)
    _, each = network(x, x, x, average_attn_weights=False)
    with attending(network) as maps:
        out, got = network(x, x, x, need_weights=needed)
    torch.testing.assert_close(out, wanted)
    assert (got is None) == (means is None)
    if needed:
        torch.testing.assert_close(got, means)
    np.testing.assert_allclose(maps[""], each.detach().numpy(), atol=1e-6)
    assert not network._forward_hooks
    assert not network._forward_pre_hooks


@pytest.mark.row("SEQ-6")
def test_a_whole_encoder_of_torch_gives_its_maps_in_eval_mode() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(12, 3, 24, batch_first=True)
    network, x = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval(), torch.randn(1, 5, 12)
    with torch.no_grad():
        wanted = network(x)
        with attending(network) as maps:
            out = network(x)
    torch.testing.assert_close(out, wanted)
    assert [one.shape for one in maps.values()] == [(1, 3, 5, 5)] * 2


def test_monais_attention_is_recorded_and_put_back() -> None:
    pytest.importorskip("einops", reason="MONAI's transformers need it")
    torch.manual_seed(0)
    network, x = SABlock(16, 4).eval(), torch.randn(1, 6, 16)
    with torch.no_grad(), attending(network) as maps:
        network(x)
    assert maps[""].shape == (1, 4, 6, 6)
    np.testing.assert_allclose(maps[""].sum(-1), 1, rtol=1e-5)
    assert network.save_attn is False
    assert network.att_mat.numel() == 0


class Saving(nn.Module):
    """A block as MONAI's transformers have it: it keeps what it attended to if it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.save_attn, self.att_mat = False, torch.Tensor()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shares = torch.softmax(x @ x.mT, -1)[:, None]
        if self.save_attn:
            self.att_mat = shares
        return shares[:, 0] @ x


def test_a_block_that_can_save_its_attention_is_told_to_for_a_while() -> None:
    network = nn.Sequential(Saving(), Saving())
    network[1].save_attn = True
    with attending(network) as maps:
        network(torch.randn(1, 4, 3))
    assert [one.shape for one in maps.values()] == [(1, 1, 4, 4)] * 2
    assert [one.save_attn for one in network] == [False, True]
    assert [one.att_mat.numel() for one in network] == [0, 16]


def test_the_windows_of_a_swin_transformer_are_recorded() -> None:
    torch.manual_seed(0)
    network = WindowAttention(12, 3, (4, 4))
    with attending(network) as maps:
        network(torch.randn(5, 16, 12), None)
    assert maps["softmax"].shape == (5, 3, 16, 16)


@pytest.mark.row("SEQ-2")
def test_a_volume_of_32_in_patches_of_8_gives_65_tokens_that_attend() -> None:
    network = ViT(dimensions=3, size=32, patch=8, heads=4, depth=2).eval()
    with torch.no_grad(), attending(network) as maps:
        network(torch.randn(1, 1, 32, 32, 32))
    assert [one.shape for one in maps.values()] == [(1, 4, 65, 65)] * 2
    joined = rollout(maps)
    assert joined.shape == (1, 65, 65)
    np.testing.assert_allclose(joined.sum(-1), 1, rtol=1e-5)
