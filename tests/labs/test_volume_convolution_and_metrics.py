"""3-D convolution against torch, where it lies in the patient, and metrics of predictions against MONAI."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import compute_hausdorff_distance

from medviz.__main__ import main
from medviz.imaging.slices import Slice, cut
from medviz.labs.blocks import HEAD, block_of, volume_of
from medviz.labs.examples import figures_of
from medviz.labs.judged import drawn, gap, held_out, of_labels, of_layers, of_model, outline
from medviz.labs.lab import from_state, state_text
from medviz.labs.ratios import Ratios, counted
from medviz.labs.volume_convolution import CUBES, Sliding, VolumeConvolution, padded, slid
from medviz.parameters import changed
from medviz.refused import Refused

AXES = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))


@pytest.mark.row("CONV-11")
@settings(max_examples=40)
@given(st.integers(0, 10_000), AXES, AXES, st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), AXES)
def test_the_cube_slides_as_torchs_conv3d(
    seed: int, size: tuple[int, int, int], stride: tuple[int, int, int], pads: tuple[int, int, int],
    dilation: tuple[int, int, int],
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    values, cube = rng.normal(size=(7, 9, 8)), rng.normal(size=size)
    how = Sliding(stride, pads, dilation)
    made = slid(padded(values, pads, "zero"), cube, how)
    wanted = F.conv3d(torch.from_numpy(values)[None, None], torch.from_numpy(cube)[None, None], stride=stride,
                      padding=pads, dilation=dilation)[0, 0].numpy()  # fmt: skip
    assert made.shape == wanted.shape == how.out((7, 9, 8), size)
    np.testing.assert_allclose(made, wanted, atol=1e-9)


@pytest.mark.row("CONV-11")
@pytest.mark.parametrize(("border", "mode"), [("replicate", "replicate"), ("reflect", "reflect")])
def test_borders_are_torchs(border: str, mode: str) -> None:
    values = np.random.default_rng(1).normal(size=(5, 6, 7))
    wanted = F.pad(torch.from_numpy(values)[None, None], (2, 2, 1, 1, 3, 3), mode=mode)[0, 0].numpy()
    np.testing.assert_array_equal(padded(values, (3, 1, 2), border), wanted)


@pytest.mark.row("CONV-2")
def test_a_turned_kernel_gives_the_true_convolution() -> None:
    values = np.random.default_rng(2).normal(size=(6, 6, 6))
    scan = volume_of(values, (1.0, 1.0, 2.0), "noise")
    one = figures_of(VolumeConvolution(image=scan, preset="sobel_x", z=1))["output"]
    other = figures_of(VolumeConvolution(image=scan, preset="sobel_x", operation="convolution", z=1))["output"]
    np.testing.assert_allclose(one.pixels, -other.pixels, atol=1e-9)  # type: ignore[union-attr]


@pytest.mark.row("CONV-16")
def test_what_it_costs_is_what_torch_counts() -> None:
    layer = torch.nn.Conv3d(1, 32, 3)
    rows = figures_of(VolumeConvolution(filters=32))["counts"].rows  # type: ignore[union-attr]
    assert f"= {sum(one.numel() for one in layer.parameters()):,}" in rows[0][1]
    assert rows[0][2] == 27 * 32 * 12 * 22 * 22


def test_a_block_faces_the_screen_as_the_viewer_does() -> None:
    block = block_of(HEAD, 64)
    for k in (0, 5, 13):
        np.testing.assert_array_equal(block.values[k], cut(HEAD, "axial", k).values)
    assert block.mm == (4.0, 2.0, 2.0) and block.letters == ("R", "L", "A", "P")
    middle = block_of(HEAD, 8)
    np.testing.assert_array_equal(middle.values, block.values[3:11, 8:16, 8:16])


def test_a_number_typed_into_a_plane_changes_that_weight() -> None:
    lab = VolumeConvolution(preset="laplace")
    field, cell = lab.typed("kernel", (1, 7))  # third plane, middle row, second column
    assert (field, cell) == ("kernel", (7, 1))
    assert np.asarray(lab.kernel)[cell] == np.asarray(CUBES["laplace"]).reshape(3, 3, 3)[2, 1, 1] == 1.0
    weights = figures_of(lab)["kernel"].values  # type: ignore[union-attr]
    assert weights[1, 7] == 1.0 and weights[1, 4] == -6.0


def test_pointing_at_the_input_moves_the_cube_there() -> None:
    lab = VolumeConvolution(stride=((2.0, 2.0, 1.0),)).pointed("image", (13, 7), (24, 24))
    assert lab.cell == (6, 3)
    mark = figures_of(lab)["image"].marks[0]  # type: ignore[union-attr]
    assert mark.row <= 13 < mark.row + mark.height and mark.col <= 7 < mark.col + mark.width


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"stride": ((0.0, 1.0, 1.0),)}, "whole numbers from 1"),
        ({"stride": ((1.5, 1.0, 1.0),)}, "whole numbers"),
        ({"pads": ((1.0, 1.0),)}, "three whole numbers"),
        ({"dilation": ((16.0, 1.0, 1.0),)}, "larger than the volume"),
        ({"planes": 2}, "not cut into planes"),
        ({"border": "reflect", "pads": ((0.0, 0.0, 16.0),)}, "too thin"),
    ],
)
def test_what_cannot_slide_is_refused_in_one_sentence(values: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=said):
        list(changed(VolumeConvolution(), **values).show())


def test_a_volume_with_holes_or_colours_is_refused() -> None:
    voxels = np.zeros((9, 9, 9))
    voxels[4, 4, 4] = np.nan
    with pytest.raises(Refused, match="no finite number"):
        list(VolumeConvolution(image=volume_of(voxels, (1.0, 1.0, 1.0), "holes")).show())
    colour = replace(HEAD, voxels=np.repeat(HEAD.voxels, 3, axis=0), kind="colour")
    with pytest.raises(Refused, match="colours"):
        list(VolumeConvolution(image=colour).show())


def test_a_small_volume_travels_with_the_state_and_a_large_one_by_its_name() -> None:
    small = volume_of(np.arange(60.0).reshape(3, 4, 5), (1.0, 2.0, 3.0), "small")
    back = from_state(state_text(VolumeConvolution(image=small)))
    assert isinstance(back, VolumeConvolution)
    np.testing.assert_array_equal(back.image.voxels, small.voxels)
    assert back.image.spacing_mm == (1.0, 2.0, 3.0)
    large = volume_of(np.zeros((20, 20, 20)), (1.0, 1.0, 1.0), "large")
    assert json.loads(state_text(VolumeConvolution(image=large)))["inputs"]["image"] == {"name": "large", "unit": ""}


def test_the_command_line_gives_the_whole_scan_to_a_lab_on_volumes(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(data / "volumes" / "mha.mha", tmp_path / "scan.mha")
    assert main(["lab", "volume_convolution", "--on", str(tmp_path / "scan.mha"), "--set", "z=5", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert "out = 35 × 62 × 62" in said["text"]["size"]


# Metrics


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy.*:FutureWarning")  # MONAI's own call of itself
@pytest.mark.row("TRAIN-14")
@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.5, 3.0), st.floats(0.5, 3.0))
def test_the_distance_of_outlines_equals_monais(seed: int, high: float, wide: float) -> None:
    rng = np.random.default_rng(seed)
    row, col = np.indices((30, 34), float)

    def blob() -> np.ndarray:
        y, x = rng.uniform(8, 22, 2)
        return np.asarray(np.hypot(row - y, col - x) < rng.uniform(2, 8)) | (rng.random((30, 34)) < 0.004)

    said, truth = blob(), blob()
    found = gap(said, truth, (high, wide))
    assert found is not None
    masks = [torch.from_numpy(one.astype(np.float32))[None, None] for one in (said, truth)]
    for mine, percentile in ((found.hd, None), (found.hd95, 95)):
        wanted = compute_hausdorff_distance(
            *masks, include_background=True, percentile=percentile, spacing=[high, wide]
        )
        assert mine == pytest.approx(float(wanted[0, 0]), abs=1e-4)
    (r0, c0), (r1, c1) = found.start, found.end
    assert np.hypot((r1 - r0) * high, (c1 - c0) * wide) == pytest.approx(found.hd)
    assert outline(said)[r0, c0] or outline(truth)[r0, c0]


def test_an_empty_mask_has_no_distance() -> None:
    assert gap(np.zeros((5, 5), bool), np.ones((5, 5), bool), (1.0, 1.0)) is None
    story = figures_of(Ratios(threshold=1.0, noise=0.0, blur=8.0))["story"]
    assert "no meaning" in story.text  # type: ignore[union-attr]


@pytest.mark.row("TRAIN-14")
def test_a_real_prediction_is_as_good_as_the_models_card_says() -> None:
    for tissue, least in ((1, 0.94), (2, 0.94), (3, 0.85)):
        one = held_out(12, tissue)
        found = counted(one.scores, one.truth, 0.5)
        assert 2 * found.tp / (2 * found.tp + found.fp + found.fn) > least


@pytest.mark.row("TRAIN-14")
def test_the_network_finds_the_tissue_whichever_way_the_slice_is_turned() -> None:
    one = held_out(12, 2)
    for letters, flip in ((("R", "L", "A", "P"), (1, 1)), (("L", "R", "P", "A"), (-1, -1))):
        pixels = one.image.pixels[:: flip[0], :: flip[1]]
        chance = of_model(replace(one.image, pixels=pixels, letters=letters), 2)
        found = counted(chance[:: flip[0], :: flip[1]], one.truth, 0.5)
        assert 2 * found.tp / (2 * found.tp + found.fp + found.fn) > 0.9


@pytest.mark.row("TRAIN-14")
def test_the_viewers_layers_are_held_against_each_other() -> None:
    image = Slice(np.arange(20.0).reshape(4, 5), name="scan")
    labels = Slice(np.array([[1, 1, 2, 0, 0]] * 4), name="truth")
    chances = Slice(np.linspace(0, 1, 20).reshape(4, 5), name="chances")
    one = of_layers(image, labels, chances, 1)
    assert one.truth.sum() == 8 and one.words == "truth: truth; prediction: chances"
    by_labels = of_layers(image, labels, replace(labels, name="other"), 0)
    assert np.array_equal(by_labels.scores > 0.5, by_labels.truth) and by_labels.truth.sum() == 12
    for missing in ({"labels": None}, {"chances": None}):
        with pytest.raises(Refused, match=r"there (are|is) no"):
            given_layers = {"labels": labels, "chances": chances, **missing}
            list(Ratios(image=image, source="layers", **given_layers).show())
    with pytest.raises(Refused, match="not as large"):
        of_labels(image, replace(labels, pixels=labels.pixels[:2]), 0)


def test_a_blurred_view_is_a_chance() -> None:
    one = drawn(Ratios().image, 2.0, 0.25, 0)
    assert one.scores.min() >= 0 and one.scores.max() <= 1
