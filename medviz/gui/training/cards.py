"""The runs there are: those of this window, and those on the disk, the newest first. No widgets."""

from collections.abc import Callable
from pathlib import Path

from medviz.gui.training.runs import RunCard, card_on_disk
from medviz.gui.training.watch import Watch
from medviz.messages import Progress, Work


def card_of(watch: Watch) -> RunCard:
    """Say how a run of this window stands."""
    best, progress = watch.history.best(), watch.history.progress
    state = "ended" if watch.state == "done" else watch.state
    left_s = progress.left_s if progress and watch.state == "running" else None
    return RunCard(watch.folder, state, best[1] if best else None, left_s, watch.ended_at_s)


def cards(disk: tuple[RunCard, ...], watched: tuple[Watch, ...]) -> tuple[RunCard, ...]:
    """List those of this window that the disk does not know yet first, then those on the disk.

    What this window trains, or what lies on another machine, is told by who watches it.
    """
    mine = {watch.folder: card_of(watch) for watch in watched if watch.own or watch.where}
    known = {card.folder for card in disk}
    fresh = [card for folder, card in reversed(mine.items()) if folder not in known]
    return (*fresh, *(mine.get(card.folder) or card for card in disk))


def looked_up(
    folders: Callable[[], tuple[Path, ...]],
    also: tuple[Path, ...],
    waiting: Callable[[], tuple[Path, ...]],
    now_s: float,
) -> Work[tuple[RunCard, ...]]:
    """Read the heartbeats of all runs, of those elsewhere (`also`) and of the queue; a disk may take its time."""
    yield Progress(0, 0, "looking for runs")
    listed = folders()
    queued = waiting()
    found = [RunCard(folder, "queued") for folder in reversed(queued) if folder not in listed]
    for folder in (*(one for one in also if one not in listed), *listed):
        card = card_on_disk(folder, now_s)
        found.append(RunCard(folder, "queued") if folder in queued and card.state == "unknown" else card)
    return tuple(found)
