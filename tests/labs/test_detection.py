"""Detection labs: each numeric core against torch, MONAI, scipy or an independent loop on random input."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from monai.apps.detection.utils.box_coder import BoxCoder
from monai.losses import FocalLoss
from scipy.optimize import minimize

from medviz.figures import Picture
from medviz.imaging.merging import distinct, first_regions, grown, neighbours
from medviz.imaging.slices import Slice
from medviz.labs.anchors import Anchors, anchors, shapes, taught
from medviz.labs.boxes import Boxes
from medviz.labs.examples import figures_of
from medviz.labs.findings import ABDOMEN, spots
from medviz.labs.overlaps import box_dragged, iou, moved, told
from medviz.labs.proposals import Proposals
from medviz.labs.pyramid import bottom_up, doubled, focal, level_of, top_down
from medviz.labs.rcnn import SIDE, Rcnn, machine, warped
from medviz.labs.region_pooling import RegionPooling, aligned, pooled, snapped
from medviz.labs.yolo import Yolo, decoded, encoded, owners
from medviz.parameters import changed
from medviz.refused import Refused

SEEDS = st.integers(0, 10_000)


def drawn(seed: int, rows: int = 14, cols: int = 17) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(rows, cols))
    return np.cumsum(np.cumsum(values, axis=0), axis=1)


def boxes_in(seed: int, count: int, shape: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 0.6, (count, 2)) * np.array(shape[::-1])
    high = low + rng.uniform(0.1, 0.4, (count, 2)) * np.array(shape[::-1])
    return np.concatenate([low, high], axis=1)


# Proposals


def likeness_from_pixels(values: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """The four shares again, from the pixels of two masks and from nothing that was worked out before."""
    low, high = np.percentile(values, (1, 99))
    level = np.clip((values - low) / (high - low or 1.0) * 25, 0, 24).astype(int)
    down, across = np.gradient(values)
    turn = (np.arctan2(down, across) / (2 * np.pi) % 1.0 * 8).astype(int) % 8
    total = 0.0
    for what, bins, weights in ((level, 25, None), (turn, 8, np.hypot(down, across))):
        shares = []
        for mask in (one, other):
            counts = np.bincount(what[mask], None if weights is None else weights[mask], bins)
            shares.append(counts / max(counts.sum(), 1e-12))
        total += float(np.minimum(*shares).sum())
    both = one | other
    rows, cols = np.nonzero(both)
    around = (np.ptp(rows) + 1) * (np.ptp(cols) + 1)
    return float(total + 1 - both.sum() / values.size + 1 - (around - both.sum()) / values.size)


@pytest.mark.row("DET-1")
@pytest.mark.parametrize("seed", range(4))
def test_the_two_that_merge_are_the_most_alike_of_all_neighbours(seed: int) -> None:
    values = drawn(seed)
    first = first_regions(values, 0.3, 0.3, 6)
    tree = grown(values, first)
    assert tree.count > 4
    for done, merge in enumerate(tree.merges):
        now = tree.at(done)
        alike = {pair: likeness_from_pixels(values, now == pair[0], now == pair[1]) for pair in neighbours(now)}
        found = alike[tuple(sorted((merge.one, merge.other)))]  # type: ignore[index]
        assert found == pytest.approx(max(alike.values()), abs=1e-6)
        assert found == pytest.approx(sum(merge.likeness), abs=1e-6)


@pytest.mark.row("DET-1")
@given(SEEDS)
def test_boxes_only_grow_and_hold_their_pixels(seed: int) -> None:
    values = drawn(seed)
    tree = grown(values, first_regions(values, 0.5, 0.3, 5))
    assert len(tree.merges) == tree.count - 1
    assert tree.regions[-1].box == (0, 0, values.shape[1], values.shape[0])
    for merge in tree.merges:
        x0, y0, x1, y1 = tree.regions[merge.made].box
        for part in (merge.one, merge.other):
            u0, v0, u1, v1 = tree.regions[part].box
            assert x0 <= u0 and y0 <= v0 and u1 <= x1 and v1 <= y1
        assert tree.regions[merge.made].size == tree.regions[merge.one].size + tree.regions[merge.other].size
    boxes = distinct(tree.regions, 1)
    assert len(boxes) == len(set(boxes)) <= 2 * tree.count - 1


@pytest.mark.row("DET-1")
def test_pointing_at_a_place_shows_the_boxes_that_came_to_hold_it() -> None:
    lab = Proposals(done=4000).pointed("regions", (60, 36), (96, 128))
    picture = figures_of(lab)["boxes"]
    assert isinstance(picture, Picture)
    marks = picture.marks[:-1]
    assert len(marks) > 2
    for inner, outer in pairwise(marks):
        assert outer.row <= inner.row and outer.col <= inner.col
        assert outer.row + outer.height >= inner.row + inner.height
    assert (marks[-1].height, marks[-1].width) == (96, 128)


def test_likeness_without_any_part_is_refused() -> None:
    with pytest.raises(Refused, match="switched off"):
        list(Proposals(colour=False, texture=False, size=False, fill=False).show())


# Region pooling and anchors


@pytest.mark.row("DET-3")
@given(SEEDS, st.integers(1, 7), st.integers(1, 4))
def test_region_pooling_is_torchs_adaptive_largest_of_the_cells(seed: int, out: int, stride: int) -> None:
    values = drawn(seed)
    x0, y0, x1, y1 = boxes_in(seed, 1, (14 * stride, 17 * stride))[0]
    left, top, right, bottom = snapped((x0, y0, x1, y1), stride, (14, 17))
    cells = torch.from_numpy(values[top:bottom, left:right])[None, None]
    wanted = F.adaptive_max_pool2d(cells, out)[0, 0].numpy()
    np.testing.assert_array_equal(pooled(values, (left, top, right, bottom), out), wanted)


@pytest.mark.row("DET-3")
@given(SEEDS, st.integers(1, 6), st.integers(1, 4))
def test_region_align_is_the_mean_of_what_torch_reads_between_cells(seed: int, out: int, stride: int) -> None:
    values = drawn(seed)
    x0, y0, x1, y1 = boxes_in(seed, 1, (14 * stride, 17 * stride))[0]
    share = (np.arange(out * 2) + 0.5) / (out * 2)
    y, x = (y0 + share * (y1 - y0)) / stride, (x0 + share * (x1 - x0)) / stride
    grid = np.stack(np.broadcast_arrays(x[None] / 17 * 2 - 1, y[:, None] / 14 * 2 - 1), axis=-1)
    read = F.grid_sample(torch.from_numpy(values)[None, None], torch.from_numpy(grid)[None], padding_mode="border",
                         align_corners=False)  # fmt: skip
    wanted = F.avg_pool2d(read, 2)[0, 0].numpy()
    np.testing.assert_allclose(aligned(values, (x0, y0, x1, y1), stride, out), wanted, atol=1e-9)


@pytest.mark.row("DET-3")
def test_dragging_the_box_leaves_the_map_and_changes_what_is_pooled() -> None:
    lab = RegionPooling()
    there = lab.dragged("image", (63.0, 93.0), (43.0, 53.0))
    assert there.box == ((42.0, 30.0, 64.0, 56.0),)
    before, after = figures_of(lab), figures_of(there)
    assert np.array_equal(before["map"].values, after["map"].values)  # type: ignore[union-attr]
    assert not np.array_equal(before["pooled"].values, after["pooled"].values)  # type: ignore[union-attr]


@pytest.mark.row("DET-3")
@given(SEEDS)
def test_what_a_box_is_told_from_its_anchor_equals_monais_coder(seed: int) -> None:
    boxes, around = boxes_in(seed, 6, (40, 50)), boxes_in(seed + 1, 6, (40, 50))
    coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
    wanted = coder.encode_single(torch.from_numpy(boxes).float(), torch.from_numpy(around).float()).numpy()
    np.testing.assert_allclose(told(boxes, around), wanted, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(moved(told(boxes, around), around), boxes, atol=1e-9)


@pytest.mark.row("DET-3")
@given(SEEDS, st.floats(0.3, 0.9))
def test_every_truth_that_is_touched_has_an_anchor_and_sure_ones_follow_the_thresholds(seed: int, least: float) -> None:
    every = anchors(5, 6, 8, shapes(8.0, 2, 3)).reshape(-1, 4)
    assert len(every) == 5 * 6 * 6
    shares = iou(every, boxes_in(seed, 3, (40, 48)))
    lessons = taught(shares, least, 0.2)
    for truth in range(3):
        assert lessons[shares[:, truth].argmax()] == 1
    assert (lessons[shares.max(axis=1) >= least] == 1).all()
    ground = shares.max(axis=1) < 0.2
    assert set(lessons[ground]) <= {0, 1} and (lessons == 0).sum() <= ground.sum()


def test_anchors_keep_their_area_and_stand_on_the_middles_of_cells() -> None:
    sizes = shapes(8.0, 3, 3)
    np.testing.assert_allclose(sizes.prod(axis=1), np.repeat([64.0, 256.0, 1024.0], 3))
    every = anchors(2, 3, 16, sizes)
    np.testing.assert_allclose((every[1, 2, :, :2] + every[1, 2, :, 2:]) / 2, [[40.0, 24.0]] * 9)


def test_a_background_above_the_objects_is_refused() -> None:
    with pytest.raises(Refused, match="larger than positive"):
        list(changed(Anchors(), positive=0.2, negative=0.5).show())


# R-CNN


@pytest.mark.row("DET-2")
@given(SEEDS)
def test_the_machine_finds_the_least_cost_that_scipy_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, signs = rng.normal(size=(24, 3)), np.where(np.arange(24) < 7, 1.0, -1.0)
    weigh = np.where(signs > 0, 0.5 / 7, 0.5 / 17)

    def cost(all_of_it: np.ndarray) -> float:
        lack = np.maximum(0, 1 - signs * (rows @ all_of_it[:3] + all_of_it[3]))
        return float(0.05 * (all_of_it[:3] ** 2).sum() + (weigh * lack**2).sum())

    wanted = minimize(cost, np.zeros(4)).fun
    made = machine(rows, signs, 0.1, 800)
    assert cost(np.append(made.weights, made.bias)) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.row("DET-2")
def test_a_crop_of_the_crops_own_size_is_the_slice_itself() -> None:
    values = drawn(3, SIDE, SIDE)
    crops = warped(values, np.array([[0.0, 0.0, SIDE, SIDE], [0.0, 0.0, SIDE / 2, SIDE / 2]]))
    np.testing.assert_allclose(crops[0], values, rtol=1e-4, atol=1e-3)
    assert crops[1][0, 0] == pytest.approx(values[0, 0], rel=0.2, abs=1.0)


@pytest.mark.row("DET-2")
def test_the_kidneys_that_were_taught_are_found_and_the_rest_is_not() -> None:
    picture = figures_of(Rcnn())["image"]
    assert isinstance(picture, Picture)
    truth = np.array([[m.col, m.row, m.col + m.width, m.row + m.height] for m in picture.marks if m.text == "taught"])
    found = np.array([[m.col, m.row, m.col + m.width, m.row + m.height] for m in picture.marks if m.text == "found"])
    assert len(truth) == 2
    assert (iou(truth, found).max(axis=1) > 0.4).all() and (iou(truth, found).max(axis=0) > 0.2).all()


# YOLO


@pytest.mark.row("DET-4")
@given(SEEDS, st.integers(1, 13))
def test_what_a_cell_tells_gives_its_box_back_and_its_middle_lies_in_the_cell(seed: int, cells: int) -> None:
    shape = (60, 80)
    boxes = boxes_in(seed, 5, shape)
    cell, numbers = owners(boxes, cells, shape), encoded(boxes, cells, shape)
    np.testing.assert_allclose(decoded(numbers, cell, cells, shape), boxes, atol=1e-9)
    assert ((numbers[:, :2] >= 0) & (numbers[:, :2] <= 1)).all()


@pytest.mark.row("DET-4")
def test_a_middle_that_is_dragged_over_a_border_has_another_owner() -> None:
    lab = Yolo(truth=((20.0, 20.0, 40.0, 40.0),), cells=4)
    there = lab.dragged("image", (30.0, 30.0), (30.0, 70.0))
    assert np.array_equal(there.truth, ((60.0, 20.0, 80.0, 40.0),))
    assert "(1, 0)" in text_of_table(lab) and "(1, 2)" in text_of_table(there)


def text_of_table(lab: Any) -> str:
    return str(figures_of(lab)["boxes"].rows)  # type: ignore[union-attr]


# Pyramid


@pytest.mark.row("DET-6")
@given(SEEDS, st.floats(0.0, 5.0))
def test_focal_loss_equals_monais(seed: int, gamma: float) -> None:
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, 1, 7)) * 3)
    given_chance = torch.sigmoid(logits).numpy()
    wanted = FocalLoss(gamma=gamma, reduction="none")(logits, torch.ones_like(logits)).numpy()
    np.testing.assert_allclose(focal(given_chance, gamma), wanted, rtol=1e-4, atol=1e-7)


@pytest.mark.row("DET-6")
@given(SEEDS, st.integers(2, 4))
def test_levels_are_joined_as_torch_enlarges_and_adds(seed: int, levels: int) -> None:
    maps = bottom_up(drawn(seed, 32, 48), levels)
    joined = top_down(maps)
    wanted = torch.from_numpy(maps[-1])[None, None]
    for k in range(levels - 2, -1, -1):
        wanted = F.interpolate(wanted, scale_factor=2, mode="nearest") + torch.from_numpy(maps[k])[None, None]
    np.testing.assert_allclose(joined[0], wanted[0, 0].numpy(), atol=1e-9)
    assert doubled(np.array([[1.0, 2.0]]), (1, 3)).tolist() == [[1.0, 1.0, 2.0]]


@pytest.mark.row("DET-6")
def test_a_box_of_half_the_side_is_read_one_level_finer() -> None:
    sides = (28, 56, 112, 224, 448, 896)
    assert [level_of(side, side, 6, 224.0) for side in sides] == [1, 2, 3, 4, 5, 5]


# Boxes under a hand


@pytest.mark.row("DET-5")
@given(SEEDS, st.floats(-40, 40), st.floats(-40, 40))
def test_a_dragged_box_stays_inside_and_keeps_an_extent(seed: int, down: float, right: float) -> None:
    boxes = np.round(boxes_in(seed, 3, (40, 50)))
    rng = np.random.default_rng(seed)
    start = float(rng.uniform(0, 40)), float(rng.uniform(0, 50))
    made = box_dragged(boxes, start, (start[0] + down, start[1] + right), (40, 50))
    if made is None:
        return
    assert (made != boxes).any(axis=1).sum() <= 1
    assert (made[:, 2:] - made[:, :2] >= 1).all()
    assert made.min() >= 0 and made[:, 2].max() <= 50 and made[:, 3].max() <= 40


@pytest.mark.row("DET-5")
def test_dragging_a_box_in_three_dimensions_from_the_side_moves_its_depth() -> None:
    lab = Boxes(boxes=((0.0, 0.0, 0.0, 10.0, 10.0, 10.0, 0.9), (20.0, 1.0, 1.0, 30.0, 11.0, 11.0, 0.8)))
    there = lab.dragged("side", (6.0, 25.0), (9.0, 15.0))
    assert there.boxes[1] == (10.0, 1.0, 4.0, 20.0, 11.0, 14.0, 0.8)
    assert lab.dragged("picture", (30.0, 30.0), (1.0, 1.0)) == lab


def test_a_border_is_dragged_alone() -> None:
    made = box_dragged(np.array([[10.0, 10.0, 30.0, 30.0]]), (20.0, 29.5), (25.0, 35.0), (50, 50))
    assert made is not None and made.tolist() == [[10.0, 10.0, 36.0, 30.0]]


def test_spots_of_the_drawn_abdomen_are_its_kidneys_spine_cyst_and_vessel() -> None:
    found = np.array(spots(ABDOMEN.values, 6))
    kidneys = np.array([[24.0, 50.0, 46.0, 74.0], [82.0, 50.0, 104.0, 76.0], [53.0, 62.0, 76.0, 85.0]])
    assert (iou(kidneys, found).max(axis=1) > 0.5).all()
    assert spots(np.zeros((20, 20))) == ()


@pytest.mark.parametrize("kind", [Proposals, RegionPooling, Anchors, Rcnn, Yolo])
def test_a_slice_with_holes_is_refused_in_one_sentence(kind: Any) -> None:
    pixels = np.linspace(0, 1, 1600).reshape(40, 40)
    pixels[4, 4] = np.nan
    with pytest.raises(Refused, match="finite"):
        list(kind(image=Slice(pixels, name="holes")).show())
