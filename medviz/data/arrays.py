"""Arrays in one .npz: images (N, rows, cols), (N, rows, cols, colours) or (N, x, y, z) with masks of the same N.

The arrays may be split already (train_images, train_masks, val_images ...); patients (N,) tells patients apart.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medviz.data.cases import MOST_CLASSES, Cases, Contents, Fold, HeldOut, Pair, enough
from medviz.data.gate import Gate
from medviz.data.masks import FOREGROUND
from medviz.data.mending import LeaveOut
from medviz.data.paired import ClassNames, split
from medviz.imaging.readers.flat import flat_volume
from medviz.imaging.storage import need_room
from medviz.imaging.volume import Array, Stored, Volume
from medviz.parameters import File
from medviz.refused import Refused

IMAGES = ("images", "image", "imgs", "x", "X")
MASKS = ("masks", "mask", "labels", "label", "segmentations", "y", "Y")
PATIENTS = ("patients", "patient", "groups", "subjects")
_SIDES = ("", "train", "val", "test")


@dataclass(frozen=True, eq=False)
class Part:
    """The arrays of one side: images (N, ..., channels last), masks (N, ...) of whole numbers, patients or None."""

    images: Array
    masks: Array
    patients: Array | None


@dataclass(frozen=True)
class Arrays(Cases):
    """Images and masks as arrays in one .npz file."""

    file: Annotated[str, File(wildcard="*.npz"), "The .npz file with images and masks"] = ""
    names: ClassNames = ""
    held_out: HeldOut = 0.2
    fold: Fold = 0
    leave_out: LeaveOut = ""

    @cached_property
    def _parts(self) -> Mapping[str, Part]:
        return parts(Path(self.file))

    def listed(self, gate: Gate) -> Contents:
        """List the images of all sides; refuses arrays that do not belong together."""
        path, values = Path(self.file), self._values
        named = split(self.names)
        if named and len(named) != len(values):
            raise Refused(path, f"{len(named)} classes are named and its masks hold {len(values)}", "name them all")
        names = named or ((FOREGROUND,) if len(values) == 1 else tuple(f"label {value}" for value in values))
        pairs = tuple(
            Pair(f"{side or 'image'} {number}", (path,), (path,), _owner(part, number), side)
            for side, part in self._parts.items()
            for number in range(len(part.images))
        )
        channels = {part.images.shape[-1] for part in self._parts.values()}
        if len(channels) > 1:
            raise Refused(path, "its sides have different channels", "save them alike")
        first = next(iter(self._parts.values()))
        count = 1 if first.images.ndim == 4 and channels == {3} else channels.pop()
        pairs = enough(path, gate.some(pairs, lambda one: one.name), gate.lenient)
        return Contents(names, values, count, pairs, path.parent)

    def header_of(self, pair: Pair) -> dict[str, Any]:
        """Shape and colours of a picture."""
        image, _ = self._at(pair)
        shape = image.shape[:-1] if image.ndim == 4 else (image.shape[1], image.shape[0], 1)
        colour = image.ndim == 3 and image.shape[-1] == 3
        return {"shape": shape, "axes": "", "spacing_mm": None, "dtype": "rgb24" if colour else image.dtype.name}

    def scans_of(self, pair: Pair) -> list[Volume]:
        """Return the image of a case as a volume without a place in a patient."""
        image, _ = self._at(pair)
        return [_volume(image, pair.name)]

    def label_of(self, pair: Pair, scan: Volume) -> NDArray[np.uint8]:
        """Return the mask of a case as 0, 1, 2, ..."""
        _, mask = self._at(pair)
        found = _volume(mask[..., np.newaxis], pair.name).frame()
        order = np.searchsorted(self._values, found) + 1
        return np.where(found == 0, 0, order).astype(np.uint8)

    def _at(self, pair: Pair) -> tuple[Array, Array]:
        part, number = self._parts[pair.side], int(pair.name.rsplit(" ", 1)[1])
        return part.images[number], part.masks[number]

    @cached_property
    def _values(self) -> tuple[int, ...]:
        found = {int(value) for part in self._parts.values() for value in np.unique(part.masks) if value != 0}
        if not found:
            raise Refused(self.file, "its masks are all 0", "save the masks, 0 for the background")
        if len(found) > MOST_CLASSES or min(found) < 0:
            fault = f"its masks hold {len(found)} different values from {min(found)} to {max(found)}"
            raise Refused(self.file, fault, f"save whole numbers from 0, of {MOST_CLASSES} classes at most")
        return tuple(sorted(found))


def parts(path: Path) -> dict[str, Part]:
    """Read the arrays of a file by side ("" where it has none); nothing is unpickled."""
    if not str(path) or str(path) == ".":
        raise Refused("data file", "none was chosen", "choose an .npz file with images and masks")
    if not path.is_file():
        raise Refused(path, "there is no such file", "choose an .npz file with images and masks")
    try:
        with zipfile.ZipFile(path) as packed:
            need_room(path, 2 * sum(one.file_size for one in packed.infolist()))
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as problem:
        raise Refused(path, f"it cannot be read ({problem})", "save it anew with numpy.savez") from problem
    found = {side: part for side in _SIDES if (part := _part(arrays, side, path)) is not None}
    found.pop("test", None) if len(found) > 1 else None
    if not found:
        have = ", ".join(list(arrays)[:8]) or "nothing"
        raise Refused(path, f"it has no images with masks, only {have}", "save arrays called images and masks")
    return found


def _part(arrays: Mapping[str, Array], side: str, path: Path) -> Part | None:
    """Return the arrays of one side with channels last, None where it has none."""

    def named(words: tuple[str, ...]) -> Array | None:
        return next((arrays[name] for word in words if (name := f"{side}_{word}" if side else word) in arrays), None)

    images, masks = named(IMAGES), named(MASKS)
    if images is None or masks is None:
        return None
    images, masks = _channels_last(images, masks, path)
    if not np.array_equal(masks, np.rint(masks)):
        raise Refused(path, "its masks hold numbers that are not whole", "save 0, 1, 2 …")
    return Part(images, masks.astype(np.int64, copy=False), named(PATIENTS))


def _channels_last(images: Array, masks: Array, path: Path) -> tuple[Array, Array]:
    """Tell the channels by the shape of the masks, which have none; one mask a class (one-hot) becomes one of all."""
    if masks.ndim >= 4 and masks.shape[-1] == 1:
        masks = masks[..., 0]
    if masks.shape != images.shape and masks.shape[:-1] in (images.shape, images.shape[:-1]):
        masks = masks.argmax(-1)  # the background is the first
    if images.shape == masks.shape:
        images = images[..., np.newaxis]
    elif images.shape[:1] + images.shape[2:] == masks.shape:
        images = np.moveaxis(images, 1, -1)
    elif images.shape[:-1] != masks.shape:
        fault = f"images {images.shape} and masks {masks.shape} do not belong together"
        raise Refused(path, fault, "save images (N, rows, cols) and masks (N, rows, cols)")
    if not len(images) or images.ndim not in (4, 5):
        raise Refused(path, f"images {images.shape} are no pictures or volumes", "save (N, rows, cols) or (N, x, y, z)")
    return images, masks


def _owner(part: Part, number: int) -> str:
    return str(part.patients[number]) if part.patients is not None and number < len(part.patients) else ""


def _volume(image: Array, name: str) -> Volume:
    """A picture (rows, cols, channels) or a volume (x, y, z, channels) as read from a .npy file."""
    image = image.astype(np.uint8) if image.dtype == np.bool_ else image
    if image.ndim == 3 and image.shape[-1] in (1, 3):
        return flat_volume(image[..., 0] if image.shape[-1] == 1 else image, name, "NumPy", image.dtype)
    voxels = np.moveaxis(image if image.ndim == 4 else image[::-1, ::-1].transpose(1, 0, 2)[:, :, np.newaxis], -1, 0)
    stored = Stored("NumPy", voxels.shape[1:], "RAS", np.eye(4), voxels.dtype)
    kind: Any = "frames" if len(voxels) > 1 else "scalar"
    return Volume(voxels, np.eye(4), stored, name=name, kind=kind, calibrated=False, oriented=False)
