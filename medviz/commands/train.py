"""``medviz train``: trains without a window; a window may attach to the run while it grows."""

import argparse
import shlex
from pathlib import Path
from typing import Any

from medviz.commands.automatic import automatic
from medviz.commands.command import Command, Said, existing, followed
from medviz.commands.elsewhere import runs_folder, wait
from medviz.commands.slurm import Cluster, sbatch
from medviz.commands.taught import attached, ignoring, stoppable, stopping, trained
from medviz.commands.telling import told
from medviz.commands.wanted import as_set, task_of
from medviz.commands.with_and_without import with_and_without
from medviz.data import DATASETS
from medviz.figures import Curves
from medviz.imaging.storage import replacing
from medviz.messages import Message, Scalar
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.training.before.by_heart import overfit
from medviz.training.before.preflight import preflight
from medviz.training.before.rates import find_rate
from medviz.training.device import chosen
from medviz.training.elsewhere.places import attach_to
from medviz.training.elsewhere.queue import serve
from medviz.training.helping import help_along
from medviz.training.ranks import Helper, Ranks, joined, started
from medviz.training.run import load_task
from medviz.training.trainer import train


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", help=f"one of {', '.join(TASKS)}; not needed with --recipe or --resume")
    parser.add_argument("--data", help=f"one of {', '.join(DATASETS)}, or a folder or file in any layout that is known")
    parser.add_argument("--out", help="the folder of the run; a new one")
    parser.add_argument("--recipe", help="a TOML file with the task's parameters")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="any parameter; network.width=32"
    )
    parser.add_argument("--device", help="auto, cpu, cuda or mps")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run where it stopped")
    parser.add_argument(
        "--with-and-without",
        action="store_true",
        help="train twice, without the synthetic samples (OUT-without) and with them, as many steps, and compare",
    )
    _before(parser.add_argument_group("before a run; nothing is written"))
    _elsewhere(parser.add_argument_group("elsewhere and later"))


def _before(group: Any) -> None:
    group.add_argument(
        "--auto", action="store_true", help="check the data, and let the task choose its parameters; --set comes last"
    )
    group.add_argument("--dry-run", action="store_true", help="tell parameters, memory and time of an epoch")
    group.add_argument("--find-rate", action="store_true", help="propose a learning rate")
    group.add_argument("--overfit", action="store_true", help="learn one batch by heart, to see that all fits together")


def _elsewhere(group: Any) -> None:
    group.add_argument(
        "--attach", metavar="WHERE", help="follow a run: its folder, host:path over ssh, or TensorBoard's files"
    )
    group.add_argument(
        "--tell",
        nargs=2,
        metavar=("RUN", "WHAT"),
        help="tell a run that goes: pause, resume, stop, save, preview, rate=0.5, layers=NAME, or a field as gamma=1",
    )
    group.add_argument("--wait", action="store_true", help="put the run behind those that wait, and return")
    group.add_argument(
        "--queue", nargs="?", const="", metavar="RUNS", help="start the runs that wait, one after the other"
    )
    group.add_argument("--slurm", metavar="FILE", help="write a batch script for SLURM instead of training")
    asked = Cluster()
    group.add_argument("--nodes", type=int, default=asked.nodes, help="SLURM: machines")
    group.add_argument("--gpus", type=int, default=asked.gpus, help="SLURM: GPUs on each machine; 0 for none")
    group.add_argument("--hours", type=float, default=asked.hours, help="SLURM: the longest the job may take")


def _run(options: argparse.Namespace) -> Said:
    if options.tell:
        return told(existing(options.tell[0]), options.tell[1])
    if not started():
        return _led(Ranks(), options)
    with joined(chosen(options.device or "auto")) as ranks:
        if isinstance(ranks, Helper):
            return _helped(ranks, options)
        try:
            return _led(ranks, options)
        finally:
            ranks.end()  # however it ends, the others are let go


def _helped(ranks: Helper, options: argparse.Namespace) -> Said:
    """Help the first process; Ctrl-C reaches that one too, which ends both."""
    with ignoring():
        resumed = load_task(existing(options.resume), TASKS) if options.resume else None
        task = as_set(resumed, options) if resumed else task_of(options)
        followed(help_along(task, ranks), quiet=True)
    return Said()


