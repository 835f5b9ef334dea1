"""MONAI bundles: a folder or a zip with ``configs/metadata.json``, ``configs/inference.json`` and ``models/``.

A bundle's configuration may hold Python ("$...") that MONAI's own parser evaluates, and names classes to be built. Here
it is only read: values that would have to be evaluated are not known, and a network is built only where its class is in
the list below and its settings are plain values. ``models/model.ts`` (TorchScript) is taken where it is there.
"""

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medviz.catalog import Catalog, Entry
from medviz.data.needs import Needs
from medviz.imaging.storage import in_words, need_room, opening
from medviz.refused import Refused
from medviz.training.using.formats.form import (
    BROKEN,
    Asks,
    Format,
    archive,
    card_beside,
    first_convolution,
    member,
    needs_of,
    ready,
)
from medviz.training.using.formats.scripts import opened
from medviz.training.using.model import Model
from medviz.training.using.shelf import LARGEST_CARD, as_object
from medviz.training.using.trust import Trust, digest_of

_NETS = (
    "AttentionUnet", "BasicUNet", "BasicUNetPlusPlus", "DynUNet", "FlexibleUNet", "HighResNet", "SegResNet",
    "SegResNetDS", "SegResNetVAE", "SwinUNETR", "UNETR", "UNet", "VNet",
)  # fmt: skip
NETS: Catalog[Callable[..., nn.Module]] = Catalog(
    "MONAI network", "medviz.bundles", {name: Entry(f"monai.networks.nets:{name}") for name in _NETS}
)
"""The only classes that a bundle may name."""
_METADATA, _REMEDY = "configs/metadata.json", "take a bundle of MONAI's model zoo, or its model.ts"
_INFERENCE = ("configs/inference.json", "configs/evaluate.json", "configs/train.json")
_SCRIPTS, _WEIGHTS = ("models/model.ts", "models/model.torchscript"), ("models/model.pt", "models/model.pth")
_IDLE = {"LoadImage", "EnsureChannelFirst", "AddChannel", "AsChannelFirst", "EnsureType", "ToTensor", "CastToType",
         "CropForeground", "DivisiblePad", "SpatialPad", "Identity", "ToDevice", "FromMetaTensor", "CopyItems",
         "SelectItems", "DeleteItems", "Lambda", "Transpose"}  # fmt: skip


def recognises(where: str) -> bool:
    """Tell whether it is a folder or a zip with a bundle's metadata."""
    path = Path(where) if where else Path(".none")
    if path.is_dir():
        return (path / _METADATA).is_file()
    if path.suffix.lower() != ".zip" or not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as zipped:
            return any(name.endswith(_METADATA) for name in zipped.namelist())
    except BROKEN:
        return False


def load(where: str, needs: Needs | None = None) -> Model:
    """Read the configuration, build or load the network, and try it."""
    path = Path(where)
    files = _Files(path)
    said = files.json(_METADATA)
    recipe = next((files.json(name) for name in _INFERENCE if name in files), {})
    network = _network(files, recipe, where)
    sha256 = digest_of(path)
    card = card_beside(path, sha256)
    read, unread = _needs(said, recipe, network)
    labels = _labels(said)
    says_so = "preprocessing" in recipe or "preprocessing_transforms" in recipe
    asked = needs or needs_of(card) or (read if says_so else None)
    if asked is None:
        raise Asks(where, replace(read, scale="unit", labels=", ".join(labels)))
    trust = Trust.of({**_about(said, unread), **card}, format="MONAI bundle", sha256=sha256)
    return ready(str(said.get("name") or path.stem), network, asked, trust, where, labels)


