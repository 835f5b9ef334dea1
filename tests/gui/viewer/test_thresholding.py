"""The threshold of a probability map in the window: at once what it leads to, outlined, and labels made of it."""

import time

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from scipy import ndimage

from medviz.gui.pages.viewer import ViewerPage
from medviz.gui.viewer.comparing import Comparing
from medviz.gui.viewer.thresholding import Thresholding
from medviz.imaging.drawn import drawing
from medviz.imaging.labels import named
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import like
from tests.gui.viewer.hands import quiet
from tests.gui.viewer.phantoms import marked

SPACING = (0.5, 0.5, 6.0)


def shares(frames: int = 1) -> np.ndarray:
    """A smooth ball whose middle is sure; more frames are more classes."""
    scan = marked(40, SPACING)
    x, y, z = np.indices(scan.shape)
    away = np.sqrt((x - 20) ** 2 + (y - 22) ** 2 + (z - 18) ** 2)
    ball = np.clip(1.2 - away / 12, 0, 1).astype(np.float32)
    ball[2:4, 2:4, 2:4] = 0.4  # a speck that goes at a higher threshold
    return ball if frames == 1 else np.stack([1 - ball, ball])


@pytest.fixture
def feature(page: ViewerPage, qtbot: QtBot) -> Thresholding:
    scan = marked(40, SPACING)
    truth = (shares() >= 0.6).astype(np.uint8)
    truth[2:4, 2:4, 2:4] = 0
    layers = (
        Layer(scan, window=1000, level=500),
        Layer(like(scan, truth, "truth"), "labels", labels=named(("lesion",))),
        Layer(like(scan, shares(), "p.nii.gz"), "probability", window=1.0, level=0.5, colours="magma", style="fill"),
    )
    made = page.feature(Thresholding.NAME)
    assert isinstance(made, Thresholding) and made.box is not None
    page.show_tab(Thresholding.NAME)
    page.desk.scene.put(Scene(layers=layers).at_voxel((20, 22, 18)))
    qtbot.waitUntil(lambda: made.found is not None, timeout=20_000)
    quiet(qtbot, page.desk)
    return made


def texts(feature: Thresholding) -> dict[str, str]:
    assert feature.box is not None
    return {key: cell.text() for key, cell in feature.box.cells.items()}


def test_map_and_reference_are_chosen_by_themselves_and_counted_when_seen(feature: Thresholding) -> None:
    box = feature.box
    assert box is not None and box.results.isVisible()
    assert (box.map.currentText(), box.reference.currentText()) == ("p.nii.gz", "truth")
    assert feature.threshold == 0.5 and box.spin.value() == 0.5 and box.slider.value() == 500


def test_the_slider_says_at_once_what_a_mask_at_it_has(feature: Thresholding, page: ViewerPage) -> None:
    truth = feature.reference
    assert feature.box is not None and truth is not None
    for place in (350, 500, 730):
        feature.box.slider.setValue(place)
        mask = shares() >= np.float32(place / 1000)
        told = texts(feature)
        assert told["volume"] == f"{mask.sum() * 1.5 / 1000:.2f} ml"
        assert told["pieces"] == str(ndimage.label(mask)[1])
        meant = truth.frame() > 0
        assert told["dice"] == f"{2 * (mask & meant).sum() / (mask.sum() + meant.sum()):.3f}"
        assert feature.box.spin.value() == place / 1000


def test_what_is_at_or_above_the_threshold_is_outlined(feature: Thresholding, page: ViewerPage, qtbot: QtBot) -> None:
    assert feature.box is not None
    feature.box.spin.setValue(0.8)
    qtbot.waitUntil(lambda: page.desk.scene.state.layers[2].level == 0.8)
    layer = page.desk.scene.state.layers[2]
    assert layer.style == "outline" and layer.role == "probability"
    scene = Scene(layers=(page.desk.scene.state.layers[0], layer)).at_voxel((20, 22, 18))
    bare = Scene(layers=scene.layers[:1]).at_voxel((20, 22, 18))
    drawn, without = drawing(scene, "axial", letters=False).pixels, drawing(bare, "axial", letters=False).pixels
    _, cols = np.nonzero((drawn != without).any(axis=2))
    across = np.ptp(cols) + 1
    inside = shares()[:, :, 18] >= np.float32(0.8)
    assert across == np.ptp(np.nonzero(inside)[0]) + 1


