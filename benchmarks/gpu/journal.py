"""What one visit found, on disk after every entry."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from crosszero.files import atomic_file


class Journal:
    """Rows and checks of each section, in one JSON file.

    Args:
        path: of the file.
        about: the machine, the versions, the command: what is needed to repeat it.

    Attributes:
        content: of the file.
        failed: what did not pass: names of checks, and of sections that broke off.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self._path, self._begun = path, time.monotonic()
        self.content: dict[str, Any] = {**about, "seconds": 0, "sections": []}
        self._section: dict[str, Any] = {}
        self.failed: list[str] = []

    def begin(self, name: str) -> None:
        """Start a section; what follows belongs to it."""
        self._section = {"name": name, "seconds": 0.0, "rows": [], "checks": [], "notes": []}
        self.content["sections"].append(self._section)
        self._started = time.monotonic()

    def end(self) -> None:
        """End a section, and write down how long it took."""
        seconds = time.monotonic() - self._started
        self._section["seconds"] = seconds
        self._write(f"took {seconds:.1f} s")

    def row(self, what: str, **columns: float | str | None) -> None:
        """Add a row to the section's table, its numbers by the name of the column."""
        self._section["rows"].append({"what": what, **columns})
        told = (f"{name} {_short(value)}" for name, value in columns.items() if value is not None)
        self._write(f"{what}: {', '.join(told)}")

    def check(self, what: str, found: float, limit: float) -> None:
        """Add a check: what was found may be as large as the limit; not a number fails."""
        passed = bool(found <= limit)
        entry = {"what": what, "found": float(found), "limit": limit, "passed": passed}
        self._section["checks"].append(entry)
        if not passed:
            self.failed.append(what)
        self._write(f"{'PASS' if passed else 'FAIL'} {what}: {found:.3g}, at most {limit:g}")

    def note(self, text: str) -> None:
        """Add a line of text: why something was left out."""
        self._section["notes"].append(text)
        self._write(text)

    def fail(self, error: BaseException, trace: str) -> None:
        """The section broke off."""
        text = f"{type(error).__name__}: {str(error)[:500]}"
        self._section["error"], self._section["trace"] = text, trace
        self.failed.append(f"section {self._section['name']}")
        self._write(f"FAIL {text}")

    def _write(self, line: str) -> None:
        seconds = time.monotonic() - self._begun
        self.content["seconds"] = round(seconds, 1)
        with atomic_file(self._path) as file:
            json.dump(self.content, file, indent=1, ensure_ascii=False)
        sys.stdout.write(f"[{seconds:6.1f}] {self._section['name']}: {line}\n")
        sys.stdout.flush()


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
