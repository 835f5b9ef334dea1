"""Masked modelling: hide a part of a picture or of a sentence, and tell it from the rest. No label is needed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from torch import Tensor, nn

from medviz.data.checking.report import Fingerprint
from medviz.data.masking import MaskedPictures, MaskedWords, unlabelled
from medviz.data.pictures import PICTURES, pictures, some
from medviz.data.words import Vocabulary
from medviz.figures import Figure
from medviz.messages import Work
from medviz.networks import NETWORKS
from medviz.parameters import Choice, Group, Live, Part, Range, Settings, parameters
from medviz.refused import Refused
from medviz.tasks import masked_pictures, masked_words
from medviz.tasks.proposing import for_pictures
from medviz.training.task import Batch, BatchSize, Epochs, Rate, Sample, Samples, ScheduleName, Task
from medviz.training.using import filling

_MNI152, _MAE = Settings("mni152"), Settings("mae", (("patch", 8), ("width", 64), ("depth", 4)))
_DATA, _MASK, _LOSS = Group("Data"), Group("Mask"), Group("Loss")
_PATCHES, _WORDS = 0.75, 0.15
"""What is masked where nothing else is asked for: He et al., 2022, and Devlin et al., 2019."""
_PROBES = 3


@dataclass(frozen=True)
class Masked(Task):
    """Tell what is masked from what is not; measured on what is masked of pictures and sentences never seen before.

    With BERT the words of sentences are masked, else the patches of pictures. What the network learns so is of use
    where labels are few: a run that begins with it (`start`) takes over the weights that fit.
    """

    NAME: ClassVar[str] = "masked"
    USED: ClassVar[str] = ""

    data: Annotated[
        Settings,
        Part("datasets", only=(*PICTURES, "report_sentences")),
        _DATA,
        "Pictures, whose labels are not looked at; for BERT sentences, or pictures with texts.",
    ] = _MNI152
    network: Annotated[
        Settings, Part("networks", only=("mae", "masked_unet", "bert")), Group("Network"), "What learns."
    ] = _MAE
    dimensions: Annotated[int, Choice((2, 3), ("2-D, slice by slice", "3-D")), _DATA, "Slices or volumes."] = 2
    side: Annotated[
        int, Range(16, 256, 2, unit="px"), _DATA, "Side of the pictures; of the patches it must be a multiple."
    ] = 64
    whole: Annotated[
        bool,
        _DATA,
        "Fit whole slices or volumes into the square or cube; off: pieces of that side at the resolution at which "
        "segmentation sees them.",
    ] = True
    augment: Annotated[
        float, Range(0.0, 2.0), _DATA, Live(samples=True), "Strength of random changes of place; 0 is none."
    ] = 0.5
    share: Annotated[
        float | None,
        Range(0.05, 0.95),
        _MASK,
        Live(samples=True),
        "Share that is masked; automatic: 0.75 of the patches, 0.15 of the words.",
    ] = None
    at_least: Annotated[
        int,
        Range(1, 100, unit="times"),
        _MASK,
        "Words that occur less often are not learnt. The words are kept with the run: of real reports this keeps names "
        "out of it.",
    ] = 2
    loss: Annotated[
        str,
        Choice(("l2", "l1"), ("L2 (mean square)", "L1 (mean error)")),
        _LOSS,
        "What is made small on the masked pixels; of words it is −log P(correct).",
    ] = "l2"
    normalise: Annotated[
        bool,
        _LOSS,
        "Scale each patch that is to be told to mean 0 and spread 1: its pattern is learnt, and not how bright it is.",
    ] = False

    epochs: Epochs = 20
    batch: BatchSize = 16
    learning_rate: Rate = 1e-3
    schedule: ScheduleName = "one-cycle"

    @property
    def of_words(self) -> bool:
        """Tell whether words are masked, and not patches."""
        return self.network.name == "bert"

    def data_set(self) -> Any:
        """Build the data set; refuses one that has not what the network reads."""
        data = self.serving(2 if self.of_words else self.dimensions)
        if self.of_words and not hasattr(data, "texts"):
            raise Refused(self.data.name, "it has no texts", "choose report sentences, or pictures with texts")
        if not self.of_words and self.data.name not in PICTURES:
            raise Refused(self.data.name, "it has no pictures", "choose pictures, or the network BERT")
        return data

    def build(self, data: Any) -> nn.Module:
        """Build the network that fills in; refuses a side that is not whole patches."""
        if self.of_words:
            made: nn.Module = self.network.build(NETWORKS, words=len(self._vocabulary(data)))
            return made
        if self.side % self.patch or self.side // self.patch < 2:
            fault = f"it is not two or more whole patches of {self.patch} px"
            raise Refused(f"side={self.side}", fault, f"take {self.patch} times 2, 3, 4 ...")
        made = self._settings().build(NETWORKS, channels=data.channels)
        return made

    def training(self, data: Any) -> Samples:
        """Pictures or sentences, masked at random."""
        if self.of_words:
            return self._sentences(data, data.training(2, 16).texts)
        return self._pictures(data, held_out=False)

    def validation(self, data: Any) -> Samples:
        """Pictures or sentences that training never sees, masked in the same places each time."""
        if self.of_words:
            return self._sentences(data, data.validation(2, 16).texts)
        return self._pictures(data, held_out=True)

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return a few of those."""
        held: Any = self.validation(data)
        return [held[k] for k in range(min(6, len(held)))] if self.of_words else some(held, _PROBES)

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Yield one loss, that of what is masked."""
        if self.of_words:
            yield "", masked_words.loss(network(batch["given"]), batch)
        else:
            yield "", filling.loss(network(batch["image"], batch["shown"]), batch, self._asked())

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure how well what is masked is told, beside what needs no network."""
        if self.of_words:
            rows = yield from masked_words.told(network, batches, self._common(data))
            return {f"validation/{name}": value for name, value in masked_words.measured(rows).items()}
        return (yield from masked_pictures.measured(network, batches, self._asked()))

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw pictures as they are, masked, and filled in; write sentences with what was guessed."""
        if self.of_words:
            yield masked_words.drawn(network, probes, self._vocabulary(data))
        else:
            yield from masked_pictures.drawn(network, probes, self._asked(), hasattr(data, "preparation"))

    def chance(self, data: Any) -> float | None:
        """Loss of a network that gives each word the same probability; of pictures nothing is known."""
        return math.log(len(self._vocabulary(data))) if self.of_words else None

    def evaluated(
        self, network: nn.Module, batches: Sequence[Batch], data: Any, group: str
    ) -> Work[list[dict[str, Any]]]:
        """Measure each picture or sentence alone."""
        if not self.of_words:
            return (yield from super().evaluated(network, batches, data, group))
        rows = yield from masked_words.told(network, batches, self._common(data))
        return [masked_words.row(one) for one in rows]

    def summarised(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
        """Measure what is no mean over sentences: the perplexity."""
        return masked_words.summarised(rows) if self.of_words else {}

    def proposed(self, found: Fingerprint) -> "tuple[Masked, tuple[str, ...]]":
        """Choose what suits the pictures, and say why; the side is whole patches."""
        if self.of_words:
            return self, ()
        turned, lines = for_pictures(self, found)
        side = self.patch * max(2, round(turned.side / self.patch))
        if side == turned.side or not lines:
            return turned, lines
        return replace(turned, side=side), (f"{lines[0]}; {side // self.patch} patches a side", *lines[1:])

    def description(self, data: Any) -> dict[str, Any]:
        """Say what the network fills in: the size of pictures and patches, or the words it knows."""
        if self.of_words:
            network = self.network.turned(words=len(self._vocabulary(data))).whole(NETWORKS)
            learnt: dict[str, Any] = {"words": list(self._vocabulary(data).words)}
        else:
            network = self._settings().whole(NETWORKS, "channels")
            sizes = {"dimensions": self.dimensions, "side": self.side, "channels": data.channels, "patch": self.patch}
            learnt = {"pictures": sizes, "share": self._share(), "normalise": self.normalise}
        return {"task": self.NAME, "network": {"name": network.name, **dict(network.values)}, "classes": [], **learnt}

    @property
    def patch(self) -> int:
        """Side of a patch in pixels."""
        values = dict(self.network.whole(NETWORKS).values)
        return 16 if values.get("fits") == "unetr" else int(values["patch"])

    def _settings(self) -> Settings:
        known = {one.name for one in parameters(NETWORKS[self.network.name])}
        ours = {"dimensions": self.dimensions, "size": self.side}
        return self.network.turned(**{name: value for name, value in ours.items() if name in known})

    def _asked(self) -> filling.Asked:
        return filling.Asked(self.patch, self.loss, self.normalise)

    def _share(self) -> float:
        return self.share or (_WORDS if self.of_words else _PATCHES)

    def _pictures(self, data: Any, held_out: bool) -> MaskedPictures:
        augment = 0.0 if held_out else self.augment
        found = unlabelled(pictures(data, self.dimensions, self.side, held_out, augment, self.whole))
        cells = (self.side // self.patch) ** self.dimensions
        return MaskedPictures(found, max(2, cells), self._share())

    def _sentences(self, data: Any, texts: Sequence[str]) -> MaskedWords:
        return MaskedWords(texts, self._vocabulary(data), self._length(), self._share())

    def _length(self) -> int:
        return int(dict(self.network.whole(NETWORKS).values)["length"])

    def _vocabulary(self, data: Any) -> Vocabulary:
        return _vocabulary(tuple(data.texts), self.at_least)

    def _common(self, data: Any) -> Tensor:
        return masked_words.common(tuple(data.texts), self._vocabulary(data), self._length())


@lru_cache(maxsize=4)
def _vocabulary(texts: tuple[str, ...], at_least: int) -> Vocabulary:
    """Collect the words that occur so often; refuses texts that have none."""
    made = Vocabulary.of(texts, at_least)
    if not made.words:
        raise Refused(f"at_least={at_least}", "no word occurs so often", "take a smaller number, or more texts")
    return made
