"""A folder with several series: a card each, with what is wrong with it, a picture, and the one that is wanted."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid

from medviz.figures import Picture
from medviz.imaging.readers import describe, pictures_of, read, read_series, series_of
from medviz.imaging.series import SeriesCard
from medviz.messages import Progress, finished
from medviz.refused import Refused
from tests.imaging.dicom_files import phantom, write_series, write_slice


def cards_in(folder: Path) -> tuple[SeriesCard, ...]:
    return finished(series_of(folder))


def named(number: int, description: str, **more: object) -> Callable[[int], dict[str, object]]:
    return lambda k: {"SeriesNumber": number, "SeriesDescription": description, **more}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    write_series(tmp_path / "x", phantom(), tags=named(3, "thin", Modality="MR"))
    down, across = (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)
    write_series(
        tmp_path / "y", phantom(slices=4), lambda k: (3.0 * k, 0, 0), tags=named(2, "side"), across=across, down=down
    )
    write_series(tmp_path / "z", phantom(slices=1), tags=named(1, "scout"))
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def test_each_series_says_what_it_is(study: Path) -> None:
    thin, side, scout = cards_in(study)
    assert (thin.title, thin.modality, thin.plane, thin.slices) == ("3 thin", "MR", "axial", 6)
    assert (side.title, side.plane, side.shape) == ("2 side", "sagittal", (12, 10, 4))
    assert thin.spacing_mm == pytest.approx((0.75, 0.5, 2.5)) and thin.axes == "LPS"
    assert (thin.folder, scout.folder) == ("x", "z") and thin.dtype == "int16"
    assert thin.syntax == "not compressed" and thin.size == 12 * 10 * 6 * 2
    assert len({card.key for card in (thin, side, scout)}) == 3


@pytest.mark.trap("T24")
def test_no_card_names_the_patient(study: Path) -> None:
    told = repr([(card, card.source) for card in cards_in(study)]) + repr(describe(study))
    assert "Doe" not in told and "Jane" not in told


@pytest.mark.filterwarnings("ignore:The value length")
@pytest.mark.trap("T24", "T25")
def test_a_text_whose_length_is_damaged_does_not_run_on_into_the_patients_name(tmp_path: Path) -> None:
    write_series(tmp_path, phantom(), tags=named(1, "T1 " + "x" * 61 + " Doe^Jane"))
    told = repr(cards_in(tmp_path)) + repr(describe(tmp_path))
    assert "T1 x" in told and "Jane" not in told


def test_the_series_that_is_wanted_is_read(study: Path) -> None:
    for wanted, columns in (("3", 6), ("#2", 4), (cards_in(study)[1].key, 4)):
        volume = finished(read(study, series=wanted))
        assert volume.stored.shape[2] == columns
    side = finished(read_series(cards_in(study)[1]))
    assert side.name == "2 side" and side.stored.axes == "PIR"
    for wanted in ("9", "#7", "thin"):
        with pytest.raises(Refused, match="no series called"):
            finished(read(study, series=wanted))


def test_two_series_of_one_number_are_told_apart_by_place(tmp_path: Path) -> None:
    write_series(tmp_path / "a", phantom(), tags=named(4, "one"))
    write_series(tmp_path / "b", phantom(slices=2), tags=named(4, "two"))
    with pytest.raises(Refused, match="2 series called 4"):
        finished(read(tmp_path, series="4"))
    assert finished(read(tmp_path, series="#2")).stored.shape[2] == 2


def test_each_card_has_a_small_picture_of_its_middle_slice(tmp_path: Path) -> None:
    voxels = np.zeros((300, 200, 3), np.int16)
    voxels[200:, :, 1] = 1000
    write_series(tmp_path, voxels, spacing=(1.0, 1.0))
    cards = cards_in(tmp_path)
    said: list = []
    finished(pictures_of(cards), said.append)
    (picture,) = [one for one in said if isinstance(one, Picture)]
    assert picture.name == cards[0].key and picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == (85, 128)
    assert picture.pixels[:, :80].max() < 30 and picture.pixels[:, 90:].min() > 225


def test_pictures_in_colour_and_inverted(tmp_path: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    write_slice(
        tmp_path / "c.dcm", red, 1, generate_uid(), SamplesPerPixel=3, PhotometricInterpretation="RGB", BitsAllocated=8,
        BitsStored=8, HighBit=7, PlanarConfiguration=0,
    )  # fmt: skip
    ramp = np.tile(np.arange(8, dtype=np.int16) * 100, (8, 1))
    write_slice(tmp_path / "d.dcm", ramp, 1, generate_uid(), PhotometricInterpretation="MONOCHROME1")
    said: list = []
    finished(pictures_of(cards_in(tmp_path)), said.append)
    pictures = {one.pixels.ndim: one.pixels for one in said if isinstance(one, Picture)}
    assert tuple(pictures[3][4, 4]) == (200, 0, 0)
    assert pictures[2][0, 0] > 200 > 50 > pictures[2][0, -1]


def test_a_picture_that_cannot_be_decoded_leaves_the_others(study: Path) -> None:
    for path in (study / "x").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    cards = cards_in(study)
    said: list = []
    finished(pictures_of(cards), said.append)
    assert {one.name for one in said if isinstance(one, Picture)} == {card.key for card in cards if card.number != 3}


# -- what is wrong with a series ----------------------------------------------------------------------------------


def test_copies_of_files_are_left_out_and_said(tmp_path: Path) -> None:
    write_series(tmp_path / "a", phantom())
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    (card,) = cards_in(tmp_path)
    assert card.frames == 1 and card.slices == 6
    assert "6 frames are copies of others and left out" in card.warnings


def test_files_that_were_all_given_one_uid_are_no_copies(tmp_path: Path) -> None:
    write_series(tmp_path, phantom(), tags=lambda k: {"SOPInstanceUID": "1.2.3"})
    (card,) = cards_in(tmp_path)
    assert card.slices == 6 and not card.warnings


@pytest.mark.trap("T10")
def test_gaps_and_tilt_are_told_in_numbers(tmp_path: Path) -> None:
    lean = np.tan(np.radians(12.0))
    write_series(tmp_path, phantom(slices=9), lambda k: (0, 2 * k * lean, 2.0 * k), keep=[0, 1, 2, 5, 6, 7, 8])
    (card,) = cards_in(tmp_path)
    assert card.gaps_mm == ((4.0, 10.0),) and card.tilt_degrees == pytest.approx(12.0, abs=0.05)
    told = describe(tmp_path)["series"][0]
    assert told["gaps_mm"] == [[4.0, 10.0]] and told["tilt_degrees"] == pytest.approx(12.0, abs=0.05)


def test_sizes_that_are_mixed_are_told_apart(tmp_path: Path) -> None:
    uid = write_series(tmp_path, phantom())
    place = {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1, 1]}
    write_slice(tmp_path / "scout", np.zeros((20, 20), np.int16), 99, uid, **place)
    whole, scout = cards_in(tmp_path)
    assert whole.slices == 6 and scout.slices == 1 and scout.key == f"{whole.key}#2"
    assert all("mixes sizes or directions" in " ".join(card.warnings) for card in (whole, scout))


def test_files_that_are_cut_short_are_seen_before_they_are_decoded(tmp_path: Path) -> None:
    write_series(tmp_path, phantom())
    torn = sorted(tmp_path.iterdir())[2]
    torn.write_bytes(torn.read_bytes()[:-50])
    (card,) = cards_in(tmp_path)
    assert "1 of 6 frames has fewer pixels than declared" in card.warnings
    volume = finished(read_series(card))
    assert any("1 of 6 frames could not be decoded and is blank" in warning for warning in volume.warnings)
    blank = [k for k in range(6) if not volume.frame()[:, :, k].any()]
    assert len(blank) == 1


def test_directions_that_tremble_are_one_series(tmp_path: Path) -> None:
    tremble = [0.0, 0.004, 0.0051, 0.0049, 0.006, 0.005]

    def tags(k: int) -> dict[str, object]:
        return {"ImageOrientationPatient": [1.0, tremble[k], 0.0, -tremble[k], 1.0, 0.0]}

    write_series(tmp_path, phantom(), tags=tags)
    assert [card.slices for card in cards_in(tmp_path)] == [6]


def test_two_acquisitions_under_one_number_that_lie_between_each_other_are_taken_apart(tmp_path: Path) -> None:
    uid = generate_uid()
    for acquisition, offset in ((1, 0.0), (2, 0.7)):
        for k in range(5):
            write_slice(
                tmp_path / f"{acquisition}-{k}",
                np.full((4, 4), 100 * acquisition + k, np.int16),
                k,
                uid,
                ImagePositionPatient=[0, 0, 2.0 * k + offset],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                PixelSpacing=[1, 1],
                AcquisitionNumber=acquisition,
            )
    cards = cards_in(tmp_path)
    assert [card.slices for card in cards] == [5, 5]
    assert all("holds 2 acquisitions" in " ".join(card.warnings) for card in cards)
    assert {finished(read_series(card)).value_at((0, 0, card.number + 4.0 + 0.35)) for card in cards} == {102.0, 202.0}


def test_a_retired_compression_is_said_before_it_is_tried(tmp_path: Path) -> None:
    data = write_slice(tmp_path / "a.dcm", np.zeros((4, 4), np.int16), 1, generate_uid())
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.56"  # JPEG extended 6 and 8, retired
    data.PixelData = encapsulate([b"\0" * 8])
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "a.dcm")
    card = cards_in(tmp_path)[0]
    assert any("is retired" in warning for warning in card.warnings)


# -- many files ---------------------------------------------------------------------------------------------------


def test_a_folder_of_a_thousand_files_is_listed_fast_and_can_be_left(tmp_path: Path) -> None:
    data: FileDataset = write_slice(
        tmp_path / "0", np.zeros((64, 64), np.int16), 0, generate_uid(), ImagePositionPatient=[0, 0, 0],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1],
    )  # fmt: skip
    for k in range(1, 1000):
        data.ImagePositionPatient = [0, 0, k]
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k}"
        data.save_as(tmp_path / str(k))
    said: list = []
    began = time.thread_time()
    (card,) = finished(series_of(tmp_path), said.append)
    assert card.slices == 1000 and time.thread_time() - began < 6.0
    assert sum(isinstance(one, Progress) for one in said) > 900
    work = series_of(tmp_path)
    next(work)
    work.close()


def test_a_file_is_listed_as_its_only_series(tmp_path: Path) -> None:
    write_series(tmp_path, phantom())
    one = sorted(tmp_path.iterdir())[0]
    assert [card.slices for card in cards_in(one)] == [1]
    np.save(tmp_path / "array.npy", np.zeros((3, 4, 5)))
    assert cards_in(tmp_path / "array.npy") == ()
    with pytest.raises(Refused, match="one thing only"):
        finished(read(tmp_path / "array.npy", series="2"))
