"""Which data set a folder (or file) is: the layouts that people have, each known by what lies where.

Nothing is read but names, a header or the first lines of a table, so that a folder of a thousand scans is recognised
at once. What is wrong inside is said by the data set itself, or by the check before training.
"""

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from medviz.data.cases import image_endings, stem
from medviz.data.columns import ENDINGS, sole_table, table
from medviz.data.image_pairs import two_folders
from medviz.data.pairing import IMAGES, MASKS, SIDES, bare, is_mask
from medviz.data.total_segmentator import SCANS
from medviz.imaging.storage import opening
from medviz.parameters import Settings
from medviz.refused import Refused

_LOOKED_AT = 200
"""Entries of a folder that are looked at; a layout shows in fewer."""
_HEADS = ("dataset.json", "dataset_description.json", "data.yaml", "meta.csv")
"""Files that stand for the folder they lie in."""
_MOST_FILES = 200_000
_SEG = b"1.2.840.10008.5.1.4.1.1.66.4"
"""Class of a DICOM segmentation."""


@dataclass(frozen=True)
class Layout:
    """One layout: the data set of the catalog, the task it serves, what it is called, and how it is known.

    `known` returns the parameters that the data set needs for a folder (or file), None where it is another layout.
    """

    name: str
    task: str
    looks: str
    known: Callable[[Path], dict[str, str] | None]


def recognised(place: Path, task: str = "") -> Settings:
    """Say which data set a folder or a file is, as ``Settings("decathlon", (("folder", ...),))``.

    Where it may be read in several ways (masks that keep objects apart are boxes too), that which serves the `task` is
    taken. Refuses (Refused) a place that is none of the known layouts, with the list of those.
    """
    place = place.expanduser()
    with opening(place):
        if not place.exists():
            raise Refused(place, "there is no such file or folder", "check the path")
        if place.is_file() and place.name in _HEADS:
            place = place.parent
        if place.is_dir() and not any(place.iterdir()):
            raise Refused(place, "the folder is empty", "choose the folder that holds the data set")
        for layout in sorted(LAYOUTS, key=lambda layout: layout.task != task):
            values = layout.known(place)
            if values is not None:
                return Settings(layout.name, tuple(values.items()))
    known = ", ".join(dict.fromkeys(layout.looks for layout in LAYOUTS))
    raise Refused(place, "it is in no layout that is known", f"there are {known}")


def task_for(settings: Settings) -> str:
    """Return the name of the task that a data set serves first; refuses one that is of no known layout."""
    tasks = {**_MADE, **{layout.name: layout.task for layout in LAYOUTS}}
    if settings.name not in tasks:
        raise Refused(settings.name, "it is not known what it serves", f"known are {', '.join(tasks)}")
    return tasks[settings.name]


_MADE = {
    "mni152": "segmentation",
    "phantoms": "segmentation",
    "digits": "classification",
    "shapes": "classification",
    "drawn_boxes": "detection",
    "points": "adversarial",
    "captioned": "captioning",
    "report_sentences": "masked",
}
"""What the data sets serve that are in no folder."""


def _inside(folder: Path) -> list[Path]:
    """Some entries of a folder by name, hidden ones left out."""
    if not folder.is_dir():
        return []
    found = []
    for entry in folder.iterdir():
        if not entry.name.startswith("."):
            found.append(entry)
            if len(found) >= _LOOKED_AT * 10:
                break
    return sorted(found)[:_LOOKED_AT]


