"""What the network sees is what it is given, and each voxel of it is found again in the scan."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medviz.data.patches import Patches
from medviz.imaging.readers import write
from medviz.imaging.seen import Seen, fitted
from medviz.imaging.volume import Stored, Volume
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.tasks.classification import Classification
from medviz.tasks.segmentation import Segmentation
from medviz.training.run import recipe
from medviz.training.seeing import seen
from medviz.training.task import Task


def folder_of(task: Task, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.toml").write_text(recipe(task), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four oblique scans of 1.5 × 1 × 2 mm whose value is their place along x, in mm of the patient."""
    folder: Path = tmp_path_factory.mktemp("cases")
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir()
    turn = np.deg2rad(15.0)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    pairs = []
    for number in range(4):
        affine = np.eye(4)
        affine[:3, :3] = rotation @ np.diag([1.5, 1.0, 2.0])
        affine[:3, 3] = (-20.0 + number, 5.0, -9.0)
        shape = (22, 30, 14 + number)
        index = np.moveaxis(np.indices(shape), 0, -1)
        along = (index @ affine[:3, :3].T + affine[:3, 3])[..., 0].astype(np.float32)
        label = np.zeros(shape, np.uint8)
        label[8:14, 10:20, 4:9] = 1
        for part, voxels in (("imagesTr", along), ("labelsTr", label)):
            stored = Stored("test", shape, "RAS", affine, voxels.dtype)
            write(Volume(voxels[None], affine, stored), folder / part / f"case_{number}.nii.gz")
        pairs.append({"image": f"./imagesTr/case_{number}.nii.gz", "label": f"./labelsTr/case_{number}.nii.gz"})
    said = {"labels": {"0": "background", "1": "box"}, "channel_names": {"0": "CT"}, "training": pairs}
    (folder / "dataset.json").write_text(json.dumps(said))
    return folder


def task_of(cases: Path, **fields: Any) -> Segmentation:
    data = Settings("decathlon", (("folder", str(cases)), ("held_out", 0.25)))
    return Segmentation(data=data, patch=24, device="cpu", **{"dimensions": 3, **fields})


@pytest.mark.trap("T7")
def test_a_held_out_case_is_seen_whole_on_the_grid_it_was_resampled_to(cases: Path, tmp_path: Path) -> None:
    task = task_of(cases)
    found = finished(seen(folder_of(task, tmp_path), "held out", 0, False, 0, TASKS))
    data = task.data_set()
    assert np.array_equal(found.given.voxels, data.validation(3)[0]["image"].numpy()), "the very tensor"
    assert found.label is not None and np.array_equal(found.label.frame(), data.validation(3)[0]["label"].numpy())
    mm = tuple(found.scan.to_mm((5, 21, 3)))
    there = found.to_given(mm)
    assert there is not None and there == pytest.approx(mm, abs=0.51 * max(found.given.spacing_mm))
    assert dict(found.facts)["scan"].startswith("22×30×") and found.inside.all() and not found.mirrored


def test_a_value_says_how_the_scan_was_normalised(cases: Path, tmp_path: Path) -> None:
    found = finished(seen(folder_of(task_of(cases), tmp_path), "held out", 0, False, 0, TASKS))
    words = dict(found.facts)["normalised"]
    nought, one = float(words.split()[2].rstrip(")")), float(words.split("÷")[1].split(",")[0])
    for voxel in ((4, 9, 5), (18, 20, 9)):
        mm = found.scan.to_mm(voxel)
        meant = (found.scan.value_at(mm) - nought) / one
        assert found.given.value_at(mm) == pytest.approx(meant, abs=0.05)


