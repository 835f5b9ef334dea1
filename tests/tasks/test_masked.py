"""Masked modelling: only what is masked counts, beside guesses that need no network; and what it is good for."""

import math
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.data.checking.report import Fingerprint, Hardware, Spread
from medviz.data.masking import commonness
from medviz.data.phantoms import Phantoms
from medviz.data.sentences import ReportSentences
from medviz.data.words import MASK
from medviz.figures import Gallery, Table
from medviz.messages import Note, Scalar, finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.classification import Classification
from medviz.tasks.masked import Masked
from medviz.tasks.masked_words import loss as loss_of_words
from medviz.tasks.segmentation import Segmentation
from medviz.training.results import read_results
from medviz.training.run import weights
from medviz.training.sampling import Whole
from medviz.training.trainer import train
from medviz.training.using.fillers import Patches, Words, filler_of
from medviz.training.using.filling import Asked, blurred, loss, masked_in, mean_of_visible, psnr
from tests.training.toys import best_digest, digest, taught

CPU = torch.device("cpu")
PHANTOMS = Settings("phantoms", (("cases", 4), ("size", 32)))
MAE = Settings("mae", (("patch", 8), ("width", 16), ("depth", 1), ("decoder_width", 16), ("decoder_depth", 1)))
BERT = Settings("bert", (("width", 16), ("depth", 1), ("length", 20)))
PICTURES = Masked(data=PHANTOMS, network=MAE, side=32, device="cpu", epochs=3, batch=2)
REPORTS = Masked(
    data=Settings("report_sentences", (("count", 60),)), network=BERT, device="cpu", epochs=2, batch=16, at_least=1
)
BLOCKS = replace(
    PICTURES,
    network=Settings("masked_unet", (("patch", 8), ("width", 4), ("depth", 2), ("dropout", 0.2))),
    dimensions=3,
    whole=False,
    share=0.5,
    ema=0.9,
)


class Oracle(nn.Module):
    """Returns what it was given, unmasked."""

    def forward(self, x: Tensor, shown: Tensor | None = None) -> Tensor:
        return x


class Grey(nn.Module):
    """Returns the mean of the visible patches."""

    def forward(self, x: Tensor, shown: Tensor) -> Tensor:
        batch = {"image": x, "shown": shown}
        return mean_of_visible(x, masked_in(batch, Asked(8)))


class Common(nn.Module):
    """Guesses each word by how common it is."""

    def __init__(self, shares: np.ndarray[Any, Any]) -> None:
        super().__init__()
        self.scores = torch.from_numpy(shares).clamp_min(1e-12).log()

    def forward(self, ids: Tensor) -> Tensor:
        return self.scores.expand(*ids.shape, -1)


@pytest.mark.parametrize("kind", ["l2", "l1"])
@pytest.mark.parametrize("normalise", [False, True])
def test_only_masked_pixels_enter_the_loss(kind: str, normalise: bool) -> None:
    asked = Asked(8, kind, normalise)
    batch = next(iter(Whole(PICTURES.validation(Phantoms(cases=4, size=32)), CPU)))
    told = torch.randn(batch["image"].shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss(told, batch, asked).backward()
    masked = masked_in(batch, asked)
    assert told.grad is not None
    assert not told.grad[~masked].any() and bool(told.grad[masked].all())
    if not normalise:
        off = (told - batch["image"])[masked]
        mean = off.square().mean() if kind == "l2" else off.abs().mean()
        torch.testing.assert_close(loss(told, batch, asked), mean)
        assert float(loss(batch["image"], batch, asked)) == 0.0


def test_only_chosen_words_enter_the_loss() -> None:
    data = ReportSentences(count=60)
    batch = next(iter(Whole(REPORTS.validation(data), CPU)))
    scores = torch.randn((*batch["meant"].shape, len(REPORTS._vocabulary(data)))).requires_grad_()
    lost = loss_of_words(scores, batch)
    lost.backward()
    chosen = batch["chosen"]
    assert scores.grad is not None
    assert not scores.grad[~chosen].any() and bool(scores.grad[chosen].any(-1).all())
    meant = batch["meant"][chosen]
    torch.testing.assert_close(lost, F.cross_entropy(scores[chosen], meant))
    assert float(loss_of_words(torch.full_like(scores, 0.0), batch)) == pytest.approx(math.log(scores.shape[-1]))


def test_who_knows_all_has_no_loss_and_grey_is_as_good_as_the_baseline() -> None:
    data = Phantoms(cases=4, size=32)
    batches = Whole(PICTURES.validation(data), CPU)
    with torch.no_grad():
        best = finished(PICTURES.measures(Oracle(), batches, data))
        grey = finished(PICTURES.measures(Grey(), batches, data))
    assert best["validation/loss"] == 0.0 and best["validation/PSNR (dB)"] > 90
    assert grey["validation/PSNR (dB)"] == pytest.approx(grey["validation/mean of the visible/PSNR (dB)"])
    assert grey["validation/visible, blurred/PSNR (dB)"] == best["validation/visible, blurred/PSNR (dB)"]
    scaled = finished(replace(PICTURES, normalise=True).measures(Oracle(), batches, data))
    assert set(scaled) == {"validation/loss"}, "patterns have no brightness to be measured"


def test_quality_is_that_of_the_masked_pixels_alone() -> None:
    image = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8)
    masked = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    masked[..., :2] = True
    told = torch.where(masked, image + 0.1, image + 5)
    assert psnr(told, image, masked) == pytest.approx(20.0, abs=1e-3)
    smooth = blurred(torch.full((1, 1, 8, 8), 3.0), masked, 2.0)
    torch.testing.assert_close(smooth, torch.full((1, 1, 8, 8), 3.0))