@pytest.mark.trap("T20")
def test_the_distance_comes_when_the_slider_rests_and_is_a_link(
    feature: Thresholding, page: ViewerPage, qtbot: QtBot
) -> None:
    box = feature.box
    assert box is not None
    box.slider.setValue(700)
    assert box.cells["hd95"].text() == "–", "not measured at each step"
    qtbot.waitUntil(lambda: "mm" in box.cells["hd95"].text(), timeout=10_000)
    assert feature.gap is not None
    box.cells["hd95"].linkActivated.emit("#")
    comparing = page.feature(Comparing.NAME)
    assert isinstance(comparing, Comparing) and comparing.place is not None
    np.testing.assert_allclose(page.desk.scene.state.cursor, feature.gap.predicted_mm, atol=1e-9)
    assert "threshold 0.700" in comparing.place.words


def test_the_best_threshold_is_taken_by_a_button(feature: Thresholding, qtbot: QtBot) -> None:
    assert feature.box is not None
    qtbot.mouseClick(feature.box.to_best, Qt.MouseButton.LeftButton)
    assert feature.threshold == pytest.approx(0.6, abs=0.03) and texts(feature)["dice"] == "1.000"


def test_labels_are_made_as_a_proposal_with_the_references_name(
    feature: Thresholding, page: ViewerPage, qtbot: QtBot
) -> None:
    assert feature.box is not None
    feature.box.spin.setValue(0.45)
    feature.make_labels()
    quiet(qtbot, page.desk)
    layer = page.desk.scene.state.layers[-1]
    assert layer.proposal and layer.role == "labels" and [one.name for one in layer.labels] == ["lesion"]
    np.testing.assert_array_equal(layer.volume.frame() > 0, shares() >= np.float32(0.45))
    assert layer.volume.name == "p.nii.gz ≥ 0.45"


def test_the_slider_answers_within_a_blink(feature: Thresholding) -> None:
    assert feature.box is not None
    took = []
    for place in range(300, 700, 8):
        began = time.thread_time()
        feature.box.slider.setValue(place)
        took.append(time.thread_time() - began)
    assert np.percentile(took, 90) < 0.05


def test_without_a_reference_there_are_volume_and_pieces_alone(
    feature: Thresholding, page: ViewerPage, qtbot: QtBot
) -> None:
    box = feature.box
    assert box is not None
    feature.choose(feature.map, None)
    qtbot.waitUntil(lambda: feature.found is not None and feature.found.hit is None, timeout=10_000)
    told = texts(feature)
    assert told["dice"] == told["hd95"] == "–" and "ml" in told["volume"]
    assert [box.curves.itemText(k) for k in range(box.curves.count())] == ["Volume"] and box.to_best.isHidden()


def test_each_curve_can_be_drawn_with_the_threshold_marked(feature: Thresholding) -> None:
    box = feature.box
    assert box is not None
    assert box.curves.count() == 5
    for number in range(5):
        box.curves.setCurrentIndex(number)
        box.curves.activated.emit(number)
        assert box.view.figure is not None and box.view.figure.name == box.curve
        assert box.view.figure.at is not None


def test_a_class_of_a_map_is_chosen_by_its_frame(page: ViewerPage, qtbot: QtBot) -> None:
    scan = marked(40, SPACING)
    maps = like(scan, shares(2), "classes", kind="frames")
    feature = page.feature(Thresholding.NAME)
    assert isinstance(feature, Thresholding) and feature.box is not None
    page.show_tab(Thresholding.NAME)
    page.desk.scene.put(Scene(layers=(Layer(scan), Layer(maps, "probability"))))
    qtbot.waitUntil(lambda: feature.found is not None, timeout=20_000)
    assert feature.box.frame.isVisible()
    feature.box.frame.setValue(1)
    many = int((shares() >= 0.5).sum())
    qtbot.waitUntil(lambda: feature.found is not None and feature.found.at(0.5).voxels == many, timeout=10_000)
    quiet(qtbot, page.desk)
    assert page.desk.scene.state.frame == 1, "the panes show that class"


def test_without_a_map_it_says_what_is_needed(page: ViewerPage, qtbot: QtBot) -> None:
    feature = page.feature(Thresholding.NAME)
    assert isinstance(feature, Thresholding) and feature.box is not None
    page.desk.scene.put(Scene(layers=(Layer(marked(20)),)))
    page.show_tab(Thresholding.NAME)
    assert "Open a probability map" in feature.box.hint.text() and feature.box.results.isHidden()


def test_a_map_that_goes_takes_its_numbers_along(feature: Thresholding, page: ViewerPage) -> None:
    page.desk.scene.put(page.desk.scene.state.without(2))
    assert feature.found is None and feature.box is not None and feature.box.results.isHidden()
