"""Another terminal steers a run: it is told something, answers, and the answer is printed."""

import threading
from pathlib import Path

import pytest

from medviz.commands.telling import told
from medviz.messages import Scalar
from medviz.refused import Refused
from medviz.training import beside, orders, run
from medviz.training.run import status
from medviz.training.trainer import train
from tests.training.toys import Toy


def test_a_run_is_told_from_another_terminal_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(run, "FLUSH_S", 0.0)
    monkeypatch.setattr(beside, "PAUSE_S", 0.01)
    folder, going, answers = tmp_path / "run", threading.Event(), []

    def other_terminal() -> None:
        going.wait(60)
        for text in ("pause", "rate=0.5", "rate=fast", "nonsense", "save", "stop"):
            answers.append(told(folder, text).text.removeprefix(f"{folder}: "))

    terminal = threading.Thread(target=other_terminal)
    terminal.start()
    for message in train(Toy(epochs=2000), folder):
        if isinstance(message, Scalar) and message.step == 3:
            going.set()
    terminal.join(60)
    assert answers[0] == "done: pause"
    assert "Learning rate × 0.5" in answers[1]
    assert "no factor of the learning rate" in answers[2]
    assert "there is no such parameter" in answers[3]
    assert answers[4:] == ["done: save", "done: stop"]
    assert status(folder)["state"] == "stopped"
    with pytest.raises(Refused, match="no run goes in it"):
        told(folder, "pause")


def test_an_answer_that_does_not_come_is_said(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"state": "training", "time": 1e12}')
    (tmp_path / "events.jsonl").write_text("")
    assert "has not answered yet" in told(tmp_path, "save", wait_s=0.0).text
