"""How soon a lab answers a turned control and a moving mouse on a slice of 256×256, and what looking inside costs."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from medviz.commands.services import services
from medviz.gui.desk import Desk
from medviz.gui.labs_page.play import Play
from medviz.gui.pages.lab import LabPage
from medviz.imaging.slices import Slice
from medviz.labs import LABS
from medviz.networks.unet import UNet
from medviz.probe.trace import recording
from tests.benchmarks.measuring import Measured, percentiles

SIDE_PX = 256
TURNS = 24
AIM_MS, DRAG_MS, CAPTURE = 50.0, 16.0, 1.1

# lab, its fixed parameters, the control that is turned and the values it takes
TURNED: tuple[tuple[str, dict[str, Any], str, Sequence[Any]], ...] = (
    ("convolution", {}, "preset", ("edge_vertical", "sharpen", "gaussian", "laplace")),
    ("pooling", {}, "size", (2, 3, 4, 5)),
    ("activation", {"function": "relu"}, "shift", (-1.0, -0.5, 0.0, 0.5, 1.0)),
    ("loss", {}, "z", (-2.0, -1.0, 0.5, 2.0)),
    ("ratios", {"source": "slice"}, "blur", (1.0, 2.0, 3.0)),
    ("patches", {}, "kept", (1, 4, 16)),
    ("attention", {}, "seed", (1, 2, 3)),
    ("dropout", {}, "rate", (0.2, 0.5, 0.8)),
)


def measure(turns: int = TURNS) -> dict[str, list[Measured]]:
    """Turn controls of labs in the real page, beside a window of 1300 by 820."""
    app = QApplication.instance() or QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("MEDVIZ_RUNS", folder)
        page, frame, desk = _page()
        rows: list[Measured] = []
        for name, fixed, control, values in TURNED:
            waits = _turned(app, page, name, fixed, control, values, turns)
            if waits:
                rows += percentiles(f"{name}: {control} turned, new figures painted", waits, {95: AIM_MS})
        rows += percentiles("convolution: mouse over a cell, cell lit", _hovered(app, page, turns), {95: DRAG_MS})
        desk.stop_all()
        frame.close()
    return {"labs": rows, "looking inside a network": [_capture()]}


def _page() -> tuple[LabPage, QWidget, Desk]:
    desk = Desk(services(), QSettings(os.devnull, QSettings.Format.IniFormat))
    page, frame = LabPage(desk), QWidget()
    row = QHBoxLayout(frame)
    row.addWidget(page, 1)
    row.addWidget(page.panel())
    frame.resize(1300, 820)
    frame.show()
    return page, frame, desk


def _until(app: Any, done: Callable[[], bool], patience_s: float = 30.0) -> float:
    """Let the window work until something is done and painted; return the ms that took."""
    began = time.perf_counter()
    while not done():
        app.processEvents()
        if time.perf_counter() - began > patience_s:
            raise RuntimeError("the lab does not answer")
        time.sleep(0.0005)
    app.processEvents()
    return (time.perf_counter() - began) * 1000


def _slice() -> Slice:
    pixels = np.random.default_rng(0).random((SIDE_PX, SIDE_PX)).cumsum(0).cumsum(1)
    return Slice((pixels - pixels.mean()) / pixels.std(), (1.0, 1.0), name="256×256")


def _turned(
    app: Any, page: LabPage, name: str, fixed: dict[str, Any], control: str, values: Sequence[Any], turns: int
) -> list[float]:
    kind = LABS[name]
    lab = replace(kind(image=_slice()), **fixed)
    page.hand.begin(Play(name, lab))
    _until(app, lambda: not page.showing.busy and bool(page.board.figures))
    waits = []
    for number in range(turns):
        came: list[bool] = []
        hear = page.showing.figured.connect(lambda lab, figures, whole, came=came: came.append(whole) if whole else 0)
        page.hand.turn(replace(lab, **{control: values[number % len(values)]}))
        waits.append(_until(app, lambda came=came: bool(came)))
        page.showing.figured.disconnect(hear)
        _until(app, lambda: not page.showing.busy)
    return waits[2:]


def _hovered(app: Any, page: LabPage, turns: int) -> list[float]:
    """Go from cell to cell of the output: the window of the input, the products and the sum follow."""
    lab = replace(LABS["convolution"](image=_slice()))
    page.hand.begin(Play("convolution", lab))
    _until(app, lambda: not page.showing.busy and bool(page.board.figures))
    waits = []
    for number in range(turns):
        came: list[bool] = []
        hear = page.showing.figured.connect(lambda lab, figures, whole, came=came: came.append(whole) if whole else 0)
        page.hand.move(lambda now, number=number: replace(now, cell=(10 + 7 * number) * 254 + 240 - 7 * number))
        waits.append(_until(app, lambda came=came: bool(came)))
        page.showing.figured.disconnect(hear)
        _until(app, lambda: not page.showing.busy)
    return waits[2:]


def _capture() -> Measured:
    """Forward of a 2-D U-Net with one layer recorded, over the forward alone; one after the other, medians."""
    torch.manual_seed(0)
    network, x = UNet(1, 4, 2, 16, 4).eval(), torch.rand(1, 1, SIDE_PX, SIDE_PX)
    plain, looked = [], []
    with torch.inference_mode():
        for _ in range(12):
            began = time.perf_counter()
            network(x)
            plain.append(time.perf_counter() - began)
            began = time.perf_counter()
            with recording(network, ["up.0"]):
                network(x)
            looked.append(time.perf_counter() - began)
    share = float(np.median(looked[2:]) / np.median(plain[2:]))
    return Measured("forward with a layer recorded ÷ forward alone", share, "", at_most=CAPTURE)