def test_words_guessed_by_how_common_they_are_reach_the_baseline() -> None:
    data = ReportSentences(count=200)
    task = replace(REPORTS, data=Settings("report_sentences", (("count", 200),)))
    shares = commonness(data.texts, task._vocabulary(data), 20)
    with torch.no_grad():
        found = finished(task.measures(Common(shares), Whole(task.validation(data), CPU), data))
    assert found["validation/perplexity"] == pytest.approx(found["validation/unigram/perplexity"], rel=1e-4)
    assert found["validation/accuracy (%)"] == pytest.approx(found["validation/commonest word/accuracy (%)"])
    assert found["validation/perplexity"] == pytest.approx(math.exp(found["validation/loss"]))
    assert task.chance(data) == pytest.approx(math.log(len(shares)))


@dataclass(frozen=True)
class Few(Masked):
    """Measured on a few pictures only."""

    def validation(self, data: Any) -> Any:
        held: Any = super().validation(data)
        return replace(held, source=replace(held.source, source=[held.source.source[k] for k in range(40)]))


def test_it_learns_to_fill_in_digits_better_than_grey(tmp_path: Path) -> None:
    digits = replace(
        Few(device="cpu"), data=Settings("digits"), side=16, batch=32, steps=70, epochs=50, learning_rate=8e-3,
        augment=0.0, validate_every=100, share=0.5,
        network=Settings("mae", (("patch", 4), ("width", 32), ("depth", 1))),
    )  # fmt: skip
    said: list[Any] = []
    run = finished(train(digits, tmp_path / "run"), said.append)
    last = {one.name: one.value for one in said if isinstance(one, Scalar)}
    assert last["validation/PSNR (dB)"] > last["validation/mean of the visible/PSNR (dB)"] + 2
    galleries = [one for one in said if isinstance(one, Gallery) and one.name == "reconstructions"]
    assert len(galleries) > 1 and galleries[-1].tiles.shape[1:] == (16, 16)
    assert len(galleries[-1].titles) == len(galleries[-1].tiles) and "dB" in galleries[-1].titles[2]
    made = filler_of(str(run))
    assert isinstance(made, Patches) and (made.side, made.patch, made.dimensions, made.channels) == (16, 4, 2, 1)


def test_it_learns_words_of_reports_better_than_how_common_they_are(tmp_path: Path) -> None:
    task = replace(
        REPORTS, data=Settings("report_sentences", (("count", 400),)), batch=64, steps=110, epochs=99, share=0.15,
        learning_rate=2e-2, validate_every=100,
        network=Settings("bert", (("width", 32), ("depth", 1), ("dropout", 0.0))),
    )  # fmt: skip
    said: list[Any] = []
    run = finished(train(task, tmp_path / "run"), said.append)
    last = {one.name: one.value for one in said if isinstance(one, Scalar)}
    assert last["validation/perplexity"] < 0.7 * last["validation/unigram/perplexity"]
    assert last["validation/accuracy (%)"] > 2 * last["validation/commonest word/accuracy (%)"]
    tables = [one for one in said if isinstance(one, Table) and one.name == "sentences"]
    assert tables and "[▢]" in str(tables[-1].rows[0][0])
    made = filler_of(str(run))
    assert isinstance(made, Words) and "the" in made.vocabulary
    ((_, results),) = [read_results(run)]
    assert {name for row in results[0].rows for name in row if name[0] != "_"} >= {"loss", "accuracy (%)"}
    assert "sentence" not in (run / "results.csv").read_text(), "sentences of reports are not written down"
    assert results[0].measures["perplexity"].value == pytest.approx(last["validation/perplexity"], rel=1e-3)


