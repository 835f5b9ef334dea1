"""What a network made says so in every file: header, sidecar, picture; and it is known again when it is read."""

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from medviz.imaging.readers import describe, read, write
from medviz.imaging.synthetic import NOTICE, Synthetic, mark_beside, marked_beside, sidecar, spread_out
from medviz.imaging.volume import Volume, like
from medviz.imaging.writers.synthetic import write_samples
from medviz.messages import finished
from medviz.refused import Refused


def drawn(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def read_back(path: Path) -> Volume:
    return finished(read(path))


def test_a_volume_is_marked_in_its_header_behind_it_and_beside_it(tmp_path: Path) -> None:
    sample = Synthetic(drawn(1, 6, 7, 5), spacing_mm=(1.0, 2.0, 3.0), told={"run": {"name": "one"}})
    image, beside = finished(write_samples([sample], tmp_path / "new"))
    assert image.name == "sample-001.nii.gz"
    plain = nibabel.load(image)
    assert b"synthetic" in plain.header["descrip"].item()
    assert json.loads(plain.header.extensions[0].get_content())["synthetic"] is True
    assert np.allclose(plain.get_fdata(), sample.voxels[0])
    assert plain.header.get_zooms() == (1.0, 2.0, 3.0)
    said = json.loads(beside.read_text())
    assert said["synthetic"] is True
    assert said["run"] == {"name": "one"}
    assert said["files"][image.name]["sha256"]
    back = read_back(image)
    assert back.synthetic
    assert NOTICE in back.warnings
    assert NOTICE in describe(image)["warnings"]
    assert back.calibrated


def test_the_header_alone_tells_it_and_so_does_the_sidecar_alone(tmp_path: Path) -> None:
    (image, beside) = finished(write_samples([Synthetic(drawn(1, 4, 5, 6))], tmp_path))
    beside.unlink()
    found = read_back(image)
    assert found.synthetic
    assert not found.calibrated
    bare = tmp_path / "bare.npy"
    np.save(bare, drawn(4, 5, 6))
    assert not read_back(bare).synthetic
    mark_beside(bare)
    assert read_back(bare).synthetic
    assert marked_beside(bare)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha", ".npy"])
def test_what_is_read_as_synthetic_and_saved_again_stays_so(tmp_path: Path, ending: str) -> None:
    image, _ = finished(write_samples([Synthetic(drawn(1, 4, 5, 6), spacing_mm=(1, 1, 1))], tmp_path / "a"))
    again = tmp_path / f"again{ending}"
    write(read_back(image), again)
    twice = read_back(again)
    assert twice.synthetic
    assert sum(NOTICE in one for one in twice.warnings) == 1


def test_labels_drawn_by_a_person_over_a_synthetic_scan_are_their_own(tmp_path: Path) -> None:
    image, _ = finished(write_samples([Synthetic(drawn(1, 4, 5, 6), spacing_mm=(1, 1, 1))], tmp_path))
    labels = like(read_back(image), np.ones((4, 5, 6), np.uint8))
    write(labels, tmp_path / "labels.nii.gz")
    assert not read_back(tmp_path / "labels.nii.gz").synthetic
    assert not sidecar(tmp_path / "labels.nii.gz").exists()


def test_the_mask_a_sample_was_made_to_fit_lies_on_it_and_is_marked_too(tmp_path: Path) -> None:
    label = (drawn(6, 7, 5) > 0).astype(np.int64)
    sample = Synthetic(drawn(1, 6, 7, 5), label, (1.0, 1.0, 2.0))
    image, mask, *beside = finished(write_samples([sample], tmp_path))
    assert [one.name for one in beside] == ["sample-001.synthetic.json", "sample-001-label.synthetic.json"]
    found = read_back(mask)
    assert found.same_grid(read_back(image))
    assert np.array_equal(found.voxels[0], label)
    assert found.synthetic


def test_a_picture_says_it_in_its_texts_and_lies_as_the_window_shows_it(tmp_path: Path) -> None:
    sample = Synthetic(spread_out(drawn(1, 20, 30)), spacing_mm=(1.0, 1.0, 1.0))
    path, beside = finished(write_samples([sample], tmp_path, "png"))
    with Image.open(path) as picture:
        assert "synthetic" in picture.info["Description"]
        pixels = np.asarray(picture)
    assert pixels.shape == (30, 20)
    assert pixels[0, 0] == np.rint((sample.voxels[0, -1, -1, 0] + 1) * 127.5)  # radiological: x to the left, y up
    back = read_back(path)
    assert back.synthetic
    assert np.abs(back.voxels[0, :, :, 0] / 127.5 - 1 - sample.voxels[0, :, :, 0]).max() < 0.005
    assert json.loads(beside.read_text())["spacing_mm"] == [1.0, 1.0, 1.0]


def test_a_digit_is_not_mirrored_in_any_format(tmp_path: Path) -> None:
    sample = Synthetic(spread_out(drawn(1, 20, 30)), rightward=True)
    path, _ = finished(write_samples([sample], tmp_path, "png"))
    with Image.open(path) as picture:
        assert np.asarray(picture)[0, 0] == np.rint((sample.voxels[0, 0, -1, 0] + 1) * 127.5)
    volume, _ = finished(write_samples([sample], tmp_path / "volume", "nifti"))
    picture_read, volume_read = read_back(path), read_back(volume)
    assert np.abs(volume_read.voxels[0] - (picture_read.voxels[0] / 127.5 - 1)).max() < 0.005
    assert json.loads(sidecar(volume).read_text())["spacing_mm"] == "uncalibrated"


def test_colours_and_channels_are_kept(tmp_path: Path) -> None:
    colour, many = Synthetic(spread_out(drawn(3, 20, 30))), Synthetic(spread_out(drawn(2, 20, 30)))
    path, _ = finished(write_samples([colour], tmp_path / "a", "png"))
    assert read_back(path).kind == "colour"
    volume, _ = finished(write_samples([many], tmp_path / "b"))
    assert read_back(volume).frames == 2
    with pytest.raises(Refused, match="does not fit into one picture"):
        finished(write_samples([many], tmp_path / "c", "png"))


def test_the_visible_mark_is_written_onto_the_picture_and_refused_where_there_is_no_room(tmp_path: Path) -> None:
    large = Synthetic(np.full((1, 96, 96, 1), -1.0, np.float32))
    path, _ = finished(write_samples([large], tmp_path / "a", "png", visible=True))
    with Image.open(path) as picture:
        assert np.asarray(picture)[70:].max() > 200
    with pytest.raises(Refused, match="no room"):
        finished(write_samples([Synthetic(drawn(1, 20, 30, 1))], tmp_path / "b", "png", visible=True))
    with pytest.raises(Refused, match="visible"):
        finished(write_samples([large], tmp_path / "c", "nifti", visible=True))


def test_what_is_there_is_not_written_over_and_stopping_leaves_whole_files(tmp_path: Path) -> None:
    samples = [Synthetic(drawn(1, 4, 5, 6))] * 3
    work = write_samples(samples, tmp_path)
    next(work)
    next(work)
    work.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["sample-001.nii.gz", "sample-001.synthetic.json"]
    with pytest.raises(Refused, match="there are samples already"):
        finished(write_samples(samples, tmp_path))
    with pytest.raises(Refused, match="not written in this format"):
        finished(write_samples(samples, tmp_path, "dicom"))
    assert not list(tmp_path.glob(".*part*"))


def test_a_sidecar_that_is_none_marks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "scan.npy"
    np.save(path, drawn(4, 5, 6))
    for words in ("", "[1]", '{"synthetic": "yes"}', "{"):
        sidecar(path).write_text(words)
        assert not read_back(path).synthetic
    assert not replace(read_back(path)).synthetic
