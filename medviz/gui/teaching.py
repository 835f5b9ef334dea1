"""What the window is handed for training beside starting a run and following one: before, while it goes, and after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medviz.figures import Table
from medviz.messages import Work
from medviz.parameters import Settings
from medviz.refused import Refused


def _no_work(*what: Any) -> Work[Any]:
    yield from ()
    raise Refused("training", "this window cannot do that", "start the whole program")


def _no_act(*what: Any) -> Any:
    raise Refused("training", "this window cannot do that", "start the whole program")


def _none(*what: Any) -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True)
class Written:
    """What an export wrote, and the largest difference of a score between the network and what was read back."""

    out: Path
    max_abs_difference: float


@dataclass(frozen=True)
class Teaching:
    """What can be done about a training beside `Services.plan`, `train`, `resume` and `attach`.

    Before. preflight(task) makes one real step: yields Progress and Notes (what to mind, with remedies), returns what
    `plan` does and "why" (at most two lines), "first_loss", "chance_loss". find_rate(task) yields Curves named "rates"
    (loss over learning rate) as they grow and returns the rate it proposes. overfit(task) yields Scalars
    ("train/loss") of one batch learnt by heart and returns a sentence. recognised(folder) says which task and which
    data set a folder serves.

    Where. places() lists (name, words) beside "here", such as ("process", "In a process of its own"). begin(task,
    folder, place, resume) starts a run there and follows it: closing that Work leaves the run alone; task is None where
    a run is resumed. queue() lists the folders that wait, in order; wait(task, folder) puts one behind them, leave
    (folder) takes one away. follow(where) follows "ssh://host/path", or a folder of TensorBoard's files.

    While it goes. order(folder, name, value) asks a run that goes, here or in another process, for "save", "preview",
    "pause", "resume", "stop" (value None), "rate factor" (a number), "layers" (names of layers whose feature maps are
    to be seen) or the change of a field; the run answers with a Note within one step. live(task) lists the fields that
    may be changed on the fly; layers(folder) the names of its layers.

    After. results(folder) measures each case: a Table, worst first, the confidence interval in its title. case(folder,
    name) gives the files to open: scan, prediction, reference. targets() lists (name, ending, words) of the formats,
    export(folder, target, out) writes one and compares. card(folder) is the model card, as Markdown. recipe(folder)
    reads the task of a run. trash(folder) puts a run away and returns where to; restore(where) brings it back.
    """

    preflight: Callable[[Any], Work[Mapping[str, Any]]] = _no_work
    find_rate: Callable[[Any], Work[float]] = _no_work
    overfit: Callable[[Any], Work[str]] = _no_work
    recognised: Callable[[Path], Work[tuple[str, Settings]]] = _no_work
    places: Callable[[], tuple[tuple[str, str], ...]] = _none
    begin: Callable[[Any, Path, str, bool], Work[Path]] = _no_work
    queue: Callable[[], tuple[Path, ...]] = _none
    wait: Callable[[Any, Path], None] = _no_act
    leave: Callable[[Path], None] = _no_act
    follow: Callable[[str], Work[Path]] = _no_work
    order: Callable[[Path, str, Any], None] = _no_act
    live: Callable[[Any], tuple[str, ...]] = _none
    layers: Callable[[Path], tuple[str, ...]] = _none
    results: Callable[[Path], Work[Table]] = _no_work
    case: Callable[[Path, str], Work[tuple[Path, ...]]] = _no_work
    targets: Callable[[], tuple[tuple[str, str, str], ...]] = _none
    export: Callable[[Path, str, Path], Work[Written]] = _no_work
    card: Callable[[Path], str] = _no_act
    recipe: Callable[[Path], Any] = _no_act
    trash: Callable[[Path], Path] = _no_act
    restore: Callable[[Path], Path] = _no_act
