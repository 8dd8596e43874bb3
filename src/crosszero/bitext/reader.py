"""What every reader of parallel text shares: languages, pairs, what is left out, the end.

A format is a subclass of :class:`Reader` in :mod:`crosszero.bitext.formats`. It says how to find
rows of text; what an empty side, a missing language or an unreadable text mean is decided here, and
so means the same in every format.
"""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from crosszero.bitext.languages import check_languages
from crosszero.bitext.lines import BadText
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError, DataError, suggest

_logger = logging.getLogger("crosszero.bitext")

FormatName = Literal["chromium", "gettext", "huggingface", "moses", "multiway", "tmx", "tsv"]

# White space, controls, format characters, fillers and variation selectors show nothing.
_VISIBLE = re.compile(
    "[^\\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


class Row(NamedTuple):
    """Texts that mean the same, one for each language of a reader.

    Attributes:
        texts: the texts, or what is wrong with one; empty where there is none.
        places: file and line of each text.
        key: what all pairs of the row share as their group, if not the first place.
    """

    texts: Sequence[str | BadText]
    places: Sequence[tuple[str | Path, int]]
    key: str = ""


class Reader(ABC):
    """Parallel text that can be read, more than once, as a stream of sentence pairs.

    Files and languages are checked when a reader is made; the text is read when it is iterated.

    Args:
        name: what is read, for messages.
        languages: the languages of the rows, in their order.
        pairs: with three or more languages, ``"all"``, or the pivot that all pairs start with.
        skip_log: takes what is left out; ``None`` raises at the first bad place.

    Attributes:
        languages: the languages that it reads, in the order asked for.
        skip_log: what was left out so far.
        every: the first of this many rows is read.
        report: whether what was left out is logged at the end.

    Raises:
        ConfigError: the languages are no languages, or the pivot is none of them.
        DataError: while iterating: text is bad and may not be skipped, or no pair was found.
    """

    format: ClassVar[FormatName]
    suffixes: ClassVar[tuple[str, ...]] = ()  # endings of file names that tell the format
    folders: ClassVar[bool] = False  # whether it reads a folder of such files
    several: ClassVar[bool] = False  # whether it reads several files as one text
    known: ClassVar[dict[FormatName, type[Reader]]] = {}  # all readers, by format

    def __init_subclass__(cls) -> None:
        Reader.known[cls.format] = cls

    def __init__(
        self,
        name: str | Path,
        languages: Sequence[str],
        *,
        pairs: str = "all",
        skip_log: SkipLog | None = None,
    ) -> None:
        self.name = str(name)
        self.languages = check_languages(languages)
        self.skip_log = skip_log if skip_log is not None else SkipLog(skip_bad=False)
        self.every, self.report = 1, False
        self._plan = plan_pairs(self.languages, pairs)

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
            what = f"no sentence pair in {' '.join(self.languages)}"
            raise DataError(
                self.name,
                f"{what}; {skipped}: check format and languages"
                if skipped
                else f"{what}: check format and languages",
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
            if isinstance(text, BadText):
                log.bad(*place, text.reason, text.message)
                text = ""
            elif not (text := text.strip() if has_text(text) else "") and two:
                log.bad(
                    *place,
                    "empty side",
                    f"the {language} side is empty: fill it in, or remove the pair from both sides",
                )
            elif not text:
                log.leave_out(*place, f"no {language} text")
            if two and not text:
                return []
            usable.append(text)
        if sum(map(bool, usable)) < 2:
            log.bad(
                *row.places[0],
                "fewer than two texts",
                f"fewer than two of {' '.join(self.languages)} have text here: fill it in, or "
                "remove the line from all files",
            )
            return []
        origins = [f"{path}:{line}" for path, line in row.places]
        group = "" if two else row.key or origins[0]
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


def plan_pairs(languages: Sequence[str], pairs: str = "all") -> list[tuple[int, int]]:
    """Say which language is paired with which, as positions.

    Args:
        languages: the languages of a row.
        pairs: ``"all"`` for every pair once, in the order of `languages`; or one of the languages,
            the pivot, which is then the source of all pairs.

    Raises:
        ConfigError: the pivot is not one of the languages.

    Example:
        >>> plan_pairs(["en", "fr", "ru"], "fr")
        [(1, 0), (1, 2)]
    """
    if pairs == "all":
        return list(combinations(range(len(languages)), 2))
    if pairs not in languages:
        raise ConfigError(f"pairs is {pairs!r}; {suggest(pairs, ['all', *languages])}")
    pivot = list(languages).index(pairs)
    return [(pivot, other) for other in range(len(languages)) if other != pivot]


def has_text(text: str) -> bool:
    """Say whether there is anything to see: a text of zero-width characters only is empty.

    Example:
        >>> has_text("a"), has_text("\\u200b\\ufeff ")
        (True, False)
    """
    return _VISIBLE.search(text) is not None
