"""The convolution lab: the decks' numbers, its core against torch and a plain loop, and what it refuses."""

import gc
import time
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from medviz.figures import Heatmap, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.convolution import BORDERS, Convolution
from medviz.labs.convolution_examples import BLOCK_IMAGE, PADDING_IMAGE
from medviz.labs.examples import checked, figures_of
from medviz.labs.kernels import CUSTOM, KERNELS
from medviz.labs.lab import Example
from medviz.parameters import built, changed, turned
from medviz.refused import Refused

BRAIN_LIKE = (197, 233)


def image(values: Any, **more: Any) -> Slice:
    return Slice(np.asarray(values), **more)


def noise(rows: int, cols: int, seed: int = 0) -> Slice:
    return image(np.random.default_rng(seed).integers(-1000, 3000, (rows, cols)).astype(np.int16), name="noise")


def text(lab: Convolution, name: str) -> str:
    figure = figures_of(lab)[name]
    assert isinstance(figure, Text)
    return figure.text


# The decks


@pytest.mark.row("CONV-1", "CONV-2", "CONV-3", "CONV-4", "CONV-5", "CONV-6", "CONV-7", "CONV-8", "CONV-9")
@pytest.mark.parametrize("example", Convolution.EXAMPLES, ids=lambda example: f"{example.row} {example.name}")
def test_the_worked_examples_come_out(example: Example) -> None:
    checks = checked(Convolution, example)
    assert checks, "an example that expects nothing proves nothing"
    wrong = [check for check in checks if not check.ok]
    assert not wrong


def test_every_row_of_this_lab_has_an_example_and_every_erratum_is_told() -> None:
    assert {example.row for example in Convolution.EXAMPLES} == {f"CONV-{n}" for n in range(1, 10)}
    assert {e.erratum.number for e in Convolution.EXAMPLES if e.erratum} == {"E1", "E2", "E3", "E4"}


@pytest.mark.row("CONV-2")
def test_a_flipped_edge_kernel_gives_minus_the_map() -> None:
    turned_map = Convolution(operation="convolution").slid().output
    assert np.array_equal(turned_map, -Convolution().slid().output)


@pytest.mark.row("CONV-6")
@pytest.mark.parametrize("border", BORDERS)
def test_the_interior_is_the_same_under_every_border(border: str) -> None:
    lab = Convolution(image=PADDING_IMAGE, preset="sharpen", padding="same", border=border)
    assert lab.slid().output[1:-1, 1:-1].tolist() == [[89, 111, 101], [85, 111, 101], [98, 117, 113]]
    difference = lab.slid().difference
    assert difference is not None
    assert not difference[1:-1, 1:-1].any()
    assert difference[0].any()


@pytest.mark.row("CONV-7")
def test_relu_keeps_the_bright_to_dark_side_only() -> None:
    signed = figures_of(Convolution(image=BLOCK_IMAGE, display="signed"))["output"]
    clipped = figures_of(Convolution(image=BLOCK_IMAGE, display="clip"))["output"]
    assert isinstance(signed, Heatmap) and isinstance(clipped, Heatmap)
    assert (signed.values.min(), signed.values.max()) == (-30, 30)
    assert clipped.values.min() == 0 and clipped.values.max() == 30
    assert signed.colours == "diverging" and signed.levels == (-30, 30)


# The core against others


def padded_by_torch(values: Any, rows: int, cols: int, border: str, fill: float) -> torch.Tensor:
    tensor = torch.from_numpy(np.asarray(values, float))[None, None]
    mode = {"zero": "constant", "constant": "constant"}.get(border, border)
    return torch.nn.functional.pad(
        tensor, (cols, cols, rows, rows), mode, **({"value": fill} if border == "constant" else {})
    )


