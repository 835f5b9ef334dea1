"""Random numbers of a run: drawn from its seed and its step, and apart from the rest of the process."""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


def seeded(device: torch.device, *numbers: int) -> None:
    """Set torch's generators of the processor and of the device from these numbers.

    `torch.manual_seed` would walk the stack for each absent GPU; a step must not pay for that.
    """
    mixed = 0x9E3779B97F4A7C15
    for number in numbers:
        mixed = ((mixed ^ number) * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        mixed ^= mixed >> 31
    seed = mixed & 0xFFFFFFFF  # the processor's generator takes 32 bits
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def generators() -> dict[str, Any]:
    """State of the random generators of Python, numpy and torch (on the processor)."""
    kind, keys, place, has_gauss, gauss = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (kind, np.asarray(keys).tolist(), place, has_gauss, gauss),
        "torch": torch.default_generator.get_state(),
    }


def set_generators(state: dict[str, Any]) -> None:
    """Put the generators back into a state."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.default_generator.set_state(state["torch"])


@contextlib.contextmanager
def apart(seed: int) -> Iterator[None]:
    """Begin with generators that come from the seed, and leave the process's own as they were found."""
    before = generators()
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        set_generators(before)
