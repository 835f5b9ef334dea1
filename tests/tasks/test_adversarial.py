"""Two networks that play: learnt, resumed bit for bit, switched while it runs, drawn, and asked for samples."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medviz.figures import Curves, Figure, Gallery, Picture
from medviz.messages import Message, Note, Scalar, finished
from medviz.parameters import Settings, built
from medviz.refused import Refused
from medviz.tasks.adversarial import Adversarial, FittedWishes
from medviz.tasks.forged import diversity, energy
from medviz.training.chance import seeded
from medviz.training.evaluating import best_network
from medviz.training.making import Wishes
from medviz.training.orders import Orders
from medviz.training.sampling import Whole
from medviz.training.trainer import train
from tests.data.laid import image_pairs
from tests.training.toys import best_digest, curve, digest, taught

CPU = torch.device("cpu")
FEW = Settings("points", (("count", 512),))
PHANTOMS = Settings("phantoms", (("cases", 6), ("size", 16), ("noise", 0.05)))
SMALL = Settings("pix2pix", (("width", 4), ("depth", 2), ("judge_width", 4), ("judge_depth", 1)))
POINTS = Adversarial(data=FEW, network=Settings("gan", (("width", 32), ("latent", 4))), device="cpu", epochs=2)
ALONE = Adversarial(data=PHANTOMS, network=Settings("dcgan", (("width", 4), ("latent", 8))), side=16, device="cpu",
                    epochs=2, batch=2)  # fmt: skip
FITTED = replace(ALONE, network=SMALL)
KINDS = {
    "points, two steps of the judge": replace(POINTS, judge_steps=2, noise=0.1, smoothing=0.1, epochs=1),
    "DCGAN": replace(ALONE, loss="hinge", augment=0.5),
    "pix2pix": replace(FITTED, loss="least-squares", judge_rate=2.0),
    "SPADE in 3-D": replace(ALONE, network=Settings("spade", (("width", 4), ("hidden", 4), ("judge_width", 4))),
                            dimensions=3, epochs=1),
}  # fmt: skip


def figures(task: Adversarial, network: Any = None) -> dict[str, Figure]:
    data = task.data_set()
    torch.manual_seed(0)
    made = task.build(data).eval() if network is None else network
    with torch.no_grad():
        return {one.name: one for one in task.figures(made, Whole(task.probes(data), CPU), data)}


def hints(said: Sequence[Message]) -> str:
    return " / ".join(one.text for one in said if isinstance(one, Note) and one.level == "hint")


def last(said: Sequence[Message], name: str) -> float:
    return list(curve(said, name).values())[-1]


def test_points_find_their_modes_and_nobody_wins(tmp_path: Path) -> None:
    ring = Settings("points", (("count", 1024), ("modes", 4), ("spread", 0.12)))
    task = Adversarial(data=ring, network=Settings("gan", (("width", 64),)), device="cpu", epochs=36,
                       learning_rate=4e-3, validate_every=4, ema=0.95)  # fmt: skip
    said = taught(task, tmp_path / "run")
    assert last(said, "validation/modes covered (%)") == 100
    assert last(said, "validation/distance") < 0.03 < 0.3 < curve(said, "validation/distance")[64]
    assert 0.9 < last(said, "validation/diversity") < 1.1
    assert 0.4 < last(said, "validation/D(G(z))") <= last(said, "validation/D(x)") < 0.65
    assert "wins" not in hints(said) and "collapse" not in hints(said)


@pytest.mark.parametrize("kind", list(KINDS))
def test_closed_anywhere_and_resumed_both_parts_are_the_same(kind: str, tmp_path: Path) -> None:
    task = KINDS[kind]
    taught(task, tmp_path / "straight")
    places = random.Random(kind)
    for attempt in range(50):
        work = train(task, tmp_path / "broken", resume=attempt > 0)
        asked = places.randrange(6, 30)
        session = [message for message, _ in zip(work, range(asked), strict=False)]
        work.close()
        if len(session) < asked:
            break
    assert attempt > 0, "it was interrupted"
    assert digest(tmp_path / "broken") == digest(tmp_path / "straight")
    assert best_digest(tmp_path / "broken") == best_digest(tmp_path / "straight")


@pytest.mark.parametrize(("learns", "still"), [("generator", "discriminator"), ("discriminator", "generator")])
def test_who_does_not_learn_stays_as_it_was(learns: str, still: str, tmp_path: Path) -> None:
    task = replace(POINTS, learns=learns, ema=0.0, epochs=1)
    said = taught(task, tmp_path / "run")
    data = task.data_set()
    seeded(CPU, task.seed)
    before, after = task.build(data), best_network(tmp_path / "run", task, data)
    for part in task.PARTS:
        pairs = zip(before.get_submodule(part).parameters(), after.get_submodule(part).parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs) == (part == still)
    assert not curve(said, f"train/loss/{still}") and curve(said, f"train/loss/{learns}")


def test_who_learns_is_switched_while_it_runs(tmp_path: Path) -> None:
    orders, said = Orders(tmp_path / "run"), list[Message]()
    for message in train(replace(POINTS, epochs=3), tmp_path / "run", orders=orders):
        said.append(message)
        if isinstance(message, Scalar) and message.name == "train/loss/generator" and message.step == 4:
            orders.put("learns", "discriminator")
    steps = {part: max(curve(said, f"train/loss/{part}")) for part in ("generator", "discriminator")}
    assert 4 <= steps["generator"] <= 6 < steps["discriminator"] == 24


def test_the_loss_of_several_steps_is_that_of_one(tmp_path: Path) -> None:
    said = taught(replace(POINTS, judge_steps=4, epochs=1), tmp_path / "run")
    first = next(iter(curve(said, "train/loss/discriminator").values()))
    assert first == pytest.approx(2 * np.log(2), abs=0.2), "not four times as much"


def test_a_judge_that_wins_is_told_on_a_real_run(tmp_path: Path) -> None:
    task = replace(POINTS, network=Settings("gan"), epochs=6, learning_rate=1e-4, judge_rate=20.0, judge_steps=3)
    assert "The discriminator wins" in hints(taught(replace(task, ema=0.9), tmp_path / "run"))
    squares = replace(task, loss="least-squares", judge_steps=2, ema=0.0)
    assert "takes held-out samples for real" in hints(taught(squares, tmp_path / "squares"))


def test_mode_collapse_is_told_on_a_real_run(tmp_path: Path) -> None:
    task = replace(POINTS, network=Settings("gan"), epochs=12, learning_rate=1e-2, judge_rate=0.05, ema=0.99)
    said = taught(task, tmp_path / "run")
    assert "Mode collapse: samples are" in hints(said)
    assert last(said, "validation/diversity") < 0.3


def test_distances_and_diversity_are_what_they_say() -> None:
    chance = np.random.default_rng(0)
    one, other = chance.normal(size=(400, 2)), chance.normal(size=(400, 2))
    assert energy(one, one) == pytest.approx(0, abs=1e-12)
    assert energy(one, other) < 0.02 < 0.3 < energy(one, other + 1)
    real = torch.from_numpy(one)
    assert diversity(real * 0.25, real) == pytest.approx(0.25)
    assert diversity(torch.zeros(9, 2), real) == 0


def test_points_are_drawn_on_the_judges_field() -> None:
    found = figures(POINTS)
    field, samples, thought = found["field"], found["samples"], found["judgements"]
    assert isinstance(field, Picture) and field.labels is not None
    assert set(np.unique(field.labels)) == {0, 1, 2} and field.label_names == ("held-out", "made")
    assert field.pixels.min() >= 0 and field.pixels.max() <= 1
    assert isinstance(samples, Gallery) and samples.tiles.sum() > 20
    assert isinstance(thought, Curves)
    assert all(line.y.sum() == pytest.approx(100) for line in thought.lines)


def test_samples_are_always_of_the_same_noise() -> None:
    one, other = figures(ALONE)["samples"], figures(replace(ALONE, epochs=9))["samples"]
    assert isinstance(one, Gallery) and isinstance(other, Gallery)
    assert one.tiles.shape == (40, 16, 16) and np.array_equal(one.tiles, other.tiles)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_what_fits_a_mask_is_drawn_beside_it(dimensions: int) -> None:
    task = replace(FITTED, dimensions=dimensions)
    samples = figures(task)["samples"]
    assert isinstance(samples, Gallery) and samples.labels is not None
    assert samples.tiles.shape[1:] == samples.labels.shape[1:] == (16, 16)
    assert samples.titles[::3] == ("given",) * (len(samples.tiles) // 3)
    assert samples.labels[::3].any() and not samples.labels[1::3].any(), "colours lie on the mask alone"


def test_samples_come_of_wishes_alone(tmp_path: Path) -> None:
    data = ALONE.data_set()
    network = ALONE.build(data).eval()
    made = [finished(ALONE.made(network, data, Wishes(count=18, seed=seed))) for seed in (3, 3, 4)]
    assert [len(one) for one in made] == [18, 18, 18]
    assert made[0][0].image.shape == (1, 16, 16) and np.abs(made[0][0].image).max() <= 1
    assert all(np.array_equal(a.image, b.image) for a, b in zip(made[0], made[1], strict=True))
    assert not np.array_equal(made[0][0].image, made[2][0].image)
    assert isinstance(ALONE.wishes(data), Wishes)
    assert POINTS.wishes(POINTS.data_set()) is None, "points are no pictures"


@pytest.mark.parametrize("of", ["validation", "training"])
def test_masks_are_chosen_by_number(of: str) -> None:
    data = FITTED.data_set()
    network = FITTED.build(data).eval()
    source = FITTED.validation(data) if of == "validation" else FITTED.training(data)
    made = finished(FITTED.made(network, data, FittedWishes(count=3, mask=len(source) - 1, of=of)))
    assert [one.said["mask"] for one in made] == [len(source) - 1, 0, 1 % len(source)]
    for one in made:
        assert one.label is not None and np.array_equal(one.label, source[one.said["mask"]]["label"].numpy())


def test_pairs_of_pictures_are_made_one_of_the_other(tmp_path: Path) -> None:
    pairs = Settings("image_pairs", (("folder", str(image_pairs(tmp_path / "pairs"))),))
    task = replace(FITTED, data=pairs, epochs=1, batch=1)
    said = taught(task, tmp_path / "run")
    assert last(said, "validation/distance") == last(said, "validation/L1") < 1
    data = task.data_set()
    sample = task.validation(data)[0]
    assert sample["given"].shape == sample["image"].shape == (1, 16, 16) and "label" not in sample
    made = finished(task.made(best_network(tmp_path / "run", task, data), data, FittedWishes(count=1)))
    assert made[0].label is None and made[0].image.shape == (1, 16, 16)


def test_patches_are_held_out_several_of_a_picture_and_always_the_same() -> None:
    task = replace(FITTED, whole=False, data=PHANTOMS.turned(size=40))
    held, again = task.validation(task.data_set()), task.validation(task.data_set())
    assert len(held) == 8 and held[0]["image"].shape == (1, 16, 16) and held[0]["label"].shape == (16, 16)
    assert not torch.equal(held[0]["image"], held[1]["image"]), "another place of the same picture"
    assert all(torch.equal(held[k]["image"], again[k]["image"]) for k in range(8))
    whole = task.data_set().validation(2)[0]["label"]
    windows = whole.unfold(0, 16, 1).unfold(1, 16, 1)
    assert any(torch.equal(held[0]["label"], one) for row in windows for one in row), "mask and picture of one place"


def test_each_case_is_told_how_near_it_is(tmp_path: Path) -> None:
    for task, names in ((ALONE, ["nearest sample (RMS)", "D(x)"]),
                        (FITTED, ["distance", "L1", "PSNR (dB)", "SSIM", "D(x)", "D(G(z))"])):  # fmt: skip
        data = task.data_set()
        network, held = task.build(data).eval(), Whole(task.validation(data), CPU)
        with torch.no_grad():
            rows = finished(task.evaluated(network, held, data, "validation"))
        assert len(rows) == len(held) and all(list(row) == names for row in rows)


def test_what_does_not_suit_is_refused() -> None:
    for task, words in (
        (replace(POINTS, network=Settings("dcgan")), "take the network gan"),
        (replace(ALONE, data=Settings("digits"), network=SMALL), "no masks"),
        (replace(ALONE, data=Settings("image_pairs")), "take the network pix2pix"),
        (replace(ALONE, data=Settings("digits"), dimensions=3), "3-D"),
        (replace(ALONE, side=44), "take 40 or 48"),
        (replace(ALONE, adversarial="fgsm"), "teaches 2 parts"),
    ):
        with pytest.raises(Refused, match=words):
            finished(train(task, Path("nowhere that is ever made")))


def test_a_recipe_without_its_fields_is_the_default() -> None:
    assert built(Adversarial, {"seed": 3}) == Adversarial(seed=3)
