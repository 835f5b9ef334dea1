"""What each textbook network is known for, worked out from the network itself."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import nn

from medviz.labs.looked_into import Known, Wanted
from medviz.networks.googlenet import Inception
from medviz.networks.vgg import block

THREE_A = (64, 96, 128, 16, 32, 32)
"""Module 3a of GoogLeNet: features of its four paths."""


def fact(wanted: Wanted, known: Known) -> str:
    """Return the line of arithmetic a network is known for, "" where there is none."""
    facts: dict[str, Callable[[Wanted, Known], str]] = {
        "vgg": _vgg, "googlenet": _googlenet, "resnet": _resnet, "densenet": _densenet,
        "efficientnet": _efficientnet, "unet_original": _unet, "vit": _vit, "alexnet": _alexnet, "lenet": _lenet,
    }  # fmt: skip
    said = facts.get(wanted.settings.name)
    return said(wanted, known) if said and not wanted.model else ""


def _lenet(wanted: Wanted, known: Known) -> str:
    counts = [one.parameters for one in known.layers if one.parameters]
    return f"{' + '.join(f'{one:,}' for one in counts)} = {known.parameters:,} parameters"


def _alexnet(wanted: Wanted, known: Known) -> str:
    dense = sum(one.parameters for one in known.layers if one.kind == "Linear")
    return f"{dense:,} of {known.parameters:,} parameters stand in the dense layers"


@lru_cache(maxsize=1)
def _vgg_counts() -> tuple[int, int]:
    with torch.device("meta"):
        twice, once = block(64, 64, 2), nn.Conv2d(64, 64, 5)
    return sum(one.weight.numel() for one in twice if isinstance(one, nn.Conv2d)), once.weight.numel()


def _vgg(wanted: Wanted, known: Known) -> str:
    twice, once = _vgg_counts()
    return f"64 features: two 3×3 = 2·9·64² = {twice:,} weights, one 5×5 = 25·64² = {once:,}; both see 5 px"


@lru_cache(maxsize=1)
def _inception_counts() -> tuple[int, int, int]:
    with torch.device("meta"):
        with_ones, without = Inception(192, THREE_A), Inception(192, THREE_A, reduce=False)
    size = [sum(one.numel() for one in made.parameters()) for made in (with_ones, without)]
    return with_ones.features, size[0], size[1]


def _googlenet(wanted: Wanted, known: Known) -> str:
    features, with_ones, without = _inception_counts()
    return (
        f"3a of the paper: 64 + 128 + 32 + 32 = {features} features, {with_ones:,} parameters; without 1×1 {without:,}"
    )


def _resnet(wanted: Wanted, known: Known) -> str:
    shortcuts = sum(".shortcut." in one.name and one.kind.startswith("Conv") for one in known.layers)
    weighed = sum(one.kind.startswith("Conv") or one.kind == "Linear" for one in known.layers) - shortcuts
    rule = "y = ReLU(F(x) + x)" if wanted.values["skips"] else "y = ReLU(F(x)), nothing added"
    return f"{weighed} layers with weights; {rule}"


def _densenet(wanted: Wanted, known: Known) -> str:
    grown = [
        one.shape[0] for one in known.layers if one.name.startswith("stages.0.layers.") and one.name.endswith(".0")
    ]
    growth = int(wanted.values["growth"])
    seen = [*grown, grown[-1] + growth] if grown else []
    return f"first block, growth {growth}: {' → '.join(map(str, seen))} features"


def _efficientnet(wanted: Wanted, known: Known) -> str:
    more = int(wanted.values["variant"])
    cost = 1.2 * 1.1**2 * 1.15**2
    return f"α·β²·γ² = 1.2·1.1²·1.15² = {cost:.2f}: each step of φ costs about twice; B{more}"


def _unet(wanted: Wanted, known: Known) -> str:
    sides = [one.shape[-1] for one in known.layers if one.kind == "Conv2d" and one.name.endswith(".2")]
    first = next(one.shape[-1] for one in known.layers) + 2
    return f"{first} px → {' → '.join(map(str, sides))} px: no border is made up inside"


def _vit(wanted: Wanted, known: Known) -> str:
    size, patch, axes = (int(wanted.values[name]) for name in ("size", "patch", "dimensions"))
    tokens, power = (size // patch) ** axes, "²³"[axes - 2]
    numbers = "·".join([str(patch)] * axes + [str(wanted.channels)])
    return f"({size}/{patch}){power} = {tokens} + 1 tokens of {numbers} = {patch**axes * wanted.channels} numbers"
