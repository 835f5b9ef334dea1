"""Which mask belongs to which image: by two folders, by two patterns, or by a word in the name (x.tif, x_mask.tif)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from medviz.data.cases import Pair, image_endings, stem
from medviz.data.gate import Gate
from medviz.refused import Refused

IMAGES = ("images", "image", "imgs", "img", "scans", "imagesTr")
MASKS = (
    "masks",
    "mask",
    "labels",
    "label",
    "segmentations",
    "annotations",
    "gt",
    "groundtruth",
    "labelsTr",
    "instances",
)
"""Names of the two folders of a paired set."""
SIDES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
_MASK_WORDS = "masks?|segmentation|seg|labels?|gt|groundtruth|annotation|manual|roi|lesion"
_OTHER_WORDS = "images?|img|scan|raw|0000"
_GAP = r"[_\-. ]"
_IS_MASK = re.compile(rf"{_GAP}(?:{_MASK_WORDS})(?:{_GAP}?\d+)?$|^(?:{_MASK_WORDS})(?:{_GAP}|(?=\d)|$)", re.IGNORECASE)
_WORDS = re.compile(
    rf"{_GAP}(?:{_MASK_WORDS})(?:{_GAP}?\d+)?$|{_GAP}(?:{_OTHER_WORDS})$|"
    rf"^(?:{_MASK_WORDS}|{_OTHER_WORDS})(?:{_GAP}|(?=\d)|$)",
    re.IGNORECASE,
)
_MOST_FILES = 200_000
_HEADS, _HALVES = (".hdr", ".hdr.gz"), (".img", ".img.gz")
"""A header is the file that is read, its voxels lie beside it."""


def by_folders(folder: Path, gate: Gate) -> tuple[Pair, ...]:
    """Pair the files of images/ and masks/, also in train/, val/ and test/ above or below; empty if none."""
    places = [("", _inside(folder, IMAGES), _inside(folder, MASKS))]
    for word, side in SIDES.items():
        under = _inside(folder, (word,))
        if under is not None:
            places.append((side, _inside(under, IMAGES), _inside(under, MASKS)))
        places += [(side, _inside(images, (word,)), _inside(masks, (word,))) for _, images, masks in places[:1]]
    return tuple(
        pair
        for side, images, masks in places
        if images is not None and masks is not None
        for pair in _between(images, masks, gate, side)
    )


def _between(images: Path, masks: Path, gate: Gate, side: str) -> list[Pair]:
    """Pair the files of two folders, or those of the folders in them that have one name (a patient each)."""
    prefix = f"{side}/" if side else ""
    files, others = images_in(images), images_in(masks)
    if files and others:
        return matched(files, others, gate, side, prefix)
    names = {one.name for folder in (images, masks) for one in _folders(folder) if one.name.lower() not in SIDES}
    nested = {name: (images_in(images / name), images_in(masks / name)) for name in sorted(names)}
    if not any(one and other for one, other in nested.values()):
        return []
    return [pair for name, both in nested.items() for pair in matched(*both, gate, side, f"{prefix}{name}/")]


def by_words(folder: Path, gate: Gate) -> tuple[Pair, ...]:
    """Pair files that lie beside each other, told apart by a word: x.tif and x_mask.tif, two folders deep at most."""
    found: list[Pair] = []
    inner = [folder, *_folders(folder)]
    for place in [*inner, *(deeper for one in inner[1:] for deeper in _folders(one))]:
        files = images_in(place)
        masks = [path for path in files if is_mask(stem(path.name))]
        images = [path for path in files if path not in set(masks)]
        if masks and images:
            side = next((SIDES[part] for part in place.relative_to(folder).parts if part in SIDES), "")
            prefix = "/".join(place.relative_to(folder).parts)
            found += matched(images, masks, gate, side, f"{prefix}/" if prefix else "")
    return tuple(found)


def by_patterns(folder: Path, images: str, masks: str, gate: Gate) -> tuple[Pair, ...]:
    """Pair files whose names agree in what the stars of two patterns stand for, as images/*.png and masks/*_m.png."""
    for pattern in (images, masks):
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts or not pattern.strip():
            raise Refused(pattern or "pattern", "it does not lie in the folder", "write for example images/*.png")
        if "*" not in pattern and "?" not in pattern:
            raise Refused(pattern, "it has no star, so it is one file", "write for example images/*.png")
    of_mask = _keyed(folder, masks)
    taken = {path for paths in of_mask.values() for path in paths}
    of_image = {key: [path for path in paths if path not in taken] for key, paths in _keyed(folder, images).items()}
    of_image = {key: paths for key, paths in of_image.items() if paths}
    if not of_image:
        raise Refused(folder, f"no file is called {images}", "mend the pattern; a star stands for any part of a name")
    return tuple(Pair(key, (path,), masks) for key, path, masks in _agreeing(of_image, of_mask, gate))


def matched(images: Sequence[Path], masks: Sequence[Path], gate: Gate, side: str, prefix: str = "") -> list[Pair]:
    """Pair files by their names without their endings, or else by what is left of the names without such words."""
    names = {stem(path.name): [path] for path in images}
    others: dict[str, list[Path]] = {}
    for path in masks:
        others.setdefault(stem(path.name), []).append(path)
    if not set(names) <= set(others) or not set(others) <= set(names):
        names = {}
        others = {}
        for group, files in ((names, images), (others, masks)):
            for path in files:
                group.setdefault(bare(stem(path.name)), []).append(path)
    names = {f"{prefix}{name}".rstrip("/") or "case": paths for name, paths in names.items()}
    others = {f"{prefix}{name}".rstrip("/") or "case": paths for name, paths in others.items()}
    owner = _folder_as_group(prefix)
    return [Pair(name, (path,), both, owner, side) for name, path, both in _agreeing(names, others, gate)]


def is_mask(name: str) -> bool:
    """Tell whether the name of a file, without its ending, says that it is a mask."""
    return _IS_MASK.search(name) is not None


def bare(name: str) -> str:
    """Name of a case without the words that say image or mask; empty where there is nothing else (p1/image.png)."""
    while (less := _WORDS.sub("", name, count=1)) != name:
        name = less
    return name.lower()


def images_in(folder: Path | None) -> list[Path]:
    """Files of a folder that can be read as an image, by name."""
    if folder is None or not folder.is_dir():
        return []
    endings = image_endings()
    found = sorted(one for one in folder.iterdir() if one.name.lower().endswith(endings) and _is_file(one))
    heads = {stem(one.name) for one in found if one.name.lower().endswith(_HEADS)}
    return [one for one in found if not (one.name.lower().endswith(_HALVES) and stem(one.name) in heads)]


def _agreeing(
    images: dict[str, list[Path]], masks: dict[str, list[Path]], gate: Gate
) -> Iterator[tuple[str, Path, tuple[Path, ...]]]:
    """Yield name, image and masks of each case; the gate turns away what has no partner, and two images of one name."""
    for name in sorted(set(images) | set(masks)):
        one, other = images.get(name, []), masks.get(name, [])
        if not gate.lets(name):
            continue
        if len(one) == 1 and other:
            yield name, one[0], tuple(other)
        elif len(one) > 1:
            fault = f"{one[1].name} would be the same case"
            gate.turn_away(name, "duplicate", Refused(one[0], fault, "rename one of them, or give patterns"))
        elif one:
            gate.turn_away(name, "missing", Refused(one[0], "it has no mask", "add its mask, or take it away"))
        else:
            gate.turn_away(name, "missing", Refused(other[0], "it has no image", "add its image, or take it away"))


def _folder_as_group(prefix: str) -> str:
    """Files in a folder of their own are of one patient, unless the folder is a side of the split."""
    parts = [part for part in prefix.split("/") if part and part not in SIDES]
    return parts[-1] if parts else ""


def _keyed(folder: Path, pattern: str) -> dict[str, list[Path]]:
    """Files that a pattern finds, by what its stars stand for."""
    expression = _expression(pattern)
    found: dict[str, list[Path]] = {}
    for number, path in enumerate(sorted(folder.glob(pattern))):
        if number >= _MOST_FILES:
            raise Refused(pattern, f"it finds more than {_MOST_FILES} files", "narrow it down")
        match = expression.fullmatch(path.relative_to(folder).as_posix())
        if match is not None and _is_file(path):
            found.setdefault("_".join(part.strip("/") for part in match.groups() if part), []).append(path)
    return found


def _expression(pattern: str) -> re.Pattern[str]:
    """Turn a pattern into an expression with a bracket for each star."""
    parts = re.split(r"(\*\*/|\*|\?)", pattern)
    brackets = {"**/": "((?:.*/)?)", "*": "([^/]*)", "?": "([^/])"}
    return re.compile("".join(brackets.get(part, re.escape(part)) for part in parts))


def _inside(folder: Path | None, names: Iterable[str]) -> Path | None:
    """The first folder inside that has one of these names, whatever the case."""
    if folder is None or not folder.is_dir():
        return None
    there = {one.name.lower(): one for one in folder.iterdir() if one.is_dir()}
    return next((there[name.lower()] for name in names if name.lower() in there), None)


def _folders(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")
