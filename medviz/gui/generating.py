"""What the window is handed to make samples of a run, and what it shows of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from medviz.imaging.volume import Array
from medviz.messages import Work
from medviz.parameters import Choice, File, Group, When
from medviz.refused import Refused

_JUDGED = Group("Judged by", advanced=True)


def _no_work(*what: Any) -> Work[Any]:
    yield from ()
    raise Refused("samples", "this window cannot make any", "start the whole program")


@dataclass(frozen=True)
class Judging:
    """By which features samples are held against training pictures."""

    features: Annotated[
        str,
        Choice(
            ("tissue", "pixels", "other"), ("Tissue network that ships", "Brightness of 8×8 cells", "A network of mine")
        ),
        _JUDGED,
        "FID, MMD and distances are told in these features; numbers in others cannot be compared with them.",
    ] = "tissue"
    network: Annotated[
        str,
        File(folder=True, either=True),
        When("features", "other"),
        _JUDGED,
        "The folder of a classification run, or the weights of EfficientNet-Lite0 (.pth).",
    ] = ""

    @property
    def name(self) -> str:
        """As `make` takes it."""
        return self.network if self.features == "other" else self.features


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples as they are shown: tiles (n, rows, cols[, 3]) in −1..1 (colours 0..1), the nearest training pictures.

    `copies` are suspected ones, `words` what is known of each sample's neighbour. `flat` where each is one picture.
    `lines` is what is said of all of them; `doubt` what could not be. `source` is what `keep` takes.
    """

    run: str
    tiles: Array
    nearest: Array | None = None
    copies: tuple[bool, ...] = ()
    words: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    doubt: str = ""
    flat: bool = True
    source: Any = None

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(self.tiles)


@dataclass(frozen=True)
class Generating:
    """What can be made of a run.

    wishes(run) tells what may be wished, as a dataclass a form reads; None where its task makes nothing. make(run,
    wishes, features) makes a Batch. keep(source, numbers, folder, format, visible) writes samples by their numbers as
    "nifti" or "png", with the word "synthetic" on the picture where it is to be visible, and returns all files; without
    a folder it takes one of the system's temporary ones.
    """

    wishes: Callable[[Path], Work[Any]] = _no_work
    make: Callable[[Path, Any, str], Work[Batch]] = _no_work
    keep: Callable[[Any, tuple[int, ...], Path | None, str, bool], Work[tuple[Path, ...]]] = _no_work
