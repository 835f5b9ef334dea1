"""CLIP: pictures are compared with texts; typed prompts then name pictures that nobody labelled."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medviz.data.augment import switched
from medviz.data.captioned import ATTRIBUTES, Captioned, Captions, Thing, caption
from medviz.data.words import Vocabulary, joined, tokens
from medviz.figures import Figure, Gallery, Heatmap, Mark, Points, Table
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS
from medviz.networks.clip import Clip
from medviz.refused import Refused
from medviz.tasks.comparing import AT_ONCE, Comparing, Row, device_of, short, texts_of
from medviz.training.contrasting import clip_loss, principal, ranks_of, same_texts
from medviz.training.task import Batch, Sample, Samples

SHOWN = 8
"""Pictures and texts of the matrix that is drawn."""


@dataclass(frozen=True, eq=False)
class Worded:
    """Pictures with their texts as ids: "image", "ids" (longest,) int64, "text", "name".

    `left_out` is the largest share of words that chance leaves out, so that short prompts are understood too.
    """

    samples: Any
    vocabulary: Vocabulary
    longest: int
    left_out: float = 0.0

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        """Return a picture with its text as it is."""
        sample: Sample = self.samples[index]
        return {**sample, "ids": self.vocabulary.ids(sample["text"], self.longest)}

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a picture changed, and its text with words left out."""
        sample: Sample = self.samples.drawn(index, chance)
        return {**sample, "ids": self.vocabulary.ids(thinned(sample["text"], self.left_out, chance), self.longest)}


def thinned(text: str, most: float, chance: np.random.Generator) -> str:
    """Leave words out of every other text: a share between 0 and `most`, but never all."""
    words = tokens(text)
    if not most or not words or chance.random() < 0.5:
        return text
    kept = chance.random(len(words)) >= chance.uniform(0, most)
    kept[int(chance.integers(len(words)))] = True
    return joined(word for word, stays in zip(words, kept, strict=True) if stays)


@dataclass(frozen=True, eq=False)
class Space:
    """Where pictures and their texts lie: (N, D) each, of length 1; `texts` are the texts themselves."""

    pictures: Tensor
    words: Tensor
    ids: Tensor
    texts: tuple[str, ...]


