"""Faults in pictures with boxes are found once each, in every layout, and leave the rest to be learnt from."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medviz.data import DATASETS
from medviz.data.checking.checked import checked
from medviz.data.checking.report import CheckReport
from medviz.data.layouts import recognised
from medviz.data.mending import mended
from medviz.messages import finished
from medviz.parameters import Settings

WIDE, HIGH = 60, 40


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (HIGH, WIDE), np.uint8)).save(path)


def voc(folder: Path, boxes: dict[str, list[tuple[str, int, int, int, int]]]) -> None:
    for seed, (name, some) in enumerate(boxes.items()):
        picture(folder / "JPEGImages" / f"{name}.png", seed)
        objects = "".join(
            f"<object><name>{kind}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
            "</bndbox></object>"
            for kind, x0, y0, x1, y1 in some
        )
        path = folder / "Annotations" / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<annotation>{objects}</annotation>")


SOUND = [("cell", 5, 5, 20, 20), ("clot", 30, 10, 50, 30)]


def check(folder: Path) -> CheckReport:
    return finished(checked(recognised(folder)))


def found(report: CheckReport) -> set[tuple[str, str]]:
    return {(one.kind, one.case) for one in report.problems}


def test_nothing_is_found_in_sound_boxes(tmp_path: Path) -> None:
    voc(tmp_path, {f"p{k}": SOUND for k in range(6)})
    report = check(tmp_path)
    assert report.problems == ()
    assert report.task == "detection"
    assert {one.name: one.count for one in report.fingerprint.classes} == {"cell": 6, "clot": 6}
    assert report.fingerprint.boxes.middle == (17.5, 17.5)


def test_each_fault_of_a_voc_set_is_found_once(tmp_path: Path) -> None:
    voc(
        tmp_path,
        {
            **{f"p{k}": SOUND for k in range(8)},
            "outside": [("cell", 40, 5, 90, 20)],
            "empty": [*SOUND, ("cell", 9, 9, 9, 9)],
            "turned": [("cell", 30, 5, 10, 20)],
            "broken": SOUND,
            "gone": SOUND,
            "text": SOUND,
            "none": [],
        },
    )
    (tmp_path / "JPEGImages" / "gone.png").unlink()
    (tmp_path / "JPEGImages" / "text.png").write_text("no picture at all")
    (tmp_path / "Annotations" / "broken.xml").write_text("<annotation><object>")
    picture(tmp_path / "JPEGImages" / "extra.png", 77)
    report = check(tmp_path)
    assert len(report.problems) == len(found(report)) == 8
    assert found(report) == {
        ("box", "outside.png"), ("box", "empty.png"), ("box", "turned.png"), ("unreadable", "broken.png"),
        ("missing", "gone.xml"), ("unreadable", "text.png"), ("empty", "none.png"), ("missing", "extra.png"),
    }  # fmt: skip


def test_what_is_faulty_is_left_out_by_the_buttons_and_the_rest_is_learnt_from(tmp_path: Path) -> None:
    voc(tmp_path, {**{f"p{k}": SOUND for k in range(8)}, "turned": [("cell", 30, 5, 10, 20)], "gone": SOUND})
    (tmp_path / "JPEGImages" / "gone.png").unlink()
    report = check(tmp_path)
    values = dict(report.settings.values)
    for one in report.problems:
        values = mended(values, one.repairs[0].field, one.repairs[0].value)
    settings = Settings("voc", tuple(values.items()))
    assert finished(checked(settings)).problems == ()
    data = settings.build(DATASETS)
    assert len(data.training(2, 64)) + len(data.validation(2, 64)) == 8


def test_a_picture_in_both_lists_is_on_both_sides(tmp_path: Path) -> None:
    voc(tmp_path, {f"p{k}": SOUND for k in range(6)})
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("p0\np1\np2\np3\n")
    (lists / "val.txt").write_text("p3\np4\np5\n")
    assert found(check(tmp_path)) == {("leakage", "p3")}


def test_faults_of_a_coco_set_are_rows_too(tmp_path: Path) -> None:
    for number in range(6):
        picture(tmp_path / "images" / f"p{number}.png", number)
    boxes = [{"id": k, "image_id": k, "category_id": 1, "bbox": [5, 5, 20, 20]} for k in range(6)]
    boxes += [
        {"id": 10, "image_id": 0, "category_id": 9, "bbox": [1, 1, 5, 5]},
        {"id": 11, "image_id": 1, "category_id": 1, "bbox": [1, 1]},
        {"id": 12, "image_id": 99, "category_id": 1, "bbox": [1, 1, 5, 5]},
    ]
    images = [{"id": k, "file_name": f"p{k}.png"} for k in range(7)]
    said = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cell"}]}
    (tmp_path / "annotations.json").write_text(json.dumps(said))
    report = check(tmp_path)
    assert found(report) == {("box", "p0.png"), ("box", "p1.png"), ("box", "annotation 9"), ("missing", "p6.png")}


def test_faults_of_a_yolo_set_are_rows_too(tmp_path: Path) -> None:
    for number in range(6):
        picture(tmp_path / "images" / f"p{number}.png", number)
        path = tmp_path / "labels" / f"p{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "classes.txt").write_text("cell\n")
    (tmp_path / "labels" / "p1.txt").write_text("0 0.5 1.5 0.2 0.2\n")
    (tmp_path / "labels" / "p2.txt").write_text("4 0.5 0.5 0.2 0.2\n")
    (tmp_path / "labels" / "lost.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    report = check(tmp_path)
    assert found(report) == {("box", "p1.png"), ("box", "p2.png"), ("missing", "lost.txt")}
    assert "not declared" in next(one.sentence for one in report.problems if one.case == "p2.png")


@pytest.mark.data
def test_the_blood_cells_have_two_boxes_without_extent_and_no_other_fault(data: Path) -> None:
    report = check(data / "detection" / "BCCD_voc")
    assert {(one.kind, one.case) for one in report.problems if one.severity != "note"} == {
        ("box", "BloodImage_00338.jpg"), ("box", "BloodImage_00343.jpg"),
    }  # fmt: skip
