"""Objects of many frames whose every frame says itself where it lies, when it was taken and how it is scaled."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydicom import Dataset

from medviz.imaging.readers.dicom.files import DAMAGED, number_of
from medviz.imaging.readers.dicom.headers import Frame, frame_of, frames_in, frames_of, kind_of
from medviz.imaging.readers.dicom.times import INDEX
from medviz.refused import Refused

_GROUPS = (
    "PixelMeasuresSequence",
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelValueTransformationSequence",
    "FrameContentSequence",
    "MREchoSequence",
    "MRDiffusionSequence",
    "MRTimingAndRelatedParametersSequence",
    "CardiacSynchronizationSequence",
    "MRImageFrameTypeSequence",
    "FrameVOILUTSequence",
)
_OF_FILE = (
    "SpacingBetweenSlices",
    "SliceThickness",
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "RescaleSlope",
    "RescaleIntercept",
    "ImageType",
    "TriggerTime",
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
)
_PLACES = {0x00209056, 0x00209057, 0x00200032, 0x00209301}
"""Indices that say where a frame lies, not when: stack, position in the stack, position."""


def all_frames(path: Path, data: Dataset) -> tuple[Frame, ...]:
    """List the frames of a file, classic or enhanced; refuses one that holds no picture."""
    if "PerFrameFunctionalGroupsSequence" not in data:
        return frames_of(path, data)
    try:
        frames = tuple(_enhanced(path, data))
    except DAMAGED as problem:
        raise Refused(path, "its header is damaged", "copy it again from where it came") from problem
    return frames if frames and frames[0].kind.rows and frames[0].kind.columns else frames_of(path, data)


def _enhanced(path: Path, data: Dataset) -> Iterator[Frame]:
    """A frame's own groups go before those that all frames share, and these before the file's own tags."""
    kind = kind_of(data)
    shared: Any = data.get("SharedFunctionalGroupsSequence") or [Dataset()]
    base = _flat(data, shared[0])
    if kind.window is None and (width := number_of(base, "WindowWidth")) and width >= 1:
        kind = replace(kind, window=(width, number_of(base, "WindowCenter") or 0.0))
    count = frames_in(path, data)
    past_place = _past_place(data)
    for number, own in enumerate(data.PerFrameFunctionalGroupsSequence[:count]):
        groups = Dataset()
        groups.update(base)
        _add(groups, own)
        frame = frame_of(path, number, kind, groups, data)
        yield replace(frame, times=_with_index(frame.times, own, past_place))


def _flat(data: Dataset, shared: Dataset) -> Dataset:
    flat = Dataset()
    for name in _OF_FILE:
        if name in data:
            flat.add(data[name])
    _add(flat, shared)
    return flat


def _add(flat: Dataset, groups: Dataset) -> None:
    for name in _GROUPS:
        for item in groups.get(name) or ():
            for element in item:
                flat.add(element)
                if element.keyword == "FrameType":
                    flat.ImageType = element.value
                elif element.keyword == "MRDiffusionSequence":
                    flat.update(element.value[0] if element.value else Dataset())
    if "RescaleSlope" not in flat:
        for item in groups.get("RealWorldValueMappingSequence") or ():
            if (slope := number_of(item, "RealWorldValueSlope")) is not None:
                flat.RescaleSlope, flat.RescaleIntercept = slope, number_of(item, "RealWorldValueIntercept") or 0.0


def _past_place(data: Dataset) -> tuple[int, ...]:
    """Which of a frame's dimension indices do not say where it lies."""
    pointers = [int(item.get("DimensionIndexPointer") or 0) for item in data.get("DimensionIndexSequence") or ()]
    return tuple(number for number, pointer in enumerate(pointers) if pointer not in _PLACES)


def _with_index(times: tuple[Any, ...], own: Dataset, wanted: tuple[int, ...]) -> tuple[Any, ...]:
    content: Any = own.get("FrameContentSequence") or [Dataset()]
    values = content[0].get("DimensionIndexValues")
    indices = [int(value) for value in ([values] if isinstance(values, int) else values or ())]
    index = 0.0
    for number in wanted:
        index = index * 100_000 + (indices[number] if number < len(indices) else 0)
    return (*times[:INDEX], index if wanted else None)
