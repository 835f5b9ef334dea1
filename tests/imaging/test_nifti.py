"""NIfTI in all its forms is read as nibabel reads it, in the type it was stored in."""

import gzip
import json
import shutil
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medviz.figures import Picture
from medviz.imaging.readers import describe, read, read_form
from medviz.imaging.slices import cut
from medviz.messages import Progress, finished
from medviz.refused import Refused
from tests.imaging.making import asymmetric, opened, reordered, saved

AFFINE = np.array([[-2.0, 0, 0, 20.0], [0, 0, 3.0, -30.0], [0, -1.5, 0, 12.0], [0, 0, 0, 1.0]])  # LIA


def as_nibabel_sees(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Scaled voxels (x, y, z, frame) and affine in RAS+ order, by nibabel alone."""
    image = nib.as_closest_canonical(nib.load(path))
    values = np.asarray(image.dataobj, float)
    return values.reshape(*values.shape[:3], -1), image.affine


def same(path: Path) -> None:
    scan = opened(path)
    values, affine = as_nibabel_sees(path)
    assert np.allclose(np.moveaxis(scan.voxels, 0, 3) * scan.slope + scan.intercept, values)
    assert np.allclose(scan.affine, affine, atol=1e-5)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
)
@pytest.mark.parametrize("version", [1, 2])
def test_every_number_type_is_kept_as_stored(dtype: str, version: int, tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.nii", np.abs(asymmetric()).astype(dtype), AFFINE, version=version)
    assert opened(path).voxels.dtype == np.dtype(dtype) and describe(path)["dtype"] == dtype
    same(path)


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
def test_big_endian_voxels_come_in_this_machines_order(dtype: str, tmp_path: Path) -> None:
    image = nib.Nifti1Image(asymmetric().astype(dtype), AFFINE)
    big = nib.Nifti1Image(asymmetric().astype(dtype), AFFINE, header=image.header.as_byteswapped(">"))
    nib.save(big, tmp_path / "big.nii.gz")
    scan = opened(tmp_path / "big.nii.gz")
    assert scan.voxels.dtype.isnative and scan.voxels.dtype == np.dtype(dtype)
    assert scan.stored.dtype.byteorder == ">"
    same(tmp_path / "big.nii.gz")


@pytest.mark.parametrize("suffix", [".img", ".hdr", ".img.gz", ".hdr.gz"])
def test_a_pair_is_opened_by_either_half(suffix: str, tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(asymmetric(), AFFINE), tmp_path / "pair.img")
    if suffix.endswith(".gz"):
        for half in ("pair.img", "pair.hdr"):
            (tmp_path / f"{half}.gz").write_bytes(gzip.compress((tmp_path / half).read_bytes()))
            (tmp_path / half).unlink()
    scan = opened(tmp_path / f"pair{suffix}")
    assert scan.stored.axes == "LIA"
    values, _ = as_nibabel_sees(tmp_path / f"pair{suffix.replace('hdr', 'img')}")
    assert np.array_equal(scan.voxels[0], values[..., 0])


def test_half_a_pair_is_refused_by_the_name_of_the_other(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(asymmetric(), AFFINE), tmp_path / "pair.img")
    (tmp_path / "pair.img").unlink()
    with pytest.raises(Refused, match=r"pair\.img"):
        opened(tmp_path / "pair.hdr")


@pytest.mark.trap("T17")
def test_a_series_has_frames_and_the_seconds_between_them(tmp_path: Path) -> None:
    series = np.stack([asymmetric() + frame for frame in range(4)], axis=3)
    image = nib.Nifti1Image(series, AFFINE)
    image.header.set_zooms((2.0, 1.5, 3.0, 2500.0))
    image.header.set_xyzt_units("mm", "msec")
    nib.save(image, tmp_path / "series.nii.gz")
    scan = opened(tmp_path / "series.nii.gz")
    assert (scan.kind, scan.frames, scan.frame_s) == ("frames", 4, 2.5)
    assert describe(tmp_path / "series.nii.gz")["frames"] == 4
    same(tmp_path / "series.nii.gz")


def test_five_axes_become_frames_and_a_warning(tmp_path: Path) -> None:
    field = np.random.default_rng(0).normal(size=(4, 5, 6, 1, 3)).astype(np.float32)
    nib.save(nib.Nifti1Image(field, AFFINE), tmp_path / "field.nii")
    scan = opened(tmp_path / "field.nii")
    assert scan.frames == 3 and "5 axes" in scan.warnings[0]
    same(tmp_path / "field.nii")


def test_a_flat_image_gets_a_third_axis(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(asymmetric()[:, :, 0], np.eye(4)), tmp_path / "flat.nii")
    scan = opened(tmp_path / "flat.nii")
    assert scan.shape == (11, 13, 1) and np.array_equal(scan.voxels[0, :, :, 0], asymmetric()[:, :, 0])


@pytest.mark.parametrize("names", ["RGB", "RGBA"])
def test_colour_voxels_become_channels(names: str, tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (5, 6, 7, len(names)), np.uint8)
    packed = np.ascontiguousarray(colour).view([(name, "u1") for name in names])[..., 0]
    nib.save(nib.Nifti1Image(packed, AFFINE), tmp_path / "colour.nii.gz")
    scan = opened(tmp_path / "colour.nii.gz")
    assert scan.kind == "colour" and scan.voxels.shape[0] == len(names) and scan.voxels.dtype == np.uint8
    values = nib.as_closest_canonical(nib.load(tmp_path / "colour.nii.gz")).dataobj
    for number, name in enumerate(names):
        assert np.array_equal(scan.voxels[number], np.asarray(values)[name])
    assert describe(tmp_path / "colour.nii.gz")["dtype"] == {"RGB": "rgb24", "RGBA": "rgba32"}[names]


def test_complex_voxels_are_shown_by_magnitude_and_said_so(tmp_path: Path) -> None:
    voxels = (asymmetric() + 1j).astype(np.complex64)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / "complex.nii")
    scan = opened(tmp_path / "complex.nii")
    assert scan.voxels.dtype == np.float32 and np.allclose(scan.voxels[0], np.abs(voxels))
    assert any("complex" in warning for warning in scan.warnings)
    assert scan.frame_names == ("magnitude", "phase (rad)") and np.allclose(scan.voxels[1], np.angle(voxels))
    series = np.stack([voxels, 2 * voxels], axis=3).astype(np.complex128)
    nib.save(nib.Nifti1Image(series, np.eye(4)), tmp_path / "series.nii.gz")
    both = opened(tmp_path / "series.nii.gz")
    assert both.frames == 2 and np.allclose(both.voxels[1], 2 * np.abs(voxels)) and not both.frame_names


@pytest.mark.trap("T12")
def test_scaling_stays_beside_the_voxels(tmp_path: Path) -> None:
    path = saved(tmp_path / "ct.nii", asymmetric(), AFFINE, slope=0.5, inter=-1024.0)
    scan = opened(path)
    assert scan.voxels.dtype == np.int16
    assert (scan.slope, scan.intercept) == (0.5, -1024.0)
    assert scan.value_at(scan.to_mm((0, 0, 0))) == scan.voxels[0, 0, 0, 0] * 0.5 - 1024
    same(path)


@pytest.mark.parametrize(
    ("slope", "inter", "meant"), [(0, 7, (1, 0)), (np.nan, 3, (1, 0)), (np.inf, 0, (1, 0)), (2, np.nan, (2, 0))]
)
def test_scaling_that_means_nothing_is_none(slope: float, inter: float, meant: tuple, tmp_path: Path) -> None:
    scan = opened(saved(tmp_path / "scan.nii", asymmetric(), AFFINE, scl_slope=slope, scl_inter=inter))
    assert (scan.slope, scan.intercept) == meant
    assert bool(scan.warnings) == bool(slope == 2)


@pytest.mark.parametrize(("unit", "mm"), [("meter", 1000.0), ("micron", 0.001), ("mm", 1.0)])
def test_metres_and_microns_become_mm(unit: str, mm: float, tmp_path: Path) -> None:
    image = nib.Nifti1Image(asymmetric(), AFFINE)
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "scan.nii")
    scan = opened(tmp_path / "scan.nii")
    assert scan.spacing_mm == pytest.approx(np.array([2.0, 3.0, 1.5]) * mm)
    assert np.allclose(scan.stored.affine[:3], AFFINE[:3] * mm)


def two_forms(path: Path, sform: np.ndarray, qform: np.ndarray, codes: tuple[int, int] = (1, 1)) -> Path:
    image = nib.Nifti1Image(asymmetric(), None)
    image.set_sform(sform, codes[0])
    image.set_qform(qform, codes[1])
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


@pytest.mark.trap("T4")
def test_two_forms_that_disagree_are_told_of_and_the_sform_is_used(tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 4.0
    scan = opened(two_forms(tmp_path / "scan.nii", moved, AFFINE))
    assert np.allclose(scan.stored.affine, moved, atol=1e-5)
    assert len(scan.warnings) == 1 and "4 mm" in scan.warnings[0] and "sform" in scan.warnings[0]


@pytest.mark.trap("T4")
def test_a_person_may_have_it_placed_by_either_form(tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 4.0
    path = two_forms(tmp_path / "scan.nii", moved, AFFINE)
    for form, affine in (("sform", moved), ("qform", AFFINE)):
        scan = finished(read_form(path, form))
        assert np.allclose(scan.stored.affine, affine, atol=1e-5)
        assert scan.warnings[0].endswith(f"the {form} is used")
    only = two_forms(tmp_path / "one.nii", moved, AFFINE, codes=(1, 0))
    assert np.allclose(finished(read_form(only, "qform")).stored.affine, moved, atol=1e-5)


@pytest.mark.trap("T4")
def test_forms_a_twentieth_of_a_voxel_apart_are_not_worth_a_word(tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 0.05
    assert opened(two_forms(tmp_path / "scan.nii", moved, AFFINE)).warnings == ()


def test_a_form_that_squashes_an_axis_is_left_aside(tmp_path: Path) -> None:
    flat = AFFINE.copy()
    flat[:3, 1] = 0
    scan = opened(two_forms(tmp_path / "scan.nii", flat, AFFINE))
    assert np.allclose(scan.stored.affine, AFFINE, atol=1e-4) and "sform" in scan.warnings[0]
    assert scan.calibrated and scan.oriented


def test_a_quaternion_that_is_none_is_left_aside(tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.nii", asymmetric(), AFFINE, quatern_b=3.0, quatern_c=3.0, qform_code=1)
    scan = opened(path)
    assert np.allclose(scan.stored.affine, AFFINE) and "qform" in scan.warnings[0]


@pytest.mark.trap("T5")
def test_a_tilted_gantry_is_read_and_its_angle_said(tmp_path: Path) -> None:
    sheared = np.diag([1.0, 1.0, 3.0, 1.0])
    sheared[1, 2] = 3.0 * np.tan(np.radians(12.0))
    scan = opened(saved(tmp_path / "tilt.nii", asymmetric(), sheared, qform_code=0))
    assert np.allclose(scan.affine, sheared) and "12.0°" in scan.warnings[-1]
    assert scan.voxel_ml == pytest.approx(0.003)


@pytest.mark.trap("T11")
def test_neither_form_and_sizes_of_one_is_uncalibrated_and_without_letters(tmp_path: Path) -> None:
    fields = {"sform_code": 0, "qform_code": 0, "xyzt_units": 0, "pixdim": [1, 1, 1, 1, 1, 1, 1, 1]}
    path = saved(tmp_path / "lost.nii", asymmetric(), np.eye(4), **fields)
    scan = opened(path)
    assert not scan.calibrated and not scan.oriented and "guess" in scan.warnings[0]
    assert describe(path)["spacing_mm"] is None


@pytest.mark.trap("T11")
def test_neither_form_with_real_sizes_is_calibrated_and_still_without_letters(tmp_path: Path) -> None:
    fields = {"sform_code": 0, "qform_code": 0, "pixdim": [1, 0.5, -0.5, 7.5, 1, 1, 1, 1]}
    scan = opened(saved(tmp_path / "sized.nii", asymmetric(), np.eye(4), **fields))
    assert scan.calibrated and not scan.oriented
    assert scan.spacing_mm == pytest.approx((0.5, 0.5, 7.5))


def test_not_a_number_is_counted_in_a_sentence(tmp_path: Path) -> None:
    voxels = asymmetric().astype(np.float32)
    voxels[0, 0, :3] = np.nan
    voxels[1, 1, 1] = np.inf
    voxels[2, 1, 1] = -np.inf
    assert "5 voxels" in opened(saved(tmp_path / "nan.nii", voxels, AFFINE)).warnings[0]


def test_large_numbers_are_not_taken_for_infinite(tmp_path: Path) -> None:
    voxels = np.full((8, 8, 8), 3e38, np.float32)
    assert opened(saved(tmp_path / "large.nii", voxels, np.eye(4))).warnings == ()


def test_a_name_with_gz_and_no_compression_is_read_all_the_same(tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.nii", asymmetric(), AFFINE)
    shutil.copy(path, tmp_path / "scan.nii.gz")
    assert np.array_equal(opened(tmp_path / "scan.nii.gz").voxels, opened(path).voxels)
    (tmp_path / "packed.nii").write_bytes(gzip.compress(path.read_bytes()))
    assert np.array_equal(opened(tmp_path / "packed.nii").voxels, opened(path).voxels)


def test_a_scan_under_a_strange_name_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.dat", asymmetric(), AFFINE)
    assert opened(path).warnings == ()
    shutil.copy(path, tmp_path / "scan.png")
    assert "NIfTI" in opened(tmp_path / "scan.png").warnings[0]


# -- while it is read ----------------------------------------------------------------------------------------------


def large(folder: Path) -> tuple[Path, int]:
    voxels = np.random.default_rng(0).integers(0, 200, (256, 256, 160), np.int16)
    nib.save(nib.Nifti1Image(voxels, AFFINE), folder / "large.nii.gz")
    return folder / "large.nii.gz", voxels.nbytes


@pytest.mark.trap("T14", "T15")
def test_reading_tells_how_far_it_is_and_takes_no_second_copy(tmp_path: Path) -> None:
    path, size = large(tmp_path)
    said: list = []
    tracemalloc.start()
    scan = finished(read(path), said.append)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * size, "a float64 copy alone would be four times this"
    assert scan.voxels.dtype == np.int16 and not scan.voxels.flags.owndata
    steps = [message.done for message in said if isinstance(message, Progress)]
    assert steps == sorted(steps) and len(steps) > 4 and steps[-1] == size


@pytest.mark.trap("T14")
def test_reading_stops_when_it_is_closed(tmp_path: Path) -> None:
    path, _ = large(tmp_path)
    work = read(path)
    next(work), next(work)
    work.close()
    path.unlink()  # would fail on Windows if it were still open


def test_describing_reads_the_header_only(tmp_path: Path) -> None:
    path, size = large(tmp_path)
    tracemalloc.start()
    found = describe(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 5
    assert found["shape"] == [256, 256, 160] and found["axes"] == "LIA" and found["format"] == "NIfTI"
    assert found["series"][0]["spacing_mm"] == pytest.approx([2.0, 1.5, 3.0])
    assert np.allclose(found["affine"], AFFINE)
    assert {"path", "format", "series", "shape", "axes", "spacing_mm", "affine", "dtype", "frames", "warnings"} <= set(
        found
    )
    assert json.loads(json.dumps(found, allow_nan=False)) == found


# -- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.trap("T16")
def test_a_header_of_352_bytes_that_declares_32_gb_takes_no_memory(tmp_path: Path) -> None:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float32)
    header.set_data_shape((2000, 2000, 2000))
    header["vox_offset"], header["magic"] = 352, b"n+1"
    for name, content in (("plain.nii", bytes), ("packed.nii.gz", gzip.compress)):
        (tmp_path / name).write_bytes(content(header.binaryblock + bytes(4)))
        tracemalloc.start()
        with pytest.raises(Refused, match="2000×2000×2000"):
            opened(tmp_path / name)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5e6


@pytest.mark.trap("T16")
def test_more_than_the_memory_is_refused_before_it_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "scan.nii", asymmetric(), AFFINE)

    class Little:
        available = 100

    monkeypatch.setattr("psutil.virtual_memory", Little)
    with pytest.raises(Refused, match=r"memory.*free"):
        opened(path)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
@pytest.mark.trap("T25")
def test_a_gz_cut_short_says_how_much_could_be_read(share: float, tmp_path: Path) -> None:
    path, _ = large(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(Refused, match="cut short"):
        opened(path)


@pytest.mark.trap("T25")
def test_a_bit_that_flipped_in_a_gz_is_found(tmp_path: Path) -> None:
    path, _ = large(tmp_path)
    whole = bytearray(path.read_bytes())
    whole[-6] ^= 1  # the check sum of the last member
    path.write_bytes(whole)
    with pytest.raises(Refused, match="damaged"):
        opened(path)


def test_rubbish_behind_a_whole_gz_does_no_harm(tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.nii", asymmetric(), AFFINE)
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(path.read_bytes()) + b"rubbish")
    assert np.array_equal(opened(tmp_path / "scan.nii.gz").voxels, opened(path).voxels)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dim", [0, 1, 1, 1, 1, 1, 1, 1]),
        ("dim", [3, -4, 5, 6, 1, 1, 1, 1]),
        ("dim", [3, 0, 5, 6, 1, 1, 1, 1]),
        ("dim", [7, 32767, 32767, 32767, 32767, 32767, 32767, 32767]),
        ("datatype", 0),
        ("datatype", 1),
        ("datatype", 1536),
        ("datatype", 4711),
        ("vox_offset", np.nan),
        ("vox_offset", 1e30),
        ("vox_offset", -9.0),
    ],
)
@pytest.mark.trap("T16", "T25")
def test_a_header_that_makes_no_sense_is_refused(field: str, value: object, tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.nii", asymmetric(), AFFINE, **{field: value})
    for call in (opened, describe):
        with pytest.raises(Refused) as refusal:
            call(path)
        assert "scan.nii" in str(refusal.value)


def test_an_analyze_header_is_refused_because_it_hides_left_and_right(tmp_path: Path) -> None:
    nib.save(nib.AnalyzeImage(asymmetric(), np.eye(4)), tmp_path / "old.img")
    with pytest.raises(Refused, match="left from right"):
        opened(tmp_path / "old.hdr")


# -- real files ----------------------------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize(
    "name",
    [
        "volumes/4d_pcasl.nii.gz",
        "volumes/hdrimg/ras.hdr",
        "seg3d/spinalcord_sct/t2.nii.gz",
        "seg3d/spinalcord_sct/t2s.nii.gz",
        "seg3d/totalsegmentator_ct/ct.nii.gz",
        "weights/brainchop/t1_crop.nii.gz",
        "dicom/ct_abdomen_jpeg2000_seg.nii.gz",
    ],
)
def test_real_files_are_read_as_nibabel_reads_them(data: Path, name: str) -> None:
    if not (data / name).exists():
        pytest.skip(f"{name} is not in this copy of the data")
    same(data / name)
    image = nib.load(data / name)
    assert describe(data / name)["shape"] == list(image.shape)
    assert opened(data / name).voxels.dtype == image.get_data_dtype().newbyteorder("=")


@pytest.mark.data
@pytest.mark.trap("T17", "T19")
def test_real_spacing_and_seconds(data: Path) -> None:
    cord = opened(data / "seg3d/spinalcord_sct/t2s.nii.gz")
    assert cord.spacing_mm == pytest.approx((0.5, 0.5, 7.5), abs=1e-4)
    series = opened(data / "volumes/4d_pcasl.nii.gz")
    assert series.frames == 10 and series.frame_s == pytest.approx(2.54)


@pytest.mark.trap("T14")
@pytest.mark.parametrize("axes", ["RAS", "LPI", "LIA", "PSR"])
def test_slices_of_a_large_file_are_seen_before_it_is_read(
    axes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medviz.imaging.readers.preview.EVERY_S", 0.0)
    ramp = np.zeros((128, 128, 160), np.int32)
    ramp[:] = np.arange(1, 161)
    ramp[:64] += 1000  # the patient's left
    order = nib.orientations.axcodes2ornt(axes)
    path = saved(tmp_path / "large.nii", *reordered(ramp, np.diag([1.0, 1.0, 2.0, 1.0]), order))
    said: list = []
    scan = finished(read(path), said.append)
    seen = [message for message in said if isinstance(message, Picture)]
    assert seen and all(picture.letters == ("R", "L", "A", "P") for picture in seen)
    middle = cut(scan, "axial", 80).pixels
    for picture in seen:
        if axes in ("RAS", "LPI"):  # slice by slice: each is whole
            number = int(picture.title.split()[2])
            assert np.array_equal(picture.pixels, cut(scan, "axial", number - 1).pixels)
        else:  # the middle one grows
            come = picture.pixels != 0
            assert 0 < come.sum() < come.size and np.array_equal(picture.pixels[come], middle[come])
