"""Where the words of a text are, in any language, without any outside resource.

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
from functools import lru_cache

from crosszero.align.spans import Span

_HAN = "\u2e80-\u2fd5\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN += "\U00020000-\U000323af"
_HIRAGANA = "\u3041-\u3096\u309d-\u309f"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_THAI, _LAO = "\u0e01-\u0e46", "\u0e81-\u0ec6\u0edc-\u0edf"
_MYANMAR = "\u1000-\u103f\u1050-\u108f\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f"
_KHMER = "\u1780-\u17d3\u17d7\u17dc"
_SCRIPTS = (_HAN, _HIRAGANA, _KATAKANA, _THAI, _LAO, _MYANMAR, _KHMER)
_SPACELESS = "".join(_SCRIPTS)

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


def base_language(code: str) -> str:
    """Reduce a language code to its two-letter form where it has one.

    Example:
        >>> base_language("zh-CN"), base_language("sr@latin"), base_language("eng")
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


class Keys(dict[str, str]):
    """A memory of :func:`normalise`: ``keys[word]`` computes a key once, then looks it up.

    It is emptied when it has grown to `limit` entries, so that memory is bounded on any corpus.
    """

    def __init__(self, limit: int = 500_000) -> None:
        super().__init__()
        self.limit = limit

    def __reduce__(self) -> tuple[type[Keys], tuple[int]]:
        return Keys, (self.limit,)  # nothing that is only remembered travels to other processes

    def __missing__(self, word: str) -> str:
        if len(self) >= self.limit:
            self.clear()
        key = self[word] = normalise(word)
        return key


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
def run_pattern() -> re.Pattern[str]:
    """Give the expression for a run of units of ONE script without spaces (Japanese mixes)."""
    marks = _characters()[2]
    runs = "|".join(f"(?:[{script}][{marks}]*)+" for script in _SCRIPTS)
    return re.compile(f"(?![{marks}])(?:{runs})")


@lru_cache(maxsize=1)
def han_pattern() -> re.Pattern[str]:
    """Give the expression for one Han character."""
    return re.compile(f"[{_HAN}]")


@lru_cache(maxsize=1)
def katakana_pattern() -> re.Pattern[str]:
    """Give the expression for one katakana letter."""
    return re.compile(f"[{_KATAKANA}]")


def _style(language: str) -> str:
    base = base_language(language)
    return "eliding" if base in _ELIDING else "english" if base == "en" else ""


def _unit() -> str:
    marks = _characters()[2]
    return f"(?![{marks}])[{_SPACELESS}][{marks}]*"


@lru_cache(maxsize=8)
def _compile(style: str, *, punctuation: bool) -> re.Pattern[str]:
    first, letters, marks = _characters()
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
def _characters() -> tuple[str, str, str]:
    """Character classes: letters and digits of scripts with spaces; the same with all marks; marks.

    The first is what a word may begin with, the second what it may go on with.
    """
    spaceless = re.compile(f"[{_SPACELESS}]")
    letters: list[int] = []
    marks: list[int] = []
    for code in range(0x10000):
        character = chr(code)
        if character.isalnum():
            if code < 0x0E00 or not spaceless.match(character):
                letters.append(code)
        elif code > 0x2FF and unicodedata.category(character)[0] == "M":
            marks.append(code)
    # Beyond the basic plane whole blocks: historic scripts, mathematical letters, Adlam and others.
    beyond = "\U00010000-\U0001cfff\U0001d400-\U0001d7ff\U0001e000-\U0001efff"
    high_marks = "\U000e0100-\U000e01ef"  # variation selectors
    both = sorted(letters + marks)
    return (
        _ranges(letters) + beyond,
        _ranges(both) + beyond + high_marks,
        _ranges(marks) + high_marks,
    )


def _ranges(codes: list[int]) -> str:
    parts: list[str] = []
    start = previous = codes[0]
    for code in [*codes[1:], -1]:
        if code != previous + 1:
            parts.append(f"\\u{start:04x}-\\u{previous:04x}")
            start = code
        previous = code
    return "".join(parts)
