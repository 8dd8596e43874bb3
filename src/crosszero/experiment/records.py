"""One JSON file for each measurement: the scores, and all that is needed to make them again."""

from __future__ import annotations

import dataclasses
import json
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from crosszero.errors import CrosszeroError
from crosszero.files import atomic_file
from crosszero.tasks.task import Score, average, read_score

_PACKAGES = ("crosszero", "torch", "transformers", "tokenizers", "numpy", "accelerate")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one system scored on one task with one seed.

    Attributes:
        system, task, seed: which measurement.
        scores: per language.
        key: hash of everything that the scores depend on: settings, encoder, data.
        data_hash: of the files of the task.
        date: ISO 8601, when it was done.
        seconds: wall clock, fine-tuning included; but for a model that was ready, because a run
            was stopped between it and the record. Training of the encoder is not in it.
        peak_memory: most resident memory of the process during the measurement, MB.
        versions: of the packages that matter, and of Python.
        machine: processor and number of threads.
        commit: of the source, or empty where it is not in a repository.
    """

    system: str
    task: str
    seed: int
    scores: tuple[Score, ...]
    key: str
    data_hash: str
    date: str
    seconds: float
    peak_memory: float
    versions: dict[str, str]
    machine: str
    commit: str


def write_record(record: Record, path: str | Path) -> None:
    """Write a record, whole or not at all."""
    content = dataclasses.asdict(record)
    with atomic_file(path) as file:
        json.dump(content, file, indent=1, ensure_ascii=False)


def write_scores(scores: Sequence[Score], path: str | Path) -> None:
    """Write plain scores and their means over languages, whole or not at all."""
    content = {"mean": average(scores), "scores": [dataclasses.asdict(score) for score in scores]}
    with atomic_file(path) as file:
        json.dump(content, file, indent=1, ensure_ascii=False)


def read_record(path: str | Path) -> Record:
    """Read a record.

    Raises:
        CrosszeroError: it is missing or damaged.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        content["scores"] = tuple(map(read_score, content["scores"]))
        return Record(**content)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CrosszeroError(f"{path}: no record can be read there; remove it") from error


def read_records(folder: str | Path) -> list[Record]:
    """Read all records of a suite, in the order of their names.

    Raises:
        CrosszeroError: there are none, or one is damaged.
    """
    found = [read_record(path) for path in sorted(Path(folder).glob("*.json"))]
    if not found:
        raise CrosszeroError(f"{folder}: no records there; run 'crosszero suite' first")
    return found


def describe_versions() -> dict[str, str]:
    """Versions of the packages that a score may depend on."""
    found = {name: metadata.version(name) for name in _installed(_PACKAGES)}
    return {"python": platform.python_version(), **found}


def _installed(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        yield name


def find_commit() -> str:
    """Commit of the source that runs, with ``+`` where files differ from it; empty if unknown."""
    folder = Path(__file__).parent
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(folder, "status", "--porcelain", "-uno", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
