"""A Labs page on the real labs, and a viewer with a phantom in it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import pytest
from PySide6.QtWidgets import QHBoxLayout, QWidget

from medviz.figures import Heatmap, Mark, Text
from medviz.gui.desk import Desk
from medviz.gui.pages.lab import LabPage
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.slices import Slice
from medviz.imaging.volume import Stored, Volume
from medviz.labs import LABS
from medviz.labs.examples import held
from medviz.labs.lab import Example, Lab, from_state, state_text
from medviz.messages import Note, Progress, Work
from medviz.parameters import Input, Matrix, Pick, Range, Size, Step
from medviz.refused import Refused

from .hands import at_rest

GRID = Slice(np.arange(12.0).reshape(3, 4), name="grid 3×4")


@dataclass(frozen=True)
class Adding(Lab):
    """Adds a number to each cell; refuses 13; waits `slow` steps."""

    TITLE = "Adding"
    ARRANGE = "input + kernel = output / text"
    EXAMPLES = (
        Example("add two", "TRAIN-2", "D1", {"amount": 2}, {"output[0,0]": 2.0, "text": "+ 2"}, text="Two is added."),
        Example("a wrong one", "TRAIN-1", "D0", {"amount": 3}, {"output[0,0]": 99.0}),
    )

    image: Annotated[Slice, Input("slice"), "What is added to"] = GRID
    amount: Annotated[int, Range(-20, 20), "What is added"] = 1
    kernel: Annotated[Matrix, Size(3, 3), "Numbers to edit"] = ((1.0, 0.0), (0.0, 1.0))
    cell: Annotated[int, Step(), Pick("output"), "The cell in focus"] = 0
    waits: Annotated[int, Range(0, 10_000), "Steps of 5 ms"] = 0

    def show(self) -> Work[None]:
        if self.amount == 13:
            raise Refused("amount=13", "it brings bad luck", "take 12")
        if self.amount == 14:
            raise ValueError("a mistake in the lab")
        for number in range(self.waits):
            yield Progress(number, self.waits, "waiting")
            time.sleep(0.005)
        row, col = divmod(self.cell, self.image.pixels.shape[1])
        yield Heatmap("input", self.image.values, marks=(Mark(row, col, style="source"),))
        yield Heatmap("kernel", np.array(self.kernel), editable=True)
        yield Heatmap("output", self.image.values + self.amount, marks=(Mark(row, col),))
        yield Text("text", f"{self.image.values[row, col]:g} + {self.amount}", formula=True)
        yield Note("told", "info")

    def steps(self) -> int:
        return int(self.image.pixels.size)


def scan(name: str = "scan.nii.gz", size: int = 40) -> Volume:
    voxels = np.random.default_rng(3).integers(0, 1000, (1, size, size + 4, size - 4)).astype(np.int16)
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    return Volume(voxels, affine, Stored("NIfTI-1", voxels.shape[1:], "RAS", affine, voxels.dtype), name=name)


@pytest.fixture
def viewed() -> Scene:
    """A scene with a scan, the cursor in its middle."""
    return Scene((Layer(scan()),)).at_voxel((20, 22, 18))


@pytest.fixture
def adding() -> type[Adding]:
    return Adding


@pytest.fixture
def labs_desk(desk: Desk) -> Desk:
    """A desk with the real labs and their tools."""
    desk.services = replace(desk.services, labs=LABS, lab_text=state_text, lab_from=from_state, lab_checks=held)
    return desk


@pytest.fixture
def open_page(qtbot: Any, labs_desk: Desk) -> Iterator[Callable[[], LabPage]]:
    """Open the page as the window does: page and panel side by side, brought to the front."""
    frames = []

    def opened() -> LabPage:
        frame = QWidget()
        qtbot.addWidget(frame)
        frames.append(frame)
        page = LabPage(labs_desk)
        row = QHBoxLayout(frame)
        row.addWidget(page, 1)
        row.addWidget(page.panel())
        frame.resize(1300, 820)
        frame.show()
        page.entered()
        at_rest(qtbot, page)
        return page

    yield opened
    labs_desk.stop_all()


@pytest.fixture
def page(open_page: Callable[[], LabPage]) -> LabPage:
    return open_page()
