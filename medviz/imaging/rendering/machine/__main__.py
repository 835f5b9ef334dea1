"""The process that renders: reads requests from its input, writes pictures to its output, ends with its parent."""

import os
import sys
from typing import BinaryIO

from medviz.imaging.rendering.machine.inbox import Inbox
from medviz.imaging.rendering.machine.stage import Stage
from medviz.imaging.rendering.machine.window import NoWindow, Window
from medviz.imaging.rendering.wire import send

NICER = 5
"""Slices go first: the window is served before its 3-D pane. Started by a thread that is nicer, it stays so."""


def main() -> int:
    """Serve until the parent has gone."""
    output = _private_output()
    if hasattr(os, "nice"):
        os.nice(max(0, NICER - os.nice(0)))
    try:
        window = Window()
    except NoWindow as lack:
        send(output, {"lacks": str(lack)})
        return 1
    send(output, {"driver": window.driver, "software": window.software})
    inbox = Inbox(sys.stdin.buffer)
    stage = Stage(window, inbox, output)
    while True:
        note, arrays = inbox.take()
        stage.answer(note, arrays)


def _private_output() -> BinaryIO:
    """Keep the pipe to the parent to ourselves: what a library prints goes where errors go."""
    mine = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(mine, "wb", buffering=0)


if __name__ == "__main__":
    sys.exit(main())
