"""What a run takes of the machine, measured and not guessed."""

import time

import numpy as np
import pytest
import torch

from medviz.training import machine
from medviz.training.machine import Machine


def test_work_is_seen_as_work_and_rest_as_rest() -> None:
    read = Machine(torch.device("cpu"))
    until_s = time.process_time() + 0.2
    while time.process_time() < until_s:
        np.sort(np.random.default_rng(0).random(20_000))
    busy = read.read(0.0)
    time.sleep(0.3)
    idle = read.read(0.0)
    assert busy["machine/processor (%)"] > 5
    assert idle["machine/processor (%)"] < busy["machine/processor (%)"]


def test_memory_that_is_taken_is_seen() -> None:
    read = Machine(torch.device("cpu"))
    before = read.read(0.0)["machine/memory (MiB)"]
    held = np.ones(64 << 17)  # 64 MiB
    assert read.read(0.0)["machine/memory (MiB)"] - before == pytest.approx(64, abs=24)
    assert held[0] == 1


def test_the_share_that_was_waited_is_that_since_the_last_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(machine.time, "monotonic", lambda: now[0])
    read = Machine(torch.device("cpu"))
    now[0] += 2.0
    assert read.due()
    assert read.waited(0.5) == pytest.approx(0.25)
    assert read.read(0.5)["machine/waiting for samples (%)"] == pytest.approx(25)
    assert not read.due()
    now[0] += 4.0
    assert read.read(0.5)["machine/waiting for samples (%)"] == 0


def test_no_gpu_is_made_up() -> None:
    assert not [name for name in Machine(torch.device("cpu")).read(0.0) if "GPU" in name]
