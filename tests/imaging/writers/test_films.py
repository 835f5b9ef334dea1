"""Scrolls as GIF and MP4: every slice in its place, the speed kept, whole or not at all."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medviz.imaging.drawn import drawn
from medviz.imaging.layers import layer_of, scene_of
from medviz.imaging.scene import Scene
from medviz.imaging.scrolling import Scroll, most, scrolled
from medviz.imaging.volume import like
from medviz.imaging.writers import film
from medviz.imaging.writers.film import can_mp4, durations, write_film
from medviz.messages import Progress, finished
from medviz.refused import Refused
from tests.imaging.making import asymmetric, volume


def scene() -> Scene:
    scan = volume(asymmetric((20, 24, 9)), np.diag([1.0, 1.0, 2.0, 1.0]))
    labels = np.zeros(scan.shape, np.uint8)
    labels[5:15, 5:15, 3:6] = 1
    made = scene_of(layer_of(scan, "image"))
    return made.adding(layer_of(like(scan, labels), "labels"))


def test_a_gif_shows_each_slice_as_the_window_does(tmp_path: Path) -> None:
    shown = scene()
    wanted = Scroll("axial", first=2, last=6, size=96)
    path = finished(write_film(scrolled(shown, wanted), tmp_path / "a.gif", 10, 5))
    with Image.open(path) as film_made:
        assert film_made.n_frames == 5 and film_made.info["duration"] == 100 and film_made.info["loop"] == 0
        for number in range(5):
            film_made.seek(number)
            x, y, _ = shown.scan.to_voxel(shown.cursor)  # type: ignore[union-attr]
            truth = drawn(shown.at_voxel((x, y, 2 + number)), "axial", 96)
            apart = np.abs(np.asarray(film_made.convert("RGB")).astype(int) - truth)
            assert apart.mean() < 2 and np.percentile(apart, 99) < 24


def test_grey_pictures_lose_no_grey(tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 40, axis=0).repeat(3, axis=2)
    path = finished(write_film([ramp, ramp[:, ::-1]], tmp_path / "a.gif", 5, 2))
    with Image.open(path) as made:
        np.testing.assert_array_equal(np.asarray(made.convert("RGB")), ramp)
        made.seek(1)
        np.testing.assert_array_equal(np.asarray(made.convert("RGB")), ramp[:, ::-1])


@pytest.mark.parametrize("fps", [0.5, 7, 12, 24, 30, 50])
def test_a_gif_keeps_its_speed_on_the_whole(fps: float) -> None:
    ms = durations(fps, 100)
    assert abs(sum(ms) - 100_000 / fps) <= 10 and all(one % 10 == 0 for one in ms)


def test_there_and_back_has_no_jump() -> None:
    numbers = Scroll(first=2, last=5, there_and_back=True).numbers
    assert numbers == (2, 3, 4, 5, 4, 3) and Scroll(first=5, last=1, step=2).numbers == (5, 3, 1)


def test_frames_of_a_series_are_played(tmp_path: Path) -> None:
    voxels = np.stack([np.full((16, 16, 4), value, np.int16) for value in (0, 50, 100)])
    series = scene_of(layer_of(volume(voxels, kind="frames"), "image")).with_layer(0, window=100.0, level=50.0)
    pictures = list(scrolled(series, Scroll("coronal", "frames", 0, 2, size=32, letters=False)))
    assert [int(picture[4, 4, 0]) for picture in pictures] == pytest.approx([0, 128, 255], abs=2)
    assert most(series, "axial", "frames") == 3 and most(series, "axial") == 4


def test_a_stopped_film_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"old")
    work = write_film(scrolled(scene(), Scroll(first=0, last=8, size=64)), path, 10, 9)
    assert all(isinstance(one, Progress) for one in itertools.islice(work, 3))
    work.close()
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_what_no_film_can_be_is_refused(tmp_path: Path) -> None:
    pictures = [np.zeros((8, 8, 3), np.uint8)]
    for fps, total, name in (
        (0, 1, "a.gif"),
        (51, 1, "a.gif"),
        (10, 0, "a.gif"),
        (10, 6000, "a.gif"),
        (10, 1, "a.avi"),
    ):
        with pytest.raises(Refused):
            finished(write_film(pictures, tmp_path / name, fps, total))
    with pytest.raises(Refused, match="there are 9 slices"):
        list(scrolled(scene(), Scroll(first=0, last=9)))
    assert not list(tmp_path.iterdir())


def test_without_ffmpeg_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film, "_program", lambda: None)
    assert not can_mp4()
    with pytest.raises(Refused, match="pip install imageio-ffmpeg"):
        finished(write_film([np.zeros((8, 8, 3), np.uint8)], tmp_path / "a.mp4", 10, 1))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not can_mp4(), reason="there is no ffmpeg here")
def test_an_mp4_of_odd_size_is_encoded_and_can_be_stopped(tmp_path: Path) -> None:
    path = finished(write_film(scrolled(scene(), Scroll(first=0, last=8, size=97)), tmp_path / "a.mp4", 12, 9))
    whole = path.read_bytes()
    assert whole[4:8] == b"ftyp" and len(whole) > 1000
    work = write_film(scrolled(scene(), Scroll(first=0, last=8, size=97)), path, 12, 9)
    next(work)
    next(work)
    work.close()
    assert path.read_bytes() == whole and len(list(tmp_path.iterdir())) == 1
