"""The labs of autoencoders: the bottleneck beside PCA, and the plane in which a point is dragged."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medviz.figures import Figure, Gallery, Picture, Points
from medviz.imaging.slices import Slice
from medviz.labs.autoencoder import AutoencoderLab, active
from medviz.labs.coded import SIDE, How, of_slice, principal, taught
from medviz.labs.coded import loss_of as loss
from medviz.labs.examples import figures_of
from medviz.labs.findings import ABDOMEN
from medviz.labs.latent import Cloud, LatentLab
from medviz.labs.plane import PLANE_PX, REACH
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.autoencoding import Autoencoding
from medviz.training.trainer import train


def text_of(figure: Figure) -> str:
    return str(getattr(figure, "text", ""))


@pytest.mark.row("GEN-1")
@pytest.mark.parametrize("numbers", [1, 5])
def test_no_linear_autoencoder_of_a_slice_is_below_pca_and_each_reaches_it(numbers: int) -> None:
    lesson = of_slice(ABDOMEN)
    least = loss(principal(lesson.learnt).told(lesson.learnt, numbers), lesson.learnt)
    for seed in (0, 1):
        made = finished(taught(lesson.learnt, How(code=numbers, seed=seed)))
        found = loss(made.told(lesson.learnt), lesson.learnt)
        assert least * (1 - 1e-5) <= found <= least * 1.005
        assert made.course.min() >= least * (1 - 1e-5), "at no step"


def test_a_slice_is_cut_up_and_laid_out_as_it_was() -> None:
    lesson = of_slice(ABDOMEN)
    assert lesson.shown.shape == (12 * 16, SIDE, SIDE)
    whole = lesson.laid(lesson.shown)
    assert whole.shape == ABDOMEN.pixels.shape
    assert np.corrcoef(whole.ravel(), np.clip(ABDOMEN.values, -200, 250).ravel())[0, 1] > 0.9
    held = lesson.shown.reshape(12, 16, SIDE, SIDE)[1::3].reshape(-1, SIDE, SIDE)
    assert torch.equal(held, lesson.others)
    there = {one.numpy().tobytes() for one in lesson.learnt}
    textured = [one for one in held if float(one.std()) > 0.02]
    assert textured and not any(one.numpy().tobytes() in there for one in textured), "held out is held out"


@pytest.mark.row("GEN-2")
def test_the_penalty_lowers_the_active_fraction_of_a_code() -> None:
    lesson = of_slice(ABDOMEN)
    shares = [
        active(finished(taught(lesson.learnt, How("hidden", 16, sparsity=one))).code(lesson.learnt))
        for one in (0.0, 0.1)
    ]
    assert shares[1] < 0.7 * shares[0]


def test_a_slice_that_cannot_be_cut_up_is_refused() -> None:
    for image in (Slice(np.zeros((40, 40))), Slice(np.ones((5, 5)))):
        with pytest.raises(Refused):
            figures_of(AutoencoderLab(image=image))


@pytest.mark.row("GEN-3")
def test_the_closed_form_is_that_of_the_distributions() -> None:
    cloud = Cloud((0.7, -1.2), (0.4, 1.5))
    normal = torch.distributions.Normal(torch.tensor(cloud.middle), torch.tensor(cloud.spread))
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0))
    np.testing.assert_allclose(cloud.terms, expected.numpy(), rtol=1e-5)


@pytest.mark.row("GEN-3")
def test_a_point_is_dragged_over_the_plane_and_decoded_where_it_lies() -> None:
    lab = LatentLab()
    before = figures_of(lab)
    middle, corner = (PLANE_PX / 2, PLANE_PX / 2), (0.0, float(PLANE_PX))
    moved = lab.dragged("plane", middle, corner)
    assert (moved.z1, moved.z2) == (REACH, REACH), "right and up"
    assert (lab.dragged("plane", corner, middle).z1, lab.dragged("plane", corner, middle).z2) == (0, 0)
    assert lab.dragged("plane", middle, (9e9, -9e9)).z2 == -REACH, "it stays in the plane"
    assert lab.dragged("samples", middle, corner) == lab
    after = figures_of(moved)
    assert _pixels(before["plane"]) is _pixels(after["plane"]), "decoded once"
    assert not np.array_equal(_pixels(before["decoded"]), _pixels(after["decoded"]))
    marked = after["plane"]
    assert isinstance(marked, Picture) and marked.drags
    assert (marked.marks[1].row + marked.marks[1].height / 2, marked.marks[1].col + 18) == pytest.approx(corner)
    tile = PLANE_PX // 11
    at = replace(lab, z1=float((8 + 0.5) / 11 * 6 - 3), z2=float(3 - (2 + 0.5) / 11 * 6))
    shown = _pixels(before["plane"])[2 * tile : 2 * tile + 32 : 4, 8 * tile : 8 * tile + 32 : 4]
    np.testing.assert_allclose(_pixels(figures_of(at)["decoded"]), shown, atol=1e-4)


def _pixels(figure: Any) -> Any:
    return figure.pixels


@pytest.mark.row("GEN-3")
def test_a_picture_that_is_pointed_at_brings_its_own_cloud() -> None:
    lab = LatentLab().pointed("pictures", (0, 3), (2, 6))
    assert lab.follow and lab.which == 3
    found = figures_of(lab)
    codes, seen = found["points"], found["pictures"]
    assert isinstance(codes, Points) and isinstance(seen, Gallery)
    np.testing.assert_allclose(codes.at[-1], codes.at[3]), "the point lies on its middle"
    assert not lab.dragged("plane", (0, 0), (5, 5)).follow
    again = figures_of(LatentLab(draws=1))["samples"], figures_of(LatentLab(draws=2))["samples"]
    assert not np.array_equal(again[0].tiles, again[1].tiles)  # type: ignore[union-attr]


def test_the_plane_of_a_run_lies_through_the_code_of_the_slice(tmp_path: Path) -> None:
    task = Autoencoding(
        data=Settings("phantoms", (("cases", 4), ("size", 16))), side=16, epochs=1, steps=1, batch=2, device="cpu",
        network=Settings("vae", (("width", 4), ("depth", 1), ("code", 3))),
    )  # fmt: skip
    run = str(finished(train(task, tmp_path / "run")))
    found = figures_of(LatentLab(image=ABDOMEN, model=run, axis_1=3, axis_2=1, follow=True))
    assert _pixels(found["plane"]).shape == (PLANE_PX, PLANE_PX)
    assert _pixels(found["decoded"]).shape == (16, 16)
    given = found["pictures"].tiles[0]  # type: ignore[union-attr]
    rows = np.flatnonzero((given > -1).any(1))
    assert given.min() == -1 and (rows[0], rows[-1]) == (2, 13), "the slice is 96×128: wider than high"
    liver, spine = given[4:7, 3:7].mean(), given[11, 7:9].mean()
    assert spine > liver, "back is down"
    with pytest.raises(Refused, match="3 axes"):
        figures_of(LatentLab(model=run, axis_1=4))
    with pytest.raises(Refused, match="no run of an autoencoder"):
        figures_of(LatentLab(model=str(tmp_path)))
    flat = replace(task, network=Settings("vq_vae", (("width", 4), ("depth", 1), ("entries", 4))))
    other = str(finished(train(flat, tmp_path / "other")))
    with pytest.raises(Refused, match="no cloud"):
        figures_of(LatentLab(model=other))
