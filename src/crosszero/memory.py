"""Memory of this process: its peak, returning free memory, and pausing the garbage collector."""

from __future__ import annotations

import ctypes
import gc
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


def release_memory() -> None:
    """Give memory that is free inside this process back to the system, where glibc keeps it.

    Between blocks that are in use glibc keeps what was freed. Blocks of ever other sizes do not fit
    into the gaps, so that the process grows although it holds no more than before.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Let the garbage collector rest while many small objects are made, none of them in a cycle.

    Each few hundred new tuples it would look through the youngest objects, and now and then through
    all: a quarter of the time where words are looked up.

    Example:
        >>> with collector_paused():
        ...     pairs = [(n, n + 1) for n in range(1_000_000)]
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
