"""What the tests of the window share: a screen in memory, fake services, and the proof that nothing is left behind.

Quirks met under ``filterwarnings = ["error"]``:

- A slot that raises does not raise in the test: pytest-qt collects it and fails the test at its end.
- `deleteLater` is only obeyed when control returns to an event loop; `settle()` delivers it by hand.
- A widget without a parent that Python still refers to (a local of a failed test, a closure) counts as left behind:
  give it to ``qtbot.addWidget``, or close it.
- A pyqtgraph ViewBox owns a menu without a parent; it goes with the ViewBox, after a collection of the cycles.
"""

import gc
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QSettings, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from medviz.catalog import Catalog, Entry
from medviz.figures import Curves, Heatmap, Line, Picture, Text
from medviz.gui.colours import PROPERTY
from medviz.gui.desk import Desk
from medviz.gui.services import ModelCard, Services
from medviz.gui.theme import Theme
from medviz.imaging.rendering.studio import Studio
from medviz.imaging.volume import Stored, Volume
from medviz.labs.lab import Example, Lab
from medviz.messages import Note, Progress, Scalar, Work
from medviz.parameters import Input, Matrix, Part, Range, Settings, Size
from medviz.refused import Refused

PATIENCE_S = float(os.environ.get("MEDVIZ_TEST_PATIENCE_S", "3"))


def settle() -> None:
    """Deliver what is queued, the deletions put off too."""
    app = QCoreApplication.instance()
    if app is not None:
        app.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def parentless() -> set[QWidget]:
    """Top-level widgets that nobody owns."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return set()
    return {widget for widget in app.topLevelWidgets() if shiboken6.isValid(widget) and widget.parent() is None}


def active_timers() -> list[QTimer]:
    timers = [one for one in gc.get_objects() if issubclass(type(one), QTimer)]
    return [one for one in timers if shiboken6.isValid(one) and one.isActive()]


def _left(threads: set[threading.Thread], widgets: set[QWidget], timers: list[QTimer]) -> list[str]:
    found = [f"thread {one.name}" for one in threading.enumerate() if one not in threads]
    found += [f"top-level widget {one!r} {one.objectName()!r}" for one in parentless() - widgets]
    found += [f"active timer {one!r} of {one.parent()!r}" for one in active_timers() if one not in timers]
    return found


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, an active timer or a top-level widget behind."""
    threads, widgets, timers = set(threading.enumerate()), parentless(), active_timers()
    yield
    late = time.monotonic() + PATIENCE_S
    while True:
        settle()
        left = _left(threads, widgets, timers)
        if not left or time.monotonic() > late:
            break
        gc.collect()
        time.sleep(0.01)
    assert not left, f"{request.node.name} left behind: " + "; ".join(left)


@pytest.fixture(autouse=True)
def undressed() -> Iterator[None]:
    """Take off what a test dressed the application in (a window drawn for a picture), so that none depends on order."""
    yield
    app = QApplication.instance()
    left = app.findChildren(Theme) if isinstance(app, QApplication) else []
    for one in left:
        shiboken6.delete(one)
    if left and isinstance(app, QApplication):
        app.setStyleSheet("")
        app.setPalette(app.style().standardPalette())
        app.setProperty(PROPERTY, None)


@pytest.fixture(autouse=True)
def own_preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the tests' preferences away from those of whoever runs them."""
    place = tmp_path / "medviz.ini"
    monkeypatch.setenv("MEDVIZ_CONFIG", str(place))
    return place


class Given(Catalog[Any]):
    """A catalog of things at hand; `slow_s` is how long an "import" takes."""

    def __init__(self, kind: str, things: Mapping[str, tuple[Entry, Any]], slow_s: float = 0.0) -> None:
        super().__init__(kind, f"medviz.tests.{kind}", {name: entry for name, (entry, _) in things.items()})
        self.slow_s = slow_s
        self._things = {name: thing for name, (_, thing) in things.items()}

    def __getitem__(self, name: str) -> Any:
        if name not in self._things:
            return super().__getitem__(name)
        time.sleep(self.slow_s)
        return self._things[name]


