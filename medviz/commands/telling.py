"""``medviz train --tell RUN WHAT``: tells a run that goes elsewhere something, and waits for its answer."""

import time
from pathlib import Path
from typing import Any

from medviz.commands.command import Said
from medviz.imaging.storage import opening
from medviz.refused import Refused
from medviz.training.asked import ACTS
from medviz.training.orders import order
from medviz.training.run import Tail

ANSWER_S = 30.0
"""So long a step may take before it is said that the answer has not come yet."""


def told(folder: Path, text: str, wait_s: float = ANSWER_S) -> Said:
    """Tell a run "pause", "resume", "stop", "save", "preview", or NAME=VALUE ("rate=0.5", "gamma=1", "layers=enc.0").

    Refuses a folder in which no run goes. The answer is the run's own; an order it cannot follow is answered too.
    """
    name, has_value, value = text.partition("=")
    log = folder / "events.jsonl"
    if not log.is_file():
        raise Refused(folder, "there is no run in it (no events.jsonl)", "give the folder of a run")
    with opening(log), open(log, "rb") as file:
        file.seek(0, 2)  # what is said from now on
        number = order(folder, name.strip(), value.strip() if has_value else None)
        answer = _answer(Tail(file), number, wait_s)
    words = answer or "told; it has not answered yet (a long step, or a slow disk)"
    if answer in ACTS:
        words = f"done: {answer}"
    return Said({"order": name, "value": value or None, "number": number, "answer": answer}, f"{folder}: {words}")


def _answer(tail: Tail, number: int, wait_s: float) -> str | None:
    until_s = time.monotonic() + wait_s
    while time.monotonic() < until_s:
        for line in tail.lines():
            found: Any = line.get("answer")
            if line["message"] == "order" and line.get("number") == number:
                return str(found)
        time.sleep(0.1)
    return None
