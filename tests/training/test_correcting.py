"""Correct, learn, prove: corrected cases are kept, a copy learns from them and from old ones, and is told honestly."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medviz.data.corrected import Corrected, Mixed, add, case_of, count
from medviz.data.phantoms import Phantoms
from medviz.data.whole import volume_of
from medviz.imaging.proof import Proof, Scores, scores
from medviz.imaging.volume import Stored, Volume
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.tasks.segmentation import Segmentation
from medviz.training.correcting import correct, learn, numbered
from medviz.training.run import load_task, weights
from medviz.training.trainer import train

TASK = Segmentation(
    data=Settings("phantoms", (("cases", 4), ("size", 16), ("shapes", 2))),
    network=Settings("unet", (("width", 4), ("depth", 2))),
    dimensions=3, epochs=1, patch=16, device="cpu", learning_rate=1e-2,
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("correct") / "run"
    list(train(TASK, folder))
    return folder


@pytest.fixture(scope="module")
def folder(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three corrected cases: phantoms of another kind, with their true labels."""
    where: Path = tmp_path_factory.mktemp("corrections") / "run"
    for number in range(3):
        one = Phantoms(size=16, shapes=1, contrast=3.0, seed=9).case(3, number)
        assert finished(correct(run, where, volume_of(one.image, (1.0, 1.0, 2.0)), one.label, {}, TASKS)) == number + 1
    return where


@pytest.fixture(scope="module")
def proof(run: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    out: Path = tmp_path_factory.mktemp("learnt") / "run-2"
    return finished(learn(run, folder, out, TASKS, steps=8, rate=2e-2))


def test_the_run_itself_stays_as_it_is(run: Path, folder: Path, tmp_path: Path) -> None:
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in run.rglob("*") if path.is_file()}
    finished(learn(run, folder, tmp_path / "out", TASKS, steps=2))
    after = {path: hashlib.sha256(path.read_bytes()).digest() for path in run.rglob("*") if path.is_file()}
    assert after == before


def test_the_copy_is_a_run_of_its_own_that_began_with_the_old_weights(run: Path, proof: Proof) -> None:
    task = load_task(proof.out, TASKS)
    assert task.data.name == "corrected" and task.start == str(run) and task.steps == 8
    old, new = weights(run)[0], weights(proof.out)[0]
    assert old.keys() == new.keys() and any(not np.array_equal(old[name], new[name]) for name in old)


def test_old_and_corrected_cases_are_measured_before_and_after(proof: Proof) -> None:
    assert [len(proof.of(which).before) for which in ("old", "apart", "learnt")] == [1, 1, 2]
    for one in proof.scores:
        assert len(one.before) == len(one.after) and all(0 <= value <= 1 for value in (*one.before, *one.after))
    assert any(one.change != 0 for one in proof.scores)


def test_half_of_the_samples_are_old(run: Path, folder: Path) -> None:
    data = Corrected(str(run), str(folder))
    samples = data.training(3, 16, 0.0)
    assert isinstance(samples, Mixed)
    names = [samples[index]["name"] for index in range(len(samples))]
    assert sum(name.startswith("corrected") for name in names) * 2 == len(names)
    assert {name for name in names if name.startswith("corrected")} == {"corrected 1", "corrected 2"}, (
        "the third is apart"
    )
    assert {name for name in names if not name.startswith("corrected")} == {f"phantom {n}" for n in range(4)}


def test_what_is_held_out_is_what_the_run_held_out(run: Path, folder: Path) -> None:
    mine, old = Corrected(str(run), str(folder)).validation(3), TASK.data_set().validation(3)
    assert len(mine) == len(old) and np.array_equal(mine[0]["image"], old[0]["image"])


