"""One JSON file per measurement: the scores, and everything needed to reproduce them."""

from __future__ import annotations

import dataclasses
import json
import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch

from crosszero.config import read_json
from crosszero.files import atomic_file
from crosszero.tasks.score import Score

_PACKAGES = ("crosszero", "torch", "transformers", "tokenizers", "numpy", "accelerate")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one system scored on one task with one seed.

    Attributes:
        system, task, seed: which measurement.
        scores: per language.
        key: hash of everything that the scores depend on: settings, encoder, data.
        origin_key: the same, with what an encoder was trained from in place of its weights: the
            record still counts when the encoder is gone. Empty where none was trained.
        data_hash: of the files of the task.
        date: ISO 8601, when it was done.
        seconds: wall clock, fine-tuning included; but for a model that was ready, because a run
            was stopped between it and the record. Training of the encoder is not in it.
        peak_memory: most resident memory of the process during the measurement, MB.
        versions: of the packages that matter, and of Python.
        machine: processor, number of threads, and GPU if there is one.
        commit: of the source, or empty where it is not in a repository.
        languages: or pairs of them, as they were asked for; none for all.
        layer, pooling: how the encoder was read; none where it was fine-tuned, or in a record of
            version 0.1.
    """

    system: str
    task: str
    seed: int
    scores: tuple[Score, ...]
    key: str = ""
    origin_key: str = ""
    data_hash: str = ""
    date: str = ""
    seconds: float = 0.0
    peak_memory: float = 0.0
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    machine: str = ""
    commit: str = ""
    languages: tuple[str, ...] | None = None
    layer: int | None = None
    pooling: str | None = None


def write_record(record: Record, path: str | Path) -> None:
    """Write a record, whole or not at all."""
    with atomic_file(path) as file:
        json.dump(dataclasses.asdict(record), file, indent=1, ensure_ascii=False)


def read_record(path: str | Path) -> Record:
    """Read a record; DataError if it is missing or damaged."""
    return read_json(path, Record, "remove it to measure it again")


def describe_versions() -> dict[str, str]:
    """Versions of the packages that a score may depend on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def describe_machine() -> str:
    """Processor, number of threads, and the GPU if there is one."""
    found = f"{platform.machine()}, {torch.get_num_threads()} threads"
    return f"{found}, {torch.cuda.get_device_name()}" if torch.cuda.is_available() else found


def find_commit() -> str:
    """Commit of the source that runs, with ``+`` where files differ from it; empty if unknown."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if git("status", "--porcelain", "-uno", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return ""
