"""Cases at hand: read and prepared when they are first asked for, and kept as long as there is room."""

from collections.abc import Callable, Sequence
from typing import Any

from medviz.data.patches import Case

_KEPT_BYTES = 2 << 30
"""Prepared cases kept in memory; beyond that they are read anew."""


class Shelf(Sequence[Case]):
    """Cases that are read and prepared when first asked for; the last ones are kept within bounds."""

    def __init__(self, pairs: tuple[Any, ...], made: Callable[[Any], Case]) -> None:
        self._pairs = pairs
        self._made = made
        self._kept: dict[int, Case] = {}
        self._bytes = 0

    @property
    def names(self) -> tuple[str, ...]:
        """What each case is called; nothing is read."""
        return tuple(one.name for one in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: Any) -> Any:
        """Return a case; reads it where it is not at hand."""
        number = range(len(self._pairs))[int(index)]
        if number not in self._kept:
            self._keep(number, self._made(self._pairs[number]))
        return self._kept[number]

    def _keep(self, number: int, case: Case) -> None:
        while self._kept and self._bytes + _size(case) > _KEPT_BYTES:
            self._bytes -= _size(self._kept.pop(next(iter(self._kept))))
        self._kept[number] = case
        self._bytes += _size(case)


def _size(case: Case) -> int:
    return case.image.nbytes + case.label.nbytes