def test_without_corrections_nothing_is_learnt(run: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no corrected case"):
        finished(learn(run, tmp_path / "none", tmp_path / "out", TASKS))
    assert not (tmp_path / "out").exists()


def test_labels_the_run_was_not_taught_are_refused(run: Path, tmp_path: Path) -> None:
    scan = volume_of(np.zeros((1, 4, 4, 4), np.float32), (1.0, 1.0, 1.0))
    with pytest.raises(Refused, match="knows 3"):
        finished(correct(run, tmp_path / "c", scan, np.full((4, 4, 4), 4), {}, TASKS))
    with pytest.raises(Refused, match="grid"):
        finished(correct(run, tmp_path / "c", scan, np.zeros((4, 4, 5)), {}, TASKS))
    assert count(tmp_path / "c") == 0


@pytest.mark.trap("T1")
def test_labels_are_told_by_their_names_and_not_by_another_tables_numbers() -> None:
    drawn = np.array([0, 1, 2, 2, 7])
    assert numbered(drawn, {1: "Right", 2: "left", 7: "left"}, ("left", "right")).tolist() == [0, 2, 1, 1, 1]
    assert numbered(drawn, {1: "right", 2: "left"}, ("left", "right")).tolist() == drawn.tolist(), "7 has no name"


@pytest.mark.trap("T24")
def test_a_correction_keeps_place_and_values_and_nothing_of_the_patient(tmp_path: Path) -> None:
    affine = np.array([[0.8, 0.1, 0, -3], [-0.1, 0.8, 0, 4], [0, 0, 2.5, 5], [0, 0, 0, 1.0]])
    voxels = np.arange(60, dtype=np.int16).reshape(1, 5, 4, 3)
    stored = Stored("NIfTI", (5, 4, 3), "RAS", affine, voxels.dtype, header={"descrip": b"DOE^JANE"})
    scan = Volume(voxels, affine, stored, "DOE^JANE.nii", slope=2.0, intercept=-100.0)
    labels = (voxels[0] > 30).astype(np.uint8)
    add(tmp_path, scan, labels, ("one",))
    found = case_of(tmp_path, 0)
    assert found.scan.affine == pytest.approx(affine, abs=1e-5)
    assert np.array_equal(found.scan.frame() * found.scan.slope + found.scan.intercept, voxels[0] * 2.0 - 100.0)
    assert found.reference is not None and np.array_equal(found.reference.frame(), labels)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"DOE" not in written and b"JANE" not in written
    assert not any("DOE" in path.name for path in tmp_path.iterdir())


def test_a_broken_list_of_corrections_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corrections.json").write_text("{")
    with pytest.raises(Refused, match="cannot be read"):
        count(tmp_path)


# What is said of it


def proved(old: Any, apart: Any = ((), ()), learnt: Any = ((0.5,), (0.9,))) -> Proof:
    three = zip(("old", "apart", "learnt"), (old, apart, learnt), strict=True)
    return Proof(Path(), tuple(scores(which, *both) for which, both in three))  # type: ignore[arg-type]


def test_cases_that_became_worse_are_called_forgotten() -> None:
    worse = proved(((0.8, 0.82, 0.79, 0.81), (0.7, 0.71, 0.72, 0.7)))
    assert worse.forgot and not worse.better and worse.verdict().startswith("It forgot")
    assert proved(((0.8, 0.8), (0.79, 0.76))).forgot, "by more than a hundredth, where chance cannot tell"


def test_what_it_learnt_from_proves_nothing() -> None:
    same = proved(((0.8, 0.82, 0.79), (0.8, 0.81, 0.8)))
    assert not same.forgot and not same.better
    assert "not shown" in same.verdict() and "six corrections" in same.verdict()


def test_cases_kept_apart_can_prove_it() -> None:
    good = proved(((0.8, 0.82), (0.8, 0.82)), ((0.4, 0.5, 0.45), (0.6, 0.62, 0.66)))
    assert good.better and good.verdict().startswith("It became better")


def test_a_sentence_has_numbers_counts_and_what_chance_allows() -> None:
    said = Scores("old", (0.8, 0.9), (0.75, 0.91)).words()
    assert said.startswith("Old cases, held out (2): Dice 0.850 before, 0.830 after (−0.020, 95 % −0.050 to +0.010")
    assert "1 better, 1 worse" in said
    assert "of three corrections one is" in Scores("apart", (), ()).words()
    assert replace(proved(((0.5,), (0.5,)))).of("old").interval == (-1.0, 1.0), "one case tells nothing of chance"
    assert scores("old", (0.5, float("nan")), (0.6, 0.7)).before == (0.5,)
