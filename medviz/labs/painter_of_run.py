"""A pix2pix or SPADE of the Train page, brought into a lab: its network, and a map of its own to begin with."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from medviz.data import DATASETS
from medviz.data.corrected import data_of_run
from medviz.data.pictures import RIGHTWARD, pictures, some
from medviz.imaging.slices import cut
from medviz.labs.blocks import volume_of
from medviz.networks.adversaries import Adversaries
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.training import run
from medviz.training.using.taught import taught

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class PainterOfRun:
    """Its network, a held-out label map with the true picture (None where the data are away), names, and a line."""

    network: Adversaries
    label: Array
    true: Array | None
    names: tuple[str, ...]
    said: str
    mirrored: bool

    @torch.no_grad()
    def painted(self, label: Array) -> tuple[Array, Array]:
        """Paint a label map (rows, cols) as it faces the screen: the picture, and the judge's patches, 0..1."""
        turned = label
        for _ in range(3):  # it is a quarter of a turn, or its own inverse: three times is the way back in either case
            turned = _facing(turned, self.mirrored)
        kinds = torch.from_numpy(np.minimum(turned, self.network.given - 1).astype(np.int64))
        maps = F.one_hot(kinds, self.network.given).movedim(-1, 0)[None].float()
        noise = self.network.noise(1, maps, torch.Generator().manual_seed(0))
        made = self.network.made(noise, maps)
        sure = self.network.judged(made, maps).sigmoid()
        return _facing(made[0].mean(0).numpy(), self.mirrored), _facing(sure[0, 0].numpy(), self.mirrored)


@lru_cache(maxsize=2)
def painter_of(where: str) -> PainterOfRun:
    """Load a run; refuses one that paints no masks in 2-D."""
    if not where:
        raise Refused("run", "none was chosen", "choose the folder of a run, or teach one at once")
    weights, about = run.weights(Path(where))
    given, sizes = int(about.get("given") or 0), about.get("pictures") or {}
    if about.get("task") != "adversarial" or not given or int(sizes.get("dimensions", 0)) != 2:
        raise Refused(where, "it paints no slices from masks", "take a run of the task adversarial with pix2pix")
    found = taught(where, int(sizes["channels"]), 0, about, weights)
    names, side = tuple(str(one) for one in about.get("classes") or ()), int(sizes["side"])
    data = data_of_run(Path(where))
    mirrored = data.name not in RIGHTWARD
    sample = _held_out(data, side)
    label = np.zeros((side, side), int) if sample is None else _facing(sample["label"].numpy(), mirrored)
    true = None if sample is None else _facing(sample["image"].mean(0).numpy(), mirrored)
    said = f"{Path(where).name}, {about['network']['name']}"
    said += "; its data are not here, the map begins empty" if sample is None else "; the map is of a held-out picture"
    return PainterOfRun(cast("Adversaries", found.network), label, true, names, said, mirrored)


def _held_out(data: Settings, side: int) -> dict[str, Any] | None:
    """Return the middle one of three held-out pictures with its mask, None where the data are not there."""
    try:
        held = pictures(data.build(DATASETS), 2, side, held_out=True)
    except (Refused, OSError, KeyError):
        return None
    found = some(held, 3)[1 if len(held) > 1 else 0] if len(held) else {}
    return dict(found) if "label" in found else None


def _facing(values: Array, mirrored: bool) -> Array:
    """Turn a picture (x, y) to the screen."""
    volume = volume_of(np.asarray(values)[..., None], (1.0, 1.0, 1.0), "picture")
    return np.ascontiguousarray(cut(volume, "axial", 0, radiological=mirrored).pixels)
