"""Which steps have to be done: those whose inputs changed or whose output is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crosszero.config import read_json
from crosszero.errors import DataError
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
            content = read_json(self._path, dict[str, Any])
        except DataError:
            return False
        return content.get("key") == key and (content.get("done") is True or not done)

    def write(self, key: str, *, done: bool) -> None:
        """Note that the step begins with these inputs, or is done."""
        with atomic_file(self._path) as file:
            json.dump({"key": key, "done": done}, file)
