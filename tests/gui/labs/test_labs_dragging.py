"""Boxes dragged with the mouse, labs on volumes, and the viewer's own layers as what a lab works on."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from medviz.gui.labs_page.inputs import beside, cube
from medviz.gui.labs_page.play import On, companions_of, input_kind
from medviz.imaging.scene import Layer
from medviz.imaging.volume import like
from medviz.labs.examples import figures_of
from medviz.labs.pix2pix import Pix2Pix
from medviz.labs.ratios import Ratios
from medviz.labs.volume_convolution import VolumeConvolution

from .hands import at_rest, figure

LEFT = Qt.MouseButton.LeftButton


def opened(qtbot, page, name, row):
    page.open_lab(name)
    qtbot.waitUntil(lambda: page.hand.play is not None and page.hand.play.name == name, timeout=8000)
    examples = type(page.hand.play.lab).EXAMPLES
    page.load(next(one for one in examples if one.row == row))
    at_rest(qtbot, page)


def at(page, name, row, col):
    x, y, _, _ = page.board.view(name).grid.box(row, col)
    return QPoint(round(x), round(y))


@pytest.mark.row("DET-5")
def test_a_box_is_dragged_with_the_mouse_and_the_shares_follow(qtbot, page):
    opened(qtbot, page, "boxes", "DET-5")
    view = page.board.view("picture")
    assert figure(page, "shares").values[0, 1] == pytest.approx(81 / 119)
    QTest.mousePress(view, LEFT, pos=at(page, "picture", 6, 6))
    for step in (8, 12, 16):
        QTest.mouseMove(view, at(page, "picture", 6 + step - 6, 6 + step - 6))
    QTest.mouseRelease(view, LEFT, pos=at(page, "picture", 16, 16))
    at_rest(qtbot, page)
    boxes = page.hand.play.lab.boxes
    moved = [one for one, old in zip(boxes, ((0, 0, 10, 10, 0.9), (1, 1, 11, 11, 0.8)), strict=True) if one != old]
    assert len(moved) == 1 and moved[0][2] - moved[0][0] == 10 and moved[0][0] >= 8
    assert figure(page, "shares").values[0, 1] < 0.05
    page.hand.undo()
    at_rest(qtbot, page)
    assert page.hand.play.lab.boxes == ((0, 0, 10, 10, 0.9), (1, 1, 11, 11, 0.8))


def test_pressing_beside_every_box_changes_nothing(qtbot, page):
    opened(qtbot, page, "boxes", "DET-5")
    before = page.hand.play
    QTest.mousePress(page.board.view("picture"), LEFT, pos=at(page, "picture", 30, 5))
    QTest.mouseMove(page.board.view("picture"), at(page, "picture", 20, 20))
    QTest.mouseRelease(page.board.view("picture"), LEFT, pos=at(page, "picture", 20, 20))
    at_rest(qtbot, page)
    assert page.hand.play.lab.boxes == before.lab.boxes


@pytest.mark.row("CONV-11")
def test_a_weight_typed_into_the_third_plane_lands_in_the_third_plane(qtbot, page):
    opened(qtbot, page, "volume_convolution", "CONV-11")
    page.hand.type_into("kernel", (0, 8), 5.0)
    at_rest(qtbot, page)
    lab = page.hand.play.lab
    assert lab.kernel[6][2] == 5.0 and lab.preset == "custom"
    assert figure(page, "kernel").values[0, 8] == 5.0


def test_a_cube_around_the_cursor_lies_where_it_lay_in_the_patient(viewed):
    scan = viewed.scan
    for voxel in ((0, 0, 0), (20, 22, 18), (39, 43, 35)):
        part = cube(scan, voxel, 8)
        assert part.shape == (8, 8, 8)
        corner = scan.nearest(part.to_mm((0, 0, 0)))
        assert all(low <= v < low + 8 for low, v in zip(corner, voxel, strict=True))
        assert part.value_at(scan.to_mm(voxel)) == scan.value_at(scan.to_mm(voxel))
    assert cube(scan, (20, 22, 18), 64).shape == scan.shape


def test_a_lab_on_a_volume_takes_a_cube_or_the_scan(qtbot, page, viewed):
    page.desk.scene.put(viewed)
    opened(qtbot, page, "volume_convolution", "CONV-11")
    page.work_on(On("region", side_px=10))
    at_rest(qtbot, page)
    assert page.hand.play.lab.image.shape == (10, 10, 10)
    page.work_on(On("volume"))
    at_rest(qtbot, page)
    assert page.hand.play.lab.image is viewed.scan
    assert input_kind(VolumeConvolution()) == "volume"


@pytest.mark.row("TRAIN-14")
def test_labels_and_prediction_of_the_viewer_are_cut_at_the_same_slice(qtbot, page, viewed):
    truth = (np.indices(viewed.scan.shape)[0] > 20).astype(np.uint8)
    chances = np.indices(viewed.scan.shape)[0] / 39
    scene = replace(
        viewed,
        layers=(
            *viewed.layers,
            Layer(like(viewed.scan, truth, "truth"), "labels"),
            Layer(like(viewed.scan, chances, "chances"), "probability"),
        ),
    )
    page.desk.scene.put(scene)
    opened(qtbot, page, "ratios", "TRAIN-14")
    page.work_on(On("slice"))
    page.hand.turn(replace(page.hand.play.lab, source="layers"))
    at_rest(qtbot, page)
    lab = page.hand.play.lab
    assert companions_of(lab) == {"labels": "labels", "chances": "prediction"}
    assert (lab.labels.name, lab.chances.name) == ("truth", "chances")
    assert lab.labels.pixels.shape == lab.image.pixels.shape
    assert figure(page, "roc").title == "ROC, area 1.0000"
    assert "truth: truth; prediction: chances" in figure(page, "story").text


def test_proposals_are_predictions_and_what_lies_on_another_grid_is_neither(viewed):
    scan = viewed.scan
    labels = Layer(like(scan, np.ones(scan.shape, np.uint8), "by hand"), "labels")
    proposed = replace(labels, volume=like(scan, np.ones(scan.shape, np.uint8), "by a model"), proposal=True)
    scene = replace(viewed, layers=(*viewed.layers, labels, proposed))
    on = On("slice")
    assert beside(on, "labels", scene).name == "by hand"
    assert beside(on, "prediction", scene).name == "by a model"
    assert beside(on, "prediction", replace(scene, layers=scene.layers[:2])) is None
    assert beside(On("phantom"), "labels", scene) is None
    away = replace(labels, volume=cube(labels.volume, (5, 5, 5), 8))
    assert beside(on, "labels", replace(scene, layers=(*viewed.layers, away))) is None
    assert isinstance(Ratios().labels, type(None))


@pytest.mark.row("GEN-5")
def test_a_label_map_is_painted_with_the_mouse_and_the_slice_follows(qtbot, page):
    assert figures_of(Pix2Pix()), "taught beforehand: on a busy machine that takes longer than a page may wait"
    opened(qtbot, page, "pix2pix", "GEN-5")
    view, before = page.board.view("map"), figure(page, "made").pixels
    QTest.mousePress(view, LEFT, pos=at(page, "map", 20, 20))
    for col in (24, 28, 32):
        QTest.mouseMove(view, at(page, "map", 20, col))
    QTest.mouseRelease(view, LEFT, pos=at(page, "map", 20, 32))
    QTest.mouseMove(view, at(page, "map", 50, 50))
    at_rest(qtbot, page)
    (stroke,) = page.hand.play.lab.strokes.split(";")
    places = [tuple(float(one) for one in place.split(",")) for place in stroke.split("/")[2].split()]
    assert places[0][1] < 21 and 31 < places[-1][1] < 33 and {round(row) for row, _ in places} <= {19, 20, 21}
    assert (figure(page, "map").labels[20, 20:32] == 2).all(), "along the whole way, and not where no button was held"
    assert np.abs(figure(page, "made").pixels - before)[18:23, 18:34].max() > 0.2
    page.hand.undo()
    at_rest(qtbot, page)
    assert page.hand.play.lab.strokes == ""
