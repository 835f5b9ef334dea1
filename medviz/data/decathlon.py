"""A folder as the Medical Segmentation Decathlon and nnU-Net lay it out: imagesTr, labelsTr and dataset.json.

Both forms of dataset.json are read: MSD and nnU-Net 1 (a list of pairs, labels "1": "liver") and nnU-Net 2 (no list,
labels "liver": 1, one file a channel named CASE_0000). What is wrong is refused with the file and the remedy.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from medviz.data.cases import Cases, Contents, Fold, HeldOut, Labelled, Pair, Patient, enough, grouped, stem
from medviz.data.gate import Gate
from medviz.data.mending import Grids, LeaveOut, Relabel
from medviz.parameters import File
from medviz.refused import Refused

_FLAT = (".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Decathlon(Cases):
    """Scans with label maps in the layout of the Medical Segmentation Decathlon or nnU-Net."""

    folder: Annotated[str, File(folder=True), "The folder that holds dataset.json"] = ""
    held_out: HeldOut = 0.2
    fold: Fold = 0
    patient: Patient = ""
    leave_out: LeaveOut = ""
    relabel: Relabel = ""
    grids: Grids = "refuse"
    labelled: Labelled = None

    def listed(self, gate: Gate) -> Contents:
        """Read what the folder declares; refuses a folder that cannot be trained on."""
        return contents(Path(self.folder), self.patient, gate)


def contents(folder: Path, patient: str = "", gate: Gate | None = None) -> Contents:
    """Read dataset.json and find the pairs; refuses (Refused) what cannot be trained on."""
    gate = gate or Gate()
    if not str(folder) or str(folder) == ".":
        raise Refused("data folder", "none was chosen", "choose the folder that holds dataset.json")
    if not folder.is_dir():
        raise Refused(folder, "there is no such folder", "choose the folder that holds dataset.json")
    path = folder / "dataset.json"
    if not path.is_file():
        raise Refused(folder, "it has no dataset.json", "choose a folder in the layout of MSD or nnU-Net")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Refused(path, f"it is no JSON ({problem})", "repair it") from problem
    if not isinstance(said, dict) or not isinstance(said.get("labels"), dict):
        raise Refused(path, "it declares no labels", 'add "labels": {"0": "background", "1": "..."}')
    names, values = _labels(said["labels"], path)
    channels = max(1, len(said.get("channel_names") or said.get("modality") or {"0": ""}))
    if said.get("dataset"):
        pairs = tuple(_told(folder, said, path, gate))
    elif isinstance(said.get("training"), list) and said["training"]:
        pairs = tuple(_listed(folder, said, channels, gate))
    else:
        pairs = tuple(_found(folder, said, channels, gate))
    return Contents(names, values, channels, grouped(enough(folder, pairs, gate.lenient), patient), folder)


def _labels(said: dict[str, Any], path: Path) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names and values but for the background, from {"1": "liver"} (MSD) or {"liver": 1} (nnU-Net 2)."""
    try:
        if all(str(key).isdigit() for key in said):
            pairs = sorted((int(key), str(name)) for key, name in said.items())
        else:
            pairs = sorted((int(value), str(name)) for name, value in said.items() if name != "ignore")
    except (TypeError, ValueError) as problem:
        raise Refused(path, "its labels are no whole numbers (regions?)", 'write {"1": "liver", ...}') from problem
    kept = [(value, name) for value, name in pairs if value != 0]
    if not kept:
        raise Refused(path, "it declares no label but the background", "declare what is to be learnt")
    return tuple(name for _, name in kept), tuple(value for value, _ in kept)


def _listed(folder: Path, said: dict[str, Any], channels: int, gate: Gate) -> Iterator[Pair]:
    """Pairs as MSD lists them; nnU-Net 1 lists CASE.nii.gz and has CASE_0000.nii.gz ..., one file a channel."""
    for entry in said["training"]:
        if not isinstance(entry, dict) or not {"image", "label"} <= set(entry):
            fault = "an entry of its training list names no image and label"
            raise Refused(folder / "dataset.json", fault, 'write {"image": "./imagesTr/…", "label": "./labelsTr/…"}')
        image, label = folder / str(entry["image"]), folder / str(entry["label"])
        name = stem(image.name)
        ending = image.name.removeprefix(name)
        first = image.with_name(f"{name}_0000{ending}")
        split = not image.is_file() and first.is_file()
        images = tuple(image.with_name(f"{name}_{channel:04d}{ending}") for channel in range(channels if split else 0))
        images = images or (image,)
        missing = [path for path in (*images, label) if not path.is_file()]
        if missing and gate.lets(name):
            fault = "dataset.json lists it, but it is not there"
            gate.turn_away(name, "missing", Refused(missing[0], fault, "restore it or take it off the list"))
        elif gate.lets(name):
            yield Pair(name, images, (label,))


def _told(folder: Path, said: dict[str, Any], path: Path, gate: Gate) -> Iterator[Pair]:
    """Pairs as nnU-Net 2 may list them: "dataset": {case: {"images": [one a channel], "label": ...}}."""
    try:
        cases = {
            str(name): (tuple(folder / str(image) for image in one["images"]), folder / str(one["label"]))
            for name, one in said["dataset"].items()
        }
    except (TypeError, KeyError, AttributeError) as problem:
        raise Refused(path, "a case of its dataset names no images and label", "mend it as nnU-Net has it") from problem
    for name, (images, label) in cases.items():
        missing = next((one for one in (*images, label) if not one.is_file()), None)
        if missing is not None and gate.lets(name):
            fault = "dataset.json lists it, but it is not there"
            gate.turn_away(name, "missing", Refused(missing, fault, "restore it or take it off the list"))
        elif gate.lets(name):
            yield Pair(name, images, (label,))


def _found(folder: Path, said: dict[str, Any], channels: int, gate: Gate) -> Iterator[Pair]:
    """Pairs as nnU-Net 2 finds them: labelsTr/CASE and imagesTr/CASE_0000, CASE_0001, ..."""
    ending = str(said.get("file_ending", ".nii.gz"))
    labels = sorted((folder / "labelsTr").glob(f"*{ending}"))
    if not labels:
        raise Refused(folder, f"labelsTr holds no {ending} file", "put the label maps there")
    for label in labels:
        name = label.name.removesuffix(ending)
        images = tuple(folder / "imagesTr" / f"{name}_{channel:04d}{ending}" for channel in range(channels))
        if ending in _FLAT and not any(path.is_file() for path in images[1:]):
            images = images[:1]  # the channels of a picture are its colours, in one file
        missing = [path for path in images if not path.is_file()]
        if missing and gate.lets(name):
            fault = f"its scan {missing[0].name} is not in imagesTr"
            gate.turn_away(name, "missing", Refused(label, fault, "restore it or remove the label map"))
        elif gate.lets(name):
            yield Pair(name, images, (label,))
