"""Grids, arrangements, numbers and colours: what views are made of, without a widget."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medviz.gui.drawing.arrange import (
    LEAST_CELL,
    Need,
    Scale,
    arranged,
    shared,
    stacked,
    widened,
    wrapped,
)
from medviz.gui.drawing.arrangement import Leaf, Nest, Sign, parsed
from medviz.gui.drawing.colours import NOT_A_NUMBER, colour_map, coloured, is_light, levels_of, thinned
from medviz.gui.drawing.grid import Grid, fitted, kept_inside, zoomed
from medviz.gui.drawing.numbers import number_of, number_text, with_unit

KERNEL = Need(frame=(0, 22), cells=(3, 3))
SCAN = Need(frame=(0, 22), aspect=0.85, least=(110, 110), weight=1.4)


def words(node):
    if isinstance(node, Leaf):
        return node.name
    if isinstance(node, Sign):
        return node.text
    return [words(part) for part in node.parts]


@pytest.mark.parametrize(
    ("text", "names", "tree"),
    [
        ("image kernel output / formula", "image kernel output formula", [["image", "kernel", "output"], ["formula"]]),
        ("image ∗ kernel = output", "image kernel output", [["image", "∗", "kernel", "=", "output"]]),
        ("image ∗ kernel = output", "image output", [["image", "=", "output"]]),
        ("a ∗ b", "b", [["b"]]),
        ("a (b / c) d", "a b c d", [["a", [["b"], ["c"]], "d"]]),
        ("a (b / c) d", "a d", [["a", "d"]]),
        ("a", "a b", [["a"], ["b"]]),
        ("", "a", [["a"]]),
        ("a ) b", "a b", [["a"], ["b"]]),
        ("x y / z", "", []),
    ],
)
def test_an_arrangement_names_what_is_there(text, names, tree):
    assert words(parsed(text, names.split())) == tree


def test_a_weight_stands_behind_a_colon():
    row = parsed("image:3 kernel", ["image", "kernel"]).parts[0]
    assert [leaf.weight for leaf in row.parts] == [3.0, None]


def test_a_kernel_is_not_drawn_as_large_as_the_scan():
    plan = arranged(parsed("scan kernel", ["scan", "kernel"]), {"scan": SCAN, "kernel": KERNEL}, (900, 600))
    kernel, scan = plan.boxes["kernel"], plan.boxes["scan"]
    assert 28 * 3 <= kernel[2] <= 64 * 3
    assert scan[2] > 2 * kernel[2]
    assert scan[3] > 500


def test_cells_are_all_of_one_size_between_28_and_64():
    needs = {"image": Need(cells=(5, 5)), "kernel": KERNEL, "output": KERNEL}
    plan = arranged(parsed("image kernel output", list(needs)), needs, (1000, 700))
    assert plan.cell == 64
    assert plan.boxes["image"][2] == 5 * plan.cell and plan.boxes["kernel"][2] == 3 * plan.cell
    assert arranged(parsed("image kernel output", list(needs)), needs, (400, 700)).cell == 32


def test_too_small_a_room_makes_the_plan_larger_than_the_room():
    needs = {"a": Need(cells=(20, 20)), "b": Need(cells=(20, 20))}
    plan = arranged(parsed("a / b", ["a", "b"]), needs, (300, 300))
    assert plan.cell == LEAST_CELL
    assert plan.size[0] >= 20 * LEAST_CELL and plan.size[1] >= 40 * LEAST_CELL


@given(
    st.lists(st.sampled_from(["cells", "scan", "plot", "text"]), min_size=1, max_size=7),
    st.lists(st.integers(0, 3), min_size=7, max_size=7),
    st.integers(120, 2000),
    st.integers(120, 1400),
)
def test_no_figure_overlaps_another_or_leaves_the_plan(kinds, breaks, width, height):
    kind = {
        "cells": Need(frame=(4, 22), cells=(4, 3)),
        "scan": SCAN,
        "plot": Need(frame=(0, 22), least=(160, 120)),
        "text": Need(height_for=lambda wide: 20 + 4000 / max(wide, 40)),
    }
    needs = {f"f{number}": kind[name] for number, name in enumerate(kinds)}
    text = " ".join(f"f{n}" + (" /" if breaks[n % 7] == 0 else "") for n in range(len(kinds)))
    plan = arranged(stacked(parsed(text, list(needs)), needs, width), needs, (width, height))
    boxes = list(plan.boxes.values())
    assert len(boxes) == len(kinds)
    for x, y, wide, high in boxes:
        assert wide > 0 and high > 0
        assert -0.01 <= x and x + wide <= plan.size[0] + 0.01
        assert -0.01 <= y and y + high <= plan.size[1] + 0.01
    for number, (x, y, wide, high) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            beside = x + wide <= other[0] + 0.01 or other[0] + other[2] <= x + 0.01
            above = y + high <= other[1] + 0.01 or other[1] + other[3] <= y + 0.01
            assert beside or above


def test_narrow_texts_stand_below_each_other():
    needs = {name: Need(height_for=lambda wide: 20.0 if wide > 300 else 120.0) for name in "ab"}
    tree = parsed("a b", ["a", "b"])
    assert len(stacked(tree, needs, 400).parts) == 2
    assert stacked(tree, needs, 900) == tree


def test_in_a_wide_room_two_rows_of_figures_stand_side_by_side():
    needs = {"scan": SCAN, "kernel": KERNEL, "window": KERNEL, "more": KERNEL, "text": Need(height_for=lambda wide: 30)}
    tree = parsed("scan kernel / window / more / text", list(needs))
    assert words(widened(tree, needs)) == [[["scan", "kernel"], ["window"]], ["more"], ["text"]]


def test_a_row_too_wide_for_the_room_is_broken():
    needs = {name: Need(cells=(4, 4)) for name in "abcd"}
    tree = parsed("a ∗ b = c d", list(needs))
    assert words(wrapped(tree, needs, 340, Scale())) == [["a", "∗", "b"], ["c", "d"]]
    assert words(wrapped(tree, needs, 3000, Scale())) == words(tree)
    assert words(wrapped(tree, needs, 10, Scale())) == [["a"], ["b"], ["c"], ["d"]]


def test_lengths_are_shared_by_weight_between_least_and_most():
    assert shared(100, [0, 0], [1000, 1000], [1, 3]) == [25, 75]
    assert shared(100, [40, 0], [1000, 1000], [1, 9]) == [40, 60]
    assert shared(100, [0, 0], [10, 1000], [1, 1]) == [10, 90]
    assert shared(100, [30, 0], [30, 1000], [0, 1]) == [30, 70]


def test_larger_type_asks_for_larger_cells():
    plan = arranged(parsed("k", ["k"]), {"k": KERNEL}, (150, 150), Scale(least_cell=52, most_cell=150))
    assert plan.cell == 52


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.3, 3), st.floats(50, 900), st.floats(50, 900))
def test_every_place_on_a_grid_leads_to_its_own_cell(rows, cols, ratio, width, height):
    grid = fitted(rows, cols, ratio, (3, 5, width, height), None, False)
    for row, col in ((0, 0), (rows - 1, cols - 1), (rows // 2, cols // 2)):
        x, y, wide, high = grid.box(row, col)
        assert grid.cell_at(x + wide / 2, y + high / 2) == (row, col)
    assert grid.cell_at(grid.area[0] - 1, grid.area[1]) is None
    assert grid.area[2] <= width + 0.01 and grid.area[3] <= height + 0.01


def test_the_aspect_follows_the_mm():
    grid = fitted(10, 10, 3.0, (0, 0, 300, 300), None, False)
    assert grid.cell_px == pytest.approx((10.0, 30.0))


def test_zooming_keeps_the_place_under_the_mouse_and_stays_inside():
    seen = zoomed((0, 0, 100, 100), (0.5, 0.5), 2.0, 100, 100)
    assert seen == pytest.approx((25, 25, 50, 50))
    assert zoomed(seen, (0, 0), 0.01, 100, 100) == pytest.approx((0, 0, 100, 100))
    assert zoomed((0, 0, 100, 100), (0.5, 0.5), 1e9, 100, 100)[2] == pytest.approx(4)
    assert kept_inside((-5, 90, 50, 50), 100, 100) == (0, 50, 50, 50)


def test_only_what_is_seen_is_listed():
    grid = Grid(100, 100, (0, 0, 200, 200), (10, 20, 4, 5))
    assert grid.visible() == (range(20, 26), range(10, 15))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (6, "6"), (-9.0, "−9"), (0.0, "0"), (-0.0, "0"), (3.25, "3.25"), (7.937254, "7.94"), (1234.5, "1234"),
        (1e-7, "1e−7"), (2.5e9, "2.5e9"), (float("nan"), "NaN"), (float("inf"), "∞"), (float("-inf"), "−∞"),
        (999999, "999999"), (0.1 + 0.2, "0.3"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_a_person_writes_them(value, text):
    assert number_text(value) == text


def test_a_unit_stands_behind_its_number():
    assert with_unit("143", "HU") == "143 HU" and with_unit("143", "") == "143"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5", 1.5), ("−2", -2), ("0,5", 0.5), ("1/8", 0.125), ("1e-3", 0.001), ("", None), ("-", None), ("1/0", None),
     ("abc", None), ("nan", None), ("inf", None), ("1/2/3", None)],
)  # fmt: skip
def test_what_is_typed_is_read_or_refused(text, value):
    assert number_of(text) == value


def test_a_signed_map_is_white_at_zero_and_symmetric():
    values = np.array([-2.0, 0.0, 8.0])
    levels = levels_of(values, "diverging", None)
    assert levels == (-8.0, 8.0)
    red, white, blue = coloured(np.array([8.0, 0.0, -8.0]), "diverging", levels)
    assert red[0] > 150 > red[2] and blue[2] > 150 > blue[0]
    assert (white > 240).all()


@pytest.mark.parametrize("name", ["grey", "diverging", "viridis", "magma", "cividis"])
def test_every_map_has_256_colours(name):
    assert colour_map(name).shape == (256, 3)


def test_sequential_maps_grow_lighter_all_the_way():
    for name in ("grey", "viridis", "magma", "cividis"):
        light = colour_map(name).astype(float) @ (0.2126, 0.7152, 0.0722)
        assert (np.diff(light) > -1.0).all() and light[-1] - light[0] > 100


def test_what_is_no_number_has_a_colour_of_its_own():
    painted = coloured(np.array([[np.nan, 0.0, np.inf]]), "grey", (0.0, 1.0))
    assert tuple(painted[0, 0]) == NOT_A_NUMBER
    assert tuple(painted[0, 2]) == (255, 255, 255)


def test_constant_empty_and_infinite_values_have_levels():
    for values in (np.zeros((2, 2)), np.zeros((0, 3)), np.full((2, 2), np.nan), np.full(3, np.inf)):
        low, high = levels_of(values, "grey", None)
        assert low < high
    assert levels_of(np.zeros(3), "diverging", None) == (-1.0, 1.0)
    assert levels_of(np.arange(3.0), "grey", (5.0, 5.0)) == (0.0, 2.0)


def test_huge_pictures_are_thinned_before_they_are_painted():
    assert thinned(np.zeros((10000, 3), np.uint8)).shape[0] <= 4096
    assert thinned(np.zeros((0, 3))).shape == (0, 3)


def test_black_on_light_and_white_on_dark():
    assert is_light((255, 255, 0)) and not is_light((0, 0, 120))


def test_a_nest_without_figures_takes_no_room():
    assert arranged(Nest((), True), {}, (100, 100)).boxes == {}
