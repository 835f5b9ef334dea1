"""Name to thing, imported only when it is asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from medviz.refused import Refused

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """Where a thing lives ("module:attribute"), and what a person reads of it before it is imported."""

    where: str
    title: str = ""
    summary: str = ""
    theme: str = ""
    icon: str = ""


class Catalog(Mapping[str, T], Generic[T]):
    """The things of one kind: ours as entries, other packages' as entry points of `group` ("medviz.labs").

    ``catalog["convolution"]`` imports the module then and only then; an unknown name is refused with what there is.
    """

    def __init__(self, kind: str, group: str, entries: Mapping[str, Entry]) -> None:
        self.kind = kind
        self.group = group
        self._ours = dict(entries)
        self._all: dict[str, Entry] | None = None

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All entries by name; nothing is imported."""
        if self._all is None:
            theirs = {point.name: Entry(point.value, point.name) for point in entry_points(group=self.group)}
            self._all = {**theirs, **self._ours}
        return self._all

    def __getitem__(self, name: str) -> T:
        """Import the thing of this name and return it."""
        if name not in self.entries:
            raise Refused(name, f"there is no such {self.kind}", f"there are {', '.join(self.entries)}")
        module, _, attribute = self.entries[name].where.partition(":")
        return getattr(import_module(module), attribute)  # type: ignore[no-any-return]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a thing, without importing it."""
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def name_of(self, thing: Any) -> str:
        """Return the name under which a class (or a value's class) is listed."""
        kind = thing if isinstance(thing, type) else type(thing)
        where = f"{kind.__module__}:{kind.__qualname__}"
        return next((name for name, entry in self.entries.items() if entry.where == where), kind.__name__)
