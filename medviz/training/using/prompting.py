"""A run that compares pictures with texts (CLIP), used: typed prompts name a picture, and nobody labelled anything.

The prompts are the classes: the probability of each is the softmax of its cosine with the picture, divided by the
temperature that was learnt. It says which prompt fits best of those that were typed, not whether any of them is true.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medviz.data.words import UNKNOWN, Vocabulary, tokens
from medviz.networks.clip import Clip
from medviz.refused import Refused
from medviz.training import run
from medviz.training.using.classifying import ClassModel
from medviz.training.using.taught import Taught, said_in, taught
from medviz.training.using.trust import Trust

TASK, NETWORK = "contrastive", "clip"
MOST = 1000
"""Prompts that are taken at once."""


@dataclass(frozen=True, eq=False)
class Comparer:
    """A CLIP network with its weights, its vocabulary, and how a picture is made ready for it.

    `rightward`: in what it has learnt from x runs to the right as a person looks; in files it runs to the left.
    """

    taught: Taught
    network: Clip
    vocabulary: Vocabulary
    longest: int
    side: int
    channels: int
    rightward: bool = False

    def ids(self, texts: Sequence[str]) -> Tensor:
        """Return texts as ids (N, longest)."""
        return torch.stack([self.vocabulary.ids(text, self.longest) for text in texts])

    def placed(self, texts: Sequence[str]) -> Tensor:
        """Place texts in the space of pictures and texts, (N, features), each of length 1."""
        with torch.inference_mode():
            found = self.network.texts(self.ids(texts))
        return found.clone()


class Prompted(nn.Module):
    """Score a picture for each of some texts that are placed already: (N, C, x, y) → (N, texts) logits."""

    words: Tensor

    def __init__(self, network: Clip, words: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("words", words)

    def forward(self, image: Tensor) -> Tensor:
        """Compare pictures with all texts."""
        return self.network.scale * self.network.pictures(image) @ self.words.T


def compares(where: str) -> bool:
    """Tell whether it is the folder of a run that learnt by comparison (CLIP, SimCLR or word2vec)."""
    return bool(where) and said_in(Path(where) / "model.json").get("task") == TASK


def comparer(where: str) -> Comparer:
    """Load the best weights of a CLIP run; refuses one that was taught something else."""
    if not compares(where):
        raise Refused(where, "it was not taught to compare pictures with texts", "take the folder of a CLIP run")
    weights, about = run.weights(Path(where))
    if (about.get("network") or {}).get("name") != NETWORK:
        raise Refused(where, "it compares, but not pictures with texts", "take the folder of a CLIP run")
    words = Vocabulary.out_of(about.get("vocabulary"))
    try:
        pictures = about["pictures"]
        side, channels, longest = int(pictures["side"]), int(pictures["channels"]), int(about["longest"])
    except (KeyError, TypeError, ValueError) as problem:
        raise Refused(where, "it does not say how its network is built", "take a run of this version") from problem
    made = taught(where, channels, len(words), about, weights)
    network: Any = made.network
    return Comparer(made, network, words, longest, side, channels, bool(pictures.get("rightward", False)))


def prompted_model(where: str, prompts: Sequence[str]) -> tuple[ClassModel, tuple[str, ...]]:
    """Make a network that names pictures by these prompts, and tell the words in them that it never learnt.

    Refuses fewer than two different prompts, and one of which no word is known.
    """
    return named_by(comparer(where), prompts)


def named_by(made: Comparer, prompts: Sequence[str]) -> tuple[ClassModel, tuple[str, ...]]:
    """Make the same of a network that is loaded already."""
    texts = tuple(dict.fromkeys(" ".join(one.split()) for one in prompts if one.strip()))
    if not 2 <= len(texts) <= MOST:
        fault = f"there are {len(texts)} different prompts"
        raise Refused("--prompt", fault, f"give 2 to {MOST}: probabilities are shared out among them")
    ids = made.ids(texts)
    for text, row in zip(texts, ids, strict=True):
        if not bool((row > UNKNOWN).any()):
            raise Refused(f"“{text}”", "the network learnt none of its words", f"it knows {_some(made.vocabulary)}")
    strange = {token for text in texts for token in tokens(text) if token not in made.vocabulary}
    network = Prompted(made.network, made.placed(texts)).eval()
    trust = Trust(
        title=made.taught.folder.name, format="a run of this program", labels=texts, sha256=made.taught.sha256,
        summary="names pictures by typed prompts (CLIP), a run of this program", source="trained on this machine",
        metrics=tuple((name, value) for name, value in made.taught.measures.items() if name != "loss"),
        input=f"pictures fitted into {made.side} pixels without stretching, mean 0 and spread 1 of what is not air",
        output="a probability a prompt; they sum to 1, whether any of them fits or not",
    )  # fmt: skip
    model = ClassModel(
        made.taught.folder.name, network, texts, 2, made.side, made.channels, made.taught.sha256, trust, made.rightward
    )  # fmt: skip
    return model, tuple(sorted(strange))


def _some(words: Vocabulary, most: int = 12) -> str:
    known = [one for one in words.words if one.isalpha()]
    return ", ".join(known[:most]) + (" …" if len(known) > most else "")
