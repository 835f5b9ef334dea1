"""Captioning: say in words what a picture shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.data.pictures import RIGHTWARD
from medviz.data.whole import volume_of
from medviz.data.words import PAD, Vocabulary
from medviz.figures import Figure
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS
from medviz.parameters import Group, Live, Part, Range, Settings
from medviz.refused import Refused
from medviz.tasks.captions_judged import Judged, bleus, counts_of, judged, together
from medviz.tasks.captions_shown import drawn
from medviz.training.task import Batch, BatchSize, Epochs, Rate, Sample, Samples, ScheduleName, Smoothing, Task
from medviz.training.using.bleu import Bleu
from medviz.training.using.captioning import told

_CAPTIONED, _CAPTIONER = Settings("captioned"), Settings("captioner")
_DATA, _WORDS = Group("Data"), Group("Words")
_AT_ONCE = 32
"""Pictures that are captioned side by side when they are measured."""


@dataclass(frozen=True, eq=False)
class Worded:
    """Pictures with their texts as ids too: "words" (length,) int64, with <start> and <end>, padded."""

    pictures: Any
    vocabulary: Vocabulary
    length: int

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Sample:
        """Return a picture as it is."""
        return self._with_words(self.pictures[index])

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a picture changed by what is drawn from `chance`."""
        return self._with_words(self.pictures.drawn(index, chance))

    def _with_words(self, sample: Sample) -> Sample:
        return {**sample, "words": self.vocabulary.ids(sample["text"], self.length, ends=True)}


