"""Real scans from all sides: the liver is at the right, thick slices are not flat, tumours are as large as written."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medviz.imaging.layers import layer_of, scene_of
from medviz.imaging.readers import read
from medviz.imaging.rendering.sight import STANDARD, to_pixel
from medviz.imaging.rendering.studio import Studio
from medviz.imaging.rendering.view import View, label_layers
from medviz.imaging.scene import Layer, Scene
from medviz.messages import finished
from tests.imaging.rendering.phantoms import SIZE, middle_of, near, shot

SPLEEN, LIVER = 1, 5
PAIRS = [
    ("seg3d/totalsegmentator_ct/ct.nii.gz", "seg3d/totalsegmentator_ct/segmentation_multilabel.nii.gz"),
    ("seg3d/pyradiomics_brain1/brain1_image.nrrd", "seg3d/pyradiomics_brain1/brain1_label.nrrd"),
]


def opened(data: Path, scan: str, labels: str) -> Scene:
    return scene_of(layer_of(finished(read(data / scan)))).adding(layer_of(finished(read(data / labels)), "labels"))


def only(one: Scene, value: int, **more: object) -> Scene:
    """Show one label alone."""
    there = np.unique(one.layers[1].volume.frame())
    hidden = frozenset(int(other) for other in there if other not in (0, value))
    layer: Layer = replace(one.layers[1], hidden_labels=hidden, **more)  # type: ignore[arg-type]
    return replace(one, layers=(one.layers[0], layer))


@pytest.mark.data
@pytest.mark.trap("T1", "T2")
def test_from_the_front_the_liver_is_at_the_left_and_the_spleen_at_the_right(by_vtk: Studio, data: Path) -> None:
    one = opened(data, *PAIRS[0])
    view = View(sight=STANDARD["A"])
    for radiological in (True, False):
        whole = replace(one, radiological=radiological)
        table = {label.value: label.colour for label in one.layers[1].labels}
        for value, left in ((LIVER, True), (SPLEEN, False)):
            alone = only(whole, value)
            seen = shot(by_vtk, alone, view)
            mask = seen.picture.max(axis=2) > 30
            assert (middle_of(mask)[1] < SIZE[1] / 2) == left, table.get(value)
        behind = shot(by_vtk, only(whole, LIVER), View(sight=STANDARD["P"]))
        assert middle_of(behind.picture.max(axis=2) > 30)[1] > SIZE[1] / 2


@pytest.mark.data
@pytest.mark.trap("T1", "T19")
@pytest.mark.parametrize("files", PAIRS, ids=["CT", "thick MR"])
def test_the_surface_of_a_label_surrounds_its_voxels(by_vtk: Studio, data: Path, files: tuple[str, str]) -> None:
    """The middle of what is seen is where the middle of the voxels belongs, to two voxels, from three sides."""
    one = opened(data, *files)
    volume = one.layers[1].volume
    counts = np.bincount(volume.frame().astype(int).ravel())
    value = int(np.argmax(counts[1:])) + 1
    alone = only(one, value)
    corners = volume.to_mm(np.argwhere(volume.frame() == value))
    for letter in "ALS":
        sight = STANDARD[letter]
        seen = shot(by_vtk, alone, View(sight=sight))
        mask = seen.picture.max(axis=2) > 20
        rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        places = np.array(
            [to_pixel(seen.frame, sight, SIZE, tuple(at)) for at in corners[:: max(1, len(corners) // 3000)]]
        )
        a, b = (to_pixel(seen.frame, sight, SIZE, (shift, 0.0, 0.0)) for shift in (0.0, 1.0))
        scale = max(abs(b[1] - a[1]), abs(b[0] - a[0]), 0.3)
        slack = 2.0 * max(volume.spacing_mm) * scale + 2.0
        for found, expected in ((rows, places[:, 0]), (cols, places[:, 1])):
            assert abs(found[0] - expected.min()) < slack and abs(found[-1] - expected.max()) < slack


@pytest.mark.data
@pytest.mark.trap("T18", "T19")
@pytest.mark.parametrize("files", PAIRS, ids=["CT", "thick MR"])
def test_surfaces_hold_the_millilitres_of_the_table(by_vtk: Studio, data: Path, files: tuple[str, str]) -> None:
    one = opened(data, *files)
    shot(by_vtk, one, View(cut="none"))
    volume = one.layers[1].volume
    held = np.bincount(volume.frame().astype(int).ravel()) * volume.voxel_ml
    (layer,) = label_layers(one)
    ml = by_vtk.volumes_ml(layer)
    large = np.flatnonzero(held[1:] > 64 * volume.voxel_ml) + 1
    assert len(large) >= (30 if "CT" in str(files) or "ct" in files[0] else 1)
    np.testing.assert_allclose(ml[large], held[large], rtol=0.03)


@pytest.mark.data
def test_three_d_of_a_thick_mr_is_as_high_as_the_head(by_vtk: Studio, data: Path) -> None:
    one = opened(data, *PAIRS[1])
    seen = shot(by_vtk, replace(one, overlays_hidden=True), View(sight=STANDARD["A"], cut="none"))
    mask = seen.picture.max(axis=2) > 25
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    a, b = (to_pixel(seen.frame, STANDARD["A"], SIZE, (shift, 0.0, 0.0)) for shift in (0.0, 10.0))
    mm = 10.0 / abs(b[1] - a[1])
    assert 130 < np.ptp(rows) * mm < 180 and 120 < np.ptp(cols) * mm < 220, "25 slices of 6.5 mm: 163 mm"
    assert not near(seen, (255, 0, 0)).any()
