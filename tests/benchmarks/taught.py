"""A child of `training`: trains the same task in one of three ways and tells how fast.

`python -m tests.benchmarks.taught plain|headless|window STEPS`. "plain" is a loop as one would write it; "headless"
is medviz's `train` without a window; "window" is the Train page of the window, first in front, then behind the viewer
in which the scan is scrolled.
"""

import dataclasses
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from medviz.messages import Scalar, Work
from medviz.parameters import Settings

WARM_UP = 15
PROBE_MS = 10
SCROLL_MS = 40
FIELDS: dict[str, Any] = {
    "data": Settings("phantoms", (("cases", 32), ("size", 128))),
    "network": Settings("unet", (("width", 16), ("depth", 4))),
    "patch": 128,
    "batch": 4,
    "validate_every": 100,
    "device": "cpu",
    "epochs": 1000,
}

Stamps = list[tuple[int, float]]


def speed(stamps: Stamps, first: int = WARM_UP, last: int = 10**9) -> float:
    """Steps a second between two steps, from the moment each loss was told."""
    inside = [(step, at) for step, at in stamps if first <= step <= last]
    return (inside[-1][0] - inside[0][0]) / (inside[-1][1] - inside[0][1])


def counted(train: Callable[..., Work[Path]], stamps: Stamps) -> Callable[..., Work[Path]]:
    """`train` that also notes when each step was done."""

    def counting(task: Any, folder: Path) -> Work[Path]:
        work = train(task, folder)
        try:
            while True:
                message = next(work)
                if isinstance(message, Scalar) and message.name == "train/loss":
                    stamps.append((message.step, time.perf_counter()))
                yield message
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            work.close()

    return counting


def plain(steps: int) -> dict[str, Any]:
    """A training loop as one would write it: nothing is kept, told or drawn."""
    import torch
    from torch.utils.data import default_collate

    from medviz.tasks.segmentation import Segmentation
    from medviz.training.losses import loss_of

    task = dataclasses.replace(Segmentation(), **FIELDS, steps=steps)
    torch.manual_seed(0)
    data = task.data_set()
    samples, network = task.training(data), task.build(data).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=task.learning_rate, weight_decay=task.weight_decay)
    criterion = loss_of(task.loss, task.gamma, task.misses)
    chance = np.random.default_rng(0)
    stamps: Stamps = []
    while len(stamps) < steps:
        order = chance.permutation(len(samples))
        for first in range(0, len(samples) - task.batch + 1, task.batch):
            batch = default_collate([samples.drawn(int(k), chance) for k in order[first : first + task.batch]])
            optimiser.zero_grad()
            loss = criterion(network(batch["image"]), batch["label"])
            loss.backward()
            optimiser.step()
            loss.item()
            stamps.append((len(stamps) + 1, time.perf_counter()))
    return {"steps_per_s": speed(stamps)}


def headless(steps: int) -> dict[str, Any]:
    from medviz.tasks.segmentation import Segmentation
    from medviz.training.trainer import train

    task = dataclasses.replace(Segmentation(), **FIELDS, steps=steps)
    stamps: Stamps = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in counted(train, stamps)(task, Path(folder) / "run"):
            pass
    return {"steps_per_s": speed(stamps)}


def window(steps: int) -> dict[str, Any]:
    """Train in the window: half with the Train page in front, half while the scan is scrolled in the viewer."""
    from PySide6.QtCore import Qt, QTimer

    from medviz.commands.services import services
    from medviz.gui.app import application, begin, idle, wait_for
    from medviz.gui.desk import Desk
    from medviz.gui.preferences import settings_file
    from medviz.gui.window import Window
    from tests.benchmarks.measuring import timed_ms

    app = application()
    stamps: Stamps = []
    offered = services()
    desk = Desk(dataclasses.replace(offered, train=counted(offered.train, stamps)), settings_file())
    shown = Window(desk, confirm=lambda question: True)
    shown.resize(1440, 900)
    shown.show()
    begin(shown, [], "viewer")
    wait_for(lambda: idle(desk) and desk.scene.state.scan is not None, 120)
    late: dict[str, list[float]] = {"train": [], "viewer": []}
    scrolled: list[float] = []
    last = time.perf_counter()

    def probe() -> None:
        nonlocal last
        now = time.perf_counter()
        if stamps and stamps[-1][0] >= WARM_UP:
            late["viewer" if shown.page == "viewer" else "train"].append(max(0.0, (now - last) * 1000 - PROBE_MS))
        last = now

    def scroll() -> None:
        scene = desk.scene.state
        assert scene.scan is not None
        top = scene.scan.shape[2]
        x, y, z = scene.voxel
        scrolled.append(timed_ms(lambda: desk.scene.put(scene.at_voxel((x, y, (z + 1) % top)))))

    ticking, scrolling = QTimer(), QTimer()
    for timer, call, every in ((ticking, probe, PROBE_MS), (scrolling, scroll, SCROLL_MS)):
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(every)
        timer.timeout.connect(call)
    shown.show_page("training")
    page: Any = shown.pages["training"]
    page.draft.choose("segmentation", {**FIELDS, "steps": steps}, then=page.start)
    ticking.start()
    wait_for(lambda: bool(stamps) and stamps[-1][0] >= steps // 2, 600, 0)
    shown.show_page("viewer")
    scrolling.start()
    wait_for(lambda: stamps[-1][0] >= steps, 600, 0)
    scrolling.stop()
    ticking.stop()
    desk.stop_all()
    app.processEvents()
    return {
        "steps_per_s": speed(stamps, WARM_UP, steps // 2),
        "steps_per_s_scrolled": speed(stamps, steps // 2 + 5, steps),
        "late_ms": late["train"],
        "late_scrolled_ms": late["viewer"],
    }


def main() -> None:
    way, steps = sys.argv[1], int(sys.argv[2])
    found = {"plain": plain, "headless": headless, "window": window}[way](steps)
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
