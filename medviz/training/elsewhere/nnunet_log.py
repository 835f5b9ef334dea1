"""The text log of nnU-Net (``training_log_*.txt`` in a fold's folder) as Work: it writes no TensorBoard files."""

import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from medviz.messages import Message, Note, Progress, Scalar, Work
from medviz.refused import Refused

PATTERN = "training_log_*.txt"
POLL_S = 1.0
OVER_S = 3600.0
EPOCHS = 1000
"""nnU-Net trains so many epochs unless its trainer says otherwise."""
_CURVES = (
    (r"train_loss (-?[\d.]+|nan|inf)", "train/loss"),
    (r"val_loss (-?[\d.]+|nan|inf)", "validation/loss"),
    (r"Current learning rate: ([\d.e+-]+)", "train/learning rate"),
    (r"Epoch time: ([\d.]+) s", "train/seconds per epoch"),
)


def logs_in(folder: Path) -> list[Path]:
    """Return the text logs in a folder, the oldest first (each restart begins a new one)."""
    return sorted(folder.glob(PATTERN)) if folder.is_dir() else []


def watch_nnunet(folder: Path, over_s: float = OVER_S, poll_s: float = POLL_S) -> Work[Path]:
    """Follow nnU-Net's log: losses, rate and pseudo Dice of each class by epoch; ends when it is over.

    Refuses a folder without such a log.
    """
    if not logs_in(folder):
        raise Refused(folder, f"there is no {PATTERN} in it", "give the folder of a fold, such as .../fold_0")
    reading = _Reading()
    places: dict[Path, int] = {}
    while True:
        for path in logs_in(folder):
            with open(path, "rb") as file:
                file.seek(places.get(path, 0))
                *whole, rest = file.read().split(b"\n")
                places[path] = file.tell() - len(rest)
            for line in whole:
                yield from reading.told(line.decode(errors="replace"))
        newest_s = max((path.stat().st_mtime for path in logs_in(folder)), default=0.0)
        if reading.done or time.time() - newest_s > over_s:
            return folder
        yield Progress(reading.epoch, EPOCHS, f"epoch {reading.epoch}")
        time.sleep(poll_s)


class _Reading:
    """Where the log stands: the epoch, and what was told of it."""

    def __init__(self) -> None:
        self.epoch = 0
        self.done = False
        self._told: dict[str, int] = {}

    def told(self, line: str) -> Iterator[Message]:
        stamp, _, said = line.partition(": ")
        at_s = _seconds(stamp)
        said = said.strip()
        if found := re.match(r"Epoch (\d+)", said):
            self.epoch = int(found[1])
        elif said.startswith("Training done"):
            self.done = True
            yield Note("nnU-Net says that its training is done")
        for pattern, name in _CURVES:
            if found := re.match(pattern, said):
                yield from self._scalar(name, float(found[1]), at_s)
        if said.startswith("Pseudo dice"):
            values = [float(text) for text in re.findall(r"\(?(-?\d+\.\d+(?:e-?\d+)?|nan)\)?", said)]
            for number, value in enumerate(values, start=1):
                yield from self._scalar(f"validation/dice/class {number}", value, at_s)
            there = [value for value in values if value == value]
            if there:
                yield from self._scalar("validation/dice/mean", sum(there) / len(there), at_s)

    def _scalar(self, name: str, value: float, at_s: float | None) -> Iterator[Scalar]:
        if self.epoch > self._told.get(name, -1):
            self._told[name] = self.epoch
            yield Scalar(name, self.epoch, value, at_s)


def _seconds(stamp: str) -> float | None:
    try:
        return datetime.strptime(stamp.strip(), "%Y-%m-%d %H:%M:%S.%f").timestamp()
    except ValueError:
        return None
