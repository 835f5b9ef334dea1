"""Pictures squeezed into few numbers and told again: learnt, measured beside PCA, drawn, and made anew."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medviz.data.digits import Digits
from medviz.data.phantoms import Phantoms
from medviz.figures import Curves, Gallery, Points
from medviz.messages import Note, Progress, Scalar, finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.autoencoding import Autoencoding, rarity
from medviz.tasks.coding_made import CodeWishes, line
from medviz.tasks.coding_measured import active_fraction, active_units, used
from medviz.training.making import Wishes
from medviz.training.run import weights
from medviz.training.sampling import Whole
from medviz.training.trainer import train
from tests.training.toys import digest, taught

CPU = torch.device("cpu")
PHANTOMS = Settings("phantoms", (("cases", 4), ("size", 16)))
DIGITS = Settings("digits", (("held_out", 0.1),))
SHORT = Autoencoding(data=PHANTOMS, side=16, epochs=2, batch=2, device="cpu", augment=0.5)
KINDS: dict[str, Autoencoding] = {
    "deep and sparse": replace(
        SHORT, sparsity="kl", network=Settings("autoencoder", (("width", 16), ("depth", 3), ("bound", "sigmoid")))
    ),
    "denoising": replace(SHORT, noise=0.5, network=Settings("conv_autoencoder", (("width", 4), ("depth", 1)))),
    "VAE": replace(SHORT, beta_rise=20, ema=0.5, network=Settings("vae", (("width", 4), ("depth", 1), ("code", 2)))),
    "VQ-VAE": replace(SHORT, network=Settings("vq_vae", (("width", 4), ("depth", 1), ("entries", 8)))),
    "VQ-GAN": replace(
        SHORT,
        judge_from=3,
        network=Settings("vq_gan", (("width", 4), ("depth", 1), ("entries", 8), ("judge_width", 4))),
    ),
}
SPATIAL = replace(SHORT, network=Settings("kl_autoencoder", (("width", 8), ("depth", 1))))


@pytest.mark.parametrize("kind", list(KINDS))
def test_broken_off_and_resumed_it_is_the_same_run(kind: str, tmp_path: Path) -> None:
    task = KINDS[kind]
    taught(task, tmp_path / "straight")
    for attempt in range(60):
        work = train(task, tmp_path / "broken", resume=attempt > 0)
        asked = 5 + 7 * attempt % 11
        session = [message for message, _ in zip(work, range(asked), strict=False)]
        work.close()
        if len(session) < asked:
            break
    assert attempt > 0, "it was interrupted"
    assert digest(tmp_path / "broken") == digest(tmp_path / "straight")


DENSE = Autoencoding(
    data=DIGITS, side=8, augment=0.0, epochs=3, batch=64, device="cpu", learning_rate=1e-2, validate_every=3,
    network=Settings("autoencoder", (("code", 8), ("width", 64))),
)  # fmt: skip


def kept(task: Autoencoding, folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Train; return the network with its best weights, and what was measured of it."""
    finished(train(task, folder))
    found, about = weights(folder)
    network = task.build(task.data_set())
    network.load_state_dict(found)
    return network.eval(), dict(about["measures"])


def held(task: Autoencoding, name: str = "image") -> Tensor:
    samples = task.validation(task.data_set())
    return torch.stack([samples[number][name] for number in range(len(samples))])


def test_a_dense_one_learns_digits_and_says_how_good_pca_is(tmp_path: Path) -> None:
    network, measured = kept(DENSE, tmp_path / "run")
    pixels = held(DENSE)
    with torch.no_grad():
        error = float((network(pixels) - pixels).square().mean())
    assert measured["validation/MSE"] == pytest.approx(error, rel=1e-3)
    assert measured["validation/loss"] == pytest.approx(error, rel=1e-3)
    assert error < 0.5 * float(pixels.var(0).mean()), "far better than the mean picture"
    training = DENSE.training(Digits(held_out=0.1))
    flat = torch.stack([training[number]["image"] for number in range(len(training))]).flatten(1)
    axes = torch.linalg.svd(flat - flat.mean(0), full_matrices=False).Vh[:8]
    told = (pixels.flatten(1) - flat.mean(0)) @ axes.T @ axes + flat.mean(0)
    assert measured["validation/PCA/MSE"] == pytest.approx(float((told - pixels.flatten(1)).square().mean()), rel=0.03)
    rows = finished(
        DENSE.evaluated(network, Whole(DENSE.probes(Digits(held_out=0.1)), CPU), Digits(held_out=0.1), "validation")
    )
    assert len(rows) == 6 and set(rows[0]) >= {"PSNR (dB)", "SSIM", "PCA/PSNR (dB)"}


