"""Language codes: their form, how they match each other, and where file names tell them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from crosszero.errors import ConfigError

# ISO 639-1. A code that the user gives may be longer (``pt-BR``, ``fil``); a code that is only
# guessed from a file name has to be one of these, or "big-set.tsv" would be in two languages.
_ISO_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy "
    "da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu "
    "hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb "
    "lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om "
    "or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw "
    "ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_ISO = frozenset(_ISO_CODES.split())
_CODE = re.compile(r"[A-Za-z]{2,3}([-_@][A-Za-z0-9]{2,8})*")
_IN_NAME = r"[a-z]{2}(?:[-_][A-Z]{2}|_[A-Z][a-z]{3})?"
_PAIR = re.compile(rf"(?:^|[._-])({_IN_NAME})[-_]({_IN_NAME})(?=[._]|$)")
_OTHER_SUFFIXES = (
    "txt tsv csv tmx pak bak tmp log zip tar zst bz2 pdf xml bin jpg png doc po mo gmo tab"
)
_NOT_CODES = frozenset(_OTHER_SUFFIXES.split())


def check_languages(languages: Sequence[str], *, exactly: int | None = None) -> tuple[str, ...]:
    """See that codes are codes, at least two of them, and all different.

    Raises:
        ConfigError: they are not.
    """
    if isinstance(languages, str):
        raise ConfigError(
            f"languages is {languages!r}; a list of language codes is needed, like [en, fr]"
        )
    if not isinstance(languages, Sequence):
        raise ConfigError(f"languages is {languages!r}; a list like [en, fr] is needed")
    for code in languages:
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise ConfigError(
                f"language {code!r} is no language code; codes like en, pt-BR or fil are needed"
                + (" (write 'no' in quotes in YAML)" if str(code) == "False" else "")
            )
    given = " ".join(languages) or "none"
    if exactly is not None and len(languages) != exactly:
        raise ConfigError(f"{exactly} languages are needed, {len(languages)} given ({given})")
    if len(languages) < 2:
        raise ConfigError(f"at least two languages are needed, {len(languages)} given ({given})")
    if len({normalise(code) for code in languages}) < len(languages):
        raise ConfigError(f"every language may be named once only; given: {given}")
    return tuple(languages)


def normalise(code: str) -> str:
    """Write a code the way codes are compared: ``pt_BR.UTF-8`` and ``pt-BR`` are ``pt-br``."""
    return code.split(".")[0].replace("_", "-").lower()


def find_language(asked: str, found: Iterable[str]) -> str | None:
    """Pick the code that means the language asked for: the same code, or the same language.

    Example:
        >>> find_language("en", ["fr-FR", "en-US"])
        'en-US'
        >>> find_language("pt-BR", ["pt-PT"]) is None
        True
    """
    found = list(found)
    for code in found:
        if normalise(code) == normalise(asked):
            return code
    for code in found:
        if re.split("[-@]", normalise(code))[0] == normalise(asked):
            return code
    return None


def languages_in_name(path: str | Path) -> tuple[str, str] | None:
    """Read two languages from a name like ``corpus.en-fr.tsv``; ``None`` if it tells none.

    Example:
        >>> languages_in_name("data/corpus.en-fr.tsv.gz")
        ('en', 'fr')
    """
    stem = Path(path).name.removesuffix(".gz")
    for match in _PAIR.finditer(stem):
        first, second = match.groups()
        if first != second and {first[:2], second[:2]} <= _ISO:
            return first, second
    return None


def split_suffix(path: str | Path) -> tuple[str, str] | None:
    """Split ``multi.en`` or ``multi.en.gz`` into prefix and language; ``None`` for other names.

    Example:
        >>> split_suffix("data/multi.en.gz")
        ('multi', 'en')
    """
    stem, dot, code = Path(path).name.removesuffix(".gz").rpartition(".")
    if not dot or not stem or not _CODE.fullmatch(code) or code.lower() in _NOT_CODES:
        return None
    if len(re.split("[-_@]", code)[0]) == 2 and code[:2].lower() not in _ISO:
        return None
    return stem, code
