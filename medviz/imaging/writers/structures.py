"""DICOM RTSTRUCT by pydicom: the borders of labels as closed contours in mm, slice by slice of their series."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import DataElement, Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid
from scipy.ndimage import find_objects

from medviz import __version__
from medviz.imaging.labels import Label
from medviz.imaging.readers.dicom.headers import Frame
from medviz.imaging.readers.dicom.own import put_value
from medviz.imaging.storage import putting
from medviz.imaging.writers.borders import Outline, outlines
from medviz.imaging.writers.reference import Reference, frames_in_order, now, referred
from medviz.imaging.writers.writer import Export, Writer
from medviz.messages import Progress, Work
from medviz.refused import Refused

_COPIED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName", "SpecificCharacterSet", "FrameOfReferenceUID",
)  # fmt: skip


_CONTOUR_DATA = 0x30060050


def write_structures(thing: Export, path: Path) -> Work[tuple[Path, ...]]:
    """Write each label as a region of interest; a hole is joined to its contour by a keyhole.

    Contours run along the borders of pixels, so that their area is that of the label and filling them gives it back.
    """
    voxels = thing.map_of_labels(path)
    labels = thing.labels_of(voxels, path)
    reference = yield from referred(thing, path)
    slices = frames_in_order(voxels, thing.volume, reference)
    if any(frame is None and one.any() for frame, one in zip(reference.at, slices, strict=True)):
        raise Refused(
            path, "labels lie where the series has no slice, so that contours have none", "write NIfTI or SEG"
        )
    found: dict[int, list[tuple[int, Outline]]] = {label.value: [] for label in labels}
    for k, one in enumerate(slices):
        yield Progress(k, len(slices), "tracing contours")
        for value, box in enumerate(find_objects(one), start=1):
            if box is not None:
                corner = (box[0].start, box[1].start)
                found[value] += [(k, line + corner) for line in outlines(one[box] == value)]
    made = _dataset(reference, path)
    _describe(made, thing, labels, reference)
    made.ROIContourSequence = []
    for number, label in enumerate(labels, start=1):
        yield Progress(number, len(labels), f"contours of {label.name}")
        made.ROIContourSequence.append(_contours(number, label, found, reference))
    with putting(path) as waiting:
        made.save_as(waiting, enforce_file_format=True)
    return (path,)


def _dataset(reference: Reference, path: Path) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RTStructureSetStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    for name in _COPIED:
        if name in reference.first:
            setattr(made, name, reference.first.get(name))
    made.Modality, made.Manufacturer, made.ManufacturerModelName = "RTSTRUCT", "medviz", "medviz"
    made.SoftwareVersions = __version__
    made.SeriesInstanceUID = generate_uid()
    made.SeriesNumber = int(reference.first.get("SeriesNumber") or 0) + 1000
    made.InstanceNumber = 1
    made.PositionReferenceIndicator = ""
    made.OperatorsName = ""
    made.ApprovalStatus = "UNAPPROVED"
    day, time = now()
    made.StructureSetLabel, made.StructureSetDate, made.StructureSetTime = "medviz", day, time
    made.InstanceCreationDate, made.InstanceCreationTime = day, time
    return made


def _describe(made: Dataset, thing: Export, labels: tuple[Label, ...], reference: Reference) -> None:
    """Name the regions, their maker, and the series they were drawn on."""
    model = (thing.card or {}).get("model", {})
    by = f"{model.get('name', '')} {str(model.get('sha256', ''))[:16]}".strip()
    if by:
        made.StructureSetDescription = f"by {by}"[:1024]
    images = [_image(reference, frame) for frame in reference.at if frame is not None]
    series = Dataset()
    series.SeriesInstanceUID = reference.first.SeriesInstanceUID
    series.ContourImageSequence = images
    study = Dataset()
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"  # the retired class that the standard still asks for here
    study.ReferencedSOPInstanceUID = reference.first.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = made.FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    made.ReferencedFrameOfReferenceSequence = [frame]
    made.StructureSetROISequence = []
    made.RTROIObservationsSequence = []
    for number, label in enumerate(labels, start=1):
        region = Dataset()
        region.ROINumber, region.ROIName = number, label.name.replace("\\", " ")[:64].strip() or f"label {label.value}"
        region.ReferencedFrameOfReferenceUID = made.FrameOfReferenceUID
        region.ROIGenerationAlgorithm = "AUTOMATIC" if model else "MANUAL"
        if by:
            region.ROIGenerationDescription = by[:64]
        put_value(region, label.value)
        made.StructureSetROISequence.append(region)
        seen = Dataset()
        seen.ObservationNumber = seen.ReferencedROINumber = number
        seen.RTROIInterpretedType, seen.ROIInterpreter = "ORGAN", ""
        made.RTROIObservationsSequence.append(seen)


def _contours(number: int, label: Label, found: dict[int, list[tuple[int, Outline]]], reference: Reference) -> Dataset:
    region = Dataset()
    region.ROIDisplayColor = list(label.colour)
    region.ReferencedROINumber = number
    region.ContourSequence = []
    for k, line in found[label.value]:
        contour = Dataset()
        frame = reference.at[k]
        assert frame is not None  # looked at before the first contour was traced
        contour.ContourImageSequence = [_image(reference, frame)]
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = len(line)
        contour.add(DataElement(_CONTOUR_DATA, "DS", _numbers(_in_mm(line, k, reference)), already_converted=True))
        region.ContourSequence.append(contour)
    return region


def _in_mm(line: Outline, k: int, reference: Reference) -> Any:
    """Points (row, col) of a slice in LPS mm (n, 3)."""
    affine = reference.affine
    return line[:, 1:] * affine[:3, 0] + line[:, :1] * affine[:3, 1] + k * affine[:3, 2] + affine[:3, 3]


def _numbers(points_mm: NDArray[np.float64]) -> list[str]:
    """Coordinates as DICOM writes numbers: micrometres are kept, and no tail of a binary fraction.

    There may be a million of them; through pydicom's own checks of each they took ten times as long.
    """
    return [text.rstrip("0").rstrip(".") for text in np.char.mod("%.5f", points_mm.ravel().round(5) + 0.0).tolist()]


def _image(reference: Reference, frame: Frame) -> Dataset:
    image, header = Dataset(), reference.headers[frame.path]
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    if int(header.get("NumberOfFrames") or 1) > 1:
        image.ReferencedFrameNumber = frame.number + 1
    return image


WRITER = Writer("DICOM RTSTRUCT", write_structures)
