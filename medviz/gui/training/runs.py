"""What the list says of a run, read off the heartbeat in its folder. No widgets."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medviz.gui.training.words import ago, duration

QUIET_S = 30.0
"""A run that says it trains and gave no sign of life for so long is taken for dead."""


@dataclass(frozen=True)
class RunCard:
    """What the list says of a run.

    `state`: "queued", "waiting", "running" (here), "training" (elsewhere), "paused", "stopping", "stopped", "failed",
    "ended", "lost", "unknown". `best` is its best measure so far.
    """

    folder: Path
    state: str
    best: float | None = None
    left_s: float | None = None
    at_s: float | None = None

    @property
    def goes(self) -> bool:
        """True while it trains, here or elsewhere."""
        return self.state in ("waiting", "running", "training", "paused", "stopping")

    @property
    def resumable(self) -> bool:
        """True where training broke off and can go on."""
        return self.state in ("stopped", "failed", "lost")

    def words(self, now_s: float) -> str:
        """Say in a line how it stands."""
        said = {
            "ended": "done", "training": "running elsewhere", "waiting": "starting", "lost": "lost, no sign of life",
            "unknown": "no word of it",
        }  # fmt: skip
        parts = [said.get(self.state, self.state)]
        if self.left_s is not None and self.state in ("training", "running"):
            parts.append(f"{duration(self.left_s)} left")
        elif self.at_s is not None:
            parts.append(ago(now_s - self.at_s))
        return " · ".join(parts)


def card_on_disk(folder: Path, now_s: float) -> RunCard:
    """Read the heartbeat (``status.json``) that a run leaves in its folder."""
    try:
        said: dict[str, Any] = json.loads((folder / "status.json").read_text(encoding="utf-8"))
        state, at_s = str(said.get("state", "unknown")), float(said.get("time", 0.0)) or None
        if state in ("training", "paused") and now_s - (at_s or 0.0) > QUIET_S:
            state = "lost"
        best, left_s = said.get("best"), said.get("left_s")
        return RunCard(folder, state, _number(best), _number(left_s), at_s)
    except (OSError, ValueError, TypeError, AttributeError):
        return RunCard(folder, "unknown")


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
