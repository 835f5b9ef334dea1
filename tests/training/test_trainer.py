"""A network is taught: what is said, what is learnt, how much is done between two messages."""

import json
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from medviz.figures import Picture
from medviz.messages import Note, Progress, Scalar
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.segmentation import Segmentation
from medviz.training import checkpoints, run, trainer
from medviz.training.chance import seeded
from medviz.training.device import precision_of
from medviz.training.learner import Learner
from medviz.training.run import weights
from medviz.training.task import OPTIMISERS, SCHEDULES
from medviz.training.trainer import plan, train
from tests.training.toys import Clouds, Forger, Toy, best_digest, curve, taught

PHANTOMS = Segmentation(
    data=Settings("phantoms", (("cases", 16), ("size", 48), ("noise", 0.05))),
    network=Settings("unet", (("width", 8), ("depth", 3))),
    patch=48,
    epochs=20,
    batch=4,
    learning_rate=0.02,
    schedule="one-cycle",
    augment=0.0,
    validate_every=5,
    probe_every=40,
    device="cpu",
)


def test_loss_falls_and_dice_rises_on_phantoms(tmp_path: Path) -> None:
    said = list(train(PHANTOMS, tmp_path / "run"))
    losses = list(curve(said, "train/loss").values())
    assert len(losses) == 80
    assert sum(losses[-8:]) < 0.5 * sum(losses[:8])
    dice = list(curve(said, "validation/dice/mean").values())
    assert dice[-1] > 0.6
    assert dice[-1] > dice[0]
    kept, about = weights(tmp_path / "run")
    assert about["measures"]["validation/dice/mean"] == max(dice)
    assert about["classes"] == ["ball", "box", "shell"]
    assert kept["head.weight"].shape == (4, 8, 1, 1)
    pictures = [one for one in said if isinstance(one, Picture)]
    assert {one.name for one in pictures[:4]} == {f"probe 1 {what}" for what in PICTURES}
    assert len(pictures) == 3 * 3 * 4, "after the first step and every 40"


PICTURES = ("prediction", "reference", "error", "certainty")


@pytest.mark.parametrize("task", [Toy(), Toy(accumulation=3), Forger(), PHANTOMS], ids=str)
def test_one_step_is_one_message_at_most(task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, step = [0], Learner.step

    def counted(self: Learner, *given: Any) -> Any:
        steps.append(steps[-1] + 1)
        return step(self, *given)

    monkeypatch.setattr(Learner, "step", counted)
    before = 0
    for _ in train(replace(task, epochs=2), tmp_path / "run"):
        assert steps[-1] - before <= 1
        before = steps[-1]
    assert steps[-1] >= 4


def test_the_first_word_comes_before_the_data_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clouds, "__init__", lambda self: pytest.fail("the data were read"))
    work = train(Toy(), tmp_path / "run")
    assert next(work) == Progress(0, 0, "reading the data")
    work.close()
    assert not (tmp_path / "run").exists()


def test_every_message_is_plain(tmp_path: Path) -> None:
    for message in train(Toy(), tmp_path / "run"):
        if isinstance(message, Scalar):
            assert type(message.value) is float
            assert type(message.step) is int


def test_each_part_learns_from_its_own_loss_alone() -> None:
    task, device = Forger(), torch.device("cpu")
    learner = Learner(task, task.build(None), device, precision_of("32", device))
    taught_with: dict[str, list[torch.Tensor]] = {}
    for part, one in learner.optimisers.items():

        def remember(optimiser: Any, *_: Any, part: str = part) -> None:
            taught_with[part] = [weight.grad.clone() for weight in optimiser.param_groups[0]["params"]]

        one.register_step_pre_hook(remember)
    batches = [{"image": torch.randn(3, 4)}, {"image": torch.randn(3, 4)}]
    judge = list(learner.network.discriminator.parameters())  # type: ignore[union-attr, operator]
    seeded(device, task.seed, 5)
    wanted = [torch.zeros_like(weight) for weight in judge]
    for batch in batches:
        for part, loss in task.losses(learner.network, batch):
            if part == "discriminator":
                wanted = [w + g / 2 for w, g in zip(wanted, torch.autograd.grad(loss, judge), strict=True)]
    learner.step(batches, 5, 1.0)
    for found, meant in zip(taught_with["discriminator"], wanted, strict=True):
        assert torch.allclose(found, meant, atol=1e-7), "the generator's loss must not reach it"


