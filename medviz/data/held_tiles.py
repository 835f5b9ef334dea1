"""Held-out patches: several of each held-out picture, always the same, where the middle alone would tell too little."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Sample = dict[str, Any]


class _Whole(Protocol):
    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@dataclass(frozen=True, eq=False)
class HeldTiles:
    """`each` patches of `side` pixels (at most) out of every sample of `source`, at places that its number decides."""

    source: _Whole
    side: int
    each: int = 8

    def __len__(self) -> int:
        return len(self.source) * self.each

    def __getitem__(self, index: int) -> Sample:
        """Cut one out; what is smaller than a patch stays whole."""
        sample = self.source[index // self.each]
        image = sample["image"]
        chance = np.random.default_rng(index)
        starts = [int(chance.integers(max(1, length - self.side + 1))) for length in image.shape[1:]]
        part = tuple(slice(start, start + self.side) for start in starts)
        cut = {"image": image[(slice(None), *part)], "name": f"{sample['name']}, patch {index % self.each + 1}"}
        return {**sample, **cut, "label": sample["label"][part]}
