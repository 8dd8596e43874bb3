"""Calls run side by side, in processes.

On few cores, processes with few threads each waste much less time than one process whose threads
wait for each other; on a GPU, several processes keep it busy where one waits for Python. A process
takes one call after the other, and if it dies, that takes nothing else with it. A worker draws no
progress bars; this process writes its log lines, after the name of the call.
"""

from __future__ import annotations

import io
import logging
import logging.handlers
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from types import FrameType
from typing import Any, Generic, TypeVar

from crosszero.errors import CrosszeroError

T = TypeVar("T")
_PATIENCE = 10  # seconds that a worker gets to tidy up when it is told to stop
_log = logging.getLogger("crosszero")


def run_side_by_side(
    function: Callable[..., T],
    calls: Mapping[str, tuple[Any, ...]],
    *,
    jobs: int,
    after: Mapping[str, str] | None = None,
    keep_going: bool = False,
) -> Iterator[tuple[str, T]]:
    """Call a function with many arguments, some calls at a time, in processes that are spawned.

    Args:
        function: of a module, so that a process can find it.
        calls: name and arguments of each call, the most urgent first.
        jobs: how many at a time. Each gets the cores divided by `jobs` as threads, at least one.
        after: name of the call that must have been finished before a call is begun.
        keep_going: if a call fails, log it, leave out those that were to come after it, and do the
            others first.

    Yields:
        Name and result of each call, as they are finished.

    Raises:
        CrosszeroError: a process died.
        TypeError: an argument can't be pickled.
        Exception: what the first call that failed raised. The others are stopped.
    """
    pickle.dumps((function, dict(calls)))  # what can't be handed over would be waited for
    waiting, unfinished, after = dict(calls), set(calls), after or {}
    running: dict[Future[T], _Worker[T]] = {}
    idle: list[_Worker[T]] = []
    failure: Exception | None = None
    try:
        while True:
            for name in [n for n in waiting if after.get(n) not in unfinished]:
                if len(running) == jobs:
                    break
                with _threads(count_threads(jobs)):
                    worker = idle.pop() if idle else _Worker[T]()
                running[worker.begin(name, function, waiting.pop(name))] = worker
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                worker = running.pop(future)
                try:
                    result = worker.finish()
                except Exception as error:
                    if not keep_going:
                        raise
                    _log.error("%s: %s", worker.name, error)
                    failure = failure or error
                    continue
                finally:
                    if worker.alive:
                        idle.append(worker)
                unfinished.remove(worker.name)
                yield worker.name, result
        if failure is not None:
            raise failure
    finally:
        for worker in (*running.values(), *idle):
            worker.terminate()
        for worker in (*running.values(), *idle):
            worker.join()


def count_threads(jobs: int) -> int:
    """Threads that each of some processes gets: the cores divided among them, at least one."""
    usable = getattr(os, "sched_getaffinity", None)  # only some systems can limit the cores
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return max(1, cores // jobs)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Processes that are started now compute with so many threads, and those that idle sleep."""
    wanted = {"OMP_WAIT_POLICY": "passive", **os.environ, "OMP_NUM_THREADS": str(count)}
    before = {name: os.environ.get(name) for name in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS")}
    os.environ.update({name: wanted[name] for name in before})
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


class _Worker(Generic[T]):
    """A pool of one process: if it dies, it is known during which call."""

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._lines, other_end = spawn.Pipe(duplex=False)
        others = set(multiprocessing.active_children())
        self.name, self.alive = "", True
        self._pool = ProcessPoolExecutor(1, spawn, initializer=_set_up, initargs=(other_end,))
        self._pool.submit(int)  # starts the process
        self._process: BaseProcess | None = None
        for process in set(multiprocessing.active_children()) - others:
            self._process = process
        other_end.close()  # so that the end of the process ends the pipe
        self._told: SimpleQueue[None] = SimpleQueue()  # an entry for each call that has ended
        self._reader = threading.Thread(target=self._repeat, daemon=True)
        self._reader.start()

    def _repeat(self) -> None:
        with suppress(EOFError):
            while True:
                if (line := self._lines.recv()) is None:
                    self._told.put(None)
                else:
                    _log.log(line[0], "%s: %s", self.name, line[1])
        self._told.put(None)

    def begin(self, name: str, function: Callable[..., T], arguments: tuple[Any, ...]) -> Future[T]:
        """Hand over a call; `name` stands before its log lines."""
        self.name = name
        self.future = self._pool.submit(_call, function, *arguments)
        return self.future

    def finish(self) -> T:
        """Give what the call gave, after its last log line."""
        self._told.get()
        try:
            return self.future.result()
        except BrokenProcessPool:
            self.alive = False
            self._pool.shutdown()
            self._reader.join()
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


def _call(function: Callable[..., T], *arguments: Any) -> T:
    """What a worker does for a call."""
    try:
        return function(*arguments)
    finally:
        for handler in _log.handlers:
            if isinstance(handler, _Handover):
                handler.queue.send(None)  # type: ignore[attr-defined]


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(
        number, signal.SIG_IGN
    )  # sent to all of us and by the first process, it comes twice
    sys.exit(1)


def _set_up(connection: Any) -> None:
    """What a worker does first."""

    def follow_parent() -> None:
        # die when the first process was killed: a new one may soon write to the same folders
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os.kill(os.getpid(), signal.SIGKILL)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C reaches the first process, which stops us
    signal.signal(signal.SIGTERM, _stop)  # what is half-written is removed
    threading.Thread(target=follow_parent, daemon=True).start()
    sys.stderr = _NoTerminal(sys.stderr.buffer, errors="backslashreplace", line_buffering=True)
    _log.setLevel(logging.INFO)
    _log.addHandler(_Handover(connection))
    _log.propagate = False
