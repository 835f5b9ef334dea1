"""Contrastive learning: what belongs together comes near each other, and nobody names anything.

The network says what is compared. CLIP: pictures with their texts. SimCLR: two views of one picture. word2vec: words
with their neighbours.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from torch import Tensor, nn

from medviz.data.augment import USUAL
from medviz.data.pictures import PICTURES
from medviz.figures import Figure
from medviz.messages import Work
from medviz.networks import NETWORKS
from medviz.parameters import Choice, Group, Live, Part, Range, Settings
from medviz.tasks.comparing import Comparing
from medviz.tasks.comparing_texts import ComparingTexts
from medviz.tasks.comparing_views import ComparingViews
from medviz.tasks.comparing_words import ComparingWords
from medviz.training.task import Batch, BatchSize, Changes, Epochs, Rate, Sample, Samples, ScheduleName, Task

_CAPTIONED, _CLIP = Settings("captioned"), Settings("clip")
_DATA, _TEXTS, _VIEWS, _WORDS = Group("Data"), Group("Texts"), Group("Views"), Group("Words")
KINDS: Mapping[str, type[Comparing]] = {"clip": ComparingTexts, "simclr": ComparingViews, "word2vec": ComparingWords}
_PROBES = {"clip": 16, "simclr": 12, "word2vec": 4}


@dataclass(frozen=True)
class Contrastive(Task):
    """Bring together what belongs together: pictures and texts (CLIP), views (SimCLR), words (word2vec)."""

    NAME: ClassVar[str] = "contrastive"
    USED: ClassVar[str] = ""

    data: Annotated[
        Settings,
        Part("datasets", only=("captioned", "image_text", "report_sentences", *(one for one in PICTURES
             if one not in ("captioned", "image_text")))),
        _DATA,
        "Pictures with a text each (CLIP), any pictures (SimCLR), sentences (word2vec).",
    ] = _CAPTIONED  # fmt: skip
    network: Annotated[
        Settings, Part("networks", only=tuple(KINDS)), Group("Network"), "What learns, and so what is compared."
    ] = _CLIP
    dimensions: Annotated[int, Choice((2, 3), ("2-D", "3-D")), _DATA, "Pictures, or volumes (SimCLR)."] = 2
    side: Annotated[
        int, Range(16, 512, 4, unit="px"), _DATA, "Side of the square (or cube) that pictures are fitted into."
    ] = 48
    augment: Annotated[
        float, Range(0.0, 2.0), _DATA, Live(samples=True),
        "Strength of random changes; for SimCLR they make the two views, and 0 leaves nothing to learn.",
    ] = 1.0  # fmt: skip
    longest: Annotated[
        int, Range(4, 256, unit="words"), _TEXTS, "Words of a text that are heard; the rest is cut off."
    ] = 32
    at_least: Annotated[
        int, Range(1, 100, unit="times"), _TEXTS,
        "How often a word must occur to get a number of its own; 5 keeps names of people out.",
    ] = 1  # fmt: skip
    words_left_out: Annotated[
        float, Range(0.0, 0.9), _TEXTS, Live(samples=True),
        "CLIP: largest share of words that chance leaves out of every other text, so that short prompts work too.",
    ] = 0.3  # fmt: skip
    temperature: Annotated[
        float, Range(0.01, 2.0, log=True), _VIEWS, Live(),
        "SimCLR: what similarities are divided by; low looks at the nearest views only. CLIP learns its own.",
    ] = 0.2  # fmt: skip
    window: Annotated[
        int, Range(1, 10, unit="words"), _WORDS, Live(), "word2vec: how far to either side a word's neighbours reach."
    ] = 4  # fmt: skip
    common: Annotated[
        float, Range(0.0, 0.1), _WORDS, Live(samples=True),
        "word2vec: words more frequent than this share are left out now and then; 0 keeps all.",
    ] = 0.005  # fmt: skip
    changes: Changes = USUAL

    epochs: Epochs = 30
    batch: BatchSize = 64
    learning_rate: Rate = 2e-3
    schedule: ScheduleName = "one-cycle"

    def comparing(self) -> Comparing:
        """Return the way of learning that the network stands for."""
        return KINDS[self.network.name](
            self.network, self.dimensions, self.side, self.augment, self.changes, self.batch, self.longest,
            self.at_least, self.words_left_out, self.temperature, self.window, self.common,
        )  # fmt: skip

    def data_set(self) -> Any:
        """Build the data set; refuses one that this network cannot learn from."""
        data = self.serving(self.dimensions)
        self.comparing().checked(data)
        return data

    def build(self, data: Any) -> nn.Module:
        """Build the network."""
        return self.comparing().built(data)

    def training(self, data: Any) -> Samples:
        """Return pictures with texts, views, or sentences, changed at random."""
        return self.comparing().training(data)

    def validation(self, data: Any) -> Samples:
        """Return others as they are."""
        return self.comparing().validation(data)

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return the first that training never sees."""
        held = self.validation(data)
        return [held[at] for at in range(min(_PROBES[self.network.name], len(held)))]

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Yield one loss for the whole network; what a sample is told from are the others of its batch."""
        yield "", self.comparing().loss(network, batch)

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure the loss and what the space is worth: recall, zero-shot, neighbours' classes, analogies."""
        return (yield from self.comparing().measured(network, batches, data))

    def evaluated(
        self, network: nn.Module, batches: Sequence[Batch], data: Any, group: str
    ) -> Work[list[dict[str, Any]]]:
        """Tell of each case whether it finds its partner among all others."""
        return (yield from self.comparing().rows(network, batches, data))

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw who is like whom, a map of the space, and nearest neighbours."""
        return self.comparing().figures(network, probes, data)

    def chance(self, data: Any) -> float | None:
        """Loss of a network that knows nothing."""
        return self.comparing().chance(data)

    def description(self, data: Any) -> dict[str, Any]:
        """Say how to run the network: its settings, and how pictures and words are made ready."""
        settings = self.network.turned(**self._given()).whole(NETWORKS, "channels", "classes")
        network = {"name": settings.name, **dict(settings.values)}
        return {"task": self.NAME, "network": network, "classes": [], **self.comparing().description(data)}

    def _given(self) -> dict[str, Any]:
        """Return what the task says of the network."""
        sizes = {"size": self.side, "dimensions": self.dimensions}
        return {"clip": {**sizes, "longest": self.longest}, "simclr": sizes, "word2vec": {}}[self.network.name]
