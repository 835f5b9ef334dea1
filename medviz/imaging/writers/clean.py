"""Copies to be shared: without the patient's name, numbers, dates, free text and telling file names."""

import os
import secrets
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.uid import UID

from medviz.imaging.faces import has_text
from medviz.imaging.findings import Finding, Report, in_name
from medviz.imaging.privacy import PICTURES, face_in, files_of, gathered, in_texts, names_in
from medviz.imaging.readers import read, write
from medviz.imaging.readers.dicom.files import header_of, whole_of
from medviz.imaging.readers.dicom.identity import blank, burnt_in, identifying, new_uids, picture_of
from medviz.imaging.storage import putting, reason
from medviz.imaging.volume import Volume
from medviz.imaging.writers.image import write_picture
from medviz.imaging.writers.writer import Export
from medviz.messages import Progress, Work
from medviz.refused import Refused

_AS_THEY_ARE = (".nii", ".nii.gz", ".nrrd", ".mha", ".npy")
_NO_PICTURE = ("FloatPixelData", "DoubleFloatPixelData", "PixelData", "ROIContourSequence")


def share(paths: tuple[Path, ...], folder: Path) -> Work[Report]:
    """Write clean copies into a new folder, whole or not at all; returns what was found, made and left out.

    DICOM: tags blanked after a subset of PS3.15's basic profile, UIDs replaced, the same for the same throughout this
    copy, private elements removed; files that may have text burnt in, reports and documents are left out. Others:
    voxels and their place alone, in a fresh file. A face stays (the report says so). Refused where the folder is there
    and not empty, or where nothing could be copied.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(folder, "it is there already", "choose a new folder")
    if not folder.parent.is_dir():
        raise Refused(folder, "the folder around it does not exist", "make it first")
    waiting = folder.with_name(f".{os.getpid()}.part.{folder.name}")
    try:
        waiting.mkdir()
        report = yield from _copied(paths, waiting)
        if folder.exists():
            folder.rmdir()
        waiting.rename(folder)
    except OSError as problem:
        raise Refused(folder, f"nothing was written: {reason(problem)[0]}", reason(problem)[1]) from problem
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    return replace(report, made=tuple(folder / path.relative_to(waiting) for path in report.made))


def bare(volume: Volume) -> Volume:
    """Keep the voxels and their place alone: no name, no text, no other bytes of a header."""
    return replace(volume, stored=replace(volume.stored, borrowed=True), name="")


def _copied(paths: tuple[Path, ...], folder: Path) -> Work[Report]:
    uid = new_uids(secrets.token_bytes(32))
    found: list[Finding] = []
    made: list[Path] = []
    left: dict[str, int] = {}
    places: dict[str, Iterator[Path]] = {}
    total = 0
    for path in paths:
        files = files_of(path)
        total += len(files)
        found += names_in(path, files)
        for number, file in enumerate(files):
            yield Progress(number, len(files), f"copying {path.name}")
            header = header_of(file)
            if file.suffix.lower() == ".img" and file.with_suffix(".hdr") in files:
                continue  # one scan in two files
            if header is None:
                found += in_texts(file)
                one = yield from _plain(file, folder, found)
                why = "of no format that can be copied" if one is None else ""
            else:
                found += identifying(header, file.name)
                why = _unfit(header, file)
                one = None if why else _dicom(file, folder, uid, places)
            made += [one] if one is not None else []
            if why:
                left[why] = left.get(why, 0) + 1
                found.append(
                    Finding("pixels", "may identify", file.name, why, "", "left out")
                ) if "text" in why else None
    if not made:
        why = "; ".join(left) or "there is nothing in it"
        raise Refused(paths[0], f"nothing could be copied ({why})", "choose other files")
    said = tuple(f"{count} file{'s' * (count != 1)} left out: {why}" for why, count in left.items())
    return Report(gathered(found), total, tuple(made), said)


def _unfit(header: Dataset, file: Path) -> str:
    """Why a DICOM file is not copied; empty where it is."""
    if "ROIContourSequence" in header:
        return ""
    if not header.get("Rows"):
        return "a report, a document or another object without a picture"
    if why := burnt_in(header):
        return f"{why} (text cannot be taken out of a picture)"
    if "MOSAIC" in (header.get("ImageType") or ()):
        return "a mosaic, whose place stands in private elements alone; convert it to NIfTI"
    picture = picture_of(file) if str(header.get("Modality")) not in ("CT", "MR", "PT", "SEG") else None
    return "text seems to be written into the picture" if picture is not None and has_text(picture) else ""


def _dicom(file: Path, folder: Path, uid: Callable[[str], str], places: dict[str, Iterator[Path]]) -> Path:
    data: Any = whole_of(file)
    if data is None:
        raise Refused(file, "it cannot be read any more", "copy it again from where it came")
    series = str(data.get("SeriesInstanceUID") or file.parent)
    if series not in places:
        place = folder / f"series-{len(places) + 1:02d}"
        place.mkdir()
        places[series] = (place / f"{number:05d}.dcm" for number in count(1))
    path = next(places[series])
    if not data.get("SOPClassUID"):
        data.SOPClassUID = data.file_meta.get("MediaStorageSOPClassUID", UID(""))
    if not data.get("SOPInstanceUID"):
        data.SOPInstanceUID = data.file_meta.get("MediaStorageSOPInstanceUID", UID(""))
    for name in ("SeriesInstanceUID", "StudyInstanceUID"):
        if not data.get(name):  # blanked before; without one its slices would be taken for series of their own
            setattr(data, name, f"{name} of {file.parent}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        blank(data, uid)
        with putting(path) as waiting:
            data.save_as(waiting, enforce_file_format=True)
    return path


def _plain(file: Path, folder: Path, found: list[Finding]) -> Work[Path | None]:
    """Copy a file of voxels or a picture; None where it is neither."""
    try:
        volume = yield from read(file)
    except Refused:
        return None
    found += face_in(volume, file.name)
    name = file.name.lower()
    picture = name.endswith(PICTURES) and volume.shape[2] == 1
    ending = ".png" if picture else next((one for one in _AS_THEY_ARE if name.endswith(one)), ".nii.gz")
    stem = file.name.split(".")[0]
    if in_name(stem) is not None:
        stem = "picture" if picture else "scan"
    path = folder / f"{stem}{ending}"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{ending}"
    yield from _written(volume, path)
    return path


def _written(volume: Volume, path: Path) -> Work[None]:
    if path.name.lower().endswith(".png"):
        yield from write_picture(Export(bare(volume)), path)
    else:
        write(bare(volume), path)
