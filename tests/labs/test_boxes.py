"""What boxes share and which are kept, against MONAI's own functions on random boxes in 2-D and 3-D."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import box_utils

from medviz.labs.boxes import Boxes
from medviz.labs.examples import figures_of
from medviz.labs.overlaps import iou, rounds
from medviz.parameters import changed
from medviz.refused import Refused


@st.composite
def boxes(draw: st.DrawFn) -> np.ndarray:
    half = draw(st.sampled_from((2, 3)))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    low = rng.integers(0, 20, (draw(st.integers(1, 12)), half))
    return np.concatenate([low, low + rng.integers(1, 12, low.shape)], axis=1).astype(float)


@pytest.mark.row("DET-5")
@given(boxes())
def test_the_share_equals_monai(table: np.ndarray) -> None:
    wanted = box_utils.box_iou(torch.from_numpy(table), torch.from_numpy(table)).numpy()
    np.testing.assert_allclose(iou(table, table), wanted, atol=1e-6)


@pytest.mark.row("DET-5")
@given(boxes(), st.sampled_from((0.1, 0.3, 0.5, 0.7)))
def test_what_is_kept_equals_monai(table: np.ndarray, threshold: float) -> None:
    scores = np.random.default_rng(len(table)).permutation(len(table)) / len(table)
    wanted = box_utils.non_max_suppression(torch.from_numpy(table), torch.from_numpy(scores), threshold)
    assert [one.kept for one in rounds(table, scores, threshold)] == wanted.tolist()


@pytest.mark.row("DET-5")
def test_each_box_is_kept_or_removed_once() -> None:
    lab = Boxes()
    done = rounds(np.asarray(lab.boxes)[:, :4], np.asarray(lab.boxes)[:, 4], lab.threshold)
    seen = [one.kept for one in done] + [index for one in done for index in one.removed]
    assert sorted(seen) == [0, 1, 2, 3] and lab.steps() == 4


def test_pointing_at_a_cell_compares_that_pair() -> None:
    lab = Boxes().pointed("shares", (0, 3), (4, 4))
    assert "boxes 0 and 3" in figures_of(lab)["formula"].title
    assert "50 / 150" in figures_of(lab)["formula"].text  # type: ignore[union-attr]


def test_boxes_that_make_no_sense_are_refused() -> None:
    for table in (((0.0, 0.0, 0.0, 5.0, 0.5),), ((0.0, 1.0, 2.0),)):
        with pytest.raises(Refused):
            list(changed(Boxes(), boxes=table).show())
