"""Samples out of a run: the same wishes make the same, copies are found, and what cannot be made is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medviz.imaging.readers import read
from medviz.imaging.writers.synthetic import write_samples
from medviz.messages import Progress, finished
from medviz.refused import Refused
from medviz.training.using.features import PIXELS
from medviz.training.using.generating import Generated, samples_of, wishes_of
from tests.training.dreams import TASKS, DreamWishes, dreamt
from tests.training.toys import Toy, taught


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run of a task that makes digits."""
    return dreamt(tmp_path_factory.mktemp("runs") / "dreams")


def made(run: Path, wishes: DreamWishes | None = None) -> Generated:
    return finished(samples_of(run, wishes, TASKS, PIXELS))


def test_what_may_be_wished_is_told_and_made(run: Path) -> None:
    assert finished(wishes_of(run, TASKS)) == DreamWishes()
    said: list[object] = []
    found = finished(samples_of(run, None, TASKS, PIXELS), said.append)
    assert len(found.made) == len(found.neighbours) == len(found.nearest) == 6
    assert Progress(6, 6, "samples made") in said
    assert found.run == "dreams"
    assert found.task == "dreamer"
    assert found.quality is not None
    assert "8×8 mean brightnesses" in found.quality.words()
    tiles, near = found.tiles()
    assert near is not None
    assert tiles.shape == near.shape == (6, 16, 16)


def test_the_same_wishes_make_the_same_and_the_chance_of_a_training_beside_it_is_not_touched(run: Path) -> None:
    before = torch.random.get_rng_state()
    one, two = made(run, DreamWishes(seed=3)), made(run, DreamWishes(seed=3))
    other = made(run, DreamWishes(seed=4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(np.array_equal(a.image, b.image) for a, b in zip(one.made, two.made, strict=True))
    assert not np.array_equal(one.made[0].image, other.made[0].image)


def test_what_is_remembered_is_flagged_with_the_picture_it_was_taken_from(run: Path) -> None:
    found = made(run, DreamWishes(how="remembered"))
    assert found.copies == 6
    assert [one.place for one in found.neighbours] == list(range(6))
    assert np.abs(found.nearest[2] - found.made[2].image).mean() < 0.02
    assert made(run).copies == 0


def test_files_say_all_of_a_sample_and_nothing_of_a_person(run: Path, tmp_path: Path) -> None:
    found = made(run, DreamWishes(known="scans/Jane_Roe.nii.gz", seed=7))
    samples = [found.synthetic(number) for number in range(2)]
    files = finished(write_samples(samples, tmp_path))
    said = json.loads((tmp_path / "sample-002.synthetic.json").read_text())
    assert said["synthetic"] is True
    assert said["run"]["name"] == "dreams"
    assert said["run"]["weights sha256"] == found.sha256
    assert said["made"]["seed"] == 7
    assert said["wishes"]["known"] == "a file"
    assert said["sample"] == {"class": 1, "text": "a 1", "noise": 1}
    assert said["nearest training picture"]["suspected copy"] is False
    assert said["quality of all samples"]["features"] == "8×8 mean brightnesses"
    assert said["spacing_mm"] == "uncalibrated"
    assert not any("Jane" in file.read_text(errors="replace") for file in tmp_path.glob("*.json"))
    assert [file.name for file in files if "label" in file.name] == [
        "sample-002-label.nii.gz",
        "sample-002-label.synthetic.json",
    ]
    assert finished(read(tmp_path / "sample-001.nii.gz")).synthetic


def test_a_run_that_makes_nothing_and_numbers_that_are_none_are_refused(run: Path, tmp_path: Path) -> None:
    taught(Toy(epochs=1), tmp_path / "toy")
    known = {"toy": Toy}
    assert finished(wishes_of(tmp_path / "toy", known)) is None
    with pytest.raises(Refused, match="makes nothing new"):
        finished(samples_of(tmp_path / "toy", None, known))
    with pytest.raises(Refused, match="numbers that are none"):
        made(run, DreamWishes(how="broken"))
    with pytest.raises(Refused, match="no such features"):
        finished(samples_of(run, None, TASKS, "not there"))
    with pytest.raises(Refused, match=r"no task\.toml"):
        finished(samples_of(tmp_path, None, TASKS))


def test_it_can_be_stopped_between_two_samples(run: Path) -> None:
    work = samples_of(run, replace(DreamWishes(), count=4000), TASKS, PIXELS)
    for message in work:
        if isinstance(message, Progress) and message.what == "samples made" and message.done == 2:
            break
    work.close()
    assert torch.is_grad_enabled()


def test_more_than_fits_into_memory_is_refused_before_anything_is_made(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Small:
        available = 10_000

    monkeypatch.setattr("medviz.imaging.storage.psutil.virtual_memory", Small)
    with pytest.raises(Refused, match="memory"):
        made(run, DreamWishes(count=4000))
