"""A captioner used: what it says of a picture, how sure it is of each word, and where it looked for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.naming import ready
from medviz.data.whole import volume_of
from medviz.data.words import END, MASK, PAD, SPECIAL, START, UNKNOWN, Vocabulary, joined
from medviz.imaging.slices import cut
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.networks.captioner import Captioner
from medviz.networks.captioner_search import Saying, Tokens, beamed, greedy
from medviz.refused import Refused
from medviz.training import run
from medviz.training.using.taught import taught, taught_in

TASK = "captioning"
TOKENS = Tokens(START, END, (PAD, UNKNOWN, MASK))
"""What the words of `medviz.data.words` mean to a search: what is not known is never said."""
Array = NDArray[Any]
_GLOW = np.array((255, 170, 40), np.float32)
_STRENGTH = 0.6


@dataclass(frozen=True, eq=False)
class Caption:
    """What was said of a picture.

    `words` are its tokens, the last "" where it ended by itself. For each of them `shares` (words,) is how probable it
    was, `attention` (words, grid, grid) where it looked, along x and y, and `others` (words, classes) how probable all
    tokens were. `likelihood` is the logarithm of the probability of the whole.
    """

    words: tuple[str, ...]
    shares: Array
    attention: Array
    others: Array
    likelihood: float

    @property
    def text(self) -> str:
        """The caption as a person reads it."""
        return joined(one for one in self.words if one)

    @property
    def tokens(self) -> tuple[str, ...]:
        """Its words without the end."""
        return tuple(one for one in self.words if one)


@dataclass(frozen=True, eq=False)
class CaptionModel:
    """A captioner with weights and its words, ready to be used.

    `rightward`: in what it has learnt from x runs to the right as a person looks; in files it runs to the left.
    """

    name: str
    network: Captioner
    vocabulary: Vocabulary
    side: int
    channels: int
    beams: int
    sha256: str
    measures: Mapping[str, float]
    rightward: bool = False


def captions(where: str) -> bool:
    """Tell whether it is the folder of a run that was taught to caption pictures."""
    return taught_in(where) == TASK


def caption_model(where: str) -> CaptionModel:
    """Load the best weights of a run; refuses one that was taught something else, and weights that do not fit."""
    if not captions(where):
        raise Refused(where, "it was not taught to caption pictures", "take the folder of a captioning run")
    weights, about = run.weights(Path(where))
    pictures = about.get("pictures") or {}
    try:
        side, channels, beams = int(pictures["side"]), int(pictures["channels"]), int(about["beams"])
        vocabulary = Vocabulary.out_of(about["words"])
    except (KeyError, TypeError, ValueError) as problem:
        raise Refused(where, "it does not say how it is used", "take a run of this version") from problem
    made = taught(where, channels, len(vocabulary), about, weights)
    network: Any = made.network
    return CaptionModel(
        made.folder.name, network, vocabulary, side, channels, beams, made.sha256, made.measures,
        bool(pictures.get("rightward", False)),
    )  # fmt: skip


def told(network: Captioner, image: Tensor, vocabulary: Vocabulary, beams: int = 1) -> list[Caption]:
    """Caption pictures (N, channels, size, size): the likeliest next word each time, or a search of several beams."""
    if beams < 2:
        return [_caption(one, vocabulary) for one in greedy(network, image, TOKENS)]
    return [_caption(beamed(network, one[None], TOKENS, beams), vocabulary) for one in image]


def caption_in(made: CaptionModel, scan: Volume, where: torch.device, beams: int | None = None) -> Work[Caption]:
    """Caption a picture that was read; refuses a volume."""
    if scan.shape[2] > 1:
        remedy = "give one slice of it as a picture (medviz render writes one)"
        raise Refused(scan.name or "the scan", "it is a volume and the network captions pictures", remedy)
    yield Progress(0, 1, "looking")
    layers = scan.voxels[:3] if scan.kind == "colour" else scan.voxels[:1]
    values = np.nan_to_num(layers[..., 0].astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    values = values * np.float32(scan.slope) + np.float32(scan.intercept)
    values = values[:, ::-1] if made.rightward else values  # left must be left, as in what it has learnt from
    image = ready(values, made.side, made.channels)[None].to(where)
    made.network.to(where)
    with torch.inference_mode():
        found = told(made.network, image, made.vocabulary, made.beams if beams is None else beams)[0]
    yield Progress(1, 1, "captioned")
    return found


def facing(image: Array, rightward: bool) -> Array:
    """Turn a picture (C, x, y) to the screen: grey, (rows, cols), as it was drawn or as it stands in its file."""
    voxels = np.ascontiguousarray(np.asarray(image, np.float32).mean(0))[None, ..., None]
    return np.ascontiguousarray(cut(volume_of(voxels, None), "axial", 0, radiological=not rightward).pixels)


def looks(image: Array, attention: Array, rightward: bool) -> NDArray[np.uint8]:
    """Lay each word's attention (words, grid, grid) over the picture (C, x, y): (words, rows, cols, 3).

    What is looked at most glows in each of them alike, however much it is: the places of a word sum to 1.
    """
    grey = facing(image, rightward)
    low, high = float(grey.min()), float(grey.max())
    base = np.repeat(((grey - low) / max(high - low, 1e-6) * 255)[..., None], 3, axis=2)
    maps = torch.from_numpy(np.ascontiguousarray(attention, dtype=np.float32))[:, None]
    wide = F.interpolate(maps, size=tuple(image.shape[1:]), mode="bilinear", align_corners=False)[:, 0].numpy()
    tiles = []
    for one in wide:
        share = _STRENGTH * (facing(one[None], rightward) / max(float(one.max()), 1e-9))[..., None]
        tiles.append(np.rint(base * (1 - share) + _GLOW * share))
    return np.stack(tiles).clip(0, 255).astype(np.uint8)


def shown(words: Sequence[str]) -> tuple[str, ...]:
    """Name the tokens of a caption for a figure: the end has a name too."""
    return tuple(one or "(end)" for one in words)


def _caption(saying: Saying, vocabulary: Vocabulary) -> Caption:
    words = tuple("" if one == END else vocabulary.word(one) for one in saying.ids)
    shares, others = saying.logs.exp().numpy(), saying.scores.exp().numpy()
    return Caption(words, shares, saying.attention.numpy(), others, saying.likelihood)


def likeliest(caption: Caption, at: int, vocabulary: Vocabulary, count: int = 8) -> list[tuple[str, float]]:
    """Return the most probable tokens in the place of one word, with their probabilities."""
    order = np.argsort(-caption.others[at], kind="stable")[:count]
    return [("(end)" if k == END else vocabulary.word(int(k)), float(caption.others[at, k])) for k in order
            if k == END or k >= len(SPECIAL)]  # fmt: skip
