"""From one row of text in several languages to sentence pairs. Every reader ends here.

So an empty side, a missing language and an unreadable text mean the same in every format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Protocol, runtime_checkable

from crosszero.bitext.lines import BadText
from crosszero.bitext.pair import SentencePair
from crosszero.bitext.skip import SkipLog
from crosszero.errors import ConfigError, suggest

# White space, controls, format characters, fillers and variation selectors show nothing.
_VISIBLE = re.compile(
    "[^\\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


@runtime_checkable
class Reader(Protocol):
    """Parallel text that can be read, more than once, as a stream of sentence pairs.

    Files and languages are checked when a reader is made; the text is read when it is iterated.

    Attributes:
        languages: the languages that it reads, in the order asked for.
        skip_log: what was left out so far.
    """

    languages: tuple[str, ...]
    skip_log: SkipLog

    def __iter__(self) -> Iterator[SentencePair]: ...


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


def cut_row(
    texts: Sequence[str | BadText],
    places: Sequence[tuple[str | Path, int]],
    *,
    languages: Sequence[str],
    plan: Sequence[tuple[int, int]],
    log: SkipLog,
    group: str = "",
) -> Iterator[SentencePair]:
    """Cut one row into sentence pairs; white space at the ends of a text is dropped.

    A text that shows nothing (:func:`has_text`) is empty. With two languages an empty side is bad
    text. With more, real multi-way data often lacks a line in one language, so the pairs with that
    side are left out and counted; only a row with fewer than two texts is bad.

    Args:
        texts: one text for each language, or what is wrong with it.
        places: file and line of each text.
        languages: the language of each text.
        plan: which positions to pair, from :func:`plan_pairs`.
        log: takes what is left out.
        group: key of the row, for multi-way data.

    Raises:
        DataError: bad text, and `log` does not skip it.
    """
    usable: list[str] = []  # "" where there is no usable text
    for text, place, language in zip(texts, places, languages, strict=True):
        if isinstance(text, BadText):
            log.bad(*place, text.reason, text.message)
            usable.append("")
            if len(texts) == 2:
                return
            continue
        text = text.strip() if has_text(text) else ""
        usable.append(text)
        if text:
            continue
        if len(texts) == 2:
            log.bad(
                *place,
                "empty side",
                f"the {language} side is empty: fill it in, or remove the pair from both sides",
            )
            return
        log.leave_out(*place, f"no {language} text")
    if sum(map(bool, usable)) < 2:
        log.bad(
            *places[0],
            "fewer than two texts",
            f"fewer than two of {' '.join(languages)} have text here: fill it in, or remove the "
            "line from all files",
        )
        return
    for source, target in plan:
        if usable[source] and usable[target]:
            path, line = places[source]
            yield SentencePair(
                source=usable[source],
                target=usable[target],
                source_language=languages[source],
                target_language=languages[target],
                origin=f"{path}:{line}",
                group=group,
            )
