"""One frozen state behind one door."""

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Store(Generic[T]):
    """Holds a frozen value; whoever listens is told (old, new) and compares what it draws.

    A listener must not change the state while it is being told of a change: that raises RuntimeError. This keeps
    one direction: hand → store → views.
    """

    def __init__(self, state: T) -> None:
        self._state = state
        self._listeners: list[Callable[[T, T], object]] = []
        self._telling = False

    @property
    def state(self) -> T:
        """The value now."""
        return self._state

    def put(self, state: T) -> None:
        """Replace the value and tell all listeners; nothing happens where it is the same value."""
        if self._telling:
            raise RuntimeError("a listener tried to change the state while being told of a change")
        if state is self._state:
            return
        old, self._state = self._state, state
        self._telling = True
        try:
            for listener in tuple(self._listeners):
                listener(old, state)
        finally:
            self._telling = False

    def update(self, **fields: Any) -> None:
        """Replace fields of the value."""
        self.put(dataclasses.replace(self._state, **fields))  # type: ignore[type-var]

    def listen(self, listener: Callable[[T, T], object]) -> Callable[[], None]:
        """Tell `listener` (old, new) of each change from now on; the function returned ends that."""
        self._listeners.append(listener)

        def leave() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return leave
