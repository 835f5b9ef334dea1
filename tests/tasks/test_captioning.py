"""Captioning: learnt, resumed, measured, drawn, and used from the command line."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from medviz.__main__ import main
from medviz.data.words import END, START, Vocabulary
from medviz.figures import Bars, Gallery, Table
from medviz.imaging.readers import read
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.captioning import Captioning
from medviz.tasks.captions_judged import Judged
from medviz.training.results import read_results
from medviz.training.sampling import Whole
from medviz.training.task import Batch
from medviz.training.trainer import train
from medviz.training.using.captioning import CaptionModel, caption_in, captions, looks
from tests.training.toys import best_digest, digest

CPU = torch.device("cpu")
DATA = Settings("captioned", (("cases", 32), ("size", 32), ("objects", 1), ("noise", 0.05), ("forms", 1)))
TINY = Settings("captioner", (("decoder", "transformer"), ("width", 16), ("depth", 1), ("heads", 2)))
TASK = Captioning(
    data=DATA, network=TINY, side=32, longest=12, batch=16, epochs=1, device="cpu", at_least=1, validate_every=1
)


def first_batch(task: Captioning) -> Batch:
    data = task.data_set()
    samples = task.training(data)
    some = [samples[k] for k in range(16)]
    return {
        "image": torch.stack([one["image"] for one in some]),
        "words": torch.stack([one["words"] for one in some]),
        "text": [one["text"] for one in some],
    }


@pytest.mark.parametrize(("encoder", "decoder"), [("cnn", "transformer"), ("vit", "lstm")])
def test_it_learns_what_pictures_show(encoder: str, decoder: str) -> None:
    task = replace(TASK, network=TINY.turned(encoder=encoder, decoder=decoder, dropout=0.0))
    torch.manual_seed(0)
    network, batch = task.build(task.data_set()), first_batch(task)
    chance = task.chance(task.data_set())
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        ((part, loss),) = task.losses(network, batch)
        assert part == "" and isinstance(loss, Tensor)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert chance is not None and losses[0] == pytest.approx(chance, abs=0.8)
    assert losses[-1] < 0.35 * losses[0]


def test_closed_in_the_middle_and_resumed_it_is_the_same_and_its_cases_are_told(tmp_path: Path) -> None:
    task = replace(TASK, network=TINY.turned(decoder="lstm", dropout=0.2), epochs=2, smoothing=0.1, beams=2)
    finished(train(task, tmp_path / "straight"))
    for resume, asked in ((False, 5), (True, 4)):
        work = train(task, tmp_path / "broken", resume=resume)
        for _ in range(asked):
            next(work)
        work.close()
    finished(train(task, tmp_path / "broken", resume=True))
    assert digest(tmp_path / "broken") == digest(tmp_path / "straight")
    assert best_digest(tmp_path / "broken") == best_digest(tmp_path / "straight")
    (results,) = read_results(tmp_path / "straight")[1]
    assert {"BLEU-4", "exact match", "word accuracy", "findings missed"} <= set(results.measures)
    assert all(row["reference"] and isinstance(row["generated"], str) for row in results.rows)
    told_to_use(tmp_path / "straight", tmp_path)


def told_to_use(run: Path, folder: Path) -> None:
    """The command line says what a picture shows, and refuses what makes no sense."""
    assert captions(str(run)) and not captions(str(folder))
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 30), np.uint8)).save(folder / "a.png")
    out = folder / "said.json"
    assert main(["predict", str(folder / "a.png"), "--model", str(run), "--set", "beams=3", "--out", str(out)]) == 0
    said = json.loads(out.read_text())
    assert said["caption"] == " ".join(one["word"] for one in said["words"])
    assert all(0 < one["probability"] <= 1 for one in said["words"])
    assert main(["predict", str(folder / "a.png"), "--model", str(run), "--set", "spacing=1"]) == 2
    assert main(["predict", str(folder / "a.png"), "--model", str(run), "--mirror"]) == 2
    assert main(["predict", str(folder / "a.png"), "--model", str(run), "--out", "x.nii.gz"]) == 2


class Parrot(nn.Module):
    """Says the words of one text, whatever it is shown, and is nearly sure of each."""

    longest, grid = 12, 2

    def __init__(self, ids: Tensor, classes: int) -> None:
        super().__init__()
        self.ids, self.classes = ids, classes

    def places(self, image: Tensor) -> Tensor:
        return torch.zeros(len(image), 4, 1)

    def read(self, places: Tensor, words: Tensor) -> Any:
        scores = torch.zeros(len(words), words.shape[1], self.classes)
        for at in range(words.shape[1]):
            scores[:, at, self.ids[at + 1]] = 20.0
        even = torch.full((len(words), words.shape[1], 4), 0.25)
        return type("Read", (), {"scores": scores, "attention": even})()

    def forward(self, image: Tensor, words: Tensor) -> Tensor:
        return self.read(self.places(image), words).scores  # type: ignore[no-any-return]


def test_left_is_left_in_a_file_too(tmp_path: Path) -> None:
    """A drawn picture that is written as PNG and read again is what the network has learnt from."""
    data = TASK.data_set()
    sample = TASK.validation(data)[0]
    drawn = sample["image"][0].numpy()
    pixels = np.rint((drawn - drawn.min()) / np.ptp(drawn) * 255).astype(np.uint8).T[::-1]  # as a person looks at it
    Image.fromarray(pixels).save(tmp_path / "a.png")
    heard: list[Tensor] = []

    class Listener(Parrot):
        def places(self, image: Tensor) -> Tensor:
            heard.append(image)
            return super().places(image)

    words = TASK.vocabulary(data)
    network: Any = Listener(words.ids(sample["text"], 12, ends=True), len(words))
    made = CaptionModel("x", network, words, 32, 1, 1, "", {}, TASK.description(data)["pictures"]["rightward"])
    found = finished(caption_in(made, finished(read(tmp_path / "a.png")), CPU))
    assert found.text == sample["text"]
    torch.testing.assert_close(heard[0][0], sample["image"], atol=0.05, rtol=0.0)


def test_what_is_said_right_measures_one_and_what_is_said_wrong_less() -> None:
    data = TASK.data_set()
    words, held = TASK.vocabulary(data), TASK.validation(data)
    first = held[0]
    parrot = Parrot(words.ids(first["text"], 12, ends=True), len(words))
    whole = Whole([first], CPU)
    right = finished(TASK.measures(parrot, whole, data))
    assert right["validation/exact match"] == right["validation/word accuracy"] == right["validation/BLEU-4"] == 1.0
    assert right["validation/perplexity"] == pytest.approx(1.0, abs=1e-3)
    other = next(held[k] for k in range(len(held)) if held[k]["text"] != first["text"])
    wrong = finished(TASK.measures(parrot, Whole([first, other], CPU), data))
    assert wrong["validation/exact match"] == 0.5 and 0 < wrong["validation/BLEU-1"] < 1
    (row, again) = finished(TASK.evaluated(parrot, Whole([first, other], CPU), data, "validation"))
    assert row["findings missed"] == row["findings that differ"] == 0 and row["exact match"] == 1.0
    assert again["findings missed"] + again["findings that differ"] >= 1
    assert TASK.summarised([row, again])["BLEU-4"] == pytest.approx(wrong["validation/BLEU-4"])


def test_probes_are_drawn_as_texts_findings_looks_and_words() -> None:
    data = TASK.data_set()
    words, probe = TASK.vocabulary(data), TASK.probes(data)[0]
    parrot = Parrot(words.ids(probe["text"], 12, ends=True), len(words))
    table, findings, gallery, bars = TASK.figures(parrot, Whole([probe], CPU), data)
    assert isinstance(table, Table) and isinstance(findings, Table) and isinstance(bars, Bars)
    assert table.rows[0][1] == table.rows[0][2] == probe["text"] and "1 of 1 word for word" in table.title
    assert isinstance(gallery, Gallery) and gallery.tiles.shape[1:] == (32, 32, 3)
    assert len(gallery.tiles) == len(gallery.titles) == 1 + len(bars.names) and gallery.titles[-1] == "(end) 100%"


def test_a_look_glows_where_it_is() -> None:
    attention = np.zeros((1, 4, 4), np.float32)
    attention[0, 3, 3] = 1.0  # at the right and up, as x and y go
    (tile,) = looks(np.zeros((1, 16, 16), np.float32), attention, True).astype(int)
    assert tile[0, -1, 0] > 100 and tile[-1, 0, 0] == 0
    (tile,) = looks(np.zeros((1, 16, 16), np.float32), attention, False).astype(int)
    assert tile[0, 0, 0] > 100 and tile[0, -1, 0] == 0, "in files x runs to the left"


def test_rare_words_are_in_no_file_and_where_all_are_rare_that_is_refused(tmp_path: Path) -> None:
    (row,) = [one.row(Vocabulary(("ball", "a"))) for one in [Judged(("a", "jane", "ball"), ("a",), "a", 3, 2, 1.0)]]
    assert row["reference"] == "a <unknown> ball"
    for name in ("one", "two", "three", "four"):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / f"{name}.png")
    rows = "".join(f"{name}.png,{name}\n" for name in ("one", "two", "three", "four"))
    (tmp_path / "notes.csv").write_text(f"image,text\n{rows}")
    own = replace(TASK, data=Settings("image_text", (("file", str(tmp_path / "notes.csv")),)), at_least=2)
    with pytest.raises(Refused, match="no word of its texts occurs 2 times"):
        own.data_set()


def test_losses_count_words_and_no_padding() -> None:
    task, batch = replace(TASK, smoothing=0.0), first_batch(TASK)
    words = batch["words"]
    assert bool((words[:, 0] == START).all()) and bool((words == END).any(1).all())

    class Even(nn.Module):
        def forward(self, image: Tensor, asked: Tensor) -> Tensor:
            return torch.zeros(*asked.shape, 9)

    ((_, loss),) = task.losses(Even(), {**batch, "words": words.clamp(max=8)})
    assert isinstance(loss, Tensor) and loss.item() == pytest.approx(math.log(9))
