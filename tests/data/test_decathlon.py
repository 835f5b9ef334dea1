import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from medviz.data.decathlon import Decathlon, contents
from medviz.refused import Refused
from tests.standard import a_sentence


def save(path: Path, voxels: np.ndarray, spacing: tuple[float, ...] = (1, 1, 1), axes: str = "RAS") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(voxels, np.diag([*spacing, 1.0]))
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(axes)
    )
    image.as_reoriented(turn).to_filename(path)


def scan(seed: int, shape: tuple[int, int, int] = (20, 18, 12)) -> tuple[np.ndarray, np.ndarray]:
    label = np.zeros(shape, np.uint8)
    label[5:12, 5:12, 3:9] = 1
    label[12:15, 5:12, 3:9] = 2
    image = np.random.default_rng(seed).normal(100, 5, shape) + 60 * label
    return image.astype(np.float32), label


@pytest.fixture
def msd(tmp_path: Path) -> Path:
    """Five cases in the layout of the Decathlon."""
    pairs = []
    for number in range(5):
        image, label = scan(number)
        save(tmp_path / "imagesTr" / f"case_{number}.nii.gz", image)
        save(tmp_path / "labelsTr" / f"case_{number}.nii.gz", label)
        pairs.append({"image": f"./imagesTr/case_{number}.nii.gz", "label": f"./labelsTr/case_{number}.nii.gz"})
    declare(tmp_path, training=pairs, labels={"0": "background", "1": "box", "2": "lid"}, modality={"0": "MRI"})
    return tmp_path


def declare(folder: Path, **said: Any) -> None:
    (folder / "dataset.json").write_text(json.dumps(said))


def test_the_layout_of_the_decathlon_is_read(msd: Path) -> None:
    data = Decathlon(str(msd))
    assert data.classes == ("box", "lid")
    assert data.channels == 1
    training, held = data.training(3, 8, 0), data.validation(3)
    names = {training[k]["name"] for k in range(len(training))}, {held[k]["name"] for k in range(len(held))}
    assert names[0] | names[1] == {f"case_{k}" for k in range(5)}
    assert not names[0] & names[1], "no case is on both sides"
    assert held[0]["image"].shape == (1, 20, 18, 12)
    assert held[0]["label"].dtype == torch.int64
    assert set(held[0]["label"].unique().tolist()) == {0, 1, 2}


def test_each_case_is_held_out_in_one_fold(msd: Path) -> None:
    held = [Decathlon(str(msd), fold=fold).validation(3)[0]["name"] for fold in range(5)]
    assert sorted(held) == [f"case_{k}" for k in range(5)]


def test_of_few_labelled_cases_the_first_are_among_more_and_the_held_out_ones_stay(msd: Path) -> None:
    names = {}
    for labelled in (1, 2, 3, None, 99):
        learnt, held = Decathlon(str(msd), labelled=labelled).sides
        names[labelled] = {one.name for one in learnt}
        assert held == Decathlon(str(msd)).sides[1]
        assert len(Decathlon(str(msd), labelled=labelled).training(3, 16)) == len(learnt)
    assert [len(one) for one in names.values()] == [1, 2, 3, 4, 4]
    assert names[1] < names[2] < names[3] < names[None] == names[99]


def test_slices_of_a_folder_can_be_learnt_from(msd: Path) -> None:
    data = Decathlon(str(msd))
    drawn = data.training(2, 16).drawn(0, np.random.default_rng(0))
    assert drawn["image"].shape == (1, 16, 16)
    assert data.validation(2)[0]["image"].shape == (1, 20, 18)
    assert len(data.probes(2)) == 1


def test_the_second_layout_of_nnunet_is_read_too(tmp_path: Path) -> None:
    for number in range(3):
        image, label = scan(number)
        for channel in range(2):
            save(tmp_path / "imagesTr" / f"a_{number}_{channel:04d}.nii.gz", image * (channel + 1))
        save(tmp_path / "labelsTr" / f"a_{number}.nii.gz", label)
    channels = {"0": "T1", "1": "T2"}
    declare(tmp_path, channel_names=channels, labels={"background": 0, "box": 1, "lid": 2}, file_ending=".nii.gz")
    data = Decathlon(str(tmp_path))
    assert (data.classes, data.channels) == (("box", "lid"), 2)
    assert data.validation(3)[0]["image"].shape == (2, 20, 18, 12)


