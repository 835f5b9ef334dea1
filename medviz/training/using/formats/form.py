"""What the formats share: how one is recognised and loaded, the cards beside a model, and the trial of a network."""

import io
import math
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from medviz.data.needs import Needs, turn
from medviz.imaging.storage import in_words, need_room
from medviz.refused import Refused
from medviz.shipped import shipped
from medviz.training.using.model import Model, Output
from medviz.training.using.shelf import LARGEST_CARD, kept_cards, read_json
from medviz.training.using.trust import Trust

BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, KeyError)
"""What reading a damaged archive may raise."""
_CLASSES_AT_MOST = 4096
_TRIED_SIDE, _MULTIPLES = 64, (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Format:
    """A kind of model: `recognises` looks and reads little, `load` makes the model or refuses it in a sentence."""

    recognises: Callable[[str], bool]
    load: Callable[[str, Needs | None], Model]


class Asks(Refused):
    """A model does not say what input it needs; `proposal` is what could be found out, for a person to complete."""

    def __init__(self, where: object, proposal: Needs) -> None:
        super().__init__(where, "it does not say what input it needs", "tell its spacing, intensities and labels")
        self.proposal = proposal


# -- cards ------------------------------------------------------------------------------------------------------


def card_beside(where: Path, sha256: str) -> dict[str, Any]:
    """Read what is known of a model: a person's answers, a card beside it, what ships of well-known ones; else {}."""
    places = (
        kept_cards() / f"{sha256}.json",
        where.with_name(f"{where.name}.card.json"),
        where / "card.json",
        shipped("cards", f"{sha256}.json"),
    )
    return next((read_json(one) for one in places if one.is_file()), {})


def needs_of(card: Mapping[str, Any]) -> Needs | None:
    """Read what input a card asks for, None where it says nothing."""
    said = card.get("needs")
    return Needs.of(said) if isinstance(said, Mapping) else None


# -- archives ---------------------------------------------------------------------------------------------------


def archive(where: Path, data: bytes) -> zipfile.ZipFile:
    """Open a zip archive whose members fit into memory; refuses a broken one and one that swells when unpacked."""
    try:
        made = zipfile.ZipFile(io.BytesIO(data))
    except BROKEN as problem:
        raise Refused(where, "it is no archive that can be read", "download it again") from problem
    total = sum(one.file_size for one in made.infolist())
    if total > 200 * max(len(data), 1):
        made.close()
        raise Refused(where, f"it would swell to {in_words(total)}", "take a model you trust")
    need_room(where, total)
    return made


def member(opened: zipfile.ZipFile, name: str, where: object, most: int = LARGEST_CARD * 8) -> bytes:
    """Read one member of an archive; refuses one that is too large or damaged."""
    if opened.getinfo(name).file_size > most:
        raise Refused(where, f"its {name} is too large", "take another file")
    try:
        return opened.read(name)
    except BROKEN as problem:
        raise Refused(where, f"its {name} is damaged", "download it again") from problem


# -- trial ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """What a trial on noise showed: how many channels answer, what they mean and why, and the multiple of sides."""

    channels: int
    output: Output
    why: str
    multiple: int


def first_convolution(weights: Mapping[str, Tensor]) -> tuple[int, int] | None:
    """Dimensions and input channels, read off the first convolution's weight; None where there is none."""
    for one in weights.values():
        if one.ndim in (4, 5):
            return one.ndim - 2, int(one.shape[1])
    return None


def tried(network: nn.Module, needs: Needs, where: object) -> Tried:
    """Run a network over small tiles of noise: it must answer a class a voxel, of the size it was given."""
    side = needs.multiple if needs.multiple >= 32 else -(-_TRIED_SIDE // needs.multiple) * needs.multiple
    sides = [side] * needs.dimensions
    answer = _answer(network, needs.channels, sides)
    if isinstance(answer, str) and needs.shape is not None:  # it takes its own size alone
        order, _ = turn(needs.axes)
        sides = [needs.shape[axis] for axis in order][: needs.dimensions]
        answer = _answer(network, needs.channels, sides)
    if isinstance(answer, str):
        size = "×".join(map(str, sides))
        raise Refused(where, f"it does not take a tile of {size} ({answer})", "tell its channels and size")
    if answer.ndim != needs.dimensions + 2 or list(answer.shape[2:]) != sides:
        got = "×".join(map(str, answer.shape))
        raise Refused(where, f"it answers {got} and no class a voxel", "take a network that segments")
    if answer.shape[1] > _CLASSES_AT_MOST:
        raise Refused(where, f"it answers {answer.shape[1]} channels", "take a network that segments")
    output, why = meaning(answer, needs.output)
    return Tried(int(answer.shape[1]), output, why, needs.multiple if needs.whole else _multiple(network, needs))


def meaning(answer: Tensor, said: str = "detect") -> tuple[Output, str]:
    """Tell what the channels of an answer (N, C, ...) are, and why."""
    if said != "detect":
        return cast("Output", said), "its card says so"
    within = bool((answer >= 0).all() and (answer <= 1).all())
    if answer.shape[1] == 1:
        return ("chances", "one channel between 0 and 1") if within else ("logits", "one channel beyond 0 and 1")
    if within and torch.allclose(answer.sum(1), torch.ones(()), atol=1e-3):
        return "shares", "its channels lie between 0 and 1 and sum to 1"
    if within:
        return "chances", "its channels lie between 0 and 1 and do not sum to 1"
    return "scores", "its channels go beyond 0 and 1"


def _answer(network: nn.Module, channels: int, sides: list[int]) -> Tensor | str:
    x = torch.rand((1, channels, *sides), generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            answer = network(x)
    except (RuntimeError, ValueError, TypeError, IndexError) as problem:
        lines = [line.strip() for line in str(problem).splitlines() if line.strip()] or [type(problem).__name__]
        said = next((one for one in reversed(lines) if one.startswith("RuntimeError: ")), lines[0])
        return said.removeprefix("RuntimeError: ")[:100]
    while isinstance(answer, (tuple, list)) and answer:
        answer = answer[0]
    if isinstance(answer, dict) and answer:
        answer = next(iter(answer.values()))
    return answer if isinstance(answer, Tensor) else f"it answers a {type(answer).__name__}"


def _multiple(network: nn.Module, needs: Needs) -> int:
    """Find the smallest multiple that sides must have: tiles of 64 and a little are tried."""
    if needs.multiple > 1:
        return needs.multiple
    for multiple in _MULTIPLES:
        sides = [32 + multiple if multiple < 32 else 64] * needs.dimensions
        answer = _answer(network, needs.channels, sides)
        if isinstance(answer, Tensor) and list(answer.shape[2:]) == sides:
            return multiple
    return _TRIED_SIDE


OUTPUT_WORDS: dict[Output, str] = {
    "scores": "a score a class; the softmax of them is taken",
    "shares": "a probability a class, background first",
    "chances": "a probability for each label by itself; above one half counts",
    "values": "a picture, in values",
    "logits": "a score for each label by itself; the sigmoid is taken, above one half counts",
}


def ready(
    name: str, network: nn.Module, needs: Needs, trust: Trust, where: object, labels: tuple[str, ...] = ()
) -> Model:
    """Make a model of a network that was made elsewhere, after a trial; labels without a name are numbered."""
    network.eval()
    seen = tried(network, needs, where)
    count = seen.channels - (seen.output in ("scores", "shares"))
    names = needs.names or labels or trust.labels
    if names and len(names) != count:
        fault = f"it knows {count} labels and {len(names)} are named"
        raise Refused(where, fault, "name as many labels as it knows, without the background")
    if count < 1:
        raise Refused(where, "it answers one class for everything", "take a network that segments")
    needs = replace(needs, multiple=seen.multiple, output=seen.output)
    said = replace(
        trust,
        title=trust.title or name,
        labels=names,
        input=trust.input or in_sentence(needs),
        output=f"{OUTPUT_WORDS[seen.output]} ({seen.why})",
    )
    numbered = tuple(f"label {number}" for number in range(1, count + 1))
    return Model(name, network, needs, names or numbered, said.sha256, seen.output, said)


def in_sentence(needs: Needs) -> str:
    """Say what input a network needs, as a person reads it."""
    mm = needs.spacing_mm
    parts = [
        f"{needs.channels} channel{'s' if needs.channels > 1 else ''}",
        "slices" if needs.dimensions == 2 else "volumes",
        f"in {needs.axes} order",
        f"voxels of {'×'.join(f'{one:.3g}' for one in mm)} mm" if mm else "voxels of any size",
    ]
    if needs.shape:
        size = "×".join(map(str, needs.shape))
        parts.append(f"{'stretched to' if needs.fit == 'stretch' else 'a cube of'} {size}")
    light = {"unit": "scaled to 0…1", "spread": "mean 0 and spread 1", "none": "intensities as they are"}
    light["nonzero"] = "mean 0 and spread 1 of what is not 0"
    parts.append(light.get(needs.scale, "mean 0 and spread 1 of what is not air"))
    if needs.clip != "none":
        percent = " %" if needs.clip == "percentiles" else ""
        parts.append(f"cut at {needs.low:g} and {needs.high:g}{percent}")
    return ", ".join(parts)


def numbers(weights: Mapping[str, Tensor]) -> int:
    """How many numbers a network has learnt."""
    return sum(math.prod(one.shape) for one in weights.values())
