"""Detection learns, draws what it finds, goes on bit for bit, and is used on a picture of any size."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from medviz.__main__ import main
from medviz.data.augment import Augmentation
from medviz.data.boxes import Draw
from medviz.data.drawn_boxes import DrawnBoxes
from medviz.figures import Curves, Picture
from medviz.imaging.readers import read
from medviz.imaging.volume import Stored, Volume
from medviz.messages import Message, Note, Scalar, finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.detection import Detection
from medviz.training.trainer import train
from medviz.training.using.detecting import box_model, boxes_in, detects
from medviz.training.using.formats import load
from medviz.training.using.inference import Wishes, prediction
from medviz.training.using.known import look
from tests.data import boxed
from tests.training.toys import best_digest, curve, digest, taught

SMALL = Settings("yolo", (("width", 8),))
FEW = Settings("drawn_boxes", (("cases", 16), ("size", 64), ("shapes", 2)))


def tiny(**more: Any) -> Detection:
    values = {"data": FEW, "network": SMALL, "side": 64, "epochs": 2, "batch": 4, "device": "cpu", **more}
    return Detection(**values)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learnt to find large bright shapes."""
    folder = tmp_path_factory.mktemp("runs") / "shapes"
    data = Settings("drawn_boxes", (("cases", 40), ("size", 64), ("shapes", 2), ("noise", 0.1)))
    task = tiny(data=data, network=Settings("yolo"), epochs=12, learning_rate=4e-3, augment=0.0, validate_every=4)
    said: list[Message] = []
    finished(train(task, folder), said.append)
    folder.with_suffix(".json").write_text(json.dumps({one.name: one.value for one in said if isinstance(one, Scalar)}))
    return folder


def drawing(path: Path, number: int, larger: int = 3) -> tuple[Path, np.ndarray[Any, Any]]:
    """Write a drawing that no run learns from as a picture, enlarged; return its boxes from the left and the top."""
    data = DrawnBoxes(size=64, shapes=2, noise=0.1, seed=9)
    sample = data.validation(2, 64)[number]
    pixels = sample["image"][0].numpy()
    grey = ((pixels - pixels.min()) / np.ptp(pixels) * 255).astype(np.uint8).T[::-1, ::-1]
    Image.fromarray(np.kron(grey, np.ones((larger, larger), np.uint8))).save(path)
    boxes = sample["boxes"][sample["classes"] >= 0].numpy()
    return path, np.stack([64 - boxes[:, 2], 64 - boxes[:, 3], 64 - boxes[:, 0], 64 - boxes[:, 1]], 1) * larger


def test_it_learns_to_find_shapes(run: Path) -> None:
    last = json.loads(run.with_suffix(".json").read_text())
    assert last["validation/mAP50"] > 0.5, "nothing is found by chance"
    assert last["validation/IoU"] > 0.6
    assert {"train/loss", "train/loss/class", "train/loss/box", "validation/AP50/ball"} <= set(last)
    assert last["train/loss"] == pytest.approx(last["train/loss/class"] + last["train/loss/box"], rel=1e-5)


