"""A file as a lab's input: the viewer neither needs it nor changes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog

from medviz.gui.labs_page.play import On
from medviz.messages import Progress
from medviz.refused import Refused

from .conftest import scan
from .hands import at_rest, figure


@pytest.fixture
def reading(labs_desk):
    """A desk that reads: `colour.png` is in colour, `broken.nii` is refused, all else is a scan of its name."""

    def read(path: Path):
        yield Progress(0, 0, "reading")
        if path.name == "broken.nii":
            raise Refused(path, "it ends in the middle of its voxels", "copy it again")
        volume = scan(path.name)
        if path.name == "colour.png":
            return replace(volume, voxels=np.repeat(volume.voxels[..., :1].astype(np.uint8), 3, axis=0), kind="colour")
        return volume

    labs_desk.services = replace(labs_desk.services, read=read)
    return labs_desk


def opened(qtbot, page, name):
    page.files.open(Path(name))
    qtbot.waitUntil(lambda: page.hand.play.on.file.endswith(name), timeout=5000)
    at_rest(qtbot, page)


def test_a_file_is_worked_on_while_the_viewer_stays_empty(qtbot, reading, page):
    opened(qtbot, page, "knee.nii.gz")
    image = page.hand.play.lab.image
    assert image.name == "knee.nii.gz"
    assert image.index == 18
    assert figure(page, "image").letters == image.letters
    assert reading.scene.state.scan is None
    assert page.chooser.source.currentText() == "a file"
    assert page.chooser.another.isVisible()


def test_the_slider_moves_in_the_file_and_not_in_the_viewer(qtbot, reading, page, viewed):
    reading.scene.put(viewed)
    opened(qtbot, page, "knee.nii.gz")
    page.chooser.index.setValue(7)
    at_rest(qtbot, page)
    assert page.hand.play.lab.image.index == 7
    assert reading.scene.state.voxel == viewed.voxel
    page.chooser.chosen.emit(replace(page.hand.play.on, plane="coronal"))
    at_rest(qtbot, page)
    assert (page.hand.play.lab.image.plane, page.hand.play.lab.image.index) == ("coronal", 22)


def test_choosing_a_file_asks_for_one_first_and_a_dismissed_dialog_changes_nothing(qtbot, reading, page, monkeypatch):
    answers = ["", "/somewhere/knee.nii.gz"]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *what: (answers.pop(0), ""))
    place = page.chooser.source.findText("a file")
    page.chooser.source.setCurrentIndex(place)
    page.chooser.source.activated.emit(place)
    assert page.hand.play.on.kind == "example"
    assert page.chooser.source.currentIndex() == 0
    page.chooser.source.activated.emit(place)
    qtbot.waitUntil(lambda: page.hand.play.on.kind == "file", timeout=5000)
    at_rest(qtbot, page)
    assert page.hand.play.lab.image.name == "knee.nii.gz"


def test_a_broken_file_is_told_in_a_sentence_and_the_last_good_figures_stay(qtbot, reading, page):
    before = page.hand.play
    with qtbot.waitSignal(reading.noticed) as said:
        page.files.open(Path("broken.nii"))
    assert "broken.nii" in said.args[0].text
    assert page.hand.play is before


def test_a_picture_in_colour_is_seen_as_the_mean_of_its_colours(qtbot, reading, page):
    told = []
    reading.noticed.connect(told.append)
    opened(qtbot, page, "colour.png")
    assert page.hand.play.lab.image.values.ndim == 2
    assert any("mean of red, green and blue" in note.text for note in told)


def test_undo_brings_the_deck_back_and_redo_the_file(qtbot, reading, page):
    opened(qtbot, page, "knee.nii.gz")
    page.hand.undo()
    at_rest(qtbot, page)
    assert page.hand.play.on == On()
    page.hand.redo()
    at_rest(qtbot, page)
    assert page.hand.play.lab.image.name == "knee.nii.gz"
