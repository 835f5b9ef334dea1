"""Doubt about where a scan lies stays on the screen until it is settled; the choice is a person's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medviz.gui.desk import Desk
from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.services import Files, Services
from medviz.gui.viewer.placing import Placing
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from tests.gui.conftest import head
from tests.gui.viewer.hands import Told, opened, quiet

DISAGREE = "its sform and qform disagree, by 35.6 mm at a corner; the {} is used"
TILTED = "the gantry was tilted by 15.0°; its grid is sheared, and drawn slices are not square to it"
GAPS = "slices are missing at 4.0 to 10.0 mm along the slice normal and left blank"


def twice(form: str) -> Volume:
    scan = head(name="twice.nii.gz")
    affine = scan.affine.copy()
    affine[:3, 3] += 0.0 if form == "sform" else 20.0
    return replace(scan, affine=affine, warnings=(DISAGREE.format(form),))


@pytest.fixture
def files() -> dict[str, Volume]:
    return {
        "twice.nii.gz": twice("sform"),
        "tilted.nii.gz": replace(head(), warnings=(TILTED,)),
        "gaps.nii.gz": replace(head(), warnings=("it is old", GAPS)),
    }


@pytest.fixture
def asked() -> list[object]:
    return []


@pytest.fixture
def services(services: Services, asked: list[object]) -> Services:
    def read_form(path: Path, form: str) -> Work[Volume]:
        yield Progress(0, 1, "reading")
        asked.append(form)
        return twice(form)

    def regular(volume: Volume) -> Work[Volume]:
        yield Progress(0, 1, "resampling")
        asked.append("regular")
        return replace(volume, voxels=volume.voxels.copy(), warnings=("it was sheared by 15.0° and is resampled",))

    return replace(services, files=Files(read_form=read_form, regular=regular))


@pytest.fixture
def placing(page: ViewerPage) -> Placing:
    found = page.feature("placing")
    assert isinstance(found, Placing)
    return found


@pytest.mark.trap("T4")
def test_two_forms_are_said_in_a_banner_and_a_person_chooses(
    page: ViewerPage, placing: Placing, qtbot: QtBot, asked: list, told: Told
) -> None:
    before = opened(page, qtbot, "twice.nii.gz")
    banner = placing.banner
    assert banner.isVisible() and "35.6 mm apart" in banner.forms_text.text()
    assert banner.forms["sform"].isChecked() and not banner.forms["qform"].isChecked()
    assert "disagree" not in str(told), "said once, where it can be settled"
    banner.forms["qform"].click()
    qtbot.waitUntil(lambda: page.desk.scene.state.scan is not before.scan)
    quiet(qtbot, page.desk)
    scan = page.desk.scene.state.scan
    assert asked == ["qform"] and scan is not None and scan.affine[0, 3] == before.scan.affine[0, 3] + 20
    assert banner.forms["qform"].isChecked() and not banner.forms["sform"].isChecked()
    placing.other_form.trigger()
    quiet(qtbot, page.desk)
    assert asked == ["qform", "sform"]


def test_the_form_that_is_used_already_is_not_read_again(
    page: ViewerPage, placing: Placing, qtbot: QtBot, asked: list
) -> None:
    opened(page, qtbot, "twice.nii.gz")
    placing.banner.forms["sform"].click()
    quiet(qtbot, page.desk)
    assert not asked and placing.banner.forms["sform"].isChecked()


@pytest.mark.trap("T10")
@pytest.mark.parametrize("name", ["tilted.nii.gz", "gaps.nii.gz"])
def test_an_irregular_grid_is_offered_to_be_resampled(
    name: str, page: ViewerPage, placing: Placing, qtbot: QtBot, asked: list
) -> None:
    before = opened(page, qtbot, name)
    assert placing.banner.isVisible() and placing.banner.forms_row.isHidden() and placing.resample.isEnabled()
    placing.banner.resample.click()
    qtbot.waitUntil(lambda: page.desk.scene.state.scan is not before.scan)
    quiet(qtbot, page.desk)
    assert asked == ["regular"] and placing.banner.isHidden() and not placing.resample.isEnabled()
    assert page.desk.scene.state.layers[0].window == before.layers[0].window, "it is looked at as before"


def test_what_lies_over_the_scan_comes_along(page: ViewerPage, placing: Placing, desk: Desk, qtbot: QtBot) -> None:
    opened(page, qtbot, "tilted.nii.gz")
    labels = replace(head(name="labels.nii.gz"), voxels=(head().voxels > 500).astype(np.uint8))
    scene = desk.scene.state
    desk.scene.put(scene.adding(replace(scene.layers[0], volume=labels, role="labels", source=None)))
    placing.make_regular()
    quiet(qtbot, desk)
    after = desk.scene.state
    assert len(after.layers) == 2 and after.layers[1].role == "labels"
    assert np.array_equal(after.layers[1].volume.voxels, labels.voxels)


def test_a_plain_scan_has_no_banner_and_it_can_be_closed(page: ViewerPage, placing: Placing, qtbot: QtBot) -> None:
    opened(page, qtbot)
    assert placing.banner.isHidden() and not placing.resample.isEnabled() and not placing.other_form.isEnabled()
    page.open(Path("tilted.nii.gz"), "scan")
    qtbot.waitUntil(placing.banner.isVisible)
    placing.banner.leave.click()
    assert placing.banner.isHidden() and placing.resample.isEnabled()


def test_it_stands_at_the_foot_of_the_panes(page: ViewerPage, placing: Placing, qtbot: QtBot) -> None:
    opened(page, qtbot, "tilted.nii.gz")
    page.window().resize(600, 460)
    qtbot.wait(30)
    assert page.panes.rect().contains(placing.banner.geometry())
