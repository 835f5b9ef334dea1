"""The folder of a run: what was said is said again, what was set is set again."""

import json
import os
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medviz.figures import Picture, array_of
from medviz.messages import Message, Note, Progress, Scalar
from medviz.parameters import Settings, changed, parameters
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.tasks.segmentation import Segmentation
from medviz.training import run
from medviz.training.run import Run, attach, load_task, recipe, runs, status, weights
from medviz.training.trainer import train
from tests.standard import ends
from tests.training.toys import Toy, curve, taught


def same(one: Message, other: Message) -> bool:
    if isinstance(one, Scalar | Progress | Note):
        return one == other
    if type(one) is not type(other):
        return False
    for field in fields(one):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            if mine.dtype != theirs.dtype or not np.array_equal(mine, theirs):
                return False
        elif mine != theirs:
            return False
    return True


def test_attach_says_what_train_said(tmp_path: Path) -> None:
    said = taught(Toy(probe_every=5), tmp_path / "run")
    again = list(attach(tmp_path / "run"))
    assert len(said) == len(again)
    assert all(same(one, other) for one, other in zip(said, again, strict=True))
    assert sum(isinstance(one, Picture) for one in again) == 5


def test_attach_follows_a_run_that_grows(tmp_path: Path) -> None:
    work, said = train(Toy(), tmp_path / "run"), []
    for _ in range(4):
        said.append(next(work))
    with pytest.raises(Refused, match="no run in it"):
        next(attach(tmp_path))
    listening = None
    heard: list[Message] = []
    for message in work:
        said.append(message)
        if (tmp_path / "run" / "events.jsonl").exists():
            listening = listening or attach(tmp_path / "run", poll_s=0.0)
            heard.append(next(listening))
    assert listening is not None
    heard += list(listening)
    assert curve(heard, "train/loss") == curve(said, "train/loss")
    assert curve(heard, "validation/loss") == curve(said, "validation/loss")
    waits = [one for one in heard if one == Progress(0, 0, "waiting for the run")]
    assert len(heard) >= len(said) - 1, waits


def line(**fields: Any) -> str:
    return json.dumps(fields) + "\n"


def test_a_damaged_log_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(
        line(message="scalar", name="a", step=1, value="nan")
        + '{"message": "sca\n'
        + "[]\n"
        + line(message="hologram", step=2)
        + line(message="scalar", name="a", step=2, value=2.0)
        + line(message="figure", step=2, name="x", file="../../x.npz", figure={"kind": "Picture", "fields": {}})
        + line(message="end", step=2)
    )
    nan, two, missing = attach(tmp_path)
    assert isinstance(nan, Scalar)
    assert nan.value != nan.value
    assert two == Scalar("a", 2, 2.0)
    assert isinstance(missing, Note)
    assert missing.level == "warning"


