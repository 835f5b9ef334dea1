"""What the window is handed for looking at a data set before training: the check, the proposal, the browser."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from medviz.data.checking.report import CheckReport, Fingerprint, Repair
from medviz.messages import Work
from medviz.parameters import Settings
from medviz.refused import Refused


def _no_work(*what: Any) -> Work[Any]:
    yield from ()
    raise Refused("the data", "this window cannot look at it", "start the whole program")


def _as_it_is(settings: Settings, repair: Repair) -> Settings:
    return settings


def _none(task: Any) -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True)
class Varied:
    """A wish for changed samples: a case by name, the changes by name, how strong, how many, from which seed.

    `always` makes every change in each sample; training makes changes of light in some of them only.
    """

    case: str = ""
    names: tuple[str, ...] = ()
    strength: float = 1.0
    count: int = 8
    seed: int = 0
    always: bool = False


@dataclass(frozen=True)
class Surveying:
    """What can be learnt of a data set before training.

    check(settings, task, dimensions) reads every case and returns a CheckReport; a case that cannot be read is a row of
    it. mended(settings, repair) returns the settings with a repair. propose(task, fingerprint) returns the task with
    parameters that suit (`task`), two lines that say why (`lines`) and what `Services.plan` tells (`plan`).

    album(settings, dimensions) lists the cases without reading them; what it returns has `cases` (CaseFacts),
    `classes`, pictures(names, side_px), which yields a Picture of each, named as the case, and facts(name).
    changes(task) lists the changes that augmentation knows, by name, and whether the task makes each. varied(task,
    wish) yields Pictures of one sample: "as it is", "1", "2", ...
    """

    check: Callable[[Settings, str, int], Work[CheckReport]] = _no_work
    mended: Callable[[Settings, Repair], Settings] = _as_it_is
    propose: Callable[[Any, Fingerprint], Work[Any]] = _no_work
    album: Callable[[Settings, int], Work[Any]] = _no_work
    changes: Callable[[Any], tuple[tuple[str, bool], ...]] = _none
    varied: Callable[[Any, Varied], Work[None]] = _no_work


def mended_by(settings: Settings, repairs: Sequence[Repair], surveying: Surveying) -> Settings:
    """Return the settings with several repairs."""
    for repair in repairs:
        settings = surveying.mended(settings, repair)
    return settings
