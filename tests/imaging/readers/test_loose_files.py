"""A folder of scans that are files of their own is listed as a folder of series is."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medviz.figures import Picture
from medviz.imaging.readers import describe, loose_files, pictures_of, read, read_series, series_of
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.making import asymmetric, saved


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    saved(tmp_path / "b.nii", asymmetric(), np.diag([1.0, 2.0, 3.0, 1.0]))
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress((tmp_path / "b.nii").read_bytes()))
    Image.new("RGB", (300, 200), (200, 10, 10)).save(tmp_path / "photo.png")
    (tmp_path / "torn.nii.gz").write_bytes(b"\x1f\x8b\x08\x00")
    (tmp_path / "notes.txt").write_text("hello")
    return tmp_path


def test_each_file_that_can_be_read_has_a_card(folder: Path) -> None:
    cards = finished(series_of(folder))
    assert [card.title for card in cards] == ["a.nii.gz", "b.nii", "photo.png"]
    assert cards[1].spacing_mm == pytest.approx((1, 2, 3)) and cards[1].modality == "NIfTI"
    assert cards[0].size == asymmetric().nbytes and all(card.path == folder for card in cards)
    assert np.array_equal(finished(read_series(cards[0])).frame(), asymmetric())


def test_small_files_have_pictures_and_large_ones_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pictured() -> dict[str, Picture]:
        said: list = []
        finished(pictures_of(finished(series_of(folder))), said.append)
        return {one.name: one for one in said if isinstance(one, Picture) and one.name != "preview"}

    found = pictured()
    assert set(found) == {"a.nii.gz", "b.nii", "photo.png"}
    assert all(one.pixels.dtype == np.uint8 and max(one.pixels.shape) <= 160 for one in found.values())
    assert tuple(found["photo.png"].pixels[5, 5]) == (200, 10, 10)
    monkeypatch.setattr(loose_files, "MOST_PICTURED", 10)
    assert not pictured()


def test_info_lists_them(folder: Path) -> None:
    told = describe(folder)
    assert told["format"] == "folder" and told["series"][0]["description"] == "a.nii.gz" and len(told["series"]) == 3
    assert any("torn.nii.gz is left out" in warning for warning in told["warnings"])
    assert told["path"] == str(folder) and told["series"][1]["shape"] == [11, 13, 9]


def test_which_is_meant_must_be_said(folder: Path) -> None:
    with pytest.raises(Refused, match=r"for example a\.nii\.gz"):
        finished(read(folder))
    (folder / "empty").mkdir()
    with pytest.raises(Refused, match="folder is empty"):
        finished(series_of(folder / "empty"))
