"""What `__main__` hands to the window, so that the window knows neither torch nor MONAI nor nibabel."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medviz.catalog import Catalog
from medviz.imaging.volume import Volume
from medviz.messages import Work


@dataclass(frozen=True)
class ModelCard:
    """What a person should know of a model before it is run. `where` is what `predict` takes."""

    where: str
    title: str
    summary: str = ""
    labels: tuple[str, ...] = ()
    trained_on: str = ""
    licence: str = ""
    sha256: str = ""
    metrics: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Services:
    """The callables and catalogs of the rooms beside and below; all heavy imports happen inside the calls.

    read(path) makes a Volume. write(volume, path) keeps the file's own affine and order. models() lists the shipped
    models. predict(where, scan) makes a label Volume on the scan's own grid. train(task, folder) makes the folder of
    the run. attach(folder) tails a run that is elsewhere. runs() lists the folders of runs.
    """

    labs: Catalog[Any]
    tasks: Catalog[Any]
    networks: Catalog[Any]
    datasets: Catalog[Any]
    read: Callable[[Path], Work[Volume]]
    write: Callable[[Volume, Path], None]
    models: Callable[[], tuple[ModelCard, ...]]
    predict: Callable[[str, Volume], Work[Volume]]
    train: Callable[[Any, Path], Work[Path]]
    attach: Callable[[Path], Work[Path]]
    runs: Callable[[], tuple[Path, ...]]
    sample: Callable[[], Path]

    @property
    def catalogs(self) -> dict[str, Catalog[Any]]:
        """The catalogs by the name a Part uses."""
        return {"labs": self.labs, "tasks": self.tasks, "networks": self.networks, "datasets": self.datasets}
