"""What all readers of parallel text share: languages, pairs, skipping, the final checks.

A format is a subclass of :class:`Reader` in :mod:`crosszero.bitext.formats`. It says how to find
rows of text. How an empty side, a missing language or unreadable text is handled is decided here,
in the same way for every format.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from crosszero.bitext.decoding import BadText, find_control
from crosszero.bitext.folding import has_text
from crosszero.bitext.languages import check_languages
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError, DataError, suggest, visible

_logger = logging.getLogger("crosszero.bitext")

FormatName = Literal["chromium", "gettext", "huggingface", "moses", "multiway", "tmx", "tsv"]

Place = tuple[str | Path, int]  # file and line


class Row(NamedTuple):
    """Texts that mean the same, one for each language of a reader."""

    texts: Sequence[str | BadText]  # or what is wrong with one; empty where there is none
    places: Sequence[Place]
    key: Place | None = None  # the group of the row's pairs, if it is not the first place


class Reader(ABC):
    """Parallel text that can be read, more than once, as a stream of sentence pairs.

    A format is a subclass with a name, :meth:`look` and :meth:`rows`.

    Args:
        paths: files, folder or prefix, as the format has it.
        languages: language codes, in order; ``None`` takes those that names or files tell.
        pairs: with three or more languages, ``"all"``, or the pivot that all pairs start with.
        skip_log: takes what is left out; ``None`` raises at the first bad place.
        options: those of the format, as :class:`~crosszero.bitext.BitextConfig` explains them.

    Raises:
        ConfigError: the languages are not known, or a setting does not fit.
        DataError: a file can't be read; while iterating: text is bad and may not be skipped, or no
            pair was found.

    Example:
        >>> pairs = TsvReader("corpus.tsv", languages=["en", "fr"])  # doctest: +SKIP
    """

    format: ClassVar[FormatName]
    suffixes: ClassVar[tuple[str, ...]] = ()  # endings of file names that tell the format
    options: ClassVar[tuple[str, ...]] = ("pairs",)  # the settings, besides languages, it knows
    folders: ClassVar[bool] = False  # whether it reads a folder of such files
    several: ClassVar[bool] = False  # whether it reads several files as one text
    known: ClassVar[dict[FormatName, type[Reader]]] = {}  # all readers, by format

    def __init_subclass__(cls) -> None:
        Reader.known[cls.format] = cls

    def __init__(
        self,
        *paths: str | Path,
        languages: Sequence[str] | None = None,
        pairs: str = "all",
        skip_log: SkipLog | None = None,
        **options: Any,
    ) -> None:
        self.paths, self.name = paths, ", ".join(map(str, paths))
        if len(paths) != 1 and not (paths and self.several):
            raise ConfigError(
                f"{self.name}: the format {self.format} reads one path at a time: name a source "
                "for each"
            )
        self.skip_log = skip_log if skip_log is not None else SkipLog(skip_bad=False)
        self.every = 1  # the first of this many rows is read
        self.report = False  # whether what was left out is logged at the end
        vars(self).update(options)
        asked = None if languages is None else check_languages(languages)
        self.languages = check_languages(self.look(asked))
        self._plan = _plan_pairs(self.languages, pairs)

    @abstractmethod
    def look(self, languages: Sequence[str] | None) -> Sequence[str]:
        """Check the files and tell the languages, of those asked for or of all."""

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Read the rows of the text."""

    def __iter__(self) -> Iterator[SentencePair]:
        found = 0
        for row in self.rows():
            if pairs := self._cut(row):
                if found % self.every == 0:
                    yield from pairs
                found += 1
        skipped = self.skip_log.summary()
        if not found:
            why = f"; {skipped}" if skipped else ""
            languages = " ".join(self.languages)
            raise DataError(
                self.name, f"no sentence pair in {languages}{why}: check format and languages"
            )
        if self.report and skipped:
            _logger.warning("%s: %s", self.name, skipped)

    def _cut(self, row: Row) -> list[SentencePair]:
        """Cut one row into sentence pairs; white space at the ends of a text is dropped.

        With two languages an empty side is bad text. With more, real multi-way data often lacks a
        line in one language, so the pairs with that side are left out and counted; only a row with
        fewer than two texts is bad.
        """
        log, two = self.skip_log, len(self.languages) == 2
        usable: list[str] = []  # "" where there is no usable text
        for text, place, language in zip(row.texts, row.places, self.languages, strict=True):
            text = text if isinstance(text, BadText) else find_control(text) or text
            if isinstance(text, BadText):
                log.bad(*place, text.reason, text.message)
                usable.append("")
            else:
                usable.append(text.strip() if has_text(text) else "")
                if not usable[-1] and two:
                    remedy = "fill it in, or remove the pair from both sides"
                    log.bad(*place, "empty side", f"the {language} side is empty: {remedy}")
                elif not usable[-1]:
                    log.leave_out(*place, f"no {language} text")
            if two and not usable[-1]:
                return []
        if sum(map(bool, usable)) < 2:
            some = f"fewer than two of {' '.join(self.languages)} have text here"
            remedy = "fill it in, or remove the line from all files"
            log.bad(*row.places[0], "fewer than two texts", f"{some}: {remedy}")
            return []
        origins = [
            f"{_show(path)}:{line}" for path, line in (*row.places, row.key or row.places[0])
        ]
        group = "" if two else origins.pop()
        return [
            SentencePair(
                source=usable[source],
                target=usable[target],
                source_language=self.languages[source],
                target_language=self.languages[target],
                origin=origins[source],
                group=group,
            )
            for source, target in self._plan
            if usable[source] and usable[target]
        ]


@lru_cache
def _show(path: str | Path) -> str:
    """Write the name of a file as text, even if it is none."""
    return visible(str(path))


def _plan_pairs(languages: Sequence[str], pairs: str) -> list[tuple[int, int]]:
    """Say which language is paired with which, as positions: all in their order, or the pivot."""
    if pairs == "all":
        return list(combinations(range(len(languages)), 2))
    if pairs not in languages:
        raise ConfigError(f"pairs is {pairs!r}; {suggest(pairs, ['all', *languages])}")
    pivot = languages.index(pairs)
    return [(pivot, other) for other in range(len(languages)) if other != pivot]
