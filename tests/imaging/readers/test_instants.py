"""Frames at one place: sorted by what tells them apart, a missing one left blank in its own instant."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from medviz.imaging.readers import read, series_of
from medviz.imaging.volume import Volume
from medviz.messages import finished
from tests.imaging.dicom_files import item, write_slice

Tags = Mapping[str, object]
PLACE = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1, 1], "Modality": "MR"}


def opened(path: Path) -> Volume:
    return finished(read(path))


def write_times(
    folder: Path, tags: Callable[[int, int], Tags], times: int = 3, places: int = 4, skip: tuple[int, int] | None = None
) -> None:
    """Frames whose value is 10·time + place, under names and numbers that tell neither."""
    series = generate_uid()
    for time in range(times):
        for k in range(places):
            if (time, k) == skip:
                continue
            name = folder / f"{(k * times + time) * 37 % 101:03d}.dcm"
            pixels = np.full((5, 6), 10 * time + k, np.int16)
            number = (k * times + time) * 7 % 50
            more = {"InstanceNumber": number, **PLACE, **tags(time, k)}
            write_slice(name, pixels, number, series, ImagePositionPatient=[0, 0, 2.0 * k], **more)


def values(scan: Volume, places: int = 4) -> list[list[float | None]]:
    return [[scan.value_at((0, 0, 2.0 * k), time) for k in range(places)] for time in range(scan.frames)]


def right(times: int = 3, places: int = 4) -> list[list[float]]:
    return [[10.0 * time + k for k in range(places)] for time in range(times)]


@pytest.mark.trap("T17")
@pytest.mark.parametrize(
    ("tags", "names"),
    [
        (lambda t, k: {"TemporalPositionIdentifier": 1 + t}, ("time 1", "time 2", "time 3")),
        (lambda t, k: {"DiffusionBValue": 500.0 * t}, ("b 0 s/mm²", "b 500 s/mm²", "b 1000 s/mm²")),
        (lambda t, k: {"EchoTime": 10.0 + 20 * t}, ("TE 10 ms", "TE 30 ms", "TE 50 ms")),
        (lambda t, k: {"InversionTime": 100.0 * (1 + t)}, ("TI 100 ms", "TI 200 ms", "TI 300 ms")),
        (lambda t, k: {"TriggerTime": 40.0 * t}, ("trigger 0 ms", "trigger 40 ms", "trigger 80 ms")),
        (lambda t, k: {"FrameReferenceTime": 5000.0 * t}, ("0 s", "5 s", "10 s")),
        (lambda t, k: {"AcquisitionNumber": 1 + t}, ("acquisition 1", "acquisition 2", "acquisition 3")),
        (lambda t, k: {"ImageType": ["ORIGINAL", "PRIMARY", "MPR"[t]]}, ("M", "P", "R")),
    ],
)
def test_frames_are_sorted_by_what_tells_them_apart(tags: Callable, names: tuple, tmp_path: Path) -> None:
    write_times(tmp_path, tags)
    scan = opened(tmp_path)
    assert scan.kind == "frames" and scan.shape == (6, 5, 4)
    assert values(scan) == right() and scan.frame_names == names


@pytest.mark.trap("T17")
def test_times_that_differ_from_slice_to_slice_are_sorted_within_each_place(tmp_path: Path) -> None:
    """An echo-planar series: slices of one volume are taken one after the other, the odd ones first."""
    order = [0, 2, 1, 3]

    def clock(time: int, k: int) -> Tags:
        seconds = 36000 + 2.0 * time + 0.5 * order[k]
        return {"AcquisitionTime": f"{int(seconds // 3600):02d}{int(seconds % 3600 // 60):02d}{seconds % 60:09.6f}"}

    write_times(tmp_path, clock)
    scan = opened(tmp_path)
    assert values(scan) == right() and scan.frame_s == pytest.approx(2.0) and not scan.frame_names


@pytest.mark.trap("T17")
def test_a_missing_frame_is_left_blank_in_its_own_instant(tmp_path: Path) -> None:
    write_times(tmp_path, lambda t, k: {"TemporalPositionIdentifier": 1 + t}, skip=(1, 2))
    scan = opened(tmp_path)
    expected = right()
    expected[1][2] = 0.0
    assert values(scan) == expected
    assert any("1 of 12 frames is missing" in warning for warning in scan.warnings)


def test_frames_that_nothing_tells_apart_go_by_their_number(tmp_path: Path) -> None:
    write_times(tmp_path, lambda t, k: {"InstanceNumber": 1 + 4 * t + k})
    assert values(opened(tmp_path)) == right()


def test_a_slice_taken_twice_is_left_out_and_said(tmp_path: Path) -> None:
    write_times(tmp_path, lambda t, k: {}, times=1)
    uid = finished(series_of(tmp_path))[0].key
    write_slice(tmp_path / "again", np.full((5, 6), 77, np.int16), 99, uid, ImagePositionPatient=[0, 0, 2.0], **PLACE)
    scan = opened(tmp_path)
    assert scan.frames == 1 and values(scan) == right(times=1)
    assert any("1 frame lies where others already are and is left out" in one for one in scan.warnings)


@pytest.mark.trap("T12")
def test_frames_of_different_scaling_are_each_read_in_their_own(tmp_path: Path) -> None:
    """Magnitude and phase of one series: another slope and intercept for each."""

    def tags(time: int, k: int) -> Tags:
        return {
            "ImageType": ["ORIGINAL", "PRIMARY", "MP"[time]],
            "RescaleSlope": 1 + 2 * time,
            "RescaleIntercept": -time,
        }

    write_times(tmp_path, tags, times=2)
    scan = opened(tmp_path)
    assert scan.frame_names == ("M", "P") and scan.voxels.dtype == np.float32
    assert values(scan) == [[0, 1, 2, 3], [(10.0 + k) * 3 - 1 for k in range(4)]]


def test_private_b_values_are_read(tmp_path: Path) -> None:
    write_times(tmp_path, lambda t, k: {})
    for path in tmp_path.iterdir():
        data = dcmread(path)
        time = int(data.pixel_array[0, 0]) // 10
        data.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
        data.add_new((0x0019, 0x100C), "IS", str(400 * (2 - time)))
        data.save_as(path)
    scan = opened(tmp_path)
    assert scan.frame_names[-1] == "b 800 s/mm²" and values(scan) == right()[::-1]


# -- enhanced objects ---------------------------------------------------------------------------------------------


def write_enhanced(
    path: Path, own: Callable[[int, int], Tags], times: int = 3, places: int = 4, **more: object
) -> None:
    """One object of many frames in a shuffled order; values 10·time + place."""
    order = [(time, k) for time in range(times) for k in range(4)]
    order = [order[(n * 5 + 3) % len(order)] for n in range(len(order))]
    stack = np.stack([np.full((5, 6), 10 * time + k, np.int16) for time, k in order])
    frames = [
        item(
            PlanePositionSequence=Sequence([item(ImagePositionPatient=[0.0, 0.0, 2.0 * k])]),
            **{name: Sequence([value]) for name, value in own(time, k).items()},
        )
        for time, k in order
    ]
    shared = item(
        PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
        PixelMeasuresSequence=Sequence([item(PixelSpacing=[1, 1], SliceThickness=2.0)]),
    )
    data = write_slice(path, stack[0], 1, generate_uid(), Modality="MR")
    tags = {
        "PerFrameFunctionalGroupsSequence": Sequence(frames),
        "SharedFunctionalGroupsSequence": Sequence([shared]),
        "NumberOfFrames": len(frames),
        "PixelData": stack.tobytes(),
        **more,
    }
    for name, value in tags.items():
        setattr(data, name, value)
    data.save_as(path)


@pytest.mark.trap("T17")
@pytest.mark.parametrize(
    ("own", "names"),
    [
        (lambda t, k: {"FrameContentSequence": item(TemporalPositionIndex=1 + t)}, ("time 1", "time 2", "time 3")),
        (
            lambda t, k: {"MRDiffusionSequence": item(DiffusionBValue=500.0 * t)},
            ("b 0 s/mm²", "b 500 s/mm²", "b 1000 s/mm²"),
        ),
        (lambda t, k: {"MREchoSequence": item(EffectiveEchoTime=5.0 + t)}, ("TE 5 ms", "TE 6 ms", "TE 7 ms")),
        (
            lambda t, k: {"CardiacSynchronizationSequence": item(NominalCardiacTriggerDelayTime=30.0 * t)},
            ("trigger 0 ms", "trigger 30 ms", "trigger 60 ms"),
        ),
    ],
)
def test_an_enhanced_objects_frames_are_sorted_by_their_own_groups(own: Callable, names: tuple, tmp_path: Path) -> None:
    write_enhanced(tmp_path / "enhanced.dcm", own)
    scan = opened(tmp_path / "enhanced.dcm")
    assert values(scan) == right() and scan.frame_names == names


@pytest.mark.trap("T17")
def test_an_enhanced_object_that_says_no_more_than_its_indices_is_sorted_by_them(tmp_path: Path) -> None:
    write_enhanced(
        tmp_path / "enhanced.dcm",
        lambda t, k: {"FrameContentSequence": item(DimensionIndexValues=[1, 1 + k, 9 - t])},
        DimensionIndexSequence=Sequence(
            [item(DimensionIndexPointer=tag) for tag in (0x00209056, 0x00209057, 0x00189087)]
        ),
    )
    assert values(opened(tmp_path / "enhanced.dcm")) == right()[::-1]


@pytest.mark.trap("T12")
def test_an_enhanced_object_of_two_scalings_is_read_in_both(tmp_path: Path) -> None:
    def own(time: int, k: int) -> Tags:
        return {
            "FrameContentSequence": item(TemporalPositionIndex=1 + time),
            "PixelValueTransformationSequence": item(RescaleSlope=1.0 + time, RescaleIntercept=-5.0),
        }

    write_enhanced(tmp_path / "enhanced.dcm", own, times=2)
    found = values(opened(tmp_path / "enhanced.dcm"))
    assert found == [[value * (1 + time) - 5 for value in row] for time, row in enumerate(right(2))]


def test_a_film_without_a_place_has_frames_and_no_slices(tmp_path: Path) -> None:
    film = np.arange(3 * 20, dtype=np.int16).reshape(3, 4, 5)
    write_slice(
        tmp_path / "xa.dcm", film[0], 1, generate_uid(), Modality="XA", NumberOfFrames=3, PixelData=film.tobytes()
    )
    scan = opened(tmp_path / "xa.dcm")
    assert scan.kind == "frames" and scan.frames == 3 and 1 in scan.shape and not scan.oriented
