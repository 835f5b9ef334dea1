"""Runs that wait for their turn, runs in processes of their own, and the trash."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

from medviz.messages import Message, Note, Scalar
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.tasks.classification import Classification
from medviz.training.elsewhere import detached, queue
from medviz.training.elsewhere.detached import attach_in_turn, train_apart
from medviz.training.elsewhere.folders import clone, restore, trash, trashed
from medviz.training.elsewhere.launching import last_line, launched
from medviz.training.elsewhere.queue import leave, queued, serve, state_of, wait, wake
from medviz.training.run import load_task, recipe, status
from medviz.training.trainer import train
from tests.training.toys import Toy, curve, taught

SMALL = Classification(data=Settings("shapes"), network=Settings("lenet"), steps=6, device="cpu")


class Started:
    """Stands for the process of a run: does what it does at the first look, and has ended then."""

    begun: list[str]

    def __init__(self, words: list[str], log: Path) -> None:
        self.folder, self.returncode = Path(words[2]), None
        Started.begun.append(self.folder.name)
        self.log = log

    def poll(self) -> int | None:
        if self.returncode is None:
            bad = self.folder.name.startswith("bad")
            self.log.write_text("medviz: the disk: it is gone; bring it back.\n" if bad else "")
            self.returncode = 2 if bad else 0
            if not bad:
                say(self.folder, "ended")
        return self.returncode


def say(folder: Path, state: str, ago_s: float = 0.0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.toml").touch()
    (folder / "status.json").write_text(json.dumps({"state": state, "time": time.time() - ago_s}))


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    Started.begun = []
    monkeypatch.setattr(queue, "launched", lambda words, log: Started(words, log))
    return tmp_path / "runs"


def test_they_come_one_after_the_other_and_one_that_fails_keeps_none_waiting(runs: Path) -> None:
    for name in ("first", "bad", "last"):
        wait(runs / name, recipe(SMALL))
    assert [path.name for path in queued(runs)] == ["first", "bad", "last"]
    said = list(serve(runs, poll_s=0.0))
    assert Started.begun == ["first", "bad", "last"]
    assert queued(runs) == ()
    assert state_of(runs / "bad")["state"] == "failed"
    assert state_of(runs / "bad")["why"] == "the disk: it is gone; bring it back."
    assert [one.text for one in said if isinstance(one, Note)][:1] == ["first begins; 2 more wait"]
    assert load_task(runs / "last", TASKS) == SMALL


def test_a_run_that_goes_is_waited_for_whoever_started_it(runs: Path) -> None:
    say(runs / "going", "training")
    wait(runs / "next", recipe(SMALL))
    serving = serve(runs, poll_s=0.0)
    for _ in range(3):
        assert "going goes" in next(serving).what  # type: ignore[union-attr]
    assert not Started.begun
    say(runs / "going", "training", ago_s=60)
    list(serving)
    assert Started.begun == ["next"], "one that is silent for a minute is dead"


def test_only_one_process_serves(runs: Path) -> None:
    wait(runs / "a", recipe(SMALL))
    with FileLock(runs / ".queue.lock"):
        with pytest.raises(Refused, match="another process serves"):
            list(serve(runs))
        assert not wake(runs)
    assert not Started.begun


def test_a_process_is_started_only_where_a_run_waits(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[Any] = []
    monkeypatch.setattr(queue, "launched", lambda said, log: words.append((said, log)))
    assert not wake(runs)
    wait(runs / "a", recipe(SMALL))
    assert wake(runs)
    assert words == [(["train", "--queue", str(runs), "--quiet"], runs / ".queue.log")]
    assert not wake(runs, pause_s=60), "who was just woken may not have the lock yet"
    assert wake(runs), "a person who asks again is heard"


def test_what_waits_can_be_taken_out_and_a_stopped_run_can_wait_to_go_on(runs: Path) -> None:
    wait(runs / "new", recipe(SMALL))
    leave(runs / "new")
    assert state_of(runs / "new")["state"] == "new"
    say(runs / "old", "stopped")
    wait(runs / "old")
    assert queued(runs) == (runs / "old",)
    leave(runs / "old")
    assert state_of(runs / "old")["state"] == "stopped"
    with pytest.raises(Refused, match="does not wait"):
        leave(runs / "old")
    with pytest.raises(Refused, match="there is a run in it already"):
        wait(runs / "old", recipe(SMALL))
    with pytest.raises(Refused, match="no run in it to go on with"):
        wait(runs / "none")
    say(runs / "old", "training")
    with pytest.raises(Refused, match="the run goes already"):
        wait(runs / "old")


def test_who_waits_for_a_turn_is_told_how_many_come_before(runs: Path) -> None:
    for name in ("a", "bad"):
        wait(runs / name, recipe(SMALL))
    work = attach_in_turn(runs / "bad")
    assert next(work).what == "waits, 1 before it"  # type: ignore[union-attr]
    list(serve(runs, poll_s=0.0))
    with pytest.raises(Refused, match="the disk: it is gone"):
        next(work)


def test_a_queued_run_of_its_own_accord_is_a_whole_run(tmp_path: Path) -> None:
    """What the queue starts is ``train --resume`` of a folder with nothing but a recipe."""
    wait(tmp_path / "run", recipe(Toy()))
    taught(Toy(), tmp_path / "alone")
    said = taught(Toy(), tmp_path / "run", resume=True)
    assert curve(said, "train/loss") == curve(list(train(Toy(), tmp_path / "other")), "train/loss")
    assert status(tmp_path / "run")["state"] == "ended"


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_a_run_in_a_process_of_its_own_is_followed_stopped_and_taken_up(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    work, said = train_apart(Classification(data=Settings("shapes"), network=Settings("lenet"), steps=4000,
                                            device="cpu"), folder), list[Message]()  # fmt: skip
    while not any(isinstance(one, Scalar) and one.step >= 3 for one in said):
        said.append(next(work))
    process = int(state_of(folder)["process"])
    assert process != os.getpid()
    assert os.getsid(process) != os.getsid(0), "it outlives the window and its terminal"
    work.close()
    assert state_of(folder)["state"] == "training", "who follows no longer leaves it alone"
    os.kill(process, signal.SIGTERM)
    until_s = time.monotonic() + 60
    while state_of(folder)["state"] != "stopped" and time.monotonic() < until_s:
        time.sleep(0.1)
    assert state_of(folder)["state"] == "stopped"
    while psutil.pid_exists(process) and time.monotonic() < until_s:
        time.sleep(0.1)
    assert state_of(folder)["step"] >= 3
    assert "interrupted; what was done is saved" in last_line(folder / "log.txt")
    with pytest.raises(Refused, match="there is a run in it already"):
        next(train_apart(SMALL, folder))


def test_what_the_process_refuses_is_refused_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        pid, returncode = 1, 2

        def poll(self) -> int:
            return 2

    def refusing(words: list[str], log: Path) -> Refusing:
        log.write_text("some warning\nmedviz: device=cuda: there is no NVIDIA GPU; take device=auto or cpu.\n")
        return Refusing()

    monkeypatch.setattr(detached, "launched", refusing)
    with pytest.raises(Refused, match=r"run: device=cuda: there is no NVIDIA GPU; take device=auto or cpu\."):
        list(train_apart(SMALL, tmp_path / "run"))


def test_a_process_that_is_killed_is_told_from_one_that_refuses(tmp_path: Path) -> None:
    process = launched(["--version"], tmp_path / "log.txt")
    assert process.wait(60) == 0
    assert last_line(tmp_path / "log.txt").startswith("medviz ")
    assert last_line(tmp_path / "none.txt") == ""
    process.returncode = -9
    assert "its process ended by signal 9" in str(detached._died(process, tmp_path))
    assert sys.executable


def test_a_run_goes_into_the_trash_and_comes_back(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for _ in range(2):
        say(runs / "run", "ended")
        trash(runs / "run")
    assert not (runs / "run").exists()
    assert {path.name for path in trashed(runs)} == {"run", "run-2"}
    assert queued(runs) == ()
    assert restore(runs / ".trash" / "run-2") == runs / "run-2"
    say(runs / "run", "ended")
    assert restore(runs / ".trash" / "run") == runs / "run-3"
    with pytest.raises(Refused, match="it is not in the trash"):
        restore(runs / "run")
    with pytest.raises(Refused, match="no folder of a run"):
        trash(tmp_path)


def test_a_run_that_goes_is_not_put_away(tmp_path: Path) -> None:
    work = train(Toy(), tmp_path / "run")
    for _ in range(4):
        next(work)
    with pytest.raises(Refused, match="the run goes; stop it first"):
        trash(tmp_path / "run")
    work.close()
    assert trash(tmp_path / "run").is_dir()


def test_a_clone_has_the_recipe_and_nothing_learnt(tmp_path: Path) -> None:
    taught(Toy(epochs=1), tmp_path / "run")
    new = clone(tmp_path / "run", tmp_path / "new")
    assert {path.name for path in new.iterdir()} == {"task.toml", "status.json"}
    assert load_task(new, {"toy": Toy}) == Toy(epochs=1)
    with pytest.raises(Refused, match="there is something in it"):
        clone(tmp_path / "run", new)
    assert curve(taught(Toy(epochs=1), new, resume=True), "validation/loss")