@st.composite
def settings_of_a_lab(draw: st.DrawFn) -> dict[str, Any]:
    rows, cols = draw(st.integers(1, 12)), draw(st.integers(2, 12))
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    numbers = np.random.default_rng(draw(st.integers(0, 9999)))
    return {
        "image": image(numbers.integers(-99, 99, (rows, cols)).astype(np.int16), slope=0.5, intercept=-3.0),
        "kernel": tuple(tuple(row) for row in numbers.integers(-5, 6, (height, width)).astype(float).tolist()),
        "stride": draw(st.integers(1, 4)),
        "padding": draw(st.sampled_from(["valid", "same", "custom"])),
        "p": draw(st.integers(0, 5)),
        "border": draw(st.sampled_from(BORDERS)),
        "fill": float(draw(st.integers(-9, 9))),
        "operation": draw(st.sampled_from(["correlation", "convolution"])),
    }


@given(settings_of_a_lab())
def test_the_map_is_that_of_torch_and_of_a_plain_loop(values: dict[str, Any]) -> None:
    lab = built(Convolution, values)
    rows, cols = lab.pads()
    fits = min(lab.out_shape()) >= 1
    reflects = lab.border != "reflect" or (rows < lab.image.pixels.shape[0] and cols < lab.image.pixels.shape[1])
    if not (fits and reflects):
        with pytest.raises(Refused):
            lab.slid()
        return
    around = padded_by_torch(lab.image.values, rows, cols, lab.border, lab.fill)
    kernel = np.array(lab.kernel)
    taps = kernel[::-1, ::-1].copy() if lab.operation == "convolution" else kernel
    theirs = torch.nn.functional.conv2d(around, torch.from_numpy(taps)[None, None], stride=lab.stride)[0, 0].numpy()
    ours = lab.slid().output
    assert ours.shape == theirs.shape == lab.out_shape()
    assert np.allclose(ours, theirs, atol=1e-9)
    for (r, c), found in np.ndenumerate(ours):
        window = around[0, 0, r * lab.stride :, c * lab.stride :].numpy()
        looped = sum(window[i, j] * taps[i, j] for i in range(len(taps)) for j in range(len(taps[0])))
        assert found == pytest.approx(looped, abs=1e-9)


@given(settings_of_a_lab())
def test_the_difference_map_is_this_border_minus_the_other(values: dict[str, Any]) -> None:
    lab = built(Convolution, {**values, "border": "constant"})
    assume(min(lab.out_shape()) >= 1 and lab.pads() != (0, 0))
    seen = lab.slid()
    other = changed(lab, border=seen.other).slid()
    assert seen.difference is not None
    assert np.allclose(seen.difference, seen.output - other.output, atol=1e-9)


@given(settings_of_a_lab(), st.integers(0, 10_000))
def test_window_products_and_formula_belong_to_the_cell_in_focus(values: dict[str, Any], cell: int) -> None:
    lab = built(Convolution, values)
    try:
        seen = lab.slid()
    except Refused:
        return
    lab = lab.at_step(cell)
    figures = figures_of(lab)
    row, col = divmod(min(cell, seen.output.size - 1), seen.output.shape[1])
    products, window, said = figures["products"], figures["window"], figures["formula"]
    assert isinstance(products, Heatmap) and isinstance(window, Heatmap) and isinstance(said, Text)
    assert products.values.sum() == pytest.approx(seen.output[row, col])
    assert np.array_equal(
        window.values, seen.padded[row * lab.stride :, col * lab.stride :][: len(lab.kernel), : len(lab.kernel[0])]
    )
    assert said.title == f"row {row}, column {col}"
    if window.values.size <= 12:
        arithmetic = said.text.replace("−", "-").replace("·", "*").split(" = ")
        assert eval(arithmetic[0]) == pytest.approx(float(arithmetic[1]), abs=1e-2)


@pytest.mark.row("CONV-3")
@given(st.integers(1, 64), st.integers(1, 15), st.integers(0, 15), st.integers(1, 8))
def test_the_size_formula_is_the_size_of_the_map(size: int, kernel: int, padding: int, stride: int) -> None:
    assume(size + 2 * padding >= kernel and size > 1)
    lab = Convolution(
        image=noise(size, size), kernel=((1.0,) * kernel,) * kernel, padding="custom", p=padding, stride=stride
    )
    out = (size + 2 * padding - kernel) // stride + 1
    assert lab.slid().output.shape == (out, out)
    assert f"out = ({size} + 2·{padding} − {kernel})//{stride} + 1 = {out}" in text(lab, "size")


