"""What learning without labels is worth: 5, 10 and 20 labelled hippocampi, from chance and from a masked run.

`python -m tests.benchmarks.few_labels Task04_Hippocampus FOLDER [unet|unetr] [LABELLED ...]` trains what is not yet in
FOLDER and writes the table of mean Dice on the same 24 held-out scans. All runs of a network have the same steps, seed
and samples; the masked run itself comes from the recipe fill_hippocampus (U-Net) or mae_hippocampus (UNETR), which see
the scans that are learnt from and none that is held out.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medviz.commands.recipes import recipe_at
from medviz.messages import Note, Work, finished
from medviz.parameters import Settings
from medviz.tasks import TASKS
from medviz.training.results import read_results
from medviz.training.run import load_task
from medviz.training.trainer import train

COUNTS = (5, 10, 20)
BEFORE = {"unet": "fill_hippocampus", "unetr": "mae_hippocampus"}
UNETR = Settings("unetr", (("width", 48), ("heads", 4), ("features", 8), ("grid", 3)))


def few(data: Path, network: str, labelled: int, start: Path | None) -> Any:
    """Return the recipe hippocampus_few with this network, so many labels and this beginning."""
    task: Any = load_task(recipe_at("hippocampus_few"), TASKS)
    task = replace(task, data=Settings("decathlon", (("folder", str(data)), ("labelled", labelled))))
    if network == "unetr":
        task = replace(task, network=UNETR, patch=48, learning_rate=0.002)
    return replace(task, start=str(start or ""))


def without_labels(data: Path, network: str) -> Any:
    """Return the recipe that learns without labels for a network."""
    return replace(load_task(recipe_at(BEFORE[network]), TASKS), data=Settings("decathlon", (("folder", str(data)),)))


def dice(folder: Path) -> str:
    """Mean Dice over the held-out scans and both parts, on the scans' own grid, with its 95 % interval."""
    (found,) = [group for group in read_results(folder)[1] if group.group == "validation"]
    return found.measures["dice/mean"].words()


def trained(work: Work[Path]) -> None:
    """Train to the end; say what is worth a sentence."""
    finished(work, lambda message: print(f"  {message.text}") if isinstance(message, Note) else None)


def main(words: Sequence[str]) -> None:
    """Train what is not there yet, and write the table."""
    data, folder = Path(words[0]), Path(words[1])
    network = words[2] if len(words) > 2 else "unet"
    counts = tuple(map(int, words[3:])) or COUNTS
    before = folder / BEFORE[network]
    if not (before / "results.json").is_file():
        trained(train(without_labels(data, network), before))
    for labelled in counts:
        for name, start in (("chance", None), ("masked", before)):
            run = folder / f"{network}_{labelled}_{name}"
            if not (run / "results.json").is_file():
                trained(train(few(data, network, labelled, start), run))
    print(f"{network}, labelled scans | from chance | from the masked run")
    for labelled in counts:
        found = [dice(folder / f"{network}_{labelled}_{name}") for name in ("chance", "masked")]
        print(f"{labelled} | {found[0]} | {found[1]}")


if __name__ == "__main__":
    main(sys.argv[1:])
