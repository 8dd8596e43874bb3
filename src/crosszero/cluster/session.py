"""Blocks of work on the processes of a Ray cluster; a process that dies loses nothing.

A corpus is cut into numbered blocks. Each worker process (an actor of Ray Data) takes the numbers,
reads a block from a folder that all machines see, and writes one file named after the number:
completely or not at all, and with the same bytes each time. Only numbers and counts go through Ray.
A block is also the unit of repetition: Ray restarts killed processes and hands out their blocks
again, without limit. Only this side, the driver, joins the blocks in order and gives the result its
name.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import crosszero
from crosszero.errors import ConfigError, CrosszeroError, MissingExtraError
from crosszero.locks import made_folder

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")

_OWN = {  # of a cluster that we start
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    # On a machine that is busy, or slow, Python needs more than the half minute that Ray waits.
    "RAY_agent_register_timeout_ms": "600000",
    "RAY_worker_register_timeout_seconds": "600",
}


class Job(ABC):
    """What the workers do. Pickled once and sent to all of them."""

    def start(self) -> None:  # noqa: B027 - few jobs need it
        """Load what a worker needs; called once in each process, and again after a restart."""

    @abstractmethod
    def do(self, number: int, block: Any) -> dict[str, Any]:
        """Do one block, and write its result to a file of its own.

        `number` counts the blocks from 0, `block` is what the driver says of it. What is returned
        goes back to the driver. Both must be small, and such as JSON carries.
        """


class Cluster:
    """A Ray cluster, to be used in a ``with`` block.

    Args:
        address: ``auto`` (the cluster that runs on this machine or that ``RAY_ADDRESS`` names),
            ``HOST:PORT``, or ``local``: a new one on this machine, which ends with the block. A Ray
            session that this process has opened already is used as it is.
        cores: cores, and threads, of a worker process.
        cpus: cores that a ``local`` cluster may use in all; ``None``: all of this machine.

    Raises:
        ConfigError: `cores` or `cpus` is below 1, or the cluster has fewer than `cores`.
        CrosszeroError: no cluster answers at the address.
        MissingExtraError: Ray is not installed.

    Example:
        >>> with Cluster("local") as cluster:                                # doctest: +SKIP
        ...     prepare(pairs, out="samples", fill=ClusterFill(cluster))
    """

    def __init__(self, address: str = "auto", *, cores: int = 1, cpus: int | None = None) -> None:
        if cores < 1 or (cpus is not None and cpus < 1):
            raise ConfigError(f"cores and cpus must be at least 1, not {cores} and {cpus}")
        self.address, self.cores, self.cpus = address, cores, cpus
        self.workers = 0
        self._ours = False

    def __enter__(self) -> Cluster:
        try:
            import ray
            import ray.data
        except ImportError as error:
            raise MissingExtraError("ray[data]", "cluster", "work on a cluster") from error
        if not ray.is_initialized():
            self._connect()
            self._ours = True
        self.workers = int(ray.cluster_resources().get("CPU", 0)) // self.cores
        if not self.workers:
            self.__exit__(None, None, None)
            raise ConfigError(
                f"no machine of the Ray cluster {self.address} has {self.cores} cores for a "
                "worker: use fewer cores, or add machines"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        import ray

        if self._ours:
            ray.shutdown()
            self._ours = False

    def run(self, job: Job, blocks: Sequence[Any]) -> Iterator[dict[str, Any]]:
        """Do the blocks (as JSON carries them), and give their records in order, as they come.

        Raises:
            CrosszeroError: the job can't be pickled, or raised such an error for a block.
        """
        if not blocks:
            return
        import ray
        from ray.data import ActorPoolStrategy, DataContext, from_items

        try:
            shared = ray.put(job)
        except TypeError as error:
            raise CrosszeroError(f"can't be sent to other processes: {error}") from error
        items = [{"number": i, "block": json.dumps(block)} for i, block in enumerate(blocks)]
        context = DataContext.get_current().copy()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        with DataContext.current(context):
            rows = from_items(items, override_num_blocks=len(items)).map(
                _Worker,
                fn_constructor_args=[[shared]],
                compute=ActorPoolStrategy(size=min(self.workers, len(blocks))),
                num_cpus=self.cores,
                runtime_env={"env_vars": self._environment()},
                max_restarts=-1,
                max_task_retries=-1,
            )
            for expected, row in enumerate(rows.iter_rows()):
                if row["error"]:
                    raise CrosszeroError(row["error"])
                if row["number"] != expected:
                    raise RuntimeError(f"block {expected} expected, {row['number']} came")
                yield json.loads(row["record"])

    def _connect(self) -> None:
        import ray

        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self.address == "local":
            for name, value in _OWN.items():
                os.environ.setdefault(name, value)
            try:
                ray.init("local", num_cpus=self.cpus, include_dashboard=False, **quiet)
            except Exception as error:  # Ray has no class of its own for it
                ray.shutdown()
                raise CrosszeroError(
                    f"Ray did not start on this machine ({error}): if it is busy, try again later"
                ) from error
            return
        try:
            if self.address != "auto":  # is anybody there? Ray asks for minutes before it gives up
                host, _, port = self.address.rpartition(":")
                socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
            ray.init(self.address, **quiet)
        except (OSError, ValueError) as error:
            raise CrosszeroError(
                f"no Ray cluster answers at {self.address!r}: start one with 'ray start --head' "
                "(and 'ray start --address=HOST:PORT' on the other machines), or use 'local'"
            ) from error

    def _environment(self) -> dict[str, str]:
        """Variables of a worker: its share of the cores, and where this library stands."""
        paths = [str(Path(crosszero.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        threads = dict.fromkeys(_THREADS, str(self.cores))
        return {**threads, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


@contextmanager
def work_folder(beside: str | Path) -> Iterator[Path]:
    """Give a folder for what driver and workers hand each other; it goes when the block ends.

    It is made in the folder `beside`; CrosszeroError if nothing can be written there.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(made_folder(Path(beside)))
            work = tempfile.TemporaryDirectory(prefix=".cluster-", dir=os.path.realpath(beside))
        except OSError as error:
            raise CrosszeroError(f"{beside}: can't be written ({error.strerror})") from error
        yield Path(stack.enter_context(work))


def name_part(folder: Path, number: int, suffix: str) -> Path:
    """Name the file that the result of a block stands in."""
    return folder / f"block-{number:08d}{suffix}"


class _Worker:
    """Does blocks in a process of the cluster."""

    def __init__(self, shared: list[Any]) -> None:
        import ray

        self._job: Job = ray.get(shared[0])
        self._error = ""
        try:
            self._job.start()
        except CrosszeroError as error:
            self._error = str(error)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        number, record, error = int(row["number"]), {}, self._error
        if not error:
            try:
                record = self._job.do(number, json.loads(row["block"]))
            except CrosszeroError as problem:
                error = str(problem)
        return {"number": number, "record": json.dumps(record), "error": error}
