"""DICOM files drawn by the tests: a phantom cut into slices as scanners write them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

LPS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def phantom(columns: int = 12, rows: int = 10, slices: int = 6) -> np.ndarray:
    """(column, row, slice) whose every voxel holds another number."""
    return np.arange(columns * rows * slices, dtype=np.int16).reshape(columns, rows, slices)


def write_slice(path: Path, pixels: np.ndarray, number: int, series: str, **tags: object) -> FileDataset:
    """Write one classic slice; `pixels` are (row, column)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.SeriesInstanceUID, data.InstanceNumber, data.Modality = series, number, "CT"
    data.PatientName, data.PatientID = "Doe^Jane", "4711"
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = np.ascontiguousarray(pixels).tobytes()
    for name, value in tags.items():
        if value is None:
            if name in data:
                delattr(data, name)
        else:
            setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return data


def write_series(
    folder: Path,
    voxels: np.ndarray,
    at: Callable[[int], Sequence[float]] = lambda k: (-20.0, -30.0, 40.0 + 2.5 * k),
    *,
    keep: Sequence[int] | None = None,
    spacing: Sequence[float] | None = (0.5, 0.75),
    numbers: Callable[[int], int] = lambda k: 100 - k,
    tags: Callable[[int], dict[str, object]] = lambda k: {},
    across: Sequence[float] = LPS[0],
    down: Sequence[float] = LPS[1],
) -> str:
    """Write slices under names and numbers that say nothing of their place; returns the series UID."""
    folder.mkdir(parents=True, exist_ok=True)
    series = generate_uid()
    for k in range(voxels.shape[2]) if keep is None else keep:
        write_slice(
            folder / f"{(k * 7919) % 1000:04d}",
            voxels[:, :, k].T,
            numbers(k),
            series,
            **{
                "ImagePositionPatient": list(at(k)),
                "ImageOrientationPatient": [*across, *down],
                "PixelSpacing": None if spacing is None else list(spacing),
                "SliceThickness": 9.0,
                **tags(k),
            },
        )
    return str(series)


def item(**tags: object) -> Dataset:
    """Make one item of a sequence."""
    data = Dataset()
    for name, value in tags.items():
        setattr(data, name, value)
    return data