class SmallNet:
    """A network's constructor, as a form sees it."""

    def __init__(
        self,
        channels: int = 1,
        classes: int = 4,
        width: Annotated[int, Range(4, 64), "Channels of the first stage"] = 8,
        depth: Annotated[int, Range(1, 5), "Stages"] = 3,
        norm: Annotated[Literal["batch", "instance"], "How activations are normalised"] = "instance",
    ) -> None:
        self.width = width


class Phantoms:
    """A data set's constructor, as a form sees it."""

    def __init__(self, cases: Annotated[int, Range(2, 500), "How many scans are made"] = 8) -> None:
        self.cases = cases


PHANTOMS, SMALL = Settings("phantoms"), Settings("small")


@dataclass(frozen=True)
class FakeTask:
    """A task with the kinds of field a real one has."""

    data: Annotated[Settings, Part("datasets"), "What is learnt from"] = PHANTOMS
    network: Annotated[Settings, Part("networks"), "What learns"] = SMALL
    epochs: Annotated[int, Range(1, 1000), "Passes over the data"] = 3
    rate: Annotated[float, Range(1e-6, 1.0, log=True), "Learning rate"] = 1e-3
    seed: Annotated[int | None, Range(0, 2**31 - 1), "Same seed, same run"] = None


@dataclass(frozen=True)
class FakeLab(Lab):
    """Scales a picture: enough for a page to show a form, figures and an example."""

    TITLE = "Scaling"
    ARRANGE = "input output / text"
    EXAMPLES = (Example("twice", "CONV-1", "D3", {"factor": 2.0}, {"output[0,0]": 2.0}),)

    image: Annotated[Any, Input("slice"), "What is scaled"] = None
    factor: Annotated[float, Range(-4, 4, step=0.5), "What each value is multiplied by"] = 1.0
    kernel: Annotated[Matrix, Size(5, 5), "Numbers to edit"] = ((1.0, 0.0), (0.0, 1.0))

    def show(self) -> Work[None]:
        if self.factor == 4.0:
            raise Refused(f"factor={self.factor:g}", "this lab refuses four", "take another")
        values = np.ones((3, 3)) if self.image is None else self.image.values
        yield Heatmap("input", values)
        yield Heatmap("output", values * self.factor)
        yield Text("text", f"1 · {self.factor:g} = {self.factor:g}", formula=True)


def head(size: int = 24, name: str = "head.nii.gz") -> Volume:
    """A small scan: an ellipsoid of three tissues in int16, 2 mm voxels, off centre so that left differs from right."""
    shape = (size, size + 4, size - 2)
    grid = np.indices(shape).astype(float)
    centre = np.array([size * 0.45, size * 0.5, size * 0.5]).reshape(3, 1, 1, 1)
    radius = np.linalg.norm((grid - centre) / (size * 0.45), axis=0)
    voxels = np.zeros(shape, np.int16)
    for inside, value in ((1.0, 300), (0.8, 600), (0.5, 900)):
        voxels[radius < inside] = value
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -np.asarray(shape) + 1.0
    stored = Stored("NIfTI-1", shape, "RAS", affine, voxels.dtype)
    return Volume(voxels[np.newaxis], affine, stored, name=name)


def read(path: Path) -> Work[Volume]:
    """Read any existing name as the phantom; refuse names with "bad" and files that are not there."""
    yield Progress(0, 1, f"reading {path.name}")
    if "bad" in path.name:
        raise Refused(path.name, "it is not an image", "open a NIfTI file")
    if not path.exists():
        raise Refused(path.name, "there is no such file", "check the name")
    yield Progress(1, 1, f"reading {path.name}")
    return head(name=path.name)


def write(volume: Volume, path: Path) -> None:
    np.save(path.with_suffix(".npy"), volume.voxels)


