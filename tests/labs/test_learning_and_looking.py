"""Labs on learning (with labels, without, in a loop, from other pictures) and on who looks where."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import FocalLoss
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from medviz.imaging.slices import Slice
from medviz.labs.attention import attended
from medviz.labs.examples import figures_of
from medviz.labs.fast_weights import FastWeights, attention, windows
from medviz.labs.findings import ABDOMEN
from medviz.labs.grouping import ROUNDS, Grouping, entropy, k_means, newton, principal
from medviz.labs.kernels import KERNELS
from medviz.labs.screening import Screening, classifier, gates, grown, properties
from medviz.labs.tour import ROUTES, Tour
from medviz.labs.training_loop import INSIDE, LINES, Course, TrainingLoop, batches, means, moments, samples
from medviz.labs.transfer import Small, drawn, fine_tuned, penalty, pretrained
from medviz.labs.vit_maps import STEPS, VitMaps, pictures, seen, taught
from medviz.messages import Progress, finished
from medviz.refused import Refused

SEEDS = st.integers(0, 10_000)


def clouds(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = (np.arange(count) % 2).astype(float)
    return rng.normal(size=(count, 2)) * [1.0, 1.5] + targets[:, None] * [0.8, 0.5], targets


# With and without labels


@pytest.mark.row("TRAIN-8")
@settings(max_examples=20)
@given(SEEDS)
def test_a_neuron_with_cross_entropy_is_sklearns_logistic_regression(seed: int) -> None:
    points, targets = clouds(seed)
    wanted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(points, targets)
    made = newton(points, targets, 0.0)[-1]
    np.testing.assert_allclose(made, [*wanted.coef_[0], wanted.intercept_[0]], atol=1e-4)


@pytest.mark.row("TRAIN-8")
def test_gradient_descent_on_one_neuron_comes_to_the_same_weights() -> None:
    points, targets = clouds(3)
    neuron = torch.nn.Linear(2, 1)
    optimiser = torch.optim.LBFGS(neuron.parameters(), max_iter=300, tolerance_grad=1e-9, tolerance_change=1e-12)
    x, t = torch.from_numpy(points).float(), torch.from_numpy(targets).float()[:, None]

    def cost() -> torch.Tensor:
        optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(neuron(x), t)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(cost)
    with torch.no_grad():
        flat = torch.cat([neuron.weight.flatten(), neuron.bias]).numpy()
    np.testing.assert_allclose(newton(points, targets, 0.0)[-1], flat, atol=1e-3)


@pytest.mark.row("TRAIN-8")
@given(SEEDS, st.floats(0.0, 0.5))
def test_no_round_of_newton_costs_more_than_the_one_before(seed: int, weight: float) -> None:
    points, targets = clouds(seed)
    flat = np.column_stack([points, np.ones(len(points))])
    costs = [entropy(flat @ one, targets) for one in newton(points, targets, 0.0)]
    assert (np.diff(costs) <= 1e-9).all() and costs[0] == pytest.approx(np.log(2))
    shrunk = newton(points, targets, weight)[-1]
    assert np.linalg.norm(shrunk[:2]) <= np.linalg.norm(newton(points, targets, 0.0)[-1][:2]) + 1e-9


@pytest.mark.row("TRAIN-8")
@settings(max_examples=20)
@given(SEEDS, st.integers(1, 5))
def test_k_means_goes_the_way_of_sklearns_lloyd(seed: int, count: int) -> None:
    points, _ = clouds(seed)
    rounds = k_means(points, count, seed, 80)
    start = rounds[0].centres
    wanted = KMeans(count, init=start, n_init=1, max_iter=100, tol=0, algorithm="lloyd").fit(points)
    assert rounds[-1].cost * len(points) == pytest.approx(wanted.inertia_, rel=1e-6)
    assert (np.diff([one.cost for one in rounds]) <= 1e-12).all()


@pytest.mark.row("TRAIN-8")
@given(SEEDS)
def test_axes_and_variances_are_sklearns(seed: int) -> None:
    points, _ = clouds(seed)
    wanted = PCA(2).fit(points)
    rows, variances = principal(points)
    np.testing.assert_allclose(variances, wanted.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(np.abs((rows * wanted.components_).sum(axis=1)), 1.0, atol=1e-9)


@pytest.mark.row("TRAIN-8")
def test_the_viewers_labels_are_what_is_learnt() -> None:
    labels = Slice(np.zeros(ABDOMEN.pixels.shape, np.uint8), name="labels")
    labels.pixels[:, 64:] = 1
    figures = figures_of(Grouping(labels=labels, first="column", second="row", shown="truth", round=ROUNDS))
    groups = figures["points"].groups  # type: ignore[union-attr]
    at = figures["points"].at  # type: ignore[union-attr]
    assert ((at[groups == 1, 0] > 0) & (at[groups == 1, 0] > at[groups == 0, 0].max())).all()
    assert "without error" in figures["story"].text  # type: ignore[union-attr]


def test_one_label_for_all_is_refused() -> None:
    with pytest.raises(Refused, match="one label"):
        list(Grouping(labels=Slice(np.ones(ABDOMEN.pixels.shape))).show())


# The loop


def by_hand(pieces: np.ndarray, targets: np.ndarray, start: np.ndarray, rate: float, size: int) -> np.ndarray:
    """One epoch of gradient descent in numpy alone."""
    now = start.astype(float).copy()
    flat = np.column_stack([pieces, np.ones(len(pieces))])
    for begin in range(0, len(flat), size):
        x, t = flat[begin : begin + size], targets[begin : begin + size]
        now -= rate * x.T @ (1 / (1 + np.exp(-x @ now)) - t) / len(x)
    return now


@pytest.mark.row("TRAIN-13")
@settings(max_examples=20)
@given(SEEDS, st.integers(1, 6), st.integers(2, 11))
def test_an_epoch_of_the_loop_is_gradient_descent_batch_by_batch(seed: int, size: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    pieces, targets = rng.normal(size=(count, 25)), (rng.random(count) > 0.5).astype(float)
    lines = INSIDE * len(batches(count, size)) + 1
    run = moments(pieces, targets, Course(size, 0.1, "sgd", False, seed), lines)
    assert len(run) == lines
    wanted = by_hand(pieces, targets, run[0].weights, 0.1, size)
    np.testing.assert_allclose(run[-1].weights, wanted, atol=1e-5)
    assert [one.line for one in run[:INSIDE]] == list(range(INSIDE))


@pytest.mark.row("TRAIN-13")
def test_the_calls_come_in_the_decks_order_and_the_gradient_is_gone_after_zero_grad() -> None:
    pieces, targets = samples(ABDOMEN, 8)
    run = moments(pieces, targets, Course(4, 0.1, "sgd", False, 0), 2 * INSIDE)
    assert run[INSIDE - 1].log == ("forward", "zero_grad", "loss", "backward", "step")
    second = run[INSIDE:]
    assert second[2].gradient is not None and second[3].gradient is None and second[5].gradient is not None
    assert np.array_equal(second[5].weights, second[2].weights)
    assert not np.array_equal(second[6].weights, second[5].weights)


@pytest.mark.row("TRAIN-13")
def test_without_zero_grad_the_gradients_of_two_batches_are_added() -> None:
    pieces, targets = samples(ABDOMEN, 8)
    run = moments(pieces, targets, Course(4, 1e-9, "sgd", True, 0), 2 * INSIDE)
    right = moments(pieces, targets, Course(4, 1e-9, "sgd", False, 0), 2 * INSIDE)
    both = right[5].gradient + right[INSIDE + 5].gradient  # type: ignore[operator]
    np.testing.assert_allclose(run[INSIDE + 5].gradient, both, atol=1e-5)  # type: ignore[arg-type]


@pytest.mark.row("TRAIN-13")
def test_a_short_last_batch_makes_the_mean_of_batches_another_than_that_of_samples() -> None:
    of_batches, of_samples, line = means(((1.0, 4), (1.0, 4), (4.0, 2)))
    assert (of_batches, of_samples) == (2.0, 1.6)
    assert line == "(1 + 1 + 4) / 3 = 2;  (4·1 + 4·1 + 2·4) / 10 = 1.6"
    assert means(((1.0, 4), (3.0, 4)))[:2] == (2.0, 2.0)


@pytest.mark.row("TRAIN-13")
def test_each_step_marks_the_line_that_has_run() -> None:
    for step in range(INSIDE + 1):
        code = figures_of(TrainingLoop(count=4, batch=4, at=step))["code"].text  # type: ignore[union-attr]
        marked = [line[2:] for line in code.splitlines() if line.startswith("▶")]
        assert marked == [LINES[step]]


# Transfer


@pytest.mark.row("TRAIN-15")
@pytest.mark.parametrize("frozen", [(True, True, False), (True, False, False), (False, True, True), (True, True, True)])
def test_frozen_blocks_get_no_gradient_and_do_not_move(frozen: tuple[bool, bool, bool]) -> None:
    pieces, targets = drawn(48, 1)
    made = fine_tuned(pretrained(0), frozen, (pieces, targets, pieces[:4]), ("plain", 0.0), 6, 0)
    for (_, _, still, norm, moved), wanted in zip(made.changes, frozen, strict=True):
        assert still == wanted
        assert (norm is None and moved == 0) if wanted else (norm is not None and moved > 0)
    assert sum(one[1] for one in made.changes) == sum(one.numel() for one in Small().parameters()) == 1505


@pytest.mark.row("TRAIN-15")
@given(SEEDS, st.floats(0.0, 4.0))
def test_the_losses_for_rare_things_are_what_they_say(seed: int, gamma: float) -> None:
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(size=(12, 1))).float()
    targets = torch.from_numpy((np.arange(12) < 3).astype(np.float32))[:, None]
    focal = FocalLoss(gamma=gamma)(logits, targets)
    assert float(penalty(logits, targets, "focal", gamma)) == pytest.approx(float(focal), rel=1e-4, abs=1e-6)
    plain = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    halves = (plain[:3].mean() + plain[3:].mean()) / 2
    assert float(penalty(logits, targets, "weighted", 0.0)) == pytest.approx(float(halves), rel=1e-5)


@pytest.mark.row("TRAIN-15")
def test_what_was_learnt_of_drawn_pictures_holds_for_others_of_them() -> None:
    network_made = Small()
    network_made.load_state_dict(pretrained(0))
    pieces, targets = drawn(200, 77)
    with torch.no_grad():
        said = network_made(torch.from_numpy(pieces).float()[:, None])[:, 0].numpy() > 0
    assert (said == (targets > 0.5)).mean() > 0.9


# Attention


@pytest.mark.row("SEQ-8")
@given(SEEDS, SEEDS, st.floats(0.1, 5.0))
def test_weights_of_attention_follow_the_patch_and_sum_to_one(one: int, other: int, sharpness: float) -> None:
    patches = [np.random.default_rng(seed).normal(size=(7, 7)) for seed in (one, other)]
    weights = [attention(patch, sharpness) for patch in patches]
    for each in weights:
        np.testing.assert_allclose(each.sum(axis=1), 1.0)
    assert (one == other) == np.array_equal(*weights)
    np.testing.assert_allclose(attention(patches[0] * 3, sharpness), weights[0], atol=1e-9)


@pytest.mark.row("SEQ-8")
def test_it_is_attention_as_the_attention_lab_computes_it() -> None:
    """−s·(q − k)² differs from 2s·q·k − s·k² by what is the same for all keys: one query, keys (k, k²)."""
    patch = np.random.default_rng(5).normal(size=(3, 3))
    scaled = patch / patch.std()
    keys = np.stack([scaled.ravel(), scaled.ravel() ** 2], axis=1)
    query = np.array([[2 * 1.5 * scaled[1, 1], -1.5]])
    wanted = attended(query, keys, keys, scale=False).shares
    np.testing.assert_allclose(attention(patch, 1.5), wanted, atol=1e-12)
    assert windows(patch).shape == (1, 9)


@pytest.mark.row("SEQ-8")
def test_moving_the_patch_leaves_the_kernel_and_moves_the_weights() -> None:
    lab = FastWeights()
    there = lab.pointed("image", (20, 60), (96, 128))
    before, after = figures_of(lab), figures_of(there)
    assert np.array_equal(after["kernel_a"].values, KERNELS["gaussian"])  # type: ignore[union-attr]
    assert np.array_equal(before["kernel_a"].values, after["kernel_b"].values)  # type: ignore[union-attr]
    assert not np.array_equal(before["attention_a"].values, after["attention_a"].values)  # type: ignore[union-attr]
    assert np.array_equal(before["attention_b"].values, after["attention_b"].values)  # type: ignore[union-attr]


@pytest.mark.row("SEQ-11")
def test_the_transformer_was_taught_here_and_its_rows_sum_to_one() -> None:
    made, right = finished(taught(0, True))
    assert right > 0.8
    pool, _ = pictures(2, 11)
    one = seen(made, pool[:1].astype(np.float32))
    assert one.attention.shape == (3, 2, 37, 37)
    np.testing.assert_allclose(one.attention.sum(axis=-1), 1.0, atol=1e-5)
    np.testing.assert_allclose(one.followed.sum(axis=-1), 1.0, atol=1e-5)


@pytest.mark.row("SEQ-11")
def test_teaching_says_how_far_it_is_and_can_be_stopped() -> None:
    work = taught(4, True)
    said = [next(work) for _ in range(3)]
    work.close()
    assert [one.done for one in said if isinstance(one, Progress)] == [1, 2, 3]
    assert all(isinstance(one, Progress) and one.total == STEPS and one.left_s is not None for one in said)


@pytest.mark.row("SEQ-11")
def test_pointing_at_a_patch_shows_its_row_of_attention() -> None:
    lab = VitMaps().pointed("image", (13, 31), (48, 48))
    assert lab.place == (1, 3)
    figures = figures_of(lab)
    assert "patch (1, 3)" in figures["attention"].title
    other = figures_of(VitMaps(place=(5, 1)))
    assert not np.array_equal(figures["attention"].pixels, other["attention"].pixels)  # type: ignore[union-attr]


# Screening and tours


@pytest.mark.row("NET-9")
def test_the_gates_of_an_attention_u_net_end_in_psi_and_lie_between_0_and_1() -> None:
    row, col = np.indices((32, 32))
    truth = (np.hypot(row - 12, col - 18) < 5).astype(float)
    made = gates(truth * 2 + 0.1 * np.sin(row), truth, 0)
    names = [name for name in made if name]
    assert names and all(name.endswith("attention.psi") for name in names)
    for name in names:
        assert 0 <= made[name].min() and made[name].max() <= 1
    assert made[""][truth > 0].mean() > made[""][truth == 0].mean() + 0.3


@pytest.mark.row("NET-9")
def test_the_classifier_tells_a_disc_from_a_star() -> None:
    row, col = np.indices((40, 40)) - 19.5
    far, turn = np.hypot(row, col), np.arctan2(row, col)
    disc, star = far < 8, far < 8 + 3.5 * np.sin(7 * turn)
    weights = classifier()
    logits = [properties(mask * 1.0, mask) @ weights[:-1] + weights[-1] for mask in (disc, star)]
    assert logits[0] < 0 < logits[1]


@pytest.mark.row("NET-9")
def test_the_localiser_grows_to_the_border_of_a_spot_bright_or_dark() -> None:
    row, col = np.indices((40, 50))
    spot = np.hypot(row - 20, col - 25) < 6
    for sign in (1, -1):
        mask = grown(sign * spot * 10.0 + 0.1 * np.sin(col), (17.0, 12.0, 34.0, 29.0), 0.5)
        assert np.array_equal(mask, spot)


@pytest.mark.row("NET-9")
def test_each_stage_adds_what_its_model_says() -> None:
    shown = [figures_of(Screening(stage=stage))["image"] for stage in range(3)]
    assert shown[0].labels is None and shown[1].labels is not None  # type: ignore[union-attr]
    assert set(np.unique(shown[2].labels)) <= {0, 1, 6}  # type: ignore[union-attr]


@pytest.mark.row("NET-8")
@pytest.mark.parametrize("route", list(ROUTES))
def test_a_tour_goes_deeper_and_sees_more_at_each_stop(route: str) -> None:
    lab = Tour(route=route)
    titles = []
    for step in range(lab.steps()):
        figures = figures_of(lab.at_step(step))
        windows_cut = figures["windows"].tiles  # type: ignore[union-attr]
        assert len(windows_cut) >= 1
        titles.append((windows_cut.shape[1], figures["tiles"].title))
    assert titles[0][0] < titles[-1][0]
    assert len(set(titles)) == len(titles)


@pytest.mark.row("NET-8")
def test_the_first_window_holds_the_strongest_answer() -> None:
    figures = figures_of(Tour(at=1, unit=3))
    tile = figures["tiles"].tiles[3]  # type: ignore[union-attr]
    row, col = np.unravel_index(int(tile.argmax()), tile.shape)
    step = 240 / tile.shape[0]
    mark = figures["image"].marks[0]  # type: ignore[union-attr]
    assert mark.row <= (row + 0.5) * step <= mark.row + mark.height
    assert mark.col <= (col + 0.5) * step <= mark.col + mark.width
