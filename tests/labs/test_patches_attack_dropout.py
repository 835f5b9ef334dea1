"""Patches against the network that reads them, attacks against autograd, dropout against torch."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.data import camera

from medviz.figures import Bars, Curves, Gallery, Heatmap, Picture
from medviz.imaging.slices import Slice
from medviz.labs.attack import Attack, Linear, fgsm, loss, taught
from medviz.labs.dropout import STEPS, Dropout, dropped, kept
from medviz.labs.examples import figures_of, text_of
from medviz.labs.patches import Patches, alike, components, cut, joined, positions
from medviz.networks.vit import ViT
from medviz.parameters import changed
from medviz.refused import Refused

PHOTO = Slice(camera()[:200:2, 100:300:2], (1.0, 1.0), name="photo")


@pytest.mark.row("SEQ-2")
def test_patches_are_those_that_the_network_embeds() -> None:
    torch.manual_seed(0)
    network, pixels = ViT(size=24, patch=6, width=16), np.random.default_rng(0).normal(size=(24, 24))
    tiles = cut(pixels, 6)
    assert len(tiles) == network.patches == 16
    with torch.no_grad():
        embedded = network.embedding(torch.from_numpy(pixels).float()[None, None]).flatten(2)[0].T
        weights = network.embedding.weight.reshape(16, 36)
        ours = torch.from_numpy(tiles.reshape(16, 36)).float() @ weights.T + network.embedding.bias
    torch.testing.assert_close(ours, embedded)
    np.testing.assert_array_equal(joined(tiles, 4, 4), pixels)
    assert cut(pixels[:23, :20], 6).shape == (9, 6, 6)


@pytest.mark.row("SEQ-2")
def test_components_are_directions_of_largest_spread() -> None:
    rows = np.random.default_rng(1).normal(size=(200, 9)) @ np.random.default_rng(2).normal(size=(9, 9))
    directions, variances = components(rows)
    wanted = np.linalg.eigvalsh(np.cov(rows.T))[::-1]
    np.testing.assert_allclose(variances, wanted)
    np.testing.assert_allclose(directions @ directions.T, np.eye(9), atol=1e-12)
    np.testing.assert_allclose(np.var(rows @ directions.T, axis=0, ddof=1), wanted)


@pytest.mark.row("SEQ-2")
def test_with_all_components_the_slice_comes_back() -> None:
    lab = Patches(PHOTO, size=96, patch=8, kept=64)
    figures = figures_of(lab)
    image, rebuilt, filters = figures["image"], figures["rebuilt"], figures["filters"]
    assert isinstance(image, Picture)
    assert isinstance(rebuilt, Picture)
    assert isinstance(filters, Gallery)
    np.testing.assert_allclose(rebuilt.pixels, image.pixels, atol=1e-3)
    assert filters.tiles.shape == (28, 8, 8)
    errors = [np.abs(figures_of(changed(lab, kept=k))["rebuilt"].pixels - image.pixels).mean() for k in (1, 4, 16)]  # type: ignore[union-attr]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.row("SEQ-2")
def test_a_position_is_most_like_itself_and_then_like_its_neighbours() -> None:
    near = alike(positions(14, 64, "sine"), 7 * 14 + 5).reshape(14, 14)
    assert near[7, 5] == pytest.approx(1)
    assert near[7, 6] > near[7, 8] > near[7, 11]
    assert near[6, 5] == pytest.approx(near[7, 6])
    drawn = alike(positions(14, 64, "untrained"), 7 * 14 + 5)
    assert np.sort(drawn)[-2] < 0.6


@pytest.mark.row("SEQ-2")
def test_pointing_at_a_pixel_takes_its_patch() -> None:
    lab = Patches(PHOTO, size=96, patch=16).pointed("image", (50, 95), (96, 96))
    assert lab.at == (3, 5)
    assert lab.pointed("similarity", (1, 2), (6, 6)).at == (1, 2)
    figures = figures_of(lab)
    image, patch = figures["image"], figures["patch"]
    np.testing.assert_array_equal(patch.values, image.pixels[48:64, 80:96])  # type: ignore[union-attr]
    with pytest.raises(Refused, match="larger"):
        figures_of(Patches(PHOTO, size=32, patch=48))


@pytest.mark.row("TRAIN-11")
@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("epsilon", [0.03, 0.5])
def test_the_attack_is_epsilon_times_the_sign_of_autograds_gradient(target: float, epsilon: float) -> None:
    rng = np.random.default_rng(4)
    made, x = Linear(rng.normal(size=144), 0.3), rng.normal(size=(12, 12))
    logit = made.logit(x)
    delta = fgsm(made.weights, target, 1 / (1 + np.exp(-logit)), epsilon)
    seen = torch.from_numpy(x.ravel()).requires_grad_()
    cost = F.binary_cross_entropy_with_logits(
        torch.from_numpy(made.weights) @ seen + made.bias, torch.tensor(target, dtype=torch.float64)
    )
    cost.backward()
    assert seen.grad is not None
    np.testing.assert_array_equal(delta, epsilon * np.sign(seen.grad.numpy()))
    assert loss(logit, target) == pytest.approx(cost.item())
    assert np.abs(delta).max() == epsilon
    assert loss(made.logit(x.ravel() + delta), target) >= loss(logit, target)


@pytest.mark.row("TRAIN-11")
def test_nothing_as_small_does_more_harm() -> None:
    rng = np.random.default_rng(5)
    made, x = Linear(rng.normal(size=25), 0.0), rng.normal(size=25)
    worst = loss(made.logit(x + fgsm(made.weights, 1.0, 0.4, 0.1)), 1.0)
    others = rng.uniform(-0.1, 0.1, (500, 25))
    assert all(loss(made.logit(x + one), 1.0) <= worst for one in others)


@pytest.mark.row("TRAIN-11")
def test_training_on_attacked_pieces_holds_better_against_them() -> None:
    def hit(trained: str, by: str) -> float:
        story = text_of(figures_of(Attack(PHOTO, epsilon=0.1, trained=trained, by=by))["story"])
        return float(story.split("attacked for ")[1].split(" %")[0])

    assert hit("attacked", "down") > hit("plain", "down") + 20
    assert hit("attacked", "centre") > hit("plain", "centre") + 10


@pytest.mark.row("TRAIN-11")
def test_the_share_that_is_hit_is_that_of_attacks_one_by_one() -> None:
    lab = Attack(PHOTO, epsilon=0.05)
    pieces, targets, _ = lab._pieces()
    order = np.random.default_rng(0).permutation(len(pieces))
    made, right = taught(pieces[order[:100]], targets[order[:100]], lab.penalty), []
    for index in order[100:]:
        x, target = pieces[index], targets[index]
        delta = fgsm(made.weights, target, 1 / (1 + np.exp(-made.logit(x))), 0.05).reshape(x.shape)
        right.append((made.logit(x + delta) > 0) == target)
    assert f"attacked for {100 * np.mean(right):.3g} %" in text_of(figures_of(lab)["story"])


@pytest.mark.row("TRAIN-11")
def test_a_large_step_flips_the_answer_and_none_changes_nothing() -> None:
    bars = figures_of(Attack(PHOTO, epsilon=1.0))["bars"]
    assert isinstance(bars, Bars)
    assert (bars.values[0] - 50) * (bars.values[1] - 50) < 0
    still = figures_of(Attack(PHOTO, epsilon=0.0))["bars"]
    assert isinstance(still, Bars)
    assert still.values[0] == still.values[1]


def test_the_classifier_learns_what_can_be_told_apart() -> None:
    rng = np.random.default_rng(6)
    pieces = rng.normal(size=(300, 12, 12)) + rng.integers(0, 2, 300)[:, None, None]
    targets = (pieces.mean((1, 2)) > 0.5).astype(float)
    made = taught(pieces, targets, 0.001)
    right = [(made.logit(one) > 0) == target for one, target in zip(pieces, targets, strict=True)]
    assert np.mean(right) > 0.97


@pytest.mark.row("TRAIN-10")
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_mean_stays(rate: float) -> None:
    values = np.full((400, 400), 2.0)
    out = dropped(values, kept(values.shape, rate, 0, 0), rate)
    assert out.mean() == pytest.approx(2.0, abs=6 * 2 * np.sqrt(rate / (1 - rate)) / 400)
    assert set(np.round(np.unique(out), 9)) == {0.0, round(2.0 / (1 - rate), 9)}


@pytest.mark.row("TRAIN-10")
def test_what_is_kept_is_scaled_as_torch_scales_it() -> None:
    torch.manual_seed(0)
    x = torch.randn(30, 40, dtype=torch.float64)
    theirs = F.dropout(x, 0.3, training=True)
    np.testing.assert_allclose(dropped(x.numpy(), (theirs != 0).numpy().astype(float), 0.3), theirs.numpy())


@pytest.mark.row("TRAIN-10")
def test_at_prediction_it_is_the_identity_and_each_step_draws_another_mask() -> None:
    lab = Dropout()
    still = figures_of(changed(lab, mode="predict"))
    np.testing.assert_array_equal(still["output"].values, still["units"].values)  # type: ignore[union-attr]
    first, second = (figures_of(lab.at_step(step))["mask"] for step in (0, 1))
    assert isinstance(first, Heatmap)
    assert not np.array_equal(first.values, second.values)  # type: ignore[union-attr]
    rows = figures_of(changed(lab, what="maps"))["mask"].values  # type: ignore[union-attr]
    assert all(len(set(row)) == 1 for row in rows)


@pytest.mark.row("TRAIN-10")
def test_the_mean_of_many_masks_comes_near() -> None:
    curve = figures_of(Dropout(PHOTO))["curve"]
    assert isinstance(curve, Curves)
    far = curve.lines[0].y
    assert len(far) == STEPS
    assert far[-1] < 0.1 * far[0]


def test_a_huge_slice_is_shown_in_its_middle() -> None:
    units = figures_of(dataclasses.replace(Dropout(), image=Slice(np.arange(90.0 * 60).reshape(90, 60))))["units"]
    assert isinstance(units, Heatmap)
    np.testing.assert_array_equal(units.values, np.arange(90.0 * 60).reshape(90, 60)[21:69, 6:54])