MODEL = ModelCard(
    "shipped:tissue", "tissue", "grey and white matter", ("grey matter", "white matter", "fluid"), "a phantom", "MIT"
)


def models() -> tuple[ModelCard, ...]:
    return (MODEL,)


def predict(where: str, scan: Volume) -> Work[Volume]:
    """Label the phantom by its values in four tiles."""
    for tile in range(4):
        yield Progress(tile, 4, "tile")
    voxels = np.digitize(scan.voxels, (150, 450, 750)).astype(np.uint8)
    return Volume(voxels, scan.affine, scan.stored, name=where)


def train(task: Any, folder: Path) -> Work[Path]:
    """Yield what a training yields (curves, probe pictures, progress), at once; stopped, it keeps "weights"."""
    folder.mkdir(parents=True, exist_ok=True)
    steps = 4
    try:
        yield Note("8 scans, 6 to learn from and 2 to check")
        for epoch in range(task.epochs):
            for step in range(steps):
                number = epoch * steps + step
                yield Progress(number, task.epochs * steps, f"epoch {epoch + 1}/{task.epochs}")
                yield Scalar("train/loss", number, 1.0 / (1 + number))
                yield Scalar("train/rate", number, task.rate)
            yield Scalar("validation/dice grey matter", epoch, 1 - 0.5 ** (epoch + 1))
            scan = head().frame()[:, :, 10].T[::-1]
            yield Picture("probe 1", scan, labels=np.digitize(scan, (150, 450, 750)), mm=(2.0, 2.0))
            yield Curves("rates", (Line("rate", np.arange(3.0), np.full(3, task.rate)),))
        yield Progress(task.epochs * steps, task.epochs * steps, "done")
    finally:
        (folder / "weights").write_text("kept")
    return folder


def attach(folder: Path) -> Work[Path]:
    yield Scalar("train/loss", 0, 1.0)
    return folder


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Instant services on small phantoms; ``dataclasses.replace(services, train=...)`` for a test of its own."""
    sample = tmp_path / "sample_t1.nii.gz"
    sample.write_bytes(b"phantom")
    runs = tmp_path / "runs"

    def listed() -> tuple[Path, ...]:
        return tuple(sorted(runs.glob("*"))) if runs.exists() else ()

    return Services(
        labs=Given("lab", {"scaling": (Entry("conftest:FakeLab", "Scaling", "Numbers times a number"), FakeLab)}),
        tasks=Given("task", {"segmentation": (Entry("conftest:FakeTask", "Segmentation", "Label voxels"), FakeTask)}),
        networks=Given("network", {"small": (Entry("conftest:SmallNet", "Small net", "Two stages"), SmallNet)}),
        datasets=Given("data set", {"phantoms": (Entry("conftest:Phantoms", "Phantoms", "Made scans"), Phantoms)}),
        read=read,
        write=write,
        models=models,
        predict=predict,
        train=train,
        attach=attach,
        runs=listed,
        sample=lambda: sample,
        studio=lambda: Studio(simple=True),
    )


@pytest.fixture
def preferences(own_preferences: Path) -> QSettings:
    """Preferences of this test alone."""
    return QSettings(str(own_preferences), QSettings.Format.IniFormat)


@pytest.fixture
def desk(qapp: QApplication, services: Services, preferences: QSettings) -> Iterator[Desk]:
    """A desk with the fake services; its jobs are stopped at the end."""
    made = Desk(services, preferences)
    yield made
    made.stop_all()
    made.deleteLater()
    settle()


@pytest.fixture
def dressed(qapp: QApplication) -> Iterator[Theme]:
    """The application in the program's own look; undressed at the end."""
    made = Theme(qapp)
    yield made
    qapp.setStyleSheet("")
    qapp.setPalette(qapp.style().standardPalette())
    qapp.setProperty(PROPERTY, None)
    shiboken6.delete(made)
