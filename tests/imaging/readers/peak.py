"""How much memory this process took at the most so far."""

import sys

import psutil

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


def peak_kb() -> int:
    """In kB; macOS counts bytes."""
    if resource is None:
        return int(psutil.Process().memory_info().peak_wset) // 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most
