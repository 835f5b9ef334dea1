"""Runs that were taught to fill in what is masked, loaded for use: their network, and what it reads."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from medviz.data.words import Vocabulary
from medviz.refused import Refused
from medviz.training import run
from medviz.training.using.taught import taught

TASK = "masked"


@dataclass(frozen=True, eq=False)
class Words:
    """A network that guesses words, the words it knows, and how many a sentence may have."""

    network: nn.Module
    vocabulary: Vocabulary
    length: int
    name: str


@dataclass(frozen=True, eq=False)
class Patches:
    """A network that fills patches in: dimensions, channels and side of its pictures, side of a patch in pixels."""

    network: nn.Module
    dimensions: int
    channels: int
    side: int
    patch: int
    normalise: bool
    name: str


def filler_of(where: str) -> Words | Patches:
    """Load the network of a run; refuses what was taught something else, or does not say what it reads."""
    weights, about = run.weights(Path(where))
    if about.get("task") != TASK:
        fault = "it was not taught to fill in what is masked"
        raise Refused(where, fault, "take a run of masked modelling")
    name = Path(where).name
    try:
        if "words" in about:
            vocabulary = Vocabulary.out_of(about["words"])
            network = taught(where, 1, 1, about, weights).network
            return Words(network, vocabulary, int(about["network"]["length"]), name)
        sizes = [int(about["pictures"][key]) for key in ("dimensions", "channels", "side", "patch")]
        network = taught(where, sizes[1], 1, about, weights).network
        dimensions, channels, side, patch = sizes
        return Patches(network, dimensions, channels, side, patch, bool(about.get("normalise")), name)
    except (KeyError, TypeError, ValueError) as problem:
        raise Refused(where, "it does not say what it reads", "take a run of this version") from problem
