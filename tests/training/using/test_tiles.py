import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from medviz.training.using.tiles import body, hill, tiles_of


@given(
    shape=some.tuples(*[some.integers(1, 70)] * 3),
    window=some.tuples(*[some.integers(2, 40)] * 3),
)
def test_tiles_cover_every_voxel_lie_inside_and_are_of_one_size(
    shape: tuple[int, int, int], window: tuple[int, int, int]
) -> None:
    reach = tuple(min(a, b) for a, b in zip(shape, window, strict=True))
    covered = np.zeros(shape, int)
    for tile in tiles_of(shape, reach):
        assert tuple(part.stop - part.start for part in tile) == reach
        assert all(part.start >= 0 and part.stop <= side for part, side in zip(tile, shape, strict=True))
        covered[tile] += 1
    assert covered.min() >= 1


def test_neighbouring_tiles_overlap_by_a_quarter_at_least() -> None:
    starts = sorted({tile[0].start for tile in tiles_of((200, 1, 1), (64, 1, 1))})
    assert max(np.diff(starts)) <= 48


def test_slices_do_not_overlap() -> None:
    tiles = list(tiles_of((5, 6, 7), (5, 6, 1)))
    assert [tile[2].start for tile in tiles] == list(range(7))


def test_the_middle_of_a_tile_counts_most_and_its_rim_a_little() -> None:
    weights = hill((9, 12, 1))
    assert weights.shape == (9, 12, 1)
    assert torch.allclose(weights, weights.flip(0, 1))
    assert int(weights.argmax()) in (4 * 12 + 5, 4 * 12 + 6)
    assert 0 < float(weights.min()) < 0.01 < float(weights.max())


def test_the_box_holds_the_body_and_a_margin() -> None:
    image = np.full((1, 40, 30, 20), -3.0, np.float32)
    image[0, 10:20, 8:29, 3:5] = 1.0
    box = body(image)
    assert [(part.start, part.stop) for part in box] == [(6, 24), (4, 30), (0, 9)]


@pytest.mark.parametrize("value", [0.0, -2.0, 7.0])
def test_where_all_is_alike_the_box_is_everything(value: float) -> None:
    box = body(np.full((2, 5, 6, 7), value, np.float32))
    assert [(part.start, part.stop) for part in box] == [(0, 5), (0, 6), (0, 7)]