# The kernel and its name


def test_a_preset_brings_its_kernel() -> None:
    assert Convolution(preset="sharpen").kernel == KERNELS["sharpen"]
    assert changed(Convolution(), preset="sobel_vertical").kernel == KERNELS["sobel_vertical"]


def test_an_edited_kernel_becomes_your_own_and_a_preset_takes_over_again() -> None:
    edited = changed(Convolution(), kernel=((1.0, 0.0, -2.0), *KERNELS["edge_vertical"][1:]))
    assert edited.preset == CUSTOM
    back = changed(edited, preset="sobel_vertical")
    assert (back.preset, back.kernel) == ("sobel_vertical", KERNELS["sobel_vertical"])


def test_a_kernel_edited_back_to_a_preset_gets_its_name_again() -> None:
    edited = changed(Convolution(), kernel=((9.0,),))
    assert changed(edited, kernel=KERNELS["sharpen"]).preset == "sharpen"


def test_asking_for_your_own_keeps_the_cells_to_go_on_from() -> None:
    own = changed(Convolution(preset="sharpen"), preset=CUSTOM)
    assert (own.preset, own.kernel) == (CUSTOM, KERNELS["sharpen"])
    assert changed(own, stride=2).preset == CUSTOM


def test_a_command_line_sets_the_kernel_alone() -> None:
    lab = turned(Convolution(), "kernel", "[[0,1],[2,3]]", {})
    assert (lab.preset, lab.kernel) == (CUSTOM, ((0.0, 1.0), (2.0, 3.0)))


@pytest.mark.row("CONV-8")
def test_normalising_divides_in_the_formula_and_refuses_no_kernel_of_sum_0() -> None:
    lab = Convolution(preset="smoothing", normalise=True)
    assert text(lab, "formula").endswith(") / 9 = 3.556") or text(lab, "formula").endswith(") / 9 = 3.55556")
    assert "cannot be divided" in text(Convolution(normalise=True), "sum")


# Pointing and playing


def test_pointing_at_the_output_picks_that_cell() -> None:
    lab = Convolution().pointed("output", (2, 1), (3, 3))
    assert lab.cell == 7
    output = figures_of(lab)["output"]
    assert isinstance(output, Heatmap)
    assert [(mark.row, mark.col) for mark in output.marks] == [(2, 1)]


def test_pointing_at_the_input_picks_the_cell_whose_window_is_centred_there() -> None:
    lab = Convolution(padding="same")
    for row in range(7):
        for col in range(7):
            there = lab.pointed("image", (row, col), (7, 7))
            wanted = (min(max(row - 1, 0), 4), min(max(col - 1, 0), 4))
            assert divmod(there.cell, 5) == wanted


@given(settings_of_a_lab(), st.integers(0, 40), st.integers(0, 40))
def test_pointing_anywhere_gives_a_cell_of_the_map(values: dict[str, Any], row: int, col: int) -> None:
    lab = built(Convolution, values).pointed("image", (row, col), (41, 41))
    assert lab.cell == 0 or 0 <= lab.cell < lab.steps()


def test_the_player_walks_through_every_cell_in_reading_order() -> None:
    lab = Convolution()
    assert lab.steps() == 9
    seen = []
    for number in range(lab.steps()):
        output = figures_of(lab.at_step(number))["output"]
        seen.append((output.marks[0].row, output.marks[0].col))  # type: ignore[union-attr]
    assert seen == [(row, col) for row in range(3) for col in range(3)]


def test_a_cell_beyond_a_smaller_map_is_the_last_one() -> None:
    assert "row 2, column 2" in figures_of(Convolution(cell=4000))["formula"].title


# Large slices


