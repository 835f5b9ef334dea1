"""One training in several processes, on several GPUs or machines: one leads, the others help it to make its steps.

Each process takes its share of every batch; the gradients are averaged over the samples before the weights change, so
that the result is that of one process with the same batch (but for the order of additions, and for batch norm, which
sees a process's share). The leader alone decides, validates and writes: it says before each step which one it is, and
hands its whole state over wherever it did not come from such a step. Started by torchrun, whose variables name the
processes. DistributedDataParallel would do for one loss and one backward pass; a task yields several.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from medviz.parameters import plain
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.task import Task

PATIENCE = timedelta(days=7)
"""So long the others wait for the leader: while it validates, is paused, or waits for a disk."""
END, STEP, TURN = 0, 1, 2


@dataclass(frozen=True)
class Head:
    """What the leader says before a step: which one, and whether its state follows."""

    kind: int
    number: int = 0
    epoch: int = 0
    place: int = 0
    factor: float = 1.0
    state: bool = False
    text: str = ""


class Ranks:
    """The processes of a run, as one of them sees it. Alone it does nothing.

    `place` is the step within the epoch that comes next, `weight` how many samples this process has in it; `empty` says
    that it has none and others stand in.
    """

    rank, count = 0, 1

    def __init__(self) -> None:
        self.place = 0
        self.weight, self.empty = 1, False
        self.joined = self.in_step = False

    @property
    def many(self) -> bool:
        """True where the work is shared."""
        return self.count > 1

    @property
    def chance(self) -> tuple[int, ...]:
        """What makes this process's chance in a step another than the leader's."""
        return (self.rank,) if self.rank else ()

    def begin(self, learner: Any, number: int, factor: float, epoch: int) -> None:
        """Say that a step begins."""

    def weigh(self, samples: int) -> None:
        """Take note of how many samples this process has in the step; none where they are only a stand-in."""
        self.weight = 0 if self.empty else samples

    def stale(self) -> None:
        """Take note that the learner's state came from elsewhere than a step."""

    def turned(self, task: Task, samples: bool) -> None:
        """Say that fields of the task were turned."""

    def join(self, weights: Sequence[nn.Parameter]) -> None:
        """Average the gradients of all processes, each as much as it has samples."""

    def settle(self, network: nn.Module, readings: dict[str, Tensor]) -> dict[str, Tensor]:
        """Average what was read, and the running statistics of the network; the step is done."""
        return readings

    def end(self) -> None:
        """Say that no step comes any more."""


class Several(Ranks):
    """One of several processes."""

    def __init__(self) -> None:
        super().__init__()
        self.rank, self.count = dist.get_rank(), dist.get_world_size()

    def join(self, weights: Sequence[nn.Parameter]) -> None:
        """Average the gradients of all processes in one go."""
        if not weights:
            return
        self.joined = True
        grads = [torch.zeros_like(one) if one.grad is None else one.grad for one in weights]
        here = torch.tensor([one.grad is not None for one in weights], dtype=torch.float32, device=grads[0].device)
        flat = torch.cat([*(one.float().reshape(-1) for one in grads), torch.ones_like(here[:1])]) * self.weight
        flat = torch.cat([flat, here])
        _shared(flat)
        sums, samples, there = flat[: -len(weights) - 1], flat[-len(weights) - 1], flat[-len(weights) :]
        absent = [False] * len(weights) if all(one.grad is not None for one in weights) else (there == 0).tolist()
        parts = torch.split(sums / samples, [one.numel() for one in weights])
        for weight, part, nowhere in zip(weights, parts, absent, strict=True):
            weight.grad = None if nowhere else part.view_as(weight).to(weight.dtype)

    def settle(self, network: nn.Module, readings: dict[str, Tensor]) -> dict[str, Tensor]:
        """Average readings and running statistics in one go."""
        buffers = [one for one in network.buffers() if one.is_floating_point()]
        held = [*(one.detach().float().reshape(-1) for one in (*readings.values(), *buffers))]
        flat = torch.cat([*held, torch.ones_like(held[0][:1])]) * self.weight
        _shared(flat)
        parts = torch.split(flat[:-1] / flat[-1], [len(one) for one in held])
        for buffer, part in zip(buffers, parts[len(readings) :], strict=True):
            buffer.copy_(part.view_as(buffer))
        self.in_step = False
        return {name: part[0] for name, part in zip(readings, parts, strict=False)}


