"""Processes that are killed in the middle of a command, without the seconds that imports take.

One process imports everything and then makes a child of itself for each command. A child is a
process like any other; it is told the change of the disk before which it sends itself a signal.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.reliability.desk import call

CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link"}
WRITING = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True)
class Ended:
    """How a command ended: status (below 0: the signal), changes of the disk, what it told."""

    status: int
    changes: int
    told: str


class Stage:
    """Runs commands.

    Example:
        >>> with contextlib.closing(Stage()) as stage:                  # doctest: +SKIP
        ...     stage.run(["align", "a.en", "a.fr", "--out", "x"], folder, stop_at=3)
    """

    def __init__(self) -> None:
        paths = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        *,
        stop_at: int = 0,
        by: signal.Signals = signal.SIGKILL,
        together: int = 1,
    ) -> list[Ended]:
        """Run a command line in a folder.

        Args:
            arguments: the command line; ``{n}`` in it is the number of the process, from 0.
            folder: where.
            stop_at: the change of the disk before which the process gets the signal; 0 for none.
            by: the signal.
            together: how many processes do it at the same time.
        """
        order = [list(arguments), str(folder), stop_at, int(by), together]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return [Ended(*row) for row in json.loads(self._process.stdout.readline())]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def serve() -> None:
    """Do what is ordered on standard input."""
    import crosszero.cli.learn
    import crosszero.cli.measure
    import crosszero.cli.use
    import crosszero.cli.xtreme
    import crosszero.experiment.engine
    import crosszero.experiment.page.contents
    import crosszero.model.encoder
    import crosszero.tasks.finetune.loop
    import crosszero.training.loop  # noqa: F401

    for line in sys.stdin:
        arguments, folder, stop_at, by, together = json.loads(line)
        children = []
        for number in range(together):
            read, write = os.pipe()
            if not (process := os.fork()):
                own = [argument.replace("{n}", str(number)) for argument in arguments]
                work(own, folder, stop_at, by, write)
            os.close(write)
            children.append((process, read))
        ended = []
        for process, read in children:
            with open(read, "rb") as pipe:  # noqa: PTH123 - a descriptor
                found = pipe.read().decode()
            status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            ended.append([status, *(json.loads(found) if found else [0, ""])])
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


def work(arguments: list[str], folder: str, stop_at: int, by: int, pipe: int) -> None:
    """Run one command, tell how it went, and end."""
    os.chdir(folder)
    changes = 0

    def count(event: str, details: tuple[Any, ...]) -> None:
        nonlocal changes
        if event not in CHANGES or not isinstance(details[0], str | Path):
            return
        if event == "open" and not (details[2] & WRITING):
            return
        if str(details[0]).startswith("/") and not str(details[0]).startswith(folder):
            return
        changes += 1
        if changes == stop_at:
            os.kill(os.getpid(), by)

    told, status = io.StringIO(), 1
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        sys.addaudithook(count)
        try:
            status = call(arguments)
        except BaseException as error:  # the traceback is what the test shows
            told.write(f"Traceback: {error!r}")
    os.write(pipe, json.dumps([changes, told.getvalue()]).encode())
    os._exit(status)


if __name__ == "__main__":
    serve()
