"""What a run takes of the machine: processor, memory, GPU, and the time it waits for samples."""

import time

import psutil
import torch

READ_EVERY_S = 2.0
SEEK_EVERY_S = 30.0
"""Looking for child processes goes through all that run on the machine, which takes 10 ms and more."""
_MIB = 2**20


class Machine:
    """Reads, every two seconds, what this process takes, and with `helped` its loader processes; in a millisecond."""

    def __init__(self, device: torch.device, helped: bool = False) -> None:
        self.device, self.helped = device, helped
        self._own = psutil.Process()
        self._all, self._sought_s = [self._own], -SEEK_EVERY_S
        self._read_s = time.monotonic()
        self._waited_s = 0.0
        self._cpu_s = self._used_s()
        self._tells_use = device.type == "cuda"

    def due(self) -> bool:
        """Tell whether it is time."""
        return time.monotonic() - self._read_s >= READ_EVERY_S

    def read(self, waited_s: float) -> dict[str, float]:
        """Return curve name → value since the last time; `waited_s` is what was waited for samples in all.

        The processor's per cent are of one core, as ``top`` gives them.
        """
        now_s, cpu_s = time.monotonic(), self._used_s()
        passed_s = max(now_s - self._read_s, 1e-6)
        found = {
            "machine/processor (%)": 100 * max(0.0, cpu_s - self._cpu_s) / passed_s,
            "machine/memory (MiB)": self._held() / _MIB,
            "machine/waiting for samples (%)": min(100.0, 100 * (waited_s - self._waited_s) / passed_s),
            **self._gpu(),
        }
        self._read_s, self._cpu_s, self._waited_s = now_s, cpu_s, waited_s
        return found

    def waited(self, waited_s: float) -> float:
        """Share of the time since the last reading that was waited for samples."""
        return (waited_s - self._waited_s) / max(time.monotonic() - self._read_s, 1e-6)

    def _family(self) -> list[psutil.Process]:
        if self.helped and time.monotonic() - self._sought_s > SEEK_EVERY_S:
            self._sought_s = time.monotonic()
            try:
                self._all = [self._own, *self._own.children(recursive=True)]
            except psutil.Error:
                self._all = [self._own]
        return self._all

    def _used_s(self) -> float:
        total = 0.0
        for one in self._family():
            try:
                spent = one.cpu_times()
                total += spent.user + spent.system
            except psutil.Error:
                continue
        return total

    def _held(self) -> float:
        total = 0.0
        for one in self._family():
            try:
                total += one.memory_info().rss
            except psutil.Error:
                continue
        return total

    def _gpu(self) -> dict[str, float]:
        if self.device.type == "mps":
            return {"machine/GPU memory (MiB)": torch.mps.driver_allocated_memory() / _MIB}
        if self.device.type != "cuda":
            return {}
        free, whole = torch.cuda.mem_get_info(self.device)
        found = {"machine/GPU memory (MiB)": (whole - free) / _MIB}
        if self._tells_use:
            try:
                found["machine/GPU (%)"] = float(torch.cuda.utilization(self.device))
            except (ModuleNotFoundError, RuntimeError):  # it needs NVIDIA's own library (nvidia-ml-py)
                self._tells_use = False
        return found
