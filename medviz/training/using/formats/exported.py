"""What torch.export writes (``.pt2``): a graph as JSON and weights as raw numbers, played step by step.

torch's own loader unpickles parts of such a file and evaluates expressions in it ("never load data from an untrusted
source"). Here nothing of it is run: the graph is read as data, each step must be a computing operation of torch's
own ``aten`` library, and weights must be raw numbers.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medviz.data.needs import Needs
from medviz.imaging.storage import opening
from medviz.refused import Refused
from medviz.training.using.formats.form import (
    Asks,
    Format,
    archive,
    card_beside,
    first_convolution,
    member,
    needs_of,
    ready,
)
from medviz.training.using.model import Model
from medviz.training.using.shelf import as_object
from medviz.training.using.trust import Trust, digest_of

_TARGET = re.compile(r"torch\.ops\.aten\.(\w+)\.(\w+)")
_FORBIDDEN = {"from_file", "set_", "_resize_output_", "as_strided", "as_strided_", "_efficientzerotensor"}
"""Operations that reach out of the computation, or out of a tensor's memory."""
_OPERATORS = {"add": "__add__", "sub": "__sub__", "mul": "__mul__", "floordiv": "__floordiv__", "mod": "__mod__"}
_TYPES = {1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64, 6: torch.float16,
          7: torch.float32, 8: torch.float64, 12: torch.bool, 13: torch.bfloat16}  # fmt: skip
"""torch's numbers for data types in such a file (torch/_export/serde/schema.py, ScalarType)."""
_LARGEST_GRAPH = 200_000_000
_REMEDY = "export it with torch.export.save"


def recognises(where: str) -> bool:
    """Tell whether it is a file with this ending."""
    return bool(where) and where.lower().endswith(".pt2") and Path(where).is_file()


def load(where: str, needs: Needs | None = None) -> Model:
    """Read graph and weights, try the network on noise; asks for what input it needs (`Asks`)."""
    path = Path(where)
    with opening(path):
        data = path.read_bytes()
    network = played(data, where)
    sha256 = digest_of(path)
    card = card_beside(path, sha256)
    asked = needs or needs_of(card)
    if asked is None:
        seen = first_convolution(dict(network.named_buffers()))
        if seen is None:
            raise Refused(where, "it has no convolution, so it is no network for pictures", "take another file")
        about: dict[str, Any] = {"dimensions": seen[0], "channels": seen[1]}
        if len(set(network.sides)) == 1 and network.sides[0] % 16 == 0:  # exported for one size: tiles of just that
            about |= {"tile": network.sides[0], "multiple": network.sides[0]}
        raise Asks(where, Needs.of(about))
    return ready(path.stem, network, asked, Trust.of(card, format="torch.export", sha256=sha256), where)


def played(data: bytes, where: str) -> "Played":
    """Make a module that plays the graph of the one model in an archive."""
    with archive(Path(where), data) as zipped:
        names = {name.partition("/")[2]: name for name in zipped.namelist()}
        models = [name for name in names if name.startswith("models/") and name.endswith(".json")]
        if len(models) != 1:
            raise Refused(where, f"it holds {len(models)} models", _REMEDY)
        model = models[0].removeprefix("models/").removesuffix(".json")
        graph = as_object(member(zipped, names[models[0]], where, _LARGEST_GRAPH), where)
        weights: dict[str, Tensor] = {}
        for room in ("weights", "constants"):
            listed = names.get(f"data/{room}/{model}_{room}_config.json")
            if listed is None:
                raise Refused(where, "it was written by another version of torch", _REMEDY)
            config = as_object(member(zipped, listed, where), where).get("config", {})
            for name, said in config.items():
                member_name = names.get(f"data/{room}/{said.get('path_name')}")
                if said.get("use_pickle") or said.get("tensor_meta") is None or member_name is None:
                    raise Refused(where, f"its weight {name} is pickled, which runs when it is read", _REMEDY)
                raw = member(zipped, member_name, where, zipped.getinfo(member_name).file_size)
                weights[name] = _tensor(raw, said["tensor_meta"], where)
    return Played(graph, weights, where)