@pytest.mark.row("GEN-2")
def test_a_denoising_one_is_given_another_picture_than_is_meant_and_takes_noise_away(tmp_path: Path) -> None:
    task = replace(DENSE, noise=0.6, network=Settings("autoencoder", (("code", 12), ("width", 64))))
    first = task.training(Digits(held_out=0.1)).drawn(0, np.random.default_rng(1))
    assert float((first["image"] - first["target"]).std()) == pytest.approx(0.6, rel=0.3)
    again = task.validation(Digits(held_out=0.1))
    assert torch.equal(again[3]["image"], again[3]["image"]), "what is measured is the same each time"
    assert not torch.equal(again[3]["image"] - again[3]["target"], again[4]["image"] - again[4]["target"])
    _, measured = kept(task, tmp_path / "run")
    assert measured["validation/PSNR (dB)"] > measured["validation/input/PSNR (dB)"] + 2


@pytest.mark.row("GEN-2")
def test_sparsity_lowers_the_active_fraction(tmp_path: Path) -> None:
    plain = replace(DENSE, network=Settings("autoencoder", (("code", 32), ("width", 64), ("bound", "relu"))))
    _, dense = kept(plain, tmp_path / "dense")
    _, sparse = kept(replace(plain, sparsity="l1", sparsity_weight=0.1), tmp_path / "sparse")
    name = "validation/active fraction (%)"
    assert sparse[name] < 0.7 * dense[name]


@pytest.mark.parametrize(("beta", "collapses"), [(1000.0, True), (1.0, False)])
def test_a_code_that_says_nothing_gets_its_hint(beta: float, collapses: bool, tmp_path: Path) -> None:
    task = replace(DENSE, beta=beta, epochs=4, validate_every=1, batch=128,
                   network=Settings("vae", (("code", 2), ("depth", 1), ("width", 4))))  # fmt: skip
    said = taught(task, tmp_path / "run")
    notes = [one.text for one in said if isinstance(one, Note) and one.level == "hint"]
    assert any("posterior collapse" in one for one in notes) == collapses
    last = {one.name: one.value for one in said if isinstance(one, Scalar)}
    assert (last["validation/active units (%)"] == 0) == collapses
    assert (last["validation/KL (nats)"] < 0.05) == collapses
    assert "train/loss/KL" in last and "train/loss/reconstruction" in last


def test_beta_rises_over_so_many_pictures() -> None:
    task = KINDS["VAE"]
    network = task.build(task.data_set()).train()
    batch = {"image": torch.zeros(4, 1, 16, 16)}
    shares = []
    for _ in range(7):
        torch.manual_seed(0)
        [(_, terms)] = list(task.losses(network, batch))
        torch.manual_seed(0)
        [(_, whole)] = list(replace(task, beta_rise=0).losses(network, batch))
        network.seen -= 4
        shares.append(float((terms["KL"] / whole["KL"]).detach()))
    np.testing.assert_allclose(shares, [0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0], rtol=1e-5)


def test_the_judge_is_heard_after_so_many_pictures_and_learns_from_the_first() -> None:
    task = KINDS["VQ-GAN"]
    network = task.build(task.data_set()).train()
    batch = {"image": torch.rand(2, 1, 16, 16)}
    heard = []
    for _ in range(3):
        (first, terms), (second, loss) = list(task.losses(network, batch))
        assert (first, second) == ("generator", "discriminator") == task.PARTS
        heard.append(float(terms["judge"].detach()) != 0)
        assert float(loss.detach()) > 0
    assert heard == [False, True, True], "from the third picture on"
    assert task.rate("discriminator") == task.judge_rate != task.rate("generator")


