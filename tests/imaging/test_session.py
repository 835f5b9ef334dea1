"""A session gives back what was looked at, knows its files by content, and names nobody."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from medviz.imaging.intensity import Tone
from medviz.imaging.labels import Label
from medviz.imaging.layers import layer_of, scene_of
from medviz.imaging.marks import Mark
from medviz.imaging.mixing import Mix
from medviz.imaging.oblique import Turn
from medviz.imaging.plain import Unfit, plain, restored, value_of
from medviz.imaging.readers import write
from medviz.imaging.scene import Layer, Lightbox, Scene, Second
from medviz.imaging.session import (
    ENDING,
    Session,
    layer_again,
    load,
    looked_up,
    save,
    scene_again,
    sidecar,
    unsaved,
)  # fmt: skip
from medviz.imaging.slabs import Slab
from medviz.imaging.sources import fingerprint, found, on_grid, relative, series_key, source_of
from medviz.imaging.volume import like
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.dicom_files import phantom, write_series
from tests.imaging.making import asymmetric, opened, saved

AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])


def shown(folder: Path) -> Scene:
    """A scan, a mask from a file and a mask that no file has, looked at in every way there is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = saved(folder / "scan.nii", asymmetric(), AFFINE)
    scan = opened(path)
    mask = like(scan, (scan.frame() > 0).astype(np.uint8))
    write(mask, folder / "mask.nii.gz")
    again = opened(folder / "mask.nii.gz")
    base = layer_of(scan, "image")
    base = replace(base, source=source_of(path, scan), window=77.0, level=-3.5, tone=Tone(gamma=2.0))
    over = layer_of(again, "labels")
    over = replace(
        over, source=source_of(folder / "mask.nii.gz", again), labels=(Label(1, "Leber", (1, 2, 3)),), style="fill",
        opacity=0.25, hidden_labels=frozenset({1}), locked_labels=frozenset({1, 2}),
    )  # fmt: skip
    drawn = layer_of(like(scan, np.ones(scan.shape, np.uint8), "drawn"), "labels")
    scene = scene_of(base).adding(over).adding(drawn)
    turned = ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    return replace(
        scene,
        cursor=(3.0, 4.0, 6.0),
        radiological=False,
        layout="lightbox",
        maximised="coronal",
        active=1,
        smooth=False,
        tool="ruler",
        marks=(Mark("angle", ((0.0, 0.0, 0.0), (1.0, 2.0, 3.0), (4.0, 5.5, 6.0)), "sagittal", 0, 4, "α"),),
        turn=Turn(axes=turned),
        slab=Slab("mean", 7.5),
        lightbox=Lightbox("sagittal", 5, 2, 4.0),
    )


def kept(scene: Scene, path: Path, more: dict[str, object] | None = None) -> Session:
    sidecars = {}
    for number in unsaved(scene):
        sidecars[number] = sidecar(path, number)
        write(scene.layers[number].volume, sidecars[number])
    finished(save(scene, path, more or {}, sidecars))
    return finished(load(path))


def again(session: Session) -> Scene:
    layers = []
    for one in session.layers:
        volume = opened(one.path)
        layers.append(layer_again(one, replace(layer_of(volume), source=source_of(one.path, volume))))
    return scene_again(session, tuple(layers), None, Scene())


def test_all_that_was_looked_at_comes_back(tmp_path: Path) -> None:
    scene = shown(tmp_path)
    session = kept(scene, tmp_path / f"case{ENDING}", {"camera": {"axial": [2.0, 1.0, 0.0]}})
    assert [one.sidecar for one in session.layers] == [False, False, True]
    assert session.troubles == () and session.more == {"camera": {"axial": [2.0, 1.0, 0.0]}}
    back = again(session)
    for name in (
        "cursor", "radiological", "layout", "maximised", "active", "smooth", "tool", "marks", "turn", "slab", "lightbox"
    ):  # fmt: skip
        assert getattr(back, name) == getattr(scene, name), name
    for one, other in zip(back.layers, scene.layers, strict=True):
        assert replace(one, volume=other.volume, source=None) == replace(other, source=None)
        np.testing.assert_array_equal(one.volume.voxels, other.volume.voxels)
    assert back.layers[0].window == 77.0 and on_grid(back.layers[0].volume, session.layers[0].grid)


