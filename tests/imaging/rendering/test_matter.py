"""What is handed to the renderer: thinned where it is large, in its place, in few bits, and what it means is known."""

from dataclasses import replace

import numpy as np
import pytest

from medviz.imaging.rendering import matter
from medviz.imaging.rendering.matter import label_array, label_step, matter_of, within
from medviz.imaging.rendering.orders import label_colours
from medviz.imaging.rendering.sheets import free_section, sheet_of, squared, trimmed
from medviz.imaging.rendering.solid import solid_of
from medviz.imaging.scene import Layer
from medviz.imaging.volume import like
from tests.imaging.rendering.phantoms import BLUE, GREEN, RED, ball, centred, labelled, places, scene, volume

SHEAR = np.array([[1.0, 0.2, 0.0], [0.0, 1.0, 0.15], [0.0, 0.1, 1.0]])


@pytest.mark.parametrize("kind", ["int16", "uint8", "uint16", "float32", "int32"])
@pytest.mark.parametrize("most", [10**6, 20_000, 3_000])
def test_a_field_means_what_the_scan_says_where_the_scan_says_it(kind: str, most: int) -> None:
    affine = centred((0.7, 1.2, 2.0), (40, 36, 30), SHEAR)
    x, y, z = places((40, 36, 30), affine)
    scan = volume((100 + x + 0.5 * y + 0.25 * z).astype(kind), affine, slope=2.0, intercept=-30.0)
    made = matter_of(scan, most=most)
    assert most / 3 < made.field.size <= most or made.field.size == 40 * 36 * 30
    assert made.field.dtype.itemsize <= 2 and made.grid_mm < 4.5, "the finest side is thinned first"
    middle = np.array(made.field.shape) // 2
    mm = made.affine[:3, :3] @ middle + made.affine[:3, 3]
    read = made.field[tuple(middle)] * made.slope + made.intercept
    assert read == pytest.approx(2.0 * (100 + mm[0] + 0.5 * mm[1] + 0.25 * mm[2]) - 30.0, abs=2.2)


def test_a_large_map_is_thinned_and_stays_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    scan, inside = ball((48, 48, 48), turned=SHEAR, at=(4.0, -3.0, 2.0))
    layer = labelled(scan, inside, RED)
    monkeypatch.setattr(matter, "MOST_LABEL_VOXELS", 20_000)
    labels, affine, grid_mm = label_array(layer)
    assert label_step(layer.volume) == 2 and labels.shape == (24, 24, 24) and grid_mm > 1.9
    middle = places(labels.shape, affine)[:, labels > 0].mean(axis=1)
    np.testing.assert_allclose(middle, (4.0, -3.0, 2.0), atol=0.15)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32", "float64", "bool"])
def test_labels_of_any_type_are_whole_numbers(kind: str) -> None:
    scan, inside = ball()
    layer = replace(labelled(scan, inside, RED), volume=like(scan, inside.astype(kind), "labels"))
    labels, _, _ = label_array(layer)
    assert labels.dtype in (np.uint8, np.uint16) and labels.flags.c_contiguous
    assert np.array_equal(labels > 0, inside)


def test_a_probability_counts_from_its_level_in_what_a_person_reads() -> None:
    scan, inside = ball()
    stored = like(scan, np.where(inside, 60, 20).astype(np.uint8), "p", slope=0.01)
    for level, share in ((0.1, 1.0), (0.5, float(inside.mean())), (0.7, 0.0)):
        labels, _, _ = label_array(Layer(stored, "probability", level=level))
        assert labels.mean() == pytest.approx(share)


def test_within_labels_of_another_grid_the_field_is_left_and_outside_it_is_empty() -> None:
    scan, _ = ball()
    made = matter_of(volume(np.full(scan.shape, 700, np.int16), scan.affine))
    coarse, inside = ball((24, 24, 24), (2.0, 2.0, 2.0), 10.0)
    two = np.where(places(coarse.shape, coarse.affine)[0] > 0, 2, 1) * inside
    layer = labelled(coarse, two, RED, BLUE, hidden_labels=frozenset({2}))
    made = replace(made, field=made.field + np.arange(48, dtype=np.int16)[:, None, None])
    left = within(made, (layer,))
    kept = left.field != made.field.min()
    x = places(scan.shape, scan.affine)[0]
    assert np.array_equal(left.field[kept], made.field[kept])
    assert not kept[x > 2.5].any() and kept[24 - 5, 24, 24]
    assert kept.sum() == pytest.approx(2 / 3 * np.pi * 11.5**3, rel=0.25), "half a ball and a voxel around it"


def test_only_labels_that_are_there_and_shown_are_asked_for() -> None:
    scan, inside = ball()
    layer = labelled(scan, inside, RED, GREEN, BLUE, hidden_labels=frozenset({3}))
    ml = np.array([0.0, 4.0, 0.0, 2.0, 1.0])
    values, colours = label_colours(layer, ml)
    assert values == [1, 4] and colours[0] == list(RED) and len(colours) == 2


def test_a_sheet_is_the_slice_at_its_place_and_clear_beside_the_body() -> None:
    scan, _ = ball((40, 40, 40), turned=SHEAR)
    x = places((40, 40, 40), scan.affine)[0]
    scan = volume(np.where(scan.frame() > 0, 500 + 10 * x, 0).astype(np.int16), scan.affine)
    one = scene(scan, window=1000.0, level=500.0)
    solid = solid_of(scan, 1000.0, 500.0, None)
    for normal in ((0.0, 1.0, 0.0), (0.3, -0.5, 0.8), (0.0, 0.0, 1.0)):
        found = squared(free_section(scan, one.cursor, normal), 200)
        sheet = trimmed(sheet_of(one, found, solid))
        rows, cols = sheet.picture.shape[:2]
        assert (rows, cols) == (sheet.section.rows, sheet.section.cols)
        np.testing.assert_allclose(sheet.rim[2], sheet.corner + sheet.across + sheet.down, atol=1e-9)
        seen = 0
        for row in range(2, rows, 4):
            for col in range(2, cols, 4):
                mm = sheet.corner + sheet.across * (col + 0.5) / cols + sheet.down * (row + 0.5) / rows
                assert abs(float((mm - np.array(one.cursor)) @ np.array(normal))) < 1e-6, "it lies in the plane"
                away = float(np.linalg.norm(mm))
                if away < 15.0:
                    grey = float(sheet.picture[row, col, :3].mean()) / 255.0 * 1000.0
                    assert sheet.picture[row, col, 3] == 255 and grey == pytest.approx(500 + 10 * mm[0], abs=14.0)
                    seen += 1
                elif away > 21.0:
                    assert sheet.picture[row, col, 3] == 0
        assert seen > 20


def test_hollows_of_a_body_are_filled_and_air_is_not() -> None:
    shape = (40, 40, 40)
    away = np.sqrt((places(shape, centred((1.0, 1.0, 1.0), shape)) ** 2).sum(axis=0))
    shell = np.where((away < 17) & (away > 11), 1000, 0).astype(np.int16)
    shell[20:, 19:21, 19:21] = 0  # a narrow way in from the side
    solid = solid_of(volume(shell), 1000.0, 500.0, None)
    middle = tuple(side // 2 for side in solid.body.shape)
    assert solid.body[middle] > solid.level >= solid.field[middle]
    assert solid.body[0, 0, 0] <= solid.level
