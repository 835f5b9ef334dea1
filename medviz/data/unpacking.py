"""Unpacking a tar: plain files into one folder and nowhere else, whole or not at all."""

import shutil
import tarfile
from pathlib import Path, PurePosixPath

from medviz.imaging.storage import in_words, opening
from medviz.messages import Progress, Work
from medviz.refused import Refused

_PIECE = 1 << 20
_MOST_FILES = 200_000


def unpacked(packed: Path, place: Path) -> Work[Path]:
    """Unpack a tar whose files lie in one folder to `place`; yields Progress in bytes.

    Refuses (Refused) links, devices, names that lead out of the folder, and more than the disk has room for; then and
    on a stop nothing is left behind.
    """
    waiting = place.with_name(f".{place.name}.unpacking")
    shutil.rmtree(waiting, ignore_errors=True)
    try:
        with opening(packed):
            waiting.mkdir(parents=True)
            yield from _files(packed, waiting)
            _inner(waiting).replace(place)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    return place


def _files(packed: Path, folder: Path) -> Work[None]:
    try:
        with tarfile.open(packed) as tar:
            members = [one for one in tar.getmembers() if not _is_litter(one.name)]
            total = _checked(packed, members, folder)
            done = 0
            for member in members:
                target = folder / _inside(packed, member.name)
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None, "a plain file has content"
                with source, target.open("xb") as file:
                    while piece := source.read(_PIECE):
                        file.write(piece)
                        done += len(piece)
                        yield Progress(done, total, f"unpacking {packed.name.strip('.').removesuffix('.part')}")
    except (tarfile.TarError, EOFError) as problem:
        raise Refused(packed, f"it is no tar, or a damaged one ({problem})", "fetch it again") from problem


def _checked(packed: Path, members: list[tarfile.TarInfo], folder: Path) -> int:
    """Return the bytes of all files; refuses what is no plain file or folder, and what the disk has no room for."""
    strange = next((one for one in members if not (one.isreg() or one.isdir())), None)
    if strange is not None:
        raise Refused(packed, f"{strange.name} in it is neither a file nor a folder", "do not use this file")
    if not members or len(members) > _MOST_FILES:
        raise Refused(packed, f"it holds {len(members)} files", "fetch it again")
    total = sum(one.size for one in members)
    free = shutil.disk_usage(folder).free
    if total > free:
        fault = f"unpacked it takes {in_words(total)} and {in_words(free)} are free on this disk"
        raise Refused(packed, fault, "free some space and try again; the file is kept")
    return total


def _inside(packed: Path, name: str) -> Path:
    """Return the path of a member, refused where it leads out of the folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    parts = [part for part in path.parts if part != "."]
    if path.is_absolute() or ".." in parts or not parts or any(":" in part or "\0" in part for part in parts):
        raise Refused(packed, f"{name[:80]} in it would be written outside its folder", "do not use this file")
    return Path(*parts)


def _is_litter(name: str) -> bool:
    """What macOS puts beside each file, and the folder itself."""
    return PurePosixPath(name).name.startswith("._") or name in (".", "./")


def _inner(folder: Path) -> Path:
    """Return the one folder that all lies in, or the folder itself where there are several."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