def _tensor(raw: bytes, meta: Mapping[str, Any], where: str) -> Tensor:
    """Make a tensor of raw numbers; what its shape and strides reach must lie within them."""
    try:
        kind = _TYPES[int(meta["dtype"])]
        sizes = tuple(int(one["as_int"]) for one in meta["sizes"])
        strides = tuple(int(one["as_int"]) for one in meta["strides"])
        start = int((meta.get("storage_offset") or {"as_int": 0})["as_int"])
    except (KeyError, TypeError, ValueError) as problem:
        raise Refused(where, "a weight is described in a way that is not known", _REMEDY) from problem
    flat = torch.frombuffer(bytearray(raw), dtype=kind) if raw else torch.zeros(0, dtype=kind)
    last = start + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    wrong = start < 0 or any(one < 0 for one in (*sizes, *strides)) or (0 not in sizes and last >= len(flat))
    if wrong:
        raise Refused(where, "a weight is cut short", "download it again")
    return flat.as_strided(sizes, strides, start).clone()


@dataclass(frozen=True)
class _Call:
    """One step: which operation, from what, to which names."""

    operation: Any
    arguments: tuple[tuple[str, Any], ...]
    made: tuple[str, ...]


class Played(nn.Module):
    """Plays a graph: values by name, one operation after the other; what is not needed any more is let go.

    `sides` are those it was exported for, 0 where any will do.
    """

    def __init__(self, said: Mapping[str, Any], weights: Mapping[str, Tensor], where: str) -> None:
        super().__init__()
        self.where = where
        try:
            module = said["graph_module"]
            graph, signature = module["graph"], module["signature"]
            self._calls = tuple(self._call(node) for node in graph["nodes"])
            self._given = self._bind(signature["input_specs"], weights)
            self._answer = self._outputs(signature["output_specs"])
            self._check_names()
            said_sizes = graph["tensor_values"][self._input]["sizes"][2:]
            self.sides = tuple(int(one.get("as_int", 0)) for one in said_sizes)
        except (KeyError, TypeError, IndexError, AttributeError) as problem:
            raise Refused(where, f"its graph is written in a way that is not known ({problem})", _REMEDY) from problem
        last = {name: number for number, call in enumerate(self._calls) for name in _names_in(call.arguments)}
        self._frees: dict[int, list[str]] = {}
        for name, number in last.items():
            if name != self._answer and name not in self._given:
                self._frees.setdefault(number, []).append(name)

    def forward(self, x: Tensor) -> Tensor:
        """Play the graph over one input."""
        values: dict[str, Any] = {self._input: x}
        for name, held in self._given.items():
            values[name] = getattr(self, held)
        for number, call in enumerate(self._calls):
            keywords = {name: _value(said, values) for name, said in call.arguments if name}
            plain = [_value(said, values) for name, said in call.arguments if not name]
            found = call.operation(*plain, **keywords)
            several = isinstance(found, (tuple, list))
            values.update(zip(call.made, found if several else (found,), strict=False))
            for name in self._frees.get(number, ()):
                values.pop(name, None)
        answer: Tensor = values[self._answer]
        return answer

    def _check_names(self) -> None:
        """Refuse a step that takes what was not made before it."""
        made = {self._input, *self._given}
        for call in self._calls:
            if lacks := _names_in(call.arguments) - made:
                raise Refused(self.where, f"a step takes {min(lacks)}, which nothing made", _REMEDY)
            made.update(call.made)
        if self._answer not in made:
            raise Refused(self.where, "its answer is made by no step", _REMEDY)

    def _call(self, node: Mapping[str, Any]) -> _Call:
        made = []
        for one in node["outputs"]:
            if "as_tensors" in one:
                made += [inner["name"] for inner in one["as_tensors"]]
            elif "as_tensor" in one:
                made.append(one["as_tensor"]["name"])
            elif "as_sym_int" in one:
                made.append(one["as_sym_int"]["as_name"])
            elif "as_none" not in one:
                raise Refused(self.where, f"a step makes something that is not known ({next(iter(one))})", _REMEDY)
        named = tuple(
            (one["name"] if one.get("kind") == 2 else "", one["arg"]) for one in node["inputs"]
        )  # kind 2: by keyword
        return _Call(self._operation(str(node["target"])), named, tuple(made))

    def _operation(self, target: str) -> Any:
        if target.startswith("_operator.") and target.partition(".")[2] in _OPERATORS:
            return _by_method(_OPERATORS[target.partition(".")[2]])
        found = _TARGET.fullmatch(target)
        if found is None or found[1] in _FORBIDDEN or not hasattr(torch.ops.aten, found[1]):
            raise Refused(self.where, f"it calls {target[:80]}, which is no computing operation of torch", _REMEDY)
        packet = getattr(torch.ops.aten, found[1])
        if found[2] not in packet.overloads():
            raise Refused(self.where, f"it calls {target[:80]}, which this torch does not have", _REMEDY)
        return getattr(packet, found[2])

    def _bind(self, specs: list[Mapping[str, Any]], weights: Mapping[str, Tensor]) -> dict[str, str]:
        """Tie the graph's inputs to weights; exactly one is left for the picture."""
        given, left = {}, []
        for number, spec in enumerate(specs):
            ((kind, said),) = spec.items()
            if kind == "user_input":
                left.append(said["arg"]["as_tensor"]["name"])
                continue
            key = {"parameter": "parameter_name", "buffer": "buffer_name", "tensor_constant": "tensor_constant_name"}
            if kind not in key or said[key[kind]] not in weights:
                raise Refused(self.where, f"its graph wants a {kind} that is not there", _REMEDY)
            self.register_buffer(f"held_{number}", weights[said[key[kind]]], persistent=False)
            given[said["arg"]["name"]] = f"held_{number}"
        if len(left) != 1:
            raise Refused(self.where, f"it takes {len(left)} inputs", "take a network with one")
        self._input = left[0]
        return given

    def _outputs(self, specs: list[Mapping[str, Any]]) -> str:
        made = [one["user_output"]["arg"]["as_tensor"]["name"] for one in specs if "user_output" in one]
        if not made:
            raise Refused(self.where, "it answers nothing", _REMEDY)
        return str(made[0])