@pytest.mark.parametrize(("kind", "dimensions"), [("VAE", 2), ("VQ-VAE", 2), ("spatial", 3), ("denoising", 2)])
def test_it_draws_pictures_told_again_their_errors_and_the_codes(kind: str, dimensions: int) -> None:
    task = replace(KINDS.get(kind, SPATIAL), dimensions=dimensions)
    data = task.data_set()
    network = task.build(data).eval()
    probes = Whole(task.probes(data), CPU)
    with torch.no_grad():
        found = {one.name: one for one in task.figures(network, probes, data)}
        again = {one.name: one for one in task.figures(network, probes, data)}
    told, errors, codes = found["reconstructions"], found["errors"], found["latent map"]
    rows = 4 if task.noise else 3
    assert isinstance(told, Gallery) and isinstance(errors, Gallery) and isinstance(codes, Points)
    assert told.tiles.shape == (rows * len(probes), 16, 16)
    count = len(probes)
    np.testing.assert_allclose(errors.tiles[:count], told.tiles[-2 * count : -count] - told.tiles[:count], atol=1e-5)
    assert told.title.startswith("original / ") and " dB / PCA " in told.title
    assert np.isfinite(codes.at).all()
    if kind == "VQ-VAE":
        assert "perplexity" in found["book"].title
    else:
        assert isinstance(found["code"], Curves)
    assert ("samples" in found) == (kind in ("VAE", "spatial"))
    if "samples" in found:
        np.testing.assert_array_equal(found["samples"].tiles, again["samples"].tiles)


def test_codes_of_classes_have_their_names() -> None:
    task = replace(DENSE, network=Settings("vae", (("code", 2), ("depth", 1), ("width", 4))))
    data = task.data_set()
    with torch.no_grad():
        found = {one.name: one for one in task.figures(task.build(data).eval(), [], data)}
    codes = found["latent map"]
    assert isinstance(codes, Points) and codes.groups is not None
    assert set(codes.groups) == set(range(10)) and codes.group_names == tuple("0123456789")


def test_the_same_wishes_make_the_same_pictures() -> None:
    task = KINDS["VAE"]
    data = task.data_set()
    network = task.build(data).eval()
    assert isinstance(task.wishes(data), CodeWishes)

    def made(**wishes: Any) -> list[np.ndarray[Any, Any]]:
        with torch.no_grad():
            said: list[Any] = []
            found = finished(task.made(network, data, CodeWishes(**wishes)), said.append)
        assert [one.done for one in said if isinstance(one, Progress)][-1] == len(found)
        return [one.image for one in found]

    first = made(count=9, seed=3)
    assert len(first) == 9 and first[0].shape == (1, 16, 16) and abs(first[0]).max() <= 1
    np.testing.assert_array_equal(first, made(count=9, seed=3))
    assert not np.array_equal(first, made(count=9, seed=4))
    walk = made(count=5, seed=1, how="walk")
    assert len({one.tobytes() for one in walk}) == 5
    between = made(count=3, how="between", first=1, last=2)
    with torch.no_grad():
        pixels = held(task)[:1]
        np.testing.assert_allclose(between[0], network(pixels)[0].clamp(-1, 1), atol=1e-5)
    np.testing.assert_allclose(line(torch.zeros(2), torch.ones(2), 3), [[0, 0], [0.5, 0.5], [1, 1]])


def test_what_has_no_prior_makes_nothing() -> None:
    task = KINDS["VQ-VAE"]
    data = task.data_set()
    assert task.wishes(data) is None
    with pytest.raises(Refused, match="no prior"):
        next(task.made(task.build(data), data, Wishes()))


def test_sparsity_that_does_not_fit_the_code_is_refused() -> None:
    data = Phantoms(cases=4, size=16)
    with pytest.raises(Refused, match="between 0 and 1"):
        replace(KINDS["deep and sparse"], network=Settings("autoencoder")).build(data)
    with pytest.raises(Refused, match="code of another kind"):
        replace(KINDS["VAE"], sparsity="l1").build(data)
    with pytest.raises(Refused, match="2-D"):
        replace(DENSE, dimensions=3).data_set()


def test_rarity_is_the_divergence_of_bernoulli_distributions() -> None:
    code = torch.rand(50, 4, generator=torch.Generator().manual_seed(0))
    meant, seen = torch.full((4,), 0.05), code.mean(0)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Bernoulli(meant), torch.distributions.Bernoulli(seen)
    )
    torch.testing.assert_close(rarity(code, 0.05), expected.mean())


def test_what_a_code_carries_is_counted() -> None:
    codes = torch.zeros(100, 4)
    codes[:, 1] = torch.linspace(-1, 1, 100)
    codes[:, 2] = 5.0
    assert active_units(codes) == 0.25, "one varies; a constant says nothing"
    assert active_fraction(torch.tensor([[0.0, 0.0, 0.0, 1.0]])) == 0.25
    assert active_fraction(torch.zeros(2, 2)) == 0.0
    even = used(torch.full((16,), 3.0))
    assert even["validation/perplexity (entries)"] == pytest.approx(16)
    lonely = used(torch.tensor([7.0, 0, 0, 0]))
    assert lonely["validation/perplexity (entries)"] == pytest.approx(1)
    assert lonely["validation/entries used (%)"] == 25
