"""What the window makes of a folder through its real readers: one label layer out of one mask a structure."""

from pathlib import Path

from medviz.commands.services import services
from medviz.gui.viewer.reading import Opened, looked
from medviz.messages import finished
from tests.data.laid import totalsegmentator


def test_a_folder_of_masks_becomes_one_layer_with_names(tmp_path: Path) -> None:
    case = totalsegmentator(tmp_path) / "s0000"
    handed = services()
    scan = finished(handed.read(case / "ct.nii.gz"))
    found = finished(looked(handed, case / "segmentations", None, scan, asks=True))
    assert isinstance(found, Opened) and found.role == "labels" and found.sure, "nobody is asked what it is"
    assert [one.name for one in found.volume.labels] == ["kidney left", "liver"]
    assert found.volume.same_grid(scan)


def test_the_folder_of_a_case_offers_its_scan_and_the_masks_over_it(tmp_path: Path) -> None:
    case = totalsegmentator(tmp_path) / "s0000"
    handed = services()
    cards = finished(looked(handed, case, None, None, asks=True))
    assert isinstance(cards, tuple) and [one.content for one in cards] == ["scan", "labels"]
    scan = finished(handed.read(case / "ct.nii.gz"))
    found = finished(looked(handed, cards[1].path, cards[1], scan, asks=True))
    assert isinstance(found, Opened) and found.role == "labels" and len(found.volume.labels) == 2
