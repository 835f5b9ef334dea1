"""Detection: find objects in pictures or volumes, a box round each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np
from torch import Tensor, nn

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.boxes import Draw, partners
from medviz.data.checking.report import Fingerprint
from medviz.figures import Figure
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS
from medviz.networks.detector import real
from medviz.parameters import Choice, Group, Part, Range, Settings, parameters
from medviz.refused import Refused
from medviz.tasks.boxes_drawn import boxes_drawn
from medviz.tasks.boxes_told import BoxTeller, labelled, picture_of, references_of
from medviz.tasks.boxes_told import found_in as boxes_of
from medviz.tasks.finding import Finding, Pictured, drawn, picture_of_row, pictured, row_of
from medviz.tasks.proposing import for_detection
from medviz.training.learner import summed
from medviz.training.task import Batch, BatchSize, Epochs, Loss, Rate, Sample, Samples, ScheduleName, Task

_DRAWN, _YOLO = Settings("drawn_boxes"), Settings("yolo")
_DATA = Group("Data")
DETECTORS = ("yolo", "retinanet", "faster_rcnn", "fast_rcnn", "rcnn")
TURNINGS = Choice(
    ("auto", "none", "mirror", "any"),
    ("Automatic", "As they are", "Left and right swapped", "Any of the eight ways"),
)


@dataclass(frozen=True)
class Detection(Task):
    """Find objects, a box round each; measured by mean average precision on pictures that training never sees."""

    NAME: ClassVar[str] = "detection"
    BEST: ClassVar[str] = "validation/mAP50-95"
    HIGHER: ClassVar[bool] = True

    data: Annotated[
        Settings,
        Part("datasets", only=("drawn_boxes", "voc", "coco", "yolo_txt", "instance_boxes")),
        _DATA,
        "Pictures with boxes.",
    ] = _DRAWN
    network: Annotated[Settings, Part("networks", only=DETECTORS), Group("Network"), "What learns."] = _YOLO
    dimensions: Annotated[int, Choice((2, 3), ("2-D", "3-D")), _DATA, "Pictures or volumes."] = 2
    side: Annotated[
        int,
        Range(32, 1024, 32, unit="px"),
        _DATA,
        "Longer side that pictures are fitted into; larger shows small objects better and takes longer.",
    ] = 96
    turning: Annotated[
        str,
        TURNINGS,
        _DATA,
        "How training turns pictures: any way for cells, which have no up; automatic mirrors them, left and right in "
        "the names of classes too, unless the other side of one is no class.",
    ] = "auto"
    zoom: Annotated[float, Range(0.0, 1.0), _DATA, "Largest change of size in training, as a share."] = 0.3
    stretch: Annotated[float, Range(0.0, 1.0), _DATA, "Largest change of shape in training, as a share."] = 0.2
    tilt_deg: Annotated[
        float, Range(0.0, 45.0, unit="°"), _DATA, "Largest turn to either side in training, besides the above."
    ] = 5.0
    augment: Annotated[float, Range(0.0, 2.0), _DATA, "Strength of random changes of light; 0 is none."] = 0.5

    epochs: Epochs = 20
    batch: BatchSize = 8
    learning_rate: Rate = 3e-3
    schedule: ScheduleName = "one-cycle"

    def data_set(self) -> Any:
        """Build the data set; refuses one that does not serve these dimensions."""
        return self.serving(self.dimensions)

    def build(self, data: Any) -> nn.Module:
        """Build the network with one output for each class."""
        network: nn.Module = self._settings(data).build(NETWORKS, channels=data.channels, classes=len(data.classes))
        return network

    def training(self, data: Any) -> Samples:
        """Pictures, placed and lit at random."""
        swapped = partners(data.classes)
        turning: Any = self.turning
        if turning == "auto":
            turning = "none" if swapped is None else "mirror"
        light = Augmentation().stronger(self.augment) if self.augment else NO_AUGMENTATION
        draw = Draw(turning, self.zoom, self.stretch, self.tilt_deg, light, swapped or ())
        samples: Samples = data.training(self.dimensions, self.side, draw)
        return samples

    def validation(self, data: Any) -> Samples:
        """Pictures as they are."""
        samples: Samples = data.validation(self.dimensions, self.side)
        return samples

    def probes(self, data: Any) -> Sequence[Sample]:
        """Return a few validation pictures."""
        probes: Sequence[Sample] = data.probes(self.dimensions, self.side)
        return probes

    def losses(self, network: nn.Module, batch: Batch) -> Iterator[tuple[str, Loss]]:
        """Yield one loss for the whole network, in its terms (classes, borders)."""
        yield "", _losses(network, batch)

    def measures(self, network: nn.Module, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure mean average precision, at IoU 0.5 by class and over 0.5 to 0.95, and draw precision and recall.

        "IoU" says how well borders fit: the mean over all references of the best box of their class; "IoU surest"
        takes the surest box instead, where no picture has two of a class. "threshold" is the least score that is best
        shown (highest F1).
        """
        pictures, losses = [], []
        for number, batch in enumerate(batches, start=1):
            pictures += found_in(network, batch, len(data.classes))
            losses.append(float(summed(_losses(network, batch))[0]))
            yield Progress(number, len(batches), "validation")
        found = Finding(pictures, len(data.classes))
        yield from drawn(found, data.classes)
        measured = {
            "validation/loss": sum(losses) / len(losses),
            "validation/mAP50": found.map50,
            "validation/mAP50-95": found.map,
            "validation/IoU": found.share,
            "validation/threshold": found.threshold,
        }
        if all(one.meant.max(initial=0) <= 1 for one in pictures):
            measured["validation/IoU surest"] = found.surest
        for name, one in zip(data.classes, found.classes, strict=True):
            if one.precisions is not None:
                measured[f"validation/AP50/{name}"] = one.precisions[0]
        return measured

    def evaluated(
        self, network: nn.Module, batches: Sequence[Batch], data: Any, group: str
    ) -> Work[list[dict[str, Any]]]:
        """Measure each picture: mean average precision, how well borders fit, and what was found, missed and made up.

        Right is what shares half with a reference; counted are boxes from the score of the highest F1 on.
        """
        pictures = []
        for number, batch in enumerate(batches, start=1):
            pictures += found_in(network, batch, len(data.classes))
            yield Progress(number, len(batches), "cases measured")
        least = Finding(pictures, len(data.classes)).threshold
        return [row_of(one, least, len(data.classes)) for one in pictures]

    def summarised(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
        """Measure mean average precision over all pictures together."""
        found = Finding([picture_of_row(row) for row in rows], len(rows[0]["_meant"]) if rows else 0)
        return {"mAP50": found.map50, "mAP50-95": found.map}

    def opened(self, network: nn.Module, data: Any, group: str, number: int) -> Work[Mapping[str, Volume]]:
        """Return a picture for the viewer, with the outlines of what is found and of what was meant."""
        yield Progress(0, 0, "reading the picture")
        sample = self.validation(data)[number]
        scan = picture_of(sample, f"picture {number + 1}")
        found = boxes_of(network, sample, next(network.parameters()).device)
        return {
            "scan": scan,
            "prediction": labelled(found, scan, data.classes, "prediction"),
            "reference": references_of(sample, data.classes),
        }

    def told(self, data: Any) -> BoxTeller:
        """Follow a few validation pictures."""
        return BoxTeller(self.probes(data), data.classes)

    def figures(self, network: nn.Module, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw each probe with what is found in it, its class and score, and the references in white."""
        for number, batch in enumerate(probes, start=1):
            found = network.detect(batch["image"])[0]  # type: ignore[operator]
            boxes, _ = next(real(batch["boxes"], batch["classes"]))
            image = batch["image"][0].float().cpu().numpy()
            shape = tuple(int(side) for side in batch["size"][0])
            yield boxes_drawn(f"probe {number}", image, shape, found, boxes, data.classes)

    def proposed(self, found: Fingerprint) -> "tuple[Detection, tuple[str, ...]]":
        """Choose what suits the data, and say why."""
        return for_detection(self, found)

    def description(self, data: Any) -> dict[str, Any]:
        """Say how to run the network on a picture: classes and size."""
        settings = self._settings(data).whole(NETWORKS, "channels", "classes")
        values = {name: value for name, value in settings.values if value is not None}
        return {
            "task": self.NAME,
            "network": {"name": settings.name, **values},
            "classes": list(data.classes),
            "pictures": {"dimensions": self.dimensions, "side": self.side, "channels": data.channels},
        }

    def _settings(self, data: Any) -> Settings:
        """Return the network's settings with the task's dimensions, and anchors as large as the smaller boxes."""
        known = {one.name for one in parameters(NETWORKS[self.network.name])}
        if self.dimensions == 3 and "dimensions" not in known:
            raise Refused(self.network.name, "it knows no volumes", "choose YOLO or RetinaNet")
        settings = self.network.turned(dimensions=self.dimensions) if "dimensions" in known else self.network
        if "anchor" in known and dict(settings.values).get("anchor") is None:
            settings = settings.turned(anchor=_small(data, self.dimensions, self.side))
        return settings


def found_in(network: Any, batch: Batch, classes: int) -> list[Pictured]:
    """Compare what a network finds in each picture of a batch with the references."""
    told = zip(network.detect(batch["image"]), real(batch["boxes"], batch["classes"]), strict=True)
    return [pictured(found, boxes, kinds, classes) for found, (boxes, kinds) in told]


def _losses(network: Any, batch: Batch) -> Mapping[str, Tensor]:
    terms: Mapping[str, Tensor] = network.losses(batch["image"], batch["boxes"], batch["classes"])
    return terms


@lru_cache(maxsize=8)
def _small(data: Any, dimensions: int, side: int) -> float:
    """Side in prepared pixels of the smaller boxes to learn from (their tenth percentile, by their mean side)."""
    sides = np.asarray(data.training(dimensions, side).sides())
    return float(round(np.clip(np.percentile(sides.prod(axis=1) ** (1 / dimensions), 10), 4, 256)))