def test_the_first_layout_of_nnunet_lists_a_case_and_has_a_file_a_channel(tmp_path: Path) -> None:
    pairs = []
    for number in range(3):
        image, label = scan(number)
        for channel in range(2):
            save(tmp_path / "imagesTr" / f"a_{number}_{channel:04d}.nii.gz", image * (channel + 1))
        save(tmp_path / "labelsTr" / f"a_{number}.nii.gz", label)
        pairs.append({"image": f"./imagesTr/a_{number}.nii.gz", "label": f"./labelsTr/a_{number}.nii.gz"})
    labels = {"0": "background", "1": "box", "2": "lid"}
    declare(tmp_path, training=pairs, labels=labels, modality={"0": "T1", "1": "T2"})
    data = Decathlon(str(tmp_path))
    assert data.channels == 2 and data.validation(3)[0]["image"].shape == (2, 20, 18, 12)
    (tmp_path / "imagesTr" / "a_1_0001.nii.gz").unlink()
    with pytest.raises(Refused, match=r"a_1_0001\.nii\.gz.*not there"):
        _ = Decathlon(str(tmp_path)).classes


def test_cases_may_be_listed_with_their_files_as_nnunet_2_allows(tmp_path: Path) -> None:
    cases = {}
    for number in range(3):
        image, label = scan(number)
        save(tmp_path / "elsewhere" / f"x{number}.nii.gz", image)
        save(tmp_path / "elsewhere" / f"y{number}.nii.gz", label)
        cases[f"a{number}"] = {"images": [f"elsewhere/x{number}.nii.gz"], "label": f"elsewhere/y{number}.nii.gz"}
    declare(tmp_path, channel_names={"0": "CT"}, labels={"background": 0, "box": 1, "lid": 2}, dataset=cases)
    (tmp_path / "imagesTr").mkdir()
    assert [one.name for one in Decathlon(str(tmp_path)).contents.pairs] == ["a0", "a1", "a2"]


@pytest.mark.parametrize("more", [{"training": ["a"]}, {"training": [{"image": "a"}]}, {"dataset": {"a": 3}}])
def test_lists_that_are_none_are_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    declare(tmp_path, labels={"0": "background", "1": "box"}, **more)
    with pytest.raises(Refused, match="names no image") as refusal:
        contents(tmp_path)
    a_sentence(refusal.value)


