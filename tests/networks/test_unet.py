import pytest
import torch

from medviz.networks.unet import UNet


@pytest.mark.parametrize("shape", [(37, 50), (16, 16), (3, 90)])
def test_any_size_goes_in_and_comes_out(shape: tuple[int, int]) -> None:
    assert UNet(2, 3, width=4, depth=4)(torch.zeros(1, 2, *shape)).shape == (1, 3, *shape)
    assert UNet(1, 3, dimensions=3, width=2, depth=3)(torch.zeros(1, 1, 5, *shape)).shape == (1, 3, 5, *shape)


def test_each_level_has_twice_the_features_up_to_eight_times_the_first() -> None:
    network = UNet(width=4, depth=6)
    assert [block.second.out_channels for block in network.down] == [4, 8, 16, 32, 32, 32]


def test_with_batch_norm_a_translation_moves_the_output_along() -> None:
    """What a tile sees is what the whole picture shows there: nothing but position-blind steps."""
    torch.manual_seed(0)
    network = UNet(width=4, depth=3, norm="batch").eval()
    picture = torch.randn(1, 1, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = network(picture)
        part = network(picture[..., 8:88, 8:88])
    assert part[..., 24:56, 24:56] == pytest.approx(whole[..., 32:64, 32:64], abs=1e-5)


def test_the_skips_carry_fine_detail() -> None:
    """A lone bright pixel is seen in the output where it is; without the skips the lowest level blurs it."""
    torch.manual_seed(0)
    network = UNet(width=4, depth=4, norm="none").eval()
    picture = torch.zeros(1, 1, 64, 64)
    with torch.no_grad():
        before = network(picture)
        picture[0, 0, 21, 43] = 10
        change = (network(picture) - before).abs().sum(1)[0]
    x, y = divmod(int(change.argmax()), 64)
    assert abs(x - 21) <= 3
    assert abs(y - 43) <= 3


@pytest.mark.parametrize("norm", ["instance", "batch", "group", "none"])
@pytest.mark.parametrize("residual", [False, True])
def test_it_learns_a_threshold(norm: str, residual: bool) -> None:
    torch.manual_seed(0)
    network = UNet(width=4, depth=2, norm=norm, residual=residual)  # type: ignore[arg-type]
    picture = torch.randn(4, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    label = (picture[:, 0] > 0).long()
    steps = torch.optim.Adam(network.parameters(), 0.02)
    losses = []
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(network(picture), label)
        losses.append(loss.item())
        steps.zero_grad()
        loss.backward()
        steps.step()
    assert losses[-1] < 0.3 * losses[0]