def _named(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The first folder inside that has one of these names, whatever the case."""
    there = {one.name.lower(): one for one in _inside(folder) if one.is_dir()}
    return next((there[name.lower()] for name in names if name.lower() in there), None)


def _holds(folder: Path | None, endings: tuple[str, ...]) -> bool:
    return folder is not None and any(one.name.lower().endswith(endings) for one in _inside(folder))


def _decathlon(place: Path) -> dict[str, str] | None:
    path = place / "dataset.json"
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(1 << 20)
    told = b'"labels"' in head and any(word in head for word in (b'"training"', b'"dataset"', b'"channel_names"'))
    return {"folder": str(place)} if told or (place / "imagesTr").is_dir() else None


def _total_segmentator(place: Path) -> dict[str, str] | None:
    cases = [one for one in _inside(place)[:20] if one.is_dir()]
    there = sum(_is_case(case) for case in cases)
    return {"folder": str(place)} if _is_case(place) or (there and 2 * there >= len(cases)) else None


def _is_case(case: Path) -> bool:
    return _scan_of(case) is not None and _holds(case / "segmentations", (".nii.gz", ".nii"))


def _scan_of(case: Path) -> Path | None:
    files = (case / f"{name}{ending}" for name in SCANS for ending in (".nii.gz", ".nii"))
    return next((path for path in files if path.is_file()), None)


def _bids(place: Path) -> dict[str, str] | None:
    subjects = any(one.is_dir() and one.name.startswith("sub-") for one in _inside(place))
    return {"folder": str(place)} if subjects and (place / "derivatives").is_dir() else None


def _instances(place: Path) -> dict[str, str] | None:
    for folder in (place, *(one for one in _inside(place)[:10] if one.is_dir())):
        cases = [one for one in _inside(folder)[:5] if one.is_dir() and one.name.lower() not in SIDES]
        if cases and all(_pictures(one / "images") == 1 and (one / "masks").is_dir() for one in cases):
            return {"folder": str(place)}
    return None


def _pictures(folder: Path) -> int:
    return sum(one.name.lower().endswith(_PICTURES) for one in _inside(folder))


def _objects(place: Path) -> dict[str, str] | None:
    """Recognise masks that keep objects apart: a mask an object, or a number an object in instances/."""
    numbered = _holds(place / "images", _PICTURES) and _holds(place / "instances", _PICTURES)
    return {"folder": str(place)} if numbered else _instances(place)


def _voc(place: Path) -> dict[str, str] | None:
    if _holds(_named(place, ("Annotations",)), (".xml",)):
        return {"folder": str(place)}
    return None


def _coco(place: Path) -> dict[str, str] | None:
    if place.is_file():
        return {"folder": str(place.parent)} if _is_coco(place) else None
    places = (place, place / "annotations")
    files = [one for folder in places for one in _inside(folder) if one.suffix.lower() == ".json"]
    return {"folder": str(place)} if any(_is_coco(path) for path in files[:10]) else None


def _is_coco(path: Path) -> bool:
    """Tell by the words that a file of COCO begins or ends with; a large one is not read whole."""
    if path.suffix.lower() != ".json":
        return False
    with path.open("rb") as file:
        head = file.read(1 << 20)
        file.seek(max(0, path.stat().st_size - (1 << 20)))
        ends = head + file.read()
    return sum(f'"{word}"'.encode() in ends for word in ("images", "annotations", "categories")) == 3 or (
        b'"bbox"' in ends and b'"image_id"' in ends
    )


def _yolo(place: Path) -> dict[str, str] | None:
    labels = [one for one in (place / "labels", place / "train" / "labels", place / "labels" / "train") if one.is_dir()]
    texts = [one for folder in labels for one in _inside(folder) if one.suffix == ".txt" and one.name != "classes.txt"]
    return {"folder": str(place)} if texts and any(_is_yolo(path) for path in texts[:20]) else None


def _is_yolo(path: Path) -> bool:
    """Rows of a class and four shares of the picture."""
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = file.read(4096).split("\n")[:5]
    rows = [line.split() for line in lines if line.strip()]
    return bool(rows) and all(len(row) == 5 and all(re.fullmatch(r"[-+.\deE]+", one) for one in row) for row in rows)


def _dicom_seg(place: Path) -> dict[str, str] | None:
    """Recognise a folder of DICOM below which a SEG lies, by the first bytes of its files."""
    if not place.is_dir() or not any(_is_dicom(path) for path in _some_files(place)):
        return None
    files = (path for path in islice(place.rglob("*"), _MOST_FILES) if path.is_file())
    return {"folder": str(place)} if any(_is_dicom(path, _SEG) for path in files) else None


def _some_files(folder: Path) -> Iterator[Path]:
    """Return the first file of each folder, three levels down."""
    inside = _inside(folder)
    yield from (one for one in inside if one.is_file())
    for level in inside[:5]:
        for one in _inside(level)[:5]:
            yield from [one] if one.is_file() else _inside(one)[:2]


def _is_dicom(path: Path, of_class: bytes = b"") -> bool:
    """Tell by the first bytes, in which the class of the object stands, whether a file is DICOM (of that class)."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(1024)
    return head[128:132] == b"DICM" and of_class in head


def _image_pairs(place: Path) -> dict[str, str] | None:
    return {"folder": str(place)} if two_folders(place) else None


def _paired(place: Path) -> dict[str, str] | None:
    sides = [side for name in SIDES if (side := _named(place, (name,))) is not None]
    for folder in (place, *sides):
        images, masks = _named(folder, IMAGES), _named(folder, MASKS)
        if images is None or masks is None:
            continue
        inner = [one.name for one in _inside(images)[:5] if one.is_dir()]
        pairs = [(images, masks), *((_named(images, (name,)), _named(masks, (name,))) for name in inner)]
        if any(_holds(one, image_endings()) and _holds(other, image_endings()) for one, other in pairs):
            return {"folder": str(place)}
    folders = [one for one in _inside(place)[:5] if one.is_dir()]
    deeper = [inner for one in folders for inner in _inside(one)[:3] if inner.is_dir()]
    return {"folder": str(place)} if any(_beside(one) for one in (place, *folders, *deeper)) else None


def _beside(folder: Path) -> bool:
    """Tell whether masks lie beside their images in one folder (x.tif, x_mask.tif)."""
    names = [stem(one.name) for one in _inside(folder) if one.name.lower().endswith(image_endings())]
    masks = {bare(name) for name in names if is_mask(name)}
    return bool(masks & {bare(name) for name in names if not is_mask(name)})


def _listed(*wanted: str) -> Callable[[Path], dict[str, str] | None]:
    """Recognise a table (or a folder with one such table) that has these columns."""

    def known(place: Path) -> dict[str, str] | None:
        if place.is_dir():
            found = sole_table(place, "image", *wanted)
            return {"file": str(found)} if found is not None else None
        if place.suffix.lower() not in ENDINGS:
            return None
        read = table(place)
        return {"file": str(place)} if all(read.column(what) for what in ("image", *wanted)) else None

    return known


def _held(*wanted: str) -> Callable[[Path], dict[str, str] | None]:
    """Recognise an .npz file (or a folder with one alone) that holds arrays of these names."""

    def known(place: Path) -> dict[str, str] | None:
        files = [place] if place.is_file() else [one for one in _inside(place) if one.is_file()]
        packed = [one for one in files if one.suffix.lower() == ".npz"]
        if len(packed) != 1:
            return None
        try:
            with zipfile.ZipFile(packed[0]) as file:
                names = {name.removesuffix(".npy") for name in file.namelist()}
        except (zipfile.BadZipFile, OSError) as problem:
            raise Refused(packed[0], f"it cannot be read ({problem})", "copy it again") from problem
        there = all(any(name in names for name in one.split("|")) for one in wanted)
        return {"file": str(packed[0])} if there else None

    return known


def _class_folders(place: Path) -> dict[str, str] | None:
    root = _named(place, ("train",)) or place
    classes = [one for one in _inside(root) if one.is_dir() and _holds(one, image_endings())]
    return {"folder": str(place)} if len(classes) > 1 else None


_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
LAYOUTS: tuple[Layout, ...] = (
    Layout("decathlon", "segmentation", "MSD or nnU-Net", _decathlon),
    Layout("total_segmentator", "segmentation", "TotalSegmentator", _total_segmentator),
    Layout("bids", "segmentation", "BIDS", _bids),
    Layout("instance_masks", "segmentation", "Kaggle's masks", _instances),
    Layout("voc", "detection", "Pascal VOC", _voc),
    Layout("yolo_txt", "detection", "YOLO txt", _yolo),
    Layout("paired", "segmentation", "images/ with masks/", _paired),
    Layout("image_pairs", "translation", "image pairs", _image_pairs),
    Layout("coco", "detection", "COCO", _coco),
    Layout("medmnist", "classification", "MedMNIST", _held("train_images", "train_labels")),
    Layout(
        "arrays",
        "segmentation",
        ".npz",
        _held("images|image|x|X|train_images", "masks|mask|labels|y|Y|train_masks"),
    ),
    Layout("mask_table", "segmentation", "CSV tables", _listed("mask")),
    Layout("image_text", "captioning", "CSV tables", _listed("text")),
    Layout("class_table", "classification", "CSV tables", _listed("class")),
    Layout("dicom_seg", "segmentation", "DICOM with SEG", _dicom_seg),
    Layout("class_folders", "classification", "a folder a class", _class_folders),
    Layout("instance_boxes", "detection", "Kaggle's masks", _objects),
)
"""All layouts, the most telling first: a folder that fits two is the first of them."""
