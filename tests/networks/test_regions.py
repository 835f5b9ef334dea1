"""What the R-CNN family shares, held against loops that are written out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from medviz.networks.detector import shared
from medviz.networks.regions import chosen, corrected, corrections, cut_out, matched, searched

BOX = st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(2, 60), st.floats(2, 60))


def box_of(x: float, y: float, wide: float, high: float) -> Tensor:
    return torch.tensor([[x, y, x + wide, y + high]])


@settings(max_examples=60, deadline=None)
@given(BOX, BOX)
def test_a_correction_turns_a_box_into_its_goal(one: tuple[float, ...], other: tuple[float, ...]) -> None:
    box, goal = box_of(*one), box_of(*other)
    grown = float((goal[0, 2:] - goal[0, :2]).div(box[0, 2:] - box[0, :2]).log().abs().max())
    if grown < 2.4:
        torch.testing.assert_close(corrected(box, corrections(box, goal)), goal, atol=2e-3, rtol=1e-4)
    else:
        assert bool(torch.isfinite(corrected(box, corrections(box, goal))).all())


def read(features: Tensor, x: float, y: float) -> Tensor:
    """Bilinear value of a map at a place in cells, whose middles lie at 0.5, 1.5 ...; the edge is repeated."""
    sides = features.shape[1:]
    at = [min(max(one - 0.5, 0.0), side - 1.0) for one, side in zip((x, y), sides, strict=True)]
    (i, j), total = (int(at[0]), int(at[1])), torch.zeros(len(features))
    for di in (0, 1):
        for dj in (0, 1):
            weight = (1 - abs(at[0] - i - di)) * (1 - abs(at[1] - j - dj))
            if weight > 0:
                total = total + weight * features[:, min(i + di, sides[0] - 1), min(j + dj, sides[1] - 1)]
    return total


def test_a_region_is_read_between_the_cells_four_points_a_bin() -> None:
    features = torch.rand(3, 7, 5, generator=torch.Generator().manual_seed(0))
    boxes = torch.tensor([[3.0, 10.0, 77.0, 41.0], [0.0, 0.0, 112.0, 80.0], [50.5, 20.25, 58.0, 70.0]])
    found, out, stride = cut_out(features, boxes, 16, 3), 3, 16
    assert found.shape == (3, 3, 3, 3)
    for number, (x0, y0, x1, y1) in enumerate(boxes.tolist()):
        for row in range(out):
            for col in range(out):
                points = [
                    read(
                        features,
                        (x0 + (row + (k + 0.5) / 2) / out * (x1 - x0)) / stride,
                        (y0 + (col + (m + 0.5) / 2) / out * (y1 - y0)) / stride,
                    )
                    for k in (0, 1)
                    for m in (0, 1)
                ]
                torch.testing.assert_close(found[number, :, row, col], torch.stack(points).mean(0), atol=1e-5, rtol=0)


def test_candidates_are_matched_by_what_they_share() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    candidates = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5], [21, 20, 31, 30], [50, 50, 60, 60], [20, 20, 24, 30]])
    assert matched(candidates, boxes, 0.6, 0.3).tolist() == [0, -2, 1, -1, -2]
    assert matched(candidates, boxes[:0], 0.6, 0.3).tolist() == [-1] * 5
    far = torch.tensor([[0.0, 0, 10, 10], [90, 90, 99, 99]])
    assert matched(far, torch.tensor([[0.0, 0, 3, 3]]), 0.6, 0.3, each=True).tolist() == [0, -1]


@pytest.mark.parametrize(
    ("objects", "empty", "wanted"), [(20, 80, (4, 12)), (2, 80, (2, 14)), (20, 3, (4, 3)), (0, 5, (0, 5))]
)
def test_objects_are_at_most_their_share_and_nothing_counts_twice(
    objects: int, empty: int, wanted: tuple[int, int]
) -> None:
    meant = torch.tensor([0] * objects + [-1] * empty + [-2] * 7)
    taken = chosen(meant, 16, 0.25)
    assert len(set(taken.tolist())) == len(taken)
    assert (int((meant[taken] >= 0).sum()), int((meant[taken] == -1).sum())) == wanted


def test_what_stands_out_is_proposed_where_it_lies() -> None:
    image = 0.05 * torch.randn(1, 96, 64, generator=torch.Generator().manual_seed(0))
    image[0, 20:50, 8:30] += 2.0
    image[0, 60:90, 35:60] -= 2.0
    boxes = searched(image, 100)
    alike = shared(torch.tensor([[20.0, 8, 50, 30], [60.0, 35, 90, 60]]), boxes)
    assert bool((alike.amax(1) > 0.8).all()) and len(boxes) <= 100
    assert np.array_equal(boxes.numpy(), searched(image, 100).numpy())