def _led(ranks: Ranks, options: argparse.Namespace) -> Said:
    """Do what is asked for, alone or as the first of several processes."""
    if options.attach:
        return attached(attach_to(options.attach, runs_folder()), options.json, options.quiet)
    if options.queue is not None:
        return _served(Path(options.queue).expanduser() if options.queue else runs_folder(), options)
    folder = existing(options.resume) if options.resume else None
    task = as_set(load_task(folder, TASKS), options) if folder else automatic(task_of(options), options)
    for wanted, tried in ((options.dry_run, _dry), (options.find_rate, _rate), (options.overfit, _by_heart)):
        if wanted:
            return tried(task, options)
    if folder is None and not options.out:
        raise Refused("medviz train", "there is no folder to write to", "add --out RUN")
    target = folder or Path(options.out).expanduser()
    if options.with_and_without:
        if folder is not None or options.slurm or options.wait or ranks.many:
            raise Refused("--with-and-without", "it trains two new runs, here and now", "leave the other option away")
        return with_and_without(task, target, options)
    if options.slurm:
        return _script(target, options)
    if options.wait:
        wait(None if folder else task, target)
        return Said({"run": str(target), "state": "queued"}, f"{target} waits for its turn")
    work = train(task, target, resume=folder is not None, ranks=ranks)
    return trained(work, target, options.json, options.quiet)


def _dry(task: Any, options: argparse.Namespace) -> Said:
    told = followed(preflight(task), options.quiet or options.json)
    lines = [
        f"{told['parameters']:,} weights ({told['trainable']:,} learn) on {told['device']}, {told['precision']}",
        f"{told['training_samples']:,} samples, {told['steps_per_epoch']:,} steps an epoch, {told['steps']:,} in all",
        f"about {told['memory_mib']:,.0f} MiB of memory, {told['free_mib']:,.0f} MiB are free",
    ]
    if "seconds" in told:
        lines += [
            f"measured: {told['memory_peak_mib']:,.0f} MiB, {told['seconds_per_step']:.3g} s a step",
            f"{told['seconds_per_epoch']:.3g} s an epoch, {told['seconds']:.3g} s in all",
        ]
    return Said(told, "\n".join(lines))


def _rate(task: Any, options: argparse.Namespace) -> Said:
    curve: dict[str, list[float]] = {}

    def hear(message: Message) -> None:
        if isinstance(message, Curves):
            smooth = message.lines[-1]
            curve.update(rates=[10**x for x in smooth.x.tolist()], losses=smooth.y.tolist())

    rate = followed(find_rate(task), options.quiet or options.json, hear)
    return Said({"learning_rate": rate, "set": task.learning_rate, **curve}, f"--set learning_rate={rate:g}")


def _by_heart(task: Any, options: argparse.Namespace) -> Said:
    losses: list[float] = []

    def hear(message: Message) -> None:
        if isinstance(message, Scalar):
            losses.append(message.value)

    verdict = followed(overfit(task), options.quiet or options.json, hear)
    return Said({"verdict": verdict, "losses": losses}, verdict)


def _served(runs: Path, options: argparse.Namespace) -> Said:
    with stoppable() as wish:
        count = followed(stopping(serve(runs), wish), options.quiet or options.json)
    return Said({"runs": str(runs), "started": count}, f"{count} run{'' if count == 1 else 's'} of {runs} started")


def _script(target: Path, options: argparse.Namespace) -> Said:
    words = ["train"]
    if options.task:
        words.append(options.task)
    given = {
        "data": _absolute(options.data),
        "recipe": _absolute(options.recipe),
        "device": options.device,
        "out": str(target.absolute()),
    }
    words += [word for name, value in given.items() if value for word in (f"--{name}", value)]
    words += [word for text in options.set for word in ("--set", text)]
    cluster = Cluster(nodes=options.nodes, gpus=options.gpus, hours=options.hours)
    path = Path(options.slurm).expanduser()
    with replacing(path) as file:
        file.write(sbatch(words, target.absolute(), cluster).encode())
    return Said({"script": str(path), "run": str(target)}, f"sbatch {shlex.quote(str(path))}")


def _absolute(text: str | None) -> str | None:
    """Write a path out, so that it holds wherever the job starts; a name stays as it is."""
    path = Path(text).expanduser() if text else None
    return str(path.absolute()) if path and path.exists() else text


COMMAND = Command(
    "train",
    "train without a window",
    "medviz train segmentation --data mni152 --out runs/tissue --set epochs=5 --set network.width=16",
    _arguments,
    _run,
)
