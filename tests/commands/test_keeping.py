"""convert, render and screenshot as a person and a program use them: every flag, every promised key, every refusal."""

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from PIL import Image
from pydicom import dcmread

from medviz.__main__ import main
from medviz.imaging.layers import layer_of, scene_of
from medviz.imaging.readers import read
from medviz.imaging.session import save
from medviz.imaging.sources import source_of
from medviz.imaging.writers import WRITERS, film
from medviz.messages import finished
from tests.commands.test_commands import labels, refused, said, scan  # noqa: F401
from tests.imaging.dicom_files import phantom, write_series


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A CT of 13 columns with a patient's name."""
    folder = tmp_path / "series"
    write_series(
        folder, phantom(columns=13), tags=lambda k: {"StudyInstanceUID": "1.2.3", "FrameOfReferenceUID": "1.2.4"}
    )
    return folder


@pytest.fixture
def mask(capsys: pytest.CaptureFixture[str], series: Path, tmp_path: Path) -> Path:
    """Labels 1 and 3 on the grid of the series, with the card of a model beside them."""
    said(capsys, "convert", series, tmp_path / "ct.nii.gz")
    image = nib.load(tmp_path / "ct.nii.gz")
    voxels = np.zeros(image.shape, np.uint8)
    voxels[2:6, 2:6, 1:4] = 1
    voxels[7:12, 3:8, 2:5] = 3
    nib.save(nib.Nifti1Image(voxels, image.affine), tmp_path / "mask.nii.gz")
    (tmp_path / "mask.card.json").write_text(json.dumps({"model": {"name": "net", "sha256": "ab"}, "purpose": "x"}))
    return tmp_path / "mask.nii.gz"


# -- convert ------------------------------------------------------------------------------------------------------


def test_convert_promises_its_keys(capsys: pytest.CaptureFixture[str], series: Path, tmp_path: Path) -> None:
    told = said(capsys, "convert", series, tmp_path / "ct.nii.gz")
    assert told["out"] == str(tmp_path / "ct.nii.gz") and told["shape"] == [13, 10, 6]
    np.testing.assert_allclose(told["affine"], nib.load(tmp_path / "ct.nii.gz").affine, atol=1e-5)
    assert b"Doe" not in (tmp_path / "ct.nii.gz").read_bytes() and told["files"] == [told["out"]]


@pytest.mark.trap("T8")
@pytest.mark.parametrize("kind", ["seg", "rtstruct"])
def test_a_mask_becomes_dicom_and_comes_back(
    capsys: pytest.CaptureFixture[str], mask: Path, series: Path, tmp_path: Path, kind: str
) -> None:
    words = ["--as", kind] if kind == "rtstruct" else []
    told = said(capsys, "convert", mask, tmp_path / "out.dcm", "--reference", series, *words)
    assert told["files"] == [str(tmp_path / "out.dcm"), str(tmp_path / "out.card.json")]
    assert dcmread(tmp_path / "out.dcm").Modality == kind.upper() and dcmread(tmp_path / "out.dcm").PatientID == "4711"
    said(capsys, "render", series, "--overlay", tmp_path / "out.dcm", "--out", tmp_path / "a.png")
    if kind == "seg":
        said(capsys, "convert", tmp_path / "out.dcm", tmp_path / "back.nii.gz")
        one, back = nib.load(mask), nib.load(tmp_path / "back.nii.gz")
        assert np.count_nonzero(np.asarray(back.dataobj) == 3) == np.count_nonzero(np.asarray(one.dataobj) == 3)


def test_the_card_of_a_mask_travels_on(capsys: pytest.CaptureFixture[str], mask: Path, tmp_path: Path) -> None:
    said(capsys, "convert", mask, tmp_path / "again.nrrd")
    card = json.loads((tmp_path / "again.card.json").read_text())
    assert card["model"] == {"name": "net", "sha256": "ab"} and list(card["files"]) == ["again.nrrd"]