class ComparingTexts(Comparing):
    """Pictures and texts."""

    def checked(self, data: Any) -> None:
        """Refuse a data set without texts, or without pictures."""
        texts_of(data, "clip")
        if not hasattr(data, "image") and not isinstance(data, Captioned):
            raise Refused("clip", "it learns from pictures with a text each", "choose captioned or image_text")
        if self.dimensions != 2:
            raise Refused("dimensions=3", "there are texts for pictures only", "choose 2-D")

    def built(self, data: Any) -> nn.Module:
        """Build both encoders."""
        network: nn.Module = self.settings.turned(size=self.side, longest=self.longest).build(
            NETWORKS, channels=data.channels, classes=len(self.vocabulary(data))
        )
        return network

    def vocabulary(self, data: Any) -> Vocabulary:
        """Return the words of the texts that are learnt from."""
        return Vocabulary.of(texts_of(data, "clip"), self.at_least)

    def training(self, data: Any) -> Samples:
        """Pictures changed at random, and their texts with words left out."""
        samples = switched(data.training(2, self.side, self.augment), self.changes, self.augment)
        return Worded(samples, self.vocabulary(data), self.longest, self.words_left_out)

    def validation(self, data: Any) -> Samples:
        """Pictures and texts as they are."""
        return Worded(data.validation(2, self.side), self.vocabulary(data), self.longest)

    def loss(self, network: Any, batch: Batch) -> Tensor:
        """Compare all pictures of a batch with all its texts; texts that are the same are no negatives."""
        return clip_loss(network(batch["image"], batch["ids"]).float(), same_texts(batch["ids"]))

    def chance(self, data: Any) -> float | None:
        """Tell ln N of a batch."""
        return float(np.log(self.batch))

    def measured(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure the loss in batches as they are learnt from, recall both ways, and what prompts name rightly."""
        space = yield from spaced(network, batches)
        found = {"validation/loss": self._loss(network, space), **_recalls(space)}
        if isinstance(data, Captioned):
            found |= zero_shot(network, data, space, self.vocabulary(data), self.longest)
        return found

    def _loss(self, network: Clip, space: Space) -> float:
        parts = [slice(at, at + self.batch) for at in range(0, len(space.texts), self.batch)]
        sums = 0.0
        for part in parts:
            logits = network.scale * space.pictures[part] @ space.words[part].T
            sums += float(clip_loss(logits, same_texts(space.ids[part]))) * len(logits)
        return sums / len(space.texts)

    def rows(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[list[Row]]:
        """Tell of each picture at which place its text comes, and which text comes first."""
        space = yield from spaced(network, batches)
        names, words, right = _distinct(space)
        similar = space.pictures @ words.T
        ranks = ranks_of(similar, right).tolist()
        first = similar.argmax(1).tolist()
        return [
            {"recall@1": float(rank == 1), "recall@5": float(rank <= 5), "rank of its text": rank,
             "similarity": float(similar[at][right[at]].max()), "text": space.texts[at], "nearest": names[first[at]]}
            for at, rank in enumerate(ranks)
        ]  # fmt: skip

    def figures(self, network: Any, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw who is like whom, where all lie, and which text is nearest to each picture."""
        space = _ended(spaced(network, probes))
        similar = (space.pictures @ space.words.T).cpu().numpy()
        some = min(SHOWN, len(similar))
        numbers = tuple(f"{at + 1}" for at in range(some))
        marks = tuple(Mark(at, at, style="target") for at in range(some))
        yield Heatmap("similarity", similar[:some, :some], "cosine of pictures (rows) and texts",
                      "viridis", row_names=numbers, column_names=numbers, digits=2, marks=marks)  # fmt: skip
        yield _map(space)
        yield _nearest(space, similar)
        tiles = np.stack([_tile(batch["image"][0]) for batch in probes])
        right = [space.texts[int(row.argmax())] == text for row, text in zip(similar, space.texts, strict=True)]
        titles = tuple(f"{at + 1} {'✓' if one else '✗'}" for at, one in enumerate(right))
        yield Gallery("pictures", tiles, f"{sum(right)} of {len(right)} find their text", titles)

    def description(self, data: Any) -> dict[str, Any]:
        """Say how pictures and prompts are made ready."""
        drawn = isinstance(data, Captioned)  # there x runs to the right, in files to the left
        return {
            "pictures": {"dimensions": 2, "side": self.side, "channels": data.channels, "rightward": drawn},
            "longest": self.longest,
            "vocabulary": list(self.vocabulary(data).words),
        }


def spaced(network: Clip, batches: Sequence[Batch]) -> Work[Space]:
    """Place all pictures and texts of batches of one."""
    pictures, words, ids, texts = [], [], [], []
    for number, batch in enumerate(batches, start=1):
        pictures.append(network.pictures(batch["image"]))
        words.append(network.texts(batch["ids"]))
        ids.append(batch["ids"])
        texts += batch["text"]
        if number % 16 == 0 or number == len(batches):
            yield Progress(number, len(batches), "validation")
    return Space(torch.cat(pictures), torch.cat(words), torch.cat(ids), tuple(texts))


def _distinct(space: Space) -> tuple[list[str], Tensor, Tensor]:
    """Return each text once, where it lies, and which of them is that of each picture (N, M)."""
    firsts: dict[str, int] = {}
    for at, text in enumerate(space.texts):
        firsts.setdefault(text, at)
    own = torch.tensor([list(firsts).index(text) for text in space.texts], device=space.words.device)
    right = own[:, None] == torch.arange(len(firsts), device=own.device)[None]
    return list(firsts), space.words[list(firsts.values())], right


def _recalls(space: Space) -> dict[str, float]:
    """Share of pictures whose text is among the nearest, and of texts one of whose pictures is."""
    _, words, right = _distinct(space)
    there = ranks_of(space.pictures @ words.T, right)
    back = ranks_of(words @ space.pictures.T, right.T)
    named = (("", there), ("/text to image", back))
    return {f"validation/recall@{k}{name}": float((ranks <= k).float().mean()) for name, ranks in named for k in (1, 5)}


def zero_shot(
    network: Clip, data: Captioned, space: Space, vocabulary: Vocabulary, longest: int
) -> dict[str, float]:  # fmt: skip
    """Name held-out pictures of one object by prompts: its whole caption among all there are, and each attribute.

    An attribute's prompts are all captions with that word, their mean is its prompt (as in the paper). None of these
    compositions was ever learnt from.
    """
    held = data.validation(2, 16)
    assert isinstance(held, Captions)
    alone = [at for at, some in enumerate(held.things[: len(space.texts)]) if len(some) == 1]
    if not alone:
        return {}
    every = Thing.all()
    prompts = prompted(network, [caption([one]) for one in every], vocabulary, longest)
    similar = space.pictures[alone] @ prompts.T
    right = [held.things[at][0] for at in alone]
    found = {"validation/zero-shot accuracy": _share([every[k] for k in similar.argmax(1).tolist()], right)}
    fields = {"size": "size", "brightness": "light", "shape": "shape", "place": "place"}
    for name, words in ATTRIBUTES.items():
        means = [prompts[[getattr(one, fields[name]) == k for one in every]].mean(0) for k in range(len(words))]
        told = (space.pictures[alone] @ torch.nn.functional.normalize(torch.stack(means), dim=1).T).argmax(1).tolist()
        found[f"validation/zero-shot/{name}"] = _share(told, [getattr(one, fields[name]) for one in right])
    return found


def prompted(network: Clip, texts: Sequence[str], vocabulary: Vocabulary, longest: int) -> Tensor:
    """Place texts, (N, D)."""
    ids = torch.stack([vocabulary.ids(text, longest) for text in texts]).to(device_of(network))
    return torch.cat([network.texts(ids[at : at + AT_ONCE]) for at in range(0, len(ids), AT_ONCE)])


def _share(told: Sequence[Any], right: Sequence[Any]) -> float:
    return float(np.mean([one == other for one, other in zip(told, right, strict=True)]))


def _map(space: Space) -> Points:
    at, share = principal(torch.cat([space.pictures, space.words]))
    count = len(space.texts)
    words = 2 * tuple(f"{number + 1}" for number in range(count))
    title = f"map: {share:.0%} of the variance; a number is a pair"
    kinds = np.repeat([0, 1], count)
    return Points(
        "map", at.cpu().numpy(), title, kinds, ("pictures", "texts"), words, "first component", "second", spelt=True
    )


def _nearest(space: Space, similar: np.ndarray[Any, Any]) -> Table:
    rows = tuple(
        (at + 1, short(text), short(space.texts[int(row.argmax())]), round(float(row.max()), 2))
        for at, (text, row) in enumerate(zip(space.texts, similar, strict=True))
    )
    return Table("nearest", ("picture", "its text", "nearest text", "cosine"), rows, "nearest text of each picture")


def _tile(image: Tensor) -> np.ndarray[Any, Any]:
    """Return a picture (C, x, y) as it faces the screen: rows from the top, columns to the right."""
    return image.mean(0).cpu().numpy().T[::-1].copy()


def _ended(work: Work[Space]) -> Space:
    while True:
        try:
            next(work)
        except StopIteration as end:
            space: Space = end.value
            return space
