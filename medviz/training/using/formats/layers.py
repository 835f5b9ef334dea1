"""TensorFlow.js layers models that are chains of 3-D convolutions (brainchop's MeshNet): JSON and raw numbers.

The folder holds ``model.json`` (the layers in Keras' words, and the list of weights) and one or more binary files.
Nothing in it is run: the layers are read, checked and built anew. A scan is brought to what brainchop's models want:
256³ voxels of 1 mm in LIA order, eight bits, scaled to 0…1.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.data.needs import Needs
from medviz.imaging.storage import need_room, opening
from medviz.networks.meshnet import ACTIVATIONS, Link, MeshNet
from medviz.refused import Refused
from medviz.training.using.formats.form import Format, card_beside, needs_of, ready
from medviz.training.using.model import Model
from medviz.training.using.shelf import read_json
from medviz.training.using.trust import Trust, digest_of

_TYPES = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2", "int32": "<i4"}
_IDLE = {"InputLayer", "Dropout", "SpatialDropout3D", "GaussianNoise"}
_REMEDY = "take a MeshNet: a chain of 3-D convolutions"
CONFORMED = Needs(
    axes="LIA", spacing="1,1,1", fit="conform", size="256,256,256", eight_bit=True, scale="unit", output="scores"
)
"""What brainchop's models want (its ``conform``)."""


def recognises(where: str) -> bool:
    """Tell whether it is a folder with a layers model, or its ``model.json``."""
    path = _json_of(where)
    return path is not None and b'"modelTopology"' in path.read_bytes()[:100_000]


def load(where: str, needs: Needs | None = None) -> Model:
    """Build the chain; names of the labels come from ``colormap*.json`` beside it."""
    path = _json_of(where)
    if path is None:
        raise Refused(where, "it holds no model.json", _REMEDY)
    folder = path.parent
    said = read_json(path)
    weights = _weights(said, folder)
    network = MeshNet(_links(said, weights, folder))
    sha256 = digest_of(folder, ("model.json", *_parts(said, folder)))
    card = card_beside(folder, sha256)
    names = _names(folder)
    trust = Trust.of(card, format="TensorFlow.js layers (MeshNet)", sha256=sha256, labels=names)
    asked = needs or needs_of(card) or CONFORMED
    return ready(folder.name, network, asked, trust, folder, names)


def _json_of(where: str) -> Path | None:
    path = Path(where) if where else Path(".none")
    path = path / "model.json" if path.is_dir() else path
    return path if path.name == "model.json" and path.is_file() else None


def _links(said: Mapping[str, Any], weights: Mapping[str, NDArray[np.float32]], folder: Path) -> list[Link]:
    """Read the chain: each layer must take what the one before puts out."""
    links: list[Link] = []
    before = None
    for layer in _layers(said, folder):
        kind, config = str(layer.get("class_name")), dict(layer.get("config") or {})
        name = str(config.get("name", layer.get("name")))
        if before is not None and before not in str(layer.get("inbound_nodes", before)):
            raise Refused(folder, f"its layer {name} does not follow {before}", _REMEDY)
        before = name
        if kind == "Conv3D":
            links.append(_link(name, config, weights, folder))
        elif kind == "Activation" and links and str(config.get("activation")) in ACTIVATIONS:
            links[-1] = Link(links[-1].weight, links[-1].bias, links[-1].dilation, str(config["activation"]))
        elif kind not in _IDLE:
            raise Refused(folder, f"its layer {name} is a {kind}", _REMEDY)
    if not links or any(a.weight.shape[0] != b.weight.shape[1] for a, b in pairwise(links)):
        raise Refused(folder, "its layers do not fit together", _REMEDY)
    return links