@pytest.mark.trap("T1")
@pytest.mark.parametrize("dimensions", [2, 3])
def test_of_an_augmented_patch_each_voxel_is_found_in_the_scan(cases: Path, tmp_path: Path, dimensions: int) -> None:
    """The scan's value is a place in mm, so the tensor itself tells where it comes from, flipped, turned and bent."""
    task = task_of(cases, dimensions=dimensions, augment=1.0)
    run, checked, flips = folder_of(task, tmp_path), 0, set()
    samples = task.training(task.data_set())
    assert isinstance(samples, Patches)
    for epoch in range(4):
        found = finished(seen(run, "training", 2, True, epoch, TASKS))
        drawn = samples.drawn(2, np.random.default_rng((task.seed, epoch, 2)))
        assert torch.equal(torch.from_numpy(found.given.voxels.squeeze()), drawn["image"].squeeze()), "the very tensor"
        flips.add(found.mirrored)
        x_mm, values = found.places_mm[0][found.inside], found.given.voxels[0][found.inside]
        assert abs(np.corrcoef(x_mm, values)[0, 1]) > 0.93, "what lies further to the right is brighter"
        checked += int(found.inside.sum())
    assert checked > 500 and flips == {False, True}


def test_a_place_goes_there_and_back(cases: Path, tmp_path: Path) -> None:
    found = finished(seen(folder_of(task_of(cases, augment=1.0), tmp_path), "training", 1, True, 3, TASKS))
    near = 0.75 * float(np.linalg.norm(found.scan.spacing_mm))
    for voxel in np.argwhere(found.inside)[:: max(1, int(found.inside.sum()) // 40)]:
        given_mm = tuple(found.given.to_mm(voxel))
        scan_mm = found.to_scan(given_mm)
        assert scan_mm is not None
        again = found.to_given(scan_mm)
        assert again is not None and np.linalg.norm(np.subtract(found.to_scan(again), scan_mm)) < near
    assert found.to_given((900.0, 0.0, 0.0)) is None and found.to_scan((900.0, 0.0, 0.0)) is None


def test_padding_is_told_from_scan_and_the_patch_is_drawn_where_it_lies(cases: Path, tmp_path: Path) -> None:
    found = finished(seen(folder_of(task_of(cases), tmp_path), "training", 0, False, 0, TASKS))
    floor = found.given.voxels[0][~found.inside]
    assert floor.size and np.ptp(floor) == 0 and f"{1 - found.inside.mean():.0%}" in dict(found.facts)["patch"]
    outline = found.outline().frame()
    for voxel in ((11, 15, 7), (0, 0, 0), (21, 29, 13), (3, 27, 2)):
        assert bool(outline[voxel]) == (found.to_given(tuple(found.scan.to_mm(voxel))) is not None)


def test_the_affine_that_comes_nearest_is_the_affine_where_nothing_was_bent() -> None:
    affine = np.array([[-1.2, 0.3, 0, 5], [0.2, 0.9, -0.1, 1], [0, 0.2, 3.0, -7], [0, 0, 0, 1.0]])
    index = np.indices((7, 9, 5)).reshape(3, -1)
    places = (affine[:3, :3] @ index + affine[:3, 3:]).reshape(3, 7, 9, 5).astype(np.float32)
    assert fitted(places) == pytest.approx(affine, abs=1e-4)
    flat = fitted(places[..., 2:3])
    assert flat[:3, :2] == pytest.approx(affine[:3, :2], abs=1e-4)
    assert np.linalg.norm(flat[:3, 2]) == pytest.approx(1.0) and abs(flat[:3, 2] @ flat[:3, 0]) < 1e-6


def test_what_is_given_no_voxels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="segmentation"):
        finished(seen(folder_of(Classification(), tmp_path), "held out", 0, False, 0, TASKS))


def test_drawn_pictures_can_be_seen_too(tmp_path: Path) -> None:
    task = Segmentation(data=Settings("phantoms", (("cases", 4), ("size", 32))), dimensions=2, patch=16, device="cpu")
    for part, changed in (("held out", False), ("training", False), ("training", True)):
        found: Seen = finished(seen(folder_of(task, tmp_path / part / str(changed)), part, 0, changed, 0, TASKS))  # type: ignore[arg-type]
        assert found.scan.shape[2] == found.given.shape[2] == 1 and found.facts