def _by_method(name: str) -> Any:
    return lambda a, b: getattr(a, name)(b)


def _value(said: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """Read one argument: a name of what was made before, or a plain value."""
    ((kind, held),) = said.items()
    if kind == "as_tensor":
        return values[held["name"]]
    if kind == "as_tensors":
        return [values[one["name"]] for one in held]
    if kind == "as_optional_tensors":
        return [values[one["as_tensor"]["name"]] if "as_tensor" in one else None for one in held]
    if kind == "as_sym_int":
        return values[held["as_name"]] if "as_name" in held else held["as_int"]
    if kind == "as_sym_ints":
        return [values[one["as_name"]] if "as_name" in one else one["as_int"] for one in held]
    if kind == "as_none":
        return None
    if kind == "as_scalar_type":
        return _TYPES[held]
    if kind in ("as_memory_format", "as_layout", "as_device"):
        return {"as_memory_format": torch.contiguous_format, "as_layout": torch.strided}.get(kind, torch.device("cpu"))
    if kind in ("as_int", "as_ints", "as_float", "as_floats", "as_bool", "as_bools", "as_string", "as_strings"):
        return held
    raise Refused("the graph", f"an argument of a kind that is not known ({kind})", _REMEDY)


def _names_in(arguments: tuple[tuple[str, Any], ...]) -> set[str]:
    """All names that may be meant in arguments; too many do no harm."""
    return set(re.findall(r'"(?:name|as_name)": "([^"]+)"', json.dumps([said for _, said in arguments])))


FORMAT = Format(recognises, load)
