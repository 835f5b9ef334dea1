"""Value, unit and stored type under the cursor, layer by layer."""

from dataclasses import replace

import numpy as np
import pytest

from medviz.gui.viewer.readout import place_words, reading, readings, status_words
from medviz.imaging.scene import Layer, Scene
from tests.gui.viewer.phantoms import halves, marked, scene, volume


def test_a_ct_is_read_in_hounsfield_units_after_its_slope() -> None:
    scan = replace(volume(np.full((6, 6, 6), 50, np.int16)), slope=2.0, intercept=-1024.0, unit="HU")
    one = reading(scene(scan).layers[0], (0.0, 0.0, 0.0))
    assert (one.value, one.unit, one.stored) == ("−924", "HU", "int16")


def test_a_fraction_keeps_the_digits_that_mean_something() -> None:
    layer = Layer(volume(np.full((4, 4, 4), 0.12345, np.float32)), "probability", window=1.0, level=0.5)
    assert reading(layer, (0.0, 0.0, 0.0)).value == "0.1235" or reading(layer, (0.0, 0.0, 0.0)).value == "0.1234"


def test_a_label_has_its_name_and_background_its_own() -> None:
    scan = marked()
    layer = halves(scan)
    assert reading(layer, (10.0, 0.0, 0.0)).label == "white matter"
    assert reading(layer, (-10.0, 0.0, 0.0)).label == "grey matter"
    assert reading(layer, (0.0, 0.0, -17.0)).label == "background"
    assert reading(replace(layer, labels=()), (10.0, 0.0, 0.0)).label == "label 2"


def test_outside_there_is_no_value() -> None:
    scan = marked()
    one, two = readings(scene(scan, halves(scan)), (500.0, 0.0, 0.0))
    assert (one.value, two.value, two.label) == ("", "", "")


def test_not_a_number_is_said_in_words() -> None:
    voxels = np.full((4, 4, 4), np.nan, np.float32)
    assert reading(scene(volume(voxels)).layers[0], (0.0, 0.0, 0.0)).value == "not a number"


def test_a_colour_is_read_part_by_part() -> None:
    voxels = np.stack([np.full((4, 4, 1), value, np.uint8) for value in (1, 20, 255)])
    assert reading(Layer(volume(voxels, kind="colour")), (0.0, 0.0, 0.0)).value == "1, 20, 255"


@pytest.mark.trap("T17")
def test_a_series_is_read_in_the_frame_that_is_seen() -> None:
    voxels = np.stack([np.full((4, 4, 4), value, np.int16) for value in (10, 20, 30)])
    seen = replace(scene(volume(voxels, kind="frames")), frame=2)
    assert readings(seen)[0].value == "30"


@pytest.mark.trap("T11")
def test_uncalibrated_scans_have_no_mm() -> None:
    assert place_words(scene(replace(marked(), calibrated=False)))[0] == "uncalibrated"


def test_the_status_line_has_place_voxel_value_and_label() -> None:
    scan = marked()
    seen = scene(scan, halves(scan))
    assert status_words(seen) == "x 0.5  y 0.5  z 0.5 mm · voxel 20, 22, 18 · 400 (int16) · white matter"
    assert status_words(seen, (-19.5, -21.5, -17.5)).startswith("x −19.5  y −21.5  z −17.5 mm · voxel 0, 0, 0")
    assert status_words(Scene()) == ""
