"""Masks say by their values what they hold: 0 and 255, a palette, colours, JPEG; what they cannot be is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medviz.data.masks import mask_at, surveyed
from medviz.data.paired import Paired
from medviz.data.pairing import bare, is_mask
from medviz.refused import Refused
from tests.data.laid import beside, nifti, paired, picture, png, scan
from tests.standard import a_sentence


def blocks(*values: int) -> np.ndarray:
    """Vertical stripes of these values, (16, 8 a stripe)."""
    return np.repeat(np.array([values], np.uint8), 16, 0).repeat(8, 1)


def test_0_and_255_are_one_class(tmp_path: Path) -> None:
    data = Paired(str(paired(tmp_path)))
    assert data.classes == ("foreground",)
    assert set(data.validation(2)[0]["label"].unique().tolist()) == {0, 1}
    named = Paired(str(tmp_path), names="nucleus")
    assert named.classes == ("nucleus",)


def test_a_palette_is_read_by_its_numbers_and_not_by_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(blocks(0, 1, 2, 15), mode="P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [7] * 39)
    image.save(tmp_path / "mask.png")
    assert np.unique(mask_at(tmp_path / "mask.png").frame()).tolist() == [0, 1, 2, 15]
    assert surveyed([tmp_path / "mask.png"], tmp_path, "auto").values == (1, 2, 15)


def test_colours_are_classes(tmp_path: Path) -> None:
    colours = np.zeros((8, 16, 3), np.uint8)
    colours[:, 4:8], colours[:, 8:12] = (255, 0, 0), (0, 255, 0)
    kinds = surveyed([png(tmp_path / "mask.png", colours)], tmp_path, "auto")
    assert kinds.values == (0x00FF00, 0xFF0000) and kinds.names == ("colour #00ff00", "colour #ff0000")
    label = kinds.numbered(mask_at(tmp_path / "mask.png"), tmp_path / "mask.png")
    assert np.bincount(label.ravel()).tolist() == [64, 32, 32]


def test_grey_that_was_saved_as_colour_is_grey(tmp_path: Path) -> None:
    path = png(tmp_path / "mask.png", np.stack([blocks(0, 1, 2)] * 3, -1))
    assert surveyed([path], tmp_path, "auto").values == (1, 2)


def test_a_mask_that_jpeg_blurred_is_cut_at_one_half(tmp_path: Path) -> None:
    mask = picture(0)[1]
    Image.fromarray(mask).save(tmp_path / "mask.jpg", quality=60)
    blurred = mask_at(tmp_path / "mask.jpg")
    assert np.unique(blurred.frame()).size > 2
    kinds = surveyed([tmp_path / "mask.jpg"], tmp_path, "auto")
    sharp = kinds.numbered(blurred, tmp_path / "mask.jpg")
    assert kinds.names == ("foreground",) and (sharp[..., 0].T[::-1, ::-1] == mask // 255).mean() > 0.98


@pytest.mark.parametrize(
    ("pixels", "labels", "names", "fault"),
    [
        (np.zeros((8, 8), np.uint8), "auto", (), "are empty"),
        (np.arange(400, dtype=np.int32).reshape(20, 20).astype(np.uint16), "auto", (), "399 different values"),
        (blocks(0, 1, 2), "auto", ("one",), "1 classes are named and its masks hold 2"),
    ],
)
def test_masks_that_cannot_be_classes_are_refused(
    tmp_path: Path, pixels: np.ndarray, labels: str, names: tuple[str, ...], fault: str
) -> None:
    with pytest.raises(Refused, match=fault) as refusal:
        surveyed([png(tmp_path / "mask.png", pixels)], "the set", labels, names)
    a_sentence(refusal.value)


def test_an_object_a_number_is_one_class_where_that_is_said(tmp_path: Path) -> None:
    path = png(tmp_path / "mask.png", np.arange(400, dtype=np.uint16).reshape(20, 20))
    kinds = surveyed([path], tmp_path, "one")
    assert kinds.names == ("foreground",) and int(kinds.numbered(mask_at(path), path).sum()) == 399


def test_numbers_that_are_no_labels_are_refused(tmp_path: Path) -> None:
    for number, wrong in enumerate((scan(0)[0], -scan(0)[1].astype(np.float32))):
        path = nifti(tmp_path / f"{number}.nii.gz", wrong)
        with pytest.raises(Refused, match=("not whole", "negative")[number]) as refusal:
            surveyed([path], tmp_path, "auto")
        a_sentence(refusal.value)


def test_a_class_that_the_survey_missed_is_refused_with_its_value_unless_it_was_named(tmp_path: Path) -> None:
    seen = png(tmp_path / "seen.png", blocks(0, 1, 2))
    rare = png(tmp_path / "rare.png", blocks(0, 3))
    with pytest.raises(Refused, match=r"does not declare \(3\)"):
        surveyed([seen], tmp_path, "auto").numbered(mask_at(rare), rare)
    kinds = surveyed([seen], tmp_path, "auto", ("a", "b", "c"))
    assert kinds.values == (1, 2, 3) and int(kinds.numbered(mask_at(rare), rare).max()) == 3


def test_a_torn_mask_does_not_hide_the_others_and_is_refused_when_its_case_is_read(tmp_path: Path) -> None:
    folder = paired(tmp_path)
    (folder / "masks" / "case_0.png").write_bytes(b"torn")
    data = Paired(str(folder))
    assert data.classes == ("foreground",)
    pair = next(one for one in data.contents.pairs if one.name == "case_0")
    with pytest.raises(Refused, match="damaged"):
        data.case_of(pair, data.preparation(2))
    for path in (folder / "masks").iterdir():
        path.write_bytes(b"torn")
    with pytest.raises(Refused, match="damaged"):
        _ = Paired(str(folder)).classes


def test_values_may_be_read_as_others(tmp_path: Path) -> None:
    path = png(tmp_path / "mask.png", blocks(0, 1, 255))
    assert surveyed([path], tmp_path, "auto", (), "255=2").values == (1, 2)


def test_several_masks_of_one_picture_are_laid_over_each_other(tmp_path: Path) -> None:
    folder = beside(tmp_path)
    extra = np.zeros((24, 32), np.uint8)
    extra[20:24] = 255
    png(folder / "patient_0" / "slice_0_mask_1.tif", extra)
    data = Paired(str(folder))
    pair = next(one for one in data.contents.pairs if one.name.endswith("slice_0"))
    assert len(pair.labels) == 2
    label = data.label_of(pair, data.scans_of(pair)[0])
    assert int(label.sum()) == int((picture(0)[1] > 0).sum() + (extra > 0).sum())


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path: Path) -> None:
    folder = paired(tmp_path)
    for number in range(6):
        png(folder / "masks" / f"case_{number}.png", np.full((24, 30), 255, np.uint8))
    with pytest.raises(Refused, match="another grid") as refusal:
        Paired(str(folder)).validation(2)[0]
    assert "30×24" in str(refusal.value) and "32×24" in str(refusal.value)


def test_a_stack_among_pictures_is_refused_with_its_slices(tmp_path: Path) -> None:
    folder = paired(tmp_path)
    stack = [Image.fromarray(picture(number)[0]) for number in range(3)]
    for inside in ("images", "masks"):
        (folder / inside / "case_5.png").unlink()
        stack[0].save(folder / inside / "case_5.tif", save_all=True, append_images=stack[1:])
    data = Paired(str(folder), labels="one")
    pair = next(one for one in data.contents.pairs if one.name == "case_5")
    with pytest.raises(Refused, match="it has 3 slices and the other cases one") as refusal:
        data.case_of(pair, data.preparation(2))
    a_sentence(refusal.value)


def test_grey_pictures_among_colours_are_taken_for_each_colour(tmp_path: Path) -> None:
    folder = paired(tmp_path)
    png(folder / "images" / "case_1.png", picture(1, colour=True)[0])
    data = Paired(str(folder))
    assert data.channels == 3 and data.preparation(2).picture and not data.preparation(2).skips_air
    shapes = {tuple(part[k]["image"].shape) for part in (data.training(2, 16), data.validation(2)) for k in range(1)}
    assert shapes == {(3, 16, 16), (3, 32, 24)}


@pytest.mark.parametrize(
    ("mask", "name"),
    [
        ("x_mask", "x"), ("x_mask_1", "x"), ("x-seg", "x"), ("t2_gt", "t2"), ("mask_017", "017"),
        ("brain1_label", "brain1"), ("benign (1)_mask", "benign (1)"), ("mask12", "12"), ("label", ""),
        ("t2_seg-manual", "t2"),
    ],
)  # fmt: skip
def test_a_word_in_a_name_says_that_it_is_a_mask(mask: str, name: str) -> None:
    assert is_mask(mask) and bare(mask) == name and not is_mask(name)


def test_a_folder_a_case_with_image_and_mask_is_paired(tmp_path: Path) -> None:
    for number in range(6):
        image, label = scan(number)
        nifti(tmp_path / f"p{number}" / "image.nii.gz", image)
        nifti(tmp_path / f"p{number}" / "label.nii.gz", label)
    data = Paired(str(tmp_path))
    assert [one.name for one in data.contents.pairs] == [f"p{number}" for number in range(6)]
    assert data.classes == ("label 1", "label 2") and data.dimensions == (2, 3)


@pytest.mark.parametrize("name", ["unmasked", "segovia_1", "labelled", "patient_17", "t2_0001"])
def test_other_words_do_not(name: str) -> None:
    assert not is_mask(name)


@pytest.mark.data
def test_the_nuclei_of_the_bowl_can_be_learnt_from_as_they_lie(data: Path) -> None:
    nuclei = Paired(str(data / "seg2d" / "nuclei_dsb2018"))
    assert (nuclei.classes, nuclei.channels, nuclei.dimensions) == (("foreground",), 3, (2,))
    assert (len(nuclei.training(2, 64)), len(nuclei.validation(2))) == (64, 16)
