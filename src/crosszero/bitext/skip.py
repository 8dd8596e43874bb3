"""Skipped text, counted by reason and listed by place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import IO

from crosszero.errors import ConfigError, DataError


class SkipLog:
    """Counts by reason, and the first places, of the text that a reader left out.

    There are two kinds: text that is bad (wrong encoding, an empty side, too few columns), which is
    an error unless bad text shall be skipped; and text that a format's own rule leaves out
    (untranslated or fuzzy catalogue entries), which is never an error.

    Args:
        skip_bad: count bad text and go on. ``False`` raises :class:`DataError` at the first bad
            place and counts only what a format's own rule leaves out.
        keep: how many places to keep in :attr:`entries`. Counting goes on after that.
        to: a file that takes every place, one ``file:line: reason`` a line, however many there are;
            leaving the ``with`` block closes it.

    Attributes:
        counts: how often each reason occurred.
        entries: the first `keep` places, as ``file:line: reason``.

    Raises:
        ConfigError: `to` can't be written.

    Example:
        >>> log = SkipLog()
        >>> log.bad("a.tsv", 3, "empty side", "column 1 is empty")
        >>> log.summary()
        '1 skipped: empty side 1 (first: a.tsv:3: empty side)'
    """

    def __init__(
        self, *, skip_bad: bool = True, keep: int = 1000, to: str | Path | None = None
    ) -> None:
        self.skip_bad, self.keep = skip_bad, keep
        self.counts: Counter[str] = Counter()
        self.entries: list[str] = []
        self._file: IO[str] | None = None
        if to is not None:
            try:
                self._file = Path(to).open("w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - __exit__ closes it
            except OSError as error:
                problem = f"the list of skipped lines can't be written ({error.strerror})"
                raise ConfigError(f"{to}: {problem}") from error

    @property
    def total(self) -> int:
        """How many places were left out, for whatever reason."""
        return self.counts.total()

    def bad(self, path: str | Path, line: int | None, reason: str, message: str) -> None:
        """Record bad text by its reason, or raise the message (DataError) if `skip_bad` is off."""
        if not self.skip_bad:
            raise DataError(path, f"{message}; or leave such text out with --skip-bad", line=line)
        self.leave_out(path, line, reason)

    def leave_out(self, path: str | Path, line: int | None, reason: str) -> None:
        """Record text that a format's own rule leaves out. Never raises."""
        self.counts[reason] += 1
        entry = f"{path}: {reason}" if line is None else f"{path}:{line}: {reason}"
        if len(self.entries) < self.keep:
            self.entries.append(entry)
        if self._file is not None:
            self._file.write(entry + "\n")

    def summary(self) -> str:
        """Say all counts in one line, the most frequent first; empty if nothing was left out."""
        if not self.counts:
            return ""
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.counts.most_common())
        first = f" (first: {self.entries[0]})" if self.entries else ""
        return f"{self.total:,} skipped: {reasons}{first}"

    def __enter__(self) -> SkipLog:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
