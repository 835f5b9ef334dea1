"""Names and colours of labels are read from what other programs write, and written so that they can read them."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medviz.imaging.labels import (
    KNOWN_TABLES,
    TISSUES,
    Label,
    colour_table,
    default_colour,
    load,
    load_names,
    named,
    save,
    save_names,
)
from medviz.refused import Refused
from medviz.shipped import shipped
from tests.imaging.making import opened

SNAP = """################################################
# ITK-SnAP Label Description File
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "grey matter"
    7     0  128  255      0.5  0  1    "lesion, left (old)"
"""
MEANT = (Label(1, "grey matter", (255, 0, 0)), Label(7, "lesion, left (old)", (0, 128, 255)))


@pytest.mark.trap("T25")
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["Unix", "Windows", "old Mac"])
def test_a_label_description_is_read_however_its_lines_end(ending: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(SNAP.replace("\n", ending).encode())
    assert load(tmp_path / "labels.txt") == MEANT


def test_a_byte_order_mark_and_letters_of_old_are_read(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xef\xbb\xbf" + SNAP.encode())
    assert load(tmp_path / "labels.txt") == MEANT
    (tmp_path / "old.label").write_bytes(SNAP.replace("grey", "gräy").encode("latin-1"))
    assert load(tmp_path / "old.label")[0].name == "gräy matter"


def test_a_freesurfer_table_is_read(tmp_path: Path) -> None:
    (tmp_path / "LUT.txt").write_text("# No. Name R G B A\n0 Unknown 0 0 0 0\n17  Left-Hippocampus  220 216 20 0\n")
    assert load(tmp_path / "LUT.txt") == (Label(17, "Left-Hippocampus", (220, 216, 20)),)


names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)
tables = st.dictionaries(st.integers(1, 65535), st.tuples(names, *[st.integers(0, 255)] * 3), min_size=1, max_size=8)


@given(tables)
def test_what_is_saved_is_loaded_again(tmp_path_factory: pytest.TempPathFactory, table: dict) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.txt"
    labels = tuple(Label(value, name.replace('"', "'"), rgb) for value, (name, *parts) in sorted(table.items())
                   for rgb in [tuple(parts)])  # fmt: skip
    save(labels, path)
    assert load(path) == labels


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "names no label"),
        (b"hello\nworld\n", "line 1 is not a label"),
        (SNAP.encode() + b"8 1 2 3 1 1 1 no quotes\n", "line 8"),
        (SNAP.encode() + b'7 1 2 3 1 1 1 "again"\n', "twice"),
        (b'70000 1 2 3 1 1 1 "far"', "out of range"),
        (b'1 1 2 300 1 1 1 "bright"', "out of range"),
        (b"\x1f\x8b\0\0", "no text"),
        (b'{"labels": ', "JSON"),
        (b'{"other": 1}', 'no "labels"'),
        (b'{"labels": {"liver": "much"}}', "liver"),
        (b'{"labels": {"a": 1, "b": 1}}', "twice"),
        (b'{"labels": {"liver": 1.5}}', "liver"),
    ],
)
@pytest.mark.trap("T25")
def test_a_wrong_label_file_is_refused_by_its_line(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(Refused, match=words):
        load(tmp_path / "labels.txt")


@pytest.mark.parametrize(
    "labels",
    [
        {"background": 0, "liver": 1, "tumour": 2},
        {"0": "background", "1": "liver", "2": "tumour"},
        {"background": "0", "liver": "1", "tumour": "2"},
        {"background": 0, "whole": [1, 2], "liver": 1},
    ],
    ids=["nnU-Net", "decathlon", "digits in quotes", "regions"],
)
def test_a_data_sets_names_are_read_in_both_directions(labels: dict, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert load_names(tmp_path / "dataset.json")[1] == "liver"
    assert [label.value for label in load(tmp_path / "dataset.json")] == [1, 2]


@pytest.mark.parametrize("style", ["nnunet", "msd"])
def test_names_are_set_and_the_rest_of_the_description_kept(style: str, tmp_path: Path) -> None:
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps({"name": "Livers", "labels": {"0": "air"}, "numTraining": 3}))
    meant = {0: "background", 1: "liver", 12: "tumour"}
    save_names(meant, path, style)
    assert load_names(path) == meant
    whole = json.loads(path.read_text())
    assert whole["name"] == "Livers" and whole["numTraining"] == 3
    assert whole["labels"] == ({"background": 0, "liver": 1, "tumour": 12} if style == "nnunet" else
                               {"0": "background", "1": "liver", "12": "tumour"})  # fmt: skip
    save_names(meant, tmp_path / "new.json", style)
    assert load_names(tmp_path / "new.json") == meant


def test_one_name_for_two_labels_is_refused_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="one name"):
        save_names({1: "lesion", 2: "lesion"}, tmp_path / "dataset.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.data
def test_the_names_of_a_real_data_set(data: Path) -> None:
    found = load(data / "seg3d" / "Task04_Hippocampus" / "dataset.json")
    assert [label.value for label in found] == [1, 2] and "nterior" in found[0].name


@pytest.mark.trap("T18")
def test_the_first_colours_are_distinct_for_colour_blind_eyes() -> None:
    table = np.array([default_colour(value) for value in range(1, 9)], float) / 255
    # Viénot, Brettel and Mollon 1999: red and green cones lost, in linear light
    linear = table**2.2
    for lost in (
        np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
        np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
    ):
        seen = np.clip(linear @ lost.T, 0, 1) ** (1 / 2.2) * 255
        apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1) + 1e3 * np.eye(8)
        assert apart.min() > 20


@pytest.mark.trap("T18")
def test_a_hundred_and_seventeen_labels_have_a_table_of_their_own() -> None:
    labels = named(tuple(f"organ {number}" for number in range(117)))
    table = colour_table(labels)
    assert table.shape == (256, 4) and table[0].tolist() == [0, 0, 0, 0] and (table[1:, 3] == 255).all()
    assert len({label.colour for label in labels}) > 75
    assert colour_table((Label(300, "far", (1, 2, 3)),), 1024)[300].tolist() == [1, 2, 3, 255]


@pytest.mark.trap("T18")
def test_no_label_is_too_dark_to_be_seen_on_a_black_scan() -> None:
    colours = np.array([default_colour(value) for value in range(1, 200)])
    assert (colours @ (0.2126, 0.7152, 0.0722)).min() > 70 and colours.max() <= 255


def test_tissues_are_numbered_as_they_are_learnt() -> None:
    assert [(label.value, label.name) for label in TISSUES] == [
        (1, "grey matter"), (2, "white matter"), (3, "cerebrospinal fluid"),
    ]  # fmt: skip


@pytest.mark.parametrize(("title", "count", "sample"), [
    ("TotalSegmentator 2, CT (117 labels)", 117, {5: "liver", 79: "spinal cord", 104: "rib right 1"}),
    ("TotalSegmentator 1, CT (104 labels)", 104, {7: "aorta", 93: "face", 104: "urinary bladder"}),
    ("TotalSegmentator, MR (50 labels)", 50, {21: "spinal cord", 50: "brain"}),
    ("FreeSurfer aseg (45 labels)", 45, {17: "hippocampus left", 53: "hippocampus right", 16: "brain stem"}),
])  # fmt: skip
def test_known_tables_name_every_label_once(title: str, count: int, sample: dict[int, str]) -> None:
    found = {label.value: label.name for label in load(shipped("tables", KNOWN_TABLES[title]))}
    assert len(found) == len(set(found.values())) == count
    assert {value: found[value] for value in sample} == sample


def test_the_table_of_totalsegmentator_names_its_own_masks(data: Path) -> None:
    folder = data / "seg3d" / "totalsegmentator_ct"
    whole = opened(folder / "segmentation_multilabel.nii.gz").frame()
    names = {label.name: label.value for label in load(shipped("tables", "totalsegmentator_2.label"))}
    for name in ("liver", "kidney_left", "kidney_right", "spleen", "stomach"):
        mask = opened(folder / "segmentations" / f"{name}.nii.gz").frame() > 0
        assert np.mean(whole[mask] == names[name.replace("_", " ")]) > 0.9, name
