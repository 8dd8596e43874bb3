"""Words of text in any language: by spaces and ICU, or by what is learnt where ICU is not.

Between letters of scripts that write no spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) ICU
finds words by its dictionaries; that is the package ``icu4py``. Without it a segmenter learns from
the very text (:mod:`crosszero.align.segmenter`), which wants a corpus rather than a line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain, islice, pairwise
from typing import Any, TypeVar

import regex

from crosszero.align.segmenter import Segmenter
from crosszero.align.spans import CutText, Span
from crosszero.align.word_boundaries import stretch_pattern, word_pattern
from crosszero.bitext.lines import split_words

P = TypeVar("P", bound=tuple[Any, Any])
SAMPLE = 1_000  # texts by which one sees whether words stand apart, or from which they are learnt
_log = logging.getLogger("crosszero")
# Letters without a space between them: more than most words of tokenised text have.
_KATAKANA = regex.compile(r"[\p{Katakana}ー]+")
_LONG, _LONG_EAST = 8, 4  # of Thai and its like; of Chinese and Japanese
_SHARE = 5  # one letter in so many, or more, is of such a script where a text is


def cut_words(text: str, language: str = "") -> list[Span]:
    """Find the words of a raw text; punctuation is none.

    Args:
        text: any text.
        language: its code, such as ``fr``, which decides what an apostrophe does.

    Example:
        >>> text = "天气很好, isn't it?"
        >>> [text[start:end] for start, end in cut_words(text)]
        ['天气', '很好', "isn't", 'it']
    """
    words, spans, end = word_pattern(language), list[Span](), 0
    stretches = list(stretch_pattern().finditer(text))
    cut = _find_icu() if stretches else None
    if stretches and cut is None:
        segmenter = Segmenter(language, min_count=1)
        segmenter.fit([text])
        return segmenter.spans(text)
    for stretch in stretches:
        assert cut is not None
        spans += [Span(*match.span()) for match in words.finditer(text, end, stretch.start())]
        # Lengths, because ICU counts its places in units of UTF-16.
        borders = accumulate(map(len, cut(stretch[0])), initial=stretch.start())
        spans += [Span(a, b) for a, b in pairwise(borders)]
        end = stretch.end()
    return spans + [Span(*match.span()) for match in words.finditer(text, end)]


def cut_at_spaces(text: str) -> CutText:
    """Take what stands between spaces as words, as a tokenised line has them.

    Example:
        >>> cut_at_spaces("10\\u00a0000  euros").spans
        [Span(start=0, end=6), Span(start=8, end=13)]
    """
    spans, end = list[Span](), 0
    for word in split_words(text):
        start = text.index(word, end)
        end = start + len(word)
        spans.append(Span(start, end))
    return CutText(text, spans)


def make_cutter(texts: Iterable[str], language: str = "") -> Callable[[str], list[Span]]:
    """Give :func:`cut_words` for a corpus; where ICU is not installed, `texts` are learnt from."""
    texts = list(texts)
    if not any(map(stretch_pattern().search, texts)) or _find_icu() is not None:
        return lambda text: cut_words(text, language)
    segmenter = Segmenter(language)
    segmenter.fit(texts)
    return segmenter.spans


def sample_texts(pairs: Iterable[P]) -> tuple[list[list[str]], Iterator[P]]:
    """Look at the first 1,000 pairs: the plain texts of both sides, and all pairs again.

    Example:
        >>> known, pairs = sample_texts([("a b", "c"), ("d", ["e", "f"])])
        >>> known, next(pairs)
        ([['a b', 'd'], ['c']], ('a b', 'c'))
    """
    stream = iter(pairs)
    first = list(islice(stream, SAMPLE))
    known = [[text for pair in first if isinstance(text := pair[side], str)] for side in (0, 1)]
    return known, chain(first, stream)


def is_unsegmented(lines: Sequence[str]) -> bool:
    """Tell whether the words of a script without spaces stand in these lines without spaces.

    Example:
        >>> is_unsegmented(["我赢了。"]), is_unsegmented(["我 赢 了 。"])
        (True, False)
    """
    found = [(line, list(stretch_pattern().finditer(line))) for line in lines]
    stretches = [match[0] for _, matches in found for match in matches]
    letters = sum(map(len, stretches))
    if _SHARE * letters < sum(len("".join(line.split())) for line in lines):
        return False  # of another script, with a few such words
    long = [x for x in stretches if len(x) > (_LONG_EAST if x[0] > "\u2e7f" else _LONG)]
    long = [x for x in long if not _KATAKANA.fullmatch(x)]  # one word is often that long
    if sum(map(len, long)) > letters / 4:
        return True
    # Short sentences: their words, if they were split, would stand beside each other.
    several = [(line, ms) for line, ms in found if sum(len(m[0]) for m in ms) > 1]
    parted = sum(
        any(line[a.end() : b.start()].isspace() for a, b in pairwise(matches))
        for line, matches in several
    )
    return parted < len(several) / 4


@lru_cache(maxsize=1)
def _find_icu() -> Callable[[str], Iterable[str]] | None:
    try:
        from icu4py.breakers import WordBreaker
    except ImportError:
        _log.warning(
            "icu4py is not installed, so Chinese, Japanese, Thai and similar text is split into "
            "words by statistics of the text itself; to split it by dictionaries, pip install "
            "icu4py"
        )
        return None
    return lambda text: WordBreaker(text, "")
