"""Real scans: the table of labels and the regions drawn on them agree with numpy, voxel by voxel."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medviz.imaging.flat import Flat
from medviz.imaging.marking import measured
from medviz.imaging.marks import Mark
from medviz.imaging.measure import label_table
from medviz.imaging.strokes import Stroke, Tip
from tests.imaging.making import opened

pytestmark = pytest.mark.data
CT = "seg3d/totalsegmentator_ct/ct.nii.gz", "seg3d/totalsegmentator_ct/segmentation_multilabel.nii.gz"


@pytest.mark.trap("T18")
def test_every_organ_of_a_ct_is_measured_as_numpy_does(data: Path) -> None:
    scan, labels = (opened(data / name) for name in CT)
    assert scan.same_grid(labels)
    rows = label_table(labels, scan)
    assert [row.value for row in rows] == [int(value) for value in np.unique(labels.frame()) if value]
    for row in rows:
        inside = labels.frame() == row.value
        values = scan.frame()[inside] * scan.slope + scan.intercept
        at = np.argwhere(inside)
        assert row.voxels == inside.sum() and row.volume_ml == pytest.approx(inside.sum() * 0.027, rel=1e-4)
        assert row.mean == pytest.approx(values.mean()) and row.sd == pytest.approx(values.std(), abs=1e-9)
        assert row.box == tuple(zip(at.min(axis=0).tolist(), at.max(axis=0).tolist(), strict=True))
        assert row.centroid_mm == pytest.approx(tuple(labels.to_mm(at.mean(axis=0))))


@pytest.mark.trap("T12")
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_circle_in_the_liver_reads_what_numpy_reads(data: Path, axis: int) -> None:
    scan, labels = (opened(data / name) for name in CT)
    inside = labels.frame() == 5
    depth = np.argwhere(inside).mean(axis=0)
    centre = min(np.argwhere(inside), key=lambda at: float(((at - depth) ** 2).sum()))
    ways = [scan.affine[:3, other] / scan.spacing_mm[other] for other in range(3) if other != axis]
    corner = scan.to_mm(centre) - 12 * ways[0] - 12 * ways[1]
    flat = Flat(*(tuple(map(float, one)) for one in (corner, *ways)))  # type: ignore[arg-type]
    start = flat.origin
    mark = Mark("ellipse", (start,) * 4).stretched(2, corner + 24 * ways[0] + 24 * ways[1], flat)
    found = measured(mark, scan, (scan,))
    away = np.linalg.norm(scan.to_mm(np.argwhere(np.ones(scan.shape))) - scan.to_mm(centre), axis=1).reshape(scan.shape)
    disc = (away <= 12 + 1e-6) & (np.indices(scan.shape)[axis] == centre[axis])
    values = scan.frame()[disc] * scan.slope + scan.intercept
    region = found.regions[0]
    assert region.pixels == values.size and region.mean == pytest.approx(values.mean())
    assert region.sd == pytest.approx(values.std()) and found.area == pytest.approx(np.pi * 144)
    assert -50 < values.mean() < 150, "it is soft tissue"


@pytest.mark.trap("T19")
def test_on_a_spinal_cord_of_thick_slices_the_brush_is_round(data: Path) -> None:
    folder = data / "seg3d" / "spinalcord_sct"
    scan = next((one for path in sorted(folder.rglob("*.nii.gz")) if max((one := opened(path)).spacing_mm) > 4), None)
    if scan is None:
        pytest.skip("there is no scan of thick slices")
    labels = np.zeros(scan.shape, np.uint8)
    middle = scan.to_mm(np.asarray(scan.shape) // 2)
    Stroke(labels, scan.affine, 1, Tip(10.0)).to(middle)
    away = np.linalg.norm(scan.to_mm(np.argwhere(labels)) - middle, axis=1)
    assert away.max() <= 10.0 + 1e-6
    assert labels.sum() * scan.voxel_ml == pytest.approx(4 / 3 * np.pi, rel=0.25), "a ball of 4.2 ml"


def test_a_scan_without_spacing_has_no_mm(data: Path) -> None:
    scan = replace(opened(data / CT[0]), calibrated=False)
    labels = replace(opened(data / CT[1]), calibrated=False)
    assert all(row.volume_ml is None for row in label_table(labels, scan))
    assert not measured(Mark("ruler", ((0, 0, 0), (1, 1, 1))), scan, ()).calibrated
