"""What `__main__` hands to the window, so that the window knows neither torch nor MONAI nor nibabel."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medviz.catalog import Catalog
from medviz.gui.generating import Generating
from medviz.gui.storied import Storied
from medviz.gui.surveying import Surveying
from medviz.gui.teaching import Teaching
from medviz.imaging.findings import Report
from medviz.imaging.prediction import Prediction
from medviz.imaging.rendering.view import Renderer
from medviz.imaging.series import SeriesCard
from medviz.imaging.volume import Volume
from medviz.messages import Work
from medviz.refused import Refused


@dataclass(frozen=True)
class ModelCard:
    """What a person should know of a model before it is run. `where` is what `predict` takes.

    `facts` are all that its trust card says, as (what, words), with what is not known spelt out. `origin` is "shipped",
    "run" or "added". `whole` is the card in plain values, as it travels with what the model made.
    """

    where: str
    title: str
    summary: str = ""
    labels: tuple[str, ...] = ()
    trained_on: str = ""
    licence: str = ""
    sha256: str = ""
    metrics: tuple[tuple[str, float], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    origin: str = "shipped"
    whole: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def plain(self) -> dict[str, Any]:
        """The card that travels with what the model made; what is not known is left out."""
        known = {
            "name": self.title, "sha256": self.sha256, "trained_on": self.trained_on, "licence": self.licence,
            "labels": list(self.labels), "metrics": dict(self.metrics),
        }  # fmt: skip
        return {"model": {**self.whole, **{name: value for name, value in known.items() if value}}}


@dataclass(frozen=True)
class Looked:
    """A model over a scan, before it runs.

    `estimate` says what a run takes and `fits` whether there is room for it; `findings` are how the scan stands to the
    training data, as (what, scan, training, "ok" | "outside" | "unknown"). `asks` is a form's value to be completed
    where the model does not say what input it needs.
    """

    card: ModelCard
    estimate: str = ""
    fits: bool = True
    findings: tuple[tuple[str, str, str, str], ...] = ()
    asks: Any = None


def _no_look(where: str, scan: Volume | None) -> Work[Looked]:
    yield from ()
    return Looked(ModelCard(where, where))


def _no_model(*what: Any) -> Work[Looked]:
    yield from ()
    raise Refused("models", "none can be added to this window", "start the whole program")


@dataclass(frozen=True)
class Asked:
    """What is asked of a network: `what` (features, gradcam ...), of which `layer`, for which label (1, 2 ...)."""

    what: str = "features"
    layer: str = ""
    label: int = 1


def _no_layers(where: str) -> Work[tuple[tuple[str, str], ...]]:
    yield from ()
    return ()


def _no_inside(where: str, scan: Volume, asked: Asked, mm: tuple[float, float, float]) -> Work[Volume]:
    yield from ()
    raise Refused(where, "it cannot be looked into here", "start the whole program")


@dataclass(frozen=True)
class Modelled:
    """What can be done with models beside labelling a scan.

    look(where, scan) says what is known before a run. run(where, scan, mirror, frame) labels a scan, keeps the
    probabilities and, with `mirror`, holds it against the mirrored scan; None where only `Services.predict` is there.
    add(path) puts a file or folder on the list, tell(where, needs) does after a person completed what it asks;
    forget(where). layers(where) lists what of a network can be looked into, as (name, kind); inside(where, scan, asked,
    mm) makes maps of it round a point (RAS mm), one a frame.
    """

    look: Callable[[str, Volume | None], Work[Looked]] = _no_look
    run: Callable[[str, Volume, bool, int], Work[Prediction]] | None = None
    add: Callable[[Path], Work[Looked]] = _no_model
    tell: Callable[[str, Any], Work[Looked]] = _no_model
    forget: Callable[[str], object] = lambda where: None
    layers: Callable[[str], Work[tuple[tuple[str, str], ...]]] = _no_layers
    inside: Callable[[str, Volume, Asked, tuple[float, float, float]], Work[Volume]] = _no_inside


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


def _no_series(path: Path) -> Work[tuple[SeriesCard, ...]]:
    yield from ()
    return ()


def _no_pictures(cards: tuple[SeriesCard, ...]) -> Work[None]:
    yield from ()


def _no_series_read(card: SeriesCard, over: Volume | None = None, fill_gaps: bool = False) -> Work[Volume]:
    yield from ()
    raise Refused(card.title, "it cannot be read here", "open its file")


def _as_it_is(volume: Volume) -> Work[Volume]:
    yield from ()
    return volume


@dataclass(frozen=True)
class Files:
    """What a file or a folder offers beyond being read.

    series(path) lists the series of a folder (none where a file holds one thing only); pictures(cards) yields a small
    Picture of each, named by its key; read_series(card, over, fill_gaps) reads one. read_over(path, scan) reads what is
    to be laid over a scan. regular(volume) resamples a sheared volume to a square grid. read_form(path, form) reads a
    file whose header places it twice ("sform", "qform").
    """

    series: Callable[[Path], Work[tuple[SeriesCard, ...]]] = _no_series
    pictures: Callable[[tuple[SeriesCard, ...]], Work[None]] = _no_pictures
    read_series: Callable[[SeriesCard, Volume | None, bool], Work[Volume]] = _no_series_read
    read_over: Callable[[Path, Volume], Work[Volume]] | None = None
    regular: Callable[[Volume], Work[Volume]] = _as_it_is
    read_form: Callable[[Path, str], Work[Volume]] | None = None


def _no_export(*what: Any) -> Work[Any]:
    yield from ()
    raise Refused("export", "it is not part of this window", "start the whole program")


@dataclass(frozen=True)
class Keep:
    """How what is on screen leaves the program.

    export(thing, path, kind) writes a volume or label map in the format `kind` and returns the files. film(pictures,
    path, fps, total) writes pictures as they come. can_mp4() tells whether there is an encoder. check(paths) reports
    what tells who the patient is, share(paths, folder) makes copies without it.
    """

    export: Callable[[Any, Path, str], Work[tuple[Path, ...]]] = _no_export
    film: Callable[[Iterable[Any], Path, float, int], Work[Path]] = _no_export
    can_mp4: Callable[[], bool] = lambda: False
    check: Callable[[tuple[Path, ...]], Work[Report]] = _no_export
    share: Callable[[tuple[Path, ...], Path], Work[Report]] = _no_export


def _no_lesson(*what: Any) -> Any:
    raise Refused("lessons", "they are not part of this window", "start the whole program")


@dataclass(frozen=True)
class Lessons:
    """Ordered states of labs with a sentence each.

    shipped() lists (file, title). read(path) makes a lesson: `title`, `deck` and `moments`, each with `say` and
    `state`. lab_at(moment) builds its lab, moment_of(sentence, lab) keeps one. write(title, moments, path) makes the
    lesson and tells where it was written.
    """

    shipped: Callable[[], tuple[tuple[Path, str], ...]] = lambda: ()
    read: Callable[[Path], Any] = _no_lesson
    lab_at: Callable[[Any], Any] = _no_lesson
    moment_of: Callable[[str, Any], Any] = _no_lesson
    write: Callable[[str, tuple[Any, ...], Path], tuple[Any, Path]] = _no_lesson


def _no_studio() -> Renderer:
    raise Refused("the 3-D view", "it is not part of this window", "start the whole program")


def _no_data(name: str, folder: Path) -> Work[Path]:
    yield from ()
    raise Refused(name, "data sets cannot be fetched from here", "use medviz get on the command line")


@dataclass(frozen=True)
class Services:
    """The callables and catalogs of the rooms beside and below; all heavy imports happen inside the calls.

    read(path) makes a Volume. write(volume, path) keeps the file's own affine and order. models() lists the shipped
    models. predict(where, scan) makes a label Volume on the scan's own grid. train(task, folder) makes the folder of
    the run. attach(folder) tails a run that is elsewhere. runs() lists the folders of runs. plan(task) tells what a run
    will take ("parameters", "memory" ...), by name. resume(folder) goes on with a run where it stopped. new_run(name)
    gives the path of a folder that does not exist yet. lab_text(lab) writes a lab as one line, lab_from(text)
    reads it. lab_checks(example, figures by name) holds figures against a worked example and tells for each
    expectation its name, ok, expected and found. studio() makes what renders the 3-D pane; it must be closed.
    obtainable() lists the public data sets that can be fetched (each with name, title, summary, licence, samples,
    about_bytes, sizes), get_data(name, folder) fetches one and returns its file or folder.
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
    lessons: Lessons = Lessons()
    files: Files = Files()
    studio: Callable[[], Renderer] = _no_studio
    obtainable: Callable[[], tuple[Any, ...]] = lambda: ()
    get_data: Callable[[str, Path], Work[Path]] = _no_data
    modelled: Modelled = Modelled()
    keep: Keep = Keep()
    teaching: Teaching = field(default_factory=Teaching)
    surveying: Surveying = field(default_factory=Surveying)
    storied: Storied = field(default_factory=Storied)
    generating: Generating = field(default_factory=Generating)

    @property
    def catalogs(self) -> dict[str, Catalog[Any]]:
        """The catalogs by the name a Part uses."""
        return {"labs": self.labs, "tasks": self.tasks, "networks": self.networks, "datasets": self.datasets}