def test_half_a_line_waits_for_its_rest(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    whole = line(message="scalar", name="a", step=1, value=1.0)
    log.write_text(whole[:9])
    work = attach(tmp_path, poll_s=0.0)
    assert next(work) == Progress(0, 0, "waiting for the run")
    with open(log, "a") as file:
        file.write(whole[9:])
    assert next(work) == Scalar("a", 1, 1.0)
    work.close()


def test_what_was_said_after_the_last_checkpoint_counts_as_said_anew(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(
        line(message="begin", step=0)
        + "".join(line(message="scalar", name="a", step=k, value=float(k)) for k in (1, 2, 3))
        + line(message="begin", step=1)
        + "".join(line(message="scalar", name="a", step=k, value=10.0 * k) for k in (1, 2, 3, 4))
        + line(message="end", step=4)
    )
    assert curve(list(attach(tmp_path)), "a") == {1: 1.0, 2: 20.0, 3: 30.0, 4: 40.0}


def test_a_run_that_fell_silent_is_called_lost(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(line(message="begin", step=0))
    assert status(tmp_path) == {"state": "unknown"}
    (tmp_path / "status.json").write_text(json.dumps({"state": "training", "time": time.time() - 2 * run.QUIET_S}))
    assert status(tmp_path)["state"] == "lost"
    (tmp_path / "status.json").write_text(json.dumps({"state": "paused", "time": time.time() - 2 * run.QUIET_S}))
    assert status(tmp_path)["state"] == "lost", "a paused run shows that it lives"
    work = attach(tmp_path, poll_s=0.0)
    warning = next(work)
    assert isinstance(warning, Note)
    assert "silent for half a minute" in warning.text
    assert isinstance(next(work), Progress), "it is said once"
    work.close()


def test_the_heartbeat_tells_where_it_stands(tmp_path: Path) -> None:
    work = train(Toy(), tmp_path / "run")
    while getattr(next(work), "step", 0) < 3:
        pass
    assert status(tmp_path / "run")["state"] == "training"
    assert status(tmp_path / "run")["process"] == os.getpid()
    work.close()
    said = status(tmp_path / "run")
    assert (said["state"], said["step"], said["total"]) == ("stopped", 3, 24)
    taught(Toy(), tmp_path / "run", resume=True)
    assert status(tmp_path / "run")["state"] == "ended"
    assert status(tmp_path / "run")["best"] is not None


TASK = Segmentation()


@pytest.mark.parametrize("name", [one.name for one in parameters(TASK)])
def test_every_parameter_at_both_ends_comes_back_from_the_recipe(name: str, tmp_path: Path) -> None:
    one = next(one for one in parameters(TASK) if one.name == name)
    values = {
        "data": [
            Settings("phantoms", (("cases", 7), ("noise", 0.25))),
            Settings("decathlon", (("folder", 'a "b"\\c'),)),
        ],
        "network": [Settings("unet", (("width", 8), ("norm", "batch"), ("residual", True)))],
        **{key: ["", 'runs/a "b"\\c'] for key in ("start", "against", "synthetic_from")},
        "sides": ["", "32×48×32"],
    }.get(name) or ends(one)
    assert values
    for value in [*values, *([None] if one.optional else [])]:
        task = changed(TASK, **{name: value})
        (tmp_path / "task.toml").write_text(recipe(task), encoding="utf-8")
        assert load_task(tmp_path, TASKS) == task
        assert load_task(tmp_path / "task.toml", TASKS) == task


def test_what_may_be_none_is_none_by_itself() -> None:
    """TOML has no none: a recipe leaves it out, which must then mean the same."""
    assert all(one.default is None for one in parameters(TASK) if one.optional)


def test_a_run_keeps_its_task(tmp_path: Path) -> None:
    task = Toy(epochs=1, seed=3, patience=7)
    taught(task, tmp_path / "run")
    assert load_task(tmp_path / "run", {"toy": Toy}) == task


def test_a_folder_without_a_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"there is no task\.toml in it"):
        load_task(tmp_path, TASKS)
    for text, fault in (("a = = 1", "is not a recipe"), ("epochs = 1", "names no task"), ('task="x"', "no such task")):
        (tmp_path / "task.toml").write_text(text)
        with pytest.raises(Refused, match=fault):
            load_task(tmp_path, TASKS)
    (tmp_path / "task.toml").write_text('task = "segmentation"\nepochs = 99999')
    with pytest.raises(Refused, match="epochs=99999: it is out of range"):
        load_task(tmp_path, TASKS)


def test_before_the_first_validation_the_last_weights_are_the_best_there_are(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    work = train(replace(Toy(), ema=0.5), folder)
    with pytest.raises(Refused, match="no weights in it"):
        weights(folder)
    while getattr(next(work), "step", 0) < 3:
        pass
    work.close()
    found, about = weights(folder)
    assert about["task"] == "toy"
    assert {name.split(".")[0] for name in found} == {"0", "1", "4"}


def test_runs_are_listed_the_newest_first(tmp_path: Path) -> None:
    assert runs(tmp_path / "none") == ()
    for number, name in enumerate(("old", "new")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "task.toml").write_text("")
        os.utime(tmp_path / name / "task.toml", (number, number))
    (tmp_path / "other").mkdir()
    assert [path.name for path in runs(tmp_path)] == ["new", "old"]


def test_a_line_that_a_crash_cut_short_stands_alone(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_text(line(message="begin", step=0) + '{"message": "sc')
    Run(tmp_path).mend()
    Run(tmp_path).mend()
    assert log.read_text().endswith('"sc\n')
    assert log.read_text().count("\n") == 2


def test_a_picture_lies_beside_as_png_and_npz(tmp_path: Path) -> None:
    taught(Toy(epochs=1), tmp_path / "run")
    media = sorted(path.name for path in (tmp_path / "run" / "media").iterdir())
    assert {"0000001-shares.npz", "0000001-shares.png", "0000001-histogram-weights.npz"} < set(media)
    picture = next(one for one in attach(tmp_path / "run") if isinstance(one, Picture))
    assert array_of(picture) is not None