class Leader(Several):
    """The process that trains; the others do what it says."""

    def __init__(self) -> None:
        super().__init__()
        self._stale, self._over = True, False

    def stale(self) -> None:
        """Hand the state over with the next step."""
        self._stale = True

    def begin(self, learner: Any, number: int, factor: float, epoch: int) -> None:
        """Say which step begins, and hand the state over where it is another than the others have."""
        self.joined, self.in_step = False, True
        _tell(Head(STEP, number, epoch, self.place, factor, self._stale))
        if self._stale:
            tensors: dict[str, Tensor] = {}
            text = json.dumps(checkpoints.packed(learner.state(), tensors))
            _give(text.encode())
            _give(save_tensors(tensors))
            self._stale = False

    def turned(self, task: Task, samples: bool) -> None:
        """Hand the turned task over."""
        _tell(Head(TURN, text=json.dumps({"task": plain(task), "samples": samples})))

    def end(self) -> None:
        """Let the others go; where a step broke off halfway they end by themselves, since nobody answers them."""
        if not (self.in_step or self._over):
            self._over = True
            with contextlib.suppress(Refused):
                _tell(Head(END))


class Helper(Several):
    """A process that helps."""

    def begin(self, learner: Any, number: int, factor: float, epoch: int) -> None:
        """Begin a step that the leader has named."""
        self.joined, self.in_step = False, True

    def heard(self) -> Head:
        """Wait for what the leader says next."""
        return _hear()

    def state(self) -> Any:
        """Take the leader's state over."""
        text, tensors = _take(), load_tensors(_take())
        return checkpoints.unpacked(json.loads(text), tensors)


def started(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether torchrun (or another launcher with its variables) has started this process as one of several."""
    size = environment.get("WORLD_SIZE", "1")
    return size.isdecimal() and int(size) > 1 and "RANK" in environment


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """Join the processes that were started with this one; refuses where they cannot reach each other."""
    enough = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    on_gpus = device.type == "cuda" and dist.is_nccl_available() and enough
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpus else "gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as problem:
        fault = f"the processes cannot reach each other ({_first_line(problem)})"
        remedy = "check MASTER_ADDR and MASTER_PORT, and that no firewall stands between"
        raise Refused("torchrun", fault, remedy) from problem
    try:
        yield Helper() if dist.get_rank() else Leader()
    finally:
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()


def checked(ranks: Ranks, batch: int) -> None:
    """Refuse a batch that is smaller than the number of processes."""
    if batch < ranks.count:
        fault = f"{ranks.count} processes cannot share it"
        raise Refused(f"batch={batch}", fault, f"take a batch of {ranks.count} or more")


def _tell(head: Head) -> None:
    text = head.text.encode()
    numbers = [head.kind, head.number, head.epoch, head.place, head.factor, float(head.state), len(text)]
    with _in_words():
        dist.broadcast(torch.tensor(numbers, dtype=torch.float64), 0)
    if text:
        _give(text)


def _hear() -> Head:
    numbers = torch.empty(7, dtype=torch.float64)
    with _in_words():
        dist.broadcast(numbers, 0)
    kind, number, epoch, place, factor, state, length = numbers.tolist()
    text = _take().decode() if length else ""
    return Head(int(kind), int(number), int(epoch), int(place), factor, bool(state), text)


def _give(data: bytes) -> None:
    with _in_words():
        dist.broadcast(torch.tensor([len(data)], dtype=torch.int64), 0)
        dist.broadcast(torch.frombuffer(bytearray(data), dtype=torch.uint8), 0)


def _take() -> bytes:
    length = torch.empty(1, dtype=torch.int64)
    with _in_words():
        dist.broadcast(length, 0)
        data = torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(data, 0)
    return data.numpy().tobytes()


def _shared(flat: Tensor) -> None:
    """Add up over all processes, in place."""
    with _in_words():
        if flat.device.type == "cuda" and "nccl" not in str(dist.get_backend_config()):
            held = flat.cpu()
            dist.all_reduce(held)
            flat.copy_(held)
        else:
            dist.all_reduce(flat)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Say in a sentence that another process is gone."""
    try:
        yield
    except RuntimeError as problem:
        fault = f"another of its {dist.get_world_size()} processes ended"
        remedy = "what was saved is kept; see what that process said, and resume"
        raise Refused("the training", fault, remedy) from problem


def _first_line(problem: BaseException) -> str:
    return next((line.strip() for line in str(problem).splitlines() if line.strip()), type(problem).__name__)
