"""Diffusion as a task: learnt, measured, drawn, resumed, wished of, and used by others through its run."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from medviz.data.checking.checked import checked
from medviz.data.digits import Digits
from medviz.data.phantoms import Phantoms
from medviz.figures import Curves, Gallery
from medviz.messages import Message, Progress, Scalar, finished
from medviz.networks.kl_autoencoder import KlAutoencoder
from medviz.parameters import Settings, built, parameters, plain
from medviz.refused import Refused
from medviz.tasks.diffusion import Diffusion
from medviz.training.evaluating import best_network
from medviz.training.run import weights
from medviz.training.sampling import Whole
from medviz.training.trainer import train
from medviz.training.using.denoiser import denoiser_in
from medviz.training.using.diffused import EVERY
from medviz.training.using.latent import Latent
from tests.training.toys import best_digest, digest

CPU = torch.device("cpu")
DIGITS = Settings("digits")
PHANTOMS = Settings("phantoms", (("cases", 4), ("size", 32)))
SMALL = Settings("diffusion_unet", (("width", 8), ("depth", 2)))
TASK = Diffusion(
    data=DIGITS, network=SMALL, side=8, batch=4, steps=6, noise_steps=12, held_out=4, device="cpu", probe_every=4,
    validate_every=3, judged=0,
)  # fmt: skip
CLASSED = replace(TASK, condition="class")
WORDED = replace(TASK, data=Settings("captioned", (("cases", 40),)), condition="text", side=16)


def run_of(task: Diffusion, folder: Path) -> tuple[Path, list[Message]]:
    said: list[Message] = []
    return finished(train(task, folder), said.append), said


def wished(task: Diffusion, data: Any, **turned: Any) -> Any:
    wishes: Any = task.wishes(data)
    return replace(wishes, **turned)


def autoencoder(folder: Path, **turned: Any) -> str:
    """Write the run of an autoencoder that nobody has taught."""
    torch.manual_seed(0)
    settings = {"dimensions": 2, "size": 8, "code": 2, "depth": 1, "width": 8, **turned}
    network = KlAutoencoder(**settings)
    from medviz.training import checkpoints

    about = {
        "task": "autoencoding",
        "network": {"name": "kl_autoencoder", **settings},
        "pictures": {"dimensions": settings["dimensions"], "side": settings["size"], "channels": 1},
    }
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(about))
    checkpoints.write_weights(folder / "checkpoints" / "best.safetensors", network.state_dict(), about)
    return str(folder)


def test_it_learns_and_its_samples_are_nearer_to_the_data_than_noise_is(tmp_path: Path) -> None:
    task = replace(
        TASK, noise_steps=40, steps=80, learning_rate=5e-3, batch=16, ema=0.9, prediction="velocity",
        noising="cosine", probe_every=10_000,
    )  # fmt: skip
    folder, said = run_of(task, tmp_path / "run")
    losses = [one.value for one in said if isinstance(one, Scalar) and one.name == "validation/loss"]
    assert losses[-1] < 0.5, "near 1 is who tells nothing"
    data = task.data_set()
    samples_known = task.training(data)
    learnt = torch.stack([samples_known[place]["image"] for place in range(len(samples_known))])
    made = finished(task.made(best_network(folder, task, data), data, wished(task, data, count=8)))
    samples = torch.from_numpy(np.stack([one.image for one in made]))
    noise = torch.randn(samples.shape, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)

    def apart(images: torch.Tensor) -> float:
        return float(torch.cdist(images.flatten(1), learnt.flatten(1)).amin(1).mean())

    assert apart(samples) < 0.6 * apart(noise)
    assert samples.abs().max() <= 1


@pytest.mark.parametrize("task", [replace(TASK, data=PHANTOMS, dimensions=3), WORDED], ids=["3-D", "text"])
def test_it_is_measured_by_time_and_drawn_from_always_the_same_noise(task: Diffusion, tmp_path: Path) -> None:
    _, said = run_of(task, tmp_path / "run")
    names = {one.name for one in said if isinstance(one, Scalar)}
    assert {"validation/loss", "validation/loss/t 1–3", "validation/loss/t 10–12"} <= names
    figures = {one.name: one for one in said if isinstance(one, Gallery | Curves)}
    assert {"samples", "trajectory", "guesses", "loss by t"} <= set(figures)
    trajectory = figures["trajectory"]
    assert isinstance(trajectory, Gallery)
    assert trajectory.titles[0] == "12"
    assert len(trajectory.tiles) == 2 * (trajectory.columns or 0)


class Silent(nn.Module):
    """Tells no noise at all."""

    def forward(self, x: torch.Tensor, t: torch.Tensor, **asked: Any) -> torch.Tensor:
        return torch.zeros_like(x)


def test_who_tells_no_noise_has_a_loss_of_one_and_is_measured_alike_twice() -> None:
    data = Digits()
    task = replace(TASK, held_out=20)
    batches = Whole(task.validation(data), CPU)
    assert len(batches) == 20
    with torch.no_grad():
        one, two = (finished(task.measures(Silent(), batches, data)) for _ in range(2))
    assert one == two
    assert one["validation/loss"] == pytest.approx(1.0, abs=0.1)
    assert TASK.chance(data) == 1.0
    assert replace(TASK, prediction="velocity").chance(data) is None


@pytest.mark.parametrize("variant", ["class", "latent"])
def test_stopped_anywhere_and_resumed_it_is_the_same(variant: str, tmp_path: Path) -> None:
    latent = replace(TASK, autoencoder=autoencoder(tmp_path / "coder"), prediction="velocity", noising="cosine")
    task = {"class": CLASSED, "latent": latent}[variant]
    finished(train(task, tmp_path / "straight"))
    for attempt, asked in enumerate((9, 14, 10_000)):
        work = train(task, tmp_path / "broken", resume=attempt > 0)
        for _, _ in zip(work, range(asked), strict=False):
            pass
        work.close()
    assert digest(tmp_path / "broken") == digest(tmp_path / "straight")
    assert best_digest(tmp_path / "broken") == best_digest(tmp_path / "straight")


def test_a_run_says_all_that_sampling_needs(tmp_path: Path) -> None:
    for number, task in enumerate((replace(CLASSED, steps=2), replace(WORDED, steps=2, prediction="velocity"))):
        folder, _ = run_of(task, tmp_path / str(number))
        data = task.data_set()
        mine, theirs = task.denoiser(best_network(folder, task, data), data), denoiser_in(folder)
        x, t = torch.randn((2, 1, task.side, task.side)), torch.tensor([3, 10])
        asked = {"kinds": [1, 2]} if theirs.kinds else {"texts": ["a large ball", "a dark box"]}
        with torch.no_grad():
            torch.testing.assert_close(mine.telling(**asked)(x, t), theirs.telling(**asked)(x, t))
        np.testing.assert_array_equal(mine.schedule.beta, theirs.schedule.beta)
        assert mine.prediction == theirs.prediction
        assert built(Diffusion, plain(task)) == task


def test_codes_are_scaled_and_the_autoencoder_stays_as_it_was(tmp_path: Path) -> None:
    task = replace(TASK, autoencoder=autoencoder(tmp_path / "coder"), steps=3)
    data = task.data_set()
    made = task.build(data)
    assert isinstance(made, Latent)
    codes = made.encode(torch.stack([task.training(data)[place]["image"] for place in range(8)]))
    assert codes.shape == (8, 2, 4, 4)
    assert float(codes.mean()) == pytest.approx(0, abs=0.5)
    assert float(codes.std()) == pytest.approx(1, abs=0.4)
    made.train()
    assert made.denoiser.training
    assert not made.autoencoder.training
    folder, _ = run_of(task, tmp_path / "run")
    before, _ = weights(tmp_path / "coder")
    after, _ = weights(folder)
    assert all(torch.equal(one, after[f"autoencoder.{name}"]) for name, one in before.items())
    images = finished(task.made(best_network(folder, task, data), data, wished(task, data, count=2)))
    assert images[0].image.shape == (1, 8, 8)
    for path in sorted((tmp_path / "coder").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    assert denoiser_in(folder).latent, "the run holds all that it needs"


def test_the_same_wishes_make_the_same_samples_and_more_of_them_go_on() -> None:
    data = Digits()
    network: Any = CLASSED.build(data).eval()
    nn.init.normal_(network.unet.out[2].conv.weight, std=0.2)
    wishes = wished(CLASSED, data)
    assert {"count", "seed", "sampler", "steps", "eta", "kind", "guidance"} <= {one.name for one in parameters(wishes)}
    three, again = (finished(CLASSED.made(network, data, wished(CLASSED, data, count=3, steps=4))) for _ in range(2))
    said: list[Message] = []
    many = finished(CLASSED.made(network, data, wished(CLASSED, data, count=5, steps=4)), said.append)
    for one, two, other in zip(three, again, many, strict=False):
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_allclose(one.image, other.image, atol=1e-5)
    assert [one.kind for one in many] == [0, 1, 2, 3, 4]
    assert [one for one in said if isinstance(one, Progress)][-1].total == 5
    sevens = finished(CLASSED.made(network, data, wished(CLASSED, data, count=2, steps=2, kind="7", seed=1)))
    assert [one.kind for one in sevens] == [7, 7]
    assert wishes.kind == EVERY
    with pytest.raises(Refused):
        parameters(wishes)[-2].checked("eleven")


def test_what_is_asked_for_is_kept_back_now_and_then() -> None:
    batch = {"kind": torch.arange(10).repeat(100), "image": torch.zeros((1000, 1, 8, 8))}

    class Ten:
        kinds = 10

    torch.manual_seed(0)
    kept = replace(CLASSED, drop=0.3)._kept_back(Ten(), batch)["kind"]
    assert float((kept == 10).float().mean()) == pytest.approx(0.3, abs=0.05)
    assert torch.equal(kept[kept < 10], batch["kind"][kept < 10])


def test_it_proposes_what_gets_far_in_a_short_run() -> None:
    report = finished(checked(PHANTOMS, "diffusion"))
    turned, lines = Diffusion(data=PHANTOMS).proposed(report.fingerprint)
    assert (turned.prediction, turned.noising) == ("velocity", "cosine")
    assert turned.side <= 64
    assert len(lines) == 2


def test_what_cannot_be_asked_for_or_learnt_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no classes"):
        replace(TASK, data=PHANTOMS, condition="class").build(Phantoms(cases=4, size=32))
    with pytest.raises(Refused, match="no texts"):
        replace(CLASSED, condition="text").build(Digits())
    with pytest.raises(Refused, match="no such folder"):
        replace(TASK, autoencoder=str(tmp_path / "nowhere")).build(Digits())
    solid = autoencoder(tmp_path / "solid", dimensions=3)
    with pytest.raises(Refused, match="3-D"):
        replace(TASK, autoencoder=solid).build(Digits())
    flat = autoencoder(tmp_path / "flat")
    with pytest.raises(Refused, match="2 times smaller"):
        replace(TASK, autoencoder=flat, side=9).build(Digits())
    with pytest.raises(Refused, match="not taught to denoise"):
        denoiser_in(flat)
