"""The Moses convention: two files, ``corpus.en`` and ``corpus.fr``, aligned by line."""

from __future__ import annotations

from collections.abc import Sequence

from crosszero.bitext.formats.multiway import MultiwayReader
from crosszero.errors import ConfigError


class MosesReader(MultiwayReader):
    """Read two files that are aligned line by line, or their prefix."""

    format = "moses"
    options = ()

    def look(self, languages: Sequence[str] | None) -> Sequence[str]:
        found = super().look(languages)
        if len(found) != 2:
            raise ConfigError(
                f"{self.name}: {' '.join(found)} are {len(found)} languages, the format moses has "
                "two: name two, or use --format multiway for all of them"
            )
        return found