def _layers(said: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    try:
        layers = said["modelTopology"]["model_config"]["config"]["layers"]
        return [dict(layer) for layer in layers]
    except (KeyError, TypeError, ValueError) as problem:
        raise Refused(folder, "its model.json lists no layers", _REMEDY) from problem


def _link(name: str, config: Mapping[str, Any], weights: Mapping[str, NDArray[np.float32]], folder: Path) -> Link:
    dilation, activation = config.get("dilation_rate", [1, 1, 1]), str(config.get("activation", "linear"))
    plain = config.get("data_format", "channels_last") == "channels_last" and config.get("padding") == "same"
    straight = set(config.get("strides", [1])) == {1} and int(config.get("groups", 1)) == 1 and len(set(dilation)) == 1
    kernel = weights.get(f"{name}/kernel")
    if not plain or not straight or activation not in ACTIVATIONS or kernel is None or kernel.ndim != 5:
        raise Refused(folder, f"its layer {name} is of a kind that is not known", _REMEDY)
    if any(side % 2 == 0 for side in kernel.shape[:3]):
        raise Refused(folder, f"its layer {name} has an even kernel", _REMEDY)
    bias = weights.get(f"{name}/bias", np.zeros(kernel.shape[4], np.float32))
    if bias.shape != (kernel.shape[4],):
        raise Refused(folder, f"its layer {name} has a bias of another size", "download it again")
    weight = torch.from_numpy(np.ascontiguousarray(kernel.transpose(4, 3, 0, 1, 2)))  # (k, k, k, in, out) → torch's
    return Link(weight, torch.from_numpy(bias.copy()), int(dilation[0]), activation)


def _weights(said: Mapping[str, Any], folder: Path) -> dict[str, NDArray[np.float32]]:
    """Read the binary files that the manifest lists, in its order."""
    made: dict[str, NDArray[np.float32]] = {}
    try:
        for group in said["weightsManifest"]:
            data = b"".join(_bytes(folder, str(name)) for name in group["paths"])
            place = 0
            for one in group["weights"]:
                made[str(one["name"])], place = _array(one, data, place, folder)
    except (KeyError, TypeError) as problem:
        raise Refused(folder, f"its list of weights lacks {problem}", "download it again") from problem
    return made


def _parts(said: Mapping[str, Any], folder: Path) -> list[str]:
    """Names of the binary files."""
    try:
        return [str(name) for group in said["weightsManifest"] for name in group["paths"]]
    except (KeyError, TypeError) as problem:
        raise Refused(folder, "its model.json lists no weights", "download it again") from problem


def _bytes(folder: Path, name: str) -> bytes:
    path = folder / name
    if Path(name).name != name:
        raise Refused(folder, f"its weights are said to lie elsewhere ({name})", "take a model you trust")
    with opening(path):
        need_room(path, path.stat().st_size)
        return path.read_bytes()


def _array(one: Mapping[str, Any], data: bytes, place: int, folder: Path) -> tuple[NDArray[np.float32], int]:
    """One array, freed of its quantisation: value = stored · scale + min."""
    packed = one.get("quantization") or {}
    kind = _TYPES.get(str(packed.get("dtype", one["dtype"])))
    shape = tuple(int(side) for side in one["shape"])
    if kind is None or any(side < 0 for side in shape):
        raise Refused(folder, f"its weight {one['name']} is of a type that is not known", _REMEDY)
    end = place + math.prod(shape) * np.dtype(kind).itemsize
    if end > len(data):
        raise Refused(folder, "its weights are cut short", "download it again")
    values = np.frombuffer(data[place:end], kind).astype(np.float32).reshape(shape)
    if "scale" in packed:
        values = values * np.float32(packed["scale"]) + np.float32(packed["min"])
    return values, end


def _names(folder: Path) -> tuple[str, ...]:
    """Names of the labels without the background, from a colour map beside the model; () where there is none."""
    for path in sorted(folder.glob("colormap*.json")):
        labels = read_json(path).get("labels")
        if isinstance(labels, dict):
            labels = [labels[key] for key in sorted(labels, key=int)]
        if isinstance(labels, list) and len(labels) > 1:
            return tuple(str(one) for one in labels[1:])
    return ()


FORMAT = Format(recognises, load)
