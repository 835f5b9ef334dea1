"""How far a run's network sees is said in mm, and it is so: what lies further off changes nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from medviz.commands.receptive import receptive_field
from medviz.imaging.volume import Stored, Volume
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.classification import Classification
from medviz.tasks.segmentation import Segmentation
from medviz.training.trainer import train
from medviz.training.using.formats import load


def run_of(folder: Path, dimensions: int, depth: int = 2) -> Path:
    network = Settings("unet", (("width", 4), ("depth", depth), ("norm", "batch")))
    data = Settings("phantoms", (("cases", 2), ("size", 16), ("shapes", 1)))
    list(
        train(Segmentation(data=data, network=network, dimensions=dimensions, epochs=1, patch=16, device="cpu"), folder)
    )
    return folder


def scan_of(spacing_mm: tuple[float, float, float]) -> Volume:
    voxels, affine = np.zeros((1, 200, 200, 200), np.uint8), np.diag((*spacing_mm, 1.0))
    return Volume(voxels, affine, Stored("test", (200, 200, 200), "RAS", affine, voxels.dtype))


def test_what_lies_outside_of_the_box_changes_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", 3)
    sides = finished(receptive_field(run, scan_of((1.0, 1.0, 1.0))))
    assert sides is not None and sides[0] == sides[1] == sides[2] and sides[0] < 40
    network, side = load(str(run)).network.eval(), 56
    image = torch.zeros((1, 1, side, side, side))
    middle, reach = side // 2, int(sides[0] // 2) + 4  # of a network that halves its input it is the box of the widest
    changed = []
    with torch.inference_mode():
        before = network(image)[0, :, middle, middle, middle]
        for away in (1, 2, reach, reach + 4):
            other = image.clone()
            other[0, 0, middle + away, middle, middle] = 50.0
            changed.append(bool((network(other)[0, :, middle, middle, middle] - before).abs().max() > 1e-6))
    assert changed == [True, True, False, False]


def test_it_is_told_in_mm_of_the_scan_and_across_slices_it_is_one(tmp_path: Path) -> None:
    three, two = run_of(tmp_path / "three", 3), run_of(tmp_path / "two", 2)
    one = finished(receptive_field(three, scan_of((1.0, 1.0, 1.0))))
    other = finished(receptive_field(three, scan_of((0.5, 2.0, 3.0))))
    assert one is not None and other == pytest.approx((one[0] * 0.5, one[1] * 2.0, one[2] * 3.0))
    flat = finished(receptive_field(two, scan_of((0.5, 2.0, 3.0))))
    assert flat is not None and flat[2] == 3.0 and flat[0] == one[0] * 0.5


def test_a_deeper_network_sees_further(tmp_path: Path) -> None:
    shallow, deep = (finished(receptive_field(run_of(tmp_path / str(d), 2, d), scan_of((1.0,) * 3))) for d in (2, 3))
    assert shallow is not None and deep is not None and deep[0] > shallow[0]


def test_a_run_that_names_pictures_is_refused(tmp_path: Path) -> None:
    data = Settings("shapes", (("cases", 8),))
    list(train(Classification(data=data, network=Settings("lenet"), epochs=1, device="cpu"), tmp_path / "run"))
    with pytest.raises(Refused):
        finished(receptive_field(tmp_path / "run", scan_of((1.0, 1.0, 1.0))))
