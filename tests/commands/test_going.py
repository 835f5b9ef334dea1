"""The window's own runs hear an order at once; others hear it through their folder."""

from pathlib import Path
from typing import Any

import pytest

from medviz.commands.services import services
from medviz.messages import Note, Scalar, Work, finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.segmentation import Segmentation
from medviz.training import orders
from medviz.training.run import status
from medviz.training.trainer import train

TASK = Segmentation(
    data=Settings("phantoms", (("cases", 4), ("size", 32))),
    network=Settings("unet", (("width", 4), ("depth", 2))),
    epochs=200,
    patch=16,
    loss="focal",
    device="cpu",
)


def until(work: Work[Any], step: int) -> None:
    while getattr(next(work), "step", 0) < step:
        pass


def answer(work: Work[Any], words: str) -> int:
    """Pull until a note with these words comes; return how many steps that took."""
    losses: set[int] = set()
    while True:
        message = next(work)
        if isinstance(message, Scalar) and message.name == "train/loss":
            losses.add(message.step)
        if isinstance(message, Note) and words in message.text:
            return len(losses)


def test_a_run_of_this_window_answers_within_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "LOOK_EVERY_S", 1e9)
    window = services()
    work = window.train(TASK, tmp_path / "run")
    until(work, 3)
    assert {"gamma", "augment", "clip"} <= set(window.teaching.live(TASK))
    window.teaching.order(tmp_path / "run", "gamma", 1.0)
    assert answer(work, "gamma: 2.0 → 1.0 from the next step on") <= 1
    layer = window.teaching.layers(tmp_path / "run")[0]
    window.teaching.order(tmp_path / "run", "layers", (layer,))
    drawn: list[str] = []
    while f"layer {layer}" not in drawn:
        message = next(work)
        drawn += [message.name] if hasattr(message, "title") else []
    work.close()
    assert not (tmp_path / "run" / "control.json").exists()
    with pytest.raises(Refused, match=r"no run goes in it \(stopped\)"):
        window.teaching.order(tmp_path / "run", "pause")
    again = window.resume(tmp_path / "run")
    assert answer(again, "As it was asked before: gamma = 1.0") == 0
    window.teaching.order(tmp_path / "run", "stop")
    assert answer(again, "Stopped at step") <= 1
    assert finished(again) == tmp_path / "run"


def test_a_run_of_another_window_answers_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "LOOK_EVERY_S", 0.0)
    work = train(TASK, tmp_path / "run")
    until(work, 3)
    services().teaching.order(tmp_path / "run", "stop")
    assert answer(work, "Stopped at step") <= 1
    finished(work)
    assert status(tmp_path / "run")["state"] == "stopped"
