"""`python -m tests.benchmarks`: measure, print a table, keep it as JSON."""

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from tests.benchmarks import (
    editing,
    judging,
    labs,
    moving,
    opening,
    slices,
    startup,
    training,
    whole,
)
from tests.benchmarks.measuring import Measured, busy_percent, kept, table


def late(name: str) -> Callable[[], dict[str, list[Measured]]]:
    """A part that needs torch, which must not be there while the window is measured."""
    return lambda: import_module(f"tests.benchmarks.{name}").measure()


PARTS = {
    "slices": slices.measure,
    "moving": moving.measure,
    "whole": whole.measure,
    "editing": editing.measure,
    "judging": judging.measure,
    "opening": opening.measure,
    "labs": labs.measure,
    "startup": startup.measure,
    "training": training.measure,
    "loading": late("loading"),
    "tiling": late("tiling"),
    "denoising": late("denoising"),
    "goal": late("goal"),
    "on_gpu": late("on_gpu"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=list(PARTS), action="append", help="one part; may be given again")
    parser.add_argument("--out", type=Path, default=Path(".benchmarks/latest.json"), help="where the numbers are kept")
    options = parser.parse_args()
    groups: dict[str, list[Measured]] = {}
    busy = busy_percent()
    if busy > 15:
        print(f"others use {busy:.0f} % of this machine: what follows is slower than it is", file=sys.stderr)
    for name in options.only or PARTS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        groups |= PARTS[name]()
        kept(groups, options.out, busy)
    print(table(groups))
    print(f"\nkept in {options.out}")
    return 0 if all(row.ok is not False for rows in groups.values() for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
