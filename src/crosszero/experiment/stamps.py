"""Which steps of a chain have to be done: those whose inputs changed or whose output is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from crosszero.files import atomic_file


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
