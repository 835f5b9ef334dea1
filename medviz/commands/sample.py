"""``medviz sample``: new samples out of a run, each marked as synthetic and held against its training pictures."""

import argparse
from pathlib import Path
from typing import Any

from medviz.commands.catalogs import described
from medviz.commands.command import Command, Said, assignment, existing, followed, table
from medviz.imaging.writers.synthetic import FORMATS, planned, write_samples
from medviz.messages import Work
from medviz.parameters import parameters, turned
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.training.making import Wishes
from medviz.training.using.features import PIXELS, TISSUE
from medviz.training.using.generating import Generated, samples_of, wishes_of


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the folder of a run of a task that makes something new")
    parser.add_argument(
        "--count", type=int, metavar="N", help="how many samples; the task's own number where not given"
    )
    parser.add_argument(
        "--seed", type=int, metavar="S", help="start of all chance; the same seed makes the same samples"
    )
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="any wish of the run's task")
    parser.add_argument("--wishes", action="store_true", help="list what may be wished of the run, and make nothing")
    parser.add_argument("--out", metavar="FOLDER", help="where the samples are written, a sidecar beside each")
    parser.add_argument("--format", choices=list(FORMATS), default="nifti", help="png for flat pictures only")
    parser.add_argument("--visible-mark", action="store_true", help="write the word synthetic onto each PNG, too")
    kinds = f"{TISSUE} (shipped network), {PIXELS}, a classification run, or weights of EfficientNet-Lite0"
    parser.add_argument("--features", default=TISSUE, metavar="NAME", help=f"by what they are judged: {kinds}")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")


def _run(options: argparse.Namespace) -> Said:
    folder, quiet = existing(options.run), options.quiet or options.json
    wishes = followed(wishes_of(folder, TASKS), quiet)
    if wishes is None:
        raise Refused(folder.name, "its task makes nothing new", "choose a run of a task that generates")
    if options.wishes:
        return _listed(wishes)
    if options.out is None:
        raise Refused(folder.name, "it is not said where to write", "give --out FOLDER, or --wishes to see what may be")
    wishes = _wished(wishes, options)
    work = _kept(folder, wishes, options)
    made, files = followed(work, quiet)
    return _said(made, files, Path(options.out).expanduser())


def _wished(wishes: Wishes, options: argparse.Namespace) -> Wishes:
    """Lay --count, --seed and --set over what the task proposes; refuses what it does not know or take."""
    given = [(name, str(value)) for name in ("count", "seed") if (value := getattr(options, name)) is not None]
    for name, value in (*given, *map(assignment, options.set)):
        wishes = turned(wishes, name, value, {})
    return wishes


def _kept(folder: Path, wishes: Wishes, options: argparse.Namespace) -> Work[tuple[Generated, tuple[Path, ...]]]:
    out = Path(options.out).expanduser()
    planned(wishes.count, out, options.format, options.visible_mark)  # before an hour is spent on them
    made = yield from samples_of(folder, wishes, TASKS, options.features, options.device)
    samples = [made.synthetic(number) for number in range(len(made.made))]
    files = yield from write_samples(samples, out, options.format, options.visible_mark)
    return made, files


def _listed(wishes: Wishes) -> Said:
    told = [{**described(one), "default": getattr(wishes, one.name)} for one in parameters(wishes)]
    rows = [(one.name, str(getattr(wishes, one.name)), one.help) for one in parameters(wishes)]
    return Said({"wishes": told}, table(rows, ("field", "value", "what it does")))


def _said(made: Generated, files: tuple[Path, ...], out: Path) -> Said:
    near = [
        {"distance_rms": one.far_rms, "usual_rms": one.usual_rms, "distance_features": one.far_features,
         "suspected_copy": one.copy} for one in made.neighbours
    ]  # fmt: skip
    document: dict[str, Any] = {
        "synthetic": True,
        "out": str(out),
        "files": [file.name for file in files],
        "samples": len(made.made),
        "run": made.run,
        "task": made.task,
        "seed": made.wishes.seed,
        "spacing_mm": made.spacing_mm,
        "seconds": made.seconds,
        "quality": None if made.quality is None else made.quality.plain(),
        "nearest": near,
        "suspected_copies": made.copies,
        "note": made.doubt,
    }
    lines = [f"{out}: {len(made.made)} synthetic samples of {made.run} in {made.seconds:.1f} s"]
    if made.spacing_mm is None:
        lines.append("uncalibrated: the data tell no voxel size")
    lines += [made.quality.words()] if made.quality is not None else []
    if made.neighbours:
        lines.append(f"{made.copies} suspected copies, compared with {made.compared}")
    return Said(document, "\n".join([*lines, *([made.doubt] if made.doubt else [])]))


COMMAND = Command(
    "sample",
    "new samples out of a run, marked as synthetic and held against its training pictures",
    "medviz sample runs/diffusion-mni152-1 --count 16 --seed 3 --out samples --format png",
    _arguments,
    _run,
)
