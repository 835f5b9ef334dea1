"""A run that was taught to tell pictures again, loaded for use: its network, and pictures as it takes them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from medviz.data.naming import fitted
from medviz.data.pictures import lightened
from medviz.imaging.volume import Array
from medviz.networks.coding import Coder
from medviz.refused import Refused
from medviz.training.using.taught import Taught, taught_in, taught_pictures

TASK = "autoencoding"


@dataclass(frozen=True, eq=False)
class Coding:
    """The network of a run, for pictures of `channels` in `dimensions`, each `side` long."""

    taught: Taught
    network: Coder
    dimensions: int
    side: int
    channels: int

    def prepared(self, picture: Array) -> Tensor:
        """Fit a grey picture (x, y[, z]) into the square (or cube) as in training: (1, channels, side ...)."""
        image = torch.as_tensor(picture, dtype=torch.float32)[None]
        made = lightened(fitted(image, self.side))
        return made.expand(self.channels, *made.shape[1:])[None]


def coder(where: str) -> Coding:
    """Load the network of a run with its best weights; refuses one that was taught something else."""
    if taught_in(where) != TASK:
        raise Refused(where, "it is no run of an autoencoder", "choose the folder of an autoencoding run")
    found, _, (dimensions, side, channels) = taught_pictures(where)
    assert isinstance(found.network, Coder)
    return Coding(found, found.network, dimensions, side, channels)