def test_each_part_has_its_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SPEAK_S", 0.0)
    said = taught(Forger(epochs=12), tmp_path / "run")
    names = {one.name for one in said if isinstance(one, Scalar)}
    for part in ("generator", "discriminator"):
        assert len(curve(said, f"train/loss/{part}")) == 72
        assert f"train/gradient norm/{part}" in names


@pytest.mark.parametrize("name", OPTIMISERS.options)
def test_every_optimiser_learns(name: str, tmp_path: Path) -> None:
    rate = {"sgd": 0.3, "momentum": 0.05, "nesterov": 0.05, "adagrad": 0.1}.get(name, 0.01)
    losses = list(
        curve(taught(Toy(optimiser=name, learning_rate=rate, epochs=8), tmp_path / "run"), "train/loss").values()
    )
    assert sum(losses[-6:]) < 0.7 * sum(losses[:6])


@pytest.mark.parametrize("name", SCHEDULES.options)
def test_the_rate_follows_its_schedule(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SPEAK_S", 0.0)
    said = taught(Toy(schedule=name, epochs=10, wait=1, optimiser="sgd", learning_rate=0.5), tmp_path / "run")
    rates = list(curve(said, "train/learning rate").values())
    assert len(rates) == 60
    assert max(rates) <= 0.5
    if name in ("step", "cosine", "poly"):
        assert rates == sorted(rates, reverse=True)
        assert rates[0] == 0.5
        assert rates[-1] < 0.05
    elif name in ("warm-up", "one-cycle"):
        assert rates[0] < 0.05
        assert 0 < rates.index(max(rates)) < 10
        assert rates[-1] < 0.01
    elif name == "plateau":
        assert len(set(rates)) > 1
        assert all(b == a or b == pytest.approx(0.3 * a) for a, b in pairwise(rates))
    else:
        assert set(rates) == {0.5}


def test_it_ends_early_when_nothing_gets_better(tmp_path: Path) -> None:
    said = taught(Toy(patience=2, learning_rate=1e-6, momentum=0.0, epochs=500), tmp_path / "run")
    validations = list(curve(said, "validation/loss").values())
    assert len(validations) < 500
    assert min(validations) == validations[-3]
    assert "ended early after 2 validations without progress" in said[-1].text  # type: ignore[union-attr]
    again = taught(Toy(patience=2, learning_rate=1e-6, momentum=0.0, epochs=500), tmp_path / "run", resume=True)
    assert not curve(again, "train/loss"), "what has ended stays ended"


def test_steps_end_a_run_in_the_middle_of_an_epoch_and_are_measured(tmp_path: Path) -> None:
    said = taught(Toy(steps=9, validate_every=100), tmp_path / "run")
    assert list(curve(said, "train/loss")) == list(range(1, 10))
    assert list(curve(said, "validation/loss")) == [9]


def test_the_best_weights_are_kept_and_not_the_last(tmp_path: Path) -> None:
    said = taught(Toy(learning_rate=0.3, schedule="constant", epochs=12), tmp_path / "run")
    losses = curve(said, "validation/loss")
    best = min(losses, key=lambda step: losses[step])
    _, about = weights(tmp_path / "run")
    assert (about["step"], about["measures"]["validation/loss"]) == (best, losses[best])
    assert best < max(losses)
    state = checkpoints.read(tmp_path / "run" / "checkpoints" / "last.safetensors")
    assert checkpoints.weights_digest(state["learner"]["network"]) != best_digest(tmp_path / "run")


def test_the_running_mean_is_what_is_judged_and_kept(tmp_path: Path) -> None:
    taught(Toy(ema=0.9, epochs=1), tmp_path / "run")
    state = checkpoints.read(tmp_path / "run" / "checkpoints" / "last.safetensors")["learner"]
    digests = {name: checkpoints.weights_digest(state[name]) for name in ("network", "mean")}
    assert digests["mean"] != digests["network"]
    assert best_digest(tmp_path / "run") == digests["mean"]


def test_mixed_precision_learns_too(tmp_path: Path) -> None:
    said = taught(Toy(precision="bf16", epochs=8), tmp_path / "run")
    losses = list(curve(said, "train/loss").values())
    assert sum(losses[-6:]) < 0.7 * sum(losses[:6])
    assert any("bfloat16" in one.text for one in said if isinstance(one, Note))


def test_what_is_said_in_a_long_validation_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "FLUSH_S", 0.0)
    monkeypatch.setattr(run, "BEAT_S", 0.0)
    heard = 0
    for message in train(Toy(epochs=1), tmp_path / "run"):
        number = message.what.removeprefix("epoch 1 of 1, validation ") if isinstance(message, Progress) else ""
        if number in ("2 of 6", "3 of 6", "4 of 6", "5 of 6", "6 of 6"):
            log = (tmp_path / "run" / "events.jsonl").read_text()
            assert f"validation {int(number[0]) - 1} of 6" in log
            assert time.time() - run.status(tmp_path / "run")["time"] < 5
            heard += 1
    assert heard == 5


