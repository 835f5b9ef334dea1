"""Networks that fill in: what is masked never reaches them, and what they learn fits the networks it is meant for."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medviz.networks.bert import Bert
from medviz.networks.mae import MAE
from medviz.networks.masked_unet import MaskedUNet
from medviz.networks.patching import covered, hidden, joined, patched, waves
from medviz.networks.unet import UNet
from medviz.networks.unetr import UNETR
from medviz.networks.vit import ViT
from medviz.probe.trace import recording
from medviz.refused import Refused
from medviz.training.beginning import begin_with

FILLERS = {
    "vit 2-D": lambda: MAE(dimensions=2, size=32, patch=8, width=16, depth=2),
    "vit 3-D": lambda: MAE(dimensions=3, size=16, patch=8, width=16, depth=1),
    "unetr 2-D": lambda: MAE(dimensions=2, size=48, fits="unetr", width=16),
    "unetr 3-D": lambda: MAE(dimensions=3, size=32, fits="unetr", width=16),
    "unet 2-D": lambda: MaskedUNet(dimensions=2, patch=8, width=4, depth=3),
    "unet 3-D": lambda: MaskedUNet(dimensions=3, patch=4, width=2, depth=2),
}


def asked(network: Any, name: str) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Return two pictures, the patches that are shown of each, and the grid of patches."""
    dimensions = 3 if "3-D" in name else 2
    grid = getattr(network, "grid", (4,) * dimensions)
    chance = torch.Generator().manual_seed(1)
    image = torch.randn((2, 1, *[cells * network.patch for cells in grid]), generator=chance)
    count = int(torch.tensor(grid).prod())
    shown = torch.stack([torch.randperm(count, generator=chance)[: count // 3 + 1].sort()[0] for _ in range(2)])
    return image, shown, grid


@pytest.mark.parametrize("shape", [(2, 1, 32, 48), (1, 3, 16, 24, 8)])
def test_patches_put_together_are_the_picture(shape: tuple[int, ...]) -> None:
    x = torch.arange(float(torch.tensor(shape).prod())).reshape(shape)
    grid = tuple(side // 8 for side in shape[2:])
    rows = patched(x, 8)
    assert rows.shape == (shape[0], int(torch.tensor(grid).prod()), shape[1] * 8 ** len(grid))
    assert torch.equal(joined(rows, 8, grid), x)
    first = rows[0, 0].reshape(shape[1], *[8] * len(grid))
    assert torch.equal(first, x[0][(slice(None), *[slice(0, 8)] * len(grid))]), "a row is one patch"


def test_what_is_not_shown_is_covered() -> None:
    shown = torch.tensor([[0, 5]])
    assert hidden(shown, 6).tolist() == [[False, True, True, True, True, False]]
    pixels = covered(shown, 2, (2, 3))
    assert pixels.shape == (1, 1, 4, 6)
    assert not pixels[0, 0, :2, :2].any() and not pixels[0, 0, 2:, 4:].any()
    assert int(pixels.sum()) == 4 * 4


def test_each_place_has_waves_of_its_own() -> None:
    for grid in ((4, 4), (3, 3, 3), (20,)):
        made = waves(grid, 24)
        apart = torch.cdist(made, made) + 9 * torch.eye(len(made))
        assert float(apart.min()) > 0.1


@pytest.mark.parametrize("name", list(FILLERS))
def test_what_is_masked_changes_nothing_and_what_is_shown_does(name: str) -> None:
    torch.manual_seed(0)
    network = FILLERS[name]().eval()
    image, shown, grid = asked(network, name)
    masked = covered(shown, network.patch, grid)
    with torch.no_grad():
        told = network(image, shown)
        assert told.shape == image.shape
        assert torch.equal(network(torch.where(masked, 99.0, image), shown), told)
        assert not torch.allclose(network(torch.where(masked, image, image + 1), shown), told)


@pytest.mark.parametrize("name", list(FILLERS))
def test_every_weight_learns_from_what_is_masked(name: str) -> None:
    torch.manual_seed(0)
    network = FILLERS[name]()
    image, shown, grid = asked(network, name)
    (network(image, shown) * covered(shown, network.patch, grid) * torch.randn(image.shape)).sum().backward()
    assert not [key for key, one in network.named_parameters() if one.grad is None or not bool(one.grad.any())]


def test_the_encoder_that_sees_all_reads_as_the_network_it_becomes_part_of(tmp_path: Path) -> None:
    torch.manual_seed(0)
    image = torch.randn(2, 1, 32, 32)
    for made, wanted, heart in (
        (MAE(size=32, width=16, depth=2), ViT(size=32, width=16, depth=2), "norm"),
        (MAE(size=32, fits="unetr", width=16), UNETR(width=16, grid=2, features=4), "vit.norm"),
    ):
        torch.save(made.state_dict(), tmp_path / "made.pt")
        begin_with(wanted, tmp_path / "made.pt")
        every = torch.arange(made.places.shape[1]).expand(2, -1)
        with recording(wanted.eval(), (heart,)) as seen, torch.no_grad():
            wanted(image)
            read = made.eval().encoded(image, every)
        torch.testing.assert_close(read, torch.from_numpy(seen[heart])[:, -every.shape[1] :])


@pytest.mark.parametrize(
    ("made", "wanted", "chance"),
    [
        (lambda: MAE(width=16, depth=2), lambda: ViT(width=16, depth=2, classes=3), {"head"}),
        (lambda: MaskedUNet(width=4, depth=3), lambda: UNet(width=4, depth=3, classes=4), {"head"}),
        (
            lambda: MAE(size=32, fits="unetr", width=16),
            lambda: UNETR(width=16, grid=2, features=4, classes=3),
            {*(f"encoder{k}" for k in range(1, 5)), *(f"decoder{k}" for k in range(2, 6)), "out"},
        ),
    ],
    ids=["vit", "unet", "unetr"],
)
def test_weights_fit_and_only_what_no_filling_could_teach_is_left_to_chance(
    made: Any, wanted: Any, chance: set[str], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    taught, begun = made(), wanted()
    torch.save(taught.state_dict(), tmp_path / "taught.pt")
    told = begin_with(begun, tmp_path / "taught.pt")
    assert {name.split(".")[0] for name in told.left_out} == chance
    own = {name.removeprefix("encoder.").removeprefix("backbone."): one for name, one in taught.state_dict().items()}
    kept = {name: one for name, one in begun.state_dict().items() if name.split(".")[0] not in chance}
    assert told.taken == len(kept) > 10
    assert all(torch.equal(one, own[name]) for name, one in kept.items())


def test_a_word_is_read_with_all_others_and_padding_is_not_read() -> None:
    torch.manual_seed(0)
    network: nn.Module = Bert(40, 16, 16, 2, 2).eval()
    ids = torch.randint(5, 40, (2, 9), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        told = network(ids)
        assert told.shape == (2, 9, 40)
        longer = torch.cat([ids, torch.zeros(2, 4, dtype=torch.long)], 1)
        torch.testing.assert_close(network(longer)[:, :9], told)
        other = ids.clone()
        other[:, 8] = 7
        assert not torch.allclose(network(other)[:, 0], told[:, 0]), "the first word sees the last"
        assert bool(network(torch.zeros(1, 4, dtype=torch.long)).isfinite().all())


def test_what_is_no_sentence_and_no_whole_patches_is_refused() -> None:
    with pytest.raises(Refused, match="not pictures"):
        Bert(40)(torch.randn(2, 1, 32, 32))
    with pytest.raises(Refused, match="has 40 words"):
        Bert(40, 16)(torch.ones(1, 40, dtype=torch.long))
    with pytest.raises(Refused, match="not whole patches"):
        MAE(size=50)
    with pytest.raises(Refused, match="at least two patches"):
        MAE(size=16, fits="unetr")
    with pytest.raises(Refused, match="not whole blocks"):
        MaskedUNet()(torch.randn(1, 1, 20, 20), torch.tensor([[0]]))
