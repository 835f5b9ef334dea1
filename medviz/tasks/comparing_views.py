"""SimCLR: two views of one picture are to be neighbours; what that is worth is told by classes it never saw."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.pictures import pictures
from medviz.figures import Figure, Gallery, Heatmap, Mark, Points
from medviz.messages import Progress, Work
from medviz.networks import NETWORKS
from medviz.refused import Refused
from medviz.tasks.comparing import AT_ONCE, Comparing, Row, device_of
from medviz.training.contrasting import alignment, neighbours, nt_xent, principal, probed, ranks_of, uniformity
from medviz.training.task import Batch, Sample, Samples

VIEW = Augmentation(turn_deg=15.0, zoom=0.3, shift=0.1, warp_px=1.5, gamma=0.5, contrast=0.4, brightness=0.4, bias=0.2,
                    noise=0.2, blur_px=0.8, often=0.8)  # fmt: skip
"""What makes two views of a picture differ at strength 1: more, and more often, than where classes are learnt."""
BANK, NEAREST = 1000, 5
"""Pictures of the training whose classes are asked for, and how many of them vote."""
_SAMPLES = 12


@dataclass(frozen=True, eq=False)
class Viewed:
    """Two views of each picture: "image" and "other" (C, x, y[, z]) float32 of mean 0 and spread 1, "plain" as it is.

    "kind" () int64 is its class, −1 where there is none; no loss asks for it. ``viewed[i]`` is always the same.
    """

    samples: Any
    change: Augmentation

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        """Return two views, always the same."""
        return self._of(self.samples[index], np.random.default_rng((0x51, index)))

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return two views that chance makes."""
        return self._of(self.samples.drawn(index, chance), chance)

    def _of(self, sample: Sample, chance: np.random.Generator) -> Sample:
        image: Tensor = sample["image"]
        views = [self.change.drawn(chance, tuple(image.shape[1:])).applied(image)[0] for _ in range(2)]
        kind = sample.get("kind", torch.tensor(-1))
        return {"image": scaled(views[0]), "other": scaled(views[1]), "plain": scaled(image), "kind": kind,
                "name": sample["name"]}  # fmt: skip


