"""A run that names pictures is used: from the command line, in the window's words, and written for others."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.io import imsave

from medviz.__main__ import main
from medviz.data.digits import Digits
from medviz.imaging.readers import read
from medviz.imaging.volume import Stored, Volume
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.classification import Classification
from medviz.training.trainer import train
from medviz.training.using.classifying import class_model, classifies, shares_in
from medviz.training.using.exporting import export
from medviz.training.using.inference import Wishes, prediction
from medviz.training.using.known import look

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = Classification(
        data=Settings("digits"), network=Settings("lenet"), side=16, epochs=1, steps=30, batch=32, augment=0.0,
        learning_rate=3e-3, device="cpu",
    )  # fmt: skip
    return finished(train(task, tmp_path_factory.mktemp("runs") / "digits"))


def digit(kind: int) -> tuple[np.ndarray, Volume]:
    from_data = Classification(data=Settings("digits"), side=16).data_set().validation(2, 8)
    index = from_data.kinds.index(kind)
    number = from_data.chosen[index]
    pixels = from_data.pile.pixels(number)  # (1, x, y)
    voxels = np.ascontiguousarray(pixels[:, ::-1, :, np.newaxis])  # as a reader gives it: x runs to the left
    return pixels[0], Volume(
        voxels, np.eye(4), Stored("PNG", voxels.shape[1:], "RAS", np.eye(4), voxels.dtype), "digit"
    )


def test_it_says_how_probable_each_class_is_and_they_sum_to_one(run: Path) -> None:
    made = class_model(str(run))
    right = 0
    for kind in range(10):
        shares = finished(shares_in(made, digit(kind)[1], CPU))
        assert sum(share for _, share in shares) == pytest.approx(1, abs=1e-5) and len(shares) == 10
        assert [share for _, share in shares] == sorted((share for _, share in shares), reverse=True)
        right += shares[0][0] == str(kind)
    assert right >= 5, "what was learnt in a moment is not all forgotten on the way"


def test_a_digit_in_a_file_is_told_as_in_the_data_it_learnt_from_and_not_in_a_mirror(run: Path, tmp_path: Path) -> None:
    made, held = class_model(str(run)), Digits().validation(2, 16)
    for kind in (2, 4, 7):
        index = held.kinds.index(kind)
        rows = np.flipud(held.pile.pixels(held.chosen[index])[0].T)  # as a person reads it
        imsave(tmp_path / f"{kind}.png", (rows / rows.max() * 255).round().astype(np.uint8), check_contrast=False)
        told = dict(finished(shares_in(made, finished(read(tmp_path / f"{kind}.png")), CPU)))
        with torch.no_grad():
            meant = made.network(held[index]["image"][None]).softmax(1)[0].numpy()
        np.testing.assert_allclose([told[name] for name in made.classes], meant, atol=0.02)


def test_of_a_volume_each_slice_that_is_not_air_counts_alike(run: Path) -> None:
    made, (_, one) = class_model(str(run)), digit(3)
    air = np.zeros_like(one.voxels)
    voxels = np.concatenate([air, one.voxels, one.voxels, air], axis=3)
    thick = Volume(voxels, np.eye(4), Stored("NIfTI-1", voxels.shape[1:], "RAS", np.eye(4), voxels.dtype), "thick")
    alone, whole = finished(shares_in(made, one, CPU)), finished(shares_in(made, thick, CPU))
    assert [name for name, _ in alone] == [name for name, _ in whole]
    np.testing.assert_allclose([s for _, s in alone], [s for _, s in whole], atol=1e-5)


def test_the_window_is_told_classes_and_no_labels(run: Path) -> None:
    found = finished(prediction(str(run), digit(7)[1], Wishes()))
    assert found.classes is not None and found.boxes is None and not found.labels.voxels.any()
    assert "names pictures" in finished(look(str(run), digit(7)[1])).trust.summary


def test_what_was_taught_something_else_is_refused(run: Path, tmp_path: Path) -> None:
    assert classifies(str(run)) and not classifies(str(tmp_path)) and not classifies("")
    with pytest.raises(Refused, match="not taught to name"):
        class_model(str(tmp_path))


def test_predict_names_a_picture_and_a_folder(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for kind in (1, 2):
        pixels = digit(kind)[0]
        imsave(
            folder / f"{kind}.png", np.flipud((pixels.T / pixels.max() * 255).astype(np.uint8)), check_contrast=False
        )
    assert main(["predict", str(folder / "1.png"), "--model", str(run), "--json", "--device", "cpu"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) >= {"class", "classes", "seconds", "model"} and len(told["classes"]) == 10
    table = tmp_path / "all.csv"
    (folder / "broken.png").write_bytes(b"no picture")
    call = ["predict", str(folder), "--model", str(run), "--out", str(table), "--json", "--device", "cpu"]
    assert main(call) == 2
    told = json.loads(capsys.readouterr().out)
    assert len(told["cases"]) == 2 and len(told["failed"]) == 1
    assert len(table.read_text(encoding="utf-8").strip().splitlines()) == 3


@pytest.mark.parametrize("more", [["--mirror"], ["--probabilities", "p.nii.gz"], ["--out", "names.nii.gz"]])
def test_what_has_no_meaning_for_names_is_refused(
    run: Path, tmp_path: Path, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.png").write_bytes(b"")
    assert main(["predict", str(tmp_path / "one.png"), "--model", str(run), *more]) == 2
    assert capsys.readouterr().err.startswith("medviz: ")


@pytest.mark.parametrize(("target", "ending"), [("torchscript", ".pt"), ("pt2", ".pt2")])
def test_it_is_written_for_others_and_checked(run: Path, tmp_path: Path, target: str, ending: str) -> None:
    out = tmp_path / f"digits{ending}"
    done = finished(export(str(run), target, out))  # type: ignore[arg-type]
    assert done.max_abs_difference < 1e-4 and out.is_file()
    card = json.loads((tmp_path / f"digits{ending}.card.json").read_text(encoding="utf-8"))
    assert card["labels"] == [str(k) for k in range(10)] and card["pictures"]["side"] == 16


def test_a_bundle_of_it_is_refused_in_a_sentence(run: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="names pictures"):
        finished(export(str(run), "monai", tmp_path / "bundle"))
    assert not (tmp_path / "bundle").exists()