def test_a_large_slice_is_a_picture_with_a_numbered_zoom() -> None:
    brain = image(noise(*BRAIN_LIKE).pixels, mm=(1.0, 2.0), letters=("R", "L", "A", "P"), unit="HU")
    lab = Convolution(image=brain, padding="same", stride=2).pointed("image", (100, 50), (199, 235))
    figures = figures_of(lab)
    picture, output, zoom = figures["image"], figures["output"], figures["zoom"]
    assert isinstance(picture, Picture) and isinstance(output, Picture) and isinstance(zoom, Heatmap)
    assert picture.letters == output.letters == brain.letters
    assert (picture.mm, output.mm) == ((1.0, 2.0), (2.0, 4.0))
    assert (picture.unit, output.unit) == ("HU", "HU")
    source = next(mark for mark in zoom.marks if mark.style == "source")
    row, col = int(source.row), int(source.col)
    window = figures["window"]
    assert isinstance(window, Heatmap)
    assert np.array_equal(zoom.values[row : row + 3, col : col + 3], window.values)
    assert "1×2 mm → 2×4 mm" in text(lab, "size")


def test_a_large_kernel_is_a_picture_and_its_formula_is_shortened() -> None:
    figures = figures_of(Convolution(image=noise(*BRAIN_LIKE), preset="box_15"))
    assert all(isinstance(figures[name], Picture) for name in ("kernel", "window", "products"))
    assert "… 217 more …" in text(Convolution(image=noise(*BRAIN_LIKE), preset="box_15"), "formula")


def test_a_border_that_changes_nothing_is_said_and_not_drawn() -> None:
    dark = np.zeros((9, 9))
    dark[4, 4] = 5
    lab = Convolution(image=image(dark), padding="same")
    assert "difference" not in figures_of(lab)
    assert "border:  gives here what the replicated edge would give" in text(lab, "size")


def test_at_a_corner_the_zoom_tints_the_padding() -> None:
    zoom = figures_of(Convolution(image=noise(*BRAIN_LIKE), padding="custom", p=2))["zoom"]
    assert isinstance(zoom, Heatmap)
    assert zoom.ring == (2, 0, 2, 0)
    assert not zoom.values[:2].any() and zoom.values[2:, 2:].any()


def test_a_slice_without_a_spacing_gives_no_mm() -> None:
    assert "uncalibrated" in text(Convolution(), "size")
    assert "mm" not in text(Convolution(), "size")


@pytest.mark.parametrize(("preset", "border"), [("sobel_vertical", "zero"), ("box_15", "replicate")])
def test_a_256_slice_is_shown_within_20_ms(preset: str, border: str) -> None:
    slow = []
    for turn in range(12):
        lab = Convolution(image=noise(256, 256, turn), preset=preset, padding="same", border=border)
        began = time.thread_time()  # not the clock on the wall: a busy machine is no slower lab
        figures_of(lab)
        slow.append(time.thread_time() - began)
    assert min(slow) < 0.020


def test_pointing_does_not_slide_anew() -> None:
    lab = Convolution(image=noise(256, 256))
    first = lab.slid()
    assert lab.pointed("output", (9, 9), (254, 254)).slid() is first
    assert changed(lab, display="clip").slid() is first
    assert changed(lab, stride=2).slid() is not first


def test_a_closed_slice_is_let_go() -> None:
    pixels = noise(64, 64)
    figures_of(Convolution(image=pixels))
    gone = weakref.ref(pixels)
    del pixels
    gc.collect()
    assert gone() is None


# Refusals


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kernel": ((1.0,) * 6,) * 6}, "kernel 6×6: it is larger than the image with its padding, 5×5"),
        ({"image": image([[np.nan, 1.0], [2.0, np.inf]], name="scan")}, "scan: 2 of its pixels hold no finite number"),
        ({"image": image([[3.0]], name="region")}, "region: a kernel cannot slide over 1×1 pixel"),
        (
            {"padding": "custom", "p": 5, "border": "reflect"},
            "padding 5: an image of 5×5 can be reflected at most 4 px",
        ),
        ({"image": image(np.zeros((4, 4, 3)), name="photo")}, "photo: a kernel cannot slide over 4×4×3 pixel"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_the_first_figure(values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refusal:
        next(Convolution(**values).show())
    assert str(refusal.value).startswith(said)
    assert refusal.value.remedy


@pytest.mark.parametrize("values", [{"stride": 0}, {"kernel": ((1.0,) * 16,) * 16}, {"kernel": ((1.0,), (1.0, 2.0))}])
def test_parameters_out_of_bounds_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        built(Convolution, values)
