"""Samples that another network made, learnt from beside the real ones; never measured on.

They are made once, when a run starts, from its own seed, and kept in its folder, marked for what they are: a run that
goes on reads them again and is the same bit for bit, even where the run that made them is gone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from medviz.imaging.synthetic import mark_beside
from medviz.messages import Note, Work
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.making import Added as Added
from medviz.training.making import Made
from medviz.training.task import DrawnSamples, Sample, Samples

FILE = Path("synthetic") / "samples.safetensors"
"""Where a run keeps what was made for it."""


@dataclass(frozen=True, eq=False)
class Mixed:
    """Real samples, and after them `count` synthetic ones; in the place of those not made yet stand real ones.

    Only trials before a run meet stand-ins: it makes its samples before its first step.
    """

    real: Samples
    count: int
    made: Samples | None = None

    def __len__(self) -> int:
        return len(self.real) + self.count

    def __getitem__(self, index: int) -> Sample:
        """Return a sample without chance."""
        source, at = self._at(index)
        return source[at]

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a sample with what chance does to it."""
        source, at = self._at(index)
        return cast("DrawnSamples", source).drawn(at, chance) if isinstance(source, DrawnSamples) else source[at]

    def _at(self, index: int) -> tuple[Samples, int]:
        if index < len(self.real):
            return self.real, index
        at = index - len(self.real)
        return (self.real, at % len(self.real)) if self.made is None else (self.made, at)


def mixed(real: Samples, added: Added | None, made: Sequence[Made] = ()) -> Samples:
    """Return the samples of a run: real ones alone, or with what is (or will be) made beside them."""
    if added is None:
        return real
    return Mixed(real, added.count, added.samples(made) if made else None)


def kept_or_made(added: Added, folder: Path, real: int) -> Work[tuple[Made, ...]]:
    """Return what was made for the run in `folder`: read where it is kept, else made now, and kept.

    Says in a Note what is added to `real` samples. Refuses where they are neither kept nor can be made.
    """
    path = folder / FILE
    source = added.source.resolve().name
    kept = _kept(path, added)
    if kept:
        yield Note(f"{len(kept)} synthetic samples of {source} are learnt from, as the run keeps them")
        return kept
    made, digest = yield from added.make()
    if len(made) != added.count:
        raise Refused(source, f"it made {len(made)} samples of {added.count}", "choose another run that generates")
    _keep(path, made, {**added.wanted, "weights": digest})
    yield Note(
        f"{len(made)} synthetic samples made by {source} are added to {real:,} real ones. They are learnt from only: "
        "nothing is measured on them"
    )
    return made


def _keep(path: Path, made: Sequence[Made], about: Mapping[str, Any]) -> None:
    tensors = {"image": torch.from_numpy(np.stack([one.image for one in made]).astype(np.float32))}
    if all(one.label is not None for one in made):
        tensors["label"] = torch.from_numpy(np.stack([np.asarray(one.label, np.int64) for one in made]))
    if all(one.kind is not None for one in made):
        tensors["kind"] = torch.tensor([int(one.kind or 0) for one in made])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        checkpoints.write_weights(path, tensors, {"synthetic": True, "made by": "a network, no scans", **about})
        mark_beside(path, about)
    except OSError as problem:
        raise Refused(path, f"it cannot be written ({problem.strerror or problem})", "make room") from problem


def _kept(path: Path, added: Added) -> tuple[Made, ...]:
    """Read what was kept; nothing where there is nothing, it is damaged, or it was made for something else."""
    if not path.is_file():
        return ()
    try:
        tensors, about = checkpoints.read_weights(path)
    except (Refused, OSError, ValueError):
        return ()
    if any(about.get(name) != value for name, value in added.wanted.items()) or "image" not in tensors:
        return ()
    images = tensors["image"].numpy()
    labels, kinds = tensors.get("label"), tensors.get("kind")
    return tuple(
        Made(image, None if labels is None else labels[k].numpy(), None if kinds is None else int(kinds[k]))
        for k, image in enumerate(images)
    )
