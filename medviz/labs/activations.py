"""Activation functions with their slopes, as decks D0, D1 and D4 draw them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit

Array = NDArray[Any]
LEAK = 0.01
"""Slope of the leaky ReLU below 0 (Maas et al., 2013; deck D4 prints "Mass et al.")."""


@dataclass(frozen=True)
class Activation:
    """A function of z and its derivative; both take the slope `alpha`, which only PReLU and ELU use."""

    name: str
    value: Callable[[Array, float], Array]
    slope: Callable[[Array, float], Array]
    formula: str


def _sigmoid_slope(z: Array, alpha: float) -> Array:
    s: Array = expit(z)
    slope: Array = s * (1 - s)
    return slope


def _gelu_slope(z: Array, alpha: float) -> Array:
    share = 0.5 * (1 + erf(z / np.sqrt(2)))
    slope: Array = share + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return slope


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation("identity", lambda z, a: z * 1.0, lambda z, a: np.ones_like(z), "z"),
    "sigmoid": Activation("sigmoid σ", lambda z, a: expit(z), _sigmoid_slope, "1 / (1 + e^(−z))"),
    "tanh": Activation(
        "tanh", lambda z, a: np.tanh(z), lambda z, a: 1 - np.tanh(z) ** 2, "(e^z − e^(−z)) / (e^z + e^(−z))"
    ),
    "relu": Activation("ReLU", lambda z, a: np.maximum(z, 0), lambda z, a: (z > 0) * 1.0, "max(0, z)"),
    "leaky": Activation(
        "leaky ReLU",
        lambda z, a: np.where(z > 0, z, LEAK * z),
        lambda z, a: np.where(z > 0, 1.0, LEAK),
        "z where z > 0, else 0.01·z",
    ),
    "prelu": Activation(
        "PReLU",
        lambda z, a: np.where(z > 0, z, a * z),
        lambda z, a: np.where(z > 0, 1.0, a),
        "z where z > 0, else α·z",
    ),
    "elu": Activation(
        "ELU",
        lambda z, a: np.where(z > 0, z, a * np.expm1(np.minimum(z, 0))),
        lambda z, a: np.where(z > 0, 1.0, a * np.exp(np.minimum(z, 0))),
        "z where z > 0, else α·(e^z − 1)",
    ),
    "gelu": Activation("GELU", lambda z, a: z * 0.5 * (1 + erf(z / np.sqrt(2))), _gelu_slope, "z·Φ(z)"),
    "step": Activation("step", lambda z, a: (z > 0) * 1.0, lambda z, a: np.zeros_like(z), "1 where z > 0, else 0"),
}
"""By name. The slope at a kink is that from the left, as torch takes it for ReLU."""