@pytest.mark.trap("T24")
def test_a_session_holds_no_patient_data_and_no_absolute_path(tmp_path: Path) -> None:
    folder = tmp_path / "DICOM"
    series = write_series(folder, phantom(), tags=lambda k: {"StudyInstanceUID": "1.2.3.4.5", "StudyDate": "19991231"})
    scan = opened(folder)
    scene = scene_of(replace(layer_of(scan, "image"), source=source_of(folder, scan, series)))
    path = tmp_path / f"case{ENDING}"
    session = kept(scene, path)
    text = path.read_text()
    header = dcmread(next(folder.iterdir()))
    for word in ("Doe", "Jane", "4711", "1.2.3.4.5", "19991231", series, str(header.SOPInstanceUID)):
        assert word not in text
    assert str(tmp_path) not in text and os.path.expanduser("~") not in text
    assert session.layers[0].path == folder and session.layers[0].series == series_key(series)
    told = json.loads(text)
    assert set(told) == {"format", "medviz", "layers", "scene"}
    assert set(told["layers"][0]) == {"file", "known_by", "series", "grid", "look"}


@pytest.mark.trap("T24")
def test_a_way_past_the_users_own_folder_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "jdoe"
    monkeypatch.setattr(Path, "home", lambda: home)
    assert relative(home / "scans" / "a.nii", home / "sessions") == "../scans/a.nii"
    assert relative(tmp_path / "home" / "other" / "a.nii", home / "sessions") == "a.nii"
    assert relative(Path("/data/a.nii"), home / "sessions") == "a.nii"


def test_sessions_may_be_moved_together_with_their_files(tmp_path: Path) -> None:
    kept(shown(tmp_path / "one"), tmp_path / "one" / f"case{ENDING}")
    (tmp_path / "one").rename(tmp_path / "two")
    session = finished(load(tmp_path / "two" / f"case{ENDING}"))
    assert session.troubles == () and again(session).scan is not None


def test_a_missing_and_a_changed_file_are_told(tmp_path: Path) -> None:
    session = kept(shown(tmp_path), tmp_path / f"case{ENDING}")
    (tmp_path / "scan.nii").rename(tmp_path / "moved.nii")
    whole = bytearray((tmp_path / "mask.nii.gz").read_bytes())
    whole[-1] ^= 1
    (tmp_path / "mask.nii.gz").write_bytes(whole)
    session = finished(load(session.path))
    assert [(one.path.name, one.state) for one in session.troubles] == [
        ("scan.nii", "missing"),
        ("mask.nii.gz", "changed"),
    ]
    moved = session.moved({tmp_path / "scan.nii": tmp_path / "moved.nii"})
    assert [one.path.name for one in finished(looked_up(moved)).troubles] == ["mask.nii.gz"]
    assert len(moved.without(moved.layers[1:2]).layers) == 2


def test_a_file_is_known_by_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(1000))
    whole = fingerprint(path)
    os.utime(path, (1, 1))
    assert fingerprint(path) == whole and whole["of"] == "file"
    monkeypatch.setattr("medviz.imaging.sources.WHOLE", 500)
    monkeypatch.setattr("medviz.imaging.sources._END", 100)
    ends = fingerprint(path)
    assert ends["of"] == "ends"
    path.write_bytes(bytes(999) + b"x")
    assert fingerprint(path)["sha256"] != ends["sha256"]


def test_a_file_beside_the_session_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.nii").touch()
    assert found("../elsewhere/a.nii", tmp_path) == tmp_path / "a.nii"
    assert found("../elsewhere/b.nii", tmp_path) == tmp_path.parent / "elsewhere" / "b.nii"


