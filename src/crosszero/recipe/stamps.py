"""Which steps of a chain have to be done: those whose inputs changed or whose output is missing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crosszero import __version__
from crosszero.files import atomic_file, hash_files


class Stamps:
    """Remembers, beside the results, from which inputs each step made its output.

    Args:
        folder: where the stamps stand.

    Example:
        >>> stamps = Stamps("out/.stamps")                          # doctest: +SKIP
        >>> if not stamps.current("prepare", key, [samples]): ...   # doctest: +SKIP
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def current(self, step: str, key: str, outputs: Sequence[Path]) -> bool:
        """Whether a step was done with these inputs and its outputs are still there."""
        return self.begun(step, key, done=True) and all(path.exists() for path in outputs)

    def begun(self, step: str, key: str, *, done: bool = False) -> bool:
        """Whether a step was begun (or done) with these inputs."""
        try:
            record = json.loads((self._folder / f"{step}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(record.get("key") == key and (record.get("done") or not done))

    def write(self, step: str, key: str, *, done: bool) -> None:
        """Note that a step begins with these inputs, or is done."""
        with atomic_file(self._folder / f"{step}.json") as file:
            json.dump({"key": key, "done": done}, file)


def make_key(settings: Mapping[str, Any], files: Sequence[Path] = ()) -> str:
    """Hash settings, contents of files and the version of this library.

    Args:
        settings: plain values.
        files: files and folders; missing ones count by their name (a hub id, say).
    """
    text = json.dumps(settings, sort_keys=True, default=str, ensure_ascii=False)
    digest = hashlib.sha256(f"{__version__}\0{text}".encode())
    for path in files:
        digest.update((hash_files(path) if path.exists() else str(path)).encode())
    return digest.hexdigest()
