"""A run that was interrupted is the run that was not, bit for bit."""

import dataclasses
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medviz.messages import Message, Note, Scalar
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.segmentation import Segmentation
from medviz.training import checkpoints, keeper
from medviz.training.orders import Orders
from medviz.training.run import attach
from medviz.training.trainer import train
from tests.training.toys import Forger, Toy, best_digest, curve, digest, step_of, taught

ROOT = Path(__file__).parents[2]
VARIANTS: dict[str, Any] = {
    "plain": Toy(),
    "running mean": Toy(ema=0.9),
    "accumulation": Toy(accumulation=2, batch=3),
    "plateau": Toy(schedule="plateau", wait=1, learning_rate=0.3),
    "one cycle, momentum": Toy(schedule="one-cycle", optimiser="nesterov"),
    "adagrad": Toy(optimiser="adagrad", clip=0.5),
    "rmsprop": Toy(optimiser="rmsprop"),
    "two parts": Forger(ema=0.5),
    "l1 and FGSM": Toy(l1=0.01, adversarial="fgsm", attack_strength=0.2, weight_decay=0.0),
    "PGD": Toy(adversarial="pgd", attack_steps=2, attack_share=1.0, optimiser="sgd"),
    "frozen, then not": Toy(freeze=("0", "1"), unfreeze=2, ema=0.9),
    "by steps": Toy(steps=11, validate_every=2),
    "segmentation": Segmentation(
        data=Settings("phantoms", (("cases", 4), ("size", 32))),
        network=Settings("unet", (("width", 4), ("depth", 2), ("norm", "batch"), ("dropout", 0.3))),
        epochs=3,
        patch=16,
        augment=1.0,
        device="cpu",
        precision="bf16",
        mixup=0.4,
        smoothing=0.1,
        balance=0.5,
        changes=("rotation", "mirror everywhere", "erasing", "low resolution"),
    ),
    "channels last": Segmentation(
        data=Settings("phantoms", (("cases", 4), ("size", 32))),
        network=Settings("unet", (("width", 4), ("depth", 2))),
        epochs=2,
        patch=16,
        device="cpu",
        channels_last="on",
        ema=0.5,
        optimiser="adamw",
    ),
}


def test_a_second_run_is_the_same_and_another_seed_is_not(tmp_path: Path) -> None:
    for name, task in (("one", Toy()), ("two", Toy()), ("other", Toy(seed=1))):
        taught(task, tmp_path / name)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert digest(tmp_path / "one") != digest(tmp_path / "other")


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_closed_anywhere_and_resumed_it_is_the_same(variant: str, tmp_path: Path) -> None:
    task = VARIANTS[variant]
    straight = taught(task, tmp_path / "straight")
    places = random.Random(variant)
    for attempt in range(200):
        work = train(task, tmp_path / "broken", resume=attempt > 0)
        asked = places.randrange(2, 22)
        session = [message for message, _ in zip(work, range(asked), strict=False)]
        work.close()
        if len(session) < asked:
            break
    assert attempt > 0, "it was interrupted"
    assert digest(tmp_path / "broken") == digest(tmp_path / "straight")
    assert best_digest(tmp_path / "broken") == best_digest(tmp_path / "straight")
    replayed = list(attach(tmp_path / "broken"))
    for name in ("train/loss", "validation/loss", "train/loss/generator"):
        assert curve(replayed, name) == curve(straight, name)


def test_stopped_at_any_step_it_saves(tmp_path: Path) -> None:
    total = len(taught(Toy(epochs=1), tmp_path / "whole"))
    for count in range(2, total):
        folder = tmp_path / str(count)
        work = train(Toy(epochs=1), folder)
        said = [next(work) for _ in range(count)]
        work.close()
        assert step_of(folder) == max([0, *(one.step for one in said if isinstance(one, Scalar))])
        assert checkpoints.read(folder / "checkpoints" / "last.safetensors")
        assert not list(folder.rglob("*.part"))


def test_the_collector_threads_and_generators_are_as_they_were(tmp_path: Path) -> None:
    import gc

    import numpy as np
    import torch

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    threads = torch.get_num_threads()
    work = train(Toy(), tmp_path / "run")
    for _ in range(30):
        next(work)
        assert gc.isenabled(), "between two steps the window may collect"
    work.close()
    assert gc.get_freeze_count() == 0
    assert torch.get_num_threads() == threads
    drawn = random.random(), np.random.random(), float(torch.rand(()))
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    assert drawn == (random.random(), np.random.random(), float(torch.rand(())))


def test_loader_processes_change_nothing(tmp_path: Path) -> None:
    task = Toy(epochs=2)
    taught(task, tmp_path / "alone")
    folder = tmp_path / "helped"
    helped = dataclasses.replace(task, workers=1)
    work = train(task, folder)
    while getattr(next(work), "step", 0) < 3:
        pass
    work.close()
    assert step_of(folder) == 3, "in the middle of an epoch"
    taught(helped, folder, resume=True)
    assert digest(folder) == digest(tmp_path / "alone")


CHILD = """
import sys, time
from pathlib import Path
from medviz.training import keeper
from tests.training.test_resume import KILLED, turned
keeper.SAVE_EVERY_S, keeper.SAVE_SHARE = 0.0, 1e9
folder, workers = Path(sys.argv[1]), int(sys.argv[2])
for message in turned(KILLED, folder, workers):
    print([name for name in sys.modules if name.startswith(("PySide6", "medviz.gui"))], flush=True)
    time.sleep(0.01)
"""
KILLED = Toy(epochs=12, ema=0.9, schedule="plateau", wait=1, patience=9, learning_rate=0.05)


