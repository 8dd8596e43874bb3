"""Where the words of a text are, in any language, without external resources.

A text is cut by one compiled regular expression, so that the cost is one pass in C. Decisions:

- Offsets are code points of the ORIGINAL text; only the key of a word is normalised.
- Combining marks stay with their base letter, and without one they are no word (the variation
  selector of an emoji); bidirectional control characters belong to no word;
  joiners (soft hyphen, zero-width joiner and non-joiner, Catalan middle dot, Hebrew geresh) only
  inside one.
- A hyphen separates words. An inner apostrophe joins (*don't*, *м'ята*), except where it marks an
  elision (``l'`` + ``homme``) and except the English *'s*, a word of its own.
- Scripts that write no spaces (Han, kana, Thai, Lao, Khmer, Myanmar) give one *unit* per letter
  with its marks; :mod:`crosszero.align.segmenter` joins units to words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeVar

import regex

from crosszero.align.spans import Span

T = TypeVar("T")

_SCRIPTS = {  # of letters between which no space is written
    "Han": r"[[\p{Script=Han}〆]--\p{M}]",
    "Hiragana": r"[\p{Script=Hiragana}&&\p{L}]",
    "Katakana": r"[[\p{Script=Katakana}ーｰﾞﾟ]&&\p{L}]",
    "Thai": r"[\p{Script=Thai}&&\p{L}]",
    "Lao": r"[\p{Script=Lao}&&\p{L}]",
    "Myanmar": r"[\p{Script=Myanmar}&&\p{L}]",
    "Khmer": r"[\p{Script=Khmer}&&\p{L}]",
}
# Beyond the basic plane `re` tries one range after the other, so whole blocks are taken: historic
# scripts, mathematical letters, Adlam and others; variation selectors.
_LETTERS_BEYOND = "\U00010000-\U0001cfff\U0001d400-\U0001d7ff\U0001e000-\U0001efff"
_MARKS_BEYOND = "\U000e0100-\U000e01ef"

_APOSTROPHES = "'\u2019"
_JOINERS = "\u00ad\u00b7\u05f3\u05f4\u200c\u200d"
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_ELIDING = frozenset({"fr", "it", "ca", "oc", "co", "br", "wa"})

# Arabic vowel signs and the stretching letter; Hebrew points; invisible joiners.
_STRIPPED = re.compile(
    "[\u0610-\u061a\u0640\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06ed\u0591-\u05c7\u00ad\u200d]"
)

_ISO_639_1 = {
    "afr": "af", "ara": "ar", "arb": "ar", "arz": "ar", "bul": "bg", "ben": "bn", "bre": "br",
    "cat": "ca", "ces": "cs", "cze": "cs", "dan": "da", "deu": "de", "ger": "de", "ell": "el",
    "eng": "en", "epo": "eo", "spa": "es", "est": "et", "eus": "eu", "fas": "fa", "pes": "fa",
    "fin": "fi", "fra": "fr", "fre": "fr", "gle": "ga", "glg": "gl", "guj": "gu", "hau": "ha",
    "heb": "he", "iw": "he", "hin": "hi", "hrv": "hr", "hun": "hu", "hye": "hy", "ind": "id",
    "ita": "it", "jpn": "ja", "kor": "ko", "kur": "ku", "lat": "la", "lit": "lt", "lav": "lv",
    "mar": "mr", "msa": "ms", "zsm": "ms", "nld": "nl", "nor": "no", "nob": "no", "nno": "no",
    "nb": "no", "nn": "no", "pol": "pl", "por": "pt", "ron": "ro", "rum": "ro", "rus": "ru",
    "slk": "sk", "slv": "sl", "som": "so", "sot": "st", "swe": "sv", "swa": "sw", "swh": "sw",
    "tha": "th", "tgl": "tl", "fil": "tl", "tur": "tr", "ukr": "uk", "urd": "ur", "vie": "vi",
    "yor": "yo", "zho": "zh", "cmn": "zh", "chi": "zh", "yue": "zh", "zul": "zu",
}  # fmt: skip


def iso_639_1(code: str) -> str:
    """Reduce a language code to its two-letter form where it has one.

    Example:
        >>> iso_639_1("zh-CN"), iso_639_1("sr@latin"), iso_639_1("eng")
        ('zh', 'sr', 'en')
    """
    base = re.split("[-_@]", code.strip().lower(), maxsplit=1)[0]
    return _ISO_639_1.get(base, base)


def normalise(word: str) -> str:
    """Give the key under which a word is counted and looked up: NFC, case folded, no vowel signs.

    The apostrophe of an elision is dropped, so that ``l'`` and ``l`` of split text are one word.

    Example:
        >>> normalise("E\u0301COLE")
        'école'
    """
    if len(word) > 1 and word[-1] in _APOSTROPHES:
        word = word[:-1]
    if word.isascii():
        return word.lower()
    word = unicodedata.normalize("NFC", _STRIPPED.sub("", word).replace("\u2019", "'"))
    return unicodedata.normalize("NFC", word.casefold())


class Memory(dict[str, T]):
    """A bounded cache of what a function gives for texts.

    It is emptied when its texts have grown to `limit` characters, so that memory is bounded on any
    corpus.

    Example:
        >>> keys = Memory(normalise)
        >>> keys["Weather"]
        'weather'
    """

    def __init__(self, work_out: Callable[[str], T], limit: int = 4_000_000) -> None:
        super().__init__()
        self._work_out, self._limit, self._size = work_out, limit, 0

    def __reduce__(self) -> tuple[type[Memory[T]], tuple[Callable[[str], T], int]]:
        return Memory, (self._work_out, self._limit)  # what is remembered stays here

    def __missing__(self, text: str) -> T:
        if self._size >= self._limit:
            self.clear()
            self._size = 0
        value = self[text] = self._work_out(text)
        self._size += len(text)
        return value


def word_spans(text: str, language: str = "") -> list[Span]:
    """Find the words of a text; letters of scripts without spaces stand alone.

    Args:
        text: any text.
        language: language code; decides only what an apostrophe does.

    Example:
        >>> text = "L'homme dort."
        >>> [text[start:end] for start, end in word_spans(text, "fr")]
        ["L'", 'homme', 'dort']
    """
    return [Span(*match.span()) for match in word_pattern(language).finditer(text)]


def word_pattern(language: str = "") -> re.Pattern[str]:
    """Give the compiled expression whose matches are the words of a text."""
    return _compile(_style(language), punctuation=False)


def token_pattern(language: str = "") -> re.Pattern[str]:
    """Give the expression for words AND single characters of punctuation, for lexicon entries."""
    return _compile(_style(language), punctuation=True)


@lru_cache(maxsize=1)
def unit_pattern() -> re.Pattern[str]:
    """Give the expression for one letter, with its marks, of a script without spaces."""
    return re.compile(_unit())


@lru_cache(maxsize=1)
def stretch_pattern() -> re.Pattern[str]:
    """Give the expression for letters of scripts without spaces that follow each other."""
    return re.compile(f"(?:{_unit()})+")


@lru_cache(maxsize=1)
def run_pattern() -> re.Pattern[str]:
    """Give the expression for a run of units of ONE script without spaces (Japanese mixes)."""
    classes = _classes()
    runs = (f"(?:[{classes[script]}][{classes['marks']}]*)+" for script in _SCRIPTS)
    return re.compile("|".join(runs))


@lru_cache(maxsize=2)
def letter_pattern(script: Literal["Han", "Katakana"]) -> re.Pattern[str]:
    """Give the expression for one letter of a script."""
    return re.compile(f"[{_classes()[script]}]")


def _style(language: str) -> str:
    base = iso_639_1(language)
    return "eliding" if base in _ELIDING else "english" if base == "en" else ""


def _unit() -> str:
    classes = _classes()
    return f"[{classes['spaceless']}][{classes['marks']}]*"


@lru_cache(maxsize=8)
def _compile(style: str, *, punctuation: bool) -> re.Pattern[str]:
    first, letters, marks = (_classes()[name] for name in ("first", "letters", "marks"))
    run, join = f"[{first}][{letters}]*", f"[{_JOINERS}]{{1,2}}"
    more = f"[{letters}]+"  # behind a joiner a mark may stand (Bengali)
    number = r"\d+(?:[.,\u066b\u066c]\d+)+"
    if style == "eliding":
        word = f"(?i:aujourd[{_APOSTROPHES}]hui)(?![{letters}])|"
        word += f"{run}(?:{join}{more})*(?:[{_APOSTROPHES}](?=[{letters}]))?"
    elif style == "english":
        possessive = f"[{_APOSTROPHES}][sS](?![{letters}])"
        inner = f"(?:{join}|(?!{possessive})[{_APOSTROPHES}]){more}"
        word = f"{possessive}|{run}(?:{inner})*"
    else:
        word = f"{run}(?:(?:{join}|[{_APOSTROPHES}]){more})*"
    rest = rf"|[^\s{_CONTROLS}{marks}][{marks}]*" if punctuation else ""
    return re.compile(f"{number}|{word}|{_unit()}{rest}")


@lru_cache(maxsize=1)
def _classes() -> dict[str, str]:
    """Classes of characters as ranges for :mod:`re`, which reads text faster than `regex` does."""
    characters = "".join(map(chr, (*range(0x10000), *range(0x20000, 0x40000))))

    def spell(members: str) -> str:
        runs = regex.findall(f"{members}+", characters, regex.V1)
        return "".join(f"{run[0]}-{run[-1]}" for run in runs)

    classes = {name: spell(members) for name, members in _SCRIPTS.items()}
    spaceless, marks = "".join(classes.values()), spell(r"\p{M}") + _MARKS_BEYOND
    # What a word may begin with, and what it may go on with.
    first = spell(rf"[[\p{{L}}\p{{N}}]--[{''.join(_SCRIPTS.values())}]]") + _LETTERS_BEYOND
    classes |= {"spaceless": spaceless, "marks": marks, "first": first, "letters": first + marks}
    return classes
