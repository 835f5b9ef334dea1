"""Where a network runs and in which number format, chosen and said in words."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from medviz.refused import Refused


@dataclass(frozen=True)
class Precision:
    """The number format of the network's work. `dtype` None is 32 bit; `scaled` asks for loss scaling (float16)."""

    name: str
    dtype: torch.dtype | None = None
    scaled: bool = False

    def autocast(self, device: torch.device) -> contextlib.AbstractContextManager[object]:
        """Context in which a forward pass takes this precision."""
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(device.type, dtype=self.dtype)


FULL = Precision("32 bit")
_BF16 = Precision("mixed, bfloat16", torch.bfloat16)
_FP16 = Precision("mixed, float16 with loss scaling", torch.float16, scaled=True)


def chosen(wish: str = "auto") -> torch.device:
    """Return the device of this name; "auto" takes an NVIDIA GPU, then an Apple GPU, then the processor.

    "cuda:1" is the second GPU. Where torchrun started several processes, each takes a GPU of its own (LOCAL_RANK).
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    name, _, number = wish.partition(":")
    if wish == "auto":
        name = next(name for name, is_there in there.items() if is_there)
    count = torch.cuda.device_count() if name == "cuda" and there["cuda"] else 1
    if not there.get(name, False) or (number and not (number.isdecimal() and int(number) < count)):
        names = {"cuda": "no NVIDIA GPU that torch can use", "mps": "no Apple GPU"}
        fault = f"there is {'no such device' if number else names.get(name, 'no such device')} here"
        raise Refused(f"device={wish}", fault, "take device=auto or cpu")
    local = os.environ.get("LOCAL_RANK", "")
    if name == "cuda" and not number and count > 1 and local.isdecimal():
        number = str(int(local) % count)
    return torch.device(f"{name}:{number}" if number else name)


def precision_of(wish: str, device: torch.device) -> Precision:
    """Return the number format; "auto" is mixed on an NVIDIA GPU and 32 bit elsewhere.

    float16 needs an NVIDIA GPU; elsewhere it becomes 32 bit (`Precision.name` tells).
    """
    if device.type == "cuda":
        newer = torch.cuda.is_bf16_supported(including_emulation=False)
        return {"32": FULL, "bf16": _BF16, "fp16": _FP16}.get(wish, _BF16 if newer else _FP16)
    return _BF16 if wish == "bf16" and device.type == "cpu" else FULL


def cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_words(device: torch.device) -> str:
    """Name the device as a person knows it, with its memory or threads."""
    if device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        return f"{about.name} ({about.total_memory / 2**30:.0f} GiB)"
    if device.type == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"processor ({threads} thread{'s' if threads > 1 else ''} of {cores()} cores)"


def out_of_memory(problem: BaseException) -> bool:
    """Tell whether an error says that memory ran out, on a GPU or on the processor."""
    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(problem).lower()
    return isinstance(problem, RuntimeError) and ("can't allocate memory" in said or "out of memory" in said)


@contextlib.contextmanager
def leaving_one_core() -> Iterator[None]:
    """Leave one core to the window and to others; the number of threads is put back at the end.

    On two busy cores two threads trained at 8 or at 0.2 steps a second at random, one thread always at about 5; a model
    ran over a scan in 64 s with two threads and in 6 s with one.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(min(threads, max(1, cores() - 1)))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def considerate(deterministic: bool) -> Iterator[None]:
    """Leave one core to the window while training; set determinism; put all back at the end."""
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = deterministic, not deterministic
    try:
        with leaving_one_core(), _deterministic() if deterministic else contextlib.nullcontext():
            yield
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    """Take only operations that give the same bits each time (the switch itself costs 2 s of imports)."""
    was = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was[0], warn_only=was[1])
