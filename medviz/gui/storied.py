"""What the window is handed to look back at a run on its own patients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medviz.imaging.proof import Proof
from medviz.imaging.seen import Seen
from medviz.imaging.story import ProbeCase
from medviz.imaging.volume import Array, Volume
from medviz.messages import Work
from medviz.refused import Refused


def _no_work(*what: Any) -> Work[Any]:
    yield from ()
    raise Refused("looking back", "this window cannot do that", "start the whole program")


@dataclass(frozen=True)
class Storied:
    """case(run, place) finds a case of a run's story again in the data set.

    field(run, scan) says how far the network sees along the axes of the scan's voxels, in mm; None where it sees all.
    seen(run, part, number, augmented, epoch) makes what the network is given: of a "held out" case, or of a "training"
    sample as it is or as it was in an epoch.

    corrections(run) counts the corrected cases that are kept for a run; correct(run, scan, labels, names) keeps one
    more and returns how many there are. learn(run, out, steps) fine-tunes a copy on them in the folder `out` and
    measures both: it yields what a training yields.
    """

    case: Callable[[Path, int], Work[ProbeCase]] = _no_work
    seen: Callable[[Path, str, int, bool, int], Work[Seen]] = _no_work
    corrections: Callable[[Path], int] = lambda run: 0
    correct: Callable[[Path, Volume, Array, Mapping[int, str]], Work[int]] = _no_work
    learn: Callable[[Path, Path, int], Work[Proof]] = _no_work
    field: Callable[[Path, Volume], Work[tuple[float, float, float] | None]] = _no_work
