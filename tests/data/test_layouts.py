"""Every layout is recognised by what lies where, gives out samples, and holds no patient on both sides."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from medviz.data import DATASETS
from medviz.data.gate import Gate
from medviz.data.layouts import LAYOUTS, recognised, task_for
from medviz.parameters import Part, Settings, parameter
from medviz.refused import Refused
from medviz.tasks import TASKS
from tests.data.laid import MADE, class_folders, nifti, paired, picture, png, scan
from tests.standard import a_sentence


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each layout once."""
    return {name: made(tmp_path_factory.mktemp("set")) for name, made in MADE.items()}


def built(places: dict[str, Path], name: str) -> Any:
    return recognised(places[name]).build(DATASETS)


@pytest.mark.parametrize("name", MADE)
def test_a_layout_is_recognised_for_what_it_is(name: str, places: dict[str, Path]) -> None:
    assert recognised(places[name]).name == name.split(",")[0]
    if places[name].is_file() and name != "mask_table":  # the folder of a table is recognised by it
        assert recognised(places[name].parent).name == name.split(",")[0]


def test_the_file_that_describes_a_set_stands_for_its_folder(places: dict[str, Path]) -> None:
    assert recognised(places["bids"] / "dataset_description.json") == recognised(places["bids"])


SEGMENTED = [name for name in MADE if task_for(Settings(name.split(",")[0])) == "segmentation"]


@pytest.mark.parametrize("name", SEGMENTED)
def test_every_segmented_layout_gives_out_patches_and_whole_pictures(name: str, places: dict[str, Path]) -> None:
    data = built(places, name)
    dimensions = data.dimensions[-1]
    drawn = data.training(dimensions, 8).drawn(0, np.random.default_rng(0))
    whole = data.validation(dimensions)[0]
    assert drawn["image"].shape == (data.channels, *(8,) * dimensions) and drawn["image"].dtype == torch.float32
    assert whole["image"].shape[1:] == whole["label"].shape and whole["label"].dtype == torch.int64
    assert set(whole["label"].unique().tolist()) == set(range(len(data.classes) + 1))
    assert data.preparation(dimensions).picture == (dimensions == 2)


@pytest.mark.parametrize("name", SEGMENTED)
def test_label_and_image_of_every_layout_lie_on_each_other(name: str, places: dict[str, Path]) -> None:
    data = built(places, name)
    whole = data.validation(data.dimensions[-1])[0]
    image, label = whole["image"].mean(0), whole["label"]
    assert float(image[label > 0].mean()) > float(image[label == 0].mean()) + 1.0, "what is labelled is what is bright"


@pytest.mark.parametrize("name", SEGMENTED)
def test_a_held_out_case_is_given_back_on_the_grid_of_its_file(name: str, places: dict[str, Path]) -> None:
    data = built(places, name)
    native, reference = data.native(0)
    assert native.same_grid(reference) and data.held_out_cases == len(data.sides[1])
    assert set(np.unique(reference.frame()).tolist()) == set(range(len(data.classes) + 1))


@pytest.mark.parametrize("name", MADE)
def test_both_sides_of_a_split_are_told_by_hashes_and_share_nothing(name: str, places: dict[str, Path]) -> None:
    split = built(places, name).split()
    assert split.training and split.validation and split.by
    assert not set(split.training) & set(split.validation)
    assert all(len(one) == 16 and not set(one) - set("0123456789abcdef") for one in split.training)
    assert split == built(places, name).split(), "the same each time"


def test_the_sessions_of_a_subject_stay_together(places: dict[str, Path]) -> None:
    training, held = built(places, "bids").sides
    assert not {one.group for one in training} & {one.group for one in held}
    assert all(one.group.startswith("sub-") for one in (*training, *held)) and len(training) + len(held) == 6


def test_labels_of_bids_are_named_by_the_table_above(places: dict[str, Path]) -> None:
    assert built(places, "bids").classes == ("cortex", "putamen")


