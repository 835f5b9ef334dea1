"""Tables as people write them: columns by their names, marks of all kinds, sides, patients; the rest is refused."""

from pathlib import Path

import pytest

from medviz.data.checking.checked import checked
from medviz.data.columns import side_of, table
from medviz.data.layouts import recognised
from medviz.data.tables import ClassTable, MaskTable
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.refused import Refused
from tests.data.laid import MADE, class_table, mask_table, picture, png
from tests.standard import a_sentence


def written(folder: Path, text: str, name: str = "list.csv", encoding: str = "utf-8") -> Path:
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_any_mark_between_columns_is_read(tmp_path: Path, mark: str) -> None:
    read = table(written(tmp_path, f"Image{mark}Label\na.png{mark}ill\nb.png{mark}well\n"))
    assert read.columns == ("Image", "Label") and [row["Label"] for row in read.rows] == ["ill", "well"]
    assert (read.column("image"), read.column("class"), read.column("mask")) == ("Image", "Label", "")


def test_what_excel_writes_in_western_europe_is_read(tmp_path: Path) -> None:
    read = table(written(tmp_path, "Datei;Befund\r\na.png;Lungenödem\r\n", encoding="cp1252"))
    assert read.rows[0]["Befund"] == "Lungenödem"


def test_a_column_called_label_is_a_mask_where_it_holds_paths(tmp_path: Path) -> None:
    read = table(written(tmp_path, "image,label\na.nii.gz,a_seg.nii.gz\n"))
    assert (read.column("mask"), read.column("class")) == ("label", "")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("image,mask\n", "has no rows"),
        ("image,image\na,b\n", "the same name"),
        ("a\0b,c\nd,e\n", "it is no text"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(Refused, match=fault) as refusal:
        table(written(tmp_path, text))
    a_sentence(refusal.value)


def test_a_column_that_is_not_found_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "bild,maske\na.png,b.png\n")
    with pytest.raises(Refused, match="no column is recognised as the mask; name the column; there are bild, maske"):
        _ = MaskTable(str(path)).classes
    with pytest.raises(Refused, match="it has no column scan"):
        _ = MaskTable(str(path), mask="maske", image="scan").classes


def test_columns_may_be_named_by_hand(tmp_path: Path) -> None:
    for number in range(3):
        image, mask = picture(number)
        png(tmp_path / f"b{number}.png", image)
        png(tmp_path / f"m{number}.png", mask)
    rows = "".join(f"b{number}.png,m{number}.png\n" for number in range(3))
    data = MaskTable(str(written(tmp_path, "bild,maske\n" + rows)), image="bild", mask="maske")
    assert data.classes == ("foreground",) and [one.name for one in data.contents.pairs] == ["b0", "b1", "b2"]


def test_a_file_that_is_listed_and_gone_is_named(tmp_path: Path) -> None:
    path = mask_table(tmp_path)
    (tmp_path / "files" / "masks" / "case_2.png").unlink()
    with pytest.raises(Refused, match=r"case_2\.png: list\.csv lists it, but it is not there") as refusal:
        _ = MaskTable(str(path)).classes
    a_sentence(refusal.value)


def test_one_patient_on_both_sides_is_refused(tmp_path: Path) -> None:
    path = mask_table(tmp_path)
    path.write_text(path.read_text(encoding="utf-8-sig").replace("p2;val", "p1;val", 1))
    with pytest.raises(Refused, match=r"1 patient\(s\) are on both sides of the split, as p1"):
        _ = MaskTable(str(path)).sides


def test_rows_for_the_test_are_left_alone(tmp_path: Path) -> None:
    path = mask_table(tmp_path)
    path.write_text(path.read_text(encoding="utf-8-sig").replace(";train", ";test", 2))
    training, held = MaskTable(str(path)).sides
    assert (len(training), len(held)) == (2, 2)


def test_a_patient_may_be_told_by_the_name_of_the_image(tmp_path: Path) -> None:
    path = class_table(tmp_path)
    data = ClassTable(str(path), patient=r"^(\d)")
    assert {one.group for one in data._contents[1]} == {str(number) for number in range(10)}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("well", "ill", "has one class only"),
        (",ill,", ",,", r"has no diagnosis"),
        ("patient", "split", "its split says"),
    ],
)
def test_a_table_of_classes_that_cannot_be_learnt_from_is_refused(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    path = class_table(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(Refused, match=fault) as refusal:
        _ = ClassTable(str(path)).classes
    a_sentence(refusal.value)


def test_a_number_in_each_row_is_no_class(tmp_path: Path) -> None:
    for number in range(60):
        png(tmp_path / f"{number}.png", picture(0)[0])
    rows = "".join(f"{number}.png,{number * 3}\n" for number in range(60))
    with pytest.raises(Refused, match="60 classes in 60 rows"):
        _ = ClassTable(str(written(tmp_path, "image,grade\n" + rows))).classes


@pytest.mark.parametrize(
    ("word", "side"), [("Train", "train"), ("validation", "val"), ("VAL", "val"), ("holdout", "test")]
)
def test_the_words_for_a_side_are_known(word: str, side: str) -> None:
    assert side_of(word, Path("list.csv")) == side


def test_the_check_lists_each_row_that_cannot_be_used_and_leaving_it_out_mends_it(tmp_path: Path) -> None:
    path = class_table(tmp_path)
    (tmp_path / "images" / "3.png").unlink()
    (tmp_path / "images" / "7.png").write_bytes(b"torn")
    found = finished(checked(Settings("class_table", (("file", str(path)),))))
    broken = {one.case: one.kind for one in found.problems if one.severity == "error"}
    assert broken == {"3": "missing", "images/7.png": "unreadable"}
    mended = ClassTable(str(path), leave_out="3, images/7.png")
    assert len(mended.training(2, 16)) + len(mended.validation(2, 16)) == 10


@pytest.mark.parametrize("name", ["bids", "arrays", "dicom_seg", "total_segmentator", "image_text", "mask_table"])
def test_a_sound_set_in_any_layout_has_no_fault(tmp_path: Path, name: str) -> None:
    found = finished(checked(recognised(MADE[name](tmp_path))))
    assert [one.sentence for one in found.problems if one.severity == "error"] == []
    assert len(found.cases) in (3, 6)
