"""Pictures with a name each: never stretched, split by patient, and refused in one sentence when they are not right."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medviz.data.class_folders import ClassFolders
from medviz.data.digits import Digits
from medviz.data.medmnist import MedMnist
from medviz.data.naming import ready
from medviz.data.shapes import Shapes
from medviz.data.splitting import held_out
from medviz.refused import Refused


def pictures(folder: Path, names: dict[str, tuple[str, ...]], shape: tuple[int, ...] = (20, 30)) -> Path:
    """A folder for each class with pictures of these names; every class has a grey of its own."""
    for number, (kind, files) in enumerate(names.items()):
        (folder / kind).mkdir(parents=True)
        for file in files:
            pixels = np.full(shape, 40, np.uint8)
            pixels[5:15, 5:15] = 100 + 50 * number
            Image.fromarray(pixels).save(folder / kind / file)
    return folder


def test_a_picture_is_fitted_and_never_stretched() -> None:
    tall = np.zeros((1, 10, 40), np.float32)
    tall[0, 2:8, 16:22] = 1.0  # a square of 6
    image = ready(tall, 20, 1)
    rows, cols = np.nonzero(image[0].numpy() > image[0].numpy().max() * 0.5)
    assert image.shape == (1, 20, 20)
    assert np.ptp(rows) == np.ptp(cols) == 2, "still a square, half as large"


def test_grey_and_colour_become_what_the_network_takes() -> None:
    grey, colour = np.random.default_rng(0).random((1, 8, 8)), np.random.default_rng(0).random((3, 8, 8))
    assert ready(grey.astype(np.float32), 8, 3).shape == (3, 8, 8)
    assert ready(colour.astype(np.float32), 8, 1).shape == (1, 8, 8)


def test_no_patient_is_on_both_sides_and_every_class_is_held_out() -> None:
    groups = [f"p{number // 4}" for number in range(80)]
    kinds = [0] * 40 + [1] * 40
    out = held_out(groups, kinds, 0.2)
    assert not {groups[i] for i in out} & {groups[i] for i in range(80) if i not in out}
    assert {kinds[i] for i in out} == {0, 1} and len(out) == 16


def test_folders_of_classes_are_split_by_the_patient_in_the_file_name(tmp_path: Path) -> None:
    names = {kind: tuple(f"{kind}_p{p:02d}_{n}.png" for p in range(6) for n in range(3)) for kind in ("ill", "well")}
    data = ClassFolders(str(pictures(tmp_path / "set", names)), patient=r"_(p\d+)_")
    train, held = data.training(2, 16, 0), data.validation(2, 16)
    assert data.classes == ("ill", "well") and data.channels == 1 and data.dimensions == (2,)
    sides = [{name.split("/")[1].rsplit("_", 1)[0] for name in (s[i]["name"] for i in range(len(s)))}
             for s in (train, held)]  # fmt: skip
    assert len(train) + len(held) == 36 and not sides[0] & sides[1]
    assert train[0]["image"].shape == (1, 16, 16) and int(train[0]["label"]) == 0


def test_train_and_val_keep_the_split_they_have_and_test_is_left_alone(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        pictures(tmp_path / part, {"a": (f"{part}1.png", f"{part}2.png"), "b": (f"{part}3.png",)})
    data = ClassFolders(str(tmp_path))
    names = [[one[i]["name"] for i in range(len(one))] for one in (data.training(2, 16, 0), data.validation(2, 16))]
    assert names == [["a/train1.png", "a/train2.png", "b/train3.png"], ["a/val1.png", "a/val2.png", "b/val3.png"]]


def test_rare_classes_weigh_more_so_that_all_weigh_alike(tmp_path: Path) -> None:
    for part in ("train", "val"):
        pictures(tmp_path / part, {"many": tuple(f"{n}.png" for n in range(9)), "few": ("x.png", "y.png", "z.png")})
    train = ClassFolders(str(tmp_path)).training(2, 16, 0)
    total = {0: 0.0, 1: 0.0}
    for index in range(len(train)):
        total[int(train[index]["label"])] += float(train[index]["weight"])
    assert total[0] == pytest.approx(total[1]) and sum(total.values()) == pytest.approx(len(train))


@pytest.mark.parametrize(
    ("given", "part"),
    [("", "none was chosen"), ("nowhere", "no such folder"), ("empty", "0 folder"), ("one", "1 folder")],
)
def test_folders_that_cannot_be_learnt_from_are_refused(given: str, part: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    pictures(tmp_path / "one", {"only": ("a.png",)})
    with pytest.raises(Refused, match=part):
        _ = ClassFolders(str(tmp_path / given) if given else "").classes


def test_an_expression_that_is_none_is_refused(tmp_path: Path) -> None:
    pictures(tmp_path / "set", {"a": ("1.png",), "b": ("2.png",)})
    with pytest.raises(Refused, match="no regular expression"):
        _ = ClassFolders(str(tmp_path / "set"), patient="(").classes


def npz(path: Path, **more: np.ndarray) -> Path:
    chance = np.random.default_rng(0)
    arrays = {
        f"{part}_{what}": chance.integers(0, 255, (count, 28, 28), np.uint8)
        if what == "images"
        else (np.arange(count) % 2)[:, None].astype(np.uint8)
        for part, count in (("train", 20), ("val", 6), ("test", 6))
        for what in ("images", "labels")
    }
    np.savez(path, **{**arrays, **more})
    return path


def test_a_medmnist_file_is_read_with_its_own_split_and_names(tmp_path: Path) -> None:
    data = MedMnist(str(npz(tmp_path / "pneumoniamnist.npz")))
    assert data.classes == ("normal", "pneumonia") and data.channels == 1 and data.dimensions == (2,)
    assert len(data.training(2, 28, 0)) == 20 and len(data.validation(2, 28)) == 6
    assert len(MedMnist(data.file, share=0.5).training(2, 28, 0)) == 10


def test_rows_of_a_file_are_upright_in_the_volume(tmp_path: Path) -> None:
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, 2, 25] = 255  # near the top, at the right
    sample = MedMnist(str(npz(tmp_path / "a.npz", train_images=images))).training(2, 28, 0)[0]
    x, y = np.unravel_index(int(sample["image"][0].argmax()), (28, 28))
    assert (x, y) == (25, 25), "x runs to the right, y up"


@pytest.mark.parametrize("fault", ["text", "pickle", "lacking", "several"])
def test_files_that_are_no_medmnist_are_refused(fault: str, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    if fault == "text":
        path.write_text("no archive")
    elif fault == "pickle":
        npz(path, train_labels=np.array([{"a": 1}] * 20, dtype=object))
    elif fault == "lacking":
        np.savez(path, train_images=np.zeros((2, 28, 28), np.uint8))
    else:
        npz(path, train_labels=np.zeros((20, 14), np.uint8))
    with pytest.raises(Refused):
        _ = MedMnist(str(path)).classes


def test_digits_are_those_of_scikit_learn_and_never_mirrored() -> None:
    data = Digits()
    train, held = data.training(2, 32), data.validation(2, 32)
    assert (len(train), len(held)) == (898, 899) and set(held.kinds) == set(range(10))
    assert train.augmentation.flip == 0.0


def test_every_drawn_picture_shows_the_shape_it_is_named_after() -> None:
    data = Shapes(cases=9, size=32, noise=0.0)
    pile = data.training(2, 32, 0)
    assert pile.kinds == (0, 1, 2) * 3
    again = Shapes(cases=9, size=32, noise=0.0).training(2, 32, 0)
    assert all(bool((pile[i]["image"] == again[i]["image"]).all()) for i in range(9))
    assert data.training(3, 16, 0)[1]["image"].shape == (1, 16, 16, 16)
