"""Ratios and fits against scikit-learn, the learnt kernel against torch's Adam."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Lasso
from sklearn.metrics import confusion_matrix, f1_score, roc_auc_score

from medviz.imaging.slices import Slice
from medviz.labs.fit import Fit, basis, error, fitted
from medviz.labs.kernels import KERNELS
from medviz.labs.learnt_kernel import LearntKernel, equations, learnt
from medviz.labs.ratios import Ratios, area, counted, curve, f1
from medviz.parameters import changed
from medviz.refused import Refused


@pytest.mark.row("TRAIN-14")
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_counts_ratios_and_area_equal_scikit_learn(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    truth = np.append(rng.random(60) < 0.4, [True, False])
    scores = np.round(np.clip(truth * 0.3 + rng.random(62) * 0.8, 0, 1), 2)
    found = counted(scores, truth, threshold)
    tn, fp, fn, tp = confusion_matrix(truth, scores >= threshold, labels=[False, True]).ravel()
    assert (found.tp, found.fp, found.fn, found.tn) == (tp, fp, fn, tn)
    wanted = f1_score(truth, scores >= threshold, zero_division=0.0)
    assert found.ratios()["F1 = Dice"] == pytest.approx(wanted)
    fpr, tpr, _ = curve(scores, truth)
    assert area(fpr, tpr) == pytest.approx(roc_auc_score(truth, scores))


@pytest.mark.row("TRAIN-14")
def test_f1_of_the_decks_classifiers() -> None:
    assert f1(0.95, 0.90) == pytest.approx(0.9243, abs=5e-5)
    assert f1(0.98, 0.85) == pytest.approx(0.9104, abs=5e-5)


@pytest.mark.row("TRAIN-9")
@given(st.integers(0, 500))
def test_training_error_never_rises_with_the_degree(seed: int) -> None:
    x, y, *_ = changed(Fit(), seed=seed)._data()
    errors = [error(x, y, fitted(x, y, degree)) for degree in range(16)]
    assert all(after <= before + 1e-9 for before, after in pairwise(errors))


@pytest.mark.row("TRAIN-9")
def test_test_error_falls_and_rises_again() -> None:
    x, y, far_x, far_y = Fit()._data()
    errors = [error(far_x, far_y, fitted(x, y, degree)) for degree in range(16)]
    best = int(np.argmin(errors))
    assert 2 <= best <= 9 and errors[0] > 2 * errors[best] and errors[15] > 2 * errors[best]


@pytest.mark.row("TRAIN-7")
def test_l1_equals_scikit_learn_and_l2_its_closed_form() -> None:
    x, y, *_ = Fit()._data()
    design = basis(x, 9)
    wanted = Lasso(alpha=0.02, max_iter=200_000, tol=1e-12).fit(design[:, 1:], y)
    found = fitted(x, y, 9, "l1", 0.04)
    np.testing.assert_allclose(found[1:], wanted.coef_, atol=1e-5)
    ridge = fitted(x, y, 9, "l2", 0.1)
    penalty = np.concatenate([[0.0], ridge[1:]])
    np.testing.assert_allclose(design.T @ (design @ ridge - y) / len(x) + 0.1 * penalty, 0, atol=1e-9)


@pytest.mark.row("CONV-10")
def test_the_deck_kernel_is_found_by_adam_as_torch_has_it() -> None:
    values = LearntKernel().image.values
    kernel = np.asarray(KERNELS["edge_vertical"])
    target = (equations(values) @ kernel.ravel()).reshape(4, 4)
    path = learnt(values, target, 0.05, 40)
    w = torch.zeros(9, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([w], 0.05)
    design, wanted = torch.from_numpy(equations(values).copy()), torch.from_numpy(target.ravel())
    for _ in range(40):
        adam.zero_grad()
        ((design @ w - wanted) ** 2).mean().backward()
        adam.step()
    np.testing.assert_allclose(path[-1], w.detach().numpy(), atol=1e-6)
    assert np.abs(learnt(values, target, 0.05, 600)[-1] - kernel.ravel()).max() < 1e-4


def test_a_slice_without_contrast_has_no_truth() -> None:
    with pytest.raises(Refused, match="no bright part"):
        list(changed(Ratios(), image=Slice(np.ones((8, 8)))).show())