@dataclass(frozen=True)
class Captioning(Task):
    """Say what a picture shows, word after word; measured on pictures that training never sees.

    While it learns it is given the true words before each word (teacher forcing). Measured are both: how well it goes
    on with true words, and what it says by itself.
    """

    NAME: ClassVar[str] = "captioning"
    USED: ClassVar[str] = ""
    BEST: ClassVar[str] = "validation/word accuracy"
    HIGHER: ClassVar[bool] = True

    data: Annotated[
        Settings, Part("datasets", only=("captioned", "image_text")), _DATA, "Pictures with a text each."
    ] = _CAPTIONED
    network: Annotated[Settings, Part("networks", only=("captioner",)), Group("Network"), "What learns."] = _CAPTIONER
    side: Annotated[
        int,
        Range(16, 256, 8, unit="px"),
        _DATA,
        "Side of the square that pictures are fitted into; larger shows more and takes longer.",
    ] = 48
    augment: Annotated[
        float,
        Range(0.0, 2.0),
        _DATA,
        Live(samples=True),
        "Strength of random changes of light and place, never mirrored: a text that says left would be wrong.",
    ] = 0.5
    longest: Annotated[
        int, Range(4, 128, unit="words"), _WORDS, "Words of a text that are learnt and said; the rest is cut off."
    ] = 40
    at_least: Annotated[
        int,
        Range(1, 100, unit="times"),
        _WORDS,
        "So often a word must occur to be learnt; a rarer one (a name, a typing error) is never said.",
    ] = 2
    beams: Annotated[
        int,
        Range(1, 16),
        _WORDS,
        "Beginnings of a caption that are followed up side by side; 1 takes the likeliest next word each time.",
    ] = 1
    smoothing: Smoothing = 0.0

    epochs: Epochs = 20
    batch: BatchSize = 32
    learning_rate: Rate = 3e-3
    schedule: ScheduleName = "one-cycle"
    clip: Annotated[
        float, Range(0.0, 1000.0), Group("Optimiser", advanced=True), Live(),
        "Longest gradient that is let through; 0 lets all through. Networks with a memory need a bound.",
    ] = 1.0  # fmt: skip

    def data_set(self) -> Any:
        """Build the data set; refuses one whose texts have no word that comes often enough."""
        data = self.serving(2)
        if not _vocabulary(data, self.at_least).words:
            fault = f"no word of its texts occurs {self.at_least} times"
            raise Refused(self.data.name, fault, "take a smaller at_least, or more texts")
        return data

    def build(self, data: Any) -> nn.Module:
        """Build the network with a score for each word."""
        network: nn.Module = self._settings().build(
            NETWORKS, channels=data.channels, classes=len(self.vocabulary(data))
        )
        return network

    def vocabulary(self, data: Any) -> Vocabulary:
        """Return the words that come often enough in the texts to learn from."""
        return _vocabulary(data, self.at_least)

    def training(self, data: Any) -> Samples:
        """Pictures, changed at random, with their texts."""
        return self._worded(data, data.training(2, self.side, self.augment))

    def validation(self, data: Any) -> Samples:
        """Pictures as they are, with their texts."""
        return self._worded(data, data.validation(2, self.side))

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return a few validation pictures."""
        found = self._worded(data, data.probes(2, self.side))
        return [found[number] for number in range(len(found))]

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Yield the mean cross-entropy of each next word, given the true words before it."""
        words: Tensor = batch["words"]
        scores = network(batch["image"], words[:, :-1])
        yield "", _entropy(scores, words[:, 1:], self.smoothing)

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure loss, perplexity and word accuracy with true words before; exact match and BLEU of what it says."""
        found = yield from self._judged(network, batches, data)
        return {f"validation/{name}": value for name, value in together(found).items()}

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw what is said beside what is meant, how probable each word was, and where it looked."""
        vocabulary: Any = self.vocabulary(data)
        asked: Any = network
        said = [told(asked, batch["image"], vocabulary, self.beams)[0] for batch in probes]
        images = [batch["image"][0].float().cpu().numpy() for batch in probes]
        yield from drawn(images, [batch["text"][0] for batch in probes], said, self._rightward)

    def chance(self, data: Any) -> float | None:
        """Cross-entropy of a network that knows nothing: each token is as likely."""
        return float(np.log(len(self.vocabulary(data))))

    def evaluated(
        self, network: nn.Module, batches: Sequence[Batch], data: Any, group: str
    ) -> Work[list[dict[str, Any]]]:
        """Caption each picture: what is said and meant, and what was missed, added or said otherwise.

        Of the reference only words are written down that the network knows: a name that occurs once is in no file.
        """
        vocabulary = self.vocabulary(data)
        found = yield from self._judged(network, batches, data)
        return [one.row(vocabulary) for one in found]

    def summarised(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
        """BLEU over all texts, which is no mean over them."""
        return bleus(sum((counts_of(row["_counts"]) for row in rows), Bleu()))

    def opened(self, network: nn.Module, data: Any, group: str, number: int) -> Work[Mapping[str, Volume]]:
        """Return a picture for the viewer."""
        yield Progress(0, 0, "reading the picture")
        image = np.asarray(self.validation(data)[number]["image"], np.float32)
        image = np.ascontiguousarray(image[:, ::-1]) if self._rightward else image
        return {"scan": volume_of(image[..., None], None, f"picture {number + 1}")}

    def description(self, data: Any) -> dict[str, Any]:
        """Say how to run the network on a picture: its words and the size of the picture."""
        settings = self._settings().whole(NETWORKS, "channels", "classes")
        return {
            "task": self.NAME,
            "network": {"name": settings.name, **dict(settings.values)},
            "classes": [],
            "words": list(self.vocabulary(data).words),
            "beams": self.beams,
            "pictures": {"dimensions": 2, "side": self.side, "channels": data.channels, "rightward": self._rightward},
        }

    @property
    def _rightward(self) -> bool:
        """Whether x runs to the right in its pictures, as a person looks at them; in files it runs to the left."""
        return self.data.name in RIGHTWARD

    def _settings(self) -> Settings:
        return self.network.turned(size=self.side, longest=self.longest)

    def _worded(self, data: Any, samples: Any) -> Worded:
        return Worded(samples, self.vocabulary(data), self.longest)

    def _judged(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[list[Judged]]:
        """Caption all pictures, some side by side, and compare."""
        vocabulary, found, asked = self.vocabulary(data), list[Judged](), list[Batch]()
        for number, batch in enumerate(batches, start=1):
            asked.append(batch)
            if len(asked) == _AT_ONCE or number == len(batches):
                found += judged(network, asked, vocabulary, self.beams)
                asked = []
                yield Progress(number, len(batches), "captions compared")
        return found


def _entropy(scores: Tensor, words: Tensor, smoothing: float) -> Tensor:
    """Mean cross-entropy over the words that are there."""
    flat = scores.float().flatten(0, 1)
    return F.cross_entropy(flat, words.flatten(), ignore_index=PAD, label_smoothing=smoothing)


@lru_cache(maxsize=8)
def _vocabulary(data: Any, at_least: int) -> Vocabulary:
    return Vocabulary.of(data.texts, at_least)
