"""Whose a DICOM file is, without saying who: needed to keep a patient's scans on one side of a split."""

import hashlib
from pathlib import Path

from medviz.imaging.readers.dicom.files import header_of, text_of

_TELLING = ("PatientID", "PatientName", "StudyInstanceUID")


def owner_of(path: Path) -> str:
    """Return what stands for the patient of a file: 16 hexadecimal digits, the same for all of one patient's files.

    It is a hash of the patient's number, else of the name, else of the study; empty where the header has none of them.
    """
    data = header_of(path)
    words = next((word for tag in _TELLING if data is not None and (word := text_of(data, tag).strip())), "")
    return hashlib.sha256(words.encode()).hexdigest()[:16] if words else ""
