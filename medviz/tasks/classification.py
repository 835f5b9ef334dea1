"""Classification: say what a whole picture or volume shows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medviz.data.augment import USUAL, switched
from medviz.data.checking.report import Fingerprint
from medviz.data.pictures import RIGHTWARD
from medviz.figures import Bars, Curves, Figure, Heatmap, Line, Picture
from medviz.imaging.slices import cut
from medviz.imaging.volume import Array, Stored, Volume
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS
from medviz.parameters import Choice, Group, Live, Part, Range, Settings, When, parameters
from medviz.refused import Refused
from medviz.tasks.proposing import for_classification
from medviz.tasks.scoring import Scores, scores_of
from medviz.tasks.synthetic import Synthetic, SyntheticFrom, added_classes
from medviz.training.making import Added
from medviz.training.mixing import mixed
from medviz.training.task import (
    Batch,
    BatchSize,
    Changes,
    Epochs,
    Mixup,
    Rate,
    Sample,
    Samples,
    ScheduleName,
    Smoothing,
    Task,
)
from medviz.training.tellers import PictureTeller

_SHAPES, _RESNET = Settings("shapes"), Settings("resnet", (("width", 16), ("thumbnails", True)))
_DATA, _LOSS = Group("Data"), Group("Loss")
CLASSIFIERS = (
    "lenet", "alexnet", "vgg", "googlenet", "resnet", "densenet", "efficientnet", "efficientnet_lite", "vit", "hipt",
    "recurrent", "mlp",
)  # fmt: skip
LOSSES = Choice(
    ("cross-entropy", "bce", "focal", "hinge"),
    ("Cross-entropy", "Binary cross-entropy (each class by itself)", "Focal", "Hinge (margin)"),
)


@dataclass(frozen=True)
class Classification(Task):
    """Give each picture one class; measured on pictures that training never sees."""

    NAME: ClassVar[str] = "classification"
    BEST: ClassVar[str] = "validation/balanced accuracy"
    HIGHER: ClassVar[bool] = True

    data: Annotated[
        Settings,
        Part("datasets", only=("shapes", "digits", "class_folders", "class_table", "medmnist")),
        _DATA,
        "Pictures with a class each.",
    ] = _SHAPES
    network: Annotated[Settings, Part("networks", only=CLASSIFIERS), Group("Network"), "What learns."] = _RESNET
    dimensions: Annotated[int, Choice((2, 3), ("2-D", "3-D")), _DATA, "Pictures or volumes."] = 2
    side: Annotated[
        int,
        Range(16, 512, 4, unit="px"),
        _DATA,
        "Side of the square (or cube) that pictures are fitted into; larger shows more and takes longer.",
    ] = 32
    augment: Annotated[
        float,
        Range(0.0, 2.0),
        _DATA,
        Live(samples=True),
        "Strength of random changes of place and light; 0 is none.",
    ] = 0.5
    loss: Annotated[str, LOSSES, _LOSS, "What is made small."] = "cross-entropy"
    gamma: Annotated[
        float,
        Range(0.0, 5.0),
        _LOSS,
        Live(),
        When("loss", "focal"),
        "How little pictures count that are right already.",
    ] = 2.0
    smoothing: Annotated[Smoothing, When("loss", "cross-entropy", "bce")] = 0.0
    balance: Annotated[
        bool, _LOSS, "Rare classes count more, as much as they are rarer; otherwise the common one is guessed."
    ] = True
    mixup: Mixup = 0.0
    changes: Changes = USUAL
    synthetic: Synthetic = 0
    synthetic_from: SyntheticFrom = ""

    epochs: Epochs = 10
    batch: BatchSize = 16
    learning_rate: Rate = 2e-3
    schedule: ScheduleName = "one-cycle"

    def data_set(self) -> Any:
        """Build the data set; refuses one that does not serve these dimensions."""
        return self.serving(self.dimensions)

    def build(self, data: Any) -> nn.Module:
        """Build the network with one output for each class."""
        network: nn.Module = self._settings().build(NETWORKS, channels=data.channels, classes=len(data.classes))
        return network

    def training(self, data: Any) -> Samples:
        """Pictures, changed at random."""
        samples: Samples = data.training(self.dimensions, self.side, self.augment)
        return switched(samples, self.changes, self.augment)

    def added(self, data: Any) -> Added | None:
        """Return what makes pictures of classes, where such are asked for."""
        return added_classes(self, data, self.training(data)) if self.synthetic else None

    def validation(self, data: Any) -> Samples:
        """Pictures as they are."""
        samples: Samples = data.validation(self.dimensions, self.side)
        return samples

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return a few validation pictures, of each class if there are not too many."""
        probes: Sequence[Sample] = data.probes(self.dimensions, self.side)
        return probes

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Yield one loss for the whole network."""

        def loss(scores: Tensor, one: Batch) -> Tensor:
            return self._loss(scores, one["label"], one.get("weight"))

        yield "", mixed(network, batch, self.mixup, loss)

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure cross-entropy, accuracy, balanced accuracy, area under the ROC curve, and recall of each class."""
        found = yield from _scores(network, batches)
        measured = {
            "validation/loss": found.cross_entropy,
            "validation/accuracy": found.accuracy,
            "validation/balanced accuracy": found.balanced_accuracy,
        }
        if found.area is not None:
            measured["validation/AUC"] = found.area
        for name, recall in zip(data.classes, found.recalls, strict=True):
            if recall is not None:
                measured[f"validation/recall/{name}"] = recall
        return measured

    def chance(self, data: Any) -> float | None:
        """Cross-entropy of a network that knows nothing; of another loss nothing is known."""
        return float(np.log(len(data.classes))) if self.loss == "cross-entropy" else None

    def testing(self, data: Any) -> Samples | None:
        """Return the test pictures of a data set that has them apart."""
        found: Callable[[int, int], Samples | None] | None = getattr(data, "testing", None)
        return found(self.dimensions, self.side) if found else None

    def evaluated(
        self, network: nn.Module, batches: Sequence[Batch], data: Any, group: str
    ) -> Work[list[dict[str, Any]]]:
        """Name each picture: what it is, what it was taken for, and the probability of what it is."""
        rows: list[dict[str, Any]] = []
        for number, batch in enumerate(batches, start=1):
            share = network(batch["image"]).float().softmax(1)[0].cpu().numpy()
            meant, taken = int(batch["label"][0]), int(share.argmax())
            seen = {"class": data.classes[meant], "taken for": data.classes[taken]}
            found = {"probability of the class (%)": 100 * float(share[meant]), "accuracy": float(meant == taken)}
            rows.append({**seen, **found, "_meant": meant, "_shares": [float(one) for one in share]})
            if number % 32 == 0 or number == len(batches):
                yield Progress(number, len(batches), "cases measured")
        return rows

    def summarised(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
        """Measure what needs all pictures: balanced accuracy and the area under the ROC curve."""
        found = scores_of(np.array([row["_shares"] for row in rows]), np.array([row["_meant"] for row in rows]))
        area = {} if found.area is None else {"AUC": found.area}
        return {"balanced accuracy": found.balanced_accuracy, **area}

    def opened(self, network: nn.Module, data: Any, group: str, number: int) -> Work[Mapping[str, Volume]]:
        """Return a picture for the viewer."""
        samples = self.testing(data) if group == "test" else self.validation(data)
        yield Progress(0, 0, "reading the picture")
        assert samples is not None
        return {"scan": PictureTeller([samples[number]], data.classes).case(0).scan}

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw each probe with what the network takes it for, the confusion of all probes and their ROC curves."""
        shares, meant = [], []
        for number, batch in enumerate(probes, start=1):
            share = network(batch["image"]).float().softmax(1)[0].cpu().numpy()
            label = int(batch["label"][0])
            shares.append(share)
            meant.append(label)
            said = f"{data.classes[int(share.argmax())]} {share.max():.0%}, is {data.classes[label]}"
            yield _picture(f"probe {number}", said, batch["image"][0].cpu().numpy())
            yield Bars(
                f"probe {number} shares", tuple(data.classes), share * 100, title=f"probe {number}: {said}", unit="%"
            )
        if probes:
            yield from drawn(scores_of(np.stack(shares), np.array(meant)), data.classes)

    def told(self, data: Any) -> PictureTeller:
        """Follow the probe pictures."""
        return PictureTeller(self.probes(data), data.classes)

    def proposed(self, found: Fingerprint) -> "tuple[Classification, tuple[str, ...]]":
        """Choose what suits the data, and say why."""
        return for_classification(self, found)

    def description(self, data: Any) -> dict[str, Any]:
        """Say how to run the network on a picture: classes and size."""
        settings = self._settings().whole(NETWORKS, "channels", "classes")
        return {
            "task": self.NAME,
            "network": {"name": settings.name, **dict(settings.values)},
            "classes": list(data.classes),
            "pictures": {
                "dimensions": self.dimensions,
                "side": self.side,
                "channels": data.channels,
                "rightward": self.data.name in RIGHTWARD,
            },
        }

    def _settings(self) -> Settings:
        """Return the network's settings with the task's dimensions and side where it has such parameters."""
        known = {one.name for one in parameters(NETWORKS[self.network.name])}
        if self.dimensions == 3 and "dimensions" not in known:
            remedy = "choose ResNet, DenseNet, EfficientNet, ViT, HIPT, RNN or MLP"
            raise Refused(self.network.name, "it knows no volumes", remedy)
        ours = {"dimensions": self.dimensions, "size": self.side}
        return self.network.turned(**{name: value for name, value in ours.items() if name in known})

    def _loss(self, scores: Tensor, label: Tensor, weight: Tensor | None) -> Tensor:
        scores = scores.float()
        if self.loss == "hinge":
            each = F.multi_margin_loss(scores, label, reduction="none")
        elif self.loss == "bce":
            wanted = F.one_hot(label, scores.shape[1]).to(scores) * (1 - self.smoothing)
            wanted = wanted + self.smoothing / scores.shape[1]
            each = F.binary_cross_entropy_with_logits(scores, wanted, reduction="none").mean(1)
        elif self.loss == "focal":
            each = F.cross_entropy(scores, label, reduction="none")
            each = each * (1 - torch.exp(-each)) ** self.gamma
        else:
            each = F.cross_entropy(scores, label, reduction="none", label_smoothing=self.smoothing)
        return each.mean() if weight is None or not self.balance else (each * weight).sum() / weight.sum()


def _scores(network: nn.Module, batches: Sequence[Batch]) -> Work[Scores]:
    """Probabilities of all pictures, measured."""
    shares, meant = [], []
    for number, batch in enumerate(batches, start=1):
        shares.append(network(batch["image"]).float().softmax(1).cpu().numpy())
        meant.append(batch["label"].cpu().numpy())
        yield Progress(number, len(batches), "validation")
    return scores_of(np.concatenate(shares), np.concatenate(meant))


def drawn(found: Scores, classes: Sequence[str]) -> Iterator[Figure]:
    """Draw the confusion matrix and the ROC curve of each class against the others."""
    yield Heatmap(
        "confusion",
        found.confusion.astype(np.float64),
        title="confusion: rows are the class, columns what it was taken for",
        row_names=tuple(classes),
        column_names=tuple(classes),
    )
    lines = [
        Line(f"{classes[kind]} {area:.2f}", wrong, right)
        for kind, (wrong, right, area) in enumerate(found.curves)
        if area is not None
    ]
    if lines:
        yield Curves(
            "ROC", tuple(lines), title="ROC: found against false alarms", x_name="false alarms", y_name="found"
        )


def _picture(name: str, said: str, image: Array) -> Picture:
    """Draw a picture (C, x, y[, z]); of a volume the middle axial slice."""
    flat = image[0] if image.ndim == 4 else image[0][..., np.newaxis]
    stored = Stored("sample", flat.shape, "RAS", np.eye(4), flat.dtype)
    seen = cut(Volume(flat[np.newaxis], np.eye(4), stored, calibrated=False, oriented=False), "axial",
               flat.shape[2] // 2, radiological=False)  # fmt: skip
    low, high = float(flat.min()), float(flat.max())
    return Picture(
        name, np.ascontiguousarray(seen.pixels), title=f"{name}: {said}", levels=(low, max(high, low + 1e-6))
    )
