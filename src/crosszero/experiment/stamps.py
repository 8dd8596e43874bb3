"""Which steps have to be done: those whose inputs changed or whose output is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crosszero.files import atomic_file


class Stamp:
    """Remembers, beside the results, from which inputs a step made its output.

    Args:
        out: folder of the experiment.
        step: name of the step.
    """

    def __init__(self, out: str | Path, step: str) -> None:
        self._path = Path(out) / ".stamps" / f"{step}.json"

    def is_begun(self, key: str, *, done: bool = False) -> bool:
        """Whether the step was begun (or done) with inputs of this hash."""
        try:
            content: Any = json.loads(self._path.read_text(encoding="utf-8"))
            return bool(content["key"] == key and (content["done"] or not done))
        except (OSError, ValueError, TypeError, KeyError):
            return False

    def write(self, key: str, *, done: bool) -> None:
        """Note that the step begins with these inputs, or is done."""
        with atomic_file(self._path) as file:
            json.dump({"key": key, "done": done}, file)