@pytest.mark.parametrize(("epochs", "rounds"), [(4, [1]), (10, [1, 25, 50]), (600, [1, *range(36, 3601, 36)])])
def test_pictures_come_a_hundred_times_a_run_at_most(epochs: int, rounds: list[int], tmp_path: Path) -> None:
    teaching = trainer.Teaching(Toy(epochs=epochs), run.Run(tmp_path / "run"))
    steps = range(1, teaching.total + 1)
    assert [step for step in steps if step == 1 or step % teaching.probe_every == 0] == rounds


def test_a_data_set_without_samples_is_refused(tmp_path: Path) -> None:
    class Nothing(Toy):
        def data_set(self) -> Any:
            return Clouds(0)

    with pytest.raises(Refused, match="no samples to learn from"):
        taught(Nothing(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_name_of_a_case_is_written_anywhere(tmp_path: Path) -> None:
    taught(Toy(epochs=2), tmp_path / "run")
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_file() or b"Jane Roe" not in path.read_bytes(), path.name


def test_what_a_run_was_made_of_is_written_down(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    taught(Toy(epochs=1), folder)
    data = json.loads((folder / "data.json").read_text())
    assert data["training samples"] == 24
    assert data["class shares"] == [0.5, 0.5]
    assert json.loads((folder / "environment.json").read_text())["torch"] == torch.__version__
    card = (folder / "MODEL_CARD.md").read_text()
    assert best_digest(folder) in card
    assert "not for diagnosis" in card
    assert list((folder / "tensorboard").iterdir())


def test_a_plan_costs_nothing_and_tells_what_training_will() -> None:
    before = torch.default_generator.get_state()
    told = plan(Toy())
    assert told["parameters"] == 4 * 16 + 16 + 2 * 16 + 16 * 2 + 2
    assert (told["steps"], told["steps_per_epoch"], told["training_samples"]) == (24, 6, 24)
    assert told["seconds"] == pytest.approx(24 * told["seconds_per_step"])
    assert 0 < told["memory_mib"] < 1
    assert torch.equal(before, torch.default_generator.get_state())


def test_a_run_can_begin_with_the_weights_of_another(tmp_path: Path) -> None:
    taught(Toy(epochs=4), tmp_path / "first")
    begun, _ = weights(tmp_path / "first")
    taught(Toy(epochs=1, learning_rate=1e-6, start=str(tmp_path / "first")), tmp_path / "second")
    went_on, _ = weights(tmp_path / "second")
    taught(Toy(epochs=1, learning_rate=1e-6), tmp_path / "anew")
    anew, _ = weights(tmp_path / "anew")
    name = next(key for key, value in begun.items() if value.is_floating_point() and value.ndim > 1)
    assert torch.allclose(went_on[name], begun[name], atol=1e-3)
    assert not torch.allclose(anew[name], begun[name], atol=1e-3)


def test_weights_of_no_run_or_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no run to begin with"):
        taught(Toy(start=str(tmp_path / "gone")), tmp_path / "run")
    taught(Forger(epochs=1), tmp_path / "forger")
    with pytest.raises(Refused, match="do not fit"):
        taught(Toy(start=str(tmp_path / "forger")), tmp_path / "run")
    assert not (tmp_path / "run").exists() or not any((tmp_path / "run").iterdir())
