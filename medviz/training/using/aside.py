"""A thread beside whoever pulls the work: a long step can be left in its middle, and says meanwhile that it goes on."""

import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from medviz.messages import Progress, Work

BEAT_S = 0.4
"""So often a step that is not done yet says that it goes on; whoever pulls the work can close it then."""

T = TypeVar("T")


class Left(RuntimeError):
    """The step was left: nobody waits for its result."""


class Aside:
    """One thread that does steps one after the other; ``with Aside(network) as aside: yield from aside.done(step)``.

    Closing the work between two beats leaves the step: a network of Python layers stops at its next layer; a compiled
    one (TorchScript) runs on to the end of its tile, unheard, and its memory is free then.
    """

    def __init__(self, network: nn.Module) -> None:
        self._left = threading.Event()
        self._busy = False
        self._wanted: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        self._hooks = [layer.register_forward_pre_hook(self._ask) for layer in _layers(network)]
        self._thread = threading.Thread(target=self._work, name="one tile", daemon=True)

    def __enter__(self) -> "Aside":
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._left.set()
        self._wanted.put(None)
        if not self._busy:
            self._thread.join()  # at once: it waits for nothing else

    def done(self, step: Callable[[], T], beat: Progress) -> Work[T]:
        """Do a step and return what it made; says `beat` while it takes its time."""
        self._busy = True
        self._wanted.put(step)
        while True:
            try:
                made, problem = self._answers.get(timeout=BEAT_S)
            except queue.Empty:
                yield beat
                continue
            self._busy = False
            if problem is not None:
                raise problem
            result: T = made
            return result

    def _ask(self, *call: object) -> None:
        if self._left.is_set() and threading.current_thread() is self._thread:
            raise Left

    def _work(self) -> None:
        try:
            self._do_steps()
        finally:
            for hook in self._hooks:
                hook.remove()

    def _do_steps(self) -> None:
        while (step := self._wanted.get()) is not None:
            try:
                self._answers.put((step(), None))
            except Left:
                return
            except BaseException as problem:
                self._answers.put((None, problem))
                if isinstance(problem, SystemExit | KeyboardInterrupt):
                    raise


def _layers(network: nn.Module) -> list[nn.Module]:
    """The layers that can be asked in passing; those of a compiled network cannot."""
    compiled = type(network).__name__ in ("RecursiveScriptModule", "TopLevelTracedModule")
    return [] if compiled else [one for one in network.modules() if not list(one.children())]
