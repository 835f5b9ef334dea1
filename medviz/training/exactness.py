"""How exactly a resumed run is the run that was not interrupted: stated, never assumed.

"exact" is bit for bit: the same versions, processor, number of threads, and data. "same machine" goes on from the same
state, but a GPU may add up in another order. "statistical" is the same in the mean only: something differs, and it is
said what.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

LEVELS = ("exact", "same machine", "statistical")


@dataclass(frozen=True)
class Exactness:
    """The level that a resumed run reaches, and why in words."""

    level: str
    words: str


def exactness(
    before: Mapping[str, str], now: Mapping[str, str], data_before: str, data_now: str, device: torch.device
) -> Exactness:
    """Compare the environments of two sessions, and the digests of their data (empty: not known)."""
    differ = [f"{name} {before.get(name)} → {now[name]}" for name in now if before.get(name) != now[name]]
    if data_before and data_before != data_now:
        differ.append("the data have changed")
    if differ:
        return Exactness("statistical", f"the same in a statistical sense only ({'; '.join(differ)})")
    if device.type != "cpu":
        why = "a GPU may add in another order; deterministic=true forbids most of that"
        return Exactness("same machine", f"on the same machine from the same state ({why})")
    return Exactness("exact", "exact: bit for bit")


def of_data(fingerprint: Mapping[str, Any], split: Mapping[str, Any]) -> str:
    """SHA-256 of what decides which samples come when: how many there are, what they hold, how they are split."""
    parts = (fingerprint.get("training samples"), fingerprint.get("digest"), *split.get("training", ()))
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()
