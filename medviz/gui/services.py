"""What `__main__` hands to the window, so that the window knows neither torch nor MONAI nor nibabel."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medviz.catalog import Catalog
from medviz.imaging.volume import Volume
from medviz.messages import Work
from medviz.refused import Refused


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


def _no_plan(task: Any) -> Mapping[str, Any]:
    return {}


def _no_resume(folder: Path) -> Work[Path]:
    raise Refused(folder, "runs cannot be resumed here", "start a new one")


def _no_place(name: str) -> Path:
    raise Refused(name, "there is no folder for runs", "set MEDVIZ_RUNS")


def _no_lab_text(lab: Any) -> str:
    raise Refused("sharing", "labs cannot be shared here", "export the figures instead")


def _no_lab_from(text: str) -> Any:
    raise Refused("shared state", "it cannot be opened here", "choose the lab and its example by hand")


def _no_lab_checks(example: Any, figures: Mapping[str, Any]) -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True)
class Services:
    """The callables and catalogs of the rooms beside and below; all heavy imports happen inside the calls.

    read(path) makes a Volume. write(volume, path) keeps the file's own affine and order. models() lists the shipped
    models. predict(where, scan) makes a label Volume on the scan's own grid. train(task, folder) makes the folder of
    the run. attach(folder) tails a run that is elsewhere. runs() lists the folders of runs. plan(task) tells what a run
    will take ("parameters", "memory" ...), by name. resume(folder) goes on with a run where it stopped. new_run(name)
    gives the path of a folder that does not exist yet. lab_text(lab) writes a lab as one line, lab_from(text)
    reads it. lab_checks(example, figures by name) holds figures against a worked example and tells for each
    expectation its name, ok, expected and found.
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
    plan: Callable[[Any], Mapping[str, Any]] = _no_plan
    resume: Callable[[Path], Work[Path]] = _no_resume
    new_run: Callable[[str], Path] = _no_place
    lab_text: Callable[[Any], str] = _no_lab_text
    lab_from: Callable[[str], Any] = _no_lab_from
    lab_checks: Callable[[Any, Mapping[str, Any]], tuple[Any, ...]] = _no_lab_checks

    @property
    def catalogs(self) -> dict[str, Catalog[Any]]:
        """The catalogs by the name a Part uses."""
        return {"labs": self.labs, "tasks": self.tasks, "networks": self.networks, "datasets": self.datasets}
