"""Synthetic samples are learnt from beside the real ones, kept in the run, and never measured on."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medviz.__main__ import main
from medviz.commands.with_and_without import pair
from medviz.data.phantoms import Phantoms
from medviz.data.splitting import Split
from medviz.imaging.synthetic import marked_beside
from medviz.messages import Message, Note, finished
from medviz.parameters import Settings, built
from medviz.refused import Refused
from medviz.tasks.adversarial import Adversarial
from medviz.tasks.classification import Classification
from medviz.tasks.segmentation import Segmentation
from medviz.tasks.synthetic import _Pile, _seen, _zoom, _zoomed
from medviz.training.bench import Bench
from medviz.training.checkpoints import read_weights
from medviz.training.making import Made
from medviz.training.synthetic import FILE, Mixed
from medviz.training.trainer import train
from tests.training.toys import best_digest, digest

DATA = Settings("phantoms", (("cases", 6), ("size", 32)))
NETWORK = Settings("unet", (("width", 4), ("depth", 2)))
MAKER = Adversarial(data=DATA, network=Settings("pix2pix", (("width", 8),)), side=32, steps=2, batch=2, device="cpu")
SEGMENTATION = Segmentation(data=DATA, network=NETWORK, patch=32, epochs=2, device="cpu", synthetic=4)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield finished(train(MAKER, tmp_path_factory.mktemp("made") / "maker"))


@pytest.mark.row("GEN-12")
def test_they_are_added_kept_marked_and_a_run_goes_on_without_their_maker(maker: Path, tmp_path: Path) -> None:
    gone = Path(shutil.copytree(maker, tmp_path / "maker"))
    task = replace(SEGMENTATION, synthetic_from=str(gone))
    said: list[Message] = []
    finished(train(task, tmp_path / "straight"), said.append)
    assert any(isinstance(one, Note) and "4 synthetic samples made by maker are added to 6 real" in one.text
               for one in said)  # fmt: skip
    work = train(task, tmp_path / "broken")
    for message in work:
        if "dice" in getattr(message, "name", ""):
            break
    work.close()
    shutil.rmtree(gone)
    finished(train(task, tmp_path / "broken", resume=True))
    assert digest(tmp_path / "broken") == digest(tmp_path / "straight")
    assert best_digest(tmp_path / "broken") == best_digest(tmp_path / "straight")
    tensors, about = read_weights(tmp_path / "straight" / FILE)
    assert about["synthetic"] is True and about["source"] == "maker" and marked_beside(tmp_path / "straight" / FILE)
    assert tensors["image"].shape[0] == 4 and tensors["label"].dtype == torch.int64
    data = json.loads((tmp_path / "straight" / "data.json").read_text())
    assert (data["training samples"], data["synthetic samples"]) == (6, 4)
    assert "4 synthetic samples" in (tmp_path / "straight" / "MODEL_CARD.md").read_text()
    others = replace(task, seed=1)
    with pytest.raises(Refused, match=r"there is no task\.toml"):
        finished(train(others, tmp_path / "another"))
    assert not (tmp_path / "another").exists(), "it is refused before anything is written"


def test_they_are_learnt_from_and_nothing_is_measured_on_them(maker: Path) -> None:
    task = replace(SEGMENTATION, synthetic_from=str(maker))
    bench, plain = Bench(task), Bench(replace(task, synthetic=0))
    assert isinstance(bench.samples, Mixed) and len(bench.samples) == 10 and bench.order.count == 10
    assert len(bench.validation) == len(plain.validation) and len(bench.probes) == len(plain.probes)
    added = task.added(bench.data)
    assert added is not None
    made, digest_of = finished(added.make())
    again, _ = finished(added.make())
    assert len(digest_of) == 64 and all(np.array_equal(a.image, b.image) for a, b in zip(made, again, strict=True))
    bench.add(made)
    real, new = bench.samples[0], bench.samples[9]
    assert real.keys() == new.keys() and real["image"].shape == new["image"].shape
    assert abs(float(new["image"].mean())) < 1.5 and new["label"].max() > 0
    drawn = bench.samples.drawn(9, np.random.default_rng(1))
    same = bench.samples.drawn(9, np.random.default_rng(1))
    assert torch.equal(drawn["image"], same["image"]) and drawn["label"].shape == new["label"].shape
    masks = {one.label.tobytes() for one in made if one.label is not None}
    learnt = {np.asarray(MAKER.training(bench.data)[k]["label"]).tobytes() for k in range(6)}
    assert masks <= learnt, "no mask of a held-out picture is given away"


def test_both_of_a_pair_make_as_many_steps_and_differ_in_nothing_else(maker: Path, tmp_path: Path) -> None:
    task = replace(SEGMENTATION, synthetic_from=str(maker))
    plain, mixed = pair(task, tmp_path / "x-without")
    assert plain.steps == mixed.steps == 10 and plain.synthetic == 0 and mixed.synthetic == 4
    assert mixed.against == str(tmp_path / "x-without") and plain.validate_every == 2
    same = {"synthetic", "synthetic_from", "against", "validate_every"}
    assert {k: v for k, v in vars(plain).items() if k not in same} == {
        k: v for k, v in vars(mixed).items() if k not in same
    }
    assert main(["train", "segmentation", "--data", "phantoms", "--out", str(tmp_path / "y"),
                 "--with-and-without", "--quiet"]) == 2  # fmt: skip


def test_what_cannot_serve_is_refused_in_a_sentence(maker: Path, tmp_path: Path) -> None:
    def refused(task: Any, words: str) -> None:
        with pytest.raises(Refused, match=words):
            Bench(task)

    refused(SEGMENTATION, "not said which network makes them")
    refused(replace(SEGMENTATION, synthetic_from=str(maker), dimensions=3), "makes no samples in 3-D")
    named = Classification(data=Settings("digits"), device="cpu", synthetic=3, synthetic_from=str(maker))
    refused(named, "it knows other classes")
    shapes = Classification(data=Settings("shapes"), device="cpu", synthetic=3, synthetic_from=str(maker))
    bench = Bench(shapes)
    added = shapes.added(bench.data)
    assert added is not None
    with pytest.raises(Refused, match="has no class"):
        finished(added.make())
    with pytest.raises(Refused, match=r"no task\.toml"):
        Bench(replace(SEGMENTATION, synthetic_from=str(tmp_path)))


@dataclass(frozen=True)
class Halved(Phantoms):
    """Phantoms that say which of them are held out."""

    def split(self) -> Split:
        return Split(("a", "b"), ("c", "d"), "a test")


def test_a_maker_that_has_learnt_from_what_is_held_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "split.json").write_text(json.dumps({"training": ["a", "c", "d"]}))
    assert _seen(tmp_path, Halved()) == 2 and _seen(tmp_path / "none", Halved()) == 0
    (tmp_path / "split.json").write_text(json.dumps({"training": ["a", "b"]}))
    assert _seen(tmp_path, Halved()) == 0


def test_a_recipe_of_before_has_none() -> None:
    assert built(Segmentation, {"patch": 32}).synthetic == 0 and built(Classification, {}).synthetic_from == ""


def test_what_is_made_small_is_brought_to_the_grid_of_the_scans() -> None:
    one = Made(np.zeros((1, 16, 16), np.float32), np.ones((16, 16), np.int64))
    zoomed = _zoomed(one, (2.0, 1.5))
    assert zoomed.image.shape == (1, 32, 24) and zoomed.label is not None and zoomed.label.shape == (32, 24)
    data = Phantoms(**dict(DATA.values))
    ready = data.preparation(2)
    assert _zoom(ready, replace(MAKER, side=16), data, one.image) == pytest.approx((2.0, 2.0))
    assert _zoom(ready, replace(MAKER, side=16, whole=False), data, one.image) == (1.0, 1.0)


def test_classes_are_matched_by_name_and_count_as_pictures_of_a_class() -> None:
    made = [Made(np.random.default_rng(k).normal(size=(1, 12, 12)).astype(np.float32), kind=k % 2) for k in range(4)]
    pile = _Pile(made)
    assert pile.kinds == (0, 1, 0, 1) and pile.pixels(3).shape == (1, 12, 12)
