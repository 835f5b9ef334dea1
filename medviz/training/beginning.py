"""Weights that training begins with: of a run, of a file, of a MONAI bundle; as many of them as fit.

What does not fit keeps the numbers of chance and is told: the head for another count of classes, or a first layer for
another count of channels (whose weights are summed over the channels and shared out, so that grey answers as the
colours together).
"""

import io
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from medviz.imaging.storage import need_room, opening
from medviz.messages import Note
from medviz.refused import Refused
from medviz.training.run import weights as weights_of_run

_HOLDERS = ("state_dict", "model_state_dict", "network", "model", "network_weights", "net", "weights")
"""Under such a name other programs put the weights beside other things."""
_WRAPPERS = ("module.", "model.", "network.", "net.", "_orig_mod.", "backbone.", "encoder.")
"""What other programs write before each name."""
_IN_BUNDLE = ("models/model.pt", "models/model.pth")
_FILLING = "masked"
"""The task whose networks are made for what is learnt after it: there what is left to chance is as it should be."""
_REMEDY = "take a run, a safetensors file, a .pt file of weights alone, or a MONAI bundle"
_SAID = 3


@dataclass(frozen=True)
class Begun:
    """What became of the weights: how many the network has, which fitted, which were fitted, and what was left out.

    `learnt` is the task of the run that they come from, empty where they come from a file.
    """

    source: str
    wanted: int
    taken: int
    fitted: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unused: int = 0
    learnt: str = ""

    def note(self) -> Note:
        """Say it in a sentence; a warning where something was left out that need not be."""
        if self.learnt == _FILLING:
            return self._after_filling()
        text = f"Begins with {self.taken} of {self.wanted} weights of {self.source}"
        if self.fitted:
            text += f"; {_some(self.fitted)} fitted to the channels"
        if self.left_out:
            text += f"; left to chance: {_some(self.left_out)}"
        if self.unused:
            text += f"; {self.unused} of the file not used"
        if not self.left_out:
            return Note(text)
        return Note(text, "warning", "This is as it should be for a head with other classes; else check the network")

    def _after_filling(self) -> Note:
        """Say it of a run that learnt without labels: which blocks it could not know."""
        text = f"Begins with {self.taken} of {self.wanted} weights of {self.source}, which learnt by filling in"
        blocks = tuple(dict.fromkeys(name.split(".")[0] for name in self.left_out))
        if blocks:
            text += f"; left to chance: {len(self.left_out)} in {', '.join(blocks)}"
        if self.unused:
            text += f"; {self.unused} that only filled in are not used"
        return Note(text)


def begin_with(network: nn.Module, start: Path) -> Begun:
    """Fill a network with the weights of a run or a file, as far as they fit; refuses those of which none do."""
    found = read_weights(start)
    own = network.state_dict()
    named = _under_our_names(found, own)
    first = next((name for name, one in own.items() if one.ndim > 3), "")
    fitting: dict[str, Tensor] = {}
    fitted = []
    for name, value in own.items():
        if name not in named:
            continue
        given = named[name]
        if given.shape == value.shape:
            fitting[name] = given.to(value.dtype)
        elif name == first and _but_for_channels(given, value):
            fitting[name] = _shared(given, value)
            fitted.append(name)
    if not any(own[name].ndim > 1 for name in fitting):
        remedy = "choose the network they were taught, of the same width and depth"
        raise Refused(start, "its weights do not fit this network", remedy)
    network.load_state_dict(fitting, strict=False)
    left_out = tuple(_told(name, own[name], named.get(name)) for name in own if name not in fitting)
    unused = len(set(named) - set(own))
    return Begun(start.name, len(own), len(fitting), tuple(fitted), left_out, unused, _learnt(start))


