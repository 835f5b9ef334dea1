"""Samples of a run as a person meets them: the film of the training, new ones, the copies, files, the viewer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medviz.figures import Gallery
from medviz.gui.generating import Batch, Generating
from medviz.gui.pages.training import TrainingPage
from medviz.gui.training.film import FilmStrip, Moment, galleries, moments
from medviz.gui.training.history import History
from medviz.gui.training.keep_dialog import KeepDialog
from medviz.gui.training.making import NOTHING, pairs
from medviz.gui.training.samples import Samples
from medviz.messages import Progress, Scalar, Work
from medviz.refused import Refused
from tests.gui.training.conftest import CLICK, chosen, ended
from tests.training.dreams import DreamWishes

Make = Callable[..., TrainingPage]
EPOCHS = 6


def gallery(value: float, name: str = "samples", colour: bool = False) -> Gallery:
    tiles = np.full((4, 8, 8, 3) if colour else (4, 8, 8), value)
    return Gallery(name, tiles, f"{name} {value:g}", levels=(-1.0, 1.0), shared_scale=True)


def train(task: Any, folder: Path) -> Work[Path]:
    """Draw two galleries an epoch."""
    folder.mkdir(parents=True, exist_ok=True)
    for epoch in range(EPOCHS):
        yield Scalar("train/loss", 10 * epoch, 1.0)
        yield Scalar("train/epoch", 10 * epoch, float(epoch))
        yield gallery(epoch / 10, "reconstructions")
        yield gallery(epoch / 10)
    return folder


class Maker:
    """Makes samples as a test wants them; `kept` is what was written."""

    def __init__(self, wishes: Any = None, refusal: Refused | None = None, slow: bool = False) -> None:
        self.may, self.refusal, self.slow = wishes, refusal, slow
        self.asked: list[tuple[Any, str]] = []
        self.kept: list[tuple[Any, ...]] = []
        self.closed = False

    def services(self) -> Generating:
        return Generating(self.wishes, self.make, self.keep)

    def wishes(self, run: Path) -> Work[Any]:
        yield Progress(0, 0, "looking")
        if self.refusal is not None:
            raise self.refusal
        return self.may

    def make(self, run: Path, wishes: Any, features: str) -> Work[Batch]:
        self.asked.append((wishes, features))
        try:
            while self.slow:
                yield Progress(1, 4, "samples made")
            yield Progress(4, 4, "samples made")
        finally:
            self.closed = True
        tiles = np.linspace(-1, 1, wishes.count)[:, None, None] * np.ones((1, 8, 6))
        copies = (False, True, *([False] * (wishes.count - 2)))
        words = tuple(f"{number / 10} RMS away" for number in range(wishes.count))
        lines = (f"{wishes.count} samples, seed {wishes.seed}", "MMD² 0.1 ± 0.02 (features: tissue)")
        return Batch(run.name, tiles, -tiles, copies, words, lines, source="made")

    def keep(self, source: Any, numbers: tuple[int, ...], folder: Path | None, kind: str, visible: bool) -> Any:
        yield Progress(0, 1, "writing samples")
        if folder is not None and folder.name == "taken":
            raise Refused(folder, "there are samples already", "choose another folder")
        self.kept.append((source, numbers, folder, kind, visible))
        where = folder or Path("/tmp")
        return (where / "sample-001.nii.gz", where / "sample-001.synthetic.json")


def view(page: TrainingPage) -> Samples:
    found = page.views["Samples"]
    assert isinstance(found, Samples)
    return found


def trained(make: Make, qtbot: QtBot, maker: Maker | None = None, **more: Any) -> TrainingPage:
    """Open the page, train a run that draws galleries, and turn to its samples."""
    page = make(**{"train": train, "generating": (maker or Maker()).services(), **more})
    chosen(page, qtbot)
    qtbot.mouseClick(page.setup.start, CLICK)
    ended(page, qtbot, "done")
    page.show_view("Samples")
    return page


def to_making(page: TrainingPage, qtbot: QtBot) -> Any:
    button = view(page).choice.button(1)
    qtbot.mouseClick(button, CLICK)
    return view(page).making


def test_each_moment_of_a_gallery_is_there_once_with_its_epoch() -> None:
    history, one = History(), gallery(0.0)
    for epoch in range(3):
        history.hear([Scalar("train/loss", 5 * epoch, 1.0), Scalar("train/epoch", 5 * epoch, epoch)], float(epoch))
        history.hear([gallery(epoch, "reconstructions"), *([one] if epoch != 1 else [])], float(epoch))
    assert galleries(history) == ("samples", "reconstructions")
    assert [(m.step, m.epoch) for m in moments(history, "reconstructions")] == [(0, 0.0), (5, 1.0), (10, 2.0)]
    assert [m.step for m in moments(history, "samples")] == [0]
    assert moments(history, "none") == ()


def test_a_person_moves_along_the_film_by_keys_clicks_and_play(make: Make, qtbot: QtBot) -> None:
    page = trained(make, qtbot)
    growing = view(page).growing
    qtbot.waitUntil(lambda: len(growing.moments) == EPOCHS)
    assert growing.choice.currentText() == "samples"
    assert growing.view.figure.title == "samples 0.5"
    growing.setFocus()
    qtbot.keyClick(growing, Qt.Key.Key_Left)
    assert growing.view.figure.title == "samples 0.4"
    qtbot.keyClick(growing, Qt.Key.Key_Home)
    assert growing.view.figure.title == "samples 0"
    qtbot.waitUntil(lambda: growing.strip.drawn >= len(growing.strip.shown))
    last = growing.strip.cell(len(growing.strip.shown) - 1).center()
    qtbot.mouseClick(growing.strip, CLICK, pos=last.toPoint())
    assert growing.scrubber.number == EPOCHS - 1
    qtbot.keyClick(growing, Qt.Key.Key_Space)
    assert growing.scrubber.play.isChecked()
    assert growing.scrubber.number == 0
    qtbot.keyClick(growing, Qt.Key.Key_Space)
    assert not growing.scrubber.play.isChecked()
    growing.choice.setCurrentIndex(1)
    growing.choice.activated.emit(1)
    assert growing.view.figure.name == "reconstructions"


def test_a_strip_that_was_filled_behind_another_tab_is_drawn_when_it_is_seen(qtbot: QtBot) -> None:
    strip = FilmStrip()
    qtbot.addWidget(strip)
    strip.resize(600, strip.height())
    strip.show_moments([Moment(step, step / 5, gallery(step)) for step in (0, 5, 10)], 2)
    assert strip.drawn == 0
    strip.show()
    qtbot.waitUntil(lambda: strip.drawn == 3)


def test_one_picture_can_be_followed_in_the_strip(make: Make, qtbot: QtBot) -> None:
    page = trained(make, qtbot)
    growing = view(page).growing
    qtbot.waitUntil(lambda: len(growing.moments) == EPOCHS)
    place = growing.view.box(2).center().toPoint()
    qtbot.mouseClick(growing.view, CLICK, pos=place)
    assert growing.strip.tile == 2
    assert growing.follows.text() == "The strip follows picture 3"
    qtbot.mouseClick(growing.view, CLICK, pos=place)
    assert growing.strip.tile is None


def test_a_run_that_draws_no_galleries_says_so(make: Make, qtbot: QtBot, services: Any) -> None:
    page = trained(make, qtbot, train=services.train)
    growing = view(page).growing
    assert growing.stack.currentWidget() is growing.waits
    assert "draws no galleries" in growing.waits.text()


def test_a_run_that_makes_nothing_says_so_in_words(make: Make, qtbot: QtBot) -> None:
    page = trained(make, qtbot, Maker(None))
    making = to_making(page, qtbot)
    qtbot.waitUntil(lambda: making.waits.text() == NOTHING)
    assert not making.halves.isVisible()


def test_what_is_refused_stands_in_its_place_and_not_in_a_notice(make: Make, qtbot: QtBot) -> None:
    page = trained(make, qtbot, Maker(refusal=Refused("run-1", "there is no task.toml in it", "give a run")))
    said: list[object] = []
    page.desk.noticed.connect(said.append)
    making = to_making(page, qtbot)
    qtbot.waitUntil(lambda: "no task.toml" in making.waits.text())
    assert not said


def test_samples_are_wished_for_made_and_shown_with_their_neighbours(make: Make, qtbot: QtBot) -> None:
    maker = Maker(DreamWishes())
    page = trained(make, qtbot, maker)
    making = to_making(page, qtbot)
    qtbot.waitUntil(lambda: making.form is not None)
    assert making.lines.text().startswith("No samples yet")
    assert not making.keep.isEnabled()
    making.form.fields.rows["seed"].control.edited.emit(7)
    qtbot.mouseClick(making.make, CLICK)
    qtbot.waitUntil(lambda: making.bench.batch is not None and not page.desk.jobs)
    assert maker.asked == [(DreamWishes(seed=7), "tissue")]
    assert making.view.figure.tiles.shape == (6, 8, 13)
    assert making.view.figure.titles[:2] == ("1", "2 · copy?")
    assert "features: tissue" in making.lines.text()
    assert making.lines.property("look") == "warning"
    qtbot.mouseClick(making.near, CLICK)
    assert making.view.figure.tiles.shape == (6, 8, 6)
    qtbot.mouseClick(making.view, CLICK, pos=making.view.box(3).center().toPoint())
    assert "Sample 4: 0.3 RMS away" in making.lines.text()


def test_making_can_be_cancelled_and_goes_on_for_its_own_run_only(make: Make, qtbot: QtBot) -> None:
    maker = Maker(DreamWishes(), slow=True)
    page = trained(make, qtbot, maker)
    making = to_making(page, qtbot)
    qtbot.waitUntil(lambda: making.form is not None)
    qtbot.mouseClick(making.make, CLICK)
    qtbot.waitUntil(lambda: making.waiting.isVisible() and making.waiting.bar.value() > 0)
    assert not making.make.isVisible()
    qtbot.mouseClick(making.waiting.cancel, CLICK)
    qtbot.waitUntil(lambda: maker.closed and not page.desk.jobs)
    assert making.bench.batch is None
    assert making.make.isVisible()


def test_a_sample_is_opened_in_the_viewer_without_its_sidecar(make: Make, qtbot: QtBot) -> None:
    maker = Maker(DreamWishes())
    page = trained(make, qtbot, maker)
    making = to_making(page, qtbot)
    qtbot.waitUntil(lambda: making.form is not None)
    making.go()
    qtbot.waitUntil(lambda: making.bench.batch is not None and not page.desk.jobs)
    wanted: list[Any] = []
    page.desk.case_wanted.connect(wanted.append)
    qtbot.mouseDClick(making.view, CLICK, pos=making.view.box(2).center().toPoint())
    qtbot.waitUntil(lambda: bool(wanted) and not page.desk.jobs)
    assert [file.name for file in wanted[0]] == ["sample-001.nii.gz"]
    assert maker.kept[-1][1:] == ((2,), None, "nifti", False)


def test_samples_are_exported_in_the_format_that_is_chosen(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    maker = Maker(DreamWishes())
    page = trained(make, qtbot, maker)
    making = to_making(page, qtbot)
    qtbot.waitUntil(lambda: making.form is not None)
    making.go()
    qtbot.waitUntil(lambda: making.bench.batch is not None and not page.desk.jobs)
    dialog = KeepDialog(page.desk, making.bench.batch, page)
    dialog.show()
    assert not dialog.visible_mark.isEnabled()
    dialog.png.setChecked(True)
    dialog.visible_mark.setChecked(True)
    dialog.out.setText(str(tmp_path / "taken"))
    qtbot.mouseClick(dialog.go, CLICK)
    qtbot.waitUntil(lambda: "there are samples already" in dialog.said.text())
    dialog.out.setText(str(tmp_path / "out"))
    qtbot.waitUntil(lambda: dialog.go.isEnabled())
    qtbot.mouseClick(dialog.go, CLICK)
    qtbot.waitUntil(lambda: "all marked as synthetic" in dialog.said.text() and not page.desk.jobs)
    assert maker.kept == [("made", (0, 1, 2, 3, 4, 5), tmp_path / "out", "png", True)]
    dialog.close()
    dialog.deleteLater()
    QApplication.processEvents()


@pytest.mark.parametrize("width", [420, 900])
def test_wishes_stand_above_the_samples_or_beside_them(make: Make, qtbot: QtBot, width: int) -> None:
    page = trained(make, qtbot, Maker(DreamWishes()))
    making = to_making(page, qtbot)
    making.resize(width, 500)
    wide = making.halves.orientation() == Qt.Orientation.Horizontal
    assert wide == (width > 640)


def test_colours_and_other_shapes_are_put_side_by_side_too() -> None:
    assert pairs(np.zeros((2, 8, 6, 3)), np.zeros((2, 8, 6, 3))).shape == (2, 8, 13, 3)
    assert pairs(np.zeros((2, 8, 6)), np.zeros((2, 5, 6))).shape == (2, 8, 6)


def test_where_there_is_little_room_the_wishes_give_way_to_the_samples(make: Make, qtbot: QtBot) -> None:
    page = trained(make, qtbot, Maker(DreamWishes()))
    making = to_making(page, qtbot)
    qtbot.waitUntil(lambda: making.form is not None)
    making.resize(420, 400)
    assert making.area.isVisible()
    assert not making.unfold.isVisible()
    making.go()
    qtbot.waitUntil(lambda: making.bench.batch is not None and not page.desk.jobs)
    assert not making.area.isVisible()
    qtbot.mouseClick(making.unfold, CLICK)
    assert making.area.isVisible()
    making.resize(900, 400)
    assert making.area.isVisible()
    assert not making.unfold.isVisible()
