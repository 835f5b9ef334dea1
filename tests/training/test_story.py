"""A run keeps what its network made of a few whole scans, validation by validation; training does not suffer."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medviz.imaging.story import FOLDER, INDEX, Frame, Story
from medviz.messages import Note, finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.tasks.classification import Classification
from medviz.tasks.segmentation import Segmentation
from medviz.training import checkpoints, story
from medviz.training.orders import Orders
from medviz.training.retelling import probe_case
from medviz.training.run import weights
from medviz.training.story import Telling, thinned
from medviz.training.trainer import train

TASK = Segmentation(
    data=Settings("phantoms", (("cases", 4), ("size", 16), ("shapes", 2))),
    network=Settings("unet", (("width", 4), ("depth", 2))),
    dimensions=3,
    epochs=3,
    patch=16,
    device="cpu",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("story") / "run"
    list(train(TASK, folder))
    return folder


def test_it_is_kept_before_the_first_step_and_at_every_validation(run: Path) -> None:
    told = Story.read(run)
    assert [one.epoch for one in told.frames] == [0.0, 1.0, 2.0, 3.0]
    assert told.frames[0].step == 0 and not told.frames[0].measures
    assert all("validation/dice/mean" in one.measures for one in told.frames[1:])
    assert told.classes == ("ball", "box", "shell") and told.cases == (0,)


def test_a_frame_is_the_prediction_of_the_whole_scan(run: Path) -> None:
    told = Story.read(run)
    last = told.snapshot(3, 0)
    labels, shares = last.arrays["labels"], last.arrays["shares"]
    assert labels.shape == (16, 16, 16) and labels.dtype == np.uint8
    assert shares.shape == (4, 16, 16, 16) and shares.dtype == np.uint8
    sums = shares.astype(int).sum(0)
    assert abs(sums - 255).max() <= 2, "probabilities of a voxel sum to one, but for the rounding"
    close = np.take_along_axis(shares, labels[None].astype(np.int64), 0)[0].astype(int)
    assert (shares.max(0).astype(int) - close <= 1).all(), "the label is the most likely class"


def test_the_dice_of_a_frame_is_that_of_its_labels(run: Path) -> None:
    told = Story.read(run)
    meant = TASK.probes(TASK.data_set())[0]["label"].numpy()
    found = told.snapshot(3, 0).arrays["labels"]
    for value, name in enumerate(told.classes, start=1):
        both, sizes = ((found == value) & (meant == value)).sum(), (found == value).sum() + (meant == value).sum()
        if (meant == value).any():
            assert told.frames[3].cases[0][f"dice/{name}"] == pytest.approx(2 * both / sizes, abs=1e-6)


def test_a_probability_is_asked_for_in_mm(run: Path) -> None:
    told = Story.read(run)
    teller = TASK.told(TASK.data_set())
    shot, mm = told.snapshot(2, 0), teller.case(0).scan.to_mm((3, 5, 7))
    at = shot.at(mm)
    assert at is not None and at == pytest.approx(shot.arrays["shares"][:, 3, 5, 7] / 255, abs=1e-6)
    assert shot.at(mm + 1000) is None


def test_its_scans_are_found_again_in_the_data_set(run: Path) -> None:
    case = finished(probe_case(run, 0, TASKS))
    meant = TASK.probes(TASK.data_set())[0]
    assert np.array_equal(case.scan.voxels, meant["image"].numpy())
    assert case.reference is not None and np.array_equal(case.reference.frame(), meant["label"].numpy())
    with pytest.raises(Refused, match="no such case"):
        finished(probe_case(run, 7, TASKS))


def test_a_data_set_that_has_changed_is_not_shown_under_old_predictions(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    recipe = tmp_path / "run" / "task.toml"
    recipe.write_text(recipe.read_text().replace("shapes = 2", "shapes = 3"))
    with pytest.raises(Refused, match="another scan"):
        finished(probe_case(tmp_path / "run", 0, TASKS))


def test_no_scan_and_no_name_is_kept(run: Path) -> None:
    for path in (run / FOLDER).glob("*.npz"):
        with np.load(path) as found:
            assert set(found.files) == {"labels", "shares", "grid"}
    assert set(json.loads((run / FOLDER / INDEX).read_text())["cases"][0]) == {"number", "digest"}


def test_the_weights_are_those_of_a_training_without_a_story(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Segmentation, "told", lambda task, data: None)
    list(train(TASK, tmp_path / "plain"))
    assert not Story.there(tmp_path / "plain")
    mine, other = (checkpoints.weights_digest(weights(one)[0]) for one in (run, tmp_path / "plain"))
    assert mine == other


def test_a_run_that_goes_on_tells_no_epoch_twice(run: Path, tmp_path: Path) -> None:
    work = train(TASK, tmp_path / "broken")
    for message in work:
        if getattr(message, "name", "") == "train/epoch":
            break
    work.close()
    before = Story.read(tmp_path / "broken").frames
    list(train(TASK, tmp_path / "broken", resume=True))
    after = Story.read(tmp_path / "broken")
    assert [one.step for one in after.frames] == [one.step for one in Story.read(run).frames]
    assert len(before) < len(after.frames)
    for number in range(len(after.frames)):
        mine, other = after.snapshot(number, 0), Story.read(run).snapshot(number, 0)
        assert np.array_equal(mine.arrays["labels"], other.arrays["labels"])


def test_what_was_told_after_the_checkpoint_is_told_again(run: Path, tmp_path: Path) -> None:
    copied = Story.read(run)
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    for path in copied.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    telling = Telling(tmp_path, TASK, None, None)  # type: ignore[arg-type]
    telling.take_up(copied.frames[1].step)
    assert [one.tick for one in Story.read(tmp_path).frames] == [0, 1]
    assert len(list(folder.glob("*.npz"))) == 2


def test_it_thins_out_and_keeps_first_and_newest() -> None:
    frames = tuple(Frame(10 * n, float(n), n, bytes=100) for n in range(20))
    small = thinned(Story(Path(), frames=frames), 700)
    assert [one.tick for one in small.frames] == [0, 4, 8, 12, 16, 19] and small.interval == 4
    grown = small
    for n in range(20, 28):
        grown = thinned(replace(grown, frames=(*grown.frames, Frame(10 * n, float(n), n, bytes=100))), 700)
        assert grown.size_bytes <= 700
        assert [one.tick for one in (grown.frames[0], grown.frames[-1])] == [0, n]
    assert all(one.tick % grown.interval == 0 for one in grown.frames[:-1])


def test_wanted_now_a_frame_is_kept_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    orders, said = Orders(tmp_path / "run"), []
    for message in train(replace(TASK, epochs=1, batch=1), tmp_path / "run", orders=orders):
        said.append(message)
        if getattr(message, "name", "") == "train/loss" and message.step == 2:  # type: ignore[union-attr]
            orders.put("preview")
    frames = Story.read(tmp_path / "run").frames
    assert frames[0].step == 0 and frames[-1].step == 4
    assert any(one.epoch not in (0.0, 1.0) for one in frames), [one.epoch for one in frames]


def test_one_frame_that_is_too_large_does_not_go_round_for_ever() -> None:
    frames = (Frame(0, 0.0, 0, bytes=500), Frame(1, 1.0, 1, bytes=500))
    assert len(thinned(Story(Path(), frames=frames), 10).frames) == 2


def test_over_the_budget_files_go_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "BUDGET_BYTES", 40_000)
    list(train(replace(TASK, epochs=6), tmp_path / "run"))
    told = Story.read(tmp_path / "run")
    on_disk = {path.name for path in told.folder.glob("*.npz")}
    assert told.size_bytes <= 40_000 or len(told.frames) == 2
    assert on_disk == {one.name(0) for one in told.frames} and told.frames[-1].epoch == 6


def test_a_frame_half_written_is_never_seen(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put, count = checkpoints.put, []

    def broken(path: Path, data: bytes, **more: Any) -> None:
        if FOLDER.name in path.parts and path.suffix == ".npz":
            count.append(path)
            if len(count) == 3:
                raise OSError(28, "No space left on device")
        put(path, data, **more)

    monkeypatch.setattr(checkpoints, "put", broken)
    said = list(train(TASK, tmp_path / "run"))
    told = Story.read(tmp_path / "run")
    assert [one.epoch for one in told.frames] == [0.0, 1.0]
    assert all(told.snapshot(number, 0).arrays["labels"].any() is not None for number in range(2))
    notes = [one for one in said if isinstance(one, Note) and "looked back" in one.text]
    assert len(notes) == 1 and "No space left" in notes[0].text
    assert checkpoints.weights_digest(weights(tmp_path / "run")[0]) == checkpoints.weights_digest(weights(run)[0])


def test_it_leaves_frames_out_that_would_take_too_much_of_the_time(tmp_path: Path) -> None:
    telling = Telling(tmp_path, TASK, None, None)  # type: ignore[arg-type]
    telling.spent_s, telling._slowest_s = 30.0, 5.0
    assert not telling.due(600.0) and telling.due(1000.0) and telling.due(float("inf"))


def test_the_last_epoch_is_kept_whatever_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "FREE_S", 0.0)
    list(train(TASK, tmp_path / "run"))
    assert [one.epoch for one in Story.read(tmp_path / "run").frames][-1] == 3


def test_what_is_damaged_is_refused_with_a_sentence(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / INDEX).write_text("{")
    with pytest.raises(Refused, match="cannot be read"):
        Story.read(tmp_path)
    (folder / INDEX).write_bytes((run / FOLDER / INDEX).read_bytes())
    told = Story.read(tmp_path)
    with pytest.raises(Refused, match="no such file"):
        told.snapshot(0, 0)
    whole = (run / FOLDER / told.frames[0].name(0)).read_bytes()
    for data in (b"", whole[:-40], whole[:100], b"PK" * 30):
        (folder / told.frames[0].name(0)).write_bytes(data)
        with pytest.raises(Refused, match="cannot be read"):
            told.snapshot(0, 0)


def test_a_run_without_a_story_has_an_empty_one(tmp_path: Path) -> None:
    assert not Story.read(tmp_path).frames and not Story.there(tmp_path)


def test_of_pictures_the_probability_of_each_class_is_told(tmp_path: Path) -> None:
    task = Classification(
        data=Settings("shapes", (("cases", 12),)), network=Settings("lenet"), epochs=2, device="cpu", batch=4
    )
    list(train(task, tmp_path / "run"))
    told = Story.read(tmp_path / "run")
    assert told.kind == "classes" and [one.epoch for one in told.frames] == [0.0, 1.0, 2.0]
    for place, about in enumerate(told.about):
        at = told.snapshot(2, place).at((0, 0, 0))
        assert at is not None and at.sum() == pytest.approx(1.0, abs=0.02)
        said = told.frames[2].cases[place]["probability of the class"]
        assert at[about["meant"]] == pytest.approx(said, abs=0.003)
