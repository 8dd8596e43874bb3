"""Which tokens of a vocabulary a text or a language needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from fontTools import unicodedata
from langcodes import Language, tag_is_valid
from langcodes.data_dicts import LIKELY_SUBTAGS
from numpy.typing import NDArray

from crosszero.bitext.languages import base_language
from crosszero.errors import ConfigError, quote
from crosszero.model.vocabulary import Vocabulary

SHARED = frozenset({"Zinh", "Zyyy"})  # marks, digits and punctuation, which all scripts share
_WRITTEN = {  # ISO 15924 has codes for what a language is written in, Unicode for each script
    "Hans": ("Hani", "Bopo"),
    "Hant": ("Hani", "Bopo"),
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
}
_SCRIPTS = {"grc": "Grek"}  # where Unicode names one that modern texts do not have
_LEAST = 0.001  # share of the letters from which on a text counts as written in a script
_LINES = 1000  # tokenised together


def count_tokens(
    vocabulary: Vocabulary, texts: Sequence[str]
) -> tuple[NDArray[np.int64], set[int]]:
    """Count how often each token occurs.

    Args:
        vocabulary: n tokens.
        texts: any.

    Returns:
        (n,) counts, by the tokens' numbers; and the tokens without which an unknown word might be
        known, though it does not consist of them.
    """
    counts = np.zeros(max(vocabulary.pieces) + 1, np.int64)
    tried: set[int] = set()
    for start in range(0, len(texts), _LINES):
        block = list(texts[start : start + _LINES])
        coded = vocabulary.tokenizer.encode_batch_fast(block, add_special_tokens=False)
        ids = np.concatenate([np.asarray(one.ids, np.int64) for one in coded])
        counts += np.bincount(ids, minlength=len(counts))
        if vocabulary.kind == "WordPiece":
            for text, one in zip(block, coded, strict=True):
                if vocabulary.unknown in one.ids:
                    tried.update(vocabulary.match_unknown(text))
    return counts, tried


def find_scripts(texts: Iterable[str]) -> set[str]:
    """Find the scripts that texts are written in, as ISO 15924 calls them; stray letters don't
    count.

    Example:
        >>> sorted(find_scripts(["Il pleut.", "Идёт дождь."]))
        ['Cyrl', 'Latn']
    """
    letters: Counter[str] = Counter()
    for text in texts:
        letters.update(text)
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        scripts[unicodedata.script(letter)] += count
    for code in SHARED:
        del scripts[code]
    return {code for code, count in scripts.items() if count >= _LEAST * scripts.total()}


def list_scripts(languages: Collection[str]) -> set[str]:
    """List the scripts that languages are commonly written in.

    Args:
        languages: codes; one such as ``sr-Latn`` or ``zh-TW`` says more.

    Raises:
        ConfigError: there is no such language, or nobody knows how it is written.

    Example:
        >>> sorted(list_scripts(["en", "ja"]))
        ['Hani', 'Hira', 'Kana', 'Latn']
    """
    found: set[str] = set()
    for code in languages:
        if not tag_is_valid(code):
            raise ConfigError(f"{quote(code)} is not a language code; use codes like en or zh-TW")
        language = Language.get(code)
        known = [tag for tag in language.broader_tags() if not tag.startswith("und")]
        if not language.script and not any(tag in LIKELY_SUBTAGS for tag in known):
            raise ConfigError(
                f"{quote(code)}: in what script it is written is not known; say it, as in "
                f"{base_language(code)}-Arab or {base_language(code)}-Latn"
            )
        script = _SCRIPTS.get(language.to_tag()) or language.maximize().script or ""
        found.update(_WRITTEN.get(script, (script,)))
    return found


def choose_tokens(
    vocabulary: Vocabulary, scripts: Collection[str], *, longest: int | None = None
) -> set[int]:
    """Choose the tokens that are written in some scripts, or in no script in particular.

    Args:
        vocabulary: to choose from.
        scripts: as ISO 15924 calls them.
        longest: characters of a token; without it parts of characters are chosen, too, since of
            what script they are is not known.
    """
    allowed = SHARED.union(scripts)
    known: dict[str, str] = {}
    chosen = set()
    for token in vocabulary.pieces:
        text = vocabulary.show(token)
        if text is None or (longest is not None and len(text) > longest):
            if longest is None:
                chosen.add(token)
            continue
        for letter in text:
            if letter not in known:
                known[letter] = unicodedata.script(letter)
        if all(known[letter] in allowed for letter in text):
            chosen.add(token)
    return chosen