def test_names_and_chosen_labels(capsys: pytest.CaptureFixture[str], mask: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text('1 255 0 0 1 1 1 "liver"\n3 0 255 0 1 1 1 "spleen"\n')
    said(capsys, "convert", mask, tmp_path / "t.csv", "--names", tmp_path / "names.txt", "--labels", "3")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert len(lines) == 2 and lines[1].startswith("3,spleen,75,")
    told = said(capsys, "convert", mask, tmp_path / "o.stl", "--separate", "--names", tmp_path / "names.txt")
    assert [Path(file).name for file in told["files"]][:2] == ["o_liver.stl", "o_spleen.stl"]


def test_a_series_in_time_is_converted_whole_or_by_frame(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    voxels = np.arange(4 * 5 * 6 * 3, dtype=np.int16).reshape(4, 5, 6, 3)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / "t.nii.gz")
    assert said(capsys, "convert", tmp_path / "t.nii.gz", tmp_path / "w.nrrd")["shape"] == [4, 5, 6, 3]
    assert said(capsys, "convert", tmp_path / "w.nrrd", tmp_path / "b.nii")["shape"] == [4, 5, 6, 3]
    np.testing.assert_array_equal(np.asarray(nib.load(tmp_path / "b.nii").dataobj), voxels)
    assert said(capsys, "convert", tmp_path / "t.nii.gz", tmp_path / "f.mha", "--frame", 2)["shape"] == [4, 5, 6]
    found = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "f.mha")))
    np.testing.assert_array_equal(found.T, voxels[..., 1])
    assert "counted from 1" in refused(capsys, "convert", tmp_path / "t.nii.gz", tmp_path / "f.mha", "--frame", 4)


@pytest.mark.trap("T7")
def test_what_convert_refuses(capsys: pytest.CaptureFixture[str], mask: Path, series: Path, tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    assert "--reference" in refused(capsys, "convert", mask, tmp_path / "o.dcm")
    assert "end its name" in refused(capsys, "convert", mask, tmp_path / "o.xyz")
    assert "folder" in refused(capsys, "convert", mask, tmp_path / "gone" / "o.nii")
    assert "label values" in refused(capsys, "convert", mask, tmp_path / "o.nii", "--labels", "a")
    assert "drop --reference" in refused(capsys, "convert", mask, tmp_path / "o.nii", "--reference", series)
    assert "give OUT" in refused(capsys, "convert", mask)
    assert "writes nothing" in refused(capsys, "convert", mask, tmp_path / "o.nii", "--check")
    assert "clean copy of the series" in refused(
        capsys, "convert", mask, tmp_path / "o.dcm", "--reference", series, "--clean"
    )
    other = nib.load(mask)
    moved = other.affine.copy()
    moved[0, 3] += 1
    nib.save(nib.Nifti1Image(np.asarray(other.dataobj), moved), tmp_path / "moved.nii.gz")
    for words in (["--reference", series], ["--as", "rtstruct", "--reference", series]):
        sentence = refused(capsys, "convert", tmp_path / "moved.nii.gz", tmp_path / "o.dcm", *words)
        assert "does not lie on the grid" in sentence
    assert "does not lie" in refused(
        capsys, "convert", tmp_path / "moved.nii.gz", tmp_path / "o.nii", "--scan", tmp_path / "ct.nii.gz"
    )
    assert {path.name for path in tmp_path.iterdir()} == before | {"moved.nii.gz"}


@pytest.mark.trap("T24")
def test_a_check_and_a_clean_copy(capsys: pytest.CaptureFixture[str], series: Path, tmp_path: Path) -> None:
    told = said(capsys, "convert", series, "--check")
    names = [one for one in told["patient_data"] if one["what"] == "Patient's Name"]
    assert names[0]["level"] == "identifies" and names[0]["value"] == "Do… (8 characters)" and told["checked"] == 6
    shown = said(capsys, "convert", series, "--check", "--show-values")["patient_data"]
    assert "Doe^Jane" in {one["value"] for one in shown}
    told = said(capsys, "convert", series, tmp_path / "copy", "--clean")
    assert len(told["files"]) == 6 and told["left_out"] == []
    assert said(capsys, "convert", tmp_path / "copy", "--check")["patient_data"] == []
    told = said(capsys, "convert", series, tmp_path / "ct.nrrd", "--clean")
    assert told["shape"] == [13, 10, 6] and told["patient_data"]
    assert main(["convert", str(series), "--check"]) == 0
    text = capsys.readouterr().out
    assert "Doe" not in text and "identif" in text


def test_the_help_lists_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["convert", "--help"])
    told = capsys.readouterr().out
    assert all(name in told for name in WRITERS)


# -- render -------------------------------------------------------------------------------------------------------


