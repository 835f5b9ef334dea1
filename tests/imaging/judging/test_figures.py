"""The confusion matrix and the curves of a threshold, as figures."""

import numpy as np
import pytest

from medviz.imaging.judging.agreement import agreement
from medviz.imaging.judging.matrix import matrix
from medviz.imaging.judging.threshold_figures import FIGURES, figure, names
from medviz.imaging.judging.thresholds import consequences
from medviz.messages import finished
from tests.imaging.judging.maps import blobs, volume


def test_a_column_of_the_matrix_says_what_became_of_a_label() -> None:
    meant = np.array([[[1, 1, 1, 1, 2, 2, 0, 0]]], np.uint8)
    found = np.array([[[1, 1, 2, 0, 2, 2, 0, 1]]], np.uint8)
    drawn, values = matrix(finished(agreement(volume(found), volume(meant), {1: "liver", 2: "spleen"})))
    assert values == (0, 1, 2) and drawn.row_names == ("background  0", "liver  1", "spleen  2")
    np.testing.assert_allclose(drawn.values[:, 1], [25, 50, 25])
    np.testing.assert_allclose(drawn.values.sum(axis=0), 100)
    assert drawn.unit == "%" and drawn.column_names == ("0", "1", "2")


def test_of_many_labels_the_most_confused_are_drawn_and_that_is_said() -> None:
    meant = np.arange(40, dtype=np.uint8).repeat(3).reshape(40, 3, 1)
    found = meant.copy()
    found[7], found[31, 1:] = 9, 30
    drawn, values = matrix(finished(agreement(volume(found), volume(meant))), most=6)
    assert len(values) == 6 and {0, 7, 9, 30, 31} <= set(values) and "6 most confused of 40" in drawn.title


def test_the_curves_are_there_for_which_there_are_data_and_carry_the_threshold() -> None:
    rng = np.random.default_rng(0)
    values = rng.random((12, 12, 12)).astype(np.float32)
    alone = finished(consequences(volume(values)))
    assert names(alone) == ("volume",)
    judged = finished(consequences(volume(values), rng.random(values.shape) < values))
    assert set(names(judged)) == set(FIGURES)
    for name in names(judged):
        drawn = figure(judged, name, 0.25)
        assert drawn.name == name and drawn.x_name and drawn.y_name and drawn.at is not None
        assert all(len(line.x) == len(line.y) for line in drawn.lines)
    assert judged.hit is not None
    assert figure(judged, "precision", 0.25).at == pytest.approx(judged.hit[250] / judged.meant)
    assert figure(judged, "overlap", 0.25).at == 0.25
    assert "ml" in figure(judged, "volume", 0.25).y_name


def test_a_map_without_voxels_of_a_label_makes_figures_all_the_same() -> None:
    empty = finished(agreement(volume(np.zeros((4, 4, 4), np.uint8)), volume(blobs(1)[:4, :4, :4])))
    drawn, _ = matrix(empty)
    assert np.isfinite(drawn.values).all()
