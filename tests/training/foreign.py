"""Models as others write them, made for tests: TorchScript, torch.export, a brainchop folder, a MONAI bundle."""

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn


def network(channels: int = 1, classes: int = 3, dimensions: int = 3) -> nn.Module:
    """Two convolutions."""
    torch.manual_seed(0)
    kind: Any = nn.Conv3d if dimensions == 3 else nn.Conv2d
    return nn.Sequential(kind(channels, 4, 3, padding=1), nn.ReLU(), kind(4, classes, 1)).eval()


def compiled(made: nn.Module, channels: int = 1, dimensions: int = 3) -> torch.jit.ScriptModule:
    """Compile a network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced: torch.jit.ScriptModule = torch.jit.trace(made, torch.zeros(1, channels, *[8] * dimensions))
    return traced


class Writes(nn.Module):
    """A network that writes a file when it is run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, "harm")
        return x


class Maps(nn.Module):
    """A network that maps a file into memory when it is run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.from_file("harm", True, 8)[0]


def scripted(path: Path, made: nn.Module) -> Path:
    """Write a network with the code it was written with, not only what it once did."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(made), path)
    return path


def torchscript(path: Path, made: nn.Module, channels: int = 1, dimensions: int = 3) -> Path:
    """Write a network as TorchScript."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(compiled(made, channels, dimensions), path)
    return path


def exported(path: Path, made: nn.Module, side: int = 32, any_size: bool = True, channels: int = 1) -> Path:
    """Write a network as torch.export does."""
    auto = torch.export.Dim.AUTO
    shapes = ({2: auto, 3: auto, 4: auto},) if any_size else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(
            torch.export.export(made, (torch.zeros(1, channels, side, side, side),), dynamic_shapes=shapes), path
        )
    return path


def replaced(path: Path, ending: str, data: bytes) -> Path:
    """Write an archive again with one member replaced."""
    with zipfile.ZipFile(path) as old:
        members = {one.filename: old.read(one.filename) for one in old.infolist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, held in members.items():
            new.writestr(name, data if name.endswith(ending) else held)
    return path


def member(path: Path, ending: str) -> bytes:
    """Read the member of an archive whose name ends so."""
    with zipfile.ZipFile(path) as held:
        return held.read(next(name for name in held.namelist() if name.endswith(ending)))


def layers_folder(folder: Path, weights: list[np.ndarray], quantised: bool = False, names: bool = True) -> Path:
    """Write a chain of convolutions (k, k, k, in, out) as TensorFlow.js does; relu and dilation 2 but at the end."""
    folder.mkdir(parents=True)
    layers: list[dict[str, Any]] = [{"class_name": "InputLayer", "config": {"name": "input"}, "inbound_nodes": []}]
    listed, data, before = [], b"", "input"
    for number, weight in enumerate(weights):
        last = number == len(weights) - 1
        name = f"conv_{number}"
        config = {
            "name": name, "filters": weight.shape[4], "kernel_size": list(weight.shape[:3]), "strides": [1, 1, 1],
            "padding": "same", "data_format": "channels_last", "dilation_rate": [1 if last else 2] * 3, "groups": 1,
            "activation": "linear", "use_bias": True,
        }  # fmt: skip
        layers.append({"class_name": "Conv3D", "config": config, "inbound_nodes": [[[before, 0, 0, {}]]]})
        before = name
        if not last:
            before = f"act_{number}"
            config = {"name": before, "activation": "relu"}
            layers.append({"class_name": "Activation", "config": config, "inbound_nodes": [[[name, 0, 0, {}]]]})
        for part, values in (("kernel", weight), ("bias", np.linspace(-1, 1, weight.shape[4]))):
            one: dict[str, Any] = {"name": f"{name}/{part}", "shape": list(values.shape), "dtype": "float32"}
            if quantised:
                low, scale = float(values.min()), float(np.ptp(values)) / 255 or 1.0
                one["quantization"] = {"dtype": "uint8", "min": low, "scale": scale}
                data += np.rint((values - low) / scale).astype(np.uint8).tobytes()
            else:
                data += values.astype("<f4").tobytes()
            listed.append(one)
    half = len(data) // 2  # in two files, cut in the middle of a weight
    (folder / "group1-shard1of2.bin").write_bytes(data[:half])
    (folder / "group1-shard2of2.bin").write_bytes(data[half:])
    said = {
        "format": "layers-model",
        "modelTopology": {"model_config": {"class_name": "Functional", "config": {"layers": layers}}},
        "weightsManifest": [{"paths": ["group1-shard1of2.bin", "group1-shard2of2.bin"], "weights": listed}],
    }
    (folder / "model.json").write_text(json.dumps(said))
    if names:
        labels = ["Unknown", *(f"region {k}" for k in range(1, weights[-1].shape[4]))]
        (folder / "colormap.json").write_text(json.dumps({"R": [0], "labels": labels}))
    return folder


def bundle(folder: Path, script: bool = True, **network_def: Any) -> Path:
    """Write a MONAI bundle of a CT organ, as the model zoo does."""
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    metadata = {
        "name": "Liver of a test", "task": "finds the liver", "data_source": "a test", "copyright": "Apache-2.0",
        "eval_metrics": {"mean_dice": 0.95},
        "network_data_format": {
            "inputs": {"image": {"num_channels": 1}},
            "outputs": {"pred": {"channel_def": {"0": "background", "1": "liver", "2": "tumour"}}},
        },
    }  # fmt: skip
    inference = {
        "imports": ["$import glob"],
        "axes": "LPS",
        "network_def": network_def,
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "LoadImaged", "keys": "image"},
                {"_target_": "Orientationd", "keys": "image", "axcodes": "@axes"},
                {"_target_": "Spacingd", "keys": "image", "pixdim": [1.5, 1.5, 2.0], "mode": "bilinear"},
                {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -57, "a_max": 164, "b_min": 0.0,
                 "b_max": 1.0, "clip": True},
                {"_target_": "Lambdad", "keys": "image", "func": "$lambda x: __import__('os').system('true')"},
            ],
        },
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [96, 96, 96], "overlap": 0.5},
        "postprocessing": {
            "_target_": "Compose", "transforms": [{"_target_": "Activationsd", "keys": "pred", "softmax": True}],
        },
    }  # fmt: skip
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    (folder / "configs" / "inference.json").write_text(json.dumps(inference))
    if script:
        torchscript(folder / "models" / "model.ts", network())
    return folder