def test_pictures_in_the_second_layout_have_their_colours_in_one_file(tmp_path: Path) -> None:
    for folder in ("imagesTr", "labelsTr"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        label = np.zeros((20, 24), np.uint8)
        label[4:12, 5:15] = 1
        colours = np.stack([60 * label + number, 90 * label, 30 * label + 7], -1).astype(np.uint8)
        Image.fromarray(colours).save(tmp_path / "imagesTr" / f"a_{number}_0000.png")
        Image.fromarray(label).save(tmp_path / "labelsTr" / f"a_{number}.png")
    channels = {"0": "R", "1": "G", "2": "B"}
    declare(tmp_path, channel_names=channels, labels={"background": 0, "box": 1}, file_ending=".png")
    data = Decathlon(str(tmp_path))
    assert (data.channels, data.dimensions) == (3, (2,))
    held = data.validation(2)[0]
    assert held["image"].shape == (3, 24, 20) and int(held["label"].sum()) == 80


def test_the_order_of_storage_makes_no_difference(msd: Path) -> None:
    before = Decathlon(str(msd), fold=0).validation(3)[0]
    for axes in ("LPS", "PIL"):
        for number in range(5):
            image, label = scan(number)
            save(msd / "imagesTr" / f"case_{number}.nii.gz", image, axes=axes)
            save(msd / "labelsTr" / f"case_{number}.nii.gz", label, axes=axes)
        after = Decathlon(str(msd), fold=0).validation(3)[0]
        assert torch.equal(before["label"], after["label"])
        assert torch.allclose(before["image"], after["image"])


def test_cases_are_resampled_to_the_middle_spacing(msd: Path) -> None:
    image, label = scan(0, (40, 36, 12))
    for number, spacing in enumerate([(0.5, 0.5, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1)]):
        if number == 0:
            save(msd / "imagesTr" / "case_0.nii.gz", image, spacing)
            save(msd / "labelsTr" / "case_0.nii.gz", label, spacing)
    data = Decathlon(str(msd))
    assert data.preparation(3, 8).spacing_mm == (1, 1, 1)
    shapes = {tuple(part[k]["label"].shape) for part in (data.validation(3),) for k in range(len(part))}
    training = data.training(3, 8, 0)
    shapes |= {tuple(training.cases[k].label.shape) for k in range(len(training.cases))}
    assert shapes == {(20, 18, 12)}


def test_labels_with_gaps_are_numbered_anew(msd: Path) -> None:
    for number in range(5):
        _, label = scan(number)
        save(msd / "labelsTr" / f"case_{number}.nii.gz", np.array([0, 7, 4000], np.int16)[label])
    said = json.loads((msd / "dataset.json").read_text())
    declare(msd, **{**said, "labels": {"0": "background", "7": "box", "4000": "lid"}})
    data = Decathlon(str(msd))
    assert data.classes == ("box", "lid")
    assert set(data.validation(3)[0]["label"].unique().tolist()) == {0, 1, 2}


def test_what_is_wrong_is_said_in_one_sentence(msd: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    for folder in (Path(""), empty / "none", empty):
        with pytest.raises(Refused) as refusal:
            contents(folder)
        a_sentence(refusal.value)
    declare(empty, labels={"0": "background"}, training=[])
    with pytest.raises(Refused, match="no label but the background"):
        contents(empty)
    declare(empty, labels={"0": "background", "1": "box"}, training=[])
    with pytest.raises(Refused, match="labelsTr holds no"):
        contents(empty)
    (empty / "dataset.json").write_text("{")
    with pytest.raises(Refused, match="no JSON"):
        contents(empty)


def test_a_listed_file_that_is_missing_is_named(msd: Path) -> None:
    (msd / "imagesTr" / "case_3.nii.gz").unlink()
    with pytest.raises(Refused, match=r"case_3\.nii\.gz.*not there"):
        _ = Decathlon(str(msd)).classes


@pytest.mark.trap("T6")
def test_a_mask_on_another_grid_is_refused_with_both_grids(msd: Path) -> None:
    _, label = scan(0)
    for number in range(5):
        save(msd / "labelsTr" / f"case_{number}.nii.gz", label, (1, 1, 2))
    with pytest.raises(Refused, match="another grid") as refusal:
        Decathlon(str(msd)).validation(3)[0]
    assert "1×1×2 mm" in str(refusal.value)


def test_a_label_that_was_not_declared_is_refused_with_its_value(msd: Path) -> None:
    for number in range(5):
        _, label = scan(number)
        save(msd / "labelsTr" / f"case_{number}.nii.gz", label * 40)
    with pytest.raises(Refused, match=r"does not declare \(40, 80\)"):
        Decathlon(str(msd)).validation(3)[0]


@pytest.mark.data
def test_the_hippocampus_of_the_decathlon_can_be_learnt_from(data: Path) -> None:
    folder = data / "seg3d" / "Task04_Hippocampus"
    if not folder.is_dir():
        pytest.skip("no hippocampus here")
    hippocampus = Decathlon(str(folder))
    assert len(hippocampus.classes) == 2
    assert hippocampus.preparation(3, 32).spacing_mm == (1, 1, 1)
    training = hippocampus.training(3, 32)
    assert len(training) + len(hippocampus.validation(3)) == 120
    assert 15 <= len(hippocampus.validation(3)) <= 33, "about a fifth"
    assert training.drawn(3, np.random.default_rng(0))["image"].shape == (1, 32, 32, 32)
