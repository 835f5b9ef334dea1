"""Learning by comparison: the losses, what is measured, that a run goes on bit for bit, and prompts that name."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from medviz.__main__ import main
from medviz.data.sentences import ReportSentences
from medviz.data.words import Vocabulary
from medviz.figures import Gallery, Heatmap, Points, Table
from medviz.imaging.readers import read
from medviz.messages import finished
from medviz.networks.word2vec import Word2Vec
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.comparing_texts import thinned
from medviz.tasks.comparing_words import asked, expected
from medviz.tasks.contrastive import Contrastive
from medviz.training.contrasting import (
    alignment,
    analogous,
    clip_loss,
    neighbours,
    nt_xent,
    principal,
    probed,
    ranks_of,
    same_texts,
    uniformity,
)
from medviz.training.pairing import surroundings, word_pairs
from medviz.training.run import status
from medviz.training.sampling import Whole
from medviz.training.trainer import train
from medviz.training.using.classifying import shares_in
from medviz.training.using.prompting import compares, prompted_model
from tests.standard import a_sentence
from tests.training.toys import best_digest, digest, taught

CPU = torch.device("cpu")
KINDS: dict[str, Contrastive] = {
    "texts": Contrastive(
        data=Settings("captioned", (("cases", 64), ("size", 32), ("objects", 1))), side=32, longest=16, batch=16,
        network=Settings("clip", (("width", 4), ("features", 16), ("text_width", 16), ("text_depth", 1))),
        epochs=3, device="cpu",
    ),
    "views": Contrastive(
        data=Settings("shapes", (("cases", 24), ("size", 16))), side=16, batch=12, epochs=2, device="cpu",
        network=Settings("simclr", (("encoder", "cnn"), ("width", 4), ("features", 16), ("projected", 8))),
    ),
    "words": Contrastive(
        data=Settings("report_sentences", (("count", 100),)), batch=32, epochs=2, device="cpu",
        network=Settings("word2vec", (("width", 8),)),
    ),
}  # fmt: skip


def sphere(count: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(count, 5, generator=torch.Generator().manual_seed(seed)).double(), dim=1)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 6), st.floats(0.05, 1.0), st.integers(0, 99))
def test_nt_xent_is_the_papers_sum_over_all_pairs(count: int, temperature: float, seed: int) -> None:
    first, second = sphere(count, seed), sphere(count, seed + 1)
    views = [view for pair in zip(first, second, strict=True) for view in pair]  # partners side by side, as printed
    total = 0.0
    for i in range(2 * count):
        partner = i + 1 if i % 2 == 0 else i - 1
        others = sum(math.exp(float(views[i] @ views[k]) / temperature) for k in range(2 * count) if k != i)
        total -= math.log(math.exp(float(views[i] @ views[partner]) / temperature) / others)
    assert float(nt_xent(first, second, temperature)) == pytest.approx(total / (2 * count), rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 6), st.integers(0, 99))
def test_the_loss_of_clip_is_the_mean_of_both_softmaxes(count: int, seed: int) -> None:
    logits = 5 * sphere(count, seed) @ sphere(count, seed + 1).T
    total = 0.0
    for i in range(count):
        total -= float(logits[i, i] - torch.logsumexp(logits[i], 0)) / 2
        total -= float(logits[i, i] - torch.logsumexp(logits[:, i], 0)) / 2
    assert float(clip_loss(logits)) == pytest.approx(total / count, rel=1e-9)
    assert float(clip_loss(logits, torch.eye(count).bool())) == pytest.approx(total / count, rel=1e-9)


@pytest.mark.row("SEQ-14")
def test_no_idea_costs_the_logarithm_and_certainty_nothing() -> None:
    assert float(clip_loss(torch.zeros(8, 8))) == pytest.approx(math.log(8)) == pytest.approx(2.079, abs=1e-3)
    assert float(clip_loss(100 * torch.eye(8))) < 1e-6
    same = torch.zeros(6, 3)
    assert float(nt_xent(same, same, 0.5)) == pytest.approx(math.log(11))


def test_texts_that_are_the_same_are_no_negatives() -> None:
    ids = torch.tensor([[7, 8], [7, 8], [9, 8]])
    same = same_texts(ids)
    assert same.tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    sure = torch.where(same, 50.0, 0.0)
    assert float(clip_loss(sure, same)) == pytest.approx(2 / 3 * math.log(2), abs=1e-6), "shared by the two"
    assert float(clip_loss(sure, same)) < float(clip_loss(sure - 30 * torch.eye(3), same))


def test_ranks_count_equals_against_the_right_answer() -> None:
    similar = torch.tensor([[0.9, 0.5, 0.5], [0.1, 0.1, 0.1], [0.0, 0.2, 0.3]])
    assert ranks_of(similar, torch.eye(3).bool()).tolist() == [1, 3, 1]


def test_alignment_and_uniformity_are_those_of_their_paper() -> None:
    first, second = sphere(6, 1), sphere(6, 2)
    squares = [float((a - b) @ (a - b)) for a, b in zip(first, second, strict=True)]
    assert float(alignment(first, second)) == pytest.approx(np.mean(squares))
    pairs = [float((first[i] - first[j]) @ (first[i] - first[j])) for i in range(6) for j in range(i)]
    assert float(uniformity(first)) == pytest.approx(math.log(np.mean(np.exp(-2 * np.array(pairs)))), rel=1e-5)


def test_neighbours_vote_as_scikit_learns_and_a_probe_finds_a_plane() -> None:
    chance = torch.Generator().manual_seed(0)
    kinds = torch.arange(60) % 3
    bank = F.normalize(torch.randn(60, 6, generator=chance) + 2 * F.one_hot(kinds, 6), dim=1)
    others = F.normalize(torch.randn(40, 6, generator=chance) + 2 * F.one_hot(torch.arange(40) % 3, 6), dim=1)
    wanted = KNeighborsClassifier(5).fit(bank.numpy(), kinds.numpy())
    votes = wanted.predict_proba(others.numpy())
    clear = np.sort(votes)[:, -1] > np.sort(votes)[:, -2]
    told = neighbours(bank, kinds, others, 5).numpy()
    np.testing.assert_array_equal(told[clear], wanted.predict(others.numpy())[clear])
    points = torch.randn(200, 3, generator=chance)
    side = (points @ torch.tensor([1.0, -2.0, 0.5]) > 0.2).long()
    assert float((probed(points[:150], side[:150], points[150:]) == side[150:]).float().mean()) > 0.9


def test_two_components_are_those_of_the_svd_with_signs_that_do_not_flip() -> None:
    points = sphere(12, 3)
    at, share = principal(points)
    centred = points - points.mean(0)
    values = torch.linalg.svdvals(centred) ** 2
    assert share == pytest.approx(float(values[:2].sum() / values.sum()))
    torch.testing.assert_close(at.square().sum(0), values[:2])
    assert (at.gather(0, at.abs().argmax(0, keepdim=True)) > 0).all()


@pytest.mark.row("SEQ-13")
def test_pairs_of_a_window_are_exact() -> None:
    assert word_pairs(("a", "b", "c", "d"), 2) == (
        ("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("b", "d"),
        ("c", "a"), ("c", "b"), ("c", "d"), ("d", "b"), ("d", "c"),
    )  # fmt: skip
    ids = torch.tensor([[5, 6, 7, 8], [9, 5, 0, 0]])
    centres, near, there = surroundings(ids, 2)
    told = [(int(c), int(k)) for c, row, real in zip(centres, near, there, strict=True) for k in row[real]]
    assert told == [
        (5, 6), (5, 7), (6, 5), (6, 7), (6, 8), (7, 5), (7, 6), (7, 8), (8, 6), (8, 7), (9, 5), (5, 9),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["skip-gram", "cbow"])
@pytest.mark.parametrize("negatives", [0, 3])
def test_the_loss_of_words_is_that_of_a_loop(kind: Any, negatives: int) -> None:
    torch.manual_seed(0)
    network = Word2Vec(9, 4, kind, negatives)
    torch.nn.init.normal_(network.words.weight), torch.nn.init.normal_(network.contexts.weight)
    network.seen.copy_(torch.arange(9.0))
    ids, total, count = torch.tensor([[5, 6, 7, 0]]), 0.0, 0
    words, contexts = network.words.weight.detach().double(), network.contexts.weight.detach().double()
    noise = torch.arange(9.0).double() ** 0.75
    noise = noise / noise.sum()
    for at, centre in enumerate((5, 6, 7)):
        near = [k for other, k in enumerate((5, 6, 7)) if other != at and abs(other - at) <= 1]
        sides = [(words[centre], k) for k in near] if kind == "skip-gram" else [(words[near].mean(0), centre)]
        for vector, wanted in sides:
            scores = contexts @ vector
            if negatives:
                bad = sum(float(noise[k]) * math.log(1 / (1 + math.exp(float(scores[k])))) for k in range(9))
                total -= math.log(1 / (1 + math.exp(-float(scores[wanted])))) + negatives * bad
            else:
                total -= float(scores[wanted] - torch.logsumexp(scores, 0))
            count += 1
    with torch.no_grad():
        loss, pairs = expected(network, ids, 1)
        given, _ = asked(network, ids, 1)
    assert pairs == count == len(given)
    assert loss == pytest.approx(total / count, rel=1e-5)


def test_an_analogy_is_found_and_its_own_words_are_ruled_out() -> None:
    table = torch.zeros(9, 4)
    for word, vector in {5: (1, 0, 1, 0), 6: (1, 0, -1, 0), 7: (0, 1, -1, 0), 8: (0, 1, 1, 0)}.items():
        table[word] = torch.tensor(vector)
    cosines = analogous(table, (5, 6, 7), torch.arange(9) > 4)
    assert int(cosines.argmax()) == 8 and float(cosines[8]) == pytest.approx(1)
    assert torch.isinf(cosines[[0, 5, 6, 7]]).all()


def test_words_are_left_out_of_texts_but_never_all() -> None:
    chance = np.random.default_rng(0)
    made = [thinned("a large bright ball", 0.9, chance) for _ in range(60)]
    assert "a large bright ball" in made and all(made)
    assert len({len(one.split()) for one in made}) == 4
    assert thinned("a ball", 0.0, chance) == "a ball"


@pytest.mark.parametrize("kind", list(KINDS))
def test_closed_on_the_way_and_resumed_it_is_the_same_bit_for_bit(kind: str, tmp_path: Path) -> None:
    task = replace(KINDS[kind], ema=0.5 if kind == "views" else 0.0)
    said = taught(task, tmp_path / "straight")
    for attempt, count in enumerate((4, 9, 7, len(said))):
        work = train(task, tmp_path / "broken", resume=attempt > 0)
        for _ in zip(range(count), work, strict=False):
            pass
        work.close()
    assert digest(tmp_path / "broken") == digest(tmp_path / "straight")
    assert best_digest(tmp_path / "broken") == best_digest(tmp_path / "straight")


@pytest.mark.parametrize("kind", list(KINDS))
def test_it_learns_and_measures_what_it_never_saw(kind: str, tmp_path: Path) -> None:
    epochs, rate, fall = {"texts": (10, 5e-3, 0.1), "views": (2, 5e-3, -0.2), "words": (12, 0.05, 0.1)}[kind]
    task = replace(KINDS[kind], epochs=epochs, learning_rate=rate, validate_every=epochs)
    data = task.data_set()
    torch.manual_seed(0)
    with torch.no_grad():
        before = finished(task.measures(task.build(data).eval(), Whole(task.validation(data), CPU), data))
    finished(train(task, tmp_path / "run"))
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["sets"]["validation"]["cases"] == len(task.validation(data))
    assert status(tmp_path / "run")["best"] < before["validation/loss"] - fall
    about = json.loads((tmp_path / "run" / "model.json").read_text())
    assert about["task"] == "contrastive"
    wanted = {
        "texts": {
            "validation/recall@1",
            "validation/recall@5/text to image",
            "validation/zero-shot accuracy",
            "validation/zero-shot/place",
        },
        "views": {"validation/kNN accuracy", "validation/pixels/kNN accuracy", "validation/alignment"},
        "words": {"validation/loss"},
    }[kind]
    assert wanted <= set(before)


def test_views_of_a_picture_come_together_and_others_go_apart() -> None:
    task = replace(KINDS["views"], network=Settings("simclr", (("width", 8), ("features", 32), ("projected", 16))))
    data = task.data_set()
    samples: Any = task.training(data)
    batch = torch.utils.data.default_collate([samples[at] for at in range(12)])
    torch.manual_seed(0)
    network = task.build(data)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        ((_, loss),) = task.losses(network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.parametrize(
    ("kind", "figures"),
    [("texts", (Heatmap, Points, Table, Gallery)), ("views", (Gallery, Heatmap, Points)),
     ("words", (Points, Heatmap, Table))],
)  # fmt: skip
def test_what_is_drawn(kind: str, figures: tuple[type, ...]) -> None:
    task = KINDS[kind]
    data = task.data_set()
    with torch.no_grad():
        drawn = tuple(task.figures(task.build(data).eval(), Whole(task.probes(data), CPU), data))
    assert tuple(type(one) for one in drawn) == figures
    assert all(np.isfinite(one.values).all() for one in drawn if isinstance(one, Heatmap))


@pytest.mark.parametrize(
    "changed",
    [
        {"data": Settings("digits")}, {"data": Settings("report_sentences")}, {"dimensions": 3},
        {"network": Settings("word2vec"), "data": Settings("digits")},
        {"network": Settings("simclr"), "data": Settings("report_sentences")},
        {"network": Settings("simclr"), "data": Settings("shapes"), "batch": 1},
    ],
)  # fmt: skip
def test_data_that_it_cannot_learn_from_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refusal:
        replace(Contrastive(), **changed).data_set()
    a_sentence(refusal.value)


def test_three_dimensional_views_are_compared(tmp_path: Path) -> None:
    task = replace(
        KINDS["views"], dimensions=3, epochs=1, augment=0.2, data=Settings("shapes", (("cases", 6), ("size", 16)))
    )
    finished(train(task, tmp_path / "run"))
    assert status(tmp_path / "run")["state"] == "ended"


def test_frequent_words_are_left_out_of_sentences_by_chance() -> None:
    task = replace(KINDS["words"], common=0.001)
    data = ReportSentences(count=100)
    samples: Any = task.training(data)
    whole = samples[0]["ids"]
    some = [samples.drawn(0, np.random.default_rng(seed))["ids"] for seed in range(20)]
    assert all(len(one) == len(whole) and set(one.tolist()) <= {0, *whole.tolist()} for one in some)
    kept = np.mean([int((one > 0).sum()) for one in some])
    assert 0 < kept < int((whole > 0).sum())


@pytest.fixture(scope="module")
def clip_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip") / "run"
    finished(train(KINDS["texts"], folder))
    return folder


def test_typed_prompts_share_out_a_picture(
    clip_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 30), np.uint8)).save(tmp_path / "picture.png")
    picture = str(tmp_path / "picture.png")
    prompts = ["--prompt", "a large bright ball", "--prompt", "a small dark unicorn"]
    assert main(["predict", picture, "--model", str(clip_run), *prompts, "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in told["classes"]} == {"a large bright ball", "a small dark unicorn"}
    assert sum(one["probability"] for one in told["classes"]) == pytest.approx(1)
    assert told["unknown words"] == ["unicorn"]
    out = tmp_path / "told.csv"
    assert main(["predict", picture, "--model", str(clip_run), *prompts, "--out", str(out), "--quiet"]) == 0
    assert out.read_text().splitlines()[0] == "scan,class,a large bright ball,a small dark unicorn"


def test_a_picture_in_a_file_is_asked_about_as_it_was_learnt_and_not_in_a_mirror(
    clip_run: Path, tmp_path: Path
) -> None:
    held = KINDS["texts"].data_set().validation(2, KINDS["texts"].side)
    made, _ = prompted_model(str(clip_run), ("a large bright ball at the left", "a small dark box at the right"))
    sample = held[0]["image"]
    rows = np.flipud(sample[0].numpy().T)  # as a person looks at it
    light = (rows - rows.min()) / (rows.max() - rows.min())
    Image.fromarray((255 * light).round().astype(np.uint8)).save(tmp_path / "drawn.png")
    told = dict(finished(shares_in(made, finished(read(tmp_path / "drawn.png")), torch.device("cpu"))))
    with torch.no_grad():
        meant = made.network(sample[None]).softmax(1)[0].numpy()
        mirrored = made.network(sample.flip(1)[None]).softmax(1)[0].numpy()
    error = np.abs(np.array([told[name] for name in made.classes]) - meant).max()
    assert error < 0.3 * np.abs(meant - mirrored).max()


@pytest.mark.parametrize("prompts", [[], ["a ball"], ["a ball", "A  ball".lower()], ["a ball", "unicorn"]])
def test_prompts_that_cannot_be_compared_are_refused(
    prompts: list[str], clip_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "picture.png")
    words = [word for one in prompts for word in ("--prompt", one)]
    assert main(["predict", str(tmp_path / "picture.png"), "--model", str(clip_run), *words, "--quiet"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_prompts_are_for_runs_that_compare_pictures_with_texts(tmp_path: Path) -> None:
    finished(train(replace(KINDS["words"], epochs=1), tmp_path / "words"))
    assert compares(str(tmp_path / "words"))
    with pytest.raises(Refused, match="not pictures with texts"):
        prompted_model(str(tmp_path / "words"), ("a", "b"))
    assert not compares("mni152_tissue")


def test_the_words_of_a_run_are_those_of_its_training(clip_run: Path) -> None:
    about = json.loads((clip_run / "model.json").read_text())
    words = Vocabulary.out_of(about["vocabulary"])
    assert {"ball", "box", "shell", "cross", "upper"} <= set(words.words)
    assert about["pictures"] == {"dimensions": 2, "side": 32, "channels": 1, "rightward": True}
