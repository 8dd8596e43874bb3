"""Mini-batches of texts encoded side by side, each on one core.

A small encoder does little work per operation, so cores that share every operation mostly wait for
each other. With one mini-batch per core they wait once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")


def run_in_threads(
    work: Callable[[Item], None], items: Sequence[Item], device: torch.device
) -> None:
    """Call a function with each item; on a CPU several at a time, which share torch's threads.

    On an accelerator, which is one queue, it is one item after the other. The first error that
    `work` raises is raised; what has not begun then is not done.

    Args:
        work: uses torch without gradients, and stores what it finds: each item elsewhere.
        items: the most work first.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(items)) if device.type == "cpu" else 1
    if workers < 2:
        for item in items:
            work(item)
        return
    share = threads // workers
    # Of OpenMP and MKL this sets the threads of the worker alone; what torch remembers for threads
    # that begin later is set back.
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(share,))
    try:
        for future in [pool.submit(work, item) for item in items]:
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