def test_the_structures_of_all_cases_are_the_classes(places: dict[str, Path]) -> None:
    assert built(places, "total_segmentator").classes == ("kidney left", "liver")
    only = recognised(places["total_segmentator"]).turned(only="liver").build(DATASETS)
    assert only.classes == ("liver",) and set(only.validation(3)[0]["label"].unique().tolist()) == {0, 1}
    with pytest.raises(Refused, match="no case has spleen"):
        _ = recognised(places["total_segmentator"]).turned(only="spleen").build(DATASETS).classes


def test_the_objects_of_a_picture_are_boxes_too(places: dict[str, Path]) -> None:
    data = built(places, "instance_masks")
    pair = next(one for one in data.contents.pairs if one.name == "id0")
    boxes = data.boxes_of(pair, data.scans_of(pair)[0])
    # rows 4 to 12 and columns 5 to 15 of 24 × 32, as arrays grow to the left and up; the other one 11 rows below
    assert sorted(boxes.tolist()) == [[17, 1, 27, 9], [17, 12, 27, 20]]


def test_a_detector_may_learn_from_masks_that_keep_objects_apart(places: dict[str, Path], tmp_path: Path) -> None:
    kaggle = recognised(places["instance_masks"], "detection")
    assert kaggle.name == "instance_boxes"
    data = kaggle.turned(name="nucleus").build(DATASETS)
    assert data.classes == ("nucleus",) and data.channels == 3
    paths = [one.path.name for one in data._read[1]]
    boxes = data._read[1][paths.index("id0.png")].boxes
    assert sorted(boxes.tolist()) == [[5, 4, 15, 12], [5, 15, 15, 23]], "as the file has them: from the left and top"
    for number in range(4):
        image, mask = picture(number)
        png(tmp_path / "images" / f"{number}.png", image)
        png(tmp_path / "instances" / f"{number}.png", (mask // 255).astype(np.uint16) * 300)
    numbered = recognised(tmp_path, "detection").build(DATASETS)
    assert numbered._read[1][1].boxes.tolist() == [[6, 4, 16, 12]]
    sample = numbered.training(2, 32)[0]
    assert sample["boxes"].shape[1] == 4 and int((sample["classes"] >= 0).sum()) == 1


def test_a_table_says_which_side_a_row_is_on_and_whose_it_is(places: dict[str, Path]) -> None:
    training, held = built(places, "mask_table").sides
    assert [one.name for one in held] == ["files/images/case_4", "files/images/case_5"]
    assert {one.group for one in training} == {"p0", "p1"}


def test_a_table_of_classes_keeps_patients_apart(places: dict[str, Path]) -> None:
    data = built(places, "class_table")
    assert data.classes == ("ill", "well") and data.knows_patients
    found, out = data._contents[1], data._out
    held = {found[k].group for k in out}
    assert held and not held & {found[k].group for k in range(len(found)) if k not in out}
    assert data.training(2, 16)[0]["image"].shape == (1, 16, 16)


def test_a_picture_comes_with_its_text_on_one_line(places: dict[str, Path]) -> None:
    data = built(places, "image_text")
    sample = data.training(2, 16).drawn(0, np.random.default_rng(0))
    assert sample["image"].shape == (1, 16, 16) and sample["text"].endswith("px from the left side.")
    assert len(data.texts) == len(data.training(2, 16)), "a vocabulary is not made of what is held out"


def test_patients_of_dicom_are_told_apart_without_a_name(places: dict[str, Path]) -> None:
    data = built(places, "dicom_seg")
    assert data.classes == ("cyst", "stone") and len({one.group for one in data.contents.pairs}) == 3
    assert not any("id 1" in f"{one.name} {one.group}" for one in data.contents.pairs)


def test_a_segmentation_without_its_series_is_named_without_the_patient(tmp_path: Path) -> None:
    settings = recognised(MADE["dicom_seg"](tmp_path))
    for path in (tmp_path / "scan1").iterdir():
        path.unlink()
    with pytest.raises(Refused, match=r"drawn1\.dcm: the series that it refers to is not below") as refusal:
        _ = settings.build(DATASETS).classes
    a_sentence(refusal.value)
    gate = Gate(lenient=True)
    assert len(settings.build(DATASETS).listed(gate).pairs) == 2
    assert len(settings.turned(leave_out=gate.turned[0].case).build(DATASETS).contents.pairs) == 2


@pytest.mark.parametrize("task", ["segmentation", "classification"])
def test_a_task_may_be_taught_with_every_layout_that_serves_it(task: str) -> None:
    part = parameter(TASKS[task], "data").mark(Part)
    assert part is not None and {one.name for one in LAYOUTS if one.task == task} <= set(part.only)


def test_every_layout_is_a_data_set_of_the_catalog() -> None:
    assert {one.name for one in LAYOUTS} <= set(DATASETS)
    assert {task_for(Settings(one.name)) for one in LAYOUTS} <= {*TASKS, "captioning"}
    with pytest.raises(Refused, match="not known what it serves"):
        task_for(Settings("nothing"))


def test_what_is_no_layout_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="folder is empty"):
        recognised(tmp_path)
    nifti(tmp_path / "alone.nii.gz", scan(0)[0])
    for place, fault in ((tmp_path, "MSD or nnU-Net"), (tmp_path / "none", "no such file")):
        with pytest.raises(Refused, match=fault) as refusal:
            recognised(place)
        a_sentence(refusal.value)


def test_a_test_folder_is_neither_learnt_from_nor_measured_on(tmp_path: Path) -> None:
    for side in ("train", "val", "test"):
        paired(tmp_path / side)
    data = recognised(tmp_path).build(DATASETS)
    names = [one.name for side in data.sides for one in side]
    assert len(names) == 12 and not any("test" in name for name in names)
    assert {one.side for one in data.sides[0]} == {"train"} and {one.side for one in data.sides[1]} == {"val"}


def test_classes_with_train_and_test_alone_are_split_without_the_test(tmp_path: Path) -> None:
    for side in ("train", "test"):
        class_folders(tmp_path / side)
    data = recognised(tmp_path).build(DATASETS)
    split = data.split()
    assert len(split.training) + len(split.validation) == 6


def test_a_file_of_folds_decides_where_there_is_one(tmp_path: Path) -> None:
    paired(tmp_path)
    (tmp_path / "splits_final.json").write_text(
        '[{"train": ["case_0", "case_1"], "val": ["case_2"]}, {"train": ["case_5"], "val": ["case_0"]}]'
    )
    settings = recognised(tmp_path)
    data = settings.turned(fold=1).build(DATASETS)
    assert [[one.name for one in side] for side in data.sides] == [["case_5"], ["case_0"]]
    assert data.split().by == "splits_final.json, fold 1"


def test_a_folder_a_patient_below_images_and_masks_is_paired_and_kept_together(tmp_path: Path) -> None:
    for number in range(12):
        image, mask = picture(number % 4)
        for folder, pixels in (("images", image), ("masks", mask)):
            png(tmp_path / folder / f"p{number // 2}" / f"slice_{number % 2}.png", pixels)
    training, held = (data := recognised(tmp_path).build(DATASETS)).sides
    assert len(training) + len(held) == 12 and data.classes == ("foreground",)
    assert not {one.group for one in training} & {one.group for one in held}
    (tmp_path / "masks" / "p3" / "slice_1.png").unlink()
    with pytest.raises(Refused, match=r"slice_1\.png: it has no mask"):
        _ = recognised(tmp_path).build(DATASETS).classes


def test_a_header_with_its_voxels_beside_it_is_one_image(tmp_path: Path) -> None:
    for number in range(3):
        image, label = scan(number)
        for folder, voxels in (("images", image), ("masks", label)):
            (tmp_path / folder).mkdir(exist_ok=True)
            pair = nibabel.Nifti1Pair(voxels, np.eye(4))
            pair.to_filename(tmp_path / folder / f"c{number}.hdr")
    assert len(recognised(tmp_path).build(DATASETS).contents.pairs) == 3


def test_patterns_pair_what_names_do_not(tmp_path: Path) -> None:
    for number in range(3):
        image, mask = picture(number)
        png(tmp_path / f"p{number}" / "raw" / "view.png", image)
        png(tmp_path / f"p{number}" / "drawn" / "view-by-hand.png", mask)
    patterns = {"folder": str(tmp_path), "images": "*/raw/*.png", "masks": "*/drawn/*-by-hand.png"}
    data = Settings("paired", tuple(patterns.items())).build(DATASETS)
    assert [one.name for one in data.contents.pairs] == ["p0_view", "p1_view", "p2_view"]
    for wrong in ("../*.png", "raw.png", "*.gif"):
        with pytest.raises(Refused) as refusal:
            _ = Settings("paired", tuple({**patterns, "images": wrong}.items())).build(DATASETS).classes
        a_sentence(refusal.value)


@pytest.mark.parametrize("gone", ["images", "masks"])
def test_what_has_no_partner_is_named(tmp_path: Path, gone: str) -> None:
    paired(tmp_path)
    (tmp_path / gone / "case_3.png").unlink()
    with pytest.raises(Refused, match=r"case_3\.png: it has no (mask|image)"):
        _ = recognised(tmp_path).build(DATASETS).classes
    assert len(recognised(tmp_path).turned(leave_out="case_3").build(DATASETS).contents.pairs) == 5


@pytest.mark.data
@pytest.mark.parametrize(
    ("place", "name", "task"),
    [
        ("seg3d/Task04_Hippocampus", "decathlon", "segmentation"),
        ("seg3d/totalsegmentator_ct", "total_segmentator", "segmentation"),
        ("seg2d/nuclei_dsb2018", "paired", "segmentation"),
        ("seg2d/nuclei_dsb2018_original_layout", "instance_masks", "segmentation"),
        ("dicom/seg_highdicom", "dicom_seg", "segmentation"),
        ("detection/BCCD_voc", "voc", "detection"),
        ("detection/cxr_lungs_coco", "coco", "detection"),
        ("classification/brain_tumor_mri", "class_folders", "classification"),
        ("classification/pneumoniamnist", "medmnist", "classification"),
        ("image_text/cxr_notes", "image_text", "captioning"),
    ],
)
def test_real_sets_are_recognised(data: Path, place: str, name: str, task: str) -> None:
    if not (data / place).is_dir():
        pytest.skip(f"no {place} here")
    found = recognised(data / place)
    assert (found.name, task_for(found)) == (name, task)


@pytest.mark.data
def test_real_masks_of_single_nuclei_become_one_label_and_boxes(data: Path) -> None:
    folder = data / "seg2d" / "nuclei_dsb2018_original_layout"
    if not folder.is_dir():
        pytest.skip("no original layout here")
    nuclei = recognised(folder).turned(name="nucleus").build(DATASETS)
    pair = nuclei.contents.pairs[0]
    scan_there = nuclei.scans_of(pair)[0]
    boxes = nuclei.boxes_of(pair, scan_there)
    assert nuclei.classes == ("nucleus",) and nuclei.channels == 3 and len(boxes) > 5
    label = nuclei.label_of(pair, scan_there)
    inside = np.zeros(label.shape[:2], bool)
    for x0, y0, x1, y1 in boxes.astype(int):
        inside[x0:x1, y0:y1] = True
    assert label.any() and not label[..., 0][~inside].any(), "every labelled pixel lies in a box"


@pytest.mark.data
def test_the_real_segmentations_of_dicom_lie_on_their_series(data: Path) -> None:
    folder = data / "dicom" / "seg_highdicom"
    if not folder.is_dir():
        pytest.skip("no DICOM SEG here")
    found = recognised(folder).build(DATASETS)
    contents = found.listed(Gate(lenient=True))
    assert contents.names == ("first segment", "second segment") and len(contents.pairs) == 1
    with pytest.raises(Refused, match="1 labelled case"):
        _ = found.classes
