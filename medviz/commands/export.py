"""``medviz export``: a run's best weights for use elsewhere, checked by running both."""

import argparse
from pathlib import Path

from medviz.commands.command import Command, Said, followed
from medviz.training.using.exporting import TARGETS, export


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the folder of a run, or a model that ships with the program")
    kinds = "; ".join(f"{name}: {words}" for name, (_, words) in TARGETS.items())
    parser.add_argument("--to", required=True, choices=list(TARGETS), help=kinds)
    parser.add_argument("--out", help="the file, or (monai) the folder; the run's name where it is not given")


def _run(options: argparse.Namespace) -> Said:
    ending = TARGETS[options.to][0] or "-bundle"
    out = Path(options.out or f"{Path(options.run).name}{ending}").expanduser()
    done = followed(export(options.run, options.to, out), options.quiet or options.json)
    document = {
        "out": str(done.out),
        "to": options.to,
        "max_abs_difference": done.max_abs_difference,
        "tried_on": done.tried_on,
    }
    size = "×".join(map(str, done.tried_on))
    return Said(document, f"{done.out}: differs by at most {done.max_abs_difference:.2g} on noise of {size}")


COMMAND = Command(
    "export",
    "a run's best weights for use elsewhere, checked by running both",
    "medviz export mni152_tissue --to pt2 --out tissue.pt2",
    _arguments,
    _run,
)
