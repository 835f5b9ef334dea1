"""Everything a run needs to go on, in one file that is written whole or not at all and is checked when it is read.

The file is safetensors: arrays as arrays, all else as JSON in its header, with a SHA-256 over both. Nothing is pickled.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from medviz.refused import Refused

_TENSOR, _PAIRS, _TUPLE = "$tensor", "$pairs", "$tuple"


def write(path: Path, tree: Any, before: Path | None = None) -> str:
    """Write a tree of dicts, lists, numbers, texts and tensors; return its SHA-256.

    What stood under the name before moves to the name `before`. Raises OSError (full disk, vanished folder); both
    files are then untouched.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(packed(tree, tensors))
    return _write(path, text, tensors, before)


def read(path: Path) -> Any:
    """Read a tree back; refuses a file that is truncated, was changed or is none of ours."""
    text, tensors = _read(path)
    return unpacked(json.loads(text), tensors)


def write_weights(path: Path, weights: Mapping[str, Tensor], about: Mapping[str, Any]) -> str:
    """Write weights under their own names, for any program that reads safetensors; `about` goes into the header."""
    copied = {name: one.detach().to("cpu", copy=True).contiguous() for name, one in weights.items()}
    return _write(path, json.dumps(dict(about)), copied)


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_weights` wrote: the weights by name, and what was said about them."""
    text, tensors = _read(path)
    return tensors, json.loads(text)


def _write(path: Path, text: str, tensors: dict[str, Tensor], before: Path | None = None) -> str:
    digest = _digest(text, tensors)
    put(path, save(tensors, {"medviz": text, "sha256": digest}), before=before)
    return digest


def _read(path: Path) -> tuple[str, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # off the mapped file
    except FileNotFoundError as problem:
        raise Refused(path, "there is no such checkpoint", "train first") from problem
    except (SafetensorError, OSError, ValueError) as problem:
        raise Refused(path, f"it cannot be read ({problem})", "take another checkpoint of the run") from problem
    text = about.get("medviz", "")
    if not text or about.get("sha256") != _digest(text, tensors):
        raise Refused(path, "its contents are not what was written", "take another checkpoint of the run")
    return text, tensors


def put(path: Path, data: bytes, durable: bool = True, before: Path | None = None) -> None:
    """Put bytes into a file at once: temporary name, flush to the disk (`durable`), rename. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if before is not None and path.exists():
            os.replace(path, before)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if durable and os.name == "posix":
        _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Make the rename itself last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bits of weights; equal if and only if two networks are the same."""
    return _digest("", dict(weights))


def _digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    total = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def packed(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Turn a tree into what JSON can hold; its tensors go into `tensors`, by number."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return {_TENSOR: name}
    if isinstance(value, Mapping):  # as pairs: optimisers have numbers for keys
        return {_PAIRS: [[key, packed(inner, tensors)] for key, inner in value.items()]}
    if isinstance(value, tuple):
        return {_TUPLE: [packed(inner, tensors) for inner in value]}
    if isinstance(value, list):
        return [packed(inner, tensors) for inner in value]
    return value


def unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Turn it back into a tree."""
    if isinstance(value, list):
        return [unpacked(inner, tensors) for inner in value]
    if not isinstance(value, dict):
        return value
    if _TENSOR in value:
        return tensors[value[_TENSOR]]
    if _TUPLE in value:
        return tuple(unpacked(inner, tensors) for inner in value[_TUPLE])
    return {key: unpacked(inner, tensors) for key, inner in value[_PAIRS]}