def test_edited_voxels_are_no_longer_those_of_the_file(tmp_path: Path) -> None:
    scene = shown(tmp_path)
    assert unsaved(scene) == (2,)
    volume = scene.layers[1].volume
    edited = scene.with_layer(1, volume=replace(volume, voxels=volume.voxels.copy()))
    assert unsaved(edited) == (1, 2)


def test_the_second_scan_comes_along(tmp_path: Path) -> None:
    scene = shown(tmp_path)
    other = opened(saved(tmp_path / "other.nii", asymmetric((5, 6, 7)), np.eye(4)))
    layer = replace(layer_of(other, "image"), source=source_of(tmp_path / "other.nii", other))
    second = Second(layer, (1.0, 2.0, 3.0), window_linked=True, mix=Mix("tiles", tile_mm=30.0))
    session = kept(replace(scene, second=second, layout="compare"), tmp_path / f"case{ENDING}")
    assert session.second is not None and session.second.path.name == "other.nii"
    back = scene_again(session, again(session).layers, layer, Scene())
    assert back.second == second and back.layout == "compare"
    assert scene_again(session, again(session).layers, None, Scene()).layout == "2x2"


@pytest.mark.trap("T25")
@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"format": 1}',
     '{"format": "medviz-session-1"}', '{"format": "medviz-session-9", "layers": []}',
     '{"format": "medviz-session-1", "layers": []}', '{"format": "medviz-session-1", "layers": [{"file": 3}]}',
     '{"format": "medviz-session-1", "layers": [{"file": "/etc/passwd", "known_by": {}, "look": {}}]}', "{" * 99999],
)  # fmt: skip
def test_what_is_no_session_is_refused_in_one_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / f"bad{ENDING}"
    path.write_text(text)
    with pytest.raises(Refused):
        finished(load(path))


def test_a_strange_value_is_passed_over_and_the_rest_is_kept(tmp_path: Path) -> None:
    session = kept(shown(tmp_path), tmp_path / f"case{ENDING}")
    told = json.loads(session.path.read_text())
    told["scene"] |= {"layout": "cube", "cursor": ["a", 0, 0], "frame": 99, "unheard": 1, "active": 50}
    told["layers"][0]["look"] |= {"window": "wide", "level": 12.5, "labels": [{"value": 1}]}
    session.path.write_text(json.dumps(told))
    back = again(finished(load(session.path)))
    assert back.layout == "2x2" and back.frame == 0 and back.active == 2 and back.tool == "ruler"
    assert back.layers[0].level == 12.5 and back.layers[0].labels == ()


def test_a_session_needs_a_scan_from_a_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="open a scan"):
        finished(save(Scene(), tmp_path / f"a{ENDING}", {}, {}))
    with pytest.raises(Refused, match="ending"):
        finished(save(shown(tmp_path), tmp_path / "a.json", {}, {}))


def test_plain_values_go_there_and_back() -> None:
    for kind, value in ((Layer, None), (Mix, Mix("swipe", 0.25)), (Slab, Slab("max")), (Tone, Tone(least=3.0))):
        if value is not None:
            assert restored(kind, json.loads(json.dumps(plain(value)))) == value
    for hint, bad in ((int, True), (int, 1.5), (float, "1"), (tuple[int, int], [1]), (bool, 1), (str, None)):
        with pytest.raises(Unfit):
            value_of(hint, bad)


def test_a_session_noted_every_few_seconds_hashes_a_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = shown(tmp_path)
    asked: list[Path] = []
    monkeypatch.setattr("medviz.imaging.session.fingerprint", lambda path: asked.append(path) or fingerprint(path))
    hashed: dict[Path, dict[str, object]] = {}
    for _ in range(3):
        finished(save(scene, tmp_path / f"case{ENDING}", {}, {}, hashed))
    assert len(asked) == len(set(asked)) == 2
    assert finished(load(tmp_path / f"case{ENDING}")).troubles == ()
