"""A run is told things while it goes: from its own process, and from any other through its folder."""

import json
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import pytest
import torch.nn.functional as F

from medviz.figures import Gallery, Picture
from medviz.messages import Message, Note, Progress, Scalar, Work
from medviz.parameters import Live, Range
from medviz.refused import Refused
from medviz.training import beside, checkpoints, orders, trainer
from medviz.training.asked import Asked, answered, live
from medviz.training.orders import Order, Orders, layers, order
from medviz.training.run import attach, status
from medviz.training.task import Batch
from medviz.training.trainer import train
from tests.training.toys import Toy, curve, digest, step_of, taught


@dataclass(frozen=True)
class Weighted(Toy):
    """A toy with a weight that may be turned while it learns, and with shaken samples that may be shaken more."""

    weight: Annotated[float, Range(0.0, 10.0), Live(), "What the loss is multiplied with."] = 1.0
    shake: Annotated[float, Range(0.0, 10.0), Live(samples=True), "How much samples are shaken."] = 1.0

    def losses(self, network: Any, batch: Batch) -> Any:
        yield "", self.weight * F.cross_entropy(network(batch["image"]), batch["label"])

    def training(self, data: Any) -> Any:
        return replace(data, shake=self.shake)


def until(work: Work[Any], step: int, said: list[Message]) -> None:
    """Pull until a step was made."""
    while not (said and isinstance(said[-1], Scalar) and said[-1].step >= step):
        said.append(next(work))


def steps_in(messages: list[Message]) -> int:
    """How many steps these messages tell of."""
    return len({one.step for one in messages if isinstance(one, Scalar) and one.name == "train/loss"})


def next_note(work: Work[Any], words: str, most_steps: int = 1) -> list[Message]:
    """Pull until a note with these words comes; fails where it takes more than one step."""
    said: list[Message] = []
    while not (said and isinstance(said[-1], Note) and words in said[-1].text):
        said.append(next(work))
        assert steps_in(said) <= most_steps, said
    return said


def test_a_rate_is_turned_within_a_step_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SPEAK_S", 0.0)
    told, said = Orders(tmp_path / "run"), []
    work = train(Toy(schedule="constant"), tmp_path / "run", orders=told)
    until(work, 5, said)
    told.put("rate factor", 0.5)
    said += next_note(work, "Learning rate × 0.5 from the next step on")
    until(work, 9, said)
    work.close()
    rates = curve(said, "train/learning rate")
    assert {value for step, value in rates.items() if step <= 5} == {0.01}
    assert {value for step, value in rates.items() if step > 6} == {0.005}
    again = taught(Toy(schedule="constant"), tmp_path / "run", resume=True)
    assert set(curve(again, "train/learning rate").values()) == {0.005}
    assert any("As it was asked before: learning rate × 0.5" in one.text for one in again if isinstance(one, Note))
    lines = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    (record,) = [line for line in lines if line["message"] == "order"]
    assert (record["name"], record["value"]) == ("rate factor", 0.5)
    assert record["step"] in (5, 6)
    assert "learning rate × 0.5" in (tmp_path / "run" / "MODEL_CARD.md").read_text(), "the card tells it"


def test_a_run_whose_rate_was_turned_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    def turned(folder: Path, stop_at: int | None) -> None:
        told, said = Orders(folder), []
        work = train(Weighted(ema=0.9), folder, orders=told)
        until(work, 4, said)
        for name, value in (("rate", 0.3), ("weight", 2.0), ("shake", 3.0)):
            told.put(name, value)
        if stop_at is None:
            said += list(work)
        else:
            until(work, stop_at, said)
            work.close()
            taught(Weighted(ema=0.9), folder, resume=True)

    turned(tmp_path / "straight", None)
    for stop_at in (7, 13):
        turned(tmp_path / str(stop_at), stop_at)
        assert digest(tmp_path / str(stop_at)) == digest(tmp_path / "straight")
    taught(Weighted(ema=0.9), tmp_path / "plain")
    assert digest(tmp_path / "plain") != digest(tmp_path / "straight"), "the orders changed something"


def test_what_is_wanted_once_is_done_within_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, said = Orders(tmp_path / "run"), []
    work = train(Toy(epochs=40, probe_every=1000), tmp_path / "run", orders=told)
    until(work, 3, said)
    told.put("save")
    said += next_note(work, "Saved at step")
    assert step_of(tmp_path / "run") == said[-2].step if isinstance(said[-2], Scalar) else True
    assert step_of(tmp_path / "run") in (3, 4)
    told.put("preview")
    drawn: list[Message] = []
    while not any(isinstance(one, Picture) for one in drawn):
        drawn.append(next(work))
        assert steps_in(drawn) <= 1
    told.put("stop")
    rest = list(work)
    assert steps_in(rest) <= 1
    assert isinstance(rest[-1], Note)
    assert "Stopped at step" in rest[-1].text
    assert status(tmp_path / "run")["state"] == "stopped"
    assert not any(isinstance(one, Progress) and one.what == "paused" for one in [*said, *drawn, *rest])
    taught(Toy(epochs=40, probe_every=1000), tmp_path / "run", resume=True)
    taught(Toy(epochs=40, probe_every=1000), tmp_path / "straight")
    assert digest(tmp_path / "run") == digest(tmp_path / "straight"), "looking and saving changed nothing"


