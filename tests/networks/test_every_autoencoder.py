"""Every autoencoder keeps to the interface in `medviz.networks.coding`, and learns in each parameter."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from medviz.networks import NETWORKS
from medviz.networks.autoencoder import Autoencoder
from medviz.networks.coding import Coder, divergence, drawn
from medviz.networks.kl_autoencoder import KlAutoencoder
from medviz.networks.quantising import Quantised
from medviz.networks.vae import Vae
from medviz.networks.vq_vae import VqVae
from medviz.parameters import Settings, parameters
from medviz.refused import Refused
from medviz.training.using.principal import components
from tests.standard import a_sentence, ends

CODERS = [name for name, entry in NETWORKS.entries.items() if entry.theme == "autoencoding"]
SMALL = {"width": 8, "depth": 1, "size": 16, "entries": 8, "judge_width": 8, "judge_depth": 1}
EACH = [(name, dimensions) for name in CODERS for dimensions in (2, 3)]


def built(name: str, dimensions: int, device: str = "cpu", **more: Any) -> Coder:
    torch.manual_seed(0)
    known = {one.name for one in parameters(NETWORKS[name])}
    values = {key: value for key, value in {**SMALL, **more}.items() if key in known}
    with torch.device(device):
        made: Coder = Settings(name, tuple(values.items())).build(NETWORKS, channels=1, dimensions=dimensions)
    return made


def pictures(dimensions: int, count: int = 3, side: int = 16) -> Tensor:
    return torch.rand(count, 1, *[side] * dimensions, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize(("name", "dimensions"), EACH)
class TestEachAutoencoder:
    def test_a_picture_becomes_a_code_of_the_shape_it_says_and_a_picture_again(
        self, name: str, dimensions: int
    ) -> None:
        network, given = built(name, dimensions).eval(), pictures(dimensions)
        with torch.no_grad():
            code = network.encode(given)
            assert tuple(code.shape) == (3, *network.latent_shape)
            assert network.decode(code).shape == given.shape
            assert torch.equal(network(given), network(given)), "at rest there is no chance in it"
            torch.testing.assert_close(network.decode(code), network(given))
        assert network.spatial == (code.ndim > 2)
        if network.spatial:
            assert code.shape[2] == 16 // network.factor
            assert code.shape[1] == network.latent_channels
        else:
            assert network.numbers == network.latent_channels

    def test_every_parameter_learns(self, name: str, dimensions: int) -> None:
        network = built(name, dimensions).train()
        coded = network.coded(pictures(dimensions))
        loss = (coded.image * torch.randn(coded.image.shape)).sum()
        loss = loss + sum(one.sum() for one in (coded.kl, coded.pull) if one is not None)
        if hasattr(network, "judged"):
            loss = loss + network.judged(coded.image).sum()
        loss.backward()
        learning = [(key, one) for key, one in network.named_parameters() if one.requires_grad]
        assert not [key for key, one in learning if one.grad is None or not bool(one.grad.any())]
        assert float(network.seen) == (3 if coded.kl is not None or coded.pull is not None else 0)

    def test_its_weights_travel(self, name: str, dimensions: int) -> None:
        network, other = built(name, dimensions).train(), built(name, dimensions)
        network.coded(pictures(dimensions))
        other.load_state_dict(network.state_dict())
        with torch.no_grad():
            assert torch.equal(network.eval()(pictures(dimensions)), other.eval()(pictures(dimensions)))


def at_their_ends() -> list[Any]:
    return [
        pytest.param(name, one.name, value, id=f"{name}-{one.name}-{value}")
        for name in CODERS
        for one in parameters(NETWORKS[name])
        for value in ends(one)
        if one.name != "dimensions"
    ]


@pytest.mark.parametrize(("name", "field", "value"), at_their_ends())
def test_an_autoencoder_at_an_end_of_a_parameter_keeps_its_shapes_or_refuses(name: str, field: str, value: Any) -> None:
    for dimensions in (2, 3):
        try:
            network = built(name, dimensions, "meta", **{field: value}).eval()
        except Refused as refusal:
            a_sentence(refusal)
            continue
        given = torch.empty(2, 1, *[network.size] * dimensions, device="meta")
        assert network(given).shape == given.shape
        assert tuple(network.encode(given).shape[1:]) == network.latent_shape


@pytest.mark.row("GEN-3")
def test_the_divergence_is_that_of_the_distributions() -> None:
    chance = torch.Generator().manual_seed(3)
    mean, spread = torch.randn(4, 5, generator=chance), torch.randn(4, 5, generator=chance)
    normal = Normal(mean, (0.5 * spread).exp())
    expected = kl_divergence(normal, Normal(torch.zeros(4, 5), torch.ones(4, 5))).sum(1)
    torch.testing.assert_close(divergence(mean, spread), expected)
    assert float(divergence(torch.zeros(1, 7), torch.zeros(1, 7))) == 0.0


def test_a_gradient_reaches_the_cloud_through_the_draw() -> None:
    mean, spread = torch.zeros(20000, 1, requires_grad=True), torch.full((20000, 1), -1.0, requires_grad=True)
    torch.manual_seed(0)
    code = drawn(mean, spread)
    assert float(code.detach().std()) == pytest.approx(0.6065, rel=0.02), "e to −½"
    code.square().mean().backward()
    assert spread.grad is not None
    assert float(spread.grad.sum()) == pytest.approx(0.3679, rel=0.05), "d/d ln σ² of σ² is σ²"


@pytest.mark.parametrize("kind", [Vae, KlAutoencoder])
def test_a_random_code_is_drawn_in_training_only(kind: Any) -> None:
    torch.manual_seed(0)
    network = kind(size=16, width=8, depth=1)
    given = pictures(2)
    assert not torch.equal(network.coded(given).code, network.coded(given).code)
    with torch.no_grad():
        coded = network.eval().coded(given)
    assert torch.equal(coded.code, coded.mean)
    assert coded.kl is not None and coded.kl.shape == (3,)


def book(network: Quantised) -> Tensor:
    entries: Tensor = network.book.embedding.weight
    return entries


def test_the_gradient_goes_straight_through_the_book() -> None:
    torch.manual_seed(0)
    network = VqVae(size=16, width=8, depth=1, entries=4, code=3)
    code = torch.randn(2, 3, 8, 8, requires_grad=True)
    entry, pull, index = network.book(code)
    assert index.shape == (2, 8, 8)
    assert not torch.allclose(entry, code)
    slope = torch.randn(entry.shape)
    (entry * slope).sum().backward()
    assert code.grad is not None
    torch.testing.assert_close(code.grad, slope, msg="as if there were no book")
    assert float(pull.detach()) > 0


def test_the_nearest_entry_is_taken_and_what_is_decoded_lies_in_the_book() -> None:
    network = VqVae(size=16, width=8, depth=1, entries=4, code=3).eval()
    code = torch.randn(2, 3, 8, 8)
    flat = code.movedim(1, -1).reshape(-1, 3)
    expected = torch.cdist(flat, book(network)).argmin(1)
    assert torch.equal(network.numbered(code).flatten(), expected)
    entries = network.encode(pictures(2)).movedim(1, -1).reshape(-1, 3)
    assert float(torch.cdist(entries, book(network)).min(1).values.max()) < 1e-2


def test_entries_without_use_are_put_where_codes_are() -> None:
    torch.manual_seed(0)
    network = VqVae(size=16, width=8, depth=1, entries=16, code=2).train()
    with torch.no_grad():
        book(network).fill_(100.0)
        network.book.ema_w.fill_(100.0)
        index = network.coded(pictures(2)).index
    assert index is not None
    assert len(index.unique()) > 4, "a book far from all codes would have one entry in use"


@pytest.mark.row("GEN-1")
def test_a_linear_autoencoder_reaches_the_error_of_pca_and_never_less() -> None:
    chance = torch.Generator().manual_seed(0)
    mixing = torch.randn(6, 64, generator=chance) * torch.tensor([3.0, 2.0, 1.5, 1.0, 0.7, 0.5])[:, None]
    given = (torch.randn(200, 6, generator=chance) @ mixing + 0.2 * torch.randn(200, 64, generator=chance)) / 8
    given = given.view(200, 1, 8, 8)
    known = components(given)
    for code in (1, 3):
        torch.manual_seed(0)
        network = Autoencoder(size=8, code=code, depth=0, linear=True)
        least = float((known.told(given, code) - given).square().mean())
        steps = torch.optim.Adam(network.parameters(), lr=0.02)
        seen = []
        for step in range(400):
            loss = (network(given) - given).square().mean()
            seen.append(float(loss.detach()))
            steps.zero_grad()
            loss.backward()
            steps.step()
            if step == 300:
                steps.param_groups[0]["lr"] = 0.002
        assert min(seen) >= least - 1e-7, "no linear map to so few numbers does better"
        assert seen[-1] < 1.01 * least, "and it is reached"


def test_components_are_those_of_the_singular_values() -> None:
    chance = torch.Generator().manual_seed(0)
    for shape in ((30, 1, 4, 4), (10, 1, 5, 5)):
        given = torch.randn(shape, generator=chance)
        known = components(given)
        flat = given.flatten(1) - given.flatten(1).mean(0)
        singular = torch.linalg.svdvals(flat)[: len(known.variance)]
        torch.testing.assert_close(known.variance, singular.square() / len(given), rtol=1e-4, atol=1e-5)
        assert known.explained(len(known.variance)) == pytest.approx(1.0, abs=1e-4)
        torch.testing.assert_close(known.told(given, len(known.variance)), given, rtol=1e-3, atol=1e-3)


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(Refused, match="cannot be halved"):
        Vae(size=20, depth=3)
    with pytest.raises(Refused, match="no activation"):
        Autoencoder(linear=True, bound="relu")
    with pytest.raises(Refused, match="million weights"):
        Autoencoder(dimensions=3, size=128)
    assert isinstance(Autoencoder(dimensions=3, size=16), nn.Module)
