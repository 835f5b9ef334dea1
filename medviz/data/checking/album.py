"""A data set to be leafed through: all its cases by name at once, each one's picture and facts when it is looked at."""

from collections.abc import Sequence

from medviz.data.checking.drawing import drawn
from medviz.data.checking.entries import Listing
from medviz.data.checking.listing import listed
from medviz.data.checking.measuring import measured
from medviz.data.checking.report import CaseFacts
from medviz.messages import Note, Progress, Work
from medviz.parameters import Settings
from medviz.refused import Refused


class Album:
    """The cases of a data set; nothing is read until it is asked for, and nothing is kept."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._place = {one.name: one for one in listing.entries}
        self.classes = listing.classes
        self.counted = listing.counted
        self.mends = listing.mends
        self.cases = tuple(
            CaseFacts(one.name, one.part, one.kind, one.patient, image=str(one.image or ""), label=str(one.label or ""))
            for one in listing.entries
        )

    def pictures(self, names: Sequence[str], side_px: int) -> Work[None]:
        """Yield a Picture of each of these cases, named as the case; a Note where one cannot be read."""
        for name in names:
            entry = self._place[name]
            try:
                yield drawn(entry.look(), name, self.classes, self._listing.values, side_px)
            except Refused as refusal:
                yield Note(f"{name}: {refusal.fault}", "warning", refusal.remedy)
            except (OSError, ValueError, EOFError, MemoryError, RuntimeError) as problem:
                yield Note(f"{name}: {problem}", "warning")

    def facts(self, name: str) -> Work[CaseFacts]:
        """Read a case and say what it is."""
        yield Progress(0, 0, f"reading {name}")
        return measured(self._place[name], self._listing).facts


def album(settings: Settings, dimensions: int = 0) -> Work[Album]:
    """List the cases of a data set; refuses one that cannot be read at all."""
    yield Progress(0, 0, "listing the cases")
    return Album(listed(settings, dimensions))
