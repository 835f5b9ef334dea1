"""A child of `startup`: opens the program as a person would, and tells when what was on the screen.

`python -m tests.benchmarks.opened BEGAN_S`, where BEGAN_S is `time.monotonic()` of whoever started this process.
"""

import json
import os
import sys
import time

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from medviz.commands.window import COMMAND
from medviz.gui.app import application

HEAVY = ("torch", "monai", "nilearn")


class Watch(QObject):
    """Notes the end of the first paint of the window, and of the first pane that has a scan."""

    def __init__(self, began_s: float) -> None:
        super().__init__()
        self.began_s = began_s
        self.seen: dict[str, float] = {"imports done": self.now_ms()}
        self.heavy: list[str] = []

    def now_ms(self) -> float:
        return (time.monotonic() - self.began_s) * 1000

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            name = type(watched).__name__
            scene = getattr(watched, "scene", None)
            if name == "Window":
                self.note("first pixels")
            elif name == "SliceView" and getattr(scene, "scan", None) is not None:
                self.note("scan on the screen")
        return False

    def note(self, what: str) -> None:
        if what in self.seen:
            return
        self.seen[what] = 0.0
        if what == "first pixels":
            self.heavy = [name for name in HEAVY if name in sys.modules]
        QTimer.singleShot(0, self, lambda: self.stamp(what))  # when control is back, the paint is done

    def stamp(self, what: str) -> None:
        self.seen[what] = self.now_ms()
        if what == "scan on the screen":
            print(json.dumps({**self.seen, "heavy": self.heavy}), flush=True)
            os._exit(0)


def main() -> None:
    watch = Watch(float(sys.argv[1]))
    app: QApplication = application()
    app.installEventFilter(watch)
    QTimer.singleShot(60_000, lambda: os._exit(3))
    COMMAND.run(COMMAND.parser().parse_args(["--page", "viewer"]))


if __name__ == "__main__":
    main()
