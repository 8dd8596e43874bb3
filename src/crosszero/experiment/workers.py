"""Calls run side by side, each in its own process.

On few cores, processes with few threads each waste much less time than one process whose threads
wait for each other. Each call gets a new process, so that the peak memory is that of the call, and
a process that dies takes nothing else with it. A worker draws no progress bars; this process writes
its log lines, after the name of the call.
"""

from __future__ import annotations

import io
import logging
import logging.handlers
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from crosszero.errors import CrosszeroError

T = TypeVar("T")
_PATIENCE = 10  # seconds that a worker gets to tidy up when it is told to stop
_log = logging.getLogger("crosszero")


def run_side_by_side(
    function: Callable[..., T], calls: Mapping[str, tuple[Any, ...]], *, jobs: int
) -> Iterator[tuple[str, T]]:
    """Call a function with many arguments, some calls at a time, in processes that are spawned.

    Args:
        function: of a module, so that a process can find it.
        calls: name and arguments of each call.
        jobs: how many at a time. Each gets the cores divided by `jobs` as threads, at least one.

    Yields:
        Name and result of each call, as they are finished.

    Raises:
        CrosszeroError: a process died.
        Exception: what a call raised. The others are stopped.
    """
    waiting = list(calls.items())[::-1]
    running: dict[Future[T], _Worker[T]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                name, arguments = waiting.pop()
                with _threads(count_threads(jobs)):
                    worker = _Worker(name, function, arguments)
                running[worker.future] = worker
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running[future].name, running.pop(future).finish()
    finally:
        for worker in running.values():
            worker.terminate()
        for worker in running.values():
            worker.join()


def count_threads(jobs: int) -> int:
    """Threads that each of some processes gets: the cores divided among them, at least one."""
    usable = getattr(os, "sched_getaffinity", None)  # only some systems can limit the cores
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return max(1, cores // jobs)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Processes that are started now compute with so many threads."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(count)
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


class _Worker(Generic[T]):
    """A pool of one process for one call: if it dies, it is known which one it was."""

    def __init__(self, name: str, function: Callable[..., T], arguments: tuple[Any, ...]) -> None:
        spawn = multiprocessing.get_context("spawn")
        lines, other_end = spawn.Pipe(duplex=False)
        others = set(multiprocessing.active_children())
        self.name = name
        self._pool = ProcessPoolExecutor(1, spawn, initializer=_set_up, initargs=(other_end,))
        self.future = self._pool.submit(function, *arguments)
        self._process: BaseProcess | None = None
        for process in set(multiprocessing.active_children()) - others:
            self._process = process
        other_end.close()  # so that the end of the process ends the pipe
        self._reader = threading.Thread(target=self._repeat, args=(lines,), daemon=True)
        self._reader.start()

    def _repeat(self, lines: Connection) -> None:
        with suppress(EOFError):
            while True:
                level, message = lines.recv()
                _log.log(level, "%s: %s", self.name, message)

    def finish(self) -> T:
        """Give what the call gave, after its last log line."""
        self._pool.shutdown()
        self._reader.join()
        try:
            return self.future.result()
        except BrokenProcessPool:
            code = self._process.exitcode if self._process else None
            reason = f"signal {-code}" if code and code < 0 else f"exit status {code}"
            raise CrosszeroError(
                f"{self.name}: its process died ({reason}); if memory ran out, use fewer jobs. "
                "Start again to continue; finished work is kept"
            ) from None

    def terminate(self) -> None:
        """Tell the process to end, which removes what is half-written."""
        if self._process is not None:
            self._process.terminate()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def join(self) -> None:
        """Wait for the end of a process that was told to end; kill it if it takes long."""
        if self._process is not None:
            self._process.join(_PATIENCE)
            self._process.kill()
        self._pool.shutdown()


class _Handover(logging.handlers.QueueHandler):
    """Sends log lines to the process that started this one."""

    def enqueue(self, record: logging.LogRecord) -> None:
        self.queue.send((record.levelno, record.getMessage()))  # type: ignore[attr-defined]


class _NoTerminal(io.TextIOWrapper):
    """Standard error on which nobody draws progress bars."""

    def isatty(self) -> bool:
        return False


def _set_up(connection: Any) -> None:
    """What a worker does first."""

    def follow_parent() -> None:
        # die when the first process was killed: a new one may soon write to the same folders
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os.kill(os.getpid(), signal.SIGKILL)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C reaches the first process, which stops us
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is half-written is removed
    threading.Thread(target=follow_parent, daemon=True).start()
    sys.stderr = _NoTerminal(sys.stderr.buffer, errors="backslashreplace", line_buffering=True)
    _log.setLevel(logging.INFO)
    _log.addHandler(_Handover(connection))
    _log.propagate = False