def scaled(image: Tensor) -> Tensor:
    """Bring a picture to mean 0 and spread 1."""
    return ((image - image.mean()) / image.std().clamp_min(1e-6)).contiguous()


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network makes of pictures: features, both views on the sphere (N, D), bare pixels, and classes."""

    features: Tensor
    first: Tensor
    second: Tensor
    plain: Tensor
    kinds: Tensor


class ComparingViews(Comparing):
    """Two views of each picture."""

    def checked(self, data: Any) -> None:
        """Refuse a data set without pictures, and one picture that is compared with itself alone."""
        if not hasattr(data, "preparation") and not hasattr(data, "probes"):
            raise Refused("simclr", "it learns from pictures", "choose a data set of pictures")
        if not getattr(data, "dimensions", ()) or type(data).__name__ == "ReportSentences":
            raise Refused("simclr", "it learns from pictures, and these are sentences", "choose a data set of pictures")
        if self.batch < 2:
            raise Refused("batch=1", "a picture needs others to be told from", "take at least 2")

    def built(self, data: Any) -> nn.Module:
        """Build encoder and projection."""
        own = {"size": self.side, "dimensions": self.dimensions}
        network: nn.Module = self.settings.turned(**own).build(NETWORKS, channels=data.channels)
        return network

    def training(self, data: Any) -> Samples:
        """Two views of each picture."""
        return Viewed(pictures(data, self.dimensions, self.side), self._change(data))

    def validation(self, data: Any) -> Samples:
        """Two views of each held-out picture, always the same."""
        return Viewed(pictures(data, self.dimensions, self.side, held_out=True), self._change(data))

    def _change(self, data: Any) -> Augmentation:
        if not self.augment:
            return NO_AUGMENTATION
        kinds = [one for one in self.changes if getattr(data, "flips", True) or not one.startswith("mirror")]
        return VIEW.stronger(self.augment).only(kinds, self.augment)

    def loss(self, network: Any, batch: Batch) -> Tensor:
        """Ask for each view's partner among all views of the batch."""
        both = network(torch.cat([batch["image"], batch["other"]])).float()
        count = len(batch["image"])
        return nt_xent(both[:count], both[count:], self.temperature)

    def chance(self, data: Any) -> float | None:
        """Tell ln(2N − 1) of a batch."""
        return float(np.log(2 * self.batch - 1))

    def measured(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[Mapping[str, float]]:
        """Measure the loss, how well the sphere is used, and what features and pixels tell of the classes."""
        seen = yield from looked(network, batches)
        parts = [slice(at, at + self.batch) for at in range(0, len(seen.kinds), self.batch)]
        losses = [float(nt_xent(seen.first[one], seen.second[one], self.temperature)) for one in parts]
        weights = [len(seen.kinds[one]) for one in parts]
        ranks = ranks_of(seen.first @ seen.second.T, torch.eye(len(seen.kinds), device=seen.first.device).bool())
        found = {
            "validation/loss": float(np.average(losses, weights=weights)),
            "validation/alignment": float(alignment(seen.first, seen.second)),
            "validation/view found": float((ranks == 1).float().mean()),
        }
        if len(seen.kinds) > 1:
            found["validation/uniformity"] = float(uniformity(seen.first))
        if int(seen.kinds.min()) >= 0:
            plain, kinds = bank(data, self.dimensions, self.side)
            found |= judged(network, plain, kinds, seen)
        return found

    def rows(self, network: Any, batches: Sequence[Batch], data: Any) -> Work[list[Row]]:
        """Tell of each picture whether its other view is found, and whether its neighbours are of its class."""
        seen = yield from looked(network, batches)
        similar = seen.first @ seen.second.T
        ranks = ranks_of(similar, torch.eye(len(similar), device=similar.device).bool()).tolist()
        rows: list[Row] = [
            {
                "view found": float(rank == 1),
                "similarity of its views": float(similar[at, at]),
                "rank of its view": rank,
            }
            for at, rank in enumerate(ranks)
        ]
        if int(seen.kinds.min()) >= 0:
            plain, kinds = bank(data, self.dimensions, self.side)
            told = neighbours(featured(network, plain), kinds.to(similar.device), seen.features, NEAREST).tolist()
            for row, kind, one in zip(rows, seen.kinds.tolist(), told, strict=True):
                row |= {"kNN accuracy": float(kind == one), "class": data.classes[kind], "taken for": data.classes[one]}
        return rows

    def figures(self, network: Any, probes: Sequence[Batch], data: Any) -> Iterator[Figure]:
        """Draw the views, who is like whom, and a map of held-out pictures."""
        seen = _ended(looked(network, probes))
        similar = (seen.first @ seen.second.T).cpu().numpy()
        numbers = tuple(f"{at + 1}" for at in range(len(similar)))
        marks = tuple(Mark(at, at, style="target") for at in range(len(similar)))
        yield Gallery("views", _views(probes), "two views of each picture", tuple(n for n in numbers for _ in range(2)),
                      columns=6)  # fmt: skip
        yield Heatmap("similarity", similar, "cosine of first views (rows) and second views; partners are framed",
                      "viridis", row_names=numbers, column_names=numbers, digits=2, marks=marks)  # fmt: skip
        held, kinds = bank(data, self.dimensions, self.side, True)
        at, share = principal(featured(network, held))
        names = tuple(data.classes) if int(kinds.min()) >= 0 else ()
        yield Points("map", at.cpu().numpy(), f"map of held-out pictures: {share:.0%} of the variance",
                     kinds.numpy() if names else None, names, (), "first component", "second component")  # fmt: skip

    def description(self, data: Any) -> dict[str, Any]:
        """Say how pictures are made ready."""
        return {"pictures": {"dimensions": self.dimensions, "side": self.side, "channels": data.channels}}


@lru_cache(maxsize=4)
def bank(data: Any, dimensions: int, side: int, held_out: bool = False) -> tuple[Tensor, Tensor]:
    """Pictures as they are with their classes, (N, C, x, y[, z]) and (N,): the first `BANK`, fewer of volumes."""
    found = pictures(data, dimensions, side, held_out)
    most = min(len(found), (BANK if dimensions == 2 else BANK // 10) // (4 if held_out else 1))
    places = np.linspace(0, len(found) - 1, most).round().astype(int).tolist()
    samples = [found[at] for at in places]
    kinds = torch.stack([one.get("kind", torch.tensor(-1)) for one in samples])
    return torch.stack([scaled(one["image"]) for one in samples]), kinds


def featured(network: Any, plain: Tensor) -> Tensor:
    """Return the features of pictures, (N, features)."""
    where = device_of(network)
    some = (plain[at : at + AT_ONCE].to(where) for at in range(0, len(plain), AT_ONCE))
    return torch.cat([network.features(one).float() for one in some])


def judged(network: Any, plain: Tensor, kinds: Tensor, seen: Seen) -> dict[str, float]:
    """Share of held-out pictures named rightly from a bank: by neighbours and by a linear probe; pixels beside it."""
    where = seen.kinds.device
    known = featured(network, plain)
    pixels, kinds = plain.flatten(1).to(where), kinds.to(where)

    def right(told: Tensor) -> float:
        return float((told == seen.kinds).float().mean())

    found = {
        "validation/kNN accuracy": right(neighbours(known, kinds, seen.features, NEAREST)),
        "validation/linear probe accuracy": right(probed(known, kinds, seen.features)),
        "validation/pixels/kNN accuracy": right(neighbours(pixels, kinds, seen.plain, NEAREST)),
    }
    if pixels.shape[1] <= 4096:  # the closed form needs a square of so many numbers
        found["validation/pixels/linear probe accuracy"] = right(probed(pixels, kinds, seen.plain))
    return found


def looked(network: Any, batches: Sequence[Batch]) -> Work[Seen]:
    """Look at all batches of one."""
    features, first, second, plain, kinds = [], [], [], [], []
    for number, batch in enumerate(batches, start=1):
        features.append(network.features(batch["plain"]).float())
        first.append(network(batch["image"]))
        second.append(network(batch["other"]))
        plain.append(batch["plain"].flatten(1))
        kinds.append(batch["kind"])
        if number % 16 == 0 or number == len(batches):
            yield Progress(number, len(batches), "validation")
    return Seen(*(torch.cat(one) for one in (features, first, second, plain, kinds)))


def _views(probes: Sequence[Batch]) -> np.ndarray[Any, Any]:
    """Views as they face the screen, of volumes the middle slice: (2n, rows, cols)."""
    images = [batch[name][0].mean(0).cpu().numpy() for batch in probes for name in ("image", "other")]
    flat = [one if one.ndim == 2 else one[..., one.shape[2] // 2] for one in images]
    return np.stack([one.T[::-1] for one in flat])


def _ended(work: Work[Seen]) -> Seen:
    while True:
        try:
            next(work)
        except StopIteration as end:
            seen: Seen = end.value
            return seen
