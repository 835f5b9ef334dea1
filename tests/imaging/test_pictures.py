"""Pictures and arrays face the screen as they were stored, with no mm and no letters unless the file says so."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from medviz.imaging.readers import describe, write
from medviz.imaging.readers.picture import write_pixels
from medviz.imaging.slices import cut
from medviz.refused import Refused
from tests.imaging.making import opened, volume

GREY = np.arange(7 * 5, dtype=np.uint8).reshape(5, 7) * 7
COLOUR = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)


def faced(path: Path) -> np.ndarray:
    """What the axial plane shows."""
    scan = opened(path)
    assert not scan.calibrated and not scan.oriented
    if scan.kind == "colour":
        return np.stack([cut(scan, "axial", 0, part).pixels for part in range(len(scan.voxels))], axis=2)
    seen = cut(scan, "axial", 0)
    assert seen.mm is None and seen.letters == ("", "", "", "")
    return seen.pixels


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_a_grey_picture_faces_the_screen_as_it_was_stored(suffix: str, tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / f"grey{suffix}")
    assert np.array_equal(faced(tmp_path / f"grey{suffix}"), GREY)
    found = describe(tmp_path / f"grey{suffix}")
    assert found["shape"] == [7, 5, 1] and found["spacing_mm"] is None and found["dtype"] == "uint8"


def test_a_colour_picture_keeps_its_channels(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "colour.png")
    assert np.array_equal(faced(tmp_path / "colour.png"), COLOUR)
    assert describe(tmp_path / "colour.png")["dtype"] == "rgb24"


def test_a_palette_is_shown_by_its_colours(tmp_path: Path) -> None:
    Image.fromarray(GREY).convert("P").save(tmp_path / "palette.png")
    assert np.array_equal(faced(tmp_path / "palette.png"), GREY)


def test_three_equal_channels_are_grey(tmp_path: Path) -> None:
    Image.fromarray(np.stack([GREY] * 3, axis=2)).save(tmp_path / "xray.png")
    assert np.array_equal(faced(tmp_path / "xray.png"), GREY)
    assert "grey" in opened(tmp_path / "xray.png").warnings[0]


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32"])
def test_deep_pictures_keep_their_type(dtype: str, tmp_path: Path) -> None:
    deep = (GREY.astype(dtype) * 13).astype(dtype)
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    assert np.array_equal(faced(tmp_path / "deep.tif"), deep)
    assert opened(tmp_path / "deep.tif").voxels.dtype == np.dtype(dtype)


def test_pages_are_slices(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY + page) for page in range(4)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    scan = opened(tmp_path / "stack.tif")
    assert scan.shape == (7, 5, 4) and describe(tmp_path / "stack.tif")["shape"] == [7, 5, 4]
    for page in range(4):
        assert np.array_equal(cut(scan, "axial", page).pixels, GREY + page)


def test_pages_of_different_size_are_refused(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "mixed.tif", save_all=True, append_images=[Image.fromarray(GREY[:3])])
    with pytest.raises(Refused, match="page 2"):
        opened(tmp_path / "mixed.tif")


@pytest.mark.trap("T11")
def test_only_a_size_in_centimetres_or_by_imagej_is_believed(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "screen.png", dpi=(72, 72))
    Image.fromarray(GREY).save(tmp_path / "print.tif", dpi=(300, 300))
    assert not opened(tmp_path / "screen.png").calibrated and not opened(tmp_path / "print.tif").calibrated
    Image.fromarray(GREY).save(tmp_path / "cm.tif", resolution_unit="cm", x_resolution=20.0, y_resolution=10.0)
    assert opened(tmp_path / "cm.tif").spacing_mm[:2] == pytest.approx((0.5, 1.0))
    assert describe(tmp_path / "cm.tif")["spacing_mm"][:2] == pytest.approx([0.5, 1.0])
    Image.fromarray(GREY).save(
        tmp_path / "ij.tif", description="ImageJ=1.53\nunit=um\n", x_resolution=4, y_resolution=4
    )
    assert opened(tmp_path / "ij.tif").spacing_mm[:2] == pytest.approx((0.00025, 0.00025))


def test_the_tag_of_a_camera_turns_the_picture_and_is_said(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(faced(tmp_path / "turned.png"), np.rot90(GREY, -1))
    assert "turn" in opened(tmp_path / "turned.png").warnings[0]


@pytest.mark.trap("T23")
def test_a_picture_as_large_as_an_x_ray_is_read(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4096, 4096), np.uint8)).save(tmp_path / "xray.png")
    assert opened(tmp_path / "xray.png").shape == (4096, 4096, 1)


@pytest.mark.trap("T16")
def test_a_picture_that_declares_more_than_it_can_hold_is_refused(tmp_path: Path) -> None:
    into = io.BytesIO()
    Image.fromarray(GREY).save(into, "PNG")
    whole = bytearray(into.getvalue())
    whole[16:24] = (300_000).to_bytes(4, "big") * 2
    chunk = whole[12:29]
    whole[29:33] = PngImagePlugin._crc32(bytes(chunk)).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(whole)
    for call in (opened, describe):
        with pytest.raises(Refused):
            call(tmp_path / "bomb.png")


@pytest.mark.trap("T25")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
def test_a_picture_cut_short_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"cut{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 300), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Refused):
        opened(path)


@pytest.mark.parametrize("pixels", [GREY, COLOUR, GREY.astype(np.uint16) * 200], ids=["grey", "colour", "deep"])
def test_a_picture_written_back_is_the_same_picture(pixels: np.ndarray, tmp_path: Path) -> None:
    write_pixels(pixels, tmp_path / "first.png")
    write(opened(tmp_path / "first.png"), tmp_path / "again.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "again.png")), pixels)


def test_what_does_not_fit_into_a_picture_is_refused(tmp_path: Path) -> None:
    for scan in (volume(np.zeros((4, 4, 4), np.uint8)), volume(np.zeros((4, 4, 1), np.float32))):
        with pytest.raises(Refused):
            write(scan, tmp_path / "slice.png")
    assert not list(tmp_path.iterdir())


def test_a_picture_written_as_nifti_faces_the_screen_the_same_way(tmp_path: Path) -> None:
    write_pixels(GREY, tmp_path / "grey.png")
    write(opened(tmp_path / "grey.png"), tmp_path / "grey.nii.gz")
    assert np.array_equal(faced(tmp_path / "grey.nii.gz"), GREY)


# -- arrays --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", ">i2", "float16", "float64", ">f4"])
def test_an_array_of_three_axes_is_x_y_z(dtype: str, order: str, tmp_path: Path) -> None:
    array = np.asarray(np.arange(60).reshape(3, 4, 5) % 2 + (dtype != "bool"), dtype, order=order)
    np.save(tmp_path / "array.npy", array)
    scan = opened(tmp_path / "array.npy")
    assert np.array_equal(scan.frame(), array) and scan.voxels.dtype.isnative
    assert not scan.calibrated and not scan.oriented
    assert describe(tmp_path / "array.npy")["shape"] == [3, 4, 5]


def test_an_array_of_two_axes_is_a_picture(tmp_path: Path) -> None:
    np.save(tmp_path / "grey.npy", GREY.astype(np.float32))
    assert np.array_equal(faced(tmp_path / "grey.npy"), GREY)
    np.save(tmp_path / "colour.npy", COLOUR)
    assert np.array_equal(faced(tmp_path / "colour.npy"), COLOUR)


def test_an_array_of_four_axes_has_its_channels_first(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    np.save(tmp_path / "array.npy", array)
    assert opened(tmp_path / "array.npy").frames == 2
    write(opened(tmp_path / "array.npy"), tmp_path / "again.npy")
    assert np.array_equal(np.load(tmp_path / "again.npy"), array)


@pytest.mark.parametrize("array", [np.array([1, "a"], object), np.zeros((2, 2), [("a", "u1")]), np.zeros((2, 2), "U3")])
def test_what_is_no_number_is_never_loaded(array: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", array, allow_pickle=True)
    with pytest.raises(Refused):
        opened(tmp_path / "array.npy")


@pytest.mark.trap("T16")
def test_an_array_header_that_declares_too_much_is_refused(tmp_path: Path) -> None:
    into = io.BytesIO()
    np.lib.format.write_array_header_1_0(into, {"descr": "<f4", "fortran_order": False, "shape": (2000, 2000, 2000)})
    (tmp_path / "bomb.npy").write_bytes(into.getvalue() + bytes(100))
    with pytest.raises(Refused, match="2000×2000×2000"):
        opened(tmp_path / "bomb.npy")


def test_not_a_number_in_an_array_is_counted(tmp_path: Path) -> None:
    array = np.zeros((3, 4, 5), np.float16)
    array[0, 0, 0] = np.nan
    np.save(tmp_path / "array.npy", array)
    assert "1 voxel is" in opened(tmp_path / "array.npy").warnings[0]
