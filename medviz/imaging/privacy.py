"""Who could tell the patient from these files: tags, header texts, names of files, burnt-in text, a face.

A check, not a guarantee: what it finds is there, what it does not find may be there all the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from medviz.imaging.faces import face_of, has_text
from medviz.imaging.findings import ORDER, Finding, Report, in_name, suspicion
from medviz.imaging.readers import read
from medviz.imaging.readers.dicom.files import header_of
from medviz.imaging.readers.dicom.identity import burnt_in, identifying, picture_of
from medviz.imaging.readers.texts import texts
from medviz.imaging.storage import opening
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
MOST_FILES = 100_000
_LOOKED_AT = 3
_FACE = "a face could be drawn from it (a guess from the surface of the skin)"


def check(paths: Iterable[Path], look: bool = True) -> Work[Report]:
    """Look for what tells who the patient is, in files and folders; changes nothing.

    `look` also decodes voxels, to look for a face and for text in some of the pictures.
    """
    found: list[Finding] = []
    count = 0
    for path in paths:
        files = files_of(path)
        found += names_in(path, files)
        series: list[Path] = []
        for number, file in enumerate(files):
            yield Progress(number, len(files), f"checking {path.name}")
            data = header_of(file)
            if data is not None:
                series.append(file)
                found += identifying(data, file.name)
                if why := burnt_in(data):
                    found.append(Finding("pixels", "may identify", file.name, why, "", "left out"))
            else:
                found += in_texts(file)
                if look and file.name.lower().endswith(PICTURES):
                    found += yield from _of_picture(file)
        count += len(files)
        if look:
            found += _in_some(series)
            found += yield from _face(path, files, series)
    return Report(gathered(found), count)


def files_of(path: Path) -> list[Path]:
    """List the files of a folder (or the one file), without hidden ones."""
    with opening(path):
        if not path.is_dir():
            path.stat()
            return [path]
        files = [one for one in sorted(path.rglob("*")) if one.is_file() and not one.name.startswith(".")]
    if len(files) > MOST_FILES:
        raise Refused(path, f"it holds over {MOST_FILES:,} files", "choose a folder further down")
    if not files:
        raise Refused(path, "the folder is empty", "choose another")
    return files


def names_in(path: Path, files: list[Path]) -> Iterator[Finding]:
    """Guess which names of files and folders name a patient: those below a folder, and where a file itself lies."""
    inside = {part for file in files for part in file.relative_to(path).parts} if path.is_dir() else set()
    for name in sorted({path.name, path.parent.name if path.is_file() else path.name, *inside}):
        guess = in_name(name)
        if guess is not None:
            yield Finding("name", guess[0], name[:40], guess[1], name, "named anew")


def in_texts(file: Path) -> Iterator[Finding]:
    """Judge the free texts of a file that is not DICOM."""
    with opening(file):
        for place, text in texts(file):
            guess = suspicion(text)
            level, why = guess if guess is not None else ("look", "free text")
            yield Finding("header", level, file.name, f"{place}: {why}", text, "removed")


def face_in(volume: Volume, where: str) -> Iterator[Finding]:
    """Tell whether a scan in memory seems to show a face."""
    if face_of(volume).seen:
        yield Finding("face", "look", where, _FACE, "", "left as it is: take the face off with a tool made for it")


def gathered(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Put what many files of a series have in common into one finding; what identifies comes first."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in found:
        groups.setdefault((finding.kind, finding.level, finding.what), []).append(finding)
    made = []
    for same in groups.values():
        where = sorted({finding.where for finding in same})
        more = f" and {len(where) - 1} more" if len(where) > 1 else ""
        others = len({finding.value for finding in same}) - 1
        made.append(replace(same[0], where=f"{where[0]}{more}", others=others))
    return tuple(sorted(made, key=lambda one: (ORDER.index(one.level), one.kind, one.what)))


def _of_picture(file: Path) -> Work[list[Finding]]:
    try:
        volume = yield from read(file)
    except Refused:
        return []
    if min(volume.shape[:2]) < 16:
        return []
    pixels = volume.voxels[:3, :, :, 0].transpose(2, 1, 0)[::-1, ::-1]
    return [_text(file)] if has_text(pixels) else []


def _in_some(series: list[Path]) -> Iterator[Finding]:
    """Look for text in the first, middle and last picture of a folder."""
    some = {series[round(k * (len(series) - 1) / (_LOOKED_AT - 1))] for k in range(_LOOKED_AT)} if series else set()
    for file in sorted(some):
        picture = picture_of(file)
        if picture is not None and has_text(picture):
            yield _text(file)


def _text(file: Path) -> Finding:
    return Finding(
        "pixels",
        "may identify",
        file.name,
        "it looks as if text were written into the picture (a guess)",
        "",
        "left out",
    )


def _face(path: Path, files: list[Path], series: list[Path]) -> Work[list[Finding]]:
    found: list[Finding] = []
    for thing in [path] if series else [file for file in files if not file.name.lower().endswith(PICTURES)][:50]:
        try:
            volume = yield from read(thing)
        except Refused:
            continue
        found += face_in(volume, thing.name)
    return found
