"""What a run takes of the machine, measured and not guessed."""

import subprocess
import sys
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


def test_loader_processes_count_and_cost_nothing_where_there_are_none() -> None:
    held = subprocess.Popen(
        [sys.executable, "-c", "b = bytearray(64 << 20); print(1, flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert held.stdout is not None
        held.stdout.readline()
        alone, helped = Machine(torch.device("cpu")), Machine(torch.device("cpu"), helped=True)
        own, both = (one.read(0.0)["machine/memory (MiB)"] for one in (alone, helped))
        assert both - own > 48
        began_s = time.thread_time()
        for _ in range(20):
            alone.read(0.0)
        assert (time.thread_time() - began_s) / 20 < 0.005
    finally:
        held.communicate(b"\n", timeout=30)
