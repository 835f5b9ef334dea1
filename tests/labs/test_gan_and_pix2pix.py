"""The labs in which networks play: rounds that can be taken back, a painter that is taught at once, strokes as text."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from medviz.data.points import Points
from medviz.figures import Curves, Gallery, Heatmap, Picture
from medviz.imaging.slices import Slice
from medviz.labs.examples import figures_of
from medviz.labs.game import Adam, Game, Rules, slopes
from medviz.labs.gan import Gan
from medviz.labs.painter import KINDS, maps_of, stroke, with_strokes
from medviz.labs.painter_of_run import painter_of
from medviz.labs.pix2pix import Pix2Pix
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.adversarial import Adversarial
from medviz.training.contest import forger_loss
from medviz.training.trainer import train


def game(**rules: object) -> Game:
    return Game(Points(count=256).drawn(256, 0)[0], Rules(width=16, **rules))  # type: ignore[arg-type]


def weights(network: torch.nn.Module) -> list[torch.Tensor]:
    return [one.detach().clone() for one in network.parameters()]


def test_a_round_is_the_same_however_it_was_reached() -> None:
    one, other = game(), game()
    straight = finished(one.at("bbd"))
    finished(other.at("b"))
    finished(other.at("bg"))
    broken = finished(other.at("bbd"))
    assert straight.told == broken.told and len(straight.told) == 4
    assert all(torch.equal(a, b) for a, b in zip(weights(straight.network), weights(broken.network), strict=True))


def test_who_does_not_learn_in_a_round_stands_still() -> None:
    played = game()
    before, judged, forged = (finished(played.at(course)).network for course in ("b", "bd", "bg"))
    same = [[torch.equal(a, b) for a, b in zip(weights(before.get_submodule(part)), weights(after.get_submodule(part)),
                                               strict=True)]
            for after in (judged, forged) for part in ("generator", "discriminator")]  # fmt: skip
    assert [all(one) for one in same] == [True, False, False, True]


def test_our_adam_is_torchs() -> None:
    torch.manual_seed(0)
    one, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    other.load_state_dict(one.state_dict())
    ours, theirs = Adam.of(one), torch.optim.Adam(other.parameters(), 0.01, (0.5, 0.999))
    for _ in range(5):
        x = torch.randn(4, 3)
        ours.step(list(one.parameters()), torch.autograd.grad(one(x).square().sum(), list(one.parameters())), 0.01)
        theirs.zero_grad()
        other(x).square().sum().backward()
        theirs.step()
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.row("GEN-4")
def test_slopes_of_the_generator_are_those_of_autograd() -> None:
    sure = np.array([0.01, 0.1, 0.5, 0.9])
    score = torch.logit(torch.tensor(sure)).requires_grad_()
    found = [torch.autograd.grad(forger_loss(name, score) * 4, score)[0] for name in ("minimax", "non-saturating")]
    np.testing.assert_allclose(np.abs(torch.stack(found).numpy()), slopes(sure), atol=1e-6)


@pytest.mark.row("GEN-4")
def test_the_judge_alone_drives_the_value_up_and_the_forger_alone_down() -> None:
    lab = Gan(together=5, then_judge=5, then_forger=5)
    values = figures_of(lab)["values"]
    assert isinstance(values, Curves)
    v = values.lines[0].y
    assert len(v) == 16 and v[10] > v[5] + 0.1 and v[15] < v[10] - 0.5
    np.testing.assert_allclose(values.lines[1].y, -2 * math.log(2))
    assert lab.steps() == 16 and lab.at_step(3).step() == 3 and lab.at_step(3).then_judge == 5


def test_pieces_and_digits_have_a_manifold_and_a_film() -> None:
    for what, side in (("pieces", 12), ("digits", 8)):
        found = figures_of(Gan(what=what, together=1))
        manifold, film, field = found["manifold"], found["film"], found["field"]
        assert isinstance(manifold, Gallery) and manifold.tiles.shape == (81, side, side)
        assert isinstance(film, Gallery) and film.titles == ("round 0", "round 1")
        assert isinstance(field, Picture) and 0 <= field.pixels.min() <= field.pixels.max() <= 1
    with pytest.raises(Refused, match="too few of its pieces"):
        figures_of(Gan(what="pieces", image=Slice(np.zeros((40, 40)), name="black")))


def test_a_stroke_travels_as_text_and_covers_its_way() -> None:
    text = stroke([(4.0, 4.0), (4.1, 4.1), (4.0, 20.0)], 3, 2.0)
    assert text == "3/2/4,4 4,20"
    label = with_strokes(np.zeros((24, 30), int), text)
    assert (label[4, 4:20] == 3).all() and label[8:].max() == 0
    assert (with_strokes(label, "0/2/4,4 4,20") == 0).all(), "0 takes away"
    for broken in ("3/2", "9/2/4,4", "x", "1/2/4", "1/2/a,b", "1/2/nan,1"):
        with pytest.raises(ValueError):
            with_strokes(label, broken)


def test_what_is_given_of_a_map_is_all_its_border_or_its_middle() -> None:
    label = np.zeros((1, 20, 20), int)
    label[0, 5:15, 3:17] = 2
    regions, outlines, lines = (maps_of(label, given)[0, 2].numpy() for given in ("regions", "outlines", "lines"))
    assert regions.sum() == 140 and 0 < outlines.sum() < 60 and 0 < lines.sum() < 70
    assert outlines[10, 10] == 0 and lines[10, 10] == 1 and lines[5, 3] == 0
    assert maps_of(label, "regions").sum(1).eq(1).all() and maps_of(label, "regions").shape[1] == KINDS


@pytest.mark.row("GEN-5")
def test_painting_changes_the_slice_where_it_was_painted() -> None:
    lab = Pix2Pix(rounds=3, brush=0, radius=4.0)
    assert lab.painted("made", ((1.0, 1.0),)) is lab, "only the map takes paint"
    after = lab.painted("map", ((48.0, 40.0), (48.0, 60.0)))
    assert after.strokes == "0/4/48,40 48,60"
    twice = after.painted("map", ((10.0, 10.0),))
    assert twice.strokes.startswith(after.strokes + ";")
    one, other = figures_of(lab), figures_of(after)
    before, made = (np.asarray(found["made"].pixels) for found in (one, other))  # type: ignore[union-attr]
    moved = np.abs(made - before)
    assert moved[46:51, 40:61].mean() > 5 * moved[:6].mean(), "here, and hardly far away"
    assert moved[46:51, 40:61].max() > 0.3
    with pytest.raises(Refused, match="no stroke"):
        figures_of(replace(lab, strokes="nothing"))


def test_teaching_brings_the_slice_nearer() -> None:
    found = figures_of(Pix2Pix(rounds=4))["losses"]
    assert isinstance(found, Curves)
    off = found.lines[0].y
    assert off[-1] < 0.5 * off[0]
    without = figures_of(Pix2Pix(rounds=1, wants="L1"))["losses"]
    assert isinstance(without, Curves) and not without.lines[2].y.any(), "no game, no judge's loss"


def test_the_viewers_labels_are_the_map_where_there_are_some() -> None:
    image = Slice(np.random.default_rng(0).normal(size=(60, 70)), name="slice")
    labels = np.zeros((60, 70), np.uint8)
    labels[10:30, 10:30] = 1
    map_ = figures_of(Pix2Pix(image=image, labels=Slice(labels), rounds=1))["map"]
    assert isinstance(map_, Picture) and map_.labels is not None and map_.paints
    assert np.array_equal(map_.labels, labels) and map_.label_names[0] == "label 1"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    task = Adversarial(
        data=Settings("phantoms", (("cases", 8), ("size", 32))), side=32, batch=4, steps=3, epochs=1, device="cpu",
        network=Settings("spade", (("width", 4), ("hidden", 4), ("judge_width", 4))),
    )  # fmt: skip
    return str(finished(train(task, tmp_path_factory.mktemp("spade") / "run")))


def test_a_run_of_the_train_page_paints_too(run: str) -> None:
    found = figures_of(Pix2Pix(source="run", run=run, strokes="2/5/16,16"))
    made, map_ = found["made"], found["map"]
    assert isinstance(made, Picture) and made.pixels.shape == (32, 32)
    assert isinstance(map_, Picture) and map_.label_names == ("ball", "box", "shell")
    painter = painter_of(run)
    again, _ = painter.painted(np.asarray(map_.labels))
    np.testing.assert_allclose(again, made.pixels, atol=1e-6)
    assert painter.true is not None
    turned = figures_of(Pix2Pix(source="run", run=run))["true"]
    assert isinstance(turned, Picture) and np.array_equal(turned.pixels, painter.true)


def test_what_paints_no_masks_is_refused(run: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(Refused, match="none was chosen"):
        figures_of(Pix2Pix(source="run"))
    points = Adversarial(data=Settings("points", (("count", 64),)), epochs=1, steps=1, device="cpu")
    other = str(finished(train(points, tmp_path_factory.mktemp("points") / "run")))
    with pytest.raises(Refused, match="paints no slices from masks"):
        figures_of(Pix2Pix(source="run", run=other))


def test_a_flat_heat_map_says_the_value_in_nats() -> None:
    value = figures_of(Gan(verdict="half", together=0))["value"]
    assert isinstance(value, Heatmap)
    np.testing.assert_allclose(value.values, [[-math.log(2), -math.log(2), -2 * math.log(2)]])