class _Files:
    """The files of a bundle, in a folder or in a zip (there below the bundle's own folder)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zipped: dict[str, bytes] | None = None
        if not path.is_dir():
            with opening(path), archive(path, path.read_bytes()) as zipped:
                top = next(one for one in zipped.namelist() if one.endswith(_METADATA)).removesuffix(_METADATA)
                wanted = {*_INFERENCE, _METADATA, *_SCRIPTS, *_WEIGHTS}
                inside = {name.removeprefix(top): name for name in zipped.namelist() if name.startswith(top)}
                self._zipped = {
                    name: member(zipped, inside[name], path, zipped.getinfo(inside[name]).file_size)
                    for name in wanted
                    if name in inside
                }

    def __contains__(self, name: str) -> bool:
        return name in self._zipped if self._zipped is not None else (self.path / name).is_file()

    def read(self, name: str) -> bytes:
        """Read a file whole."""
        if self._zipped is not None:
            return self._zipped[name]
        with opening(self.path / name):
            need_room(self.path / name, (self.path / name).stat().st_size)
            return (self.path / name).read_bytes()

    def json(self, name: str) -> dict[str, Any]:
        """Read a configuration; refuses one that is far too large."""
        data = self.read(name)
        if len(data) > LARGEST_CARD:
            raise Refused(self.path, f"its {name} has {in_words(len(data))}", _REMEDY)
        return as_object(data, self.path / name)


def _network(files: _Files, recipe: Mapping[str, Any], where: str) -> nn.Module:
    script = next((name for name in _SCRIPTS if name in files), None)
    if script is not None:
        return opened(files.read(script), f"{where}/{script}")
    weights = next((name for name in _WEIGHTS if name in files), None)
    if weights is None:
        raise Refused(where, "it holds no weights (models/model.ts or model.pt)", "download them with the bundle")
    network = built(recipe, where)
    data = files.read(weights)
    try:
        held = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        held = next((held[key] for key in ("state_dict", "model", "network") if key in held), held)
        network.load_state_dict(held)
    except Exception as problem:  # a damaged or hostile file may fail in any way; it is refused in each
        line = str(problem).strip().splitlines()[0][:100] if str(problem).strip() else type(problem).__name__
        raise Refused(where, f"its weights cannot be used ({line})", _REMEDY) from problem
    return network.eval()


def built(recipe: Mapping[str, Any], where: str) -> nn.Module:
    """Build the network that a configuration names, if its class is known and its settings are plain values."""
    said = _resolved(recipe.get("network_def", recipe.get("network")), recipe)
    if not isinstance(said, Mapping) or "_target_" not in said:
        raise Refused(where, "it does not say how its network is built", _REMEDY)
    target = str(said["_target_"])
    name = target.rpartition(".")[2]
    home = "monai.networks.nets"
    if name not in NETS or target not in (name, f"{home}.{name}", f"{home}.{name.lower()}.{name}"):
        raise Refused(where, f"it wants to build {target[:80]}, which is not in the list of known networks", _REMEDY)
    settings = {key: value for key, value in said.items() if not key.startswith("_")}
    bad = next((key for key, value in settings.items() if not _plain(value)), None)
    if bad is not None:
        raise Refused(where, f"the setting {bad} of its network would have to be evaluated", _REMEDY)
    try:
        return NETS[name](**settings)
    except (TypeError, ValueError, KeyError, RuntimeError) as problem:
        raise Refused(where, f"MONAI does not build its network ({str(problem)[:100]})", _REMEDY) from problem


def _resolved(value: Any, recipe: Mapping[str, Any], depth: int = 0) -> Any:
    """Follow references ("@spatial_dims") to plain values; what is Python ("$...") stays as it is and is not known."""
    if depth > 12:
        return value
    if isinstance(value, str) and (found := re.fullmatch(r"@([\w#:]+)", value)) is not None:
        target: Any = recipe
        for part in re.split(r"[#:]+", found[1]):
            if isinstance(target, Mapping) and part in target:
                target = target[part]
            elif isinstance(target, list) and part.isdigit() and int(part) < len(target):
                target = target[int(part)]
            else:
                return value
        return _resolved(target, recipe, depth + 1)
    if isinstance(value, Mapping):
        return {key: _resolved(inner, recipe, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, recipe, depth + 1) for inner in value]
    return value


def _plain(value: Any) -> bool:
    if isinstance(value, str):
        return not value.startswith(("$", "@", "%"))
    if isinstance(value, list):
        return all(_plain(one) for one in value)
    if isinstance(value, Mapping):
        return "_target_" not in value and all(_plain(one) for one in value.values())
    return isinstance(value, (int, float, bool, type(None)))


def _needs(said: Mapping[str, Any], recipe: Mapping[str, Any], network: nn.Module) -> tuple[Needs, list[str]]:
    """Read the transforms before the network; returns what could be read and the names of those that could not."""
    weights = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    dimensions, channels = first_convolution(weights) or (3, 1)
    about: dict[str, Any] = {"dimensions": dimensions, "channels": channels, "scale": "none"}
    unread: list[str] = []
    for step in _steps(_resolved(recipe.get("preprocessing", recipe.get("preprocessing_transforms")), recipe)):
        name = str(step.get("_target_", "")).rpartition(".")[2]
        try:
            known = _read(name.removesuffix("d"), step, about)
        except (KeyError, TypeError, ValueError):
            known = False  # its settings are no numbers
        if not known:
            unread.append(name)
    side = _tile(_resolved(recipe.get("inferer"), recipe))
    if side:
        about |= {"tile": max(16, min(512, side // 16 * 16))}
    for step in _steps(_resolved(recipe.get("postprocessing", {}), recipe)):
        if str(step.get("_target_", "")).rpartition(".")[2].removesuffix("d") == "Activations":
            about["output"] = "logits" if step.get("sigmoid") else "scores"
    return Needs.of(about), unread


def _steps(said: Any) -> list[Mapping[str, Any]]:
    found = said.get("transforms", []) if isinstance(said, Mapping) else said
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _read(name: str, step: Mapping[str, Any], about: dict[str, Any]) -> bool:
    """Take one transform into account; False where it is not known, or its settings would have to be evaluated."""
    settings = {key: value for key, value in step.items() if key != "_target_"}
    if name in _IDLE:
        return name != "Lambda"
    if not all(_plain(value) for value in settings.values()):
        return False
    if name == "Orientation":
        about["axes"] = str(settings.get("axcodes", "RAS"))
    elif name == "Spacing":
        mm = settings.get("pixdim", [])
        about["spacing"] = ",".join(f"{float(one):g}" for one in (mm if isinstance(mm, list) else [mm] * 3)[:3])
    elif name == "ScaleIntensityRange":
        low, high = float(settings["a_min"]), float(settings["a_max"])
        bottom, top = float(settings.get("b_min") or 0.0), float(settings.get("b_max") or 1.0)
        about |= {"clip": "values", "low": low, "high": high, "scale": "unit", "gain": top - bottom, "offset": bottom}
    elif name == "ScaleIntensityRangePercentiles":
        about |= {"clip": "percentiles", "low": float(settings["lower"]), "high": float(settings["upper"])}
        about |= {"scale": "unit", "gain": float(settings["b_max"]) - float(settings["b_min"])}
        about |= {"offset": float(settings["b_min"])}
    elif name == "ScaleIntensity":
        bottom, top = float(settings.get("minv", 0.0)), float(settings.get("maxv", 1.0))
        about |= {"scale": "unit", "gain": top - bottom, "offset": bottom}
    elif name == "NormalizeIntensity":
        about["scale"] = "nonzero" if settings.get("nonzero") else "spread"
    else:
        return False
    return True


def _tile(inferer: Any) -> int:
    roi = inferer.get("roi_size") if isinstance(inferer, Mapping) else None
    sides = roi if isinstance(roi, list) else [roi]
    return max((int(one) for one in sides if isinstance(one, int)), default=0)


def _labels(said: Mapping[str, Any]) -> tuple[str, ...]:
    outputs = _mapping(_mapping(said.get("network_data_format")).get("outputs"))
    first = next((one for one in outputs.values() if isinstance(one, Mapping)), {})
    names = _mapping(first.get("channel_def"))
    listed = [str(names[key]) for key in sorted(names, key=lambda key: int(key) if str(key).isdigit() else 0)]
    return tuple(listed[1:] if listed and listed[0].lower() in ("background", "bg", "other") else listed)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _about(said: Mapping[str, Any], unread: Sequence[str]) -> dict[str, Any]:
    metrics = {}
    for name, value in _mapping(said.get("eval_metrics")).items():
        if isinstance(value, (int, float)):
            metrics[str(name)] = float(value)
    limits = str(said.get("intended_use") or "")
    if unread:
        limits = f"Steps of its preparation that are not done here: {', '.join(unread)}. {limits}".strip()
    data = " ".join(str(said[key]) for key in ("data_source", "data_type") if said.get(key))
    return {
        "title": str(said.get("name") or ""),
        "summary": str(said.get("task") or said.get("description") or ""),
        "trained_on": data,
        "licence": str(said.get("copyright") or ""),
        "source": str(said.get("authors") or ""),
        "metrics": metrics,
        "limits": limits,
        "fingerprint": {"modality": str(said.get("image_classes") or "")},
    }


FORMAT = Format(recognises, load)