@pytest.mark.parametrize("network", ["yolo", "retinanet"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_boxes_are_drawn_with_references_in_white(network: str, dimensions: int, tmp_path: Path) -> None:
    task = tiny(network=Settings(network, (("width", 8),)), dimensions=dimensions, steps=2, epochs=1, probe_every=2)
    said = taught(task, tmp_path / "run")
    pictures = [one for one in said if isinstance(one, Picture)]
    assert pictures and all(one.label_names == ("ball", "box", "shell") for one in pictures)
    meant = [mark for mark in pictures[0].marks if mark.style == "reference"]
    assert meant and all(mark.colour is None and not mark.text for mark in meant)
    rows, cols = pictures[0].pixels.shape[:2]
    for mark in meant:
        assert 0 <= mark.row < mark.row + mark.height <= rows and 0 <= mark.col < mark.col + mark.width <= cols
        inside = pictures[0].pixels[
            int(mark.row) : int(mark.row + mark.height), int(mark.col) : int(mark.col + mark.width)
        ]
        assert float(inside.mean()) > float(pictures[0].pixels.mean()), "the shape is where the box is drawn"
    assert not [one.text for one in said if isinstance(one, Note) and one.level == "error"]


def test_validation_draws_precision_against_recall(run: Path) -> None:
    said = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    drawn = [one for one in said if one.get("name") == "precision and recall"]
    assert drawn and drawn[-1]["figure"]["kind"] == Curves.__name__


def test_closed_in_the_middle_and_resumed_it_is_the_same(tmp_path: Path) -> None:
    task = tiny(ema=0.9, turning="any", augment=1.0)
    straight = taught(task, tmp_path / "straight")
    places = random.Random("boxes")
    for attempt in range(60):
        work = train(task, tmp_path / "broken", resume=attempt > 0)
        asked = places.randrange(10, 60)  # a validation alone says thirty things
        session = [message for message, _ in zip(work, range(asked), strict=False)]
        work.close()
        if len(session) < asked:
            break
    assert attempt > 0, "it was interrupted"
    assert digest(tmp_path / "broken") == digest(tmp_path / "straight")
    assert best_digest(tmp_path / "broken") == best_digest(tmp_path / "straight")
    assert len(curve(straight, "train/loss/box")) == 8


def test_mirrors_change_sides_or_are_left_out() -> None:
    class Organs:
        def __init__(self, *classes: str) -> None:
            self.classes = classes

        def training(self, dimensions: int, side: int, draw: Draw) -> Draw:
            return draw

    lungs, atrium = Organs("left lung", "right lung"), Organs("left atrium")
    assert tiny().training(lungs) == Draw("mirror", 0.3, 0.2, 5.0, Augmentation().stronger(0.5), (1, 0))
    assert tiny().training(atrium).turning == "none"  # type: ignore[attr-defined]
    assert tiny(turning="any").training(atrium).turning == "any"  # type: ignore[attr-defined]


def test_anchors_are_as_large_as_the_smaller_boxes() -> None:
    task = tiny(network=Settings("retinanet", (("width", 8),)))
    said = dict(task.description(task.data_set())["network"])
    assert 8 <= said["anchor"] <= 30
    fixed = tiny(network=Settings("retinanet", (("anchor", 40.0),)))
    assert fixed.description(fixed.data_set())["network"]["anchor"] == 40.0


# -- in use -------------------------------------------------------------------------------------------------------


def test_a_run_finds_in_a_picture_what_lies_there(run: Path, tmp_path: Path) -> None:
    assert detects(str(run)) and not detects(str(tmp_path)) and not detects("")
    made = box_model(str(run))
    best = []
    for number in range(4):
        path, meant = drawing(tmp_path / f"{number}.png", number)
        scan = finished(read(path))
        told = [box.plain(scan) for box in finished(boxes_in(made, scan, torch.device("cpu"), 0.2))]
        for x0, y0, x1, y1 in meant:
            shares = [0.0]
            for one in told:
                wide = min(x1, one["x1"]) - max(x0, one["x0"])
                high = min(y1, one["y1"]) - max(y0, one["y0"])
                both = max(0.0, wide) * max(0.0, high)
                size = (one["x1"] - one["x0"]) * (one["y1"] - one["y0"])
                shares.append(both / ((x1 - x0) * (y1 - y0) + size - both))
            best.append(max(shares))
    assert np.median(best) > 0.6, "in the pixels of the picture, from the left and from the top"


def test_the_command_line_tells_boxes_as_json_table_and_picture(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = drawing(tmp_path / "a.png", 0)
    assert main(["predict", str(path), "--model", str(run), "--json", "--score", "0.05"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["boxes"] and {"label", "score", "x0", "y0", "x1", "y1", "mm"} == set(said["boxes"][0])
    assert said["boxes"][0]["mm"] is None, "the picture says nothing of mm"
    assert all(0 <= one["x0"] < one["x1"] <= 192 and one["score"] >= 0.05 for one in said["boxes"])
    for name in ("boxes.csv", "boxes.png", "boxes.json"):
        assert main(["predict", str(path), "--model", str(run), "--score", "0.05", "--out", str(tmp_path / name)]) == 0
    head, *rows = (tmp_path / "boxes.csv").read_text().splitlines()
    assert head.startswith("label,score,x0 [px],y0 [px]") and len(rows) == len(said["boxes"])
    drawn = np.asarray(Image.open(tmp_path / "boxes.png"))
    assert drawn.shape == (192, 192, 3) and not np.array_equal(drawn[..., 0], drawn[..., 1]), "boxes are in colour"
    assert json.loads((tmp_path / "boxes.json").read_text())["boxes"] == said["boxes"]


def test_a_folder_of_pictures_is_gone_on_with(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        drawing(tmp_path / "in" / f"{number}.png", number)
    call = ["predict", str(tmp_path / "in"), "--model", str(run), "--out", str(tmp_path / "out"), "--json"]
    assert main(call) == 0
    first = json.loads(capsys.readouterr().out)
    assert (len(first["cases"]), first["skipped"]) == (3, 0)
    (tmp_path / "out" / "1.json").unlink()
    assert main(call) == 0
    again = json.loads(capsys.readouterr().out)
    assert (len(again["cases"]), again["skipped"]) == (3, 2)
    assert [one["boxes"] for one in again["cases"]] == [one["boxes"] for one in first["cases"]]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        (("--mirror",), "finds boxes, which have no such thing"),
        (("--out", "boxes.nii.gz"), "boxes cannot be written so"),
        (("--out", "nowhere/boxes.json"), "its folder does not exist"),
    ],
)
def test_what_has_no_meaning_for_boxes_is_refused(
    more: tuple[str, ...], fault: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    path, _ = drawing(tmp_path / "a.png", 0)
    assert main(["predict", str(path), "--model", str(run), *more]) == 2
    assert fault in capsys.readouterr().err


def test_a_detection_run_is_shown_as_boxes_and_never_as_labels(run: Path, tmp_path: Path) -> None:
    path, _ = drawing(tmp_path / "a.png", 0)
    scan = finished(read(path))
    found = finished(prediction(str(run), scan, Wishes("cpu")))
    assert found.boxes is not None and not found.labels.voxels.any()
    assert finished(look(str(run), scan)).trust.labels == ("ball", "box", "shell")
    with pytest.raises(Refused, match="labels no voxels"):
        load(str(run))
    with pytest.raises(Refused, match="not taught to find boxes"):
        box_model(str(tmp_path))


def test_real_cells_are_taught_from_a_folder_of_voc(tmp_path: Path) -> None:
    data = Settings("voc", (("folder", str(boxed.voc(tmp_path / "voc"))),))
    said = taught(tiny(data=data, steps=1, epochs=1, batch=2), tmp_path / "run")
    assert {"validation/mAP50", "validation/AP50/cell"} <= {one.name for one in said if isinstance(one, Scalar)}
    about = json.loads((tmp_path / "run" / "model.json").read_text())
    assert about["pictures"] == {"dimensions": 2, "side": 64, "channels": 3}


def test_a_run_of_volumes_finds_in_volumes_and_refuses_a_picture(tmp_path: Path) -> None:
    taught(tiny(dimensions=3, steps=1, epochs=1, batch=2), tmp_path / "run")
    path, _ = drawing(tmp_path / "a.png", 0)
    made = box_model(str(tmp_path / "run"))
    with pytest.raises(Refused, match="finds boxes in volumes"):
        finished(boxes_in(made, finished(read(path)), torch.device("cpu")))
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    voxels = np.random.default_rng(0).normal(size=(1, 40, 50, 20)).astype(np.float32)
    scan = Volume(voxels, affine, Stored("test", (40, 50, 20), "RAS", affine, voxels.dtype), "scan")
    found = finished(boxes_in(made, scan, torch.device("cpu"), 0.0))
    assert found and all(box.high[2] <= 20 and box.low[0] >= 0 for box in found)
    assert len(found[0].plain(scan)["mm"]) == 3, "the scan is calibrated"
