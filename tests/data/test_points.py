"""Points in known patterns, and how many of their modes others cover."""

import numpy as np
import pytest

from medviz.data.points import Points, covered


@pytest.mark.parametrize("shape", ["ring", "grid", "moons", "spiral"])
def test_points_lie_round_their_centres_and_others_are_held_out(shape: str) -> None:
    data = Points(shape=shape, count=400, spread=0.02)
    learnt, held = data.training(), data.validation()
    assert (len(learnt), len(held)) == (400, 100)
    assert set(learnt.kinds) == set(range(len(data.centres))), "each centre has points"
    assert np.abs(learnt.at).max() < 1.3
    assert not set(map(tuple, learnt.at)) & set(map(tuple, held.at))
    modes, near = covered(held.at, data.centres, data.spread if shape in ("ring", "grid") else 0.1)
    assert modes == len(data.centres) and near > 0.95
    again = Points(shape=shape, count=400, spread=0.02).training()
    assert np.array_equal(again.at, learnt.at)
    assert learnt[3]["image"].shape == (2,) and int(learnt[3]["kind"]) == learnt.kinds[3]


def test_a_mode_is_covered_by_a_quarter_of_an_even_share() -> None:
    data = Points(count=800)
    half = data.training().at[data.training().kinds < 4]
    assert covered(half, data.centres, data.spread)[0] == 4
    few = np.concatenate([np.repeat(data.centres[:1], 97, 0), data.centres[1:4]])
    assert covered(few, data.centres, data.spread) == (1, 1.0), "a stray point covers nothing"
    assert covered(np.zeros((50, 2)), data.centres, data.spread) == (0, 0.0)