def _learnt(start: Path) -> str:
    """Return the task of a run, empty where it is none or does not say."""
    try:
        said = tomllib.loads((start / "task.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(said.get("task") or "")


def read_weights(start: Path) -> dict[str, Tensor]:
    """Read weights by name; refuses what holds none, and what would have to be run to be read."""
    if (start / "task.toml").is_file():
        return weights_of_run(start)[0]
    if start.is_dir():
        inside = next((start / name for name in _IN_BUNDLE if (start / name).is_file()), None)
        if inside is None:
            raise Refused(start, "there is no run to begin with in it, and no bundle", _REMEDY)
        return read_weights(inside)
    if not start.is_file():
        raise Refused(start, "there is no run to begin with, and no file", _REMEDY)
    if start.suffix.lower() == ".safetensors":
        return _safetensors(start)
    if start.suffix.lower() == ".zip":
        return _of_pickle(_of_zip(start), start)
    with opening(start):
        need_room(start, 2 * start.stat().st_size)
        return _of_pickle(start.read_bytes(), start)


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with opening(path), safe_open(path, framework="pt") as file:
            need_room(path, path.stat().st_size)
            return {name: file.get_tensor(name).clone() for name in file.keys()}
    except (SafetensorError, ValueError) as problem:
        raise Refused(path, f"it cannot be read ({problem})", "download it again") from problem


def _of_zip(path: Path) -> bytes:
    try:
        with opening(path), zipfile.ZipFile(path) as zipped:
            inside = next((one for one in zipped.infolist() if one.filename.endswith(_IN_BUNDLE)), None)
            if inside is None:
                raise Refused(path, "it is no bundle with weights (models/model.pt)", _REMEDY)
            need_room(path, 2 * inside.file_size)
            return zipped.read(inside)
    except (zipfile.BadZipFile, EOFError, RuntimeError) as problem:
        raise Refused(path, "it is no archive that can be read", "download it again") from problem


def _of_pickle(data: bytes, path: Path) -> dict[str, Tensor]:
    """Read what torch.save wrote, weights only: nothing in it is run."""
    try:
        held: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as problem:  # a damaged or hostile file may fail in any way; it is refused in each
        fault = "it holds more than weights, or is damaged; it is not opened"
        raise Refused(path, fault, "save its state_dict alone, as safetensors or with torch.save") from problem
    held = held if isinstance(held, Mapping) else {}
    held = next((held[name] for name in _HOLDERS if isinstance(held.get(name), Mapping)), held)
    found = {str(name): one for name, one in held.items() if isinstance(one, Tensor)}
    if not found:
        raise Refused(path, "there are no weights by name in it", _REMEDY)
    return found


def _under_our_names(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take off, or put on, what wraps the names of other programs, whichever lets most of them fit."""

    def fits(named: Mapping[str, Tensor]) -> int:
        return sum(1 for name, one in named.items() if name in own and own[name].shape == one.shape)

    best = dict(found)
    for _ in range(2):  # some are wrapped twice
        offered = [{name.removeprefix(wrapper): one for name, one in best.items()} for wrapper in _WRAPPERS]
        offered += [{wrapper + name: one for name, one in best.items()} for wrapper in _WRAPPERS]
        best = max([best, *offered], key=fits)
    return best


def _but_for_channels(given: Tensor, wanted: Tensor) -> bool:
    """Tell whether two weights of a first convolution differ in the count of channels alone."""
    return given.ndim == wanted.ndim > 3 and given.shape[0] == wanted.shape[0] and given.shape[2:] == wanted.shape[2:]


def _shared(given: Tensor, wanted: Tensor) -> Tensor:
    """Sum over the channels and share out among those there are."""
    grey = given.to(wanted.dtype).sum(1, keepdim=True) / wanted.shape[1]
    return grey.expand_as(wanted).clone()


def _told(name: str, wanted: Tensor, given: Tensor | None) -> str:
    if given is None:
        return name
    return f"{name} ({_shape(given)} → {_shape(wanted)})"


def _shape(one: Tensor) -> str:
    return "×".join(map(str, one.shape)) or "1"


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _SAID
    return ", ".join(names[:_SAID]) + (f" and {more} more" if more > 0 else "")
