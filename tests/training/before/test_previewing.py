"""What is drawn of cases and of changed samples, for any data set."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medviz.data.checking.album import Album, album
from medviz.data.layouts import recognised
from medviz.figures import Picture
from medviz.messages import Note, finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.classification import Classification
from medviz.tasks.detection import Detection
from medviz.tasks.segmentation import Segmentation
from medviz.training.before.previewing import Wish, changes_of, variations
from tests.data.checking.damaged import SHAPE, save, scan, sound


def pictures(work: object) -> dict[str, Picture]:
    said: list[object] = []
    finished(work, said.append)  # type: ignore[arg-type]
    return {one.name: one for one in said if isinstance(one, Picture)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sound(tmp_path, 5)
    return tmp_path


def made(folder: Path) -> Album:
    return finished(album(recognised(folder)))


def test_all_cases_are_listed_without_reading_any(folder: Path) -> None:
    (folder / "imagesTr" / "case_01.nii.gz").write_bytes(b"broken")
    found = made(folder)
    assert [one.name for one in found.cases] == [f"case_{k:02d}" for k in range(5)]
    assert {one.part for one in found.cases} == {"training", "held out"}
    assert "leave_out" in found.mends


def test_a_picture_shows_the_slice_with_most_label_facing_the_screen(folder: Path) -> None:
    one = pictures(made(folder).pictures(["case_00"], 256))["case_00"]
    image, label = scan(0)
    index = int(np.count_nonzero(label, axis=(0, 1)).argmax())
    assert one.pixels.shape == (SHAPE[1], SHAPE[0])
    assert one.labels is not None
    assert np.array_equal(one.labels, label[::-1, ::-1, index].T)
    grey, meant = one.pixels.astype(float), image[::-1, ::-1, index].T
    assert np.corrcoef(grey.ravel(), meant.ravel())[0, 1] > 0.99
    assert one.mm == (1.0, 1.0)
    assert one.label_names == ("box", "lid")


def test_a_large_slice_is_made_small_and_keeps_its_shape(tmp_path: Path) -> None:
    sound(tmp_path, 4)
    image, label = scan(0, (300, 200, 20))
    save(tmp_path / "imagesTr" / "case_00.nii.gz", image, (0.5, 0.5, 1))
    save(tmp_path / "labelsTr" / "case_00.nii.gz", label, (0.5, 0.5, 1))
    one = pictures(made(tmp_path).pictures(["case_00"], 100))["case_00"]
    assert one.pixels.shape == (67, 100)
    assert one.labels is not None and one.labels.shape == (67, 100)
    assert one.mm == pytest.approx((1.5, 1.5), rel=0.02)


def test_a_case_that_cannot_be_read_is_a_note(folder: Path) -> None:
    (folder / "imagesTr" / "case_01.nii.gz").write_bytes(b"broken")
    said: list[object] = []
    finished(made(folder).pictures(["case_01", "case_02"], 64), said.append)
    assert [type(one) for one in said] == [Note, Picture]
    facts = finished(made(folder).facts("case_01"))
    assert facts.broken


def test_boxes_lie_where_the_file_says(data: Path) -> None:
    found = finished(album(recognised(data / "detection" / "BCCD_voc")))
    one = pictures(found.pictures(["BloodImage_00000.jpg"], 320))["BloodImage_00000.jpg"]
    assert one.pixels.shape == (240, 320, 3)
    white = [mark for mark in one.marks if mark.text == "WBC"]
    assert len(one.marks) == 20 and len(white) == 1
    # xmin 260, ymin 177, xmax 491, ymax 376 in the annotation
    assert (white[0].col, white[0].row) == (130, 88.5)
    assert (white[0].width, white[0].height) == (115.5, 99.5)
    inside = one.pixels[95:180, 140:235].astype(float)
    assert inside[..., 2].mean() > inside[..., 1].mean() + 20, "a white cell is stained violet"


@pytest.mark.parametrize(
    "task",
    [
        Segmentation(data=Settings("phantoms", (("cases", 4),)), sides="32×48"),
        Segmentation(data=Settings("phantoms", (("cases", 2), ("size", 24))), dimensions=3, patch=16),
        Classification(data=Settings("shapes", (("cases", 6),))),
        Classification(data=Settings("digits"), side=16),
        Detection(data=Settings("drawn_boxes", (("cases", 4),))),
        Segmentation(patch=96),
    ],
    ids=["phantoms", "volumes", "shapes", "digits", "boxes", "mni152"],
)
def test_the_same_sample_is_drawn_as_often_as_is_asked(task: object) -> None:
    found = pictures(variations(task, Wish(names=("brightness", "contrast"), count=3, always=True)))  # type: ignore[arg-type]
    assert list(found) == ["as it is", "1", "2", "3"]
    assert len({one.pixels.shape for one in found.values()}) == 1
    assert not np.array_equal(found["1"].pixels, found["2"].pixels)


def test_without_changes_every_sample_is_as_it_is(folder: Path) -> None:
    task = Segmentation(data=recognised(folder), dimensions=3, sides="16×16×16")
    found = pictures(variations(task, Wish(case="case_01", names=(), count=2)))
    assert np.array_equal(found["as it is"].pixels, found["1"].pixels)
    assert np.array_equal(found["as it is"].labels, found["2"].labels)


def test_one_change_alone_moves_the_label_with_the_picture(folder: Path) -> None:
    task = Segmentation(data=recognised(folder), dimensions=3, sides="16×16×16")
    found = pictures(variations(task, Wish(names=("mirror",), count=2, always=True)))
    before, after = found["as it is"], found["1"]
    assert before.labels is not None and after.labels is not None
    assert np.array_equal(after.labels, before.labels[:, ::-1])
    assert np.abs(after.pixels.astype(int) - before.pixels[:, ::-1]).max() <= 1


def test_a_change_that_the_task_does_not_make_can_be_looked_at_too(folder: Path) -> None:
    task = Segmentation(data=recognised(folder), dimensions=3, sides="16×16×16", changes=("noise",))
    found = pictures(variations(task, Wish(names=("rotation",), strength=2.0, count=1, always=True)))
    assert not np.array_equal(found["as it is"].labels, found["1"].labels)


def test_the_same_seed_draws_the_same_and_another_seed_another(folder: Path) -> None:
    task = Segmentation(data=recognised(folder), dimensions=3, sides="16×16×16")
    wish = Wish(names=("rotation", "noise"), count=1, always=True)
    first, again, other = (pictures(variations(task, replace(wish, seed=seed)))["1"] for seed in (4, 4, 5))
    assert np.array_equal(first.pixels, again.pixels)
    assert not np.array_equal(first.pixels, other.pixels)


def test_a_held_out_case_is_never_changed_and_that_is_said(folder: Path) -> None:
    held = next(one.name for one in made(folder).cases if one.part == "held out")
    task = Segmentation(data=recognised(folder), dimensions=3, sides="16×16×16")
    said: list[object] = []
    finished(variations(task, Wish(case=held, count=1)), said.append)
    assert any(isinstance(one, Note) and held in one.text for one in said)


def test_a_change_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(Refused):
        finished(variations(Classification(), Wish(names=("upside down",))))


def test_the_changes_of_a_task_are_named_and_tell_whether_they_are_made() -> None:
    made = dict(changes_of(Segmentation()))
    assert made["rotation"] and not made["erasing"]
    assert not any(dict(changes_of(replace(Segmentation(), augment=0.0))).values())
    assert set(dict(changes_of(Detection()))) == {
        "gamma", "contrast", "brightness", "shading", "noise", "blur", "low resolution", "erasing",
    }  # fmt: skip
