"""The lines of a run's log as messages, for whoever follows it here or elsewhere; what was said twice counts once."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from medviz.messages import Message, Progress, Scalar
from medviz.training.events import Line, message_of


class Heard:
    """What was heard of a run: `still` is its last Progress, `ended` tells whether its last word was "end"."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.still: Message = Progress(0, 0, "waiting for the run")
        self.ended = False
        self._steps: dict[str, int] = {}

    def told(self, lines: Sequence[Line]) -> Iterator[Message]:
        """Turn lines into messages."""
        for line in lines:
            self.ended = line["message"] == "end"
            message = message_of(line, self.folder)
            if isinstance(message, Scalar):  # said before and after an interruption
                if message.step <= self._steps.get(message.name, -1):
                    continue
                self._steps[message.name] = message.step
            if message is not None:
                yield message
                self.still = message if isinstance(message, Progress) else self.still


def without_repeats(lines: Sequence[Line]) -> list[Line]:
    """Leave out what a killed run said after the checkpoint from which it went on: it was said again."""
    kept: list[Line] = []
    for line in lines:
        if line["message"] == "begin":
            kept = [old for old in kept if old.get("step", 0) <= line["step"] or old["message"] == "begin"]
        kept.append(line)
    return kept
