"""The arithmetic of boxes that detectors share, held against loops that a person can check."""

import math

import pytest
import torch

from medviz.networks.detector import MOST, Found, generalised, shared, sizes, suppressed, surest, voted, within


def drawn(count: int, dimensions: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    low = torch.rand(count, dimensions, generator=random) * 30
    return torch.cat([low, low + torch.rand(count, dimensions, generator=random) * 20 + 0.5], 1)


def share_of(one: list[float], other: list[float]) -> tuple[float, float]:
    """IoU and generalised IoU of two boxes, side by side."""
    half = len(one) // 2
    both, hull, size, more = 1.0, 1.0, 1.0, 1.0
    for axis in range(half):
        both *= max(0.0, min(one[half + axis], other[half + axis]) - max(one[axis], other[axis]))
        hull *= max(one[half + axis], other[half + axis]) - min(one[axis], other[axis])
        size *= one[half + axis] - one[axis]
        more *= other[half + axis] - other[axis]
    union = size + more - both
    return both / union, both / union - (hull - union) / hull


@pytest.mark.parametrize("dimensions", [2, 3])
def test_shares_are_those_of_a_loop(dimensions: int) -> None:
    boxes, others = drawn(7, dimensions, 1), drawn(5, dimensions, 2)
    table = shared(boxes, others)
    for row, one in enumerate(boxes.tolist()):
        for column, other in enumerate(others.tolist()):
            assert float(table[row, column]) == pytest.approx(share_of(one, other)[0], abs=1e-5)
    pairs = generalised(boxes[:5], others)
    expected = [share_of(a, b)[1] for a, b in zip(boxes[:5].tolist(), others.tolist(), strict=True)]
    assert pairs.tolist() == pytest.approx(expected, abs=1e-5)
    assert torch.equal(shared(boxes[None], others[None])[0], table), "batches are compared picture by picture"


def kept_by_a_loop(found: Found, overlap: float) -> list[int]:
    left = sorted(range(len(found)), key=lambda index: (-float(found.scores[index]), index))
    kept: list[int] = []
    for index in left:
        rivals = [one for one in kept if found.classes[one] == found.classes[index]]
        shares = [share_of(found.boxes[one].tolist(), found.boxes[index].tolist())[0] for one in rivals]
        if all(share <= overlap for share in shares):
            kept.append(index)
    return kept


@pytest.mark.parametrize("seed", range(6))
def test_suppression_keeps_what_a_loop_keeps(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    scores = (torch.rand(40, generator=random) * 10).round() / 10  # many are equal
    found = Found(drawn(40, 2 + seed % 2, seed), scores, torch.randint(0, 2, (40,), generator=random))
    expected = kept_by_a_loop(found, 0.3)
    kept = suppressed(found, 0.3)
    assert torch.equal(kept.boxes, found.boxes[expected])
    assert torch.equal(kept.scores, found.scores[expected])
    assert len(suppressed(found, 0.3, most=3)) == 3


def test_nothing_found_is_nothing_kept() -> None:
    nothing = Found(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    assert len(suppressed(nothing, 0.5)) == 0
    assert len(surest(torch.zeros(6, 2), drawn(6, 2, 0), 0.5)) == 0, "less sure than what is ever told"


def test_a_candidate_may_be_told_as_two_classes_and_not_too_many_are() -> None:
    told = surest(torch.tensor([[0.9, 0.8]]), torch.tensor([[0.0, 0.0, 9.0, 9.0]]), 0.5)
    assert told.classes.tolist() == [0, 1] and told.scores.tolist() == pytest.approx([0.9, 0.8])
    apart = torch.arange(300.0)[:, None] * 20
    many = surest(torch.full((300, 1), 0.5), torch.cat([apart, apart, apart + 9, apart + 9], 1), 0.5)
    assert len(many) == MOST


def test_boxes_are_cut_at_the_borders_and_have_sizes() -> None:
    cut = within(torch.tensor([[-3.0, 2.0, 70.0, 30.0]]), (64, 20))
    assert cut.tolist() == [[0.0, 2.0, 64.0, 20.0]]
    assert sizes(cut).tolist() == [64.0 * 18.0]
    assert math.isclose(float(sizes(torch.tensor([5.0, 5.0, 4.0, 9.0]))), 0.0), "one that ends before it begins"


def test_boxes_that_agree_settle_the_borders_together() -> None:
    boxes = torch.tensor([[0.0, 0, 20, 20], [1.0, 1, 21, 21], [0.0, 0, 20, 20], [60.0, 60, 80, 80], [5.0, 5, 5, 5]])
    candidates = Found(boxes, torch.tensor([0.6, 0.3, 0.9, 0.5, 0.4]), torch.tensor([0, 0, 1, 0, 0]))
    kept = candidates.only(torch.tensor([0, 3, 4]))
    told = voted(kept, candidates)
    assert told.boxes[0].tolist() == pytest.approx([1 / 3, 1 / 3, 20 + 1 / 3, 20 + 1 / 3]), (
        "two to one; not the other class"
    )
    assert told.boxes[1:].tolist() == boxes[3:].tolist(), "alone, and without extent, they stay as they are"
    assert torch.equal(told.scores, kept.scores)
