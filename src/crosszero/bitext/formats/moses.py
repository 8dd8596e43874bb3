"""The Moses convention: two files, ``corpus.en`` and ``corpus.fr``, aligned by line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crosszero.bitext.formats.multiway import MultiwayReader
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError


class MosesReader(MultiwayReader):
    """Read two files that are aligned line by line, plain or gzip.

    Args:
        paths: the file of the first language and that of the second, or their prefix. Where names
            tell the languages, `languages` only say which comes first.
        languages, skip_log: as in :class:`MultiwayReader`.

    Raises:
        ConfigError: the languages are not known, are not those of the names, or are not two.
        DataError: as in :class:`MultiwayReader`.

    Example:
        >>> reader = MosesReader("corpus.en", "corpus.fr")  # doctest: +SKIP
    """

    format = "moses"

    def __init__(
        self,
        *paths: str | Path,
        languages: Sequence[str] | None = None,
        skip_log: SkipLog | None = None,
    ) -> None:
        super().__init__(*paths, languages=languages, skip_log=skip_log)
        if len(self.languages) != 2:
            raise ConfigError(
                f"{self.name}: {' '.join(self.languages)} are {len(self.languages)} languages, the "
                "format moses has two: name two, or use --format multiway for all of them"
            )
