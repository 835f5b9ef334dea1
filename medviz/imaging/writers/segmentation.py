"""DICOM SEG by highdicom: binary segments in the place of their series, each with its name, colour and maker."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from highdicom import AlgorithmIdentificationSequence, PlanePositionSequence
from highdicom.color import CIELabColor
from highdicom.content import PixelMeasuresSequence, PlaneOrientationSequence
from highdicom.enum import CoordinateSystemNames
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.uid import UID
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian
from skimage.color import rgb2lab

from medviz import __version__
from medviz.imaging.labels import Label
from medviz.imaging.readers.dicom.own import put_value
from medviz.imaging.storage import need_room, putting
from medviz.imaging.writers.reference import Reference, frames_in_order, referred
from medviz.imaging.writers.writer import Export, Writer
from medviz.messages import Progress, Work
from medviz.refused import Refused

_UNFIT = (AttributeError, ValueError, TypeError, KeyError, IndexError, OverflowError)
"""What highdicom raises on a source that lacks what the standard asks for."""


def write_segmentation(thing: Export, path: Path) -> Work[tuple[Path, ...]]:
    """Write a label map as one SEG object; slices without a label are left out, as the standard allows."""
    voxels = thing.map_of_labels(path)
    labels = thing.labels_of(voxels, path)
    reference = yield from referred(thing, path)
    yield Progress(0, 0, f"encoding {len(labels)} segments")
    numbered = np.zeros(65536, np.uint16)
    numbered[[label.value for label in labels]] = np.arange(1, len(labels) + 1)
    array = np.ascontiguousarray(numbered[frames_in_order(voxels, thing.volume, reference)])
    if len(labels) < 256:
        array = array.astype(np.uint8)
    need_room(path, array.nbytes * 2)
    made = _object(thing, path, labels, array, reference)
    with putting(path) as waiting:
        made.save_as(waiting, enforce_file_format=True)
    return (path,)


def _object(
    thing: Export, path: Path, labels: tuple[Label, ...], array: NDArray[Any], reference: Reference
) -> Segmentation:
    model = (thing.card or {}).get("model", {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # highdicom warns of every odd value in the source's header
        try:
            made = Segmentation(
                source_images=list(reference.headers.values()),
                pixel_array=array,
                segmentation_type="BINARY",
                segment_descriptions=[_described(n, label, model) for n, label in enumerate(labels, start=1)],
                series_instance_uid=UID(),
                series_number=int(reference.first.get("SeriesNumber") or 0) + 1000,
                sop_instance_uid=UID(),
                instance_number=1,
                manufacturer="medviz",
                manufacturer_model_name="medviz",
                software_versions=__version__,
                device_serial_number="none",
                content_description=_short(thing.volume.name or "label map", 64),
                content_label="LABELS",
                series_description=_short(f"Segmentation {model.get('name', '')}".strip(), 64),
                transfer_syntax_uid=ExplicitVRLittleEndian,
                omit_empty_frames=True,
                **_placed(reference),
            )
        except _UNFIT as problem:
            fault = f"a SEG cannot refer to the series ({problem})"
            raise Refused(path, fault, "write NIfTI (.nii.gz) instead") from problem
    for item, label in zip(made.SegmentSequence, labels, strict=True):
        put_value(item, label.value)
    return made


def _placed(reference: Reference) -> dict[str, Any]:
    """Say where each slice lies, rather than let it be guessed from the order of the sources."""
    across, down, step = reference.affine[:3, :3].T
    across_mm, down_mm = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    square = np.cross(across / across_mm, down / down_mm)
    thickness = _number(reference.first.get("SliceThickness")) or float(abs(step @ square))
    origins = [reference.affine[:3, 3] + step * k for k in range(len(reference.at))]
    return {
        "pixel_measures": PixelMeasuresSequence(
            pixel_spacing=[down_mm, across_mm],
            slice_thickness=thickness,
            spacing_between_slices=float(abs(step @ square)) or thickness,
        ),
        "plane_orientation": PlaneOrientationSequence(
            coordinate_system=CoordinateSystemNames.PATIENT,
            image_orientation=[*(across / across_mm), *(down / down_mm)],
        ),
        "plane_positions": [
            PlanePositionSequence(CoordinateSystemNames.PATIENT, tuple(float(mm) for mm in origin))
            for origin in origins
        ],
    }


def _described(number: int, label: Label, model: dict[str, Any]) -> SegmentDescription:
    category, kind = _coded(label.name)
    made_by = None
    if model:
        made_by = AlgorithmIdentificationSequence(
            name=_short(str(model.get("name") or "model"), 64),
            family=codes.DCM.ArtificialIntelligence,
            version=_short(str(model.get("sha256") or "unknown"), 64),
            parameters={"trained_on": _short(str(model["trained_on"]), 64)} if model.get("trained_on") else None,
        )
    return SegmentDescription(
        segment_number=number,
        segment_label=_short(label.name, 64) or f"label {label.value}",
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type="AUTOMATIC" if model else "MANUAL",
        algorithm_identification=made_by,
        display_color=_colour(label),
    )


def _coded(name: str) -> tuple[Any, Any]:
    """SNOMED's code for the name of an organ where pydicom's dictionary has it, else plain tissue."""
    words = [word for word in name.replace("_", " ").split() if word.lower() not in ("left", "right")]
    found = getattr(codes.SCT, "".join(word[:1].upper() + word[1:].lower() for word in words), None) if words else None
    if found is not None:
        return codes.SCT.AnatomicalStructure, found
    return codes.SCT.Tissue, codes.SCT.Tissue


def _colour(label: Label) -> CIELabColor:
    lightness, a, b = rgb2lab(np.asarray(label.colour, float)[None, None] / 255)[0, 0]
    return CIELabColor(float(np.clip(lightness, 0, 100)), float(np.clip(a, -128, 127)), float(np.clip(b, -128, 127)))


def _short(text: str, most: int) -> str:
    """Text as DICOM's LO takes it: without backslash or control characters, not too long."""
    return "".join(" " if ord(sign) < 32 or sign == "\\" else sign for sign in text).strip()[:most].strip()


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 1e4 else None


WRITER = Writer("DICOM SEG", write_segmentation)
