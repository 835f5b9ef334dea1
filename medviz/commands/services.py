"""What the window is handed: catalogs, and callables that import their rooms when they are first called."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from medviz.commands.elsewhere import runs_folder
from medviz.commands.engine import ENGINE
from medviz.commands.generating import generating
from medviz.commands.going import Going
from medviz.commands.models import model_cards, modelled
from medviz.commands.storied import storied
from medviz.commands.surveying import surveying
from medviz.commands.teaching import teaching
from medviz.data import DATASETS
from medviz.gui.services import Files, Keep, Lessons, Services
from medviz.imaging.rendering.view import Renderer
from medviz.imaging.volume import Volume
from medviz.labs import LABS
from medviz.labs.examples import held
from medviz.labs.lab import from_state, state_text
from medviz.labs.lessons import Lesson, Moment, lab_at, moment_of, read_lesson, shipped_lessons, write_lesson
from medviz.messages import Work
from medviz.networks import NETWORKS
from medviz.shipped import sample_scan
from medviz.tasks import TASKS


def services() -> Services:
    """Put together what the window needs of the other rooms."""
    going = Going()
    return Services(
        labs=LABS,
        tasks=TASKS,
        networks=NETWORKS,
        datasets=DATASETS,
        read=_read,
        files=Files(
            series=lambda path: ENGINE["series_of"](path),
            pictures=lambda cards: ENGINE["pictures_of"](cards),
            read_series=lambda card, over, fill_gaps: ENGINE["read_series"](card, over, fill_gaps),
            read_over=lambda path, scan: ENGINE["read_over"](path, scan, lazily=True),
            regular=lambda volume: ENGINE["regular_grid"](volume),
            read_form=lambda path, form: ENGINE["read_form"](path, form),
        ),
        write=_write,
        models=model_cards,
        modelled=modelled(),
        predict=_predict,
        train=going.train,
        attach=_attach,
        runs=runs,
        sample=sample_scan,
        lab_text=state_text,
        lab_from=from_state,
        lab_checks=held,
        lessons=Lessons(shipped_lessons, read_lesson, lab_at, moment_of, _write_lesson),
        plan=_plan,
        resume=going.resume,
        new_run=new_run,
        studio=_studio,
        obtainable=lambda: ENGINE["obtainable"](),
        get_data=lambda name, folder: ENGINE["get_data"](name, folder),
        surveying=surveying(),
        teaching=teaching(going),
        storied=storied(),
        generating=generating(),
        keep=Keep(
            export=lambda thing, path, kind: ENGINE["export"](thing, path, kind),
            film=lambda pictures, path, fps, total: ENGINE["film"](pictures, path, fps, total),
            can_mp4=lambda: bool(ENGINE["can_mp4"]()),
            check=lambda paths: ENGINE["check"](paths),
            share=lambda paths, folder: ENGINE["share"](paths, folder),
        ),
    )


def runs() -> tuple[Path, ...]:
    """List the folders of runs, the newest first."""
    folder = runs_folder()
    found: Iterable[Path] = folder.iterdir() if folder.is_dir() else ()
    return tuple(sorted((one for one in found if (one / "task.toml").is_file()), key=_age, reverse=True))


def new_run(name: str) -> Path:
    """Return the path of a run that is not there yet: "segmentation-mni152-3"."""
    folder = runs_folder()
    number = next(number for number in range(1, 10**6) if not (folder / f"{name}-{number}").exists())
    return folder / f"{name}-{number}"


def _age(run: Path) -> float:
    return run.stat().st_mtime


def _read(path: Path) -> Work[Volume]:
    work: Work[Volume] = ENGINE["read"](path, lazily=True)
    return work


def _write(volume: Volume, path: Path) -> None:
    ENGINE["write"](volume, path)


def _predict(where: str, scan: Volume) -> Work[Volume]:
    work: Work[Volume] = ENGINE["predict"](where, scan)
    return work


def _plan(task: Any) -> Mapping[str, Any]:
    made: Mapping[str, Any] = ENGINE["plan"](task)
    return made


def _studio() -> Renderer:
    made: Renderer = ENGINE["studio"]()
    return made


def _attach(folder: Path) -> Work[Path]:
    work: Work[Path] = ENGINE["attach"](folder)
    return work


def _write_lesson(title: str, moments: tuple[Moment, ...], path: Path) -> tuple[Lesson, Path]:
    lesson = Lesson(title, moments)
    return lesson, write_lesson(lesson, path)