@pytest.mark.parametrize("name", ["pictures", "blocks", "words"])
def test_a_run_that_is_broken_off_anywhere_ends_as_one_that_was_not(name: str, tmp_path: Path) -> None:
    task = {"pictures": PICTURES, "blocks": BLOCKS, "words": REPORTS}[name]
    taught(task, tmp_path / "straight")
    places = random.Random(name)
    for attempt in range(50):
        work = train(task, tmp_path / "broken", resume=attempt > 0)
        asked = places.randrange(4, 30)
        session = [message for message, _ in zip(work, range(asked), strict=False)]
        work.close()
        if len(session) < asked:
            break
    assert attempt > 0, "it was interrupted"
    assert digest(tmp_path / "broken") == digest(tmp_path / "straight")
    assert best_digest(tmp_path / "broken") == best_digest(tmp_path / "straight")


def test_what_was_learnt_without_labels_begins_naming_voxels_and_pictures(tmp_path: Path) -> None:
    blocks = finished(train(replace(BLOCKS, steps=2, dimensions=2), tmp_path / "blocks"))
    naming = Segmentation(
        data=PHANTOMS, network=Settings("unet", (("width", 4), ("depth", 2))), patch=32, start=str(blocks), steps=1,
        device="cpu",
    )  # fmt: skip
    said: list[Any] = []
    finished(train(naming, tmp_path / "naming"), said.append)
    note = next(one.text for one in said if isinstance(one, Note) and "Begins with" in one.text)
    taught_names = [name for name in weights(blocks)[0] if name.startswith("backbone.")]
    assert f"Begins with {len(taught_names)} of {len(taught_names) + 2} weights" in note
    assert "learnt by filling in; left to chance: 2 in head; 3 that only filled in are not used" in note
    pictures = finished(train(replace(PICTURES, steps=2), tmp_path / "pictures"))
    vit = Settings("vit", (("patch", 8), ("width", 16), ("depth", 1)))
    kinds = Classification(network=vit, side=32, start=str(pictures), steps=1, device="cpu")
    said = []
    finished(train(kinds, tmp_path / "kinds"), said.append)
    assert any("left to chance: 2 in head" in one.text for one in said if isinstance(one, Note))


def test_masked_words_are_always_masks_where_it_is_measured() -> None:
    data = ReportSentences(count=60)
    for batch in Whole(REPORTS.validation(data), CPU):
        assert bool((batch["given"][batch["chosen"]] == MASK).all())


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (replace(PICTURES, network=BERT), "it has no texts"),
        (replace(REPORTS, network=MAE), "it has no pictures"),
        (replace(PICTURES, side=36), "not two or more whole patches of 8 px"),
        (replace(REPORTS, at_least=100), "no word occurs so often"),
    ],
)
def test_what_does_not_go_together_is_refused(task: Masked, words: str) -> None:
    with pytest.raises(Refused, match=words):
        task.build(task.data_set())


def test_it_proposes_pictures_of_whole_patches() -> None:
    found = Fingerprint(dimensions=3, shape=Spread.of([(35, 51, 35)]), cases=100, held_out=20, classes=(),
                        spacing_mm=Spread.of([(1.0, 1.0, 1.0)]), hardware=Hardware("cpu", 16 << 30, 4))  # fmt: skip
    uneven = replace(PICTURES, dimensions=3, network=Settings("masked_unet", (("patch", 12),)))
    task, lines = uneven.proposed(found)
    assert task.side == 36 and "3 patches a side" in lines[0]
    task.build(Phantoms(cases=4, size=32))
    assert replace(PICTURES, dimensions=3).proposed(found)[0].side == 32
    assert REPORTS.proposed(found) == (REPORTS, ())


def test_a_run_of_another_task_fills_nothing_in(tmp_path: Path) -> None:
    run = finished(train(Segmentation(data=PHANTOMS, patch=32, steps=1, device="cpu"), tmp_path / "run"))
    with pytest.raises(Refused, match="not taught to fill in"):
        filler_of(str(run))