def drawn(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    ("plane", "letters", "size"),
    [("axial", "RLAP", (10, 24)), ("coronal", "RLSI", (12, 12)), ("sagittal", "APSI", (24, 10))],
)
def test_each_plane_has_its_letters_and_scale(
    capsys: pytest.CaptureFixture[str],
    scan: Path,  # noqa: F811
    tmp_path: Path,
    plane: str,
    letters: str,
    size: tuple[int, int],
) -> None:
    told = said(capsys, "render", scan, "--plane", plane, "--at=6,2,9", "--out", tmp_path / "a.png")
    assert "".join(told["letters"][side] for side in ("left", "right", "top", "bottom")) == letters
    rows, cols = drawn(tmp_path / "a.png").shape[:2]
    finer = {"axial": 1.0, "coronal": 2.0, "sagittal": 1.0}[plane]
    assert told["mm_per_pixel"] == pytest.approx(finer) and (rows, cols) == size
    larger = said(capsys, "render", scan, "--plane", plane, "--at=6,2,9", "--size", 120, "--out", tmp_path / "b.png")
    assert max(drawn(tmp_path / "b.png").shape) == 120 and larger["mm_per_pixel"] < finer


def test_window_and_level_are_in_what_a_person_reads(
    capsys: pytest.CaptureFixture[str],
    scan: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    at = said(capsys, "render", scan, "--at=6,2,9", "--out", tmp_path / "a.png")
    words = ["--window", 2, "--level", at["value"] + 200]
    told = said(capsys, "render", scan, "--at=6,2,9", *words, "--out", tmp_path / "b.png")
    assert (told["window"], told["level"]) == (2.0, at["value"] + 200) and drawn(tmp_path / "b.png")[7, 15].max() == 0
    words = ["--window", 2, "--level", at["value"] - 200]
    said(capsys, "render", scan, "--at=6,2,9", *words, "--out", tmp_path / "c.png")
    assert drawn(tmp_path / "c.png")[7, 15].min() == 255


def test_letters_frame_crosshair_and_outline_each_change_the_picture(
    capsys: pytest.CaptureFixture[str],
    scan: Path,  # noqa: F811
    labels: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    made = {}
    base = ["render", scan, "--overlay", labels, "--size", 240, "--at=12,5,9"]
    for name, words in {
        "plain": [], "letters": ["--letters"], "frame": ["--frame"], "cross": ["--crosshair"], "outline": ["--outline"],
        "neurological": ["--neurological"],
    }.items():  # fmt: skip
        told = said(capsys, *base, *words, "--out", tmp_path / f"{name}.png")
        made[name] = drawn(tmp_path / f"{name}.png")
        assert told["convention"] == ("neurological" if name == "neurological" else "radiological")
    assert made["frame"].shape[0] > made["plain"].shape[0] and made["letters"].shape == made["plain"].shape
    for name in ("letters", "cross", "outline"):
        assert (made[name] != made["plain"]).any(), name
    coloured = {name: (np.ptp(made[name].astype(int), axis=2) > 40).sum() for name in ("plain", "outline")}
    assert 0 < coloured["outline"] < coloured["plain"] / 2
    np.testing.assert_array_equal(made["neurological"][:, ::-1], made["plain"])


@pytest.mark.trap("T17")
def test_a_frame_of_a_series_is_asked_for_by_number(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    voxels = np.stack([np.full((8, 8, 8), value, np.int16) for value in (10, 20, 30)], axis=3)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / "t.nii.gz")
    words = ["render", tmp_path / "t.nii.gz", "--out", tmp_path / "a.png", "--window", 40, "--level", 20]
    for number in (1, 2, 3):
        told = said(capsys, *words, "--frame", number)
        assert told["value"] == 10 * number and (told["frame"], told["frames"]) == (number, 3)
    both = said(capsys, *words, "--frame", 2, "--frame")
    assert both["frame"] == 2 and drawn(tmp_path / "a.png").shape[0] > 8
    assert "the scan has 3 frames" in refused(capsys, *words, "--frame", 4)
    refused(capsys, *words, "--frame", 0)
    refused(capsys, *words, "--frame", "two")


@pytest.mark.trap("T6")
def test_an_overlay_on_another_grid_is_placed_and_said(
    capsys: pytest.CaptureFixture[str],
    scan: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    coarse = np.zeros((6, 5, 4), np.uint8)
    coarse[3:5, 1:3, 1:3] = 1
    nib.save(nib.Nifti1Image(coarse, np.diag([4.0, 2.0, 6.0, 1.0])), tmp_path / "coarse.nii.gz")
    words = ["--overlay", tmp_path / "coarse.nii.gz", "--at=14,3,9", "--size", 240]
    told = said(capsys, "render", scan, *words, "--out", tmp_path / "a.png")
    assert told["warnings"]
    coloured = np.argwhere(np.ptp(drawn(tmp_path / "a.png").astype(int), axis=2) > 40)
    rows, cols = coloured.mean(axis=0)
    assert cols < 120 and rows > 50  # to the patient's right, which is on the left


def test_what_render_refuses(capsys: pytest.CaptureFixture[str], scan: Path, tmp_path: Path) -> None:  # noqa: F811
    out = ["--out", tmp_path / "a.png"]
    assert "outside" in refused(capsys, "render", scan, "--at=500,0,0", *out)
    assert "window" in refused(capsys, "render", scan, "--window", 0, *out)
    refused(capsys, "render", scan, "--window", "nan", *out)
    refused(capsys, "render", scan, "--level", "inf", *out)
    refused(capsys, "render", scan, "--size", 3, *out)
    assert "folder" in refused(capsys, "render", scan, "--out", tmp_path / "gone" / "a.png")
    assert "no such file" in refused(capsys, "render", scan, "--overlay", tmp_path / "gone.nii", *out)
    assert "there are 8 slices" in refused(capsys, "render", scan, "--out", tmp_path / "a.gif", "--last", 9)
    refused(capsys, "render", scan, "--out", tmp_path / "a.gif", "--fps", 0)
    refused(capsys, "render", scan, "--out", tmp_path / "a.gif", "--every", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.nii.gz"]


def test_a_film_of_a_scan(capsys: pytest.CaptureFixture[str], scan: Path, tmp_path: Path) -> None:  # noqa: F811
    words = ["--first", 2, "--last", 7, "--every", 2, "--fps", 5, "--size", 64, "--back"]
    said(capsys, "render", scan, "--out", tmp_path / "a.gif", *words)
    with Image.open(tmp_path / "a.gif") as made:
        assert made.n_frames == 4 and made.info["duration"] == 200 and max(made.size) == 64


def test_without_an_encoder_an_mp4_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str],
    scan: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(film, "_program", lambda: None)
    assert "imageio-ffmpeg" in refused(capsys, "render", scan, "--out", tmp_path / "a.mp4")


# -- screenshot ---------------------------------------------------------------------------------------------------


def test_what_screenshot_refuses(capsys: pytest.CaptureFixture[str], scan: Path, tmp_path: Path) -> None:  # noqa: F811
    out = ["--out", tmp_path / "a.png"]
    assert "width x height" in refused(capsys, "screenshot", "viewer", scan, "--size", "big", *out)
    assert "320 to 8192" in refused(capsys, "screenshot", "viewer", scan, "--size", "99999x99999", *out)
    assert "no such file" in refused(capsys, "screenshot", "viewer", tmp_path / "gone.nii", *out)
    assert "folder" in refused(capsys, "screenshot", "viewer", scan, "--out", tmp_path / "gone" / "a.png")
    refused(capsys, "screenshot", "viewer", scan, "--wait", -1, *out)
    (tmp_path / "bad.nii").write_text("hello")
    assert "bad.nii" in refused(capsys, "screenshot", "viewer", tmp_path / "bad.nii", "--size", "640x480", *out)


def test_a_screenshot_shows_the_scan_at_its_size(
    capsys: pytest.CaptureFixture[str],
    scan: Path,  # noqa: F811
    labels: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    told = said(capsys, "screenshot", "viewer", scan, labels, "--size", "1100x700", "--out", tmp_path / "a.png")
    assert told["size"] == [1100, 700] and drawn(tmp_path / "a.png").shape == (700, 1100, 3)
    assert len(np.unique(drawn(tmp_path / "a.png").reshape(-1, 3), axis=0)) > 200


def test_a_session_is_opened_from_the_command_line(
    capsys: pytest.CaptureFixture[str],
    scan: Path,  # noqa: F811
    labels: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    volumes = [finished(read(path)) for path in (scan, labels)]
    layers = tuple(
        replace(layer_of(volume), source=source_of(path, volume))
        for volume, path in zip(volumes, (scan, labels), strict=True)
    )
    session = tmp_path / "case.medviz.json"
    scene = replace(scene_of(replace(layers[0], role="image")).adding(layers[1]), radiological=False)
    finished(save(scene, session, {}, {}))
    said(capsys, "screenshot", "viewer", session, "--size", "1100x700", "--out", tmp_path / "a.png")
    said(capsys, "screenshot", "viewer", scan, "--size", "1100x700", "--out", tmp_path / "b.png")
    coloured = [(np.ptp(drawn(tmp_path / name).astype(int), axis=2) > 60).sum() for name in ("a.png", "b.png")]
    assert coloured[0] > coloured[1]  # the labels came along
    scan.unlink()
    assert "case.medviz.json" in refused(
        capsys, "screenshot", "viewer", session, "--size", "640x480", "--out", tmp_path / "c.png"
    )
