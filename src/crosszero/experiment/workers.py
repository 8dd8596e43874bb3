"""Calls side by side, each in a process of its own.

On few cores, processes with few threads each waste much less than one process whose threads wait
for each other. A process is spawned for each call rather than kept, so that its peak memory is that
of the call, and so that one that dies (no memory, say) takes nothing else with it.

A worker draws no progress bars, and its log lines are handed to this process, which writes them
with the name of the call before them.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TextIO, TypeVar

from crosszero.errors import CrosszeroError

T = TypeVar("T")
_PATIENCE = 10  # seconds that a worker gets to tidy up when it is told to stop
_log = logging.getLogger("crosszero")


def run_side_by_side(
    function: Callable[..., T], calls: Mapping[str, tuple[Any, ...]], *, jobs: int
) -> Iterator[tuple[str, T]]:
    """Call a function with many arguments, some calls at a time.

    The program's main module must be importable without side effects (``if __name__ ==
    "__main__"``), as the processes are spawned.

    Args:
        function: of a module, so that a process can find it.
        calls: name and arguments of each call; the names stand before log lines.
        jobs: how many at a time. Each gets the cores divided by `jobs` as threads, at least one.

    Yields:
        Name and result of each call, as they are finished.

    Raises:
        CrosszeroError: what a call raised, or a process died. The others are stopped.
        RuntimeError: a call raised something else: a bug; the message holds its traceback.
    """
    waiting = list(calls.items())[::-1]
    running: dict[Connection, tuple[str, BaseProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                name, arguments = waiting.pop()
                connection, process = _start(name, function, arguments, jobs)
                running[connection] = name, process
            ready = set(wait(list(running)))
            for connection in [one for one in running if one in ready]:
                name, process = running[connection]
                kind, *content = _receive(connection, name, process)
                if kind == "log":
                    level, message = content
                    _log.log(level, "%s: %s", name, message)
                    continue
                del running[connection]
                process.join()
                if kind == "error":
                    raise content[0]
                yield name, content[0]
    finally:
        _stop([process for _, process in running.values()])


def count_threads(jobs: int) -> int:
    """Threads that each of some processes gets: the cores divided among them, at least one."""
    usable = getattr(os, "sched_getaffinity", None)  # only some systems can limit the cores
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return max(1, cores // jobs)


def _start(
    name: str, function: Callable[..., Any], arguments: tuple[Any, ...], jobs: int
) -> tuple[Connection, BaseProcess]:
    spawn = multiprocessing.get_context("spawn")
    connection, other_end = spawn.Pipe(duplex=False)
    process = spawn.Process(
        target=_work, args=(other_end, function, arguments), name=name, daemon=True
    )
    with _threads(count_threads(jobs)):
        process.start()
    other_end.close()  # so that the death of the process ends the pipe
    return connection, process


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Processes that are started now compute with so many threads."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(count)
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _receive(connection: Connection, name: str, process: BaseProcess) -> tuple[Any, ...]:
    try:
        received: tuple[Any, ...] = connection.recv()
    except EOFError:
        process.join()
        code = process.exitcode or 0
        reason = f"signal {-code}" if code < 0 else f"exit status {code}"
        raise CrosszeroError(
            f"{name}: its process died ({reason}); if memory ran out, use fewer jobs. Start again "
            "to go on: what was finished is kept"
        ) from None
    return received


def _stop(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(_PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()


class _Handover(logging.Handler):
    """Sends log lines to the process that started this one."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._connection.send(("log", record.levelno, self.format(record)))
        except OSError:
            self.handleError(record)


class _Plain:
    """Standard error of a worker: no terminal, so that nobody draws progress bars on it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _work(connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C reaches the first process, which stops us
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is half-written is removed
    threading.Thread(target=_follow_parent, daemon=True).start()
    sys.stderr = _Plain(sys.stderr)
    _log.setLevel(logging.INFO)
    _log.addHandler(_Handover(connection))
    _log.propagate = False
    try:
        answer: tuple[str, Any] = "result", function(*arguments)
    except (CrosszeroError, OSError) as error:
        answer = "error", error
    except Exception:
        answer = "error", RuntimeError(f"a worker failed:\n{traceback.format_exc()}")
    connection.send(answer)
    connection.close()


def _follow_parent() -> None:
    """Die when the first process was killed: a new one may soon write to the same folders."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)
