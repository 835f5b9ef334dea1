"""Numbers that a step leaves on the device, read without holding the device up."""

from collections import deque

import torch
from torch import Tensor


class Readings:
    """A queue of numbers by step. On a CUDA device each is read one step late, so that no step waits for it."""

    def __init__(self, device: torch.device) -> None:
        self._late = device.type == "cuda"
        self._queue: deque[tuple[int, tuple[str, ...], Tensor, torch.cuda.Event | None]] = deque()

    def put(self, step: int, values: dict[str, Tensor]) -> None:
        """Add the numbers of a step (0-dimensional tensors)."""
        stacked = torch.stack([value.detach().float() for value in values.values()])
        event = None
        if self._late:
            stacked = stacked.to("cpu", non_blocking=True)
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
        self._queue.append((step, tuple(values), stacked, event))

    def ready(self, wait: bool = False) -> list[tuple[int, dict[str, float]]]:
        """Return (step, numbers by name) of the steps that are done; with `wait` of all."""
        found = []
        while len(self._queue) > (1 if self._late and not wait else 0):
            step, names, stacked, event = self._queue.popleft()
            if event is not None:
                event.synchronize()
            found.append((step, dict(zip(names, stacked.tolist(), strict=True))))
        return found

    def clear(self) -> None:
        """Forget what was not read."""
        self._queue.clear()
