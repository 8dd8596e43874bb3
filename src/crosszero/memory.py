"""The most memory that this process has held since one began to look."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_memory() -> None:
    """Begin to look for a new peak (Linux; elsewhere the peak is that of the whole process)."""
    try:
        _RESET.write_text("5", encoding="ascii")
    except OSError:
        return


def peak_memory() -> float:
    """Most resident memory since :func:`reset_memory`, in MB.

    Example:
        >>> reset_memory()
        >>> peak_memory() > 1
        True
    """
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    except OSError:
        found = None
    if found:
        return int(found[1]) / 1e3
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1e6 if sys.platform == "darwin" else 1e3)
