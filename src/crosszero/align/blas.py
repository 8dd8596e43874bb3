"""BLAS on one thread: the matrices of a sentence pair are too small to be shared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

_lock = Lock()
_limits: list[Any] = []  # the first that came in has set it, and the others hold it, too


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let NumPy multiply matrices on the calling thread alone.

    By default BLAS shares the product of two sentences among all cores, which wait for each other
    for longer than it takes to compute. Several threads may be in such a context at once; when the
    last of them leaves, all is as before.
    """
    with _lock:
        first = _limits[0] if _limits else _find_pools().limit(limits=1, user_api="blas")
        _limits.append(first)
    try:
        yield
    finally:
        with _lock:
            limit = _limits.pop()
            if not _limits:
                limit.restore_original_limits()


@lru_cache(maxsize=1)
def _find_pools() -> Any:
    return ThreadpoolController()
