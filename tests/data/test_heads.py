import numpy as np
import pytest
import torch

from medviz.data.heads import folded, painted, surroundings


@pytest.fixture(scope="module")
def ball() -> np.ndarray:
    """A brain of 40 mm that is a ball, with a furrow."""
    axes = np.ogrid[-48:48, -48:48, -48:48]
    brain = np.asarray(sum(axis**2 for axis in axes) < 40**2)
    brain[:, 46:50, 60:] = False
    return brain


def shares(size: int = 96) -> torch.Tensor:
    """A disc of white matter in a ring of grey matter, (3, x, y)."""
    axes = np.ogrid[-size // 2 : size // 2, -size // 2 : size // 2]
    radius = np.sqrt(sum(axis**2 for axis in axes))
    white, grey = radius < 36, (radius >= 36) & (radius < 40)
    return torch.from_numpy(np.stack([grey, white, np.zeros_like(white)]).astype(np.float32))


def test_distances_are_in_mm_and_the_furrow_lies_inside_the_skull(ball: np.ndarray) -> None:
    around = surroundings(ball)
    assert float(around.outside_mm[48, 48, 80]) == 0, "the furrow"
    assert float(around.outside_mm[48, 93, 48]) == pytest.approx(5, abs=2.5)
    assert float(around.depth_mm[48, 48, 48]) == pytest.approx(40, abs=3)
    assert float(around.depth_mm[0, 0, 0]) == 0


def test_the_neck_reaches_down_from_the_head_and_not_up(ball: np.ndarray) -> None:
    around = surroundings(np.pad(ball, ((0, 0), (0, 0), (60, 60))))
    assert float(around.beside_mm[48, 48, 5]) == 0
    assert float(around.beside_mm[48, 48, -5]) > 20


def test_the_same_chance_paints_the_same_head(ball: np.ndarray) -> None:
    around = surroundings(ball)
    slices = around.outside_mm[..., 48], around.beside_mm[..., 48]
    one, two = (painted(shares(), *slices, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])
    other, _ = painted(shares(), *slices, np.random.default_rng(6))
    assert not torch.equal(one[0], other)


def test_tissues_have_the_order_of_t1_in_every_head(ball: np.ndarray) -> None:
    around = surroundings(ball)
    tissue = shares()
    for seed in range(20):
        image, fluid = painted(
            tissue, around.outside_mm[..., 48], around.beside_mm[..., 48], np.random.default_rng(seed)
        )
        grey, white = (float(image[0][tissue[k] == 1].mean()) for k in (0, 1))
        assert 0 < grey < white
        assert not fluid[tissue.sum(0) == 1].any()
        if fluid.any():
            assert float(image[0][fluid].mean()) < grey
        assert torch.isfinite(image).all()


def test_furrows_keep_the_brain_and_lie_near_its_surface(ball: np.ndarray) -> None:
    depth = surroundings(ball).depth_mm[..., 48]
    tissue = shares()
    more = 0.0
    for seed in range(10):
        carved = folded(tissue, depth, np.random.default_rng(seed))
        assert carved.sum(0) == pytest.approx(tissue.sum(0), abs=1e-5)
        assert carved.min() > -1e-5
        assert float(carved[2][depth > 32].max()) < 0.05, "deep white matter stays"
        more += float(carved[2].sum())
    assert more > 500, "there are furrows"
