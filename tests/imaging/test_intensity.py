"""Windows suit what is seen, fast pixels are the same picture, and a volume's role is guessed by its content."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medviz.imaging.colours import COLOUR_MAPS, colour_map
from medviz.imaging.intensity import (
    PRESETS,
    Tone,
    distinct_note,
    fast_pixels,
    guess_role,
    levels,
    painted,
    robust_window,
    samples,
    window_of,
)
from tests.imaging.making import opened, volume

NOISE = np.random.default_rng(0).normal(100, 20, (40, 50, 30))


def test_the_presets_are_those_of_the_radiologist() -> None:
    assert {(preset.name, preset.window, preset.level) for preset in PRESETS} == {
        ("bone", 1000, 400),
        ("brain", 100, 50),
        ("stroke", 40, 40),
        ("abdomen", 350, 40),
        ("mediastinum", 400, 40),
        ("liver", 150, 60),
        ("lung", 1400, -500),
    }


def test_a_robust_window_holds_all_but_one_in_a_hundred() -> None:
    voxels = NOISE.copy()
    voxels[0, 0, 0] = 1e6
    window, level = robust_window(volume(voxels))
    inside = np.mean(np.abs(voxels - level) <= window / 2)
    assert inside == pytest.approx(0.99, abs=0.002) and window < 200


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_does_not_count(bad: float) -> None:
    voxels = NOISE.astype(np.float32)
    voxels[::3] = bad
    window, level = robust_window(volume(voxels))
    assert 80 < window < 130 and 90 < level < 110


def test_flat_and_empty_images_have_a_window_all_the_same() -> None:
    assert robust_window(volume(np.full((4, 4, 4), 7.0))) == (1.0, 7.0)
    assert robust_window(volume(np.full((4, 4, 4), np.nan))) == (1.0, 0.5)
    assert robust_window(volume(np.zeros((4, 4, 4), np.uint8))) == (1.0, 0.0)
    sparse = np.zeros((20, 20, 20))
    sparse[0, 0, :3] = 9
    assert robust_window(volume(sparse)) == (9.0, 4.5)


def test_a_window_does_not_overflow() -> None:
    assert np.isfinite(window_of(np.array([-1.7e308, 1.7e308]) / 2)).all()


def test_the_window_is_in_what_a_person_reads() -> None:
    stored = (NOISE + 1024).astype(np.int16)
    window, level = robust_window(volume(stored, slope=2.0, intercept=-2048.0))
    assert level == pytest.approx(200, abs=5) and 150 < window < 250


def test_no_more_samples_than_a_million() -> None:
    for shape in ((300, 300, 300), (5000, 5000, 1), (3, 2, 900_000)):
        few = samples(volume(np.broadcast_to(np.zeros(1, np.uint8), shape)))
        assert 200_000 < few.size <= 1_000_000


# -- fast pixels ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float16", "float32", "float64"]
)
def test_fast_pixels_make_the_same_picture(dtype: str) -> None:
    low, high = (0, 2) if dtype == "bool" else (0, 100) if dtype == "uint8" else (-100, 100)
    if dtype.startswith("u"):
        low = 0
    stored = np.asfortranarray(np.random.default_rng(0).integers(low, high, (31, 17)).astype(dtype))
    turned = stored.T[::-1, ::-1]
    pixels, offset = fast_pixels(turned)
    assert pixels.flags.c_contiguous and pixels.dtype in (np.uint8, np.uint16, np.float32)
    assert np.array_equal(pixels.astype(float) - offset, turned.astype(float))
    assert np.array_equal(painted(pixels, -20 + offset, 50 + offset), painted(turned, -20, 50))


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=50))
def test_every_int16_is_the_same_number_plus_32768(values: list[int]) -> None:
    pixels, offset = fast_pixels(np.array([values], np.int16))
    assert pixels.dtype == np.uint16 and offset == 32768
    assert (pixels.astype(int) - 32768).tolist() == [values]


def test_fast_pixels_never_touch_the_scan() -> None:
    for dtype in (np.int16, np.int8, np.float32):
        stored = np.array([[1, -2], [3, -4]], dtype)
        before = stored.copy()
        pixels, _ = fast_pixels(stored)
        pixels[:] = 0
        assert np.array_equal(stored, before)


def test_what_is_no_number_is_drawn_as_the_lowest_value() -> None:
    pixels, _ = fast_pixels(np.array([[np.nan, 1.0], [-np.inf, 3.0], [np.inf, 2.0]]))
    assert pixels.tolist() == [[1, 1], [1, 3], [3, 2]]
    assert fast_pixels(np.full((2, 2), np.nan))[0].tolist() == [[0, 0], [0, 0]]
    assert np.isfinite(fast_pixels(np.array([[1e300, -1e300, 0.0]]))[0]).all()


def test_levels_carry_the_scaling_so_that_no_voxel_need() -> None:
    assert levels(400, 40) == (-160, 240)
    assert levels(400, 40, slope=2.0, intercept=-1024.0) == (432, 632)
    low, high = levels(100, 50, slope=-1.0, intercept=200.0)
    assert (low, high) == (200, 100)
    stored = np.arange(100, 200, dtype=np.int16)[None]
    as_read = (200 - stored).astype(np.float32)
    assert np.array_equal(painted(stored, low, high), painted(as_read, 0, 100))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "float32", "float64", "int32"])
def test_painting_is_black_below_and_white_above_the_levels(dtype: str) -> None:
    pixels = np.array([[0, 10, 20, 30, 40]], dtype)
    assert painted(pixels, 10, 30)[0, :, 0].tolist() == [0, 0, 127, 255, 255]
    assert painted(pixels, 20, 20)[0, :, 0].tolist()[::4] == [0, 255]


# -- colours -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_a_colour_map_has_256_opaque_colours(name: str) -> None:
    table = colour_map(name)
    assert table.shape == (256, 4) and table.dtype == np.uint8 and (table[:, 3] == 255).all()
    assert not table.flags.writeable


def lightness(table: np.ndarray) -> np.ndarray:
    """L* of CIELAB."""
    from skimage.color import rgb2lab

    return rgb2lab(table[None, :, :3] / 255.0)[0, :, 0]


@pytest.mark.parametrize("name", ["grey", "viridis", "magma", "inferno", "plasma", "cividis", "hot"])
def test_a_map_for_magnitudes_grows_lighter_all_the_way(name: str) -> None:
    light = lightness(colour_map(name))
    assert (np.diff(light) > -0.3).all() and light[-1] - light[0] > 60


@pytest.mark.parametrize("name", ["viridis", "magma", "inferno", "plasma", "cividis"])
def test_a_uniform_map_takes_even_steps(name: str) -> None:
    from skimage.color import rgb2lab

    steps = np.linalg.norm(np.diff(rgb2lab(colour_map(name)[None, ::15, :3] / 255.0)[0], axis=0), axis=1)
    assert steps.max() / steps.min() < 3.5  # a rainbow comes to ten and more


@pytest.mark.parametrize("name", ["viridis", "magma", "inferno", "plasma", "cividis"])
def test_the_maps_are_those_of_matplotlib(name: str) -> None:
    from importlib.util import find_spec

    spec = find_spec("pyqtgraph")
    if spec is None or spec.origin is None:
        pytest.skip("pyqtgraph ships the tables")
    lines = (Path(spec.origin).parent / "colors" / "maps" / f"{name}.csv").read_text().splitlines()
    table = np.array([[float(part) for part in line.split(",")] for line in lines if line and line[0] != ";"]) * 255
    assert np.abs(table - colour_map(name)[:, :3]).max() <= 3.5


def test_the_diverging_map_is_symmetric_about_white() -> None:
    table = colour_map("diverging").astype(int)
    assert table[127:129, :3].min() > 240
    assert table[0, 2] > table[0, 0] and table[-1, 0] > table[-1, 2]
    light = lightness(colour_map("diverging"))
    assert np.abs(light - light[::-1]).max() < 6


# -- roles ---------------------------------------------------------------------------------------------------------


def balls() -> np.ndarray:
    x, y, z = np.mgrid[:40, :40, :40]
    made = np.zeros((40, 40, 40), np.uint8)
    for number, middle in enumerate(((10, 10, 10), (25, 12, 20), (20, 30, 30)), start=1):
        made[(x - middle[0]) ** 2 + (y - middle[1]) ** 2 + (z - middle[2]) ** 2 < 49] = number
    return made


@pytest.mark.trap("T13")
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float32", "float64"])
def test_labels_are_known_whatever_type_they_were_saved_in(dtype: str) -> None:
    assert guess_role(volume(balls().astype(dtype))) == "labels"
    assert guess_role(volume((balls() > 0).astype(dtype))) == "labels"
    assert guess_role(volume((balls() * 50).astype(dtype))) == "labels"


@pytest.mark.trap("T13")
def test_probabilities_are_fractions_between_0_and_1() -> None:
    from scipy.ndimage import gaussian_filter

    soft = gaussian_filter((balls() > 0).astype(np.float32), 2)
    assert guess_role(volume(soft)) == "probability"
    assert guess_role(volume((soft * 255).astype(np.uint8), slope=1 / 255)) == "probability"


@pytest.mark.trap("T13")
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_scans_are_images_whatever_type_they_were_saved_in(dtype: str) -> None:
    assert guess_role(volume(NOISE.astype(dtype))) == "image"
    assert guess_role(volume((NOISE - 120).astype("int16" if dtype == "uint8" else dtype))) == "image"
    assert guess_role(volume(np.zeros((4, 4, 4), dtype))) == "image"


@pytest.mark.trap("T13")
def test_a_map_of_fractions_saved_as_whole_numbers_is_told_of() -> None:
    saved_wrongly = np.where(balls() > 0, 0.35, 1.0).astype(np.uint8)
    assert distinct_note(volume(saved_wrongly)) == "it holds only 2 distinct values (0 and 1), stored as uint8"
    assert distinct_note(volume(NOISE)) is None
    assert "one value" in str(distinct_note(volume(np.zeros((3, 3, 3)))))


@pytest.mark.data
def test_the_roles_of_real_files_are_guessed_right(data: Path) -> None:
    roles = {
        "seg3d/spinalcord_sct/t2.nii.gz": "image",
        "seg3d/spinalcord_sct/t2_seg-manual.nii.gz": "labels",
        "seg3d/spinalcord_sct/t2s.nii.gz": "image",
        "seg3d/spinalcord_sct/t2s_gmseg_manual.nii.gz": "labels",
        "seg3d/totalsegmentator_ct/ct.nii.gz": "image",
        "seg3d/totalsegmentator_ct/segmentation_multilabel.nii.gz": "labels",
        "weights/brainchop/t1_crop.nii.gz": "image",
        "volumes/orientations/RAS.nii.gz": "image",
        "volumes/4d_pcasl.nii.gz": "image",
        "dicom/ct_abdomen_jpeg2000_seg.nii.gz": "labels",
    }
    for name, role in roles.items():
        assert guess_role(opened(data / name)) == role, name
    cases = sorted((data / "seg3d" / "Task04_Hippocampus" / "imagesTr").glob("*.nii.gz"))[:12]
    for case in cases:
        assert guess_role(opened(case)) == "image", case.name
        assert guess_role(opened(case.parent.parent / "labelsTr" / case.name)) == "labels", case.name


def test_a_tone_spreads_values_between_black_and_white_and_leaves_the_ends() -> None:
    pixels = np.array([[0, 1, 10, 500, 1000]], np.uint16)
    even = painted(pixels, 0, 1000)[0, :, 0].tolist()
    spread = painted(pixels, 0, 1000, tone=Tone(logarithmic=True))[0, :, 0].tolist()
    brighter = painted(pixels, 0, 1000, tone=Tone(gamma=2.0))[0, :, 0].tolist()
    assert even == [0, 0, 2, 127, 255]
    assert spread == [0, 25, 88, 229, 255]  # 255 · ln(1 + 999 t) / ln 1000
    assert brighter == [0, 8, 25, 180, 255]  # 255 · √t


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_a_threshold_is_in_what_a_person_reads_whatever_the_slope(kind: type) -> None:
    stored = np.array([[-3, -1, 0, 2, 5]], kind)
    up, down = Tone(least=100.0).stored(slope=50.0), Tone(least=100.0).stored(slope=-50.0)
    assert (painted(stored, -5, 5, kept=up)[0, :, 3] > 0).tolist() == [False, False, False, True, True]
    assert (painted(stored, -5, 5, kept=down)[0, :, 3] > 0).tolist() == [True, False, False, False, False]
