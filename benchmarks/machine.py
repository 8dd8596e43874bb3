"""What the machine can do and what it is: GEMM peak, memory peak, processor, versions."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from crosszero import memory
from crosszero.memory import reset_memory as reset_memory

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
_PACKAGES = (
    "crosszero", "torch", "transformers", "tokenizers", "numpy", "sil-thot",
    "sentence-transformers", "faiss-cpu", "simalign",
)  # fmt: skip


def measure_gemm(
    precision: str, *, size: int = 2048, repeats: int = 8, device: str | torch.device = "cpu"
) -> float:
    """Measure the best speed of a square matrix product, the most that a training could reach.

    Args:
        precision: ``fp32`` or ``bf16``.
        size: rows and columns of the two matrices.
        repeats: products timed; the fastest counts.
        device: where.

    Returns:
        10^9 floating point operations per second.
    """
    import torch

    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    a, b = (torch.rand(size, size, device=device).to(kind) for _ in range(2))
    out = torch.empty_like(a)
    best = float("inf")
    for _ in range(repeats + 1):
        finish(device)
        begun = time.perf_counter()
        torch.mm(a, b, out=out)
        finish(device)
        best = min(best, time.perf_counter() - begun)
    return 2 * size**3 / best / 1e9


def finish(device: str | torch.device) -> None:
    """Wait for what is queued on an accelerator: before a clock is read."""
    import torch

    if torch.device(device).type != "cpu":
        torch.get_device_module(device).synchronize()


def set_threads(threads: int) -> None:
    """Give torch, BLAS and faiss the same number of threads."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    threadpool_limits(threads)
    os.environ["RAYON_NUM_THREADS"] = str(threads)  # of the tokenisers


def run_apart(function: Callable[..., T], *arguments: Any, here: bool = False) -> T:
    """Call a function in a new process, whose memory nobody else has used.

    With `here` in this one: of a quick run, starting another takes longer than what it does.
    """
    if here:
        return function(*arguments)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_memory() -> float:
    """Most resident memory since :func:`reset_memory`, in GB."""
    return memory.peak_memory() / 1e3


def describe_machine() -> dict[str, Any]:
    """Processor, cores and system."""
    from crosszero.model.precision import read_cpu

    name, _ = read_cpu()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"cpu": name, "cores": os.cpu_count(), "system": platform.system(), "load": load}


def list_versions() -> dict[str, str]:
    """Python and the packages that take part; a package that is missing is left out."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def read_commit() -> str:
    """Name the commit that runs, with ``+`` behind it if files were changed since."""
    folder = Path(__file__).parent
    git = ["git", "-C", str(folder)]
    try:
        name = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], **_QUIET).stdout.strip()
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], **_QUIET).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{name}+" if changed else name


_QUIET: dict[str, Any] = {"capture_output": True, "text": True, "check": True}