def turned(task: Toy, folder: Path, workers: int = 0) -> Iterator[Message]:
    """Begin a run or go on with it, with so many loader processes; its rate is halved after the third step."""
    orders = Orders(folder)
    there = (folder / "task.toml").exists()
    for message in train(dataclasses.replace(task, workers=workers), folder, there, orders):
        if isinstance(message, Scalar) and message.name == "train/loss" and message.step == 3:
            orders.put("rate factor", 0.5)
        yield message


def test_killed_at_any_moment_with_any_loaders_and_resumed_it_is_the_same(tmp_path: Path) -> None:
    straight = list(turned(KILLED, tmp_path / "straight"))
    folder = tmp_path / "killed"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    steps, places = [], random.Random("places")
    for workers in (0, 1, 2):
        command = [sys.executable, "-c", CHILD, str(folder), str(workers)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(places.randrange(26, 40)):
                assert child.stdout.readline() == "[]\n", "a process that trains knows no window"
            child.send_signal(signal.SIGKILL)
        steps.append(step_of(folder))
    assert 3 < steps[0] < steps[1] < steps[2] < 72, "it was killed in the middle"
    list(turned(KILLED, folder))
    assert digest(folder) == digest(tmp_path / "straight")
    assert best_digest(folder) == best_digest(tmp_path / "straight")
    standing = [
        checkpoints.read(one / "checkpoints" / "last.safetensors")["standing"]
        for one in (folder, tmp_path / "straight")
    ]
    assert {**standing[0], "seconds": 0} == {**standing[1], "seconds": 0}, "rate, factor, early stopper"
    assert standing[0]["factor"] < 1, "the schedule had something to keep"
    replayed = list(attach(folder))
    for name in ("train/loss", "validation/loss"):
        assert curve(replayed, name) == curve(straight, name)
    losses = [one.step for one in replayed if isinstance(one, Scalar) and one.name == "train/loss"]
    assert losses == sorted(set(losses)), "what the killed process said too often is left out"


def test_killed_right_after_the_best_weights_were_kept_they_count_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Toy(epochs=6, schedule="plateau", wait=1, learning_rate=0.05)
    taught(task, tmp_path / "straight")
    monkeypatch.setattr(keeper, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(keeper, "SAVE_SHARE", 1e9)
    folder, kept, killed = tmp_path / "killed", tmp_path / "as it was", []

    def write(self: keeper.Keeper, *given: Any) -> None:
        written(self, *given)
        if given[2] is not None and not killed:
            killed.append(given[0].step)
            shutil.copytree(folder, kept)  # all that a kill would leave

    written = keeper.Keeper._write
    monkeypatch.setattr(keeper.Keeper, "_write", write)
    taught(task, folder)
    assert killed == [6]
    taught(task, kept, resume=True)
    for run in (folder, kept):
        assert digest(run) == digest(tmp_path / "straight")


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    taught(Toy(), folder)
    last = folder / "checkpoints" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:-7])
    said = taught(Toy(), folder, resume=True)
    assert any(isinstance(one, Note) and "last.safetensors" in one.text for one in said)
    last.write_bytes(b"")
    (folder / "checkpoints" / "prev.safetensors").write_bytes(b"nothing")
    with pytest.raises(Refused, match="no checkpoint of the run can be read"):
        taught(Toy(), folder, resume=True)


def test_more_epochs_may_be_asked_of_a_run_that_ended(tmp_path: Path) -> None:
    taught(Toy(epochs=1), tmp_path / "run")
    said = taught(Toy(epochs=2, learning_rate=1e-3), tmp_path / "run", resume=True)
    assert step_of(tmp_path / "run") == 12
    assert any(isinstance(one, Note) and "epochs, learning_rate" in one.text for one in said)


def test_a_run_of_a_version_without_some_fields_goes_on(tmp_path: Path) -> None:
    last = tmp_path / "run" / "checkpoints" / "last.safetensors"
    taught(Toy(epochs=1), tmp_path / "run")
    tree = checkpoints.read(last)
    for name in ("l1", "adversarial", "channels_last", "freeze"):
        del tree["task"][name]
    checkpoints.write(last, tree)
    with pytest.raises(Refused, match="begun with another l1"):
        taught(Toy(epochs=2, l1=0.1), tmp_path / "run", resume=True)
    said = taught(Toy(epochs=2), tmp_path / "run", resume=True)
    assert step_of(tmp_path / "run") == 12
    assert any(isinstance(one, Note) and one.text == "Changed since it was begun: epochs" for one in said)


def test_another_task_is_refused_and_the_run_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    taught(Toy(epochs=1), folder)
    before = {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "tensorboard" not in str(path)
    }
    with pytest.raises(Refused, match="begun with another batch, seed"):
        taught(Toy(epochs=1, batch=3, seed=5), folder, resume=True)
    with pytest.raises(Refused, match="there is a run in it already"):
        taught(Toy(epochs=1), folder)
    assert before == {path: path.read_bytes() for path in before}


def test_there_must_be_a_run_to_resume(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no run in it"):
        taught(Toy(), tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


def test_two_cannot_train_in_one_folder(tmp_path: Path) -> None:
    work = train(Toy(), tmp_path / "run")
    for _ in range(4):
        next(work)
    with pytest.raises(Refused, match="another process is training in it"):
        taught(Toy(), tmp_path / "run", resume=True)
    work.close()
    taught(Toy(), tmp_path / "run", resume=True)
