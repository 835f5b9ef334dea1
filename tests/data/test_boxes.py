"""Boxes keep to what they mark, however a picture is read, fitted, turned, zoomed and cut; bad files are refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medviz.data.boxes import STEP, Draw, Framed, Placement, Turning, cut_to, drawn_placement, frame_of, partners
from medviz.data.coco import Coco
from medviz.data.drawn_boxes import DrawnBoxes
from medviz.data.voc import Voc
from medviz.data.yolo_txt import YoloTxt
from medviz.refused import Refused
from tests.data import boxed

LAYOUTS: dict[str, tuple[Any, Callable[[Path], Path]]] = {
    "voc": (Voc, boxed.voc),
    "coco": (Coco, boxed.coco),
    "yolo": (YoloTxt, boxed.yolo),
}


def everything(data: Any, side: int = 64) -> list[Any]:
    parts: list[Framed] = [data.training(2, side), data.validation(2, side)]
    return [part[index] for part in parts for index in range(len(part))]


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_each_layout_has_its_boxes_where_the_objects_are(layout: str, tmp_path: Path) -> None:
    kind, written = LAYOUTS[layout]
    data = kind(str(written(tmp_path)))
    assert set(data.classes) == {"cell", "dot"}
    seen = 0
    for sample in everything(data):
        image = sample["image"]
        assert image.shape[1:] == (64, 64) and tuple(sample["size"]) == (64, 48), "fitted, not stretched"
        expected = boxed.BOXES[Path(sample["name"]).stem]
        real = sample["classes"] >= 0
        assert int(real.sum()) == len(expected)
        for box, kinds in zip(sample["boxes"][real].tolist(), sample["classes"][real].tolist(), strict=True):
            x0, y0, x1, y1 = (round(one) for one in box)
            inside = image[:, x0:x1, y0:y1]
            assert float(inside.std(dim=(1, 2)).max()) < 1e-3, "a box holds one colour"
            rim = image[:, max(0, x0 - 1) : x1 + 1, max(0, y0 - 1) : y1 + 1]
            touches = x0 == 0 or y0 == 0 or x1 == 64 or y1 == 48
            assert touches or float(rim.std(dim=(1, 2)).max()) > 0.05, "and is as large as the object"
            assert data.classes[kinds] in {name for name, _ in expected}
            seen += 1
    assert seen >= 5


def test_a_split_that_is_given_is_kept_and_else_made_by_patient(tmp_path: Path) -> None:
    given = Voc(str(boxed.voc(tmp_path / "voc")))
    assert [len(given.training(2, 64)), len(given.validation(2, 64))] == [2, 1], "c is in neither list"
    boxed.text(tmp_path / "coco" / "metadata.csv", "filename,patientid\na.png,1\nb.png,1\nc.png,2\nd.png,3\n")
    data = Coco(str(boxed.coco(tmp_path / "coco")), held_out=0.34)
    sides = {one["name"]: held for held, part in ((False, data.training(2, 64)), (True, data.validation(2, 64)))
             for one in (part[index] for index in range(len(part)))}  # fmt: skip
    assert sides["a.png"] == sides["b.png"], "one patient is never on both sides"
    assert set(sides.values()) == {False, True}
    named = Coco(str(tmp_path / "coco"), patient="^([ab])", held_out=0.5)
    assert len(named.training(2, 64)) + len(named.validation(2, 64)) == 4


def test_one_json_each_for_train_and_val_is_kept(tmp_path: Path) -> None:
    boxed.coco(tmp_path)
    (tmp_path / "annotations.json").unlink()
    for side, names in (("train2017", "ab"), ("val2017", "d")):
        boxed.text(tmp_path / "annotations" / f"instances_{side}.json", json.dumps(boxed.document(names)))
    data = Coco(str(tmp_path))
    assert (len(data.training(2, 64)), len(data.validation(2, 64))) == (2, 1)


@pytest.mark.parametrize("turning", ["none", "mirror", "any"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_chance_moves_picture_and_boxes_alike(turning: Turning, dimensions: int) -> None:
    data = DrawnBoxes(cases=4, size=64, noise=0.0, contrast=3.0)
    samples = data.training(dimensions, 64, Draw(turning, 0.3, 0.2, 10.0))
    found = 0
    for index in range(4):
        for seed in range(4):
            sample = samples.drawn(index, np.random.default_rng(seed))
            image = sample["image"][0]
            ground = float(image.min())
            for box, kind in zip(sample["boxes"], sample["classes"], strict=True):
                if kind < 0:
                    continue
                low, high = box[:dimensions].round().int().tolist(), box[dimensions:].round().int().tolist()
                inside = image[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
                assert float(inside.max()) > ground + 1.0, "the shape is in its box"
                found += 1
    assert found > 20
    again = samples.drawn(1, np.random.default_rng(3))
    assert torch.equal(again["image"], samples.drawn(1, np.random.default_rng(3))["image"])


def test_boxes_go_where_single_pixels_go() -> None:
    chance = np.random.default_rng(5)
    for _ in range(20):
        placement = drawn_placement((40, 24), (64, 64), Draw("any", 0.4, 0.3), chance)
        image = torch.zeros(1, 40, 24)
        image[0, 10:18, 5:11] = 1.0
        placed = placement.image(image, (64, 64))[0]
        box = placement.boxes(np.array([[10, 5, 18, 11]], float))[0]
        xs, ys = torch.where(placed > 0.5)
        if len(xs) and (box > 1).all() and (box < 63).all():
            assert [int(xs.min()), int(ys.min())] == pytest.approx(box[:2], abs=1.0)
            assert [int(xs.max()) + 1, int(ys.max()) + 1] == pytest.approx(box[2:], abs=1.0)


def test_what_is_cut_away_is_not_asked_for() -> None:
    boxes = np.array([[-30, 5, 10, 20], [50, 50, 80, 80], [4, 4, 5, 30], [10, 10, 20, 20]], float)
    inside, kept = cut_to(boxes, (64, 64))
    assert kept.tolist() == [False, False, False, True]
    assert inside.min() == 0 and inside.max() == 64


def test_a_frame_holds_all_pictures_in_whole_steps() -> None:
    assert frame_of([(640, 480), (320, 240)], 256) == (256, 192)
    assert frame_of([(640, 480), (480, 640)], 100) == (128, 128)
    assert STEP == 32


def test_a_tilted_box_is_that_of_the_ellipse_in_it() -> None:
    turn = np.deg2rad(30)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    angle = np.linspace(0, 2 * np.pi, 721)
    ellipse = np.stack([20 + 8 * np.cos(angle), 15 + 5 * np.sin(angle)], 1) @ matrix.T + (3, 4)
    box = Placement(matrix, np.array([3.0, 4.0])).boxes(np.array([[12.0, 10.0, 28.0, 20.0]]))[0]
    assert box == pytest.approx([*ellipse.min(axis=0), *ellipse.max(axis=0)], abs=1e-3)


def test_sides_change_their_names_in_the_mirror() -> None:
    assert partners(("Left Lung", "Right Lung")) == (1, 0)
    assert partners(("cell", "kidney_left", "kidney_right")) == (0, 2, 1)
    assert partners(("cell", "leftover")) == (0, 1) and partners(("left atrium", "cell")) is None
    data = DrawnBoxes(cases=1, size=64, shapes=1)
    kind = int(data.training(2, 64)[0]["classes"][0])
    swap = tuple((number + 1) % 3 for number in range(3))
    samples = data.training(2, 64, Draw("mirror", 0.0, partners=swap))
    seen = {int(samples.drawn(0, np.random.default_rng(seed))["classes"][0]) for seed in range(12)}
    assert seen == {kind, (kind + 1) % 3}


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("<annotation><object><name>cell</name>", "no readable XML"),
        ("<annotation><object><bndbox/></object></annotation>", "object 1 has no name"),
        ("<annotation><object><name>cell</name><bndbox><xmin>3</xmin></bndbox></object></annotation>", "no whole box"),
        ("<annotation><object><name>cell</name><bndbox><xmin>9</xmin><ymin>1</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
         "</object></annotation>", "ends before it begins"),
        ("<annotation><object><name>cell</name><bndbox><xmin>nan</xmin><ymin>1</ymin><xmax>3</xmax><ymax>4</ymax>"
         "</bndbox></object></annotation>", "not made of finite numbers"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "declares entities"),
    ],
    ids=["cut", "nameless", "half", "turned", "nan", "entities"],
)  # fmt: skip
def test_a_bad_annotation_is_refused(broken: str, fault: str, tmp_path: Path) -> None:
    folder = boxed.voc(tmp_path)
    boxed.text(folder / "Annotations" / "a.xml", broken)
    with pytest.raises(Refused, match=fault):
        _ = Voc(str(folder)).classes


def test_boxes_without_extent_are_left_out(tmp_path: Path) -> None:
    folder = boxed.voc(tmp_path)
    xml = folder / "Annotations" / "a.xml"
    boxed.text(xml, xml.read_text().replace("<xmax>46</xmax>", "<xmax>40</xmax>"))
    sample = next(one for one in everything(Voc(str(folder))) if one["name"] == "a.png")
    assert int((sample["classes"] >= 0).sum()) == 1


def test_a_picture_on_both_sides_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"a is in train\.txt too"):
        _ = Voc(str(boxed.voc(tmp_path, train="ab", held="ad"))).classes


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"annotations": [{"image_id": 97, "category_id": 7, "bbox": [1, 2, 3]}]}, "bbox of four numbers"),
        (
            {"annotations": [{"image_id": 97, "category_id": 5, "bbox": [1, 2, 3, 4]}]},
            "category 5, which is not listed",
        ),
        ({"annotations": [{"image_id": 5, "category_id": 7, "bbox": [1, 2, 3, 4]}]}, "image 5 has boxes"),
        ({"annotations": [{"image_id": 97, "category_id": 7, "bbox": [1, 2, -3, 4]}]}, "ends before it begins"),
        ({"images": [{"id": 97, "file_name": "../x.png"}]}, "there is no picture|is not listed"),
        ({"images": [{"id": 97}]}, "no id or no file_name"),
        ({"categories": 3}, "it lacks images"),
        ({"annotations": []}, "no picture in it has a box"),
    ],
    ids=["short", "category", "image", "negative", "outside", "nameless", "lists", "empty"],
)
def test_a_bad_json_is_refused(change: dict[str, Any], fault: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=fault):
        _ = Coco(str(boxed.coco(tmp_path, {**boxed.document(), **change}))).classes


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.2", "0 0.5 0.5 0.2 1.5", "x 0.5 0.5 0.2 0.2", "0.5 0.5 0.5 0.2 0.2"])
def test_a_bad_line_of_a_text_is_refused(line: str, tmp_path: Path) -> None:
    folder = boxed.yolo(tmp_path)
    boxed.text(folder / "labels" / "train" / "a.txt", line)
    with pytest.raises(Refused, match="line 1"):
        _ = YoloTxt(str(folder)).classes


@pytest.mark.parametrize("kind", [Voc, Coco, YoloTxt])
def test_no_folder_and_an_empty_one_are_refused(kind: Any, tmp_path: Path) -> None:
    for folder in ("", str(tmp_path / "none"), str(tmp_path)):
        with pytest.raises(Refused):
            _ = kind(folder).classes


def test_the_real_sets_are_read(data: Path) -> None:
    cells = Voc(str(data / "detection" / "BCCD_voc"))
    assert cells.classes == ("Platelets", "RBC", "WBC") and cells.channels == 3
    assert (len(cells.training(2, 256)), len(cells.validation(2, 256))) == (205, 87)
    assert cells.validation(2, 256)[0]["image"].shape == (3, 256, 192)
    lungs = Coco(str(data / "detection" / "cxr_lungs_coco"))
    assert lungs.classes == ("Right Lung", "Left Lung") and lungs.channels == 1
    sample = lungs.validation(2, 64)[0]
    assert sample["image"].shape == (1, 64, 64) and sorted(sample["classes"].tolist()) == [0, 1]
    right, left = (sample["boxes"][sample["classes"] == kind][0] for kind in (0, 1))
    assert right[0] > left[0], "arrays grow to the patient's right here: the right lung is drawn on the left"