def test_a_paused_run_shows_that_it_lives_and_still_obeys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "PAUSE_S", 0.0)
    told, said = Orders(tmp_path / "run"), []
    work = train(Toy(), tmp_path / "run", orders=told)
    until(work, 3, said)
    told.put("pause")
    said += next_note(work, "Paused")
    still = [next(work) for _ in range(50)]
    assert {one.what for one in still if isinstance(one, Progress)} == {"paused"}
    assert not steps_in(still)
    told.put("save")
    next_note(work, "Saved at step", 0)
    told.put("resume")
    next_note(work, "Training goes on", 0)
    list(work)
    taught(Toy(), tmp_path / "straight")
    assert digest(tmp_path / "run") == digest(tmp_path / "straight")
    waits = [one for one in attach(tmp_path / "run") if isinstance(one, Progress) and one.what == "paused"]
    assert len(waits) == 1, "the log hears of a pause once, however long it is"


def test_a_pause_is_seen_from_outside_and_takes_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "PAUSE_S", 0.01)
    monkeypatch.setattr("medviz.training.run.BEAT_S", 0.0)
    told, said = Orders(tmp_path / "run"), []
    work = train(Toy(), tmp_path / "run", orders=told)
    until(work, 3, said)
    told.put("pause")
    for _ in range(40):
        next(work)
    assert status(tmp_path / "run")["state"] == "paused"
    told.put("resume")
    list(work)
    state = checkpoints.read(tmp_path / "run" / "checkpoints" / "last.safetensors")
    assert state["standing"]["seconds"] < 30


def test_another_process_tells_it_through_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr("medviz.training.run.BEAT_S", 0.0)
    said: list[Message] = []
    work = train(Toy(epochs=20), tmp_path / "run")
    until(work, 3, said)
    assert order(tmp_path / "run", "rate", "0.25") == 1
    assert order(tmp_path / "run", "save") == 2
    next_note(work, "Learning rate × 0.25")
    next_note(work, "Saved at step")
    for _ in range(8):
        next(work)
    assert status(tmp_path / "run")["answered"] == 2
    order(tmp_path / "run", "stop")
    list(work)
    assert status(tmp_path / "run")["state"] == "stopped"
    again = taught(Toy(epochs=20), tmp_path / "run", resume=True)
    assert status(tmp_path / "run")["state"] == "ended", "what an earlier session was told is not obeyed anew"
    assert steps_in(again) > 100


def test_the_file_is_looked_at_twice_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(Orders, "_fresh", lambda self: looks.append(1) or [])
    told = Orders(tmp_path)
    for _ in range(10_000):
        told.taken()
    assert len(looks) <= 2


def test_nobody_is_told_where_no_run_goes(tmp_path: Path) -> None:
    taught(Toy(epochs=1), tmp_path / "run")
    with pytest.raises(Refused, match=r"no run goes in it \(ended\)"):
        order(tmp_path / "run", "pause")
    with pytest.raises(Refused, match="no run goes in it"):
        order(tmp_path / "none", "pause")
    assert not (tmp_path / "none").exists()


def test_two_tell_at_once_and_both_are_heard(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"state": "training", "time": 1e12}')
    threads = [threading.Thread(target=order, args=(tmp_path, "save", number)) for number in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    told = json.loads((tmp_path / "control.json").read_text())["orders"]
    assert sorted(one["value"] for one in told) == list(range(12))
    assert [one["number"] for one in told] == list(range(1, 13))


@pytest.mark.parametrize("text", ["", "[]", '{"orders": 3}', '{"orders": [1, {"name": 2}, {"name": "x"}]}', '{"ord'])
def test_a_damaged_file_of_orders_is_as_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "control.json").write_text(text)
    told = Orders(tmp_path)
    assert told.answered == 0
    assert told.taken() == []


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("rate", 0, "no factor of the learning rate"),
        ("rate", "fast", "no factor of the learning rate"),
        ("weight", 99, "out of range"),
        ("batch", 2, "cannot be changed while the run goes"),
        ("wieght", 2, "did you mean weight"),
        ("layers", "7", "no such layer"),
        ("layers", 3.5, "no list of layers"),
    ],
)
def test_what_cannot_be_is_answered_with_a_warning(name: str, value: Any, fault: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        answered(Order(name, value), Asked(), Weighted(), ("0", "1"))
    assert fault in str(refusal.value)
    told, said = Orders(tmp_path / "run"), []
    told.put(name, value)
    work = train(Weighted(epochs=1), tmp_path / "run", orders=told)
    said = list(work)
    warned = [one for one in said if isinstance(one, Note) and one.level == "warning"]
    assert len(warned) == 1
    assert digest(tmp_path / "run"), "the run went on"


def test_the_fields_that_may_be_turned_are_those_marked_live() -> None:
    assert live(Weighted()) == ("clip", "validate_every", "patience", "probe_every", "weight", "shake")


def test_a_layer_is_looked_at_when_it_is_asked_for(tmp_path: Path) -> None:
    told, said = Orders(tmp_path / "run"), []
    work = train(Toy(probe_every=1000), tmp_path / "run", orders=told)
    until(work, 3, said)
    names = layers(tmp_path / "run")
    assert names == ("0", "1", "2", "3", "4")
    told.put("layers", ["2"])
    said += list(work)
    drawn = [one for one in said if not isinstance(one, Scalar | Progress | Note) and one.name == "layer 2"]
    assert len(drawn) == 1
    assert not isinstance(drawn[0], Gallery), "numbers, not maps"
    assert len(drawn[0].values) == 16  # type: ignore[union-attr]
