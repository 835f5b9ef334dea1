"""From a file to a layer: what it is, on which grid, and what a person must be told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medviz.gui.desk import Desk
from medviz.gui.viewer.reading import (
    Opened,
    first_window,
    labels_in,
    layer_of,
    named_labels,
    opened,
    overlay_layer,
    scan_layer,
    seen,
    whole_numbers,
)
from medviz.imaging.labels import Label
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work, finished
from medviz.refused import Refused
from tests.gui.viewer.phantoms import marked, volume


def found(one: Volume, role: str = "labels") -> Opened:
    return Opened(Path("f.nii.gz"), one, role, 100.0, 50.0)  # type: ignore[arg-type]


@pytest.mark.trap("T6")
def test_labels_on_another_grid_come_to_lie_where_they_were() -> None:
    scan = marked()
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[14, 12, 11] = 3
    coarse = volume(voxels, (2.0, 2.0, 2.0), "mask.nii.gz")
    layer, notes = finished(overlay_layer(found(coarse), "labels", scan))
    assert layer.volume.same_grid(scan) and layer.volume.voxels.dtype == np.uint8
    place = coarse.to_mm((14, 12, 11))
    assert layer.volume.value_at(place) == 3 and [label.value for label in layer.labels] == [3]
    assert any("another grid" in note and "mask.nii.gz" in note for note in notes)


def test_a_probability_on_another_grid_is_interpolated_and_keeps_its_stored_type() -> None:
    scan = marked()
    ramp = np.linspace(0, 1, 20, dtype=np.float64)[:, None, None] * np.ones((20, 22, 18))
    layer, notes = finished(overlay_layer(found(volume(ramp, (2.0, 2.0, 2.0))), "probability", scan))
    values = layer.volume.frame()[:, 20, 18]
    assert len(np.unique(values)) > 30 and notes and layer.volume.stored.dtype == np.float64
    assert (layer.role, layer.window, layer.level) == ("probability", 1.0, 0.5)


@pytest.mark.trap("T13")
def test_a_map_that_lost_its_fractions_is_told() -> None:
    scan = marked()
    flat = volume((scan.frame() > 500).astype(np.uint8), name="uncertainty.nii.gz")
    _, notes = finished(overlay_layer(found(flat), "probability", scan))
    assert any("2 distinct values" in note for note in notes)


def test_a_colour_picture_is_no_label_map() -> None:
    picture = volume(np.zeros((3, 8, 8, 1), np.uint8), kind="colour", name="photo.png")
    with pytest.raises(Refused, match=r"photo\.png.*colour"):
        finished(overlay_layer(found(picture), "labels", marked()))


@pytest.mark.parametrize(
    ("voxels", "kind"),
    [
        (np.array([[[0.0, 2.0, 7.2, np.nan, -3.0]]], np.float32), np.uint8),
        (np.array([[[0, 2, 7, 0, -3]]], np.int16), np.uint8),
        (np.array([[[0, 2, 7, 0, 1000]]], np.int32), np.uint16),
        (np.array([[[0, 2, 7, 0, 0]]], bool), np.uint8),
    ],
)
def test_labels_of_any_type_become_small_whole_numbers(voxels: np.ndarray, kind: type) -> None:
    whole = whole_numbers(volume(voxels))
    assert whole.voxels.dtype == kind and whole.voxels[0, 0, 0, 0] == 0
    if voxels.dtype != bool:
        assert whole.voxels[0, 0, 0, 1:3].tolist() == [2, 7] and whole.voxels.min() == 0
    assert whole.stored.dtype == voxels.dtype, "what the file holds is still known"


def test_scaled_labels_mean_what_a_person_reads() -> None:
    scaled = replace(volume(np.array([[[0, 10, 20]]], np.uint8)), slope=0.1)
    assert whole_numbers(scaled).voxels.ravel().tolist() == [0, 1, 2]


def test_labels_are_listed_once_each_and_known_names_come_first() -> None:
    voxels = np.zeros((6, 6, 6), np.uint16)
    voxels[0], voxels[1, 1], voxels[2, 2, 2] = 5, 1, 300
    assert [label.value for label in labels_in(volume(voxels))] == [1, 5, 300]
    names = [label.name for label in named_labels(volume(voxels), ("one", "two"))]
    assert names == ["one", "two", "label 5", "label 300"]


def test_a_probability_stored_in_bytes_has_a_scale_of_its_own() -> None:
    layer = layer_of(volume(np.arange(256, dtype=np.uint8).reshape(4, 8, 8)), "probability", 9, 9)
    assert layer.window > 200 and layer.level == layer.window / 2


def test_the_files_own_window_comes_first_and_inverted_radiographs_are_inverted() -> None:
    scan = replace(marked(), window=(350.0, 40.0), inverted=True)
    assert first_window(scan) == (350.0, 40.0)
    assert scan_layer(found(scan)).colours == "inverted grey"
    assert first_window(marked())[0] > 0


def test_a_label_map_keeps_the_names_its_file_gives() -> None:
    voxels = np.zeros((4, 4, 4), np.uint8)
    voxels[:2], voxels[2:] = 1, 9
    named = (Label(1, "liver", (10, 20, 30)), Label(5, "cyst", (1, 2, 3)))
    known = replace(volume(voxels), labels=named)
    assert [label.name for label in labels_in(known)] == ["liver", "label 9"]
    assert [label.name for label in named_labels(known, ())] == ["liver", "cyst", "label 9"]
    assert [label.name for label in named_labels(known, ("organ",))] == ["organ", "label 9"]


def test_a_data_sets_own_names_are_found_beside_its_files(tmp_path: Path, desk: Desk) -> None:
    (tmp_path / "dataset.json").write_text('{"labels": {"0": "background", "1": "anterior", "2": "posterior"}}')
    (tmp_path / "labelsTr").mkdir()
    voxels = np.zeros((30, 30, 30), np.uint8)
    voxels[4:26, 4:26, 4:26] = 1
    voxels[15:26, 4:26, 4:26] = 2

    def read(path: Path) -> Work[Volume]:
        yield Progress(0, 1)
        return volume(voxels)

    desk.services = replace(desk.services, read=read)
    one = finished(opened(desk.services, tmp_path / "labelsTr" / "case.nii.gz"))
    assert one.role == "labels" and [label.name for label in one.volume.labels] == ["anterior", "posterior"]
    (tmp_path / "dataset.json").write_text("{ not json")
    assert finished(opened(desk.services, tmp_path / "labelsTr" / "case.nii.gz")).volume.labels == ()


def test_a_mask_of_one_label_is_called_as_its_file_and_differs_from_the_one_before() -> None:
    scan = marked()
    mask = volume((scan.frame() > 500).astype(np.uint8), name="liver.nii.gz")
    one, _ = finished(overlay_layer(replace(found(mask), path=Path("liver.nii.gz")), "labels", scan))
    two, _ = finished(overlay_layer(replace(found(mask), path=Path("spleen.nii.gz")), "labels", scan, taken=1))
    assert [one.labels[0].name, two.labels[0].name] == ["liver", "spleen"]
    assert one.labels[0].colour != two.labels[0].colour


@pytest.mark.trap("T13")
@pytest.mark.parametrize(
    ("name", "told"), [("uncertainty.nii.gz", True), ("prob_liver.nii.gz", True), ("liver.nii.gz", False)]
)
def test_a_file_called_a_probability_that_holds_whole_numbers_is_told(name: str, told: bool) -> None:
    flat = volume((marked().frame() > 500).astype(np.uint8), name=name)
    notes = finished(seen(flat, Path(name))).notes
    assert any("fractions were lost" in note and "2 distinct values (0 and 1)" in note for note in notes) is told
    shares = volume(np.linspace(0, 1, flat.voxels.size, dtype=np.float32).reshape(flat.shape), name=name)
    assert not finished(seen(shares, Path(name))).notes
